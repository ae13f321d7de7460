//! Differences that are known: what they look like, why they are there, and the line that does it.

use crate::compare::Difference;
use crate::sequence::Sequence;

/// One known kind of difference.
#[derive(Debug)]
pub struct Known {
    /// Its name, in a few words.
    pub name: &'static str,
    /// Why the stack does otherwise.
    pub why: &'static str,
    /// The file that does it, from the repository's root.
    pub file: &'static str,
    /// Words of the line that does it.
    pub line: &'static str,
    matches: fn(&Difference, &Sequence) -> bool,
}

/// All of them.
pub const ALL: &[Known] = &[];

/// The one that explains a difference.
pub fn explains(difference: &Difference, sequence: &Sequence) -> Option<&'static Known> {
    ALL.iter().find(|known| (known.matches)(difference, sequence))
}
