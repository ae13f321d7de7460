//! The knobs by name: what Linux calls them, the values it takes, and what they mean.
//!
//! Ranges are what a Linux 6.18 was seen to accept and refuse (EINVAL), its number syntax too: decimal, `0x` and octal,
//! fewer numbers than a knob has leave the rest, further ones are ignored. A number that means nothing (a negative time, a
//! switch at 2) counts as the nearest that does, and is read back as it was written, as in Linux.

use super::{KnobError, Knobs, absent};
use crate::congestion::CongestionControl;
use crate::fast_open::FastOpenKeys;

#[cfg(test)]
mod tests;

/// One knob.
#[derive(Debug)]
pub struct Knob {
    /// `net.ipv4.tcp_fin_timeout`.
    pub name: &'static str,
    /// What it does, in one line, unit included.
    pub doc: &'static str,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    /// One to three numbers.
    Numbers { least: i64, most: i64, read: fn(&Knobs) -> Numbers, write: fn(&mut Knobs, [i64; 3]) },
    /// First and last port.
    Range,
    /// A list of ports.
    Ports,
    /// One or two keys.
    Keys,
    /// Names of congestion controls. `write` answers false to a name that does not exist; `None`: only to be read.
    Names { read: fn(&Knobs) -> String, write: Option<fn(&mut Knobs, &str) -> bool> },
}

/// The numbers of a knob; only the first `count` mean something.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    all: [i64; 3],
    count: usize,
}

/// A field that is made of numbers.
trait Field {
    fn numbers(&self) -> Numbers;
    fn from_numbers(all: [i64; 3]) -> Self;
}

impl Field for bool {
    fn numbers(&self) -> Numbers {
        Numbers { all: [i64::from(*self), 0, 0], count: 1 }
    }
    fn from_numbers(all: [i64; 3]) -> bool {
        all[0] != 0
    }
}

macro_rules! plain {
    ($($number:ident)*) => {$(
        impl Field for $number {
            fn numbers(&self) -> Numbers {
                Numbers { all: [i64::from(*self), 0, 0], count: 1 }
            }
            fn from_numbers(all: [i64; 3]) -> $number {
                let (least, most) = (i64::from($number::MIN), i64::from($number::MAX));
                all[0].clamp(least, most) as $number
            }
        }
    )*};
}

plain!(u8 u16 u32 i32);

impl Field for u64 {
    fn numbers(&self) -> Numbers {
        Numbers { all: [i64::try_from(*self).unwrap_or(i64::MAX), 0, 0], count: 1 }
    }
    fn from_numbers(all: [i64; 3]) -> u64 {
        all[0].max(0) as u64
    }
}

impl Field for [u32; 3] {
    fn numbers(&self) -> Numbers {
        Numbers { all: self.map(i64::from), count: 3 }
    }
    fn from_numbers(all: [i64; 3]) -> [u32; 3] {
        all.map(|number| number.clamp(0, i64::from(u32::MAX)) as u32)
    }
}

macro_rules! table {
    ($($name:literal $field:ident $least:literal..=$most:expr, $doc:literal;)*) => {
        &[$(Knob {
            name: $name,
            doc: $doc,
            shape: Shape::Numbers {
                least: $least,
                most: $most,
                read: |knobs| knobs.$field.numbers(),
                write: |knobs, all| knobs.$field = Field::from_numbers(all),
            },
        },)*
        Knob {
            name: "net.ipv4.ip_local_port_range",
            doc: "first and last port that connect() and bind() to port 0 choose from",
            shape: Shape::Range,
        },
        Knob {
            name: "net.ipv4.ip_local_reserved_ports",
            doc: "ports that are never chosen, only bound by name: 80,8080-8090",
            shape: Shape::Ports,
        },
        Knob {
            name: "net.ipv4.tcp_fastopen_key",
            doc: "keys of Fast Open's cookies: a-b-c-d,e-f-g-h; empty: a secret one of its own",
            shape: Shape::Keys,
        },
        Knob {
            name: "net.ipv4.tcp_available_congestion_control",
            doc: "the congestion controls that there are; only to be read",
            shape: Shape::Names { read: |_| CongestionControl::names(), write: None },
        },
        Knob {
            name: "net.ipv4.tcp_allowed_congestion_control",
            doc: "those that an application may choose (TCP_CONGESTION): all; only to be read, as in a namespace",
            shape: Shape::Names { read: |_| CongestionControl::names(), write: None },
        },
        Knob {
            name: "net.ipv4.tcp_congestion_control",
            doc: "the congestion control of a new socket: reno, cubic",
            shape: Shape::Names {
                read: |knobs| knobs.tcp_congestion_control.name().to_owned(),
                write: Some(|knobs, value| {
                    let control = CongestionControl::named(value.trim());
                    knobs.tcp_congestion_control = control.unwrap_or(knobs.tcp_congestion_control);
                    control.is_some()
                }),
            },
        }]
    };
}

const OCTET: i64 = 255;
const INT: i64 = i32::MAX as i64;
const NUMBER: i64 = u32::MAX as i64;
/// Linux keeps these in ticks of a 250 Hz clock.
const SECONDS: i64 = INT / 250;
/// Linux keeps this one in the unsigned ticks of the same clock.
const PROBE_SECONDS: i64 = u32::MAX as i64 / 250;
/// And these milliseconds, too, rounded up to whole ticks.
const TICKED: &str = "net.ipv4.tcp_invalid_ratelimit";
const TICK_MS: i64 = 4;

/// Every knob. Listed by [`all`] in the order of names.
const TABLE: &[Knob] = table! {
    "net.core.rmem_max" rmem_max 2304..=INT, "octets: the most that SO_RCVBUF may ask for";
    "net.core.wmem_max" wmem_max 4608..=INT, "octets: the most that SO_SNDBUF may ask for";
    "net.core.somaxconn" somaxconn 0..=INT, "upper limit of every backlog";
    "net.ipv4.tcp_abort_on_overflow" tcp_abort_on_overflow 0..=OCTET, "1: a third ACK on a full accept queue is reset";
    "net.ipv4.tcp_autocorking" tcp_autocorking 0..=1, "1: small segments wait for earlier ones in the device";
    "net.ipv4.tcp_base_mss" tcp_base_mss -2147483648..=INT, "octets: where the search for the path's MTU begins";
    "net.ipv4.tcp_challenge_ack_limit" tcp_challenge_ack_limit -2147483648..=INT, "challenge ACKs per second";
    "net.ipv4.tcp_comp_sack_delay_ns" tcp_comp_sack_delay_ns 0..=i64::MAX, "nanoseconds that ACKs of out-of-order segments wait at most";
    "net.ipv4.tcp_comp_sack_nr" tcp_comp_sack_nr 0..=OCTET, "ACKs of out-of-order segments that become one at most";
    "net.ipv4.tcp_comp_sack_slack_ns" tcp_comp_sack_slack_ns 0..=i64::MAX, "nanoseconds that they may wait beyond";
    "net.ipv4.tcp_dsack" tcp_dsack 0..=OCTET, "1: report octets that came twice";
    "net.ipv4.tcp_early_retrans" tcp_early_retrans 0..=4, "3: tail loss probes, 0: none";
    "net.ipv4.tcp_ecn" tcp_ecn 0..=2, "congestion notification: 0: off, 1: asked for, 2: agreed to";
    "net.ipv4.tcp_ecn_fallback" tcp_ecn_fallback 0..=1, "1: a SYN that is sent again does not ask for ECN";
    "net.ipv4.tcp_fastopen" tcp_fastopen -2147483648..=INT, "bits: 1 clients, 2 servers, 4, 0x200 and 0x400: see the docs";
    "net.ipv4.tcp_fastopen_blackhole_timeout_sec" tcp_fastopen_blackhole_timeout_sec 0..=INT, "first pause of Fast Open, seconds";
    "net.ipv4.tcp_fin_timeout" tcp_fin_timeout -8589934..=SECONDS, "seconds that an orphan stays in FIN_WAIT2";
    "net.ipv4.tcp_frto" tcp_frto 0..=OCTET, "0: timeouts are not examined; else new data tell of spurious ones";
    "net.ipv4.tcp_invalid_ratelimit" tcp_invalid_ratelimit 0..=INT, "milliseconds between answers to invalid segments";
    "net.ipv4.tcp_keepalive_intvl" tcp_keepalive_intvl -8589934..=SECONDS, "seconds between keepalive probes";
    "net.ipv4.tcp_keepalive_probes" tcp_keepalive_probes 0..=OCTET, "unanswered probes that end a connection";
    "net.ipv4.tcp_keepalive_time" tcp_keepalive_time -8589934..=SECONDS, "idle seconds before the first probe";
    "net.ipv4.tcp_max_orphans" tcp_max_orphans -2147483648..=INT, "orphans beyond it are reset";
    "net.ipv4.tcp_max_reordering" tcp_max_reordering 1..=INT, "segments: the most reordering that is learnt";
    "net.ipv4.tcp_max_syn_backlog" tcp_max_syn_backlog -2147483648..=INT, "only with tcp_syncookies = 0: half-open requests";
    "net.ipv4.tcp_max_tw_buckets" tcp_max_tw_buckets -2147483648..=INT, "TIME_WAITs beyond it are not created";
    "net.ipv4.tcp_mem" tcp_mem 0..=INT, "pages of all connections: no pressure up to, pressure from, no more than";
    "net.ipv4.tcp_min_snd_mss" tcp_min_snd_mss 48..=65535, "octets: no path makes segments smaller";
    "net.ipv4.tcp_min_tso_segs" tcp_min_tso_segs 1..=OCTET, "segments of a burst at least";
    "net.ipv4.tcp_moderate_rcvbuf" tcp_moderate_rcvbuf 0..=OCTET, "1: the receive buffer grows with the reader";
    "net.ipv4.tcp_notsent_lowat" tcp_notsent_lowat 0..=NUMBER, "octets that may wait unsent before a writer must";
    "net.ipv4.tcp_mtu_probe_floor" tcp_mtu_probe_floor 48..=65535, "octets: the search never goes below";
    "net.ipv4.tcp_mtu_probing" tcp_mtu_probing 0..=OCTET, "search for the path's MTU: 1: in a black hole, 2: always";
    "net.ipv4.tcp_orphan_retries" tcp_orphan_retries 0..=OCTET, "timeouts that end an orphan; 0 means 8";
    "net.ipv4.tcp_pacing_ca_ratio" tcp_pacing_ca_ratio 0..=1000, "percent: the pacing figure after slow start";
    "net.ipv4.tcp_pacing_ss_ratio" tcp_pacing_ss_ratio 0..=1000, "percent: the pacing figure in slow start";
    "net.ipv4.tcp_probe_interval" tcp_probe_interval 0..=PROBE_SECONDS, "seconds after which the search begins anew";
    "net.ipv4.tcp_probe_threshold" tcp_probe_threshold -2147483648..=INT, "octets: with less to find the search ends";
    "net.ipv4.tcp_recovery" tcp_recovery 0..=OCTET, "bits of RACK: 2: a static window, 4: no threshold of three";
    "net.ipv4.tcp_reordering" tcp_reordering 1..=300, "segments that may overtake another, at first";
    "net.ipv4.tcp_retrans_collapse" tcp_retrans_collapse 0..=OCTET, "1: small segments sent again become larger ones";
    "net.ipv4.tcp_retries1" tcp_retries1 0..=OCTET, "timeouts after which the way is doubted; told by an event";
    "net.ipv4.tcp_retries2" tcp_retries2 0..=OCTET, "timeouts that end a connection";
    "net.ipv4.tcp_rfc1337" tcp_rfc1337 0..=OCTET, "1: RST does not end TIME_WAIT";
    "net.ipv4.tcp_rmem" tcp_rmem 1..=INT, "octets of receive buffer: least, default, most";
    "net.ipv4.tcp_rto_max_ms" tcp_rto_max_ms 1000..=120_000, "longest retransmission timeout, milliseconds";
    "net.ipv4.tcp_rto_min_us" tcp_rto_min_us 1..=INT, "shortest retransmission timeout, microseconds";
    "net.ipv4.tcp_sack" tcp_sack 0..=OCTET, "1: selective acknowledgments";
    "net.ipv4.tcp_shrink_window" tcp_shrink_window 0..=OCTET, "1: the window is taken back when memory is short";
    "net.ipv4.tcp_slow_start_after_idle" tcp_slow_start_after_idle 0..=OCTET, "1: idle connections begin slowly";
    "net.ipv4.tcp_syn_linear_timeouts" tcp_syn_linear_timeouts 0..=127, "SYN retransmissions a second apart";
    "net.ipv4.tcp_syn_retries" tcp_syn_retries 1..=127, "SYN retransmissions with doubling delay";
    "net.ipv4.tcp_synack_retries" tcp_synack_retries 0..=OCTET, "SYN-ACK retransmissions of a request";
    "net.ipv4.tcp_syncookies" tcp_syncookies 0..=OCTET, "0: never, 1: when the SYN queue is full, 2: always";
    "net.ipv4.tcp_timestamps" tcp_timestamps 0..=OCTET, "0: off, 1: with an offset per flow, 2: without";
    "net.ipv4.tcp_tso_rtt_log" tcp_tso_rtt_log 0..=OCTET, "bursts halve with each 2^n microseconds of round trip";
    "net.ipv4.tcp_tw_reuse" tcp_tw_reuse 0..=2, "connect() may reuse a TIME_WAIT: 0: no, 1: yes, 2: loopback";
    "net.ipv4.tcp_tw_reuse_delay" tcp_tw_reuse_delay 1..=60_000, "milliseconds before a TIME_WAIT may be reused";
    "net.ipv4.tcp_window_scaling" tcp_window_scaling 0..=OCTET, "1: windows beyond 65535 octets";
    "net.ipv4.tcp_wmem" tcp_wmem 1..=INT, "octets of send buffer: least, default, most";
};

/// Ports below it are not for unprivileged users (`ip_unprivileged_port_start`), and Linux refuses them in the range.
const FIRST_UNPRIVILEGED_PORT: i64 = 1024;

/// Every knob, sorted by name.
pub fn all() -> Vec<&'static Knob> {
    let mut knobs: Vec<&Knob> = TABLE.iter().collect();
    knobs.sort_unstable_by_key(|knob| knob.name);
    knobs
}

/// The knob with this name; dots and slashes are one, as for sysctl.
///
/// # Errors
/// Why there is none.
pub fn find(name: &str) -> Result<&'static Knob, KnobError> {
    let name = dotted(name);
    TABLE.iter().find(|knob| knob.name == name).ok_or_else(|| absent::refusal(&name))
}

/// A name with dots. When the first separator is a slash, dots are part of words, as sysctl has it.
fn dotted(name: &str) -> String {
    let name = name.trim();
    match name.find(['.', '/']) {
        Some(at) if name[at..].starts_with('/') => name.replace('/', "."),
        _ => name.to_owned(),
    }
}

impl Knob {
    /// The value, as sysctl prints it.
    pub fn read(&self, knobs: &Knobs) -> String {
        match self.shape {
            Shape::Numbers { read, .. } => {
                let Numbers { all, count } = read(knobs);
                let all = knobs.written.of(self.name, all).unwrap_or(all);
                all[..count].iter().map(i64::to_string).collect::<Vec<_>>().join("\t")
            }
            Shape::Range => {
                let [first, last] = knobs.ip_local_port_range;
                format!("{first}\t{last}")
            }
            Shape::Ports => knobs.ip_local_reserved_ports.to_string(),
            // Linux shows zeros before it has drawn a key; who wrote them back would have a key that everybody knows.
            Shape::Names { read, .. } => read(knobs),
            Shape::Keys => knobs.tcp_fastopen_key.as_ref().map(FastOpenKeys::reveal).unwrap_or_default(),
        }
    }

    /// True when it tells and takes nothing.
    pub fn is_read_only(&self) -> bool {
        matches!(self.shape, Shape::Names { write: None, .. })
    }

    /// Takes a value from its text.
    ///
    /// # Errors
    /// [`KnobError::Malformed`], [`KnobError::OutOfRange`], [`KnobError::NoSuchName`] or [`KnobError::ReadOnly`]; nothing is changed then.
    pub fn write(&self, knobs: &mut Knobs, value: &str) -> Result<(), KnobError> {
        match self.shape {
            Shape::Numbers { least, most, read, write } => {
                let all = self.overlay(read(knobs), value)?;
                if all.iter().any(|number| number.is_some_and(|number| !(least..=most).contains(&number))) {
                    return Err(self.out_of_range(value, format!("{least} to {most}")));
                }
                let before = read(knobs).all;
                let before = knobs.written.of(self.name, before).unwrap_or(before);
                let written = std::array::from_fn(|place| all[place].unwrap_or(before[place]));
                let written = if self.name == TICKED { written.map(whole_ticks) } else { written };
                write(knobs, written);
                let means = read(knobs).all;
                knobs.written.keep(self.name, written, means);
            }
            Shape::Range => {
                let [first, last] = knobs.ip_local_port_range.map(i64::from);
                let all = self.overlay(Numbers { all: [first, last, 0], count: 2 }, value)?;
                let (first, last) = (all[0].unwrap_or(first), all[1].unwrap_or(last));
                if first < FIRST_UNPRIVILEGED_PORT || last < first || last > i64::from(u16::MAX) {
                    return Err(self.out_of_range(value, "1024 to 65535, rising".to_owned()));
                }
                knobs.ip_local_port_range = [first as u16, last as u16];
            }
            Shape::Ports => {
                let malformed = |_| KnobError::Malformed { name: self.name, value: value.to_owned() };
                knobs.ip_local_reserved_ports = value.parse().map_err(malformed)?;
            }
            Shape::Names { write: None, .. } => return Err(KnobError::ReadOnly { name: self.name }),
            Shape::Names { write: Some(write), .. } => {
                if !write(knobs, value) {
                    return Err(KnobError::NoSuchName { name: self.name, value: value.trim().to_owned() });
                }
            }
            Shape::Keys => {
                let keys = Some(value.trim()).filter(|value| !value.is_empty()).map(str::parse);
                knobs.tcp_fastopen_key = keys.transpose().map_err(|_| self.not_a_key())?;
            }
        }
        Ok(())
    }

    /// The numbers that the text gives; `None` where it stops early.
    fn overlay(&self, before: Numbers, value: &str) -> Result<[Option<i64>; 3], KnobError> {
        let malformed = || KnobError::Malformed { name: self.name, value: value.to_owned() };
        let mut all = [None; 3];
        let mut words = value.split_whitespace();
        for (place, slot) in all.iter_mut().take(before.count).enumerate() {
            match words.next() {
                Some(word) => *slot = Some(number(word).ok_or_else(malformed)?),
                None if place == 0 => return Err(malformed()),
                None => break,
            }
        }
        Ok(all)
    }

    /// What was given may be most of a secret: it is not repeated.
    fn not_a_key(&self) -> KnobError {
        KnobError::Malformed { name: self.name, value: "...".to_owned() }
    }

    fn out_of_range(&self, value: &str, range: String) -> KnobError {
        KnobError::OutOfRange { name: self.name, value: value.trim().to_owned(), range }
    }
}

/// Rounded up to Linux's ticks.
fn whole_ticks(ms: i64) -> i64 {
    (ms + TICK_MS - 1) / TICK_MS * TICK_MS
}

/// A number in the kernel's syntax. A number too long for it is as far out of every range as one can be.
fn number(word: &str) -> Option<i64> {
    let (negative, digits) = word.strip_prefix('-').map_or((false, word), |rest| (true, rest));
    let (radix, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (16, hex),
        None if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        None => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let size = i64::from_str_radix(digits, radix).unwrap_or(i64::MAX);
    Some(if negative { -size } else { size })
}
