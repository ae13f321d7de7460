//! What an operator may turn: one field per Linux sysctl, with Linux's name, unit and default.
//!
//! A knob stands here only when something obeys it. Per-socket values that Linux has an option for are in
//! [`SocketOptions`]; `None` there means "as the stack's knob says". Names, ranges and the text form are in [`table`], files
//! in [`conf`].

mod absent;
mod bounds;
pub mod conf;
mod error;
mod memory;
mod ports;
mod profile;
mod socket;
pub mod table;
mod written;

pub use bounds::BufferBounds;
pub use error::KnobError;
pub use ports::PortSet;
pub use profile::Profile;
pub use socket::{FastOpenOptions, Linger, SocketOptions};
pub use table::Knob;
pub use written::AsWritten;

use crate::congestion::CongestionControl;
use crate::fast_open::FastOpenKeys;

/// The knobs of one stack. Times carry their sysctl's unit in the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knobs {
    /// `net.ipv4.tcp_syn_retries`: exponential SYN retransmissions.
    pub tcp_syn_retries: u8,
    /// `net.ipv4.tcp_syn_linear_timeouts`: SYN retransmissions at a constant second before the exponential ones.
    pub tcp_syn_linear_timeouts: u8,
    /// `net.ipv4.tcp_synack_retries`: SYN-ACK retransmissions of a half-open request.
    pub tcp_synack_retries: u8,
    /// `net.ipv4.tcp_syncookies`: 0 never, 1 when the queue of half-open requests is full, 2 always; 3 is as 1.
    pub tcp_syncookies: u8,
    /// `net.ipv4.tcp_max_syn_backlog`: with `tcp_syncookies = 0` a quarter of it is kept for proven peers.
    pub tcp_max_syn_backlog: i32,
    /// `net.ipv4.tcp_abort_on_overflow`: answer a third ACK with RST when the accept queue is full.
    pub tcp_abort_on_overflow: bool,
    /// `net.ipv4.tcp_autocorking`: a small segment waits while an earlier one of its connection may be in the device.
    pub tcp_autocorking: bool,
    /// `net.core.somaxconn`: upper limit of every backlog.
    pub somaxconn: u32,
    /// `net.core.rmem_max`, octets: the most that SO_RCVBUF may ask for. Linux 6.18 has 4 MiB, older ones 212,992.
    pub rmem_max: u32,
    /// `net.core.wmem_max`, octets: the most that SO_SNDBUF may ask for.
    pub wmem_max: u32,
    /// `net.ipv4.tcp_retries1`: timeouts in a row after which the way to the peer is doubted (R1 of RFC 1122); told by an event.
    pub tcp_retries1: u8,
    /// `net.ipv4.tcp_retries2`: timeouts after which an established connection is given up.
    pub tcp_retries2: u8,
    /// `net.ipv4.tcp_orphan_retries`: the same for a connection no application holds; 0 means 8.
    pub tcp_orphan_retries: u8,
    /// `net.ipv4.tcp_max_orphans`: orphans beyond it are reset.
    pub tcp_max_orphans: u32,
    /// `net.ipv4.tcp_fin_timeout`, seconds: how long an orphan stays in FIN_WAIT2.
    pub tcp_fin_timeout: u32,
    /// `net.ipv4.tcp_max_tw_buckets`: TIME_WAITs beyond it are not created.
    pub tcp_max_tw_buckets: u32,
    /// `net.ipv4.tcp_tw_reuse`: connect() may take a port in TIME_WAIT: 0 never, 1 always, 2 on loopback.
    pub tcp_tw_reuse: u8,
    /// `net.ipv4.tcp_tw_reuse_delay`, milliseconds that a TIME_WAIT must have lasted for that.
    pub tcp_tw_reuse_delay: u32,
    /// `net.ipv4.tcp_rfc1337`: ignore RST in TIME_WAIT.
    pub tcp_rfc1337: bool,
    /// `net.ipv4.tcp_timestamps`: 0 off, 1 with an offset per flow, 2 without.
    pub tcp_timestamps: u8,
    /// `net.ipv4.tcp_sack`: offer and accept selective acknowledgments.
    pub tcp_sack: bool,
    /// `net.ipv4.tcp_ecn`: explicit congestion notification: 0 off, 1 asked for and agreed to, 2 only agreed to.
    pub tcp_ecn: u8,
    /// `net.ipv4.tcp_ecn_fallback`: a SYN that is sent again does not ask for it.
    pub tcp_ecn_fallback: bool,
    /// `net.ipv4.tcp_dsack`: report octets that came twice (RFC 2883), where SACK was agreed on.
    pub tcp_dsack: bool,
    /// `net.ipv4.tcp_window_scaling`: offer and accept window scaling.
    pub tcp_window_scaling: bool,
    /// `net.ipv4.tcp_keepalive_time`, seconds of idleness before the first probe.
    pub tcp_keepalive_time: u32,
    /// `net.ipv4.tcp_keepalive_intvl`, seconds between probes.
    pub tcp_keepalive_intvl: u32,
    /// `net.ipv4.tcp_keepalive_probes`: unanswered probes before the connection is given up.
    pub tcp_keepalive_probes: u8,
    /// `net.ipv4.tcp_challenge_ack_limit`: challenge ACKs per second and stack. Linux has no limit since 5.18; its old one, our default,
    /// bounds what a flood can make a stack send.
    pub tcp_challenge_ack_limit: u32,
    /// `net.ipv4.tcp_invalid_ratelimit`, milliseconds between answers to invalid segments of one flow.
    pub tcp_invalid_ratelimit: u32,
    /// `net.ipv4.tcp_mem`, pages of 4096 octets over all connections: no pressure up to the first, pressure from the second
    /// on, nothing more beyond the third. The default is Linux's for 23 GiB; see [`Knobs::for_memory`].
    pub tcp_mem: [u32; 3],
    /// `net.ipv4.tcp_rmem`, octets: least, default, largest receive buffer.
    pub tcp_rmem: [u32; 3],
    /// `net.ipv4.tcp_moderate_rcvbuf`: the receive buffer grows with what the application reads in a round trip.
    pub tcp_moderate_rcvbuf: bool,
    /// `net.ipv4.tcp_notsent_lowat`, octets: TCP_NOTSENT_LOWAT of sockets that set none.
    pub tcp_notsent_lowat: u32,
    /// `net.ipv4.tcp_shrink_window`: the window is taken back when memory is short (RFC 7323 section 2.4 advises against it).
    pub tcp_shrink_window: bool,
    /// `net.ipv4.tcp_wmem`, octets: least, default, largest send buffer.
    pub tcp_wmem: [u32; 3],
    /// `net.ipv4.tcp_rto_min_us`, microseconds: what a retransmission timeout has beyond the round trip, at least.
    pub tcp_rto_min_us: u32,
    /// `net.ipv4.tcp_rto_max_ms`, milliseconds: the longest retransmission timeout and probe interval.
    pub tcp_rto_max_ms: u32,
    /// `net.ipv4.ip_local_port_range`: first and last ephemeral port.
    pub ip_local_port_range: [u16; 2],
    /// `net.ipv4.tcp_slow_start_after_idle`: the congestion window shrinks while nothing is sent (RFC 2861).
    pub tcp_slow_start_after_idle: bool,
    /// `net.ipv4.ip_local_reserved_ports`: ports that are never chosen, only named.
    pub ip_local_reserved_ports: PortSet,
    /// `net.ipv4.tcp_fastopen`: bits of [`crate::fast_open`].
    pub tcp_fastopen: u32,
    /// `net.ipv4.tcp_fastopen_key`: what makes cookies, and what made those before; `None`: a key of the stack's own.
    pub tcp_fastopen_key: Option<FastOpenKeys>,
    /// `net.ipv4.tcp_fastopen_blackhole_timeout_sec`: the first pause of Fast Open in connect() when something on the way
    /// swallows it; 0: none.
    pub tcp_fastopen_blackhole_timeout_sec: u32,
    /// `net.ipv4.tcp_congestion_control`: what a new socket has.
    pub tcp_congestion_control: CongestionControl,
    /// `net.ipv4.tcp_min_tso_segs`: segments that leave in one burst at least, when the window allows them.
    pub tcp_min_tso_segs: u8,
    /// `net.ipv4.tcp_tso_rtt_log`: bursts are larger on a short way: half as much with each 2^n microseconds of round trip.
    pub tcp_tso_rtt_log: u8,
    /// `net.ipv4.tcp_pacing_ss_ratio`, percent of the window per round trip: the pacing figure in slow start.
    pub tcp_pacing_ss_ratio: u32,
    /// `net.ipv4.tcp_pacing_ca_ratio`, the same afterwards.
    pub tcp_pacing_ca_ratio: u32,
    /// `net.ipv4.tcp_mtu_probing`: 1 looks for the path's MTU when segments vanish, 2 always (RFC 4821).
    pub tcp_mtu_probing: u8,
    /// `net.ipv4.tcp_base_mss`, octets: where that search begins.
    pub tcp_base_mss: i32,
    /// `net.ipv4.tcp_mtu_probe_floor`, octets: it never goes below.
    pub tcp_mtu_probe_floor: u16,
    /// `net.ipv4.tcp_min_snd_mss`, octets: no path makes segments smaller.
    pub tcp_min_snd_mss: u16,
    /// `net.ipv4.tcp_probe_threshold`, octets: the search ends when less is left to find.
    pub tcp_probe_threshold: i32,
    /// `net.ipv4.tcp_probe_interval`, seconds: it begins anew after that.
    pub tcp_probe_interval: u32,
    /// What no sysctl turns.
    pub profile: Profile,
    /// `net.ipv4.tcp_early_retrans`: 3 and 4 send tail loss probes, 0 does not.
    pub tcp_early_retrans: u8,
    /// `net.ipv4.tcp_recovery`: bits of RACK: 2 keeps the reordering window small, 4 keeps it open when many segments were
    /// selectively acknowledged. Bit 1 does nothing: there is no other detector (Linux 6.18 likewise).
    pub tcp_recovery: u8,
    /// `net.ipv4.tcp_frto`: not 0: after a timeout new data tell whether it was spurious (RFC 5682).
    pub tcp_frto: u8,
    /// `net.ipv4.tcp_reordering`, segments that may overtake another before it is believed lost, at first.
    pub tcp_reordering: u32,
    /// `net.ipv4.tcp_max_reordering`, segments: the most that a connection learns.
    pub tcp_max_reordering: u32,
    /// `net.ipv4.tcp_retrans_collapse`: small segments that are sent again become larger ones.
    pub tcp_retrans_collapse: bool,
    /// `net.ipv4.tcp_comp_sack_delay_ns`, nanoseconds: the acknowledgment of a segment out of order waits for the next such
    /// one, a twentieth of the round trip, but no longer.
    pub tcp_comp_sack_delay_ns: u64,
    /// `net.ipv4.tcp_comp_sack_slack_ns`, nanoseconds that it may wait beyond.
    pub tcp_comp_sack_slack_ns: u64,
    /// `net.ipv4.tcp_comp_sack_nr`: so many of them become one at most; 0: each is sent at once.
    pub tcp_comp_sack_nr: u8,
    /// What was written to a knob and means something else; what counts are the fields above.
    pub written: AsWritten,
}

impl Default for Knobs {
    fn default() -> Self {
        Knobs {
            tcp_syn_retries: 6,
            tcp_syn_linear_timeouts: 4,
            tcp_synack_retries: 5,
            tcp_syncookies: 1,
            tcp_max_syn_backlog: 2048,
            tcp_abort_on_overflow: false,
            tcp_autocorking: true,
            somaxconn: 4096,
            rmem_max: 4_194_304,
            wmem_max: 4_194_304,
            tcp_retries1: 3,
            tcp_retries2: 15,
            tcp_orphan_retries: 0,
            tcp_max_orphans: 131_072,
            tcp_fin_timeout: 60,
            tcp_max_tw_buckets: 131_072,
            tcp_tw_reuse: 2,
            tcp_tw_reuse_delay: 1000,
            tcp_rfc1337: false,
            tcp_timestamps: 1,
            tcp_sack: true,
            tcp_ecn: 2,
            tcp_ecn_fallback: true,
            tcp_dsack: true,
            tcp_window_scaling: true,
            tcp_keepalive_time: 7200,
            tcp_keepalive_intvl: 75,
            tcp_keepalive_probes: 9,
            tcp_challenge_ack_limit: 1000,
            tcp_invalid_ratelimit: 500,
            tcp_mem: [287_901, 383_868, 575_802],
            tcp_rmem: [4096, 131_072, 33_554_432],
            tcp_moderate_rcvbuf: true,
            tcp_notsent_lowat: u32::MAX,
            tcp_shrink_window: false,
            tcp_wmem: [4096, 16_384, 4_194_304],
            tcp_rto_min_us: 200_000,
            tcp_rto_max_ms: 120_000,
            ip_local_port_range: [32768, 60999],
            tcp_slow_start_after_idle: true,
            ip_local_reserved_ports: PortSet::default(),
            tcp_fastopen: crate::fast_open::CLIENT,
            tcp_fastopen_key: None,
            tcp_fastopen_blackhole_timeout_sec: 0,
            tcp_congestion_control: CongestionControl::Cubic,
            tcp_min_tso_segs: 2,
            tcp_tso_rtt_log: 9,
            tcp_pacing_ss_ratio: 200,
            tcp_pacing_ca_ratio: 120,
            profile: Profile::LINUX,
            tcp_mtu_probing: 0,
            tcp_base_mss: 1024,
            tcp_mtu_probe_floor: 48,
            tcp_min_snd_mss: 48,
            tcp_probe_threshold: 8,
            tcp_probe_interval: 600,
            tcp_early_retrans: 3,
            tcp_recovery: 1,
            tcp_frto: 2,
            tcp_reordering: 3,
            tcp_max_reordering: 300,
            tcp_retrans_collapse: true,
            tcp_comp_sack_delay_ns: 1_000_000,
            tcp_comp_sack_slack_ns: 100_000,
            tcp_comp_sack_nr: 44,
            written: AsWritten::default(),
        }
    }
}
