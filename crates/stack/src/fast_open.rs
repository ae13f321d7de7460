//! TCP Fast Open in a shard (RFC 7413): its own key, the cookies that peers gave to clients, and which connections wait
//! for their proof on account of which listener.
//!
//! Not here: what a SYN brings (`ingress::fast_open`) and what connect() makes of a cookie (`calls::fast_open`). Shards of
//! one stack share the key; each counts its own connections and keeps its own cookies.

pub(crate) mod cache;
pub(crate) mod queue;

use crate::flows::FlowRef;
use crate::stack::Stack;
use cache::CookieCache;
use lastack_observe::Cause;
use lastack_tcp::{FastOpenKey, FastOpenKeys};
use siphasher::sip::SipHasher24;
use std::collections::BTreeMap;
use std::hash::Hasher;

/// See the module.
pub(crate) struct FastOpens {
    /// Makes cookies until an operator gives a key.
    pub(crate) own: FastOpenKeys,
    pub(crate) cache: CookieCache,
    /// Connections whose third segment did not come yet, by slot, with their listener. Bounded by the listeners' queues.
    waiting: BTreeMap<u32, u16>,
}

impl FastOpens {
    /// `secret` is one of the stack's; the key that is made from it tells nothing about it.
    pub(crate) fn new(secret: [u64; 2], cookies_max: usize) -> FastOpens {
        let half = |number: u8| {
            let mut hasher = SipHasher24::new_with_keys(secret[0], secret[1]);
            hasher.write(b"Fast Open");
            hasher.write_u8(number);
            u128::from(hasher.finish())
        };
        let key = FastOpenKey::new((half(1) << 64 | half(2)).to_le_bytes());
        let (cache, waiting) = (CookieCache::new(cookies_max), BTreeMap::new());
        FastOpens { own: FastOpenKeys::new(key), cache, waiting }
    }
}

impl FastOpens {
    /// True when no connection waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl Stack {
    /// A connection of this listener's waits for its third segment.
    pub(crate) fn begin_fast_open(&mut self, flow: FlowRef, number: u16) {
        if let Some(listener) = self.listeners.get_mut(number) {
            listener.fast_opens.enter();
            self.fast_opens.waiting.insert(flow.slot(), number);
        }
    }

    /// A connection changed its state: perhaps the third segment came.
    pub(crate) fn refresh_fast_open(&mut self, flow: FlowRef) {
        let entry = self.flows.slabs.connections.get(flow.slot());
        if self.fast_opens.is_idle() || entry.is_some_and(|entry| entry.engine.is_unproven()) {
            return;
        }
        self.leave_fast_open(flow, false);
    }

    /// A connection is over. One that an application had and the peer reset counts on for a while: that is how somebody who
    /// got hold of a cookie would misuse it (RFC 7413 section 5.1; Linux reqsk_fastopen_remove).
    pub(crate) fn end_fast_open(&mut self, flow: FlowRef, cause: Cause) {
        if self.fast_opens.is_idle() {
            return;
        }
        let entry = self.flows.slabs.connections.get(flow.slot());
        let accepted = entry.is_some_and(|entry| entry.cell.as_ref().is_none_or(|cell| cell.lock().owned));
        self.leave_fast_open(flow, accepted && cause == Cause::Reset);
    }

    fn leave_fast_open(&mut self, flow: FlowRef, reset: bool) {
        let Some(number) = self.fast_opens.waiting.remove(&flow.slot()) else { return };
        let Some(listener) = self.listeners.get_mut(number) else { return };
        if reset && !listener.closed {
            listener.fast_opens.leave_by_reset(self.now);
        } else {
            listener.fast_opens.leave();
        }
    }
}
