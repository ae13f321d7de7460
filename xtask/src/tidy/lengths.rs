//! Files of at most 500 lines, functions of at most 70. A function's lines run from its signature to its closing brace.

use super::{Exceptions, Finding};
use crate::tree::Source;
use proc_macro2::Span;
use syn::visit::{self, Visit};

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;

pub(super) fn check(sources: &[Source], mut exceptions: Exceptions) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.ends_with(".rs")) {
        let lines = source.text.lines().count();
        if let Some(message) = exceptions.judge(&source.path, None, lines, FILE_LINES) {
            findings.push(Finding::new(source, 0, message));
        }
        match functions(&source.text) {
            Ok(functions) => {
                for Function { name, line, lines } in functions {
                    if let Some(message) = exceptions.judge(&source.path, Some(&name), lines, FUNCTION_LINES)
                    {
                        findings.push(Finding::new(source, line, message));
                    }
                }
            }
            Err(error) => {
                findings.push(Finding::new(source, error.span().start().line, format!("not Rust: {error}")))
            }
        }
    }
    findings.extend(exceptions.leftover());
    findings
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// Every function and method with a body, nested ones too.
fn functions(text: &str) -> syn::Result<Vec<Function>> {
    let file = syn::parse_file(text)?;
    let mut functions = Functions(Vec::new());
    functions.visit_file(&file);
    Ok(functions.0)
}

struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, end: Span) {
        let line = signature.fn_token.span.start().line;
        self.0.push(Function { name: signature.ident.to_string(), line, lines: end.end().line + 1 - line });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, item.block.brace_token.span.close());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, item.block.brace_token.span.close());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block.brace_token.span.close());
        }
        visit::visit_trait_item_fn(self, item);
    }
}
