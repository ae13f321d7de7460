//! The reference model of a connection: two streams of octets, each known in full from who writes it.
//!
//! What is read must be what was written, in order and without a gap, and never more than was written. When both
//! ends finish in an orderly way, all of it must arrive.

use bytes::Bytes;

/// The end of a conversation that a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// It connected.
    Client = 0,
    /// It accepted.
    Server = 1,
}

impl Side {
    /// The other end.
    pub(super) fn peer(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// One stream, from one side to the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    /// Sets its octets apart from other streams'.
    salt: u64,
    /// Octets that the writer's socket took.
    pub(super) written: u64,
    /// Octets that the reader got.
    pub(super) read: u64,
    /// The reader saw the end.
    pub(super) ended: bool,
    /// The writer's side ended it in an orderly way.
    pub(super) finished: bool,
    /// The writer is a stranger: what it wrote is not known.
    pub(super) unknown: bool,
}

impl Stream {
    /// A stream that nobody has written to.
    pub(super) fn new(conversation: u64, from: Side) -> Stream {
        Stream { salt: conversation * 2 + from as u64 + 1, ..Stream::default() }
    }

    fn octet(&self, place: u64) -> u8 {
        // Neighbouring octets, packets and streams all differ.
        let mixed = (place ^ self.salt << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 56) as u8
    }

    /// The next octets to write.
    pub(super) fn chunk(&self, len: usize) -> Bytes {
        (self.written..self.written + len as u64).map(|place| self.octet(place)).collect()
    }

    /// Takes what a reader got.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn take(&mut self, chunk: &[u8]) -> Result<(), String> {
        if self.ended {
            return Err(format!("{} octets after the end of the stream", chunk.len()));
        }
        let place = self.read;
        if self.unknown {
            self.read += chunk.len() as u64;
            return Ok(());
        }
        if place + chunk.len() as u64 > self.written {
            return Err(format!(
                "octet {} was read, but {} were written",
                place + chunk.len() as u64,
                self.written
            ));
        }
        for (octet, place) in chunk.iter().zip(place..) {
            if *octet != self.octet(place) {
                return Err(format!("octet {place} is {octet}, but {} was written", self.octet(place)));
            }
        }
        self.read += chunk.len() as u64;
        Ok(())
    }

    /// The reader saw the end of the stream.
    ///
    /// # Errors
    /// When the writer has not ended it, or octets are missing.
    pub(super) fn end(&mut self) -> Result<(), String> {
        self.ended = true;
        if self.unknown {
            return Ok(());
        }
        if !self.finished {
            return Err("the reader saw an end that the writer did not make".to_owned());
        }
        if self.read != self.written {
            return Err(format!("the stream ended after {} of {} octets", self.read, self.written));
        }
        Ok(())
    }
}
