//! One socket of the kernel: `inet_diag_msg` and its attributes, borrowed from the receive buffer.

use super::info;
use super::message::{attributes, u16_at, u32_at, u64_at};
use lastack_observe::{Bbr, Flow, HostFacts, Negotiated, SocketMemory, SocketRow, State, TcpInfo, TimerKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

const FIXED: usize = 72;
const V4: u8 = 2;
const V6: u8 = 10;
const ATTRIBUTE_INFO: u16 = 2;
const ATTRIBUTE_CONGESTION: u16 = 4;
const ATTRIBUTE_MEMORY: u16 = 7;
const ATTRIBUTE_SHUTDOWN: u16 = 8;
const ATTRIBUTE_V6ONLY: u16 = 11;
const ATTRIBUTE_MARK: u16 = 15;
const ATTRIBUTE_BBR: u16 = 16;
const ATTRIBUTE_CGROUP: u16 = 21;

/// What a census needs of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brief {
    /// Its state.
    pub state: State,
    /// Its own end.
    pub local: SocketAddr,
    /// Zero when no descriptor belongs to it.
    pub inode: u32,
}

impl Brief {
    /// None when it is too short, of another family, or in a state that TCP does not have.
    pub(super) fn parse(body: &[u8]) -> Option<Brief> {
        let fixed = body.first_chunk::<FIXED>()?;
        let port = u16::from_be(u16_at(fixed, 4)?);
        let local = end(fixed[0], fixed.get(8..24)?, port, u32_at(fixed, 40)?)?;
        Some(Brief { state: state(fixed[1])?, local, inode: u32_at(fixed, 68)? })
    }

    /// As [`SocketView::orphan`].
    pub fn orphan(&self) -> bool {
        orphan(self.inode, self.state)
    }
}

/// One socket, as long as the buffer lives.
#[derive(Clone, Copy, Debug)]
pub struct SocketView<'a> {
    fixed: &'a [u8; FIXED],
    state: State,
    flow: Flow,
    info: Option<&'a [u8]>,
    congestion: Option<&'a [u8]>,
    bbr: Option<&'a [u8]>,
    memory: Option<&'a [u8]>,
    shutdown: Option<u8>,
    v6only: Option<bool>,
    mark: u32,
    cgroup: Option<u64>,
}

impl<'a> SocketView<'a> {
    /// None when it is too short, of another family, or in a state that TCP does not have.
    pub(crate) fn parse(body: &'a [u8]) -> Option<SocketView<'a>> {
        let (fixed, rest) = body.split_first_chunk::<FIXED>()?;
        let mut view = SocketView {
            fixed,
            state: state(fixed[1])?,
            flow: flow(fixed)?,
            info: None,
            congestion: None,
            bbr: None,
            memory: None,
            shutdown: None,
            v6only: None,
            mark: 0,
            cgroup: None,
        };
        for (number, value) in attributes(rest) {
            match number {
                ATTRIBUTE_INFO => view.info = Some(value),
                ATTRIBUTE_CONGESTION => view.congestion = Some(value),
                ATTRIBUTE_BBR => view.bbr = Some(value),
                ATTRIBUTE_MEMORY => view.memory = Some(value),
                ATTRIBUTE_SHUTDOWN => view.shutdown = value.first().copied(),
                ATTRIBUTE_V6ONLY => view.v6only = value.first().map(|only| *only != 0),
                ATTRIBUTE_MARK => view.mark = u32_at(value, 0).unwrap_or_default(),
                ATTRIBUTE_CGROUP => view.cgroup = u64_at(value, 0),
                _ => {}
            }
        }
        Some(view)
    }

    fn word(&self, at: usize) -> u32 {
        u32_at(self.fixed, at).unwrap_or_default()
    }

    /// Its state. The FIN_WAIT2 that Linux keeps as a small record for an orphan is FIN_WAIT2.
    pub fn state(&self) -> State {
        self.state
    }

    /// Both ends.
    pub fn flow(&self) -> Flow {
        self.flow
    }

    /// Which timer runs.
    pub fn timer(&self) -> TimerKind {
        match self.fixed[2] {
            1 => TimerKind::On,
            2 => TimerKind::Keepalive,
            3 => TimerKind::Timewait,
            4 => TimerKind::Persist,
            _ => TimerKind::Off,
        }
    }

    /// Time until it fires.
    pub fn timer_left(&self) -> Option<Duration> {
        (self.timer() != TimerKind::Off).then(|| Duration::from_millis(self.word(52).into()))
    }

    /// Timeouts or probes in a row without an answer.
    pub fn retransmits(&self) -> u8 {
        self.fixed[3]
    }

    /// Octets not read; of a listener the length of its accept queue.
    pub fn recv_queue(&self) -> u32 {
        self.word(56)
    }

    /// Octets not acknowledged; of a listener its backlog.
    pub fn send_queue(&self) -> u32 {
        self.word(60)
    }

    /// Whose it is.
    pub fn uid(&self) -> u32 {
        self.word(64)
    }

    /// Zero when no descriptor belongs to it.
    pub fn inode(&self) -> u32 {
        self.word(68)
    }

    /// The kernel's id of the socket.
    pub fn cookie(&self) -> u64 {
        u64::from(self.word(44)) | u64::from(self.word(48)) << 32
    }

    /// Interface it is bound to; zero is any.
    pub fn interface(&self) -> u32 {
        self.word(40)
    }

    /// True when the application has let go of it. TIME_WAIT and SYN_RECV never had one and do not count.
    pub fn orphan(&self) -> bool {
        orphan(self.inode(), self.state)
    }

    /// True when accept() has not returned it yet.
    pub fn unaccepted(&self) -> bool {
        self.inode() == 0 && matches!(self.state, State::Established | State::CloseWait)
    }

    /// TCP_INFO, if it was asked for and the socket has one (TIME_WAIT has none).
    pub fn info(&self) -> Option<TcpInfo> {
        self.info.map(info::parse)
    }

    /// Memory and drops, if asked for.
    pub fn memory(&self) -> Option<SocketMemory> {
        let octets = self.memory?;
        let word = |index: usize| u32_at(octets, index * 4).unwrap_or_default();
        Some(SocketMemory {
            receive: word(0),
            receive_max: word(1),
            transmit: word(2),
            send_max: word(3),
            forward: word(4),
            send: word(5),
            option: word(6),
            backlog: word(7),
            drops: word(8),
        })
    }

    /// Id of its control group.
    pub fn cgroup(&self) -> Option<u64> {
        self.cgroup
    }

    /// Writes everything into a row whose memory is used again. `age` and `holders` are emptied: the kernel does not tell them.
    pub fn fill(&self, row: &mut SocketRow) {
        let info = self.info();
        row.state = self.state;
        row.recv_queue = self.recv_queue();
        row.send_queue = self.send_queue();
        row.flow = self.flow;
        row.timer = self.timer();
        row.timer_left = self.timer_left();
        row.retransmits = self.retransmits();
        row.rto = info.filter(|info| info.rto_us > 0).map(|info| Duration::from_micros(info.rto_us.into()));
        row.age = None;
        row.orphan = self.orphan();
        row.unaccepted = self.unaccepted();
        row.negotiated = info.filter(|_| self.state != State::Listen).map(|info| negotiated(&info));
        let host = row.host.get_or_insert_default();
        let mut holders = std::mem::take(&mut host.holders);
        holders.clear();
        let congestion = host.congestion.take();
        **host = HostFacts {
            inode: self.inode(),
            uid: self.uid(),
            cookie: self.cookie(),
            interface: self.interface(),
            mark: self.mark,
            v6only: self.v6only,
            shutdown: self.shutdown,
            cgroup: self.cgroup,
            age_is_least: false,
            congestion: self.congestion.map(|name| text(name, congestion)),
            bbr: self.bbr.and_then(bbr),
            memory: self.memory(),
            info,
            holders,
        };
    }
}

fn orphan(inode: u32, state: State) -> bool {
    inode == 0 && matches!(state, State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck)
}

/// A name that ends with a zero octet, in the memory of the one before.
fn text(octets: &[u8], memory: Option<String>) -> String {
    let mut text = memory.unwrap_or_default();
    text.clear();
    let name = octets.split(|octet| *octet == 0).next().unwrap_or_default();
    text.extend(
        name.iter().take(32).map(|octet| if octet.is_ascii_graphic() { *octet as char } else { '?' }),
    );
    text
}

/// `struct tcp_bbr_info`; the bandwidth comes in two halves.
fn bbr(octets: &[u8]) -> Option<Bbr> {
    let word = |index: usize| u32_at(octets, index * 4);
    Some(Bbr {
        bandwidth: u64::from(word(0)?) | u64::from(word(1)?) << 32,
        min_rtt_us: word(2)?,
        pacing_gain: word(3)?,
        cwnd_gain: word(4)?,
    })
}

fn negotiated(info: &TcpInfo) -> Negotiated {
    Negotiated {
        timestamps: info.options & 1 != 0,
        sack: info.options & 2 != 0,
        ecn: info.options & 8 != 0,
        window_scale: (info.options & 4 != 0).then_some((info.snd_wscale, info.rcv_wscale)),
        mss: u16::try_from(info.snd_mss).unwrap_or(u16::MAX),
    }
}

/// The kernel's number of a state. Its 12 is the SYN_RECV of a request, which sock_diag reports as 3.
pub(crate) fn state(number: u8) -> Option<State> {
    match number {
        12 => Some(State::SynRecv),
        _ => State::ALL.get(usize::from(number).checked_sub(1)?).copied(),
    }
}

fn flow(fixed: &[u8; FIXED]) -> Option<Flow> {
    let port = |at: usize| u16_at(fixed, at).map(u16::from_be);
    let local = end(fixed[0], fixed.get(8..24)?, port(4)?, u32_at(fixed, 40)?)?;
    let remote = end(fixed[0], fixed.get(24..40)?, port(6)?, u32_at(fixed, 40)?)?;
    Some(Flow { local, remote })
}

fn end(family: u8, address: &[u8], port: u16, interface: u32) -> Option<SocketAddr> {
    match family {
        V4 => {
            let octets: [u8; 4] = *address.first_chunk()?;
            Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(octets)), port))
        }
        V6 => {
            let octets: [u8; 16] = *address.first_chunk()?;
            let ip = Ipv6Addr::from(octets);
            let scope = if ip.is_unicast_link_local() { interface } else { 0 };
            Some(SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope)))
        }
        _ => None,
    }
}
