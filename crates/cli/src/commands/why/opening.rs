//! Answers about how connections begin, and about the two queues of a listener.

use super::Topic;

pub(super) const HANDSHAKE: Topic = Topic {
    name: "handshake",
    question: "What do the handshake and the close look like?",
    linux: "SYN (x), then SYN,ACK (y, acknowledging x+1), then ACK (y+1): a SYN and a FIN take one number each. The client is \
            ESTABLISHED after the second segment, the server after the third; accept() takes part in nothing. To close, each \
            side sends a FIN that the other acknowledges: whoever closes first goes FIN_WAIT1, FIN_WAIT2 and TIME_WAIT \
            (60 s), the other CLOSE_WAIT, LAST_ACK and is gone. Either side may begin; when both do at once, both go through \
            CLOSING and keep TIME_WAIT.",
    told: "that the client closes first and the close always takes four segments. Three are enough when the second FIN \
           carries the ACK.",
    claims: &[],
    lab: &["handshake", "close4", "close3"],
    proof: &["tests/pkt/timelines/T14.pkt", "tests/pkt/timelines/T15c.pkt"],
};

pub(super) const STATES: Topic = Topic {
    name: "states",
    question: "What does each state wait for?",
    linux: "LISTEN: for SYNs. SYN_SENT: for the answer to our SYN. SYN_RECV: for the ACK of our SYN,ACK. ESTABLISHED: for data, \
            or for accept() to return it. FIN_WAIT1, CLOSING and LAST_ACK: for the ACK of our FIN. FIN_WAIT2: for the peer's \
            FIN. CLOSE_WAIT: for our application to call close(). TIME_WAIT: for old segments to die, 60 s. Only LISTEN, an \
            idle ESTABLISHED, CLOSE_WAIT and a FIN_WAIT2 that an application holds have no time limit. `lastack ss --explain` \
            says it of every socket.",
    told: "lists in which LAST_ACK waits for packets to die (that is TIME_WAIT), TIME_WAIT means that the other side began to \
           release (that is CLOSE_WAIT), and a state ITMED_WAIT exists (a misprint).",
    claims: &["ST-09"],
    lab: &["states", "close4", "simultaneous-close"],
    proof: &[
        "tests/pkt/timelines/T13.pkt",
        "crates/sim/src/lab/tests/explained.rs::what_is_said_to_end_ends_then",
    ],
};

pub(super) const WHY_THREE: Topic = Topic {
    name: "why-three",
    question: "Why does the handshake take three segments?",
    linux: "Both directions must be proven: each side has to learn that its own SYN arrived. With two segments the server \
            would believe in a connection as soon as a SYN came, an old repeat that the network held back among them. With \
            three it keeps only a small request; the client, which has no such connection, answers the SYN,ACK with RST, and \
            the request vanishes (EmbryonicRsts). The second segment can carry SYN and ACK at once because the server has \
            nothing to wait for in between.",
    told: "that the third segment must be empty. It may carry data, and so may whatever comes in its place.",
    claims: &[],
    lab: &["delayed-duplicate", "simultaneous-open"],
    proof: &["crates/sim/src/lab/tests.rs::an_old_syn_leaves_no_connection", "tests/pkt/timelines/T15.pkt"],
};

pub(super) const ISN: Topic = Topic {
    name: "isn",
    question: "Is the initial sequence number fixed?",
    linux: "No: it is a keyed hash of addresses and ports plus a clock that ticks every 64 ns (RFC 6528). For one four-tuple it \
            only grows, so an old connection's segments lie behind the new one's; for different tuples it is unrelated, so \
            nobody outside can guess it and forge acknowledgments. A connection that takes over a TIME_WAIT begins at the \
            old one's next number plus 65,537 instead.",
    told: "that it is a counter that grows by one every 4 ms. The RFCs say about 4 microseconds, and a bare counter could be \
           guessed.",
    claims: &["HS-20"],
    lab: &["handshake", "tw-reuse"],
    proof: &[
        "crates/tcp/src/isn/tests.rs::one_flow_counts_64_nanosecond_ticks",
        "tests/pkt/timelines/T06.pkt",
    ],
};

pub(super) const DATA_IN_HANDSHAKE: Topic = Topic {
    name: "data-in-handshake",
    question: "Can the handshake carry data?",
    linux: "The third segment can: its data is taken as any other, and completes the handshake even when the bare ACK was lost. \
            A Linux client sends a bare ACK at once, unless a write already waits or TCP_QUICKACK is off. Data in the SYN is \
            ignored by default: the SYN,ACK acknowledges the SYN alone, and the data is sent again. With TCP Fast Open \
            (tcp_fastopen, a cookie from an earlier connection) it is accepted and can be read before the third segment.",
    told: "that a SYN can never carry data. With Fast Open it can.",
    claims: &["HS-02"],
    lab: &["handshake"],
    proof: &["tests/pkt/timelines/T24.pkt", "tests/pkt/timelines/T24b.pkt", "tests/pkt/timelines/T25.pkt"],
};

pub(super) const THIRD_ACK_LOST: Topic = Topic {
    name: "third-ack-lost",
    question: "What if the third segment of the handshake is lost?",
    linux: "The server stays in SYN_RECV and repeats its SYN,ACK after 1, 3, 7, 15 and 31 s (tcp_synack_retries = 5); at 63 s it \
            drops the request without a word. The client is ESTABLISHED all the while and answers each repeat with an ACK, \
            and any of these, or any data, completes the handshake. Only what comes after 63 s meets a RST. A client that \
            never sends stays ESTABLISHED for ever, unless SO_KEEPALIVE is on.",
    told: "that the server does not repeat, sends RST and goes to CLOSED, as a defence against SYN floods. It does none of that.",
    claims: &["HS-17"],
    lab: &["lost-third-ack", "one-sided"],
    proof: &[
        "tests/pkt/timelines/T02.pkt",
        "tests/pkt/timelines/T02c.pkt",
        "tests/pkt/timelines/T40-client.pkt",
    ],
};

pub(super) const CONNECT_TIMEOUT: Topic = Topic {
    name: "connect-timeout",
    question: "How long does connect() take to fail?",
    linux: "131 s where nobody answers: SYNs leave at 0, 1, 2, 3, 4, 5, 7, 11, 19, 35 and 67 s (tcp_syn_linear_timeouts = 4, \
            then tcp_syn_retries = 6), and 64 s after the last comes ETIMEDOUT. tcp_syn_retries = 2 makes it 7 s; TCP_SYNCNT, \
            TCP_USER_TIMEOUT and SO_SNDTIMEO do it for one socket. A RST ends it at once (ECONNREFUSED), and so does an ICMP \
            error.",
    told: "127 s, with repeats at 1, 3, 7, 15, 31 and 63 s. That was right until Linux 6.5 brought the linear phase; \
           tcp_syn_linear_timeouts = 0 brings it back. Often 1, 2, 4, 8, 16, 32 are printed as moments: they are distances.",
    claims: &["HS-10"],
    lab: &["connect-to-nobody", "--profile classic-syn connect-to-nobody"],
    proof: &["tests/pkt/timelines/T01.pkt", "tests/pkt/timelines/T01b.pkt", "tests/pkt/timelines/T01c.pkt"],
};

pub(super) const HALF_OPEN: Topic = Topic {
    name: "half-open",
    question: "What is the half-open queue?",
    linux: "The requests of a listener that were answered with SYN,ACK and wait for the third segment (SYN_RECV). Each is a small \
            record, not a socket: 320 octets in Linux, 56 here. A listener admits min(backlog, somaxconn) + 1 of them; beside \
            it stands the accept queue, with room for as many finished ones. When it is more than half full, old requests \
            get fewer repeats. `ss -ltn` shows the accept queue (Recv-Q of Send-Q), never this one: count SYN_RECV by port.",
    told: "that tcp_max_syn_backlog (1024, better 8192) is its size. Backlog and somaxconn are; tcp_max_syn_backlog counts only \
           with tcp_syncookies = 0, where the last quarter of it is kept for proven peers.",
    claims: &["QU-03"],
    lab: &["slow-accept", "syn-flood"],
    proof: &[
        "tests/pkt/timelines/T36.pkt",
        "tests/pkt/timelines/T20-max-syn-backlog.pkt",
        "crates/stack/tests/stack/cookies.rs::the_backlog_knob_counts_without_cookies_only",
    ],
};

pub(super) const SYN_QUEUE: Topic = Topic {
    name: "syn-queue",
    question: "What happens when the SYN queue is full?",
    linux: "With tcp_syncookies = 1, the default, nothing that a client notices: further SYNs are answered with a cookie and \
            nothing is kept (TCPReqQFullDoCookies, SyncookiesSent, once per listener a line in the log). With 0 they are \
            dropped (TCPReqQFullDrop, ListenDrops) and clients repeat theirs. A full accept queue is another matter: then \
            SYNs are dropped whatever the setting. First make accept() faster, then raise backlog and somaxconn.",
    told: "raise tcp_max_syn_backlog to 8192. It does nothing while cookies are on.",
    claims: &["QU-03"],
    lab: &["syn-flood", "syn-cookies"],
    proof: &["tests/pkt/timelines/T20.pkt", "tests/pkt/timelines/T20-1.pkt", "tests/pkt/timelines/T20-2.pkt"],
};

pub(super) const ACCEPT_QUEUE: Topic = Topic {
    name: "accept-queue",
    question: "What happens when the application is slow to accept()?",
    linux: "The accept queue admits backlog + 1 connections. Then third ACKs are ignored and their requests stay in SYN_RECV and \
            repeat; new SYNs are dropped (ListenOverflows, ListenDrops). The client believes that it is connected. With \
            tcp_abort_on_overflow = 1 the third ACK is answered with RST, but SYNs are still dropped silently, and so are \
            third ACKs that bring a cookie. The cure is a faster accept loop; a larger backlog buys time.",
    told: "that with tcp_abort_on_overflow = 1 a full queue always answers with RST. Only the third ACK of a kept request is \
           answered so; the kernel's own document warns that the setting harms clients.",
    claims: &["QU-19"],
    lab: &["slow-accept"],
    proof: &["tests/pkt/timelines/T09.pkt", "tests/pkt/timelines/T09b.pkt", "tests/pkt/timelines/T09d.pkt"],
};

pub(super) const SYN_FLOOD: Topic = Topic {
    name: "syn-flood",
    question: "What is a SYN flood, and what helps?",
    linux: "SYNs from forged addresses fill the half-open queue with requests that die only after 63 s. Cookies, on by default, \
            end the lock-out: hash, clock and MSS go into the sequence number, window scale and SACK into the timestamp's \
            low bits; the ACK is believed for 60 to 120 s. Lost are the SYN,ACK's repeats and, without timestamps, all options \
            but the MSS. Look at SyncookiesSent and TCPReqQFullDrop: with cookies SYN_RECV stands at the queue's limit \
            whatever comes. A SYN proxy in front (`serve --syn-proxy`) spares the server altogether.",
    told: "that tcp_syncookies is 0 by default and must be set (it is 1), and that many SYN_RECV show a flood.",
    claims: &["QU-07"],
    lab: &["syn-flood", "syn-cookies"],
    proof: &[
        "tests/pkt/timelines/T20.pkt",
        "tests/pkt/timelines/T20f.pkt",
        "crates/stack/tests/stack/cookies.rs::a_flood_locks_nobody_out_but_without_cookies",
    ],
};
