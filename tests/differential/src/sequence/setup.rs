//! Where a sequence begins: the state, what the peer can do, which knobs are set, and the steps that lead there.

use super::{AckAt, Call, SeqAt, Shape, Step};
use lastack_wire::tcp::Flags;

/// The states to begin in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// Nobody listens.
    Closed,
    /// A listener.
    Listen,
    /// connect() was called.
    SynSent,
    /// A listener's request.
    SynRecv,
    /// connect(), and the peer's SYN crossed ours.
    SynRecvSimultaneous,
    /// Accepted.
    Established,
    /// Not accepted.
    Unaccepted,
    /// From connect().
    Connected,
    /// shutdown(SHUT_WR).
    FinWait1,
    /// close().
    FinWait1Orphan,
    /// shutdown(SHUT_WR), acknowledged.
    FinWait2,
    /// close(), acknowledged.
    FinWait2Orphan,
    /// The peer's FIN.
    CloseWait,
    /// FINs crossed, the application holds the socket.
    Closing,
    /// FINs crossed after close().
    ClosingOrphan,
    /// The peer's FIN, then shutdown(SHUT_WR).
    LastAck,
    /// The peer's FIN, then close().
    LastAckOrphan,
    /// Ours first.
    TimeWait,
}

impl Start {
    /// All of them.
    pub const ALL: [Start; 18] = [
        Start::Closed,
        Start::Listen,
        Start::SynSent,
        Start::SynRecv,
        Start::SynRecvSimultaneous,
        Start::Established,
        Start::Unaccepted,
        Start::Connected,
        Start::FinWait1,
        Start::FinWait1Orphan,
        Start::FinWait2,
        Start::FinWait2Orphan,
        Start::CloseWait,
        Start::Closing,
        Start::ClosingOrphan,
        Start::LastAck,
        Start::LastAckOrphan,
        Start::TimeWait,
    ];

    /// It has a connection that data may have crossed on.
    pub fn is_synchronized(self) -> bool {
        !matches!(
            self,
            Start::Closed | Start::Listen | Start::SynSent | Start::SynRecv | Start::SynRecvSimultaneous
        )
    }
}

/// A set of knobs: sysctls of the kernel's namespace, which the stack reads from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// Linux's defaults.
    Default,
    /// No limit on the rate of answers to invalid segments.
    Unlimited,
    /// RFC 1337: RST does not end TIME_WAIT.
    Rfc1337,
    /// The stack offers no timestamps, no SACK and no window scale.
    Bare,
    /// Every SYN is answered with a cookie.
    Cookies,
}

impl Profile {
    /// All of them.
    pub const ALL: [Profile; 5] =
        [Profile::Default, Profile::Unlimited, Profile::Rfc1337, Profile::Bare, Profile::Cookies];

    /// What it sets, beside what is Linux's default.
    pub fn sysctls(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Profile::Default => &[],
            Profile::Unlimited => &[("net.ipv4.tcp_invalid_ratelimit", "0")],
            Profile::Rfc1337 => &[("net.ipv4.tcp_rfc1337", "1")],
            Profile::Bare => &[
                ("net.ipv4.tcp_timestamps", "0"),
                ("net.ipv4.tcp_sack", "0"),
                ("net.ipv4.tcp_window_scaling", "0"),
            ],
            Profile::Cookies => &[("net.ipv4.tcp_syncookies", "2")],
        }
    }
}

/// What the scripted peer says of itself in its SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerOptions {
    /// Its initial sequence number.
    pub isn: u32,
    /// MSS.
    pub mss: Option<u16>,
    /// Its first TSval, when it has timestamps.
    pub timestamps: Option<u32>,
    /// SACK permitted.
    pub sack: bool,
    /// Window scale.
    pub window_scale: Option<u8>,
    /// The raw window of the steps that lead to the beginning.
    pub window: u16,
}

/// Where a sequence begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// The state.
    pub start: Start,
    /// IPv6.
    pub ipv6: bool,
    /// The knobs.
    pub profile: Profile,
    /// The peer.
    pub peer: PeerOptions,
    /// SO_RCVBUF.
    pub rcvbuf: Option<u32>,
    /// TCP_NODELAY.
    pub nodelay: bool,
    /// Octets that the peer sent and nobody read, of connections.
    pub unread: u16,
    /// Octets that were written and not acknowledged, of connections.
    pub unacknowledged: u16,
}

impl Setup {
    /// The steps that lead there.
    pub fn preamble(&self) -> Vec<Step> {
        let mut steps = self.opening();
        if !self.start.is_synchronized() {
            return steps;
        }
        let window = self.peer.window;
        if self.unread > 0 {
            let flags = Flags::PSH.with(Flags::ACK);
            steps.push(Step::Segment(Shape::plain(flags, self.unread, window)));
        }
        if self.unacknowledged > 0 && self.start != Start::Unaccepted {
            steps.push(Step::Call(Call::Write(u32::from(self.unacknowledged))));
        }
        steps.extend(self.closing());
        steps
    }

    fn opening(&self) -> Vec<Step> {
        let call = Step::Call;
        let syn = Shape { seq: SeqAt::Isn(0), ..Shape::plain(Flags::SYN, 0, self.peer.window) };
        let ack = self.segment(Flags::ACK);
        match self.start {
            Start::Closed => vec![],
            Start::Listen => vec![call(Call::Listen)],
            Start::SynSent => vec![call(Call::Connect)],
            Start::SynRecv => vec![call(Call::Listen), Step::Segment(syn)],
            Start::SynRecvSimultaneous => vec![call(Call::Connect), Step::Segment(syn)],
            Start::Connected => {
                let syn_ack = Shape { flags: Flags::SYN.with(Flags::ACK), ..syn };
                vec![call(Call::Connect), Step::Segment(syn_ack)]
            }
            Start::Unaccepted => vec![call(Call::Listen), Step::Segment(syn), ack],
            _ => vec![call(Call::Listen), Step::Segment(syn), ack, call(Call::Accept)],
        }
    }

    fn closing(&self) -> Vec<Step> {
        let fin = Flags::FIN.with(Flags::ACK);
        let crossing = Step::Segment(Shape { ack: AckAt::Una(0), ..Shape::plain(fin, 0, self.peer.window) });
        let (ack, fin) = (self.segment(Flags::ACK), self.segment(fin));
        let shutdown = Step::Call(Call::ShutdownWrite);
        // close() with octets unread would reset the connection.
        let mut close = vec![Step::Call(Call::Close)];
        if self.unread > 0 {
            close.insert(0, Step::Call(Call::Read(1 << 16)));
        }
        let after = |steps: &[Step], more: &[Step]| [steps, more].concat();
        match self.start {
            Start::FinWait1 => vec![shutdown],
            Start::FinWait1Orphan => close,
            Start::FinWait2 => vec![shutdown, ack],
            Start::FinWait2Orphan => after(&close, &[ack]),
            Start::CloseWait => vec![fin],
            Start::Closing => vec![shutdown, crossing],
            Start::ClosingOrphan => after(&close, &[crossing]),
            Start::LastAck => vec![crossing, shutdown],
            Start::LastAckOrphan => after(&[crossing], &close),
            Start::TimeWait => after(&close, &[ack, fin]),
            _ => vec![],
        }
    }

    fn segment(&self, flags: Flags) -> Step {
        Step::Segment(Shape::plain(flags, 0, self.peer.window))
    }
}
