//! A device with a gate before it: a rule that sees every packet, in both directions, and says whether it passes.
//!
//! A tap, a list of allowed networks and a cut cable are gates. Not here: delay and loss, which belong to a link.

use crate::{Capabilities, Device, Error, Link, Readiness, Received, Sent};
use lastack_wire::{Frame, Packet};

/// What becomes of a packet at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Pass,
    /// It ends here, and who sent it does not hear of it.
    Drop,
}

/// A rule that sees what passes a device. Each question has an answer that changes nothing.
pub trait Gate: Send {
    /// A frame has come from the device.
    fn arrives(&mut self, _frame: &Frame) -> Verdict {
        Verdict::Pass
    }

    /// A packet is about to go to the device.
    fn leaves(&mut self, _packet: &Packet) -> Verdict {
        Verdict::Pass
    }

    /// The device has taken a packet that [`Gate::leaves`] let pass; one that it was too full to take comes again.
    fn sent(&mut self, _packet: &Packet) {}

    /// The device has nothing more for now.
    fn drained(&mut self) {}
}

/// A device behind a gate.
#[derive(Debug)]
pub struct Gated<D, G> {
    device: D,
    gate: G,
}

impl<D: Device, G: Gate> Gated<D, G> {
    /// Puts `gate` before `device`.
    pub fn new(device: D, gate: G) -> Gated<D, G> {
        Gated { device, gate }
    }

    /// The gate.
    pub fn gate(&self) -> &G {
        &self.gate
    }
}

impl<D: Device, G: Gate> Device for Gated<D, G> {
    fn name(&self) -> &str {
        self.device.name()
    }

    fn mtu(&self) -> u16 {
        self.device.mtu()
    }

    fn capabilities(&self) -> Capabilities {
        self.device.capabilities()
    }

    fn readiness(&self) -> Readiness<'_> {
        self.device.readiness()
    }

    fn link(&self) -> Link {
        self.device.link()
    }

    fn receive(&mut self, frames_max: usize, sink: &mut dyn FnMut(Frame)) -> Result<Received, Error> {
        let gate = &mut self.gate;
        let received = self.device.receive(frames_max, &mut |frame| {
            if gate.arrives(&frame) == Verdict::Pass {
                sink(frame);
            }
        })?;
        if received.drained {
            self.gate.drained();
        }
        Ok(received)
    }

    fn send(&mut self, packet: &Packet) -> Result<Sent, Error> {
        if self.gate.leaves(packet) == Verdict::Drop {
            return Ok(Sent::Done);
        }
        let sent = self.device.send(packet)?;
        if sent == Sent::Done {
            self.gate.sent(packet);
        }
        Ok(sent)
    }
}
