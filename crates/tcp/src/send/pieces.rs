//! How the send buffer is cut: Linux's skbs of the write queue, without their octets. A piece carries PSH to its end, and
//! MSG_EOR closes it: nothing is appended to it, and no packet reaches beyond it.
//!
//! A write fills pieces up to the goal (tcp_xmit_size_goal), and what the windows let out leaves meanwhile; a piece that was
//! cut by that is filled again (tcp_sendmsg_locked, tcp_push_one, measured on 6.18). So calls are noted as they come, and laid
//! out before the next transmission, when it is known what may leave. Nothing here decides what is sent.

use lastack_wire::Seq;
use std::collections::VecDeque;

/// Pieces and calls remembered. Beyond it what is appended joins the last one, which costs a PSH or a record's end.
const PIECES_MAX: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    end: Seq,
    push: bool,
    closed: bool,
}

/// Where a call's octets end, and what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Call {
    end: Seq,
    push: bool,
    record: bool,
}

/// What may leave while the calls are laid out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leave {
    /// SEND.NXT.
    pub(crate) nxt: Seq,
    /// Octets of a full segment.
    pub(crate) mss: u32,
    /// Octets of a piece: whole segments.
    pub(crate) goal: u32,
    /// Half of the peer's largest window: PSH comes at least once in it (forced_push).
    pub(crate) half: u32,
    /// Segments that the windows let out, and those of one packet.
    pub(crate) room: u32,
    /// See `room`.
    pub(crate) packet: u32,
}

/// The cuts from SEND.UNA on.
#[derive(Debug)]
pub(crate) struct Pieces {
    cuts: VecDeque<Piece>,
    calls: VecDeque<Call>,
    /// Laid out up to here.
    laid: Seq,
    /// The end of what was marked last (Linux pushed_seq).
    marked: Seq,
    /// A call's octets up to `laid` are not all of it.
    within_call: bool,
}

impl Pieces {
    pub(super) fn new(start: Seq) -> Pieces {
        let (cuts, calls) = (VecDeque::new(), VecDeque::new());
        Pieces { cuts, calls, laid: start, marked: start, within_call: false }
    }

    /// A call ends at `end`. `push`: nothing follows at once; `record`: MSG_EOR.
    pub(super) fn end_call(&mut self, end: Seq, push: bool, record: bool) {
        let last = self.calls.back().map_or(self.laid, |call| call.end);
        if end == last && !self.within_call {
            return;
        }
        if self.calls.len() == PIECES_MAX {
            self.calls.pop_front();
        }
        self.calls.push_back(Call { end, push, record });
    }

    /// True when something waits to be laid out before `end`.
    pub(super) fn is_behind(&self, end: Seq) -> bool {
        self.laid != end || !self.calls.is_empty()
    }

    /// Lays out all octets before `end`.
    pub(super) fn lay_out(&mut self, end: Seq, mut leave: Leave) {
        while let Some(call) = self.calls.pop_front() {
            self.take(call.end, false, &mut leave);
            self.finish(call, &leave);
            if !self.calls.is_empty() {
                self.leave_before_next(&mut leave);
            }
            self.within_call = false;
        }
        if self.laid != end {
            self.take(end, true, &mut leave);
            self.within_call = true;
        }
    }

    /// Fills pieces with the octets of one call; `goes_on`: they are not its last.
    fn take(&mut self, end: Seq, goes_on: bool, leave: &mut Leave) {
        while self.laid.lt(end) {
            let open = self.cuts.back().is_some_and(|tail| !tail.closed && tail.end.gt(leave.nxt))
                && self.tail_len(leave.nxt) < leave.goal;
            if !open && self.cuts.len() < PIECES_MAX {
                self.cuts.push_back(Piece { end: self.laid, push: false, closed: false });
            }
            let room = leave.goal.saturating_sub(self.tail_len(leave.nxt)).max(1);
            let taken = room.min(self.laid.distance_to(end));
            self.laid += taken;
            let whole = self.laid == end && !goes_on;
            if let Some(tail) = self.cuts.back_mut() {
                tail.end = self.laid;
                tail.push &= self.within_call;
            }
            self.within_call = true;
            if !whole && self.tail_len(leave.nxt) >= leave.goal {
                self.filled(leave);
            }
        }
    }

    /// A piece is full, and the call goes on.
    fn filled(&mut self, leave: &mut Leave) {
        let forced = self.is_overdue(leave);
        let before = self.cuts.len().checked_sub(2).map(|place| self.cuts[place].end);
        let heads = before.is_none_or(|end| end.le(leave.nxt));
        if forced {
            self.mark();
        }
        while leave.room > 0 && (forced || heads) {
            let segments =
                leave.packet.min(leave.room).min(leave.nxt.distance_to(self.laid) / leave.mss.max(1));
            if segments == 0 {
                break;
            }
            leave.nxt += segments * leave.mss;
            leave.room -= segments;
            if !forced {
                break;
            }
        }
    }

    fn finish(&mut self, call: Call, leave: &Leave) {
        if call.push || self.is_overdue(leave) {
            self.mark();
        }
        if let Some(tail) = self.cuts.back_mut().filter(|_| call.record) {
            tail.closed = true;
        }
    }

    /// Another call follows in the same turn: the whole segments of this one were sent by then.
    fn leave_before_next(&mut self, leave: &mut Leave) {
        let len = leave.nxt.distance_to(self.laid);
        let segments = len / leave.mss.max(1);
        if len.is_multiple_of(leave.mss) && segments <= leave.room {
            leave.nxt = self.laid;
            leave.room -= segments;
            if let Some(tail) = self.cuts.back_mut() {
                tail.closed = true;
            }
        }
    }

    fn is_overdue(&self, leave: &Leave) -> bool {
        self.laid.gt(self.marked + leave.half)
    }

    fn mark(&mut self) {
        if let Some(tail) = self.cuts.back_mut().filter(|tail| tail.end == self.laid) {
            tail.push = true;
            self.marked = self.laid;
        }
    }

    /// Octets of the last piece that are not sent.
    fn tail_len(&self, nxt: Seq) -> u32 {
        let end = self.cuts.back().map_or(self.laid, |tail| tail.end);
        let before = self.cuts.len().checked_sub(2).map_or(nxt, |place| self.cuts[place].end.max(nxt));
        before.min(end).distance_to(end)
    }

    /// True when a packet of `[seq, end)` carries PSH: a marked piece ends in it.
    pub(super) fn is_pushed(&self, seq: Seq, end: Seq) -> bool {
        let first = self.cuts.partition_point(|piece| piece.end.le(seq));
        self.cuts.iter().skip(first).take_while(|piece| piece.end.le(end)).any(|piece| piece.push)
    }

    /// True when a record ends at `end`.
    pub(super) fn ends_record(&self, end: Seq) -> bool {
        let place = self.cuts.partition_point(|piece| piece.end.lt(end));
        self.cuts.get(place).is_some_and(|piece| piece.end == end && piece.closed)
    }

    /// Octets from `seq` to the end of a record, when one ends within `most`.
    pub(super) fn record_left(&self, seq: Seq, most: u32) -> Option<u32> {
        let first = self.cuts.partition_point(|piece| piece.end.le(seq));
        let near = self.cuts.iter().skip(first).take_while(|piece| piece.end.le(seq + most));
        near.filter(|piece| piece.closed).map(|piece| seq.distance_to(piece.end)).next()
    }

    /// Everything before `start` is acknowledged.
    pub(super) fn forget(&mut self, start: Seq) {
        while self.cuts.front().is_some_and(|piece| piece.end.le(start)) {
            self.cuts.pop_front();
        }
        while self.calls.front().is_some_and(|call| call.end.le(start)) {
            self.calls.pop_front();
        }
        (self.laid, self.marked) = (self.laid.max(start), self.marked.max(start));
    }
}

#[cfg(test)]
mod tests;
