//! What a matcher looks at: one difference, its sequence, the other differences of it, and the numbers in their texts.

use crate::compare::{Difference, Field};
use crate::sequence::{AckAt, Call, Profile, Sequence, Shape, Start, Step};
use lastack_observe::Counter;

/// A difference with what is around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    /// The difference.
    pub(super) difference: &'a Difference,
    /// The sequence that shows it.
    pub(super) sequence: &'a Sequence,
    /// All differences of that sequence.
    pub(super) found: &'a [Difference],
}

impl<'a> Case<'a> {
    pub(super) fn field(&self) -> Field {
        self.difference.field
    }

    pub(super) fn state(&self) -> &'a str {
        &self.difference.state
    }

    /// The kernel's text and the stack's.
    pub(super) fn texts(&self) -> (&'a str, &'a str) {
        (&self.difference.kernel, &self.difference.stack)
    }

    /// The two numbers, when both are.
    pub(super) fn numbers(&self) -> Option<(i64, i64)> {
        number(&self.difference.kernel).zip(number(&self.difference.stack))
    }

    /// One of the counters differs, by one event that only the kernel counts.
    pub(super) fn only_kernel_counts(&self, counters: &[Counter]) -> bool {
        matches!(self.field(), Field::Counter(counter) if counters.contains(&counter))
            && self.texts() == ("1", "0")
    }

    /// The segments of both texts.
    pub(super) fn pieces(&self) -> (Vec<Piece>, Vec<Piece>) {
        (pieces(&self.difference.kernel), pieces(&self.difference.stack))
    }

    pub(super) fn step(&self) -> Option<Step> {
        self.sequence.all_steps().get(self.difference.step).cloned()
    }

    /// The segment that the peer sent in this step.
    pub(super) fn segment(&self) -> Option<Shape> {
        match self.step() {
            Some(Step::Segment(shape)) => Some(shape),
            _ => None,
        }
    }

    /// The call of this step.
    pub(super) fn call(&self) -> Option<Call> {
        match self.step() {
            Some(Step::Call(call)) => Some(call),
            _ => None,
        }
    }

    /// A segment of this step or an earlier one is such.
    pub(super) fn was_sent(&self, such: impl Fn(&Shape) -> bool) -> bool {
        let steps = self.sequence.all_steps();
        steps
            .iter()
            .take(self.difference.step + 1)
            .any(|step| matches!(step, Step::Segment(shape) if such(shape)))
    }

    /// A call of this step or an earlier one is such.
    pub(super) fn was_called(&self, such: impl Fn(Call) -> bool) -> bool {
        let steps = self.sequence.all_steps();
        steps
            .iter()
            .take(self.difference.step + 1)
            .any(|step| matches!(step, Step::Call(call) if such(*call)))
    }

    /// Another difference of the same step is such.
    pub(super) fn beside(&self, such: impl Fn(&Case<'_>) -> bool) -> bool {
        self.others(|step| step == self.difference.step, such)
    }

    /// A difference of an earlier step is such.
    pub(super) fn earlier(&self, such: impl Fn(&Case<'_>) -> bool) -> bool {
        self.others(|step| step < self.difference.step, such)
    }

    fn others(&self, at: impl Fn(usize) -> bool, such: impl Fn(&Case<'_>) -> bool) -> bool {
        self.found
            .iter()
            .filter(|other| at(other.step))
            .any(|other| such(&Case { difference: other, ..*self }))
    }

    /// SYNs crossed: connect() was called, and the peer sent a SYN.
    pub(super) fn crossed(&self) -> bool {
        let connects =
            matches!(self.sequence.setup.start, Start::SynRecvSimultaneous | Start::SynSent | Start::Closed);
        connects
            && self.was_called(|call| call == Call::Connect)
            && self.was_sent(|shape| shape.flags.syn() && !shape.flags.ack())
    }

    /// Neither side scales its windows, though we offered to.
    pub(super) fn peer_without_scale(&self) -> bool {
        self.sequence.setup.peer.window_scale.is_none() && self.sequence.setup.profile != Profile::Bare
    }
}

/// The acknowledgment names our initial number: it acknowledges nothing.
pub(super) fn acknowledges_nothing(shape: &Shape) -> bool {
    shape.flags.ack() && matches!(shape.ack, AckAt::Iss(0) | AckAt::Una(0) | AckAt::Next(-1))
}

/// A number, alone or in `Some(…)`.
fn number(text: &str) -> Option<i64> {
    text.strip_prefix("Some(").and_then(|text| text.strip_suffix(')')).unwrap_or(text).parse().ok()
}

/// One segment of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) flags: String,
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Piece {
    /// Nothing but an acknowledgment.
    pub(super) fn is_bare(&self) -> bool {
        self.flags == "." && self.len == 0
    }

    pub(super) fn end(&self) -> u32 {
        self.start.wrapping_add(self.len)
    }
}

/// `[7 ms P. 1:101(100) ack 1 win 63; …]`, or one segment alone.
fn pieces(text: &str) -> Vec<Piece> {
    let text = text.trim_start_matches('[').trim_end_matches(']');
    text.split("; ").filter_map(piece).collect()
}

fn piece(text: &str) -> Option<Piece> {
    let mut words = text.split_whitespace().skip_while(|word| word.parse::<u32>().is_ok() || *word == "ms");
    let flags = words.next()?.to_owned();
    let (start, rest) = words.next()?.split_once(':')?;
    let len = rest.split_once('(')?.1.strip_suffix(')')?;
    Some(Piece { flags, start: start.parse().ok()?, len: len.parse().ok()? })
}
