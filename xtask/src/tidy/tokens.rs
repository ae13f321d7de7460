//! A Rust source as a flat list of words, without comments and without what stands in strings.

use proc_macro2::{TokenStream, TokenTree};

/// One word or sign and its line.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

/// The tokens; None when the text is not Rust (the lengths say so).
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let stream: TokenStream = text.parse().ok()?;
    let mut flat = Vec::new();
    flatten(stream, &mut flat);
    Some(flat)
}

fn flatten(stream: TokenStream, flat: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => flatten(group.stream(), flat),
            TokenTree::Ident(ident) => flat.push(Token { text: ident.to_string(), line }),
            TokenTree::Punct(punct) => flat.push(Token { text: punct.as_char().to_string(), line }),
            TokenTree::Literal(_) => flat.push(Token { text: String::new(), line }),
        }
    }
}

/// The lines where `words`, such as `Instant::now`, stand.
pub(super) fn find(tokens: &[Token], words: &str) -> Vec<usize> {
    let wanted = split(words);
    tokens
        .windows(wanted.len())
        .filter(|window| window.iter().zip(&wanted).all(|(token, word)| token.text == *word))
        .map(|window| window[0].line)
        .collect()
}

fn split(words: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut inside = false;
    for sign in words.chars() {
        let letter = sign.is_alphanumeric() || sign == '_';
        match parts.last_mut() {
            Some(part) if letter && inside => part.push(sign),
            _ => parts.push(sign.to_string()),
        }
        inside = letter;
    }
    parts
}
