//! A connection, a scripted peer and a virtual clock. Numbers are relative to the initial ones, times are milliseconds.

use crate::clock::tsval;
use crate::connection::{Connection, Established, FirstAck, Outcome, TransmitLimits};
use crate::knobs::SocketOptions;
use crate::{Arrival, Instant, Knobs, Output, Segment, Seq};
use bytes::Bytes;
use lastack_observe::{Cause, Counter, Flow, State};
use lastack_wire::tcp::{Flags, Header, Options, SackBlock, Timestamps};
use std::time::Duration;

pub(super) const ISS: Seq = Seq(0xffff_ff00);
pub(super) const IRS: Seq = Seq(0x7fff_fff0);
/// Later than every test's first event, so that "before" exists.
pub(super) const START: Instant = Instant(1_000_000_000_000);

/// A passive connection on Ethernet with every option, round trip 0.3 ms (as in TIMELINES).
pub(super) fn seed() -> Established {
    Established {
        iss: ISS,
        irs: IRS,
        send_mss: 1460,
        our_mss: 1460,
        send_window: 65535 << 7,
        receive_window: 65160,
        window_scale: Some((7, 10)),
        timestamps: true,
        sack: true,
        ecn: false,
        ts_offset: 77,
        ts_recent: 1000,
        rtt: Some(Duration::from_micros(300)),
        cautious: false,
        segments_in: 1,
        segments_out: 0,
        sent_again: 0,
        first_ack: FirstAck::NotOwed,
    }
}

pub(super) struct Lab {
    pub(super) connection: Connection,
    pub(super) out: Output,
    pub(super) knobs: Knobs,
    pub(super) now: Instant,
    /// What left, one line each: time, flags, numbers, length, window.
    pub(super) trace: Vec<String>,
    /// The same without text.
    pub(super) sent: Vec<(u64, Segment)>,
    /// What the last call that ended the connection said.
    pub(super) ended: Option<Outcome>,
    /// Super-segments up to this.
    pub(super) limits: TransmitLimits,
}

impl Lab {
    pub(super) fn new() -> Lab {
        Lab::with(seed(), SocketOptions::default(), Knobs::default())
    }

    pub(super) fn with(seed: Established, options: SocketOptions, knobs: Knobs) -> Lab {
        let mut out = Output::new(64, 64);
        out.begin(START, Flow::NONE);
        Lab {
            connection: Connection::new(seed, &options, &knobs, START),
            out,
            knobs,
            now: START,
            trace: Vec::new(),
            sent: Vec::new(),
            ended: None,
            limits: TransmitLimits { super_segment_max: 1, behind_earlier: false },
        }
    }

    pub(super) fn orphan(mut self) -> Lab {
        self.close();
        self
    }

    pub(super) fn state(&self) -> State {
        self.connection.state()
    }

    pub(super) fn count(&self, counter: Counter) -> u64 {
        self.out.counters.value(counter)
    }

    pub(super) fn cause(&self) -> Option<Cause> {
        match self.ended {
            Some(Outcome::Closed(cause)) => Some(cause),
            _ => None,
        }
    }

    fn ms(&self) -> u64 {
        self.now.since(START).as_millis() as u64
    }

    fn note(&mut self, outcome: Outcome) {
        if outcome != Outcome::Continue {
            self.ended = Some(outcome);
        }
        self.flush();
    }

    /// Takes what leaves: replies first, then what poll_transmit gives.
    pub(super) fn flush(&mut self) {
        loop {
            while let Some((_, segment)) = self.out.poll_reply() {
                self.record(segment);
            }
            if self.ended.is_some() {
                return;
            }
            let next = self.connection.poll_transmit(self.limits, &self.knobs, self.now, &mut self.out);
            match next {
                Some(segment) => self.record(segment),
                None => break,
            }
        }
        assert!(!self.connection.has_work(), "polled until there was no work");
    }

    fn record(&mut self, segment: Segment) {
        let header = &segment.header;
        let mut line = format!("{} {:?} seq={}", self.ms(), header.flags, header.seq.since(ISS));
        if header.flags.ack() {
            line += &format!(" ack={}", header.ack.since(IRS));
        }
        line += &format!(" len={} win={}", segment.payload.len(), header.window);
        for block in &header.options.sack {
            line += &format!(" sack {}-{}", block.left.since(IRS), block.right.since(IRS));
        }
        self.trace.push(line);
        self.sent.push((self.ms(), segment));
    }

    /// Takes the trace so far.
    pub(super) fn trace(&mut self) -> Vec<String> {
        self.sent.clear();
        std::mem::take(&mut self.trace)
    }

    /// The times of what was sent so far.
    pub(super) fn times(&mut self) -> Vec<u64> {
        self.trace.clear();
        std::mem::take(&mut self.sent).into_iter().map(|(at, _)| at).collect()
    }

    /// Runs the clock to `ms`, firing what is due on the way.
    pub(super) fn run_to(&mut self, ms: u64) {
        let end = START + Duration::from_millis(ms);
        while let Some(at) = self.connection.deadline().filter(|&at| at <= end && self.ended.is_none()) {
            self.now = self.now.max(at);
            self.out.begin(self.now, Flow::NONE);
            let outcome = self.connection.handle_timeout(&self.knobs, self.now, &mut self.out);
            self.note(outcome);
        }
        if self.ended.is_none() {
            self.now = end;
        }
        self.out.begin(self.now, Flow::NONE);
    }

    /// Runs until the connection ends and says when.
    pub(super) fn run_to_end(&mut self, limit_ms: u64) -> u64 {
        self.run_to(limit_ms);
        assert!(self.ended.is_some(), "still in {}", self.state());
        self.ms()
    }

    /// The peer's segment with current timestamps.
    pub(super) fn segment(&self, flags: Flags, seq: i32, ack: i32, payload: &[u8]) -> Arrival {
        let echo = tsval(self.now, 77);
        let timestamps = Timestamps { value: 1000 + self.ms() as u32, echo };
        Arrival {
            header: Header {
                seq: Seq(IRS.0.wrapping_add_signed(seq)),
                ack: Seq(ISS.0.wrapping_add_signed(ack)),
                flags,
                window: 65535,
                options: Options { timestamps: Some(timestamps), ..Options::default() },
                ..Header::default()
            },
            payload: Bytes::copy_from_slice(payload),
            pinned: payload.len(),
            packet: payload.len() as u32 + 52,
            piece: 0,
            ecn: crate::Codepoint::NotEct,
        }
    }

    pub(super) fn arrive(&mut self, arrival: Arrival) {
        let outcome = self.connection.handle_segment(arrival, &self.knobs, self.now, &mut self.out);
        self.note(outcome);
    }

    pub(super) fn ack(&mut self, seq: i32, ack: i32) {
        self.arrive(self.segment(Flags::ACK, seq, ack, b""));
    }

    /// An acknowledgment with SACK blocks of our octets.
    pub(super) fn sack(&mut self, ack: i32, blocks: &[(u32, u32)]) {
        let mut arrival = self.segment(Flags::ACK, 1, ack, b"");
        arrival.header.options.sack =
            blocks.iter().map(|&(left, right)| SackBlock { left: ISS + left, right: ISS + right }).collect();
        self.arrive(arrival);
    }

    pub(super) fn window(&mut self, seq: i32, ack: i32, window: u16) {
        let mut arrival = self.segment(Flags::ACK, seq, ack, b"");
        arrival.header.window = window;
        self.arrive(arrival);
    }

    pub(super) fn data(&mut self, seq: i32, ack: i32, payload: &[u8]) {
        self.arrive(self.segment(Flags::ACK.with(Flags::PSH), seq, ack, payload));
    }

    pub(super) fn fin(&mut self, seq: i32, ack: i32) {
        self.arrive(self.segment(Flags::ACK.with(Flags::FIN), seq, ack, b""));
    }

    pub(super) fn send(&mut self, octets: usize) {
        self.connection.send(Bytes::from(vec![b'x'; octets]));
        self.flush();
    }

    /// The application reads everything.
    pub(super) fn read(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(chunk) = self.connection.take_received() {
            all.extend_from_slice(&chunk);
        }
        self.connection.consumed(all.len(), &self.knobs, self.now, &mut self.out);
        self.flush();
        all
    }

    pub(super) fn shutdown(&mut self) {
        self.connection.shutdown_send(&self.knobs, self.now, &mut self.out);
        self.flush();
    }

    pub(super) fn close(&mut self) {
        let outcome = self.connection.close(&self.knobs, self.now, &mut self.out);
        self.note(outcome);
    }
}
