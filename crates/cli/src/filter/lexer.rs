//! A filter's text, cut into words: at blanks, and around parentheses and the signs of comparisons and joins.

/// The words that are left.
#[derive(Clone, Debug)]
pub(super) struct Words<'a> {
    rest: &'a str,
}

const ALONE: [char; 3] = ['(', ')', '!'];
const COMPARISON: [char; 4] = ['=', '<', '>', '!'];

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str) -> Words<'a> {
        Words { rest: text.trim_start() }
    }

    /// The next word, left where it is.
    pub(super) fn peek(&self) -> Option<&'a str> {
        let rest = self.rest;
        let first = rest.chars().next()?;
        let run = |of: &[char]| rest.find(|sign| !of.contains(&sign)).unwrap_or(rest.len());
        let length = if COMPARISON.contains(&first) {
            // `!=` is one word, `!(` is two.
            match run(&COMPARISON) {
                1 => 1,
                _ if rest.starts_with("!!") => 1,
                length => length.min(2),
            }
        } else if ALONE.contains(&first) {
            1
        } else if first == '&' || first == '|' {
            run(&[first]).min(2)
        } else {
            rest.find(|sign: char| {
                sign.is_whitespace()
                    || ALONE.contains(&sign)
                    || COMPARISON.contains(&sign)
                    || matches!(sign, '&' | '|')
            })
            .unwrap_or(rest.len())
        };
        Some(&rest[..length])
    }

    /// Takes the word that [`Words::peek`] shows.
    pub(super) fn next(&mut self) -> Option<&'a str> {
        let word = self.peek()?;
        self.rest = self.rest[word.len()..].trim_start();
        Some(word)
    }

    /// Takes the next word when it is one of these.
    pub(super) fn take(&mut self, any: &[&str]) -> bool {
        let found = self.peek().is_some_and(|word| any.contains(&word));
        if found {
            self.next();
        }
        found
    }
}
