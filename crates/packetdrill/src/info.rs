//! `struct tcp_info` as Linux 6.18 lays it out (include/uapi/linux/tcp.h), in whole: getsockopt() cuts it to the caller's
//! length. The AccECN fields at its end are zero: the stack has no ECN.

use crate::core::Core;
use crate::descriptors::Open;
use lastack_stack::observe::{State, TcpInfo};

/// Octets of the struct in 6.18, with the fields of AccECN.
const LEN: usize = 280;

struct Layout([u8; LEN]);

impl Layout {
    fn put(&mut self, at: usize, octets: &[u8]) {
        self.0[at..at + octets.len()].copy_from_slice(octets);
    }

    fn words(&mut self, words: &[(usize, u32)]) {
        words.iter().for_each(|(at, value)| self.put(*at, &value.to_ne_bytes()));
    }

    fn longs(&mut self, longs: &[(usize, u64)]) {
        longs.iter().for_each(|(at, value)| self.put(*at, &value.to_ne_bytes()));
    }
}

/// What getsockopt(TCP_INFO) tells of a socket.
pub(crate) fn octets(core: &Core, open: &Open) -> Vec<u8> {
    let (state, mut info) = match open.listening {
        Some(backlog) => (State::Listen, of_listener(core, open, backlog)),
        None => (
            open.socket.state(),
            core.stack.connection_info(&open.socket, core.now).unwrap_or_else(TcpInfo::fresh),
        ),
    };
    // Linux keeps TIME_WAIT apart from the socket, which is closed then.
    let state = if state == State::TimeWait { State::Closed } else { state };
    if let Some(rate) = open.pacing_max() {
        info.max_pacing_rate = rate;
        info.pacing_rate = info.pacing_rate.min(rate);
    }
    lay_out(state, &info).to_vec()
}

/// Of a listener, unacked is the accept queue and sacked its limit.
fn of_listener(core: &Core, open: &Open, backlog: u32) -> TcpInfo {
    TcpInfo {
        unacked: u32::try_from(open.socket.waiting_to_accept()).unwrap_or(u32::MAX),
        sacked: backlog.min(core.stack.knobs().somaxconn),
        ..TcpInfo::listener()
    }
}

fn lay_out(state: State, info: &TcpInfo) -> [u8; LEN] {
    let mut layout = Layout([0; LEN]);
    let scales = info.snd_wscale | info.rcv_wscale << 4;
    let bytes = [
        state as u8,
        info.ca_state,
        info.retransmits,
        info.probes,
        info.backoff,
        info.options,
        scales,
        u8::from(info.app_limited) | info.fastopen_client_fail << 1,
    ];
    layout.put(0, &bytes);
    first_words(&mut layout, info);
    later_words(&mut layout, info);
    layout.longs(&[
        (104, info.pacing_rate),
        (112, info.max_pacing_rate),
        (120, info.bytes_acked),
        (128, info.bytes_received),
        (160, info.delivery_rate),
        (168, info.busy_time_us),
        (176, info.rwnd_limited_us),
        (184, info.sndbuf_limited_us),
        (200, info.bytes_sent),
        (208, info.bytes_retrans),
    ]);
    layout.put(240, &info.total_rto.to_ne_bytes());
    layout.put(242, &info.total_rto_recoveries.to_ne_bytes());
    layout.0
}

/// The part that is as old as the struct. At 48 is a time that Linux does not keep.
fn first_words(layout: &mut Layout, info: &TcpInfo) {
    layout.words(&[
        (8, info.rto_us),
        (12, info.ato_us),
        (16, info.snd_mss),
        (20, info.rcv_mss),
        (24, info.unacked),
        (28, info.sacked),
        (32, info.lost),
        (36, info.retrans),
        (40, info.fackets),
        (44, info.last_data_sent_ms),
        (52, info.last_data_recv_ms),
        (56, info.last_ack_recv_ms),
        (60, info.pmtu),
        (64, info.rcv_ssthresh),
        (68, info.rtt_us),
        (72, info.rttvar_us),
        (76, info.snd_ssthresh),
        (80, info.snd_cwnd),
        (84, info.advmss),
        (88, info.reordering),
        (92, info.rcv_rtt_us),
        (96, info.rcv_space),
        (100, info.total_retrans),
    ]);
}

fn later_words(layout: &mut Layout, info: &TcpInfo) {
    layout.words(&[
        (136, info.segs_out),
        (140, info.segs_in),
        (144, info.notsent_bytes),
        (148, info.min_rtt_us),
        (152, info.data_segs_in),
        (156, info.data_segs_out),
        (192, info.delivered),
        (196, info.delivered_ce),
        (216, info.dsack_dups),
        (220, info.reord_seen),
        (224, info.rcv_ooopack),
        (228, info.snd_wnd),
        (232, info.rcv_wnd),
        (236, info.rehash),
        (244, info.total_rto_time_ms),
    ]);
}
