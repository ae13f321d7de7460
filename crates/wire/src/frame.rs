//! What crosses a device: an IP packet with its offload facts, contiguous on the way in, head and chunks on the way out.

use bytes::{BufMut, Bytes, BytesMut};
use smallvec::SmallVec;

use crate::checksum::Sum;

/// How far the transport checksum can be trusted, or must be finished (virtio-net's words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Checksum {
    /// The field holds the full checksum: verify it on the way in, send as it is on the way out.
    #[default]
    Full,
    /// The field holds the pseudo-header sum only; who puts it on a wire finishes it (`NEEDS_CSUM`).
    Partial {
        /// Where the summed part starts, in octets from the start of the IP packet.
        start: u16,
        /// Where the field lies, in octets from `start`.
        offset: u16,
    },
    /// The device has verified it (`DATA_VALID`).
    Valid,
}

/// A super-segment: the payload is to be cut (or was joined) in pieces of `size` octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gso {
    /// Payload octets of each piece but the last.
    pub size: u16,
}

/// Offload facts that travel beside a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Offload {
    /// State of the transport checksum.
    pub checksum: Checksum,
    /// Present when the packet is a super-segment.
    pub gso: Option<Gso>,
}

/// One IP packet on its way in: owned, contiguous, reference-counted.
#[derive(Clone, Debug)]
pub struct Frame {
    /// From the first octet of the IP header on.
    pub data: Bytes,
    /// Octets of memory that holding any slice of `data` keeps alive.
    pub pinned: usize,
    /// Offload facts.
    pub offload: Offload,
}

impl Frame {
    /// A plain packet that owns exactly its own octets.
    pub fn plain(data: impl Into<Bytes>) -> Frame {
        let data = data.into();
        Frame { pinned: data.len(), data, offload: Offload::default() }
    }
}

/// The octets of an outgoing segment: a short list of shared chunks, never copied together.
#[derive(Clone, Debug, Default)]
pub struct Payload {
    chunks: SmallVec<[Bytes; 2]>,
    len: usize,
}

impl Payload {
    /// No octets.
    pub fn empty() -> Payload {
        Payload::default()
    }

    /// Appends a chunk; an empty one is dropped.
    pub fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.len += chunk.len();
            self.chunks.push(chunk);
        }
    }

    /// Octets in all chunks.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when there is no octet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The chunks in order.
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// All octets in one piece (copies when there is more than one chunk).
    pub fn to_bytes(&self) -> Bytes {
        match self.chunks.as_slice() {
            [] => Bytes::new(),
            [one] => one.clone(),
            many => {
                let mut all = BytesMut::with_capacity(self.len);
                many.iter().for_each(|chunk| all.put_slice(chunk));
                all.freeze()
            }
        }
    }
}

impl From<Bytes> for Payload {
    fn from(chunk: Bytes) -> Payload {
        let mut payload = Payload::empty();
        payload.push(chunk);
        payload
    }
}

/// The headers of one packet: inline, the longest we write are 100 octets.
pub type Head = SmallVec<[u8; 128]>;

/// One IP packet on its way out: the headers in one small piece, the payload as shared chunks.
#[derive(Clone, Debug)]
pub struct Packet {
    /// IP and transport headers.
    pub head: Head,
    /// What follows the headers.
    pub payload: Payload,
    /// Offload facts.
    pub offload: Offload,
}

impl Packet {
    /// Octets on the wire.
    pub fn len(&self) -> usize {
        self.head.len() + self.payload.len()
    }

    /// True when there is not one octet (never so for a packet that was emitted).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Finishes a partial checksum, for a device that cannot: sums from `start` to the end (the field holds the
    /// pseudo-header sum already). A super-segment keeps its partial sum, because each piece will have its own. A position
    /// outside the head changes nothing.
    pub fn finish_checksum(&mut self) {
        let Checksum::Partial { start, offset } = self.offload.checksum else { return };
        let (start, field) = (usize::from(start), usize::from(start) + usize::from(offset));
        if self.offload.gso.is_some() || field + 2 > self.head.len() {
            return;
        }
        let mut sum = Sum::new();
        sum.add(&self.head[start..]);
        self.payload.chunks().iter().for_each(|chunk| sum.add(chunk));
        self.head[field..field + 2].copy_from_slice(&sum.checksum().to_be_bytes());
        self.offload.checksum = Checksum::Full;
    }

    /// The same packet in one piece, as the other end of an in-memory link receives it.
    pub fn to_frame(&self) -> Frame {
        let mut data = BytesMut::with_capacity(self.len());
        data.put_slice(&self.head);
        self.payload.chunks().iter().for_each(|chunk| data.put_slice(chunk));
        Frame { pinned: data.len(), data: data.freeze(), offload: self.offload }
    }
}
