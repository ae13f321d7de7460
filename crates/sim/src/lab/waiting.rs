//! Waits that end late or never: connect() to nobody, a server that does not close or does not accept, a peer that is gone
//! (TIMELINES T01, T04, T09, T13, T16, T34).

use super::Preset;
use crate::drawing::Side::{Left, Right};
use lastack_observe::State;
use std::time::Duration;

pub(super) const CONNECT_TO_NOBODY: Preset = Preset {
    name: "connect-to-nobody",
    title: "connect() to where nobody answers",
    see: [
        "The SYN is repeated 4 times at a second each (tcp_syn_linear_timeouts = 4), then 6 times at doubled distances \
         (tcp_syn_retries = 6): at 1, 2, 3, 4, 5, 7, 11, 19, 35 and 67 s.",
        "connect() fails with ETIMEDOUT at 131 s, 64 s after the last repeat.",
        "Before Linux 6.5 there was no linear phase: 1, 3, 7, 15, 31 and 63 s, and the end at 127 s. See --profile \
         classic-syn.",
    ],
    play: |stage| {
        stage.lose(|_, _| true);
        let client = stage.connect(Left, 40_000, 80);
        stage.pass_ms(132_000);
        stage.connected(Left, &client);
        stage.stop(vec![client]);
    },
};

pub(super) const SLOW_ACCEPT: Preset = Preset {
    name: "slow-accept",
    title: "A server that is slow to call accept() (backlog 1)",
    see: [
        "listen(1) has room for two. The first two clients fill the accept queue: they are ESTABLISHED at both ends, and no \
         application knows of them.",
        "The third finished its handshake, too, but its ACK came to a full queue and was ignored: the client is ESTABLISHED, \
         the server stays in SYN_RECV and repeats SYN,ACK, each time answered by an ACK that is ignored again.",
        "Once accept() made room, the next ACK completes it. With tcp_abort_on_overflow = 1 that third ACK would have been \
         answered with RST; new SYNs are dropped silently either way.",
    ],
    play: |stage| {
        let listener = stage.listen(Right, 80, 1);
        let mut held = vec![stage.connect(Left, 40_000, 80)];
        stage.pass_ms(100);
        held.push(stage.connect(Left, 40_001, 80));
        held.push(stage.connect(Left, 40_002, 80));
        stage.pass_ms(40);
        held.iter().for_each(|client| stage.connected(Left, client));
        stage.pass_ms(5_000);
        for _ in 0..3 {
            held.extend(stage.accept(Right, &listener));
        }
        stage.pass_ms(5_000);
        held.extend(stage.accept(Right, &listener));
        held.push(listener);
        stage.stop(held);
    },
};

pub(super) const CLOSE_WAIT: Preset = Preset {
    name: "close-wait",
    title: "The server's application forgets to close",
    see: [
        "The server's kernel acknowledges the FIN and shows CLOSE_WAIT. No timer runs there: only close() ends it, and no \
         sysctl helps.",
        "The client closed, so its FIN_WAIT2 belongs to nobody: after 60 s (tcp_fin_timeout) the kernel forgets it. That is \
         all that tcp_fin_timeout does.",
        "After 100 s the server writes at last: nobody is there any more, a RST comes back, and the next write is EPIPE.",
    ],
    play: |stage| {
        let (client, server, listener) = stage.open(40_000);
        stage.close(Left, client);
        stage.pass_ms(100);
        stage.read(Right, &server);
        stage.pass_ms(100_000);
        debug_assert_eq!(server.state(), State::CloseWait);
        stage.write(Right, &server, 5);
        stage.pass_ms(100);
        stage.write(Right, &server, 5);
        stage.stop(vec![server, listener]);
    },
};

pub(super) const ONE_SIDED: Preset = Preset {
    name: "one-sided",
    title: "One end is ESTABLISHED, the other forgot everything",
    see: [
        "The server's machine starts anew. It sends nothing, so the client stays ESTABLISHED: without data and without \
         SO_KEEPALIVE nothing ever tells it.",
        "When the client writes, a RST comes back, since no socket has that port any more; its next read is ECONNRESET.",
        "SO_KEEPALIVE would have found out by itself, after tcp_keepalive_time, 7200 s.",
    ],
    play: |stage| {
        let (client, server, listener) = stage.open(40_000);
        stage.stop(vec![server, listener]);
        stage.replace_host(Right, "the machine starts anew");
        stage.pass_ms(120_000);
        stage.write(Left, &client, 5);
        stage.pass_ms(100);
        stage.read(Left, &client);
        stage.stop(vec![client]);
    },
};

pub(super) const KEEPALIVE: Preset = Preset {
    name: "keepalive",
    title: "Keepalive finds out that the peer is gone (idle 5 s, interval 2 s, 3 probes)",
    see: [
        "SO_KEEPALIVE is off unless the application asks for it. Then the first probe leaves after tcp_keepalive_time \
         without a word (here 5 s, by default 7200 s).",
        "A probe is an ACK with an old number. Unanswered ones follow every tcp_keepalive_intvl (2 s; 75 s), \
         tcp_keepalive_probes in all (3; 9).",
        "Then RST leaves and the application gets ETIMEDOUT: here at 11 s, by default at 7875 s. It has nothing to do with \
         TIME_WAIT, which has no application that could ask.",
    ],
    play: |stage| {
        let (client, server, listener) = stage.open(40_000);
        stage.set_options(Left, &client, |options| {
            options.keepalive = true;
            options.keepidle = Some(Duration::from_secs(5));
            options.keepintvl = Some(Duration::from_secs(2));
            options.keepcnt = Some(3);
        });
        stage.lose(|_, _| true);
        stage.pass_ms(12_000);
        stage.read(Left, &client);
        stage.stop(vec![client, server, listener]);
    },
};
