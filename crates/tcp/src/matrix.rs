//! For tests only: the segments of the state-by-segment matrix, and replies written as the matrix writes them.

use crate::{Arrival, Instant, Output, Segment, Seq};
use bytes::Bytes;
use lastack_observe::Flow;
use lastack_wire::tcp::{Flags, Header, Options, Timestamps};

mod tests;

/// Every segment of the matrix.
pub(crate) const SEGMENTS: [&str; 31] = [
    "SYN new higher ISN",
    "SYN lower ISN",
    "SYN original ISN again",
    "SYN|ACK exact",
    "SYN|ACK original seq",
    "ACK exact (acks all)",
    "ACK that does not ack our SYN/FIN",
    "ACK of unsent data (+1000)",
    "ACK of old data (-70000)",
    "ACK, old seq (-10)",
    "ACK, seq beyond window",
    "data in order",
    "data, does not ack our SYN/FIN",
    "data already received",
    "data out of order (+100)",
    "data beyond window",
    "data without ACK flag",
    "FIN|ACK in order, acks all",
    "FIN|ACK in order, does not ack our SYN/FIN",
    "FIN|ACK repeated (-1)",
    "data+FIN|ACK in order",
    "FIN without ACK",
    "RST exact",
    "RST in window, not exact (+100)",
    "RST old (-10)",
    "RST beyond window",
    "RST|ACK exact, acks all",
    "RST|ACK, ack of unsent (+1000)",
    "no flags",
    "PAWS: ACK in order with an old timestamp",
    "PAWS: SYN higher ISN with an old timestamp",
];

const BEYOND: i64 = 90_000;

/// What a cell knows of both ends.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    /// Our next number.
    pub(crate) snd_nxt: Seq,
    /// The peer's next number.
    pub(crate) peer_nxt: Seq,
    /// The peer's initial number.
    pub(crate) irs: Seq,
    /// The peer's last TSval and our last TSval; `None`: no timestamps.
    pub(crate) timestamps: Option<(u32, u32)>,
}

fn shifted(seq: Seq, by: i64) -> Seq {
    Seq((i64::from(seq.0) + by).rem_euclid(1 << 32) as u32)
}

impl Ends {
    /// One segment of the matrix.
    pub(crate) fn segment(&self, name: &str) -> Arrival {
        let (flags, seq, ack, len) = shape(name);
        let seq = match seq {
            Some(offset) => shifted(self.peer_nxt, offset),
            None => self.irs,
        };
        let ack = if flags.ack() { shifted(self.snd_nxt, ack) } else { Seq(0) };
        let mut arrival = self.plain(flags, seq, ack, len);
        if let Some((value, echo)) = self.timestamps {
            let value =
                if name.starts_with("PAWS") { value.wrapping_sub(100) } else { value.wrapping_add(10) };
            arrival.header.options.timestamps = Some(Timestamps { value, echo });
        }
        arrival
    }

    /// A segment without options.
    pub(crate) fn plain(&self, flags: Flags, seq: Seq, ack: Seq, len: usize) -> Arrival {
        let header = Header { seq, ack, flags, window: 65_535, ..Header::default() };
        Arrival {
            header,
            payload: Bytes::from(vec![b'x'; len]),
            pinned: len,
            packet: len as u32 + 40,
            piece: 0,
            ecn: crate::Codepoint::NotEct,
        }
    }

    /// Replies as the matrix writes them.
    pub(crate) fn replies(&self, out: &mut Output) -> String {
        let mut text = Vec::new();
        while let Some((_, segment)) = out.poll_reply() {
            text.push(self.describe(&segment));
        }
        if text.is_empty() { "-".to_owned() } else { text.join(" ") }
    }

    /// One reply as the matrix writes it.
    pub(crate) fn describe(&self, segment: &Segment) -> String {
        let header = &segment.header;
        let flags = header.flags;
        let seq = match flags.rst() && flags.ack() {
            true => format!("seq={}", header.seq),
            false => format!("seq=snd_nxt{:+}", header.seq.since(self.snd_nxt)),
        };
        if !flags.ack() {
            return format!("{}({seq})", flag_names(flags));
        }
        format!("{}({seq}, ack=peer_nxt{:+})", flag_names(flags), header.ack.since(self.peer_nxt))
    }
}

fn flag_names(flags: Flags) -> String {
    [(Flags::SYN, "SYN"), (Flags::RST, "RST"), (Flags::FIN, "FIN"), (Flags::ACK, "ACK")]
        .into_iter()
        .filter(|(flag, _)| flags.contains(*flag))
        .map(|(_, name)| name)
        .collect::<Vec<_>>()
        .join("|")
}

/// Flags, number relative to the peer's next (`None`: its initial one), acknowledgment relative to ours, octets.
fn shape(name: &str) -> (Flags, Option<i64>, i64, usize) {
    const ACK: Flags = Flags::ACK;
    let fin_ack = Flags::FIN.with(ACK);
    let syn_ack = Flags::SYN.with(ACK);
    let rst_ack = Flags::RST.with(ACK);
    match name {
        "SYN new higher ISN" | "PAWS: SYN higher ISN with an old timestamp" => {
            (Flags::SYN, Some(100_000), 0, 0)
        }
        "SYN lower ISN" => (Flags::SYN, Some(-100_000), 0, 0),
        "SYN original ISN again" => (Flags::SYN, None, 0, 0),
        "SYN|ACK exact" => (syn_ack, Some(0), 0, 0),
        "SYN|ACK original seq" => (syn_ack, None, 0, 0),
        "ACK exact (acks all)" | "PAWS: ACK in order with an old timestamp" => (ACK, Some(0), 0, 0),
        "ACK that does not ack our SYN/FIN" => (ACK, Some(0), -1, 0),
        "ACK of unsent data (+1000)" => (ACK, Some(0), 1000, 0),
        "ACK of old data (-70000)" => (ACK, Some(0), -70_000, 0),
        "ACK, old seq (-10)" => (ACK, Some(-10), 0, 0),
        "ACK, seq beyond window" => (ACK, Some(BEYOND), 0, 0),
        "data in order" => (ACK, Some(0), 0, 5),
        "data, does not ack our SYN/FIN" => (ACK, Some(0), -1, 5),
        "data already received" => (ACK, Some(-5), 0, 5),
        "data out of order (+100)" => (ACK, Some(100), 0, 5),
        "data beyond window" => (ACK, Some(BEYOND), 0, 5),
        "data without ACK flag" => (Flags::default(), Some(0), 0, 5),
        "FIN|ACK in order, acks all" => (fin_ack, Some(0), 0, 0),
        "FIN|ACK in order, does not ack our SYN/FIN" => (fin_ack, Some(0), -1, 0),
        "FIN|ACK repeated (-1)" => (fin_ack, Some(-1), 0, 0),
        "data+FIN|ACK in order" => (fin_ack, Some(0), 0, 5),
        "FIN without ACK" => (Flags::FIN, Some(0), 0, 0),
        "RST exact" => (Flags::RST, Some(0), 0, 0),
        "RST in window, not exact (+100)" => (Flags::RST, Some(100), 0, 0),
        "RST old (-10)" => (Flags::RST, Some(-10), 0, 0),
        "RST beyond window" => (Flags::RST, Some(BEYOND), 0, 0),
        "RST|ACK exact, acks all" => (rst_ack, Some(0), 0, 0),
        "RST|ACK, ack of unsent (+1000)" => (rst_ack, Some(0), 1000, 0),
        "no flags" => (Flags::default(), Some(0), 0, 0),
        other => panic!("no segment is called {other}"),
    }
}

/// A SYN as the usual peer sends it: MSS 1460, SACK, window scale 7, and timestamps when `tsval` says.
pub(crate) fn peer_syn(flags: Flags, seq: Seq, ack: Seq, timestamps: Option<Timestamps>) -> Arrival {
    let options = Options {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps,
        ..Options::default()
    };
    let header = Header { seq, ack, flags, window: 65_535, options, ..Header::default() };
    Arrival { header, payload: Bytes::new(), pinned: 0, packet: 40, piece: 0, ecn: crate::Codepoint::NotEct }
}

/// An output that listens.
pub(crate) fn output(now: Instant) -> Output {
    let mut out = Output::new(8, 64);
    out.begin(now, Flow::NONE);
    out
}
