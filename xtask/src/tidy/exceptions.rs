//! The named exceptions to the limits of length, `xtask/tidy-exceptions.txt`. The list may only shrink: an entry that is not
//! needed any more, or allows more than is used, is an error.

use super::Finding;
use crate::tree::Source;

/// Where they are written: `file PATH LINES` or `function PATH NAME LINES`, `#` begins a comment.
pub(super) const FILE: &str = "xtask/tidy-exceptions.txt";

/// What an entry allows.
#[derive(Debug)]
struct Entry {
    line: usize,
    path: String,
    function: Option<String>,
    allowed: usize,
    used: bool,
}

/// The entries, and which of them were needed.
#[derive(Debug, Default)]
pub(super) struct Exceptions {
    entries: Vec<Entry>,
}

impl Exceptions {
    /// Reads the list; lines that cannot be read are findings.
    pub(super) fn read(sources: &[Source]) -> (Exceptions, Vec<Finding>) {
        let mut exceptions = Exceptions::default();
        let mut mistakes = Vec::new();
        let Some(source) = sources.iter().find(|source| source.path == FILE) else {
            return (exceptions, mistakes);
        };
        for (index, text) in source.text.lines().enumerate() {
            let words: Vec<&str> = text.split('#').next().unwrap_or("").split_whitespace().collect();
            let entry = match words[..] {
                [] => continue,
                ["file", path, lines] => lines.parse().ok().map(|allowed| (path, None, allowed)),
                ["function", path, name, lines] => {
                    lines.parse().ok().map(|allowed| (path, Some(name.to_owned()), allowed))
                }
                _ => None,
            };
            match entry {
                Some((path, function, allowed)) => exceptions.entries.push(Entry {
                    line: index + 1,
                    path: path.to_owned(),
                    function,
                    allowed,
                    used: false,
                }),
                None => mistakes.push(Finding::new(
                    source,
                    index + 1,
                    "expected `file PATH LINES` or `function PATH NAME LINES`",
                )),
            }
        }
        (exceptions, mistakes)
    }

    /// What is wrong with a file or function that is `lines` long where `limit` is the rule; None when nothing is.
    pub(super) fn judge(
        &mut self,
        path: &str,
        function: Option<&str>,
        lines: usize,
        limit: usize,
    ) -> Option<String> {
        if lines <= limit {
            return None;
        }
        let what = function.map_or("the file".to_owned(), |name| format!("fn {name}"));
        let entry =
            self.entries.iter_mut().find(|entry| entry.path == path && entry.function.as_deref() == function);
        let Some(entry) = entry else {
            return Some(format!("{what} has {lines} lines, at most {limit} are allowed"));
        };
        entry.used = true;
        match lines.cmp(&entry.allowed) {
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => {
                Some(format!("{what} has {lines} lines, its exception in {FILE} allows {}", entry.allowed))
            }
            std::cmp::Ordering::Less => Some(format!(
                "{what} shrank to {lines} lines: lower its exception in {FILE} from {}",
                entry.allowed
            )),
        }
    }

    /// The entries nobody needed.
    pub(super) fn leftover(self) -> impl Iterator<Item = Finding> {
        self.entries.into_iter().filter(|entry| !entry.used).map(|entry| Finding {
            path: FILE.to_owned(),
            line: entry.line,
            message: format!(
                "the exception for {}{} is not needed any more: remove it",
                entry.path,
                entry.function.map_or(String::new(), |name| format!(" fn {name}"))
            ),
        })
    }
}
