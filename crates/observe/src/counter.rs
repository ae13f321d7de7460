//! Event counters under the names of /proc/net/snmp and /proc/net/netstat (as nstat prints them).

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

#[cfg(test)]
mod tests;

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal,)*) => {
        /// One counter; the variant is the kernel's name without its group.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Counter { $($(#[doc = $doc])* $variant,)* }

        impl Counter {
            /// Every counter, in the order of the kernel's files.
            pub const ALL: &'static [Counter] = &[$(Counter::$variant,)*];

            /// Group and name, as nstat prints them.
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$variant => $name,)* }
            }

            /// What it counts, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Counter::$variant => concat!($($doc),*),)* }.trim()
            }
        }
    };
}

counters! {
    /// IP packets received.
    IpInReceives = "IpInReceives",
    /// IP packets dropped for a bad header.
    IpInHdrErrors = "IpInHdrErrors",
    /// IP packets for an address that is not ours.
    IpInAddrErrors = "IpInAddrErrors",
    /// IP packets with a protocol nobody serves.
    IpInUnknownProtos = "IpInUnknownProtos",
    /// IP packets delivered to a protocol.
    IpInDelivers = "IpInDelivers",
    /// IP packets sent.
    IpOutRequests = "IpOutRequests",
    /// Fragments received.
    IpReasmReqds = "IpReasmReqds",
    /// Packets put together again.
    IpReasmOKs = "IpReasmOKs",
    /// Packets that could not be put together.
    IpReasmFails = "IpReasmFails",
    /// Packets cut into fragments.
    IpFragOKs = "IpFragOKs",
    /// Packets that were to be cut and could not.
    IpFragFails = "IpFragFails",
    /// Fragments made.
    IpFragCreates = "IpFragCreates",
    /// Fragments dropped because a packet was not complete in time.
    IpReasmTimeout = "IpReasmTimeout",
    /// IPv6 fragments received.
    Ip6ReasmReqds = "Ip6ReasmReqds",
    /// IPv6 packets put together again.
    Ip6ReasmOKs = "Ip6ReasmOKs",
    /// IPv6 packets that could not be put together.
    Ip6ReasmFails = "Ip6ReasmFails",
    /// IPv6 packets not complete in time.
    Ip6ReasmTimeout = "Ip6ReasmTimeout",
    /// IPv4 packets dropped because their fragments overlap.
    IpReasmOverlaps = "IpExtReasmOverlaps",
    /// IP packets that a congested router marked (ECN).
    InCePkts = "IpExtInCEPkts",
    /// ICMP messages received.
    IcmpInMsgs = "IcmpInMsgs",
    /// ICMP messages with an error of their own.
    IcmpInErrors = "IcmpInErrors",
    /// ICMP messages sent.
    IcmpOutMsgs = "IcmpOutMsgs",
    /// connect() calls that left CLOSED.
    ActiveOpens = "TcpActiveOpens",
    /// Connections that came from a listener.
    PassiveOpens = "TcpPassiveOpens",
    /// Connections that failed before ESTABLISHED.
    AttemptFails = "TcpAttemptFails",
    /// Connections reset in ESTABLISHED or CLOSE_WAIT.
    EstabResets = "TcpEstabResets",
    /// Segments received.
    InSegs = "TcpInSegs",
    /// Segments sent, without retransmissions.
    OutSegs = "TcpOutSegs",
    /// Segments retransmitted.
    RetransSegs = "TcpRetransSegs",
    /// Segments received in error (a SYN in a synchronized state among them).
    InErrs = "TcpInErrs",
    /// Segments sent with RST.
    OutRsts = "TcpOutRsts",
    /// Segments with a wrong checksum.
    InCsumErrors = "TcpInCsumErrors",
    /// SYN cookies sent.
    SyncookiesSent = "TcpExtSyncookiesSent",
    /// SYN cookies that came back and were right.
    SyncookiesRecv = "TcpExtSyncookiesRecv",
    /// Third acknowledgments that should have brought a cookie and did not.
    SyncookiesFailed = "TcpExtSyncookiesFailed",
    /// Connections reset in SYN_RECV.
    EmbryonicRsts = "TcpExtEmbryonicRsts",
    /// Packets dropped because a socket's receive queue was over its limit.
    PruneCalled = "TcpExtPruneCalled",
    /// Segments in order dropped because a socket's receive buffer was full even so.
    RcvPruned = "TcpExtRcvPruned",
    /// Out-of-order octets given up for lack of space.
    OfoPruned = "TcpExtOfoPruned",
    /// TIME_WAITs that ended by their timer or began (Linux counts their beginning).
    Tw = "TcpExtTW",
    /// TIME_WAITs reused for a new connection.
    TwRecycled = "TcpExtTWRecycled",
    /// SYNs for a listener rejected by their host's timestamp (tcp_tw_recycle, before Linux 4.12).
    PawsPassive = "TcpExtPAWSPassive",
    /// SYNs in TIME_WAIT rejected by their timestamp.
    PawsTimewait = "TcpExtPAWSTimewait",
    /// Segments of a connection rejected by their timestamp.
    PawsEstab = "TcpExtPAWSEstab",
    /// Bare acknowledgments of a connection, overtaken on their way, that their timestamp made pass unanswered.
    PawsOldAck = "TcpExtPAWSOldAck",
    /// SYNs for a request rejected by their timestamp.
    PawsActive = "TcpExtPAWSActive",
    /// Delayed acknowledgments sent.
    DelayedAcks = "TcpExtDelayedACKs",
    /// Duplicates received of what was acknowledged before.
    DelayedAckLost = "TcpExtDelayedACKLost",
    /// Third acknowledgments or SYNs dropped on a full accept queue.
    ListenOverflows = "TcpExtListenOverflows",
    /// SYNs or third acknowledgments a listener dropped, for whatever reason.
    ListenDrops = "TcpExtListenDrops",
    /// Segments taken on the fast path.
    HpHits = "TcpExtTCPHPHits",
    /// Pure acknowledgments taken on the slow path.
    PureAcks = "TcpExtTCPPureAcks",
    /// Acknowledgments taken on the fast path.
    HpAcks = "TcpExtTCPHPAcks",
    /// Recoveries started by SACK.
    SackRecovery = "TcpExtTCPSackRecovery",
    /// Peers that forgot what they had selectively acknowledged.
    SackReneging = "TcpExtTCPSACKReneging",
    /// Fast recoveries undone because nothing was lost.
    FullUndo = "TcpExtTCPFullUndo",
    /// Fast recoveries undone in part because what filled the hole had only been late.
    PartialUndo = "TcpExtTCPPartialUndo",
    /// Timeouts undone because nothing was lost.
    LossUndo = "TcpExtTCPLossUndo",
    /// Timeouts during a recovery without SACK.
    RenoRecoveryFail = "TcpExtTCPRenoRecoveryFail",
    /// Timeouts during a recovery with SACK.
    SackRecoveryFail = "TcpExtTCPSackRecoveryFail",
    /// Timeouts after SACKs that did not suffice for a recovery.
    SackFailures = "TcpExtTCPSackFailures",
    /// Timeouts while a timeout was being repaired.
    LossFailures = "TcpExtTCPLossFailures",
    /// Recoveries started by duplicate acknowledgments without SACK.
    RenoRecovery = "TcpExtTCPRenoRecovery",
    /// Timeouts after duplicate acknowledgments that did not suffice for a recovery, without SACK.
    RenoFailures = "TcpExtTCPRenoFailures",
    /// Recoveries undone by a D-SACK.
    DsackUndo = "TcpExtTCPDSACKUndo",
    /// Losses found by timeout.
    Timeouts = "TcpExtTCPTimeouts",
    /// Tail loss probes sent.
    LossProbes = "TcpExtTCPLossProbes",
    /// Tail losses a probe repaired.
    LossProbeRecovery = "TcpExtTCPLossProbeRecovery",
    /// Retransmissions that were lost again.
    LostRetransmit = "TcpExtTCPLostRetransmit",
    /// Fast retransmissions.
    FastRetrans = "TcpExtTCPFastRetrans",
    /// Retransmissions in slow start.
    SlowStartRetrans = "TcpExtTCPSlowStartRetrans",
    /// Slow starts that a train of acknowledgments ended (HyStart).
    HystartTrainDetect = "TcpExtTCPHystartTrainDetect",
    /// Their congestion windows, in segments, in all.
    HystartTrainCwnd = "TcpExtTCPHystartTrainCwnd",
    /// Slow starts that growing round trips ended (HyStart).
    HystartDelayDetect = "TcpExtTCPHystartDelayDetect",
    /// Their congestion windows, in segments, in all.
    HystartDelayCwnd = "TcpExtTCPHystartDelayCwnd",
    /// Retransmissions that could not be sent.
    RetransFail = "TcpExtTCPRetransFail",
    /// Data octets joined to the tail of the receive queue.
    RcvCoalesce = "TcpExtTCPRcvCoalesce",
    /// Packets copied together because memory was short.
    RcvCollapsed = "TcpExtTCPRcvCollapsed",
    /// Segments in order dropped because TCP's memory was used up.
    RcvQDrop = "TcpExtTCPRcvQDrop",
    /// Segments put in the out-of-order queue.
    OfoQueue = "TcpExtTCPOFOQueue",
    /// Out-of-order segments dropped for lack of space.
    OfoDrop = "TcpExtTCPOFODrop",
    /// Out-of-order segments that overlapped.
    OfoMerge = "TcpExtTCPOFOMerge",
    /// Challenge acknowledgments sent (RFC 5961).
    ChallengeAck = "TcpExtTCPChallengeACK",
    /// SYNs in a synchronized state.
    SynChallenge = "TcpExtTCPSYNChallenge",
    /// Active opens whose SYN brought data that the SYN-ACK acknowledged.
    FastOpenActive = "TcpExtTCPFastOpenActive",
    /// Active opens whose SYN brought data that had to be sent again.
    FastOpenActiveFail = "TcpExtTCPFastOpenActiveFail",
    /// Connections that a SYN with a good cookie made before the third acknowledgment.
    FastOpenPassive = "TcpExtTCPFastOpenPassive",
    /// SYNs with a Fast Open cookie that was wrong, or for which there was no room.
    FastOpenPassiveFail = "TcpExtTCPFastOpenPassiveFail",
    /// SYNs answered without Fast Open because too many of its connections wait for their proof.
    FastOpenListenOverflow = "TcpExtTCPFastOpenListenOverflow",
    /// SYNs that asked for a Fast Open cookie.
    FastOpenCookieReqd = "TcpExtTCPFastOpenCookieReqd",
    /// Times Fast Open was paused because something on the way seems to swallow it.
    FastOpenBlackhole = "TcpExtTCPFastOpenBlackhole",
    /// SYNs whose Fast Open cookie was made with the backup key.
    FastOpenPassiveAltKey = "TcpExtTCPFastOpenPassiveAltKey",
    /// D-SACKs sent for a duplicate below the window.
    DsackOldSent = "TcpExtTCPDSACKOldSent",
    /// D-SACKs sent for an out-of-order duplicate.
    DsackOfoSent = "TcpExtTCPDSACKOfoSent",
    /// D-SACKs received for octets below the window.
    DsackRecv = "TcpExtTCPDSACKRecv",
    /// D-SACKs received for octets above the cumulative acknowledgment.
    DsackOfoRecv = "TcpExtTCPDSACKOfoRecv",
    /// Segments that D-SACKs told of.
    DsackRecvSegs = "TcpExtTCPDSACKRecvSegs",
    /// D-SACKs of octets from before the last reduction of the window.
    DsackIgnoredOld = "TcpExtTCPDSACKIgnoredOld",
    /// D-SACKs without a reduction of the window that could be taken back.
    DsackIgnoredNoUndo = "TcpExtTCPDSACKIgnoredNoUndo",
    /// SACK blocks that cannot be.
    SackDiscard = "TcpExtTCPSACKDiscard",
    /// Timeouts that F-RTO found spurious.
    SpuriousRtos = "TcpExtTCPSpuriousRTOs",
    /// Reordering seen by SACK.
    SackReorder = "TcpExtTCPSACKReorder",
    /// Reordering seen by duplicate acknowledgments.
    RenoReorder = "TcpExtTCPRenoReorder",
    /// Reordering seen by timestamps.
    TsReorder = "TcpExtTCPTSReorder",
    /// D-SACKs that proved nothing.
    DsackIgnoredDubious = "TcpExtTCPDSACKIgnoredDubious",
    /// Connections reset because data came after close().
    AbortOnData = "TcpExtTCPAbortOnData",
    /// Connections reset because close() left data unread.
    AbortOnClose = "TcpExtTCPAbortOnClose",
    /// Orphans reset because there were too many.
    AbortOnMemory = "TcpExtTCPAbortOnMemory",
    /// Connections given up after too many timeouts.
    AbortOnTimeout = "TcpExtTCPAbortOnTimeout",
    /// Connections given up while lingering.
    AbortOnLinger = "TcpExtTCPAbortOnLinger",
    /// Resets that could not be sent.
    AbortFailed = "TcpExtTCPAbortFailed",
    /// Times the memory budget was under pressure.
    MemoryPressures = "TcpExtTCPMemoryPressures",
    /// Milliseconds of memory pressure that is over.
    MemoryPressuresChrono = "TcpExtTCPMemoryPressuresChrono",
    /// TIME_WAITs not created because the table was full.
    TimeWaitOverflow = "TcpExtTCPTimeWaitOverflow",
    /// SYNs answered with a cookie because the queue was full.
    ReqQFullDoCookies = "TcpExtTCPReqQFullDoCookies",
    /// SYNs dropped because the queue was full.
    ReqQFullDrop = "TcpExtTCPReqQFullDrop",
    /// Segments merged on retransmission.
    RetransCollapse = "TcpExtTCPRetransCollapse",
    /// Bare third acknowledgments dropped by TCP_DEFER_ACCEPT.
    DeferAcceptDrop = "TcpExtTCPDeferAcceptDrop",
    /// SYNs and SYN-ACKs retransmitted.
    SynRetrans = "TcpExtTCPSynRetrans",
    /// Zero-window probes sent.
    WinProbe = "TcpExtTCPWinProbe",
    /// Keepalive probes sent.
    KeepAlive = "TcpExtTCPKeepAlive",
    /// Receive windows that went to zero.
    ToZeroWindowAdv = "TcpExtTCPToZeroWindowAdv",
    /// Receive windows that opened from zero.
    FromZeroWindowAdv = "TcpExtTCPFromZeroWindowAdv",
    /// Times a zero window had to be advertised.
    WantZeroWindowAdv = "TcpExtTCPWantZeroWindowAdv",
    /// Acknowledgments not sent in SYN_RECV (rate limit).
    AckSkippedSynRecv = "TcpExtTCPACKSkippedSynRecv",
    /// Acknowledgments not sent for PAWS (rate limit).
    AckSkippedPaws = "TcpExtTCPACKSkippedPAWS",
    /// Acknowledgments not sent for a segment out of window (rate limit).
    AckSkippedSeq = "TcpExtTCPACKSkippedSeq",
    /// Acknowledgments not sent in FIN_WAIT2 (rate limit).
    AckSkippedFinWait2 = "TcpExtTCPACKSkippedFinWait2",
    /// Acknowledgments not sent in TIME_WAIT (rate limit).
    AckSkippedTimeWait = "TcpExtTCPACKSkippedTimeWait",
    /// Challenge acknowledgments not sent (rate limit).
    AckSkippedChallenge = "TcpExtTCPACKSkippedChallenge",
    /// Probes for the path's MTU that were acknowledged.
    MtupSuccess = "TcpExtTCPMTUPSuccess",
    /// Probes for the path's MTU that alone were lost.
    MtupFail = "TcpExtTCPMTUPFail",
    /// Segments with a hop limit below the socket's least (IP_MINTTL).
    MinTtlDrop = "TcpExtTCPMinTTLDrop",
    /// ICMP messages whose sequence number is not in flight.
    OutOfWindowIcmps = "TcpExtOutOfWindowIcmps",
    /// Timeouts after which the kernel picks a new path hash (counted, no effect here).
    TimeoutRehash = "TcpExtTcpTimeoutRehash",
    /// Small segments that waited for earlier ones in the device.
    AutoCorking = "TcpExtTCPAutoCorking",
    /// Acknowledgments of segments out of order that were spared, as one told what they would have.
    AckCompressed = "TcpExtTCPAckCompressed",
    /// Segments sent with data for the first time.
    OrigDataSent = "TcpExtTCPOrigDataSent",
    /// Segments that lie beyond the receive window.
    BeyondWindow = "TcpExtBeyondWindow",
    /// Segments in SYN_RECV that echo a timestamp which no SYN-ACK carried.
    TsecrRejected = "TcpExtTSEcrRejected",
    /// Segments with data that came while the receive window was closed.
    ZeroWindowDrop = "TcpExtTCPZeroWindowDrop",
    /// lastack's own: replies dropped because the bounded output was full.
    OutputFull = "LastackOutputFull",
    /// lastack's own: frames dropped because a mailbox between shards was full.
    MailboxFull = "LastackMailboxFull",
}

/// The value of every counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    values: [u64; Counter::ALL.len()],
}

impl Default for Counters {
    fn default() -> Self {
        Counters { values: [0; Counter::ALL.len()] }
    }
}

impl Counters {
    /// Adds one.
    pub fn bump(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Adds `n`.
    pub fn add(&mut self, counter: Counter, n: u64) {
        self.values[counter as usize] = self.values[counter as usize].wrapping_add(n);
    }

    /// The value now.
    pub fn value(&self, counter: Counter) -> u64 {
        self.values[counter as usize]
    }

    /// Every counter with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        Counter::ALL.iter().map(|&counter| (counter, self.value(counter)))
    }
}

impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(counter, value)| (counter.name(), value)))
    }
}

impl<'de> Deserialize<'de> for Counters {
    /// Counters that are left out are zero; a name that does not exist is an error.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Counters, D::Error> {
        let mut counters = Counters::default();
        for (name, value) in BTreeMap::<String, u64>::deserialize(deserializer)? {
            let counter = Counter::from_name(&name)
                .ok_or_else(|| D::Error::custom(format!("no counter is called {name}")))?;
            counters.add(counter, value);
        }
        Ok(counters)
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Counter {
    /// The counter with this name.
    pub fn from_name(name: &str) -> Option<Counter> {
        Counter::ALL.iter().copied().find(|counter| counter.name() == name)
    }
}

impl fmt::Display for Counters {
    /// Counters that are not zero, one per line, as nstat prints them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter()
            .filter(|&(_, value)| value != 0)
            .try_for_each(|(counter, value)| writeln!(f, "{counter:<32}{value}"))
    }
}
