//! Answers about how connections end, and about what waits before they do.

use super::Topic;

pub(super) const WHY_FOUR: Topic = Topic {
    name: "why-four",
    question: "Why does the close take four segments?",
    linux: "Each direction is closed by itself: the peer may have more to send after our FIN (half close), so its kernel \
            acknowledges the FIN, usually within 40 ms since that ACK may be delayed, and the peer's FIN comes when its \
            application closes. If that is soon, or its data and FIN are waiting already, ACK and FIN are one segment and \
            three are enough. Half closing is shutdown(SHUT_WR); after close() nobody can read any more, and data is \
            answered with RST.",
    told: "that the FIN is always acknowledged immediately, and that ACK and FIN can never be merged.",
    claims: &["CL-05"],
    lab: &["close4", "close3", "half-close"],
    proof: &["tests/pkt/timelines/T14.pkt", "tests/pkt/timelines/T14b.pkt", "tests/pkt/timelines/T10.pkt"],
};

pub(super) const TWO_MSL: Topic = Topic {
    name: "two-msl",
    question: "How long is TIME_WAIT, and why 2 MSL?",
    linux: "60 s, always: a constant of the kernel, no sysctl changes it, tcp_fin_timeout neither. One MSL is how long a segment \
            may live in the network: a last ACK may take one, and the FIN that is repeated because it was lost another. In \
            that time old segments of both directions die, so that none can enter a new connection of the same ports. RFC \
            9293 takes an MSL of two minutes, hence four; Windows has 240 or 120 s (30 to 300 may be set).",
    told: "about 4 minutes. That is the RFC, not Linux.",
    claims: &["TW-04"],
    lab: &["close4", "--profile rfc9293 close4", "--profile windows-2003 close4"],
    proof: &[
        "tests/pkt/timelines/T05.pkt",
        "tests/pkt/timelines/T05b.pkt",
        "crates/sim/src/lab/tests/profiles.rs::time_wait_lasts_as_long_as_the_rules_say",
    ],
};

pub(super) const TIME_WAIT: Topic = Topic {
    name: "time-wait",
    question: "What is TIME_WAIT for? Why not close at once?",
    linux: "For two things. When our last ACK was lost the peer repeats its FIN: TIME_WAIT acknowledges it again and starts its \
            60 s anew; without it the answer is RST, and the peer sees an error. And old segments that still travel must not \
            enter a new connection between the same ports. A RST at the exact number ends it early (tcp_rfc1337 = 0). When \
            the table is full (tcp_max_tw_buckets) it is not made at all, and just that happens.",
    told: "that without it the old FIN would close a new connection by mistake. Its number is outside the new window, or its \
           timestamp too old, so it is answered with an ACK; only a number that falls into the new window by chance, without \
           timestamps, could.",
    claims: &["CL-10"],
    lab: &["lost-last-ack", "simultaneous-close"],
    proof: &["tests/pkt/timelines/T07.pkt", "tests/pkt/timelines/T08.pkt", "tests/pkt/timelines/T33.pkt"],
};

pub(super) const FIN_TIMEOUT: Topic = Topic {
    name: "fin-timeout",
    question: "What does tcp_fin_timeout do?",
    linux: "It limits FIN_WAIT2, 60 s by default, and only where no application holds the socket any more (after close()). A \
            FIN_WAIT2 that was made by shutdown() lasts until the peer closes. What exceeds 60 s is spent as a whole socket. \
            TCP_LINGER2 sets it for one socket. Any number is taken, even 0 and -1.",
    told: "that it shortens TIME_WAIT. With tcp_fin_timeout = 15, TIME_WAIT was still 60 s. (One vendor's kernel, Alibaba Cloud \
           Linux, has a tcp_tw_timeout of its own.)",
    claims: &["TW-08"],
    lab: &["close-wait", "half-close"],
    proof: &["tests/pkt/timelines/T04.pkt", "tests/pkt/timelines/T04d.pkt", "tests/pkt/timelines/T05b.pkt"],
};

pub(super) const TIME_WAIT_MANY: Topic = Topic {
    name: "time-wait-many",
    question: "Too many TIME_WAIT: what to do?",
    linux: "On a server mostly nothing: each costs 256 octets in Linux and no descriptor, and one port serves any number of peers. \
            On a client that closes first each holds a local port towards that destination: 28,232 ports / 60 s is 470 \
            connections a second, then connect() is EADDRNOTAVAIL. Keep connections open, let the other side close, use more \
            destinations or addresses, widen ip_local_port_range, or set tcp_tw_reuse = 1. None at all is no goal.",
    told: "that a server with many cannot accept new connections, that they use up file descriptors, and that \
           tcp_tw_recycle = 1 or tcp_max_tw_buckets = 5000 are cures. All wrong; the last two break things.",
    claims: &["TW-17", "PA-07"],
    lab: &["crawler", "tw-reuse"],
    proof: &[
        "tests/pkt/timelines/T23.pkt",
        "tests/pkt/timelines/T26.pkt",
        "crates/stack/tests/stack/ports.rs::ports_run_out_per_destination",
    ],
};

pub(super) const FILES: Topic = Topic {
    name: "files",
    question: "Which sockets use up file descriptors?",
    linux: "Those that an application holds: ESTABLISHED, and CLOSE_WAIT above all, since it lasts until close(). TIME_WAIT holds \
            none: 300 of them fit under a limit of 64 descriptors. \"Too many open files\" is EMFILE, the limit of one process \
            (RLIMIT_NOFILE, `ulimit -n`), or ENFILE, that of the machine (fs.file-max). Who runs out of ports instead, by \
            TIME_WAIT, gets EADDRNOTAVAIL.",
    told: "that TIME_WAIT sockets occupy file handles until Tomcat crashes, and that the limit is per user.",
    claims: &["TW-16", "PA-20"],
    lab: &["close-wait", "crawler"],
    proof: &["tests/pkt/timelines/T26.pkt", "tests/pkt/timelines/T13.pkt"],
};

pub(super) const CLOSE_WAIT_MANY: Topic = Topic {
    name: "close-wait-many",
    question: "Too many CLOSE_WAIT: what to do?",
    linux: "Mend the application: the peer has closed, and it has not. read() told it so with 0. No timer runs in CLOSE_WAIT (900 s \
            and more were seen), and no sysctl ends it; keepalive helps only when the peer is gone as well. Each holds a \
            descriptor. Find who: `lastack ss -p state close-wait`, `lastack states --by process`, `lastack doctor`. Usual \
            causes: a path that forgets close() after an error, a thread that waits elsewhere, a pool that does not look.",
    told: "lists of sysctls. None of them touches CLOSE_WAIT.",
    claims: &[],
    lab: &["close-wait"],
    proof: &[
        "tests/pkt/timelines/T13.pkt",
        "tests/pkt/timelines/T16c.pkt",
        "tests/pkt/timelines/T34-close-wait.pkt",
    ],
};

pub(super) const TIME_WAIT_COUNT: Topic = Topic {
    name: "time-wait-count",
    question: "How are TIME_WAITs counted and limited?",
    linux: "`lastack states` counts every state of one network namespace; `ss -s` mixes in numbers of the whole machine. tcp_max_tw_buckets is the limit: by default half of the hash table's size (131,072 on the machine \
            measured, 4,096 on a small one). Beyond it no new one is made and the old stay; TCPTimeWaitOverflow counts, and \
            no line is logged. Connections that end so have no protection against old segments.",
    told: "a default of 180000, \"set 5000\", and that the excess is removed at once with a warning. And an awk line with \
           typographic quotes, which is a syntax error; with plain ones it works, but not with netstat -p or -o.",
    claims: &["PA-13", "DI-02"],
    lab: &["crawler"],
    proof: &[
        "tests/pkt/timelines/T21.pkt",
        "crates/stack/tests/stack/listeners.rs::a_full_time_wait_table_creates_no_more",
    ],
};

pub(super) const TW_REUSE: Topic = Topic {
    name: "tw-reuse",
    question: "Can a port in TIME_WAIT be used again?",
    linux: "From outside always: a SYN with a newer timestamp or a higher number takes the TIME_WAIT over at once. For connect() by \
            tcp_tw_reuse: 0 never, 1 yes, 2 on loopback only (the default since 4.19); the TIME_WAIT must be older than \
            tcp_tw_reuse_delay (1 s), and both sides must have timestamps, which keep old segments out (PAWS). It does nothing \
            for a server that closes first. bind() of a restarted server needs SO_REUSEADDR.",
    told: "that for 2 MSL the four-tuple cannot be used, that TCP never starts a new incarnation in TIME_WAIT, that tcp_tw_reuse \
           is 0 by default, turns TIME_WAIT into ESTABLISHED and breaks what it is for.",
    claims: &["TW-09", "TW-10", "PA-02", "PA-03"],
    lab: &["tw-reuse", "two-clients-one-nat"],
    proof: &[
        "tests/pkt/timelines/T06.pkt",
        "tests/pkt/timelines/T22.pkt",
        "tests/pkt/timelines/T22-2.pkt",
        "tests/pkt/timelines/T38.pkt",
    ],
};

pub(super) const TW_RECYCLE: Topic = Topic {
    name: "tw-recycle",
    question: "Why was tcp_tw_recycle removed?",
    linux: "It ended TIME_WAIT after 3.5 timeouts and, to be safe, remembered the last timestamp of each peer's address for 60 s: \
            SYNs with an older one were dropped without a word. Behind NAT many machines share an address, each with a clock \
            of its own, so some of them could not connect. Since 4.10, with an offset per connection, it hit single machines \
            too, and 4.12 removed it: `sysctl -p` says that it cannot stat it, applies the rest and ends with 1.",
    told: "to set tcp_tw_reuse and tcp_tw_recycle together against TIME_WAIT, and that it went away in 4.1.",
    claims: &["PA-05", "PA-07"],
    lab: &["tw-recycle", "two-clients-one-nat"],
    proof: &[
        "crates/sim/src/lab/tests/profiles.rs::recycling_breaks_the_neighbour_behind_the_nat",
        "crates/tcp/src/knobs/conf/tests.rs::a_file_made_for_an_old_linux_is_applied_but_for_what_was_removed",
    ],
};

pub(super) const PORTS: Topic = Topic {
    name: "ports",
    question: "How many connections can one client have?",
    linux: "ip_local_port_range is 32768-60999: 28,232 ports, per destination address and port, because a connection is four \
            numbers. With all of them in use or in TIME_WAIT connect() is EADDRNOTAVAIL; other destinations go on. 1024-65000 \
            gives 63,977, or 1,066 connections a second if each leaves a TIME_WAIT; first and last should not both be odd or \
            even, and a low start takes ports of services: name those in ip_local_reserved_ports. bind() before connect() \
            counts per local port unless IP_BIND_ADDRESS_NO_PORT is set.",
    told: "a default of 32768 to 61000, and 1024 to 65000 without a warning.",
    claims: &["PA-11"],
    lab: &["crawler"],
    proof: &[
        "tests/pkt/timelines/T23.pkt",
        "crates/stack/tests/stack/ports.rs::reserved_ports_are_named_but_never_chosen",
    ],
};

pub(super) const KEEPALIVE: Topic = Topic {
    name: "keepalive",
    question: "What does keepalive do, and does it help against TIME_WAIT?",
    linux: "Only for sockets with SO_KEEPALIVE: after tcp_keepalive_time without a word (7200 s) a probe leaves, then every \
            tcp_keepalive_intvl (75 s); after tcp_keepalive_probes (9) unanswered ones RST and ETIMEDOUT, 7875 s in all. It \
            finds dead peers of idle ESTABLISHED, CLOSE_WAIT and FIN_WAIT2 that an application holds. With TIME_WAIT it has \
            nothing to do: that has no application and ends by itself. HTTP's keep-alive is another thing: it keeps the \
            connection for further requests, and so avoids TIME_WAITs.",
    told: "that tcp_keepalive_time is how often messages are sent. It is the silence before the first.",
    claims: &["PA-10"],
    lab: &["keepalive", "one-sided"],
    proof: &["tests/pkt/timelines/T16.pkt", "tests/pkt/timelines/T16c.pkt", "tests/pkt/timelines/T16d.pkt"],
};

pub(super) const LINGER: Topic = Topic {
    name: "linger",
    question: "Should SO_LINGER be used against TIME_WAIT?",
    linux: "SO_LINGER {1, 0} makes close() send RST: no TIME_WAIT, but what was not sent is lost and the peer gets ECONNRESET. It is \
            for connections that have gone wrong. {1, n} makes close() wait up to n seconds until all is acknowledged, and \
            TIME_WAIT comes as always. A close() with octets unread sends RST by itself. Closing second, or not closing at \
            all, avoids TIME_WAIT without loss.",
    told: "that {1, 0} is the best way since no TIME_WAIT is left. The price is data and an error at the peer.",
    claims: &[],
    lab: &["reset", "close4"],
    proof: &["tests/pkt/timelines/T12.pkt", "tests/pkt/timelines/T12b.pkt", "tests/pkt/timelines/T11.pkt"],
};
