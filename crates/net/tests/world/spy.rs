//! A device around another: keeps what passes, and falls silent when told to, as a peer behind a cut cable does.

use bytes::Bytes;
use lastack_device::gated::{Gate, Gated, Verdict};
use lastack_device::memory::Memory;
use lastack_wire::packet::{self, Parsed};
use lastack_wire::tcp::{self, Header};
use lastack_wire::{Frame, Packet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What the test holds.
#[derive(Debug, Default)]
pub(crate) struct Spy {
    silent: AtomicBool,
    sent: Mutex<Vec<Bytes>>,
    received: Mutex<Vec<Bytes>>,
}

impl Spy {
    /// Nothing passes any more, in either direction.
    pub(crate) fn silence(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    /// What the stack has sent, oldest first.
    pub(crate) fn sent(&self) -> Vec<(Parsed, Header, usize)> {
        self.sent.lock().unwrap().iter().map(|data| read(data)).collect()
    }

    /// What the stack has received, oldest first.
    pub(crate) fn received(&self) -> Vec<(Parsed, Header, usize)> {
        self.received.lock().unwrap().iter().map(|data| read(data)).collect()
    }

    /// Whether `octets` lie in the memory of a frame that the stack received.
    pub(crate) fn holds(&self, octets: &[u8]) -> bool {
        let (from, to) = (octets.as_ptr_range().start, octets.as_ptr_range().end);
        let within = |frame: &Bytes| frame.as_ptr_range().start <= from && to <= frame.as_ptr_range().end;
        self.received.lock().unwrap().iter().any(within)
    }
}

/// Headers, and octets of payload.
fn read(data: &[u8]) -> (Parsed, Header, usize) {
    let parsed = packet::parse(data).expect("an IP packet");
    let segment = &data[parsed.payload.clone()];
    let (_, _, header, offset) = tcp::parse(segment).expect("a TCP segment");
    let payload = segment.len() - offset;
    (parsed, header, payload)
}

pub(crate) type Watched = Gated<Memory, Cut>;

/// The gate of a spy.
pub(crate) struct Cut(Arc<Spy>);

/// Puts a spy on a device.
pub(crate) fn watch(device: Memory) -> (Watched, Arc<Spy>) {
    let spy = Arc::new(Spy::default());
    (Gated::new(device, Cut(spy.clone())), spy)
}

impl Cut {
    fn verdict(&self) -> Verdict {
        if self.0.silent.load(Ordering::SeqCst) { Verdict::Drop } else { Verdict::Pass }
    }
}

impl Gate for Cut {
    fn arrives(&mut self, frame: &Frame) -> Verdict {
        let verdict = self.verdict();
        if verdict == Verdict::Pass {
            self.0.received.lock().unwrap().push(frame.data.clone());
        }
        verdict
    }

    fn leaves(&mut self, _packet: &Packet) -> Verdict {
        self.verdict()
    }

    fn sent(&mut self, packet: &Packet) {
        self.0.sent.lock().unwrap().push(packet.to_frame().data);
    }
}
