//! What both ends of a handshake share: the options and the window that a SYN offers, what two offers agree on,
//! and the bare segments that answer during a handshake (RFC 9293 section 3.5, RFC 7323, RFC 2018).

use crate::clock::tsval;
use crate::knobs::SocketOptions;
use crate::{Arrival, Instant, Knobs, Segment, Seq};
use lastack_wire::tcp::{Flags, Header, Options, Timestamps};

#[cfg(test)]
mod tests;

/// MSS of a peer that does not say (RFC 9293 section 3.7.1, IPv4; Linux uses it for IPv6 too).
const DEFAULT_MSS: u16 = 536;

/// Smallest MSS that we believe a peer (`tcp_min_snd_mss`).
const LEAST_MSS: u16 = 48;

/// Octets that the timestamps option takes in every segment, padding included.
const TIMESTAMPS_LEN: u16 = 12;

/// Largest shift (RFC 7323 section 2.3).
const SHIFT_MAX: u8 = 14;

/// First retransmission timeout of a SYN and of a SYN-ACK (RFC 6298 section 2.1).
pub(crate) const FIRST_TIMEOUT_SECONDS: u32 = 1;

/// The options of one side's SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) mss: u16,
    pub(crate) timestamps: bool,
    pub(crate) sack: bool,
    pub(crate) window_scale: Option<u8>,
    /// ECN, which the flags of a SYN ask for and those of a SYN-ACK grant (RFC 3168 section 6.1.1).
    pub(crate) ecn: bool,
}

impl Offer {
    /// What we offer: what the knobs allow. `mss` is what the path takes.
    pub(crate) fn ours(mss: u16, options: &SocketOptions, knobs: &Knobs) -> Offer {
        Offer {
            mss: options.maxseg.map_or(mss, |maxseg| mss.min(maxseg)),
            timestamps: knobs.tcp_timestamps != 0,
            sack: knobs.tcp_sack,
            window_scale: knobs.tcp_window_scaling.then(|| window_shift(options, knobs)),
            ecn: knobs.tcp_ecn != 0,
        }
    }

    /// What the peer offers in a SYN or SYN-ACK.
    pub(crate) fn of_peer(header: &Header) -> Offer {
        let (options, flags) = (&header.options, header.flags);
        let (asks, slowed) = (flags.contains(Flags::ECE), flags.contains(Flags::CWR));
        Offer {
            mss: options.mss.filter(|&mss| mss != 0).unwrap_or(DEFAULT_MSS).max(LEAST_MSS),
            timestamps: options.timestamps.is_some(),
            sack: options.sack_permitted,
            window_scale: options.window_scale.map(|shift| shift.min(SHIFT_MAX)),
            // A SYN-ACK that reflects both flags comes from somebody who does not know them.
            ecn: asks && slowed != flags.ack(),
        }
    }

    /// Our offer, cut down to what the peer's SYN offered too: what a SYN-ACK may carry.
    pub(crate) fn answer(self, peer: Offer) -> Offer {
        Offer {
            mss: self.mss,
            timestamps: self.timestamps && peer.timestamps,
            sack: self.sack && peer.sack,
            window_scale: self.window_scale.filter(|_| peer.window_scale.is_some()),
            ecn: self.ecn && peer.ecn,
        }
    }

    /// The options of a SYN or SYN-ACK.
    pub(crate) fn options(self, timestamps: Timestamps) -> Options {
        Options {
            mss: Some(self.mss),
            window_scale: self.window_scale,
            sack_permitted: self.sack,
            timestamps: self.timestamps.then_some(timestamps),
            ..Options::default()
        }
    }
}

/// Octets of window that a receive buffer stands for: Linux keeps half for its own bookkeeping
/// (`tcp_adv_win_scale` 1).
fn window_space(options: &SocketOptions, knobs: &Knobs) -> u32 {
    clamped(options.receive_memory(knobs) / 2, options)
}

fn clamped(window: u32, options: &SocketOptions) -> u32 {
    window.min(options.window_clamp.unwrap_or(u32::MAX))
}

/// The shift that lets the window grow to the largest receive buffer; to the buffer that SO_RCVBUF fixed when it did.
fn window_shift(options: &SocketOptions, knobs: &Knobs) -> u8 {
    let space = match options.rcvbuf {
        Some(_) => window_space(options, knobs),
        None => clamped(options.receive_memory(knobs).max(knobs.tcp_rmem[2]).max(knobs.rmem_max), options),
    };
    space.max(1).ilog2().saturating_sub(15).min(u32::from(SHIFT_MAX)) as u8
}

/// The window of a SYN: whole segments of `mss` that fit the buffer, as far as the field can say. A SYN-ACK counts its
/// timestamps in every segment, a SYN cannot know (TIMELINES T01 64240, T02 65160).
pub(crate) fn first_window(mss: u16, timestamps: bool, options: &SocketOptions, knobs: &Knobs) -> u16 {
    first_space(mss, timestamps, options, knobs).min(u32::from(u16::MAX)) as u16
}

/// The same beyond what the field can say: what Linux stands by after the handshake (tcp_select_initial_window).
pub(crate) fn first_space(mss: u16, timestamps: bool, options: &SocketOptions, knobs: &Knobs) -> u32 {
    let segment = u32::from(if timestamps { mss.saturating_sub(TIMESTAMPS_LEN) } else { mss }).max(1);
    let space = window_space(options, knobs);
    if space > segment { space / segment * segment } else { space }
}

/// Linux's window test for records that are not full sockets: the first number, any overlap, or an empty segment
/// at the far edge. Wider than RFC 9293 section 3.10.7.4 by that edge.
pub(crate) fn in_window(arrival: &Arrival, receive_next: Seq, window: u32) -> bool {
    let (seq, end, edge) = (arrival.header.seq, arrival.end(), receive_next + window);
    seq == receive_next || (end.gt(receive_next) && seq.lt(edge)) || (seq == edge && seq == end)
}

/// True when the segment's timestamp is older than the last one (PAWS, RFC 7323 section 5.3).
/// `replay`: how far it may run backwards. Half the numbers away is not older, and zero says nothing (Linux tcp_paws_check).
pub(crate) fn paws_rejects(arrival: &Arrival, ts_recent: u32, replay: i32) -> bool {
    let older = |value: u32| ts_recent.wrapping_sub(value) as i32 > replay;
    ts_recent != 0 && arrival.header.options.timestamps.is_some_and(|ts| older(ts.value))
}

/// What a record that is no full socket echoes. Linux sends no timestamps at all when there is nothing to echo, which a peer
/// whose clock stands at zero sees (measured).
pub(crate) fn echo_of_record(timestamps: bool, ts_recent: u32) -> Option<u32> {
    (timestamps && ts_recent != 0).then_some(ts_recent)
}

/// A bare ACK.
pub(crate) struct BareAck {
    pub(crate) seq: Seq,
    pub(crate) ack: Seq,
    pub(crate) window: u16,
    /// TS.Recent, when both sides send timestamps.
    pub(crate) ts_recent: Option<u32>,
}

impl BareAck {
    pub(crate) fn segment(self, ts_offset: u32, now: Instant) -> Segment {
        let timestamps = self.ts_recent.map(|echo| Timestamps { value: tsval(now, ts_offset), echo });
        Segment {
            header: Header {
                seq: self.seq,
                ack: self.ack,
                flags: Flags::ACK,
                window: self.window,
                options: Options { timestamps, ..Options::default() },
                ..Header::default()
            },
            ..Segment::default()
        }
    }
}

/// The largest payload we send, before options: what the peer, our path and TCP_MAXSEG allow.
pub(crate) fn send_mss(ours: u16, peer: u16) -> u16 {
    ours.min(peer).max(LEAST_MSS)
}

/// The peer's window in octets: shifted when both sides scale and the segment is not a SYN.
pub(crate) fn peer_window(header: &Header, shift: Option<u8>) -> u32 {
    let shift = if header.flags.syn() { 0 } else { shift.unwrap_or(0) };
    u32::from(header.window) << shift
}
