//! What an application sets on one socket: Linux's socket options, with Linux's meaning of a fresh socket's values.

use crate::congestion::CongestionControl;
use crate::fast_open::FastOpenKeys;
use std::time::Duration;

/// How close() treats data that is not acknowledged yet (SO_LINGER).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Linger {
    /// close() returns at once, the stack delivers in the background.
    #[default]
    Off,
    /// close() resets the connection.
    Reset,
    /// close() waits this long for the data and the FIN to be acknowledged.
    Wait(Duration),
}

/// Fast Open's options of one socket.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct FastOpenOptions {
    /// TCP_FASTOPEN of a listener: how many connections may wait for their proof; zero: no Fast Open.
    pub queue: u32,
    /// TCP_FASTOPEN_CONNECT: connect() waits for the first octets when a cookie is known, and lets the SYN carry them.
    pub connect: bool,
    /// TCP_FASTOPEN_NO_COOKIE: data goes, or is taken, without a cookie.
    pub no_cookie: bool,
    /// TCP_FASTOPEN_KEY of a listener, in place of `tcp_fastopen_key`.
    pub keys: Option<Box<FastOpenKeys>>,
}

/// What an application set on one socket. `None` and `false` are the defaults of a fresh socket.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SocketOptions {
    /// TCP_NODELAY: no Nagle.
    pub nodelay: bool,
    /// TCP_CORK: send full segments only, for at most 200 ms.
    pub cork: bool,
    /// The last write had MSG_MORE: as corked until the next one, and nothing asks the peer to hurry (PSH).
    pub more: bool,
    /// The last write had MSG_EOR: nothing that follows leaves in one segment with it.
    pub record: bool,
    /// TCP_QUICKACK as last set: `Some(false)` starts in delayed mode.
    pub quickack: Option<bool>,
    /// SO_KEEPALIVE.
    pub keepalive: bool,
    /// TCP_KEEPIDLE.
    pub keepidle: Option<Duration>,
    /// TCP_KEEPINTVL.
    pub keepintvl: Option<Duration>,
    /// TCP_KEEPCNT.
    pub keepcnt: Option<u8>,
    /// SO_LINGER.
    pub linger: Linger,
    /// TCP_USER_TIMEOUT.
    pub user_timeout: Option<Duration>,
    /// TCP_SYNCNT.
    pub syncnt: Option<u8>,
    /// TCP_DEFER_ACCEPT of a listener, seconds: a bare third segment waits for data that long; zero: off.
    pub defer_accept: u32,
    /// Of a listener: every SYN is answered with a cookie and no request is kept, whatever `tcp_syncookies` says. Who
    /// comes out of accept() has proved its address. No Linux option; netfilter's SYNPROXY is the like.
    pub syn_proxy: bool,
    /// TCP Fast Open (RFC 7413).
    pub fast_open: FastOpenOptions,
    /// TCP_LINGER2, seconds; negative: no FIN_WAIT2 at all for an orphan.
    pub linger2: Option<i32>,
    /// TCP_MAXSEG: the largest segment that either side sends.
    pub maxseg: Option<u16>,
    /// SO_RCVBUF as Linux keeps it (already doubled).
    pub rcvbuf: Option<u32>,
    /// SO_SNDBUF as Linux keeps it (already doubled).
    pub sndbuf: Option<u32>,
    /// TCP_NOTSENT_LOWAT: so many octets may wait to be sent, however large the send buffer is.
    pub notsent_lowat: Option<u32>,
    /// SO_RCVLOWAT: a reader waits until so many octets are there.
    pub rcvlowat: Option<u32>,
    /// TCP_WINDOW_CLAMP: no window beyond it is offered. Unlike Linux's, autotuning does not raise it.
    pub window_clamp: Option<u32>,
    /// SO_OOBINLINE: urgent octets stay in the stream (RFC 6093 recommends it).
    pub oobinline: bool,
    /// IP_TTL or the hop limit; 64 when it was not set.
    pub ttl: Option<u8>,
    /// IP_TOS or the traffic class. The two ECN bits are TCP's own and stay zero.
    pub tos: u8,
    /// IP_MINTTL or IPV6_MINHOPCOUNT: segments with less are dropped (RFC 5082); zero drops none.
    pub minttl: u8,
    /// IP_RECVERR or IPV6_RECVERR: what the network says of an open connection is told at once, not only when it timed out.
    pub recverr: bool,
    /// IP_LOCAL_PORT_RANGE: of the stack's range only so much is used for this socket; a zero leaves that end.
    pub local_ports: [u16; 2],
    /// TCP_CONGESTION.
    pub congestion: Option<CongestionControl>,
    /// SO_REUSEADDR.
    pub reuseaddr: bool,
    /// SO_REUSEPORT.
    pub reuseport: bool,
    /// IPV6_V6ONLY.
    pub v6only: bool,
}

impl SocketOptions {
    /// The options of a fresh socket.
    pub const DEFAULT: SocketOptions = SocketOptions {
        nodelay: false,
        cork: false,
        more: false,
        record: false,
        quickack: None,
        keepalive: false,
        keepidle: None,
        keepintvl: None,
        keepcnt: None,
        linger: Linger::Off,
        user_timeout: None,
        syncnt: None,
        defer_accept: 0,
        syn_proxy: false,
        fast_open: FastOpenOptions { queue: 0, connect: false, no_cookie: false, keys: None },
        linger2: None,
        maxseg: None,
        rcvbuf: None,
        sndbuf: None,
        notsent_lowat: None,
        rcvlowat: None,
        window_clamp: None,
        oobinline: false,
        ttl: None,
        tos: 0,
        minttl: 0,
        recverr: false,
        local_ports: [0; 2],
        congestion: None,
        reuseaddr: false,
        reuseport: false,
        v6only: false,
    };

    /// The congestion control that it has, or will have.
    pub fn congestion_control(&self, knobs: &super::Knobs) -> CongestionControl {
        self.congestion.unwrap_or(knobs.tcp_congestion_control)
    }

    /// The first and the last port that the stack may choose for it. What lies outside of the stack's range is passed over.
    pub fn local_port_range(&self, knobs: &super::Knobs) -> [u16; 2] {
        let [low, high] = knobs.ip_local_port_range;
        let within = |port: u16, other: u16| if (low..=high).contains(&port) { port } else { other };
        [within(self.local_ports[0], low), within(self.local_ports[1], high)]
    }

    /// What a connection has of its listener's options: all but those that mean the listener alone.
    pub fn inherited(&self) -> SocketOptions {
        SocketOptions { fast_open: FastOpenOptions::default(), ..self.clone() }
    }
}
