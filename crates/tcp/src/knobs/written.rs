//! Numbers as they were written, where they say more than lastack keeps: Linux reads back a switch at 2 and a time of -1
//! as they are, though they mean 1 and 0.

use smallvec::SmallVec;

/// Numbers of a knob.
type Numbers = [i64; 3];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    name: &'static str,
    written: Numbers,
    means: Numbers,
}

/// What was written and means something else, by name: the order of writing makes no difference. Mostly empty.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AsWritten(SmallVec<[Entry; 1]>);

impl AsWritten {
    /// Keeps what was written to a knob, when it is not what it means.
    pub(super) fn keep(&mut self, name: &'static str, written: Numbers, means: Numbers) {
        self.0.retain(|entry| entry.name != name);
        if written != means {
            let place = self.0.partition_point(|entry| entry.name < name);
            self.0.insert(place, Entry { name, written, means });
        }
    }

    /// What was written to a knob that means `means` now; nothing when the knob was turned otherwise since.
    pub(super) fn of(&self, name: &str, means: Numbers) -> Option<Numbers> {
        let entry = self.0.iter().find(|entry| entry.name == name && entry.means == means)?;
        Some(entry.written)
    }
}
