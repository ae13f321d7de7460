//! Queues of octets as lists of shared chunks: moved from the frame to the reader, and from the writer to the segment.
//!
//! A chunk is charged for the memory it really keeps alive, not for its length. A chunk that uses less than half of what
//! it pins is copied into a tail buffer of its own, so a queue never pins more than twice its octets (plus a constant),
//! and 1-octet segments cannot pin 64 KiB frames. An empty queue owns no heap memory.
//!
//! Not here: sequence numbers (see `send::buffer`, `receive::reassembly`) and limits; the owner compares `pinned()`
//! with its budget.

use bytes::{Buf, Bytes, BytesMut};
use lastack_wire::Payload;
use std::collections::VecDeque;

/// A copied tail stops growing here, so that what was read of it is freed soon.
const TAIL_MAX: usize = 4096;
/// The first allocation of a copied tail: one cache line holds a few keystrokes.
const TAIL_MIN: usize = 64;
/// A range over more chunks than this is copied into one: a segment is not made of a thousand 1-octet pieces.
const RANGE_CHUNKS_MAX: usize = 16;
/// What an entry costs beside its octets: the entry itself and the reference count behind it.
const ENTRY_COST: usize = size_of::<Entry>() + 32;

/// Octets and the memory that holding them keeps alive.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    /// The octets.
    pub(crate) bytes: Bytes,
    /// Octets of memory pinned, at least `bytes.len()`.
    pub(crate) pinned: usize,
}

#[derive(Debug)]
struct Entry {
    bytes: Bytes,
    pinned: u32,
    /// Place of the first octet on the queue's own circle of 2^32.
    start: u32,
    /// The memory is ours alone unless a segment still holds a slice: it may grow.
    copied: bool,
}

/// A first-in first-out list of chunks. Holds less than 2^31 octets.
#[derive(Debug, Default)]
pub(crate) struct ChunkQueue {
    entries: VecDeque<Entry>,
    /// Octets pinned by all entries, their own cost included.
    pinned: usize,
    /// Place of the first octet on the circle.
    front: u32,
    len: u32,
}

impl ChunkQueue {
    /// An empty queue; allocates nothing.
    pub(crate) fn new() -> ChunkQueue {
        ChunkQueue::default()
    }

    /// Octets queued.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// True when no octet is queued.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Octets of memory charged for the queue.
    pub(crate) fn pinned(&self) -> usize {
        self.pinned
    }

    /// Appends octets that keep `pinned` octets of memory alive. An empty chunk is dropped.
    pub(crate) fn push(&mut self, bytes: Bytes, pinned: usize) {
        if bytes.is_empty() {
            return;
        }
        let pinned = pinned.max(bytes.len());
        if bytes.len() * 2 < pinned + ENTRY_COST {
            self.push_copied(&bytes);
        } else {
            self.push_entry(bytes, pinned, false);
        }
    }

    /// Appends everything of `other`. Moves the entries of the queue that has fewer of them.
    pub(crate) fn append(&mut self, mut other: ChunkQueue) {
        if self.entries.len() >= other.entries.len() {
            for entry in other.entries {
                self.place_back(entry);
            }
            return;
        }
        std::mem::swap(self, &mut other);
        while let Some(mut entry) = other.entries.pop_back() {
            let len = entry.bytes.len() as u32;
            self.front = self.front.wrapping_sub(len);
            entry.start = self.front;
            self.len += len;
            self.pinned += entry.pinned as usize;
            self.entries.push_front(entry);
        }
    }

    /// Takes the first chunk out, with what it pins.
    pub(crate) fn pop(&mut self) -> Option<Chunk> {
        let entry = self.entries.pop_front()?;
        self.front = self.front.wrapping_add(entry.bytes.len() as u32);
        self.len -= entry.bytes.len() as u32;
        self.pinned -= entry.pinned as usize;
        self.release_when_empty();
        Some(Chunk { bytes: entry.bytes, pinned: entry.pinned as usize })
    }

    /// Drops the first `n` octets (all of them when there are fewer). What a partly used chunk pins stays charged.
    pub(crate) fn advance(&mut self, n: u32) {
        let mut left = n.min(self.len);
        self.len -= left;
        self.front = self.front.wrapping_add(left);
        while left > 0 {
            let Some(first) = self.entries.front_mut() else { break };
            let whole = first.bytes.len() as u32;
            if whole > left {
                first.bytes.advance(left as usize);
                first.start = self.front;
                return;
            }
            left -= whole;
            self.pinned -= first.pinned as usize;
            self.entries.pop_front();
        }
        self.release_when_empty();
    }

    /// Keeps the first `n` octets only.
    pub(crate) fn truncate(&mut self, n: u32) {
        while self.len > n {
            let Some(last) = self.entries.back_mut() else { break };
            let (len, excess) = (last.bytes.len() as u32, self.len - n);
            if len > excess {
                last.bytes.truncate((len - excess) as usize);
                self.len = n;
                return;
            }
            self.len -= len;
            self.pinned -= last.pinned as usize;
            self.entries.pop_back();
        }
        self.release_when_empty();
    }

    /// Up to `len` octets from `offset` on, shared and not copied (unless they lie in very many small pieces).
    /// Finds its place in O(log chunks).
    pub(crate) fn range(&self, offset: u32, len: u32) -> Payload {
        let mut payload = Payload::empty();
        let mut left = len.min(self.len.saturating_sub(offset)) as usize;
        if left == 0 {
            return payload;
        }
        let at = self.entries.partition_point(|entry| entry.start.wrapping_sub(self.front) <= offset) - 1;
        let mut skip = (offset - self.entries[at].start.wrapping_sub(self.front)) as usize;
        let mut gathered: Option<BytesMut> = None;
        for (used, entry) in self.entries.range(at..).enumerate() {
            if left == 0 {
                break;
            }
            let take = left.min(entry.bytes.len() - skip);
            if used + 1 == RANGE_CHUNKS_MAX && take < left {
                gathered = Some(BytesMut::with_capacity(left));
            }
            match &mut gathered {
                Some(buffer) => buffer.extend_from_slice(&entry.bytes[skip..skip + take]),
                None => payload.push(entry.bytes.slice(skip..skip + take)),
            }
            left -= take;
            skip = 0;
        }
        if let Some(buffer) = gathered {
            payload.push(buffer.freeze());
        }
        payload
    }

    fn push_copied(&mut self, octets: &[u8]) {
        if let Some(last) = self.entries.back_mut()
            && last.copied
            && last.bytes.len() + octets.len() <= TAIL_MAX
        {
            match std::mem::take(&mut last.bytes).try_into_mut() {
                Ok(mut tail) => {
                    tail.extend_from_slice(octets);
                    let pinned = (tail.capacity() + ENTRY_COST) as u32;
                    self.pinned = self.pinned - last.pinned as usize + pinned as usize;
                    last.pinned = pinned;
                    last.bytes = tail.freeze();
                    self.len += octets.len() as u32;
                    return;
                }
                // A segment on its way out still holds a slice.
                Err(shared) => last.bytes = shared,
            }
        }
        let mut tail = BytesMut::with_capacity(octets.len().max(TAIL_MIN));
        tail.extend_from_slice(octets);
        let capacity = tail.capacity();
        self.push_entry(tail.freeze(), capacity, true);
    }

    fn push_entry(&mut self, bytes: Bytes, pinned: usize, copied: bool) {
        let pinned = u32::try_from(pinned + ENTRY_COST).unwrap_or(u32::MAX);
        self.place_back(Entry { bytes, pinned, start: 0, copied });
    }

    fn place_back(&mut self, mut entry: Entry) {
        entry.start = self.front.wrapping_add(self.len);
        self.len += entry.bytes.len() as u32;
        self.pinned += entry.pinned as usize;
        self.entries.push_back(entry);
        debug_assert!(self.len < 1 << 31);
    }

    fn release_when_empty(&mut self) {
        if self.entries.is_empty() {
            debug_assert!(self.len == 0 && self.pinned == 0);
            self.entries = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests;
