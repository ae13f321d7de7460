//! Where packets come from and go to. Batches in, packets out, nothing known of TCP.
//!
//! Kinds: [`tun`] (a Linux TUN interface with segmentation offload), [`memory`] (a link between two stacks of one
//! process). A [`gated`] device has a rule before it; [`tap`] is the one that writes what passes to a pcapng file.
//!
//! Not here: waiting. A device never blocks; [`Device::readiness`] says what a driver waits on.

mod error;
pub mod gated;
pub mod memory;
pub mod tap;
#[cfg(target_os = "linux")]
pub mod tun;

pub use error::Error;

use atomic_waker::AtomicWaker;
use lastack_wire::{Frame, Packet};
use std::os::fd::BorrowedFd;

/// The octets of the largest IP packet, super-frames included.
pub const PACKET_MAX: usize = 65_535;

/// One place to send packets to and to receive frames from.
pub trait Device: Send {
    /// Its name, for people.
    fn name(&self) -> &str;

    /// The largest IP packet it takes without segmentation, in octets.
    fn mtu(&self) -> u16;

    /// What it does for the stack.
    fn capabilities(&self) -> Capabilities;

    /// What a driver waits on.
    fn readiness(&self) -> Readiness<'_>;

    /// Whether packets pass at the moment.
    fn link(&self) -> Link;

    /// Hands at most `frames_max` frames to `sink`.
    ///
    /// # Errors
    /// [`Error::Gone`] when the device has ceased to exist: no later call can succeed.
    fn receive(&mut self, frames_max: usize, sink: &mut dyn FnMut(Frame)) -> Result<Received, Error>;

    /// Sends one packet, or says that the device is full; then the packet was not taken.
    ///
    /// # Errors
    /// [`Error::Gone`]; [`Error::Down`] while the link is down and [`Error::Rejected`] for a packet that the device refuses:
    /// in both cases the packet is lost and later ones may pass.
    fn send(&mut self, packet: &Packet) -> Result<Sent, Error>;
}

/// What a device does for the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// It takes super-segments of up to 64 KiB whole.
    pub tso: bool,
    /// It takes packets whose checksum is partial, and may hand such packets up.
    pub checksum_offload: bool,
}

/// Whether packets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// They do.
    Up,
    /// They do not for now: the interface is administratively down.
    Down,
    /// They never will again.
    Gone,
}

/// What one call of [`Device::receive`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// How many frames it handed over.
    pub frames: usize,
    /// True when nothing is left: wait before the next call.
    pub drained: bool,
}

/// What one call of [`Device::send`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The packet is on its way.
    Done,
    /// The device is full and did not take it: wait until it is writable.
    Full,
}

/// What a driver waits on.
#[derive(Debug)]
pub enum Readiness<'a> {
    /// A file descriptor for poll or epoll.
    Descriptor(BorrowedFd<'a>),
    /// Wakers that the device itself rings.
    Wakers(&'a Wakers),
}

/// The two things that a device without a file descriptor can tell its driver. One task may wait on each.
#[derive(Debug, Default)]
pub struct Wakers {
    /// Rung when a frame arrives or the device goes.
    pub readable: AtomicWaker,
    /// Rung when there is room again.
    pub writable: AtomicWaker,
}

impl<D: Device + ?Sized> Device for Box<D> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn mtu(&self) -> u16 {
        (**self).mtu()
    }

    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    fn readiness(&self) -> Readiness<'_> {
        (**self).readiness()
    }

    fn link(&self) -> Link {
        (**self).link()
    }

    fn receive(&mut self, frames_max: usize, sink: &mut dyn FnMut(Frame)) -> Result<Received, Error> {
        (**self).receive(frames_max, sink)
    }

    fn send(&mut self, packet: &Packet) -> Result<Sent, Error> {
        (**self).send(packet)
    }
}
