//! Slots that keep their number: fixed-size chunks, so that growing never moves what is there and never stalls.
//!
//! Which slot a new entry gets depends only on the calls made before. No generation counters: who keeps a slot number is
//! told by the owner when the entry goes.

const CHUNK: usize = 256;
const WORDS: usize = CHUNK / 64;

struct Chunk<T> {
    /// Grows to `CHUNK` and never beyond, so its one allocation is made at once.
    slots: Vec<Option<T>>,
    used: [u64; WORDS],
    count: u16,
    /// The chunk is on the list of chunks with a free slot.
    listed: bool,
}

/// See the module.
pub(crate) struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    with_room: Vec<u32>,
    len: u32,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Slab<T> {
        Slab { chunks: Vec::new(), with_room: Vec::new(), len: 0 }
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    pub(crate) fn insert(&mut self, value: T) -> u32 {
        let chunk_index = match self.with_room.last() {
            Some(&index) => index,
            None => self.add_chunk(),
        };
        let chunk = &mut self.chunks[chunk_index as usize];
        let (word, bits) = chunk
            .used
            .iter_mut()
            .enumerate()
            .find(|(_, bits)| **bits != u64::MAX)
            .expect("a listed chunk has room");
        let bit = bits.trailing_ones() as usize;
        *bits |= 1 << bit;
        let offset = word * 64 + bit;
        if offset < chunk.slots.len() {
            chunk.slots[offset] = Some(value);
        } else {
            debug_assert_eq!(offset, chunk.slots.len(), "free slots below the end are taken first");
            chunk.slots.push(Some(value));
        }
        chunk.count += 1;
        if usize::from(chunk.count) == CHUNK {
            chunk.listed = false;
            self.with_room.pop();
        }
        self.len += 1;
        chunk_index * CHUNK as u32 + offset as u32
    }

    fn add_chunk(&mut self) -> u32 {
        let index = self.chunks.len() as u32;
        self.chunks.push(Chunk {
            slots: Vec::with_capacity(CHUNK),
            used: [0; WORDS],
            count: 0,
            listed: true,
        });
        self.with_room.push(index);
        index
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        let (index, offset) = split(slot);
        let chunk = self.chunks.get_mut(index)?;
        let value = chunk.slots.get_mut(offset)?.take()?;
        chunk.used[offset / 64] &= !(1 << (offset % 64));
        chunk.count -= 1;
        if !chunk.listed {
            chunk.listed = true;
            self.with_room.push(index as u32);
        }
        self.len -= 1;
        Some(value)
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        let (index, offset) = split(slot);
        self.chunks.get(index)?.slots.get(offset)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        let (index, offset) = split(slot);
        self.chunks.get_mut(index)?.slots.get_mut(offset)?.as_mut()
    }

    /// The first used slot from `slot` on. Looks at no more than `chunks_max` chunks; `Err` says where to go on.
    pub(crate) fn next_used(&self, slot: u32, chunks_max: usize) -> Result<Option<u32>, u32> {
        let (first, mut offset) = split(slot);
        for (looked, index) in (first..self.chunks.len()).enumerate() {
            if looked == chunks_max {
                return Err((index * CHUNK) as u32);
            }
            let chunk = &self.chunks[index];
            for word in offset / 64..WORDS {
                let below = if word == offset / 64 { (1u64 << (offset % 64)) - 1 } else { 0 };
                let bits = chunk.used[word] & !below;
                if bits != 0 {
                    return Ok(Some((index * CHUNK + word * 64) as u32 + bits.trailing_zeros()));
                }
            }
            offset = 0;
        }
        Ok(None)
    }

    /// Every used slot. For the end of a device only: costs what is there.
    pub(crate) fn slots(&self) -> Vec<u32> {
        let mut found = Vec::with_capacity(self.len as usize);
        let mut from = 0;
        while let Ok(Some(slot)) = self.next_used(from, usize::MAX) {
            found.push(slot);
            from = slot + 1;
        }
        found
    }
}

const fn split(slot: u32) -> (usize, usize) {
    (slot as usize / CHUNK, slot as usize % CHUNK)
}

#[cfg(test)]
mod tests;
