//! A connect() that takes over a four-tuple in TIME_WAIT: `tcp_tw_reuse` and `tcp_tw_reuse_delay` (TIMELINES T22, T22b).
//!
//! Timestamps make it safe: what is left of the old connection is older than anything of the new one (RFC 6191). Not here:
//! a SYN from outside that does the same; that is ingress.

use crate::flows::{FlowKind, FlowRef, Flows};
use crate::index::Tuple;
use crate::stack::Stack;
use lastack_observe::{Instant, State};
use lastack_tcp::knobs::SocketOptions;
use lastack_tcp::{ActiveOpen, Knobs, isn};
use std::time::Duration;

/// True when nobody has the tuple, or a TIME_WAIT that may be taken over. A port of connect()'s own choice follows
/// `tcp_tw_reuse`; to a port that the application named, Linux asks for timestamps alone.
pub(super) fn is_free(flows: &Flows, knobs: &Knobs, now: Instant, tuple: &Tuple, chosen: bool) -> bool {
    match flows.find(tuple) {
        None => true,
        Some(flow) if flow.kind() != FlowKind::TimeWait => false,
        Some(flow) if has_timestamps(flows, flow) => !chosen || may_reuse(flows, knobs, now, flow, tuple),
        Some(_) => false,
    }
}

/// An orphan's FIN_WAIT2 has the same record and is never taken over.
fn has_timestamps(flows: &Flows, flow: FlowRef) -> bool {
    let record = flows.slabs.waits.get(flow);
    record.is_some_and(|(record, _)| record.state() == State::TimeWait && record.has_timestamps())
}

fn may_reuse(flows: &Flows, knobs: &Knobs, now: Instant, flow: FlowRef, tuple: &Tuple) -> bool {
    let allowed = match knobs.tcp_tw_reuse {
        0 => false,
        2 => tuple.local.ip().is_loopback() || tuple.remote.ip().is_loopback(),
        _ => true,
    };
    let length = knobs.profile.time_wait;
    // Counted from the last restart of its timer, which is later than Linux's stamp only when the peer's FIN came again.
    let left = flows.slabs.waits.deadline_of(flow, now).map_or(length, |at| at.since(now));
    let delay = Duration::from_millis(u64::from(knobs.tcp_tw_reuse_delay));
    allowed && length.saturating_sub(left) > delay
}

impl Stack {
    /// The engine of a connect(). A TIME_WAIT that has the tuple ends here and leaves its numbers.
    pub(super) fn new_open(&mut self, tuple: &Tuple, mss: u16, options: &SocketOptions) -> Box<ActiveOpen> {
        let offset = isn::timestamp_offset(&self.secret, tuple, &self.config.knobs);
        let old = self.flows.find(tuple).and_then(|flow| {
            let (record, _) = self.flows.slabs.waits.get(flow)?;
            Some((flow, *record))
        });
        let iss = match old {
            Some((_, record)) => record.isn_floor().0,
            None => isn::initial_sequence(&self.secret, tuple, self.now),
        };
        let mut engine = ActiveOpen::new(iss, offset, mss, options, &self.config.knobs, self.now);
        if let Some((flow, record)) = old {
            self.out.begin(self.now, *tuple);
            record.reuse(&mut self.out);
            engine.inherit(record.ts_recent(), options, &self.config.knobs);
            self.end_wait(flow);
        }
        Box::new(engine)
    }
}
