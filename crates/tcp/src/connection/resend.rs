//! Sending again: what `send::Recovery` names, as segments. Not here: what is lost, and the timers (`watch`).

use super::Connection;
use super::Turn;
use super::transmit::{Forced, Plan};
use crate::clock::tsval;
use crate::congestion::Congestion;
use crate::send::{Means, Probe, Recovery, Resend};
use crate::{Output, Segment};
use lastack_observe::{Counter, EventKind};
use lastack_wire::tcp::Flags;

impl Connection {
    /// What is to be sent again before anything new.
    pub(super) fn plan_again(&self, super_segment_max: u32) -> Option<Plan> {
        let outgoing = self.outgoing.as_ref()?;
        let (una, nxt, mss) = (self.send.una, self.send.nxt, u32::from(self.effective_mss().max(1)));
        if self.forced == Forced::LossProbe && una != nxt {
            return match self.due_probe()? {
                Probe::Retransmit(resend) => Some(Plan::Probe(resend)),
                Probe::NewData => None,
            };
        }
        let now_max = super_segment_max / mss;
        let resend = outgoing.recovery.next_retransmit(nxt, mss, now_max, &self.congestion)?;
        self.within_window(resend, mss).map(Plan::Again)
    }

    /// What a tail loss probe would be.
    pub(super) fn due_probe(&self) -> Option<Probe> {
        let mss = u32::from(self.effective_mss().max(1));
        match self.outgoing.as_ref()?.recovery.probe(self.send.usable_for(mss))? {
            Probe::Retransmit(resend) => self.within_window(resend, mss).map(Probe::Retransmit),
            Probe::NewData => Some(Probe::NewData),
        }
    }

    /// What the peer took its window back from is not sent again, but for the first segment: it serves as the probe.
    fn within_window(&self, resend: Resend, mss: u32) -> Option<Resend> {
        let Resend { seq, len, unit } = resend;
        let room = self.send.edge().since(seq);
        if room <= 0 {
            let first = len.min(mss);
            return (seq == self.send.una).then_some(Resend { seq, len: first, unit: first });
        }
        let room = room as u32;
        let fits = |len: u32| match len {
            len if len <= room => len,
            _ if room >= mss => room / mss * mss,
            _ => room,
        };
        Some(Resend { seq, len: fits(len), unit: fits(unit) })
    }

    pub(super) fn send_again(&mut self, resend: Resend, probe: bool, turn: &mut Turn) -> Segment {
        let Resend { seq, len, .. } = resend;
        self.spoil_path_probe();
        let fin = self.fin_queued && seq + len == self.send.end;
        let mut segment = self.compose(seq, len - u32::from(fin), fin, turn);
        segment.again = true;
        let (una, nxt, mss) = (self.send.una, self.send.nxt, self.effective_mss());
        let clock = tsval(turn.now, self.ts_offset);
        let recovery = &mut self.outgoing().recovery;
        if probe {
            recovery.on_probe_sent(Probe::Retransmit(resend), nxt, mss, turn.now, turn.out);
        } else {
            let timed = recovery.head_is_due();
            if recovery.on_retransmitted(resend, mss, turn.now, clock, turn.out) {
                segment.header.flags = segment.header.flags.with(Flags::PSH);
            }
            if seq == una && !timed {
                self.watch_first_again(turn);
            }
        }
        self.forced = Forced::No;
        let pieces = (len - u32::from(fin)).div_ceil(u32::from(mss.max(1))).max(1);
        turn.out.counters.add(Counter::RetransSegs, u64::from(pieces));
        turn.out.event(EventKind::Retransmitted { seq: seq.0, len });
        self.count_sent_again(len - u32::from(fin));
        segment
    }

    /// The loss detector, if there is anything to detect, and what it acts on.
    pub(super) fn recovering<'a>(&'a mut self, turn: &'a mut Turn) -> Option<(&'a mut Recovery, Means<'a>)> {
        let outgoing = self.outgoing.as_deref_mut()?;
        let congestion: &mut Congestion = &mut self.congestion;
        let means = Means { congestion, rtt: &mut self.rtt, knobs: turn.knobs, out: turn.out };
        Some((&mut outgoing.recovery, means))
    }

    /// What is in flight was lost, but not to congestion: only what is larger than the segments of now, or all of it.
    pub(super) fn lose_flight(&mut self, all: bool, out: &mut Output) {
        let (nxt, mss) = (self.send.nxt, u32::from(self.effective_mss()));
        let Some(outgoing) = &mut self.outgoing else { return };
        if all {
            outgoing.recovery.on_swallowed(nxt, &mut self.congestion, out);
        } else {
            outgoing.recovery.on_path_shrunk(nxt, mss, &mut self.congestion, out);
        }
    }
}
