//! A link between two stacks of one process: a bounded queue each way, no loss but a full queue, no delay.
//!
//! Not a network model: loss, delay and reordering live in the simulator's link, which needs a clock.

#[cfg(test)]
mod tests;

use crate::{Capabilities, Device, Error, Link, Readiness, Received, Sent, Wakers};
use lastack_wire::{Frame, Packet};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What happens to a packet that finds the queue full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It is dropped and counted, as a switch does.
    Drop,
    /// It stays with the sender, which waits for room, as a network card's ring does.
    Wait,
}

/// How the link is made. Both ends are alike.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The largest IP packet that is no super-segment, in octets; a larger one is refused.
    pub mtu: u16,
    /// Packets that one direction holds.
    pub capacity: usize,
    /// What happens to a further one.
    pub when_full: WhenFull,
    /// What the ends do for their stacks. With `tso` super-segments cross whole.
    pub capabilities: Capabilities,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            mtu: 1500,
            capacity: 1024,
            when_full: WhenFull::Drop,
            capabilities: Capabilities { tso: true, checksum_offload: true },
        }
    }
}

/// Makes a link; each end is a device.
pub fn pair(config: Config) -> (Memory, Memory) {
    let lanes = [Arc::new(Lane::default()), Arc::new(Lane::default())];
    let ends = [Arc::new(Wakers::default()), Arc::new(Wakers::default())];
    let end = |mine: usize, name: &str| Memory {
        name: name.to_owned(),
        config,
        incoming: lanes[mine].clone(),
        outgoing: lanes[1 - mine].clone(),
        wakers: ends[mine].clone(),
        peer: ends[1 - mine].clone(),
    };
    (end(0, "memory0"), end(1, "memory1"))
}

/// One end of an in-memory link. Dropping it ends the link for the other end too.
#[derive(Debug)]
pub struct Memory {
    name: String,
    config: Config,
    incoming: Arc<Lane>,
    outgoing: Arc<Lane>,
    wakers: Arc<Wakers>,
    peer: Arc<Wakers>,
}

/// One direction.
#[derive(Debug, Default)]
struct Lane(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Frame>,
    dropped: u64,
    sender_waits: bool,
    closed: bool,
}

impl Lane {
    // A panic under the lock leaves a queue that is whole: every change is one call on a VecDeque or a store.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// Packets of this end that were dropped because the queue to the other end was full.
    pub fn dropped(&self) -> u64 {
        self.outgoing.lock().dropped
    }

    fn gone(&self) -> Error {
        Error::Gone { name: self.name.clone(), why: "the other end of the link was dropped".to_owned() }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.incoming.lock().closed = true;
        self.outgoing.lock().closed = true;
        self.peer.readable.wake();
        self.peer.writable.wake();
    }
}

impl Device for Memory {
    fn name(&self) -> &str {
        &self.name
    }

    fn mtu(&self) -> u16 {
        self.config.mtu
    }

    fn capabilities(&self) -> Capabilities {
        self.config.capabilities
    }

    fn readiness(&self) -> Readiness<'_> {
        Readiness::Wakers(&self.wakers)
    }

    fn link(&self) -> Link {
        if self.outgoing.lock().closed { Link::Gone } else { Link::Up }
    }

    fn receive(&mut self, frames_max: usize, sink: &mut dyn FnMut(Frame)) -> Result<Received, Error> {
        let mut frames = 0;
        let (drained, sender_waits) = loop {
            let mut queue = self.incoming.lock();
            if frames == frames_max {
                break (queue.frames.is_empty(), std::mem::take(&mut queue.sender_waits));
            }
            let Some(frame) = queue.frames.pop_front() else {
                if queue.closed && frames == 0 {
                    drop(queue);
                    return Err(self.gone());
                }
                break (true, std::mem::take(&mut queue.sender_waits));
            };
            drop(queue);
            frames += 1;
            sink(frame);
        };
        if sender_waits {
            self.peer.writable.wake();
        }
        Ok(Received { frames, drained })
    }

    fn send(&mut self, packet: &Packet) -> Result<Sent, Error> {
        if packet.offload.gso.is_none() && packet.len() > usize::from(self.config.mtu) {
            return Err(Error::Rejected {
                name: self.name.clone(),
                octets: packet.len(),
                why: format!("larger than the MTU of {}", self.config.mtu),
            });
        }
        let mut queue = self.outgoing.lock();
        if queue.closed {
            drop(queue);
            return Err(self.gone());
        }
        if queue.frames.len() >= self.config.capacity {
            if self.config.when_full == WhenFull::Wait {
                queue.sender_waits = true;
                return Ok(Sent::Full);
            }
            queue.dropped += 1;
            return Ok(Sent::Done);
        }
        queue.frames.push_back(packet.to_frame());
        drop(queue);
        self.peer.readable.wake();
        Ok(Sent::Done)
    }
}
