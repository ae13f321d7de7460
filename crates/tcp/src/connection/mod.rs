//! A synchronized connection: ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2, CLOSE-WAIT, CLOSING and LAST-ACK (RFC 9293
//! sections 3.5 to 3.10).
//!
//! Made by the handshake's types through [`Established`], left by value for [`TimeWait`]. `arrives` is section
//! 3.10.7.4, `calls` are 3.10.1 to 3.10.6, `timeouts` is 3.10.8, `transmit` says what may be sent, `ack` when to
//! acknowledge, `header` how our segments look. An idle connection is this struct alone; buffers, out-of-order octets
//! and options that differ from the defaults are boxed while there are any. Not here: SYN-SENT and SYN-RECEIVED,
//! TIME-WAIT, an orphan's FIN-WAIT-2 (a `TimeWait` sub-state, as in Linux), sockets and addresses.

mod ack;
mod arrives;
mod calls;
mod count;
mod fast_open;
mod header;
mod incoming;
mod info;
mod packets;
mod path_probe;
mod path_search;
mod rate;
mod resend;
mod rows;
mod scarce;
mod seed;
mod space;
mod tally;
mod timeouts;
mod timers;
mod transmit;
mod watch;

#[cfg(test)]
mod tests;

pub use incoming::Urgent;
pub use seed::{Established, FirstAck, Outcome, TransmitLimits};

use crate::clock::AnswerLimit;
use crate::congestion::Congestion;
use crate::ecn::Ecn;
use crate::knobs::SocketOptions;
use crate::memory::MemoryLevel;
use crate::receive::window::Beginning;
use crate::receive::{Autotune, ReceiveWindow};
use crate::send::{Recovery, RttEstimator, SendBuffer};
use crate::state::CONNECTION;
use crate::time_wait::{Remains, TIME_WAIT_LENGTH, TimeWait};
use crate::{Arrival, Instant, Knobs, Output, Seq};
use ack::AckPolicy;
use fast_open::{Awaited, Began};
use header::TIMESTAMPS_LEN;
use incoming::Incoming;
use lastack_observe::{Cause, Counter, State, Unreachable};
use path_search::PathSearch;
use space::{ReceiveSpace, SendSpace, Turn};
use std::ops::ControlFlow;
use std::time::Duration;
use tally::Tally;
use timers::{Retries, Timers};
use transmit::Forced;

/// One synchronized connection. See the module.
#[derive(Debug)]
pub struct Connection {
    send: SendSpace,
    receive: ReceiveSpace,
    /// TS.Recent and when it was taken.
    ts_recent: u32,
    ts_recent_at: Instant,
    /// What is added to our timestamp clock.
    ts_offset: u32,
    ack: AckPolicy,
    rtt: RttEstimator,
    congestion: Congestion,
    timers: Timers,
    retries: Retries,
    /// When the peer last acknowledged anything, and when we last sent data.
    heard_at: Instant,
    sent_at: Instant,
    /// Limits answers to segments that are not acceptable.
    answers: AnswerLimit,
    /// Data and FIN that are not acknowledged, and how they fare.
    outgoing: Option<Box<Outgoing>>,
    /// Data that was not taken out, and what came out of order.
    incoming: Option<Box<Incoming>>,
    /// Measures what the reader takes in a round trip, from the peer's first full segment to its FIN. Holds no octets.
    autotune: Option<Box<Autotune>>,
    /// A Fast Open server's handshake, until its third segment.
    unproven: Option<Box<Awaited>>,
    /// The options, when they differ from the defaults.
    options: Option<Box<SocketOptions>>,
    /// The search for the path's MTU, where knobs want one.
    path_search: Option<Box<PathSearch>>,
    /// What TCP_INFO counts, from the first data on.
    tally: Option<Box<Tally>>,
    /// Segments that came and went, those of the handshake too.
    segments_in: u32,
    segments_out: u32,
    state: State,
    timestamps: bool,
    sack: bool,
    window_scaled: bool,
    ecn: Ecn,
    /// How scarce memory is, as the stack last said.
    pub(crate) memory: MemoryLevel,
    /// No application holds it.
    orphan: bool,
    /// Our FIN is queued behind the data: nothing may follow.
    fin_queued: bool,
    /// The peer's FIN was taken in order.
    peer_finished: bool,
    /// The reader was told so: nothing waits to be read any more.
    end_was_read: bool,
    /// The application will not read, or the peer will not send.
    receive_closed: bool,
    /// What the network told of why the peer cannot be reached, when nothing came since.
    unreachable: Option<Unreachable>,
    /// Whether the next segment goes out against Nagle, the congestion window and silly window avoidance.
    forced: Forced,
    /// The acknowledgment that is owed goes out by poll_transmit, before data.
    ack_first: bool,
    /// What Fast Open had to do with it.
    began: Began,
    /// We sent the first SYN.
    opened: bool,
    /// A writer found no room in the send buffer.
    writer_waits: bool,
}

/// Small records keep no deadline that is farther away; Linux has no such bound.
const RECORD_LENGTH_MAX: Duration = Duration::from_secs(24 * 3600);

/// Two cache lines hold what an idle connection keeps; the stack has tens of thousands of them.
const _: () = assert!(size_of::<Connection>() <= 320);

/// What is there only while something is queued or in flight.
#[derive(Debug)]
struct Outgoing {
    buffer: SendBuffer,
    recovery: Recovery,
    /// The packet that was sent last, or is being sent; see `packets`.
    packet_start: Seq,
    packet_end: Seq,
    /// What is queued before it goes out whatever Nagle and the cork say.
    push_end: Seq,
    /// Where the application's last write begins.
    last_write: Seq,
    /// The last write had MSG_MORE, and nothing came since.
    more: bool,
    /// Where the last packet of what waits begins, unless it was sent.
    tail: Seq,
}

impl Connection {
    /// Begins in ESTABLISHED. The caller then hands the same arrival to [`Connection::handle_segment`] when it
    /// carries data or FIN.
    pub fn new(seed: Established, options: &SocketOptions, knobs: &Knobs, now: Instant) -> Connection {
        let (una, nxt) = (seed.iss + 1, seed.irs + 1);
        let (_, our_scale) = seed.window_scale.unwrap_or((0, 0));
        // Linux guesses the peer's segments from what it would send itself (tcp_initialize_rcv_mss).
        let timestamps = if seed.timestamps { TIMESTAMPS_LEN } else { 0 };
        let ours = seed.send_mss.saturating_sub(timestamps);
        let guess = seed.our_mss.min(header::within_half(ours, seed.send_window));
        let rtt = RttEstimator::after_handshake(seed.rtt, una, knobs);
        let mut connection = Connection {
            send: SendSpace::new(&seed),
            receive: ReceiveSpace {
                nxt,
                window: ReceiveWindow::new(Beginning {
                    nxt,
                    advertised: seed.receive_window,
                    scale: our_scale,
                    rcvbuf: options.receive_memory(knobs),
                    mss: seed.our_mss.saturating_sub(timestamps),
                    clamp: options.window_clamp,
                }),
                mss: seed.our_mss,
                handed: 0,
                spare: 0,
                predicted: true,
                accepted: seed.first_ack != FirstAck::NotOwed,
            },
            ts_recent: seed.ts_recent,
            ts_recent_at: now,
            ts_offset: seed.ts_offset,
            ack: AckPolicy::new(guess, seed.receive_window),
            rtt,
            congestion: Congestion::new(options.congestion_control(knobs), seed.cautious),
            timers: Timers::default(),
            retries: Retries::default(),
            heard_at: now,
            sent_at: now,
            answers: AnswerLimit::default(),
            outgoing: None,
            incoming: None,
            autotune: None,
            unproven: None,
            options: None,
            tally: None,
            segments_in: seed.segments_in,
            segments_out: seed.segments_out,
            state: State::Established,
            timestamps: seed.timestamps,
            sack: seed.sack,
            window_scaled: seed.window_scale.is_some(),
            ecn: Ecn::new(seed.ecn),
            memory: MemoryLevel::Plenty,
            orphan: false,
            fin_queued: false,
            peer_finished: false,
            end_was_read: false,
            receive_closed: false,
            unreachable: None,
            path_search: None,
            forced: Forced::No,
            ack_first: false,
            began: Began::default(),
            opened: seed.first_ack != FirstAck::NotOwed,
            writer_waits: false,
        };
        connection.begin(seed.first_ack, options, knobs, now);
        if seed.sent_again > 0 {
            connection.tally().again = u32::from(seed.sent_again);
        }
        connection
    }

    fn begin(&mut self, first_ack: FirstAck, options: &SocketOptions, knobs: &Knobs, now: Instant) {
        self.keep_options(options.clone());
        self.arm_keepalive(knobs, now);
        self.begin_path_search(knobs, now);
        if options.quickack == Some(false) {
            self.ack.enter_interactive_mode();
        }
        match first_ack {
            FirstAck::NotOwed => {}
            FirstAck::Now | FirstAck::NowWithDuplicateSyn => {
                self.ack.owe_now();
                self.ack_first = true;
            }
            FirstAck::WithData => self.ack.delay_longest(self.receive.usable(), now),
        }
    }

    /// A segment arrived (RFC 9293 section 3.10.7.4).
    pub fn handle_segment(
        &mut self,
        arrival: Arrival,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> Outcome {
        debug_assert_ne!(self.state, State::Closed, "the caller drops a connection that ended");
        self.count_arrival(&arrival);
        if let Some(outgoing) = &mut self.outgoing {
            // What MSG_MORE held back leaves with the next acknowledgment (Linux tcp_data_snd_check).
            outgoing.more = false;
        }
        match self.segment_arrives(arrival, &mut Turn { knobs, now, out }) {
            ControlFlow::Continue(()) => Outcome::Continue,
            ControlFlow::Break(outcome) => outcome,
        }
    }

    /// The record that takes its place: TIME_WAIT, or FIN_WAIT2 of an orphan. Called after [`Outcome::TimeWait`].
    pub fn into_time_wait(self) -> TimeWait {
        let window = self.receive.usable();
        TimeWait::new(Remains {
            state: self.state,
            snd_nxt: self.send.nxt,
            rcv_nxt: self.receive.nxt,
            receive_window: window,
            // What exceeds the field wraps, as in Linux (measured); nobody may send into it any more.
            window_field: (window >> self.receive.window.scale()) as u16,
            ts_recent: self.timestamps.then_some(self.ts_recent),
        })
    }

    /// How long that record lives: 60 s (TIMELINES T05). In FIN_WAIT2 tcp_fin_timeout, or, when that exceeds 60 s and
    /// the surplus was spent as a full connection, that surplus once more: 120 s are 60 and 60 (T04c), and 70 s are only
    /// 10 and 10 (Linux 6.18, measured).
    pub fn time_wait_length(&self, knobs: &Knobs) -> Duration {
        if self.state != State::FinWait2 {
            return self.recycled_length(knobs).unwrap_or(knobs.profile.time_wait);
        }
        let length = self.fin_timeout(knobs);
        let surplus = length.saturating_sub(TIME_WAIT_LENGTH);
        let record = if surplus.is_zero() { length } else { surplus.max(self.least_fin_wait_2(knobs)) };
        record.min(RECORD_LENGTH_MAX)
    }

    /// How long TIME_WAIT lasts where it is recycled (Linux before 4.12, `Profile::tw_recycle`): three and a half timeouts.
    pub fn recycled_length(&self, knobs: &Knobs) -> Option<Duration> {
        (knobs.profile.tw_recycle && self.timestamps).then(|| self.rto(knobs) * 7 / 2)
    }

    /// Every change of state: through the table, and told.
    fn go(&mut self, cause: Cause, turn: &mut Turn) {
        self.state = CONNECTION.go(self.state, cause, turn.out);
    }

    /// What is left to do fits the small record.
    fn leave(&mut self, turn: &mut Turn) -> Outcome {
        self.fast_open_ends(turn);
        self.stop_timers();
        Outcome::TimeWait
    }

    /// The connection is no more. What the application has not read stays until the caller takes it.
    fn end(&mut self, cause: Cause, turn: &mut Turn) -> Outcome {
        if matches!(self.state, State::Established | State::CloseWait) {
            turn.out.count(Counter::EstabResets);
        } else if self.state == State::SynRecv {
            turn.out.count(Counter::AttemptFails);
        }
        self.fast_open_ends(turn);
        self.go(cause, turn);
        self.outgoing = None;
        self.send.end = self.send.nxt;
        self.stop_timers();
        Outcome::Closed(cause)
    }

    fn stop_timers(&mut self) {
        self.timers = Timers::default();
        self.unproven = None;
        self.ack.forget();
    }

    fn outgoing(&mut self) -> &mut Outgoing {
        let (una, delivered) = (self.send.una, self.send.delivered);
        self.outgoing.get_or_insert_with(|| {
            Box::new(Outgoing {
                buffer: SendBuffer::new(una),
                recovery: Recovery::new(una, delivered),
                packet_start: una,
                packet_end: una,
                push_end: una,
                last_write: una,
                more: false,
                tail: una,
            })
        })
    }

    /// Gives the send buffer back when everything, the FIN included, was acknowledged, unless a loss or reordering is to be
    /// remembered.
    fn release_outgoing(&mut self) {
        let done = self.send.una == self.send.end;
        if done && self.outgoing.as_ref().is_some_and(|outgoing| outgoing.recovery.is_fresh()) {
            self.outgoing = None;
        }
    }
}
