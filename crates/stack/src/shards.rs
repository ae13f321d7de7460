//! What crosses between the shards of one stack: misplaced frames, listeners, accepted connections, moved sockets.
//!
//! The driver carries messages. Frames and accepted connections are bounded by `Limits::mailbox`; the others by the number
//! of sockets that applications hold.

use crate::message::Kind;
use crate::stack::Stack;
use crate::{Message, ShardId};
use lastack_observe::{Cause, Instant};
use rand_core::Rng;

impl Stack {
    /// Takes a message from another shard.
    pub fn handle_message(&mut self, now: Instant, rng: &mut dyn Rng, message: Message) {
        self.now = now;
        match message.0 {
            Kind::Frame(frame) => self.take_frame(frame, true),
            Kind::Listen(listener) => {
                // Beyond the bound of listeners this shard answers RST for it, as a host out of memory does.
                self.listeners.insert(*listener);
            }
            Kind::Unlisten { cell } => {
                if let Some(number) = self.listeners.by_cell(&cell) {
                    self.listeners.close(number);
                }
            }
            Kind::Accept { listener, accepted } => {
                let closed = listener.update(|inner, wakes| {
                    inner.accept_reserved = inner.accept_reserved.saturating_sub(1);
                    if inner.listener.is_none() {
                        return Some(accepted);
                    }
                    inner.accept_queue.push_back(accepted);
                    wakes.control = true;
                    None
                });
                if let Some(accepted) = closed {
                    self.reset_unaccepted(&accepted.cell, Cause::ListenerClosed);
                }
            }
            Kind::Connect { cell, peer } => {
                cell.move_to(&self.sockets.shared);
                self.connect(&cell, peer, rng);
            }
        }
        self.drain_loopback();
    }

    /// A message for another shard, and which.
    pub fn poll_message(&mut self) -> Option<(ShardId, Message)> {
        self.mail.pop_front()
    }

    pub(crate) fn other_shards(&self) -> impl Iterator<Item = ShardId> + use<> {
        let me = self.me();
        (0..self.config.shard.count).map(ShardId).filter(move |&shard| shard != me)
    }
}
