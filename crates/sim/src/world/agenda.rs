//! What will happen when: events in the order of time, and in the order of their making at the same time.

use lastack_observe::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A queue of events on a virtual clock.
#[derive(Debug)]
pub struct Agenda<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    made: u64,
}

#[derive(Debug)]
struct Entry<E> {
    at: Instant,
    number: u64,
    event: E,
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Agenda { heap: BinaryHeap::new(), made: 0 }
    }
}

impl<E> Agenda<E> {
    /// Adds an event.
    pub fn add(&mut self, at: Instant, event: E) {
        self.heap.push(Reverse(Entry { at, number: self.made, event }));
        self.made += 1;
    }

    /// When the next event is due.
    pub fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Takes the next event.
    pub fn pop(&mut self) -> Option<(Instant, E)> {
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }

    /// True when nothing is left.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

// The event itself does not take part: times and numbers decide.
impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<E> Eq for Entry<E> {}
