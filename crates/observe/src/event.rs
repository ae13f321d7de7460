//! What happened to a flow, with a reason an operator can read. Events are `Copy` and allocate nothing.

use crate::{Instant, State};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[cfg(test)]
mod tests;

/// The two ends of a flow, as this side sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Flow {
    /// This end.
    pub local: SocketAddr,
    /// The peer.
    pub remote: SocketAddr,
}

impl Flow {
    /// A flow between unspecified ends: for events that no flow owns.
    pub const NONE: Flow = Flow {
        local: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        remote: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
    };
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.local, self.remote)
    }
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, on the stack's clock.
    pub at: Instant,
    /// Whose.
    pub flow: Flow,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The flow went from one state to another.
    StateChanged {
        /// The state it left.
        from: State,
        /// The state it entered.
        to: State,
        /// Why.
        cause: Cause,
    },
    /// A segment was thrown away.
    SegmentDropped {
        /// Why.
        reason: DropReason,
    },
    /// A connection request was turned down.
    ConnectionRefused {
        /// Why.
        reason: Refusal,
    },
    /// A RST was sent.
    ResetSent {
        /// Why.
        reason: ResetReason,
    },
    /// An ICMP message told why the peer cannot be reached, and was believed.
    PeerUnreachable {
        /// What it said.
        reason: Unreachable,
    },
    /// A SYN was answered with a cookie: nothing is kept.
    CookieSent,
    /// A listener's queue of half-open requests overflowed for the first time.
    SynFloodSuspected {
        /// Cookies are sent; else SYNs are dropped.
        cookies: bool,
    },
    /// Fast Open fell back to an ordinary handshake.
    FastOpenFellBack {
        /// Why.
        reason: FastOpenFailure,
    },
    /// So many timeouts in a row (`tcp_retries1`): the way to the peer may be broken.
    PathDoubted {
        /// Timeouts.
        timeouts: u8,
    },
    /// The connections together hold more pages than the second number of tcp_mem, or no more than the first again.
    MemoryPressure {
        /// It begins; else it ends.
        begins: bool,
    },
    /// Data, SYN or FIN was sent again.
    Retransmitted {
        /// Sequence number relative to nothing: as on the wire.
        seq: u32,
        /// Octets of sequence space.
        len: u32,
    },
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventKind::StateChanged { from, to, cause } => write!(f, "{from} -> {to}: {cause}"),
            EventKind::SegmentDropped { reason } => write!(f, "dropped: {reason}"),
            EventKind::ConnectionRefused { reason } => write!(f, "refused: {reason}"),
            EventKind::ResetSent { reason } => write!(f, "RST sent: {reason}"),
            EventKind::PeerUnreachable { reason } => write!(f, "unreachable: {reason}"),
            EventKind::CookieSent => f.write_str("SYN cookie sent"),
            EventKind::SynFloodSuspected { cookies: true } => {
                f.write_str("possible SYN flooding, cookies are sent")
            }
            EventKind::SynFloodSuspected { cookies: false } => {
                f.write_str("possible SYN flooding, SYNs are dropped")
            }
            EventKind::FastOpenFellBack { reason } => write!(f, "Fast Open fell back: {reason}"),
            EventKind::PathDoubted { timeouts } => {
                write!(f, "{timeouts} timeouts in a row: the way may be broken (tcp_retries1)")
            }
            EventKind::MemoryPressure { begins: true } => f.write_str("memory pressure begins (tcp_mem)"),
            EventKind::MemoryPressure { begins: false } => f.write_str("memory pressure is over (tcp_mem)"),
            EventKind::Retransmitted { seq, len } => write!(f, "retransmitted: {len} octets from {seq}"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.at, self.flow, self.kind)
    }
}

macro_rules! reasons {
    ($(#[$outer:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $(#[doc = $text] $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// A short sentence for an operator.
            pub const fn text(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.text())
            }
        }
    };
}

reasons! {
    /// What moved a flow from one state to another: the edge labels of RFC 9293 figure 5, and what Linux adds.
    Cause {
        PassiveOpen = "the application listens",
        ActiveOpen = "the application connects",
        SynReceived = "a SYN arrived",
        SynAckReceived = "SYN and ACK arrived",
        SynAcked = "our SYN was acknowledged",
        FinReceived = "a FIN arrived",
        FinAcked = "our FIN was acknowledged",
        Close = "the application closed",
        Shutdown = "the application shut down its sending side",
        Abort = "the application aborted",
        UnreadData = "the application closed with data unread",
        DataAfterClose = "data arrived after the application closed",
        Reset = "the peer reset the connection",
        TimedOut = "the peer did not answer in time",
        KeepaliveTimedOut = "the peer did not answer keepalive probes",
        TimeWaitExpired = "TIME_WAIT ended",
        FinWait2Expired = "the peer did not close in tcp_fin_timeout",
        SynAckRetriesExceeded = "the third acknowledgment never came",
        Reused = "connect() took the port over",
        Reopened = "a better SYN took over TIME_WAIT",
        ListenerClosed = "the listener closed",
        TableFull = "the TIME_WAIT table is full",
        TooManyOrphans = "too many orphaned sockets",
        Unreachable = "the network says the peer cannot be reached",
        DeviceLost = "the device is gone",
        Refused = "the peer refused the connection",
        InvalidSyn = "a SYN inside the window",
        AbortOnOverflow = "the accept queue is full and tcp_abort_on_overflow is set",
    }
}

reasons! {
    /// Why a segment was thrown away.
    DropReason {
        Malformed = "the packet is malformed",
        BadChecksum = "the checksum is wrong",
        HopLimit = "the hop limit is below the socket's least (IP_MINTTL)",
        NotOurs = "the address is not ours",
        NoSocket = "no socket has this address and port",
        OutOfWindow = "the sequence number is outside the window",
        BeyondWindow = "it reaches beyond the window",
        Paws = "the timestamp is older than the last one (PAWS)",
        PawsOfHost = "the timestamp is older than the last one from the same address (tcp_tw_recycle)",
        OldAck = "the acknowledgment is older than anything in flight",
        FutureAck = "the acknowledgment is for data not sent",
        NoAck = "a segment without ACK in a synchronized state",
        UnexpectedSyn = "a SYN in a synchronized state (challenged)",
        InexactRst = "a RST in the window, but not at its edge (challenged)",
        OutOfWindowRst = "a RST outside the window",
        ListenOverflow = "the accept queue is full",
        SynQueueFull = "the half-open queue is full",
        SynBacklogFull = "the rest of tcp_max_syn_backlog is kept for proven peers",
        BadCookie = "it acknowledges no SYN cookie of ours",
        DeferAccept = "a bare third acknowledgment, and TCP_DEFER_ACCEPT waits for data",
        Duplicate = "everything in it arrived before",
        ReceiveBufferFull = "the receive buffer is full",
        OutOfOrderFull = "the out-of-order queue is full",
        MemoryFull = "TCP's memory is used up (tcp_mem)",
        AfterFin = "it lies beyond the peer's FIN",
        Rfc1337 = "a RST in TIME_WAIT, with tcp_rfc1337 set",
        TimeWaitDuplicate = "an old segment in TIME_WAIT",
        UnwantedInListen = "not a SYN, and the port only listens",
        UnwantedInSynSent = "not an answer to our SYN",
        OutputFull = "the reply did not fit in the output",
        FragmentLimit = "too many fragments wait",
        FragmentOverlap = "fragments of one packet overlap or contradict each other",
        RateLimited = "answers of this kind are rate limited",
        MailboxFull = "the shard's mailbox is full",
        StaleIcmp = "an ICMP message about nothing in flight",
        UnknownProtocol = "not TCP and not ICMP",
        UnwantedIcmp = "an ICMP message that we have no use for",
        MartianSource = "the source address cannot be a peer's",
        TooBig = "it does not fit the path, and may not be cut",
    }
}

reasons! {
    /// Why a connection request was turned down.
    Refusal {
        NoListener = "nobody listens on this port",
        AcceptQueueFull = "the accept queue is full",
        SynQueueFull = "the half-open queue is full",
        SynBacklogFull = "the rest of tcp_max_syn_backlog is kept for proven peers",
        AbortOnOverflow = "the accept queue is full and tcp_abort_on_overflow is set",
        OldTimestamp = "the timestamp is older than the last one from the same address (tcp_tw_recycle)",
        ListenerClosed = "the listener closed",
        TableFull = "the connection table is full",
    }
}

reasons! {
    /// Why a RST was sent.
    ResetReason {
        NoSocket = "no socket has this address and port",
        InvalidAck = "the acknowledgment is for nothing we sent",
        InvalidSyn = "a SYN and ACK that answers nothing",
        AbortOnData = "data arrived after the application closed",
        AbortOnClose = "the application closed with data unread",
        AbortOnLinger = "the application closed with SO_LINGER zero",
        AbortByUser = "the application aborted",
        AbortOnOverflow = "the accept queue is full and tcp_abort_on_overflow is set",
        AbortOnMemory = "too many orphaned sockets, or no memory for them",
        KeepaliveTimeout = "the peer did not answer keepalive probes",
        FinWait2Expired = "the peer did not close in tcp_fin_timeout",
        TimeWaitSocket = "a segment that TIME_WAIT or an orphaned FIN_WAIT2 must refuse",
        ListenerClosed = "the listener closed before accept()",
    }
}

reasons! {
    /// Why a handshake went on without Fast Open (RFC 7413).
    FastOpenFailure {
        BadCookie = "the SYN's cookie is not ours",
        QueueFull = "too many of the listener's connections wait for their proof",
        NoRoom = "there is no room for the connection",
        DataNotTaken = "the peer did not take the data of our SYN",
        SynRepeated = "our SYN had to be sent again, without data",
        BlackHole = "Fast Open is paused: something on the way seems to swallow it",
    }
}

reasons! {
    /// What an ICMP message says of a peer that cannot be reached, both families' codes by their meaning.
    Unreachable {
        Network = "no route to the network",
        Host = "the host cannot be reached",
        Protocol = "the host does not speak TCP",
        Port = "the host serves no such port",
        SourceRoute = "the source route failed",
        HostUnknown = "the host is not known",
        HostIsolated = "the host is cut off",
        Filtered = "a router on the way forbids it",
        Prohibited = "a policy forbids it",
        HopLimit = "the hop limit ran out on the way",
        BadHeader = "a header field was not understood",
    }
}
