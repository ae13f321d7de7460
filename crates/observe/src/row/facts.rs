//! What the kernel tells of a socket beyond what every TCP can tell: identity, owner, memory, TCP_INFO. No logic.

use serde::{Deserialize, Serialize};

/// One open descriptor of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The program's name (`comm`), control characters replaced.
    pub name: String,
    /// Process id, in the namespace of the one who asks.
    pub pid: u32,
    /// Descriptor number.
    pub fd: u32,
}

/// Memory of one socket in octets (SK_MEMINFO), and its drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SocketMemory {
    /// Charged for what was received.
    pub receive: u32,
    /// Limit of it.
    pub receive_max: u32,
    /// Charged for packets on their way to the device.
    pub transmit: u32,
    /// Limit of what waits to be sent.
    pub send_max: u32,
    /// Reserved and not used.
    pub forward: u32,
    /// Charged for what waits to be sent or acknowledged.
    pub send: u32,
    /// Options and the like.
    pub option: u32,
    /// Packets that wait until the application lets go of the socket.
    pub backlog: u32,
    /// Packets dropped; of a listener, connections that its full queues refused.
    pub drops: u32,
}

/// TCP_INFO under the kernel's names without their prefix. What an older kernel does not tell is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(
    missing_docs,
    reason = "the names are those of struct tcp_info in linux/tcp.h; times in the unit of the name there"
)]
pub struct TcpInfo {
    pub ca_state: u8,
    pub retransmits: u8,
    pub probes: u8,
    pub backoff: u8,
    pub options: u8,
    pub snd_wscale: u8,
    pub rcv_wscale: u8,
    pub app_limited: bool,
    pub fastopen_client_fail: u8,
    pub rto_us: u32,
    pub ato_us: u32,
    pub snd_mss: u32,
    pub rcv_mss: u32,
    pub unacked: u32,
    pub sacked: u32,
    pub lost: u32,
    pub retrans: u32,
    pub fackets: u32,
    pub last_data_sent_ms: u32,
    pub last_data_recv_ms: u32,
    pub last_ack_recv_ms: u32,
    pub pmtu: u32,
    pub rcv_ssthresh: u32,
    pub rtt_us: u32,
    pub rttvar_us: u32,
    pub snd_ssthresh: u32,
    pub snd_cwnd: u32,
    pub advmss: u32,
    pub reordering: u32,
    pub rcv_rtt_us: u32,
    pub rcv_space: u32,
    pub total_retrans: u32,
    pub pacing_rate: u64,
    pub max_pacing_rate: u64,
    pub bytes_acked: u64,
    pub bytes_received: u64,
    pub segs_out: u32,
    pub segs_in: u32,
    pub notsent_bytes: u32,
    pub min_rtt_us: u32,
    pub data_segs_in: u32,
    pub data_segs_out: u32,
    pub delivery_rate: u64,
    pub busy_time_us: u64,
    pub rwnd_limited_us: u64,
    pub sndbuf_limited_us: u64,
    pub delivered: u32,
    pub delivered_ce: u32,
    pub bytes_sent: u64,
    pub bytes_retrans: u64,
    pub dsack_dups: u32,
    pub reord_seen: u32,
    pub rcv_ooopack: u32,
    pub snd_wnd: u32,
    pub rcv_wnd: u32,
    pub rehash: u32,
    pub total_rto: u16,
    pub total_rto_recoveries: u16,
    pub total_rto_time_ms: u32,
}

impl TcpInfo {
    /// What a socket tells that was never connected: Linux's first guesses.
    pub fn fresh() -> TcpInfo {
        TcpInfo {
            app_limited: true,
            rto_us: 1_000_000,
            snd_mss: 536,
            rttvar_us: 250_000,
            snd_ssthresh: 0x7fff_ffff,
            snd_cwnd: 10,
            reordering: 3,
            pacing_rate: u64::MAX,
            max_pacing_rate: u64::MAX,
            min_rtt_us: u32::MAX,
            ..TcpInfo::default()
        }
    }

    /// What a listener tells; the caller adds its queue.
    pub fn listener() -> TcpInfo {
        let TcpInfo { snd_cwnd, reordering, pacing_rate, max_pacing_rate, .. } = TcpInfo::fresh();
        TcpInfo { snd_cwnd, reordering, pacing_rate, max_pacing_rate, ..TcpInfo::default() }
    }
}

/// What BBR tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bbr {
    /// Estimated bandwidth, octets per second.
    pub bandwidth: u64,
    /// Shortest round trip, in microseconds.
    pub min_rtt_us: u32,
    /// Gain of the pacing rate, in 256ths.
    pub pacing_gain: u32,
    /// Gain of the congestion window, in 256ths.
    pub cwnd_gain: u32,
}

/// What the kernel's socket has and a lastack socket has not.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HostFacts {
    /// Inode of the socket; zero when no descriptor belongs to it.
    pub inode: u32,
    /// Whose socket it is.
    pub uid: u32,
    /// The kernel's id of the socket.
    pub cookie: u64,
    /// Interface it is bound to; zero is any.
    pub interface: u32,
    /// Firewall mark; zero is none.
    pub mark: u32,
    /// True when an IPv6 listener takes no IPv4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v6only: Option<bool>,
    /// Bit 0: nothing more to receive; bit 1: nothing more to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown: Option<u8>,
    /// Id of its control group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<u64>,
    /// True when the row's age is only a lower bound.
    pub age_is_least: bool,
    /// Congestion control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub congestion: Option<String>,
    /// What BBR tells, when it is the congestion control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bbr: Option<Bbr>,
    /// Memory, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<SocketMemory>,
    /// TCP_INFO, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<TcpInfo>,
    /// Who holds it, when asked for: every descriptor that could be seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Holder>,
}
