//! `struct tcp_info` as Linux 6.18 lays it out (include/uapi/linux/tcp.h), in whole: getsockopt() cuts it to the caller's
//! length. Fields that the stack does not count are zero.

use crate::core::Core;
use crate::descriptors::Open;
use lastack_stack::ConnectionInfo;
use lastack_stack::observe::State;
use std::time::Duration;

/// Octets of the struct in 6.18, with the fields of AccECN.
const LEN: usize = 280;
/// TCPI_OPT_TIMESTAMPS, TCPI_OPT_SACK, TCPI_OPT_WSCALE, TCPI_OPT_ECN.
const TIMESTAMPS: u8 = 1;
const SACK: u8 = 2;
const WINDOW_SCALE: u8 = 4;
const ECN: u8 = 8;
/// Linux's TCP_INFINITE_SSTHRESH.
const THRESHOLD_NONE: u32 = 0x7fff_ffff;
/// Linux's TCP_INIT_CWND and its first guesses at segment sizes and reordering.
const FIRST_WINDOW: u32 = 10;
const SEGMENT_DEFAULT: u32 = 536;
const REORDERING: u32 = 3;

struct Layout([u8; LEN]);

impl Layout {
    fn byte(&mut self, at: usize, value: u8) {
        self.0[at] = value;
    }

    fn word(&mut self, at: usize, value: u32) {
        self.0[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }

    fn long(&mut self, at: usize, value: u64) {
        self.0[at..at + 8].copy_from_slice(&value.to_ne_bytes());
    }
}

/// What getsockopt(TCP_INFO) tells of a socket.
pub(crate) fn octets(core: &Core, open: &Open) -> Vec<u8> {
    let mut layout = Layout([0; LEN]);
    let state = if open.listening.is_some() { State::Listen } else { open.socket.state() };
    layout.byte(0, state as u8);
    layout.long(112, u64::MAX);
    match core.stack.connection_info(&open.socket, core.now) {
        Some(info) => connection(&mut layout, &info),
        None => unconnected(&mut layout, core, open),
    }
    layout.0.to_vec()
}

fn connection(layout: &mut Layout, info: &ConnectionInfo) {
    let agreed = info.negotiated;
    let (send_scale, receive_scale) = agreed.window_scale.unwrap_or((0, 0));
    let options = [
        (agreed.timestamps, TIMESTAMPS),
        (agreed.sack, SACK),
        (agreed.window_scale.is_some(), WINDOW_SCALE),
        (agreed.ecn, ECN),
    ];
    let options = options.iter().filter(|(yes, _)| *yes).fold(0, |all, (_, bit)| all | bit);
    for (at, value) in
        [(1, info.recovery), (2, info.retransmits), (3, info.probes), (4, info.backoff), (5, options)]
    {
        layout.byte(at, value);
    }
    layout.byte(6, send_scale | receive_scale << 4);
    let [sent, received, heard] = info.idle.map(|time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX));
    let window = info.receive_window.min(info.receive_space);
    let words = [
        (8, micros(info.rto)),
        (12, micros(info.ack_delay)),
        (16, u32::from(agreed.mss)),
        (20, u32::from(info.receive_mss)),
        (24, info.unacked),
        (28, info.sacked),
        (32, info.lost),
        (36, info.retransmitted),
        (44, sent),
        (52, received),
        (56, heard),
        (60, u32::from(info.path_mss) + 40),
        (64, window),
        (68, micros(info.rtt)),
        (72, micros(info.rtt_deviation)),
        (76, info.slow_start_threshold),
        (80, info.congestion_window),
        (84, u32::from(info.advertised_mss)),
        (88, REORDERING),
        (96, window),
        (144, info.unsent),
        (148, info.rtt_least.map_or(u32::MAX, micros)),
        (192, info.delivered),
        (228, info.send_window),
        (232, info.receive_window),
    ];
    for (at, value) in words {
        layout.word(at, value);
    }
    layout.long(120, info.octets_acked);
}

/// A socket without a connection: Linux's first values.
fn unconnected(layout: &mut Layout, core: &Core, open: &Open) {
    layout.byte(2, core.stack.connecting_retransmits(&open.socket).unwrap_or(0));
    if let Some(backlog) = open.listening {
        // Of a listener, unacked is the accept queue and sacked its limit.
        layout.word(28, backlog.min(core.stack.knobs().somaxconn));
        layout.word(24, u32::try_from(open.socket.waiting_to_accept()).unwrap_or(u32::MAX));
        return;
    }
    let words = [
        (8, 1_000_000),
        (16, SEGMENT_DEFAULT),
        (72, 250_000),
        (76, THRESHOLD_NONE),
        (80, FIRST_WINDOW),
        (88, REORDERING),
        (148, u32::MAX),
    ];
    for (at, value) in words {
        layout.word(at, value);
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}
