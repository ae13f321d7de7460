//! Many connections at once: a SYN flood with forged addresses, a client that runs out of ports, two clients behind one
//! address (TIMELINES T06, T20, T23).

use super::Preset;
use crate::drawing::Side::{Left, Right};
use std::net::{Ipv4Addr, SocketAddr};

pub(super) const SYN_FLOOD: Preset = Preset {
    name: "syn-flood",
    title: "A SYN flood with forged addresses (tcp_syncookies = 0, backlog 1)",
    see: [
        "Two forged SYNs fill the queue: listen(1) admits backlog + 1 requests. Each is answered at 0, 1, 3, 7, 15 and 31 s, \
         towards an address where nobody is, and is dropped at 63 s.",
        "Meanwhile an honest client's SYNs are dropped without an answer: its repeats at 1, 2, 3, 4, 5, 7, 11, 19 and 35 s \
         all find the queue full; the one at 67 s gets in.",
        "With tcp_syncookies = 1, Linux's default, the client would have been served at once: a full queue makes the kernel \
         answer with a cookie and keep nothing.",
    ],
    play: |stage| {
        stage.name_ends("an attacker, and a client", "server");
        stage.knobs(Right, |knobs| knobs.tcp_syncookies = 0);
        let listener = stage.listen(Right, 80, 1);
        for last in 1..=2u8 {
            let forged = Ipv4Addr::new(198, 51, 100, last).into();
            stage.forge_syn(SocketAddr::new(forged, 1000 + u16::from(last)), 80);
        }
        stage.pass_ms(500);
        let client = stage.connect(Left, 40_000, 80);
        stage.pass_ms(67_100);
        stage.connected(Left, &client);
        let server = stage.accept(Right, &listener);
        stage.stop([client, listener].into_iter().chain(server).collect());
    },
};

pub(super) const CRAWLER: Preset = Preset {
    name: "crawler",
    title: "A crawler that closes first runs out of ports (it has three)",
    see: [
        "Whoever closes first keeps TIME_WAIT: here the client, and with it a local port for 60 s per connection. The server \
         keeps nothing.",
        "With all ports in TIME_WAIT connect() fails at once with EADDRNOTAVAIL; nothing is sent. Only this destination is \
         barred: another address or port may use the same local ports.",
        "The default range has 28,232 ports: 470 connections a second to one destination. Keep connections open, or let the \
         server close; tcp_tw_reuse = 2, the default, helps on loopback only.",
    ],
    play: |stage| {
        stage.knobs(Left, |knobs| knobs.ip_local_port_range = [40_000, 40_002]);
        let listener = stage.listen(Right, 80, 5);
        for _ in 0..3 {
            let client = stage.connect(Left, 0, 80);
            stage.pass_ms(40);
            stage.write(Left, &client, 80);
            stage.pass_ms(40);
            let Some(server) = stage.accept(Right, &listener) else { return };
            stage.read(Right, &server);
            stage.write(Right, &server, 900);
            stage.pass_ms(40);
            stage.read(Left, &client);
            stage.close(Left, client);
            stage.wait_to_read(&server);
            stage.read(Right, &server);
            stage.close(Right, server);
            stage.pass_ms(100);
        }
        let client = stage.connect(Left, 0, 80);
        stage.connected(Left, &client);
        stage.pass_ms(61_000);
        let again = stage.connect(Left, 0, 80);
        stage.pass_ms(100);
        stage.connected(Left, &again);
        stage.stop(vec![client, again, listener]);
    },
};

pub(super) const ONE_NAT: Preset = Preset {
    name: "two-clients-one-nat",
    title: "Two clients behind one address get the same port",
    see: [
        "The server closed first and is in TIME_WAIT. The second client has the first one's address and port but not its \
         timestamps: its SYN looks old, and the server answers with an ACK of the old connection instead of SYN,ACK (PAWS).",
        "The client answers that ACK with RST, which ends TIME_WAIT (tcp_rfc1337 = 0); its next SYN gets in. With a newer \
         timestamp the first would have.",
        "tcp_tw_recycle, until Linux 4.12 removed it, compared timestamps per address and not per connection: it dropped \
         such SYNs silently on every port. This stack does not have it, so it is not drawn.",
    ],
    play: |stage| {
        stage.name_ends("clients behind a NAT", "server");
        let (client, server, listener) = stage.open(40_000);
        stage.close(Right, server);
        stage.wait_to_read(&client);
        stage.read(Left, &client);
        stage.close(Left, client);
        stage.pass_ms(2_000);
        stage.replace_host(Left);
        let second = stage.connect(Left, 40_000, 80);
        stage.pass_ms(3_000);
        stage.connected(Left, &second);
        stage.stop(vec![second, listener]);
    },
};
