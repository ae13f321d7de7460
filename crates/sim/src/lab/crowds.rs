//! Many connections at once: a SYN flood with forged addresses, a client that runs out of ports, two clients behind one
//! address (TIMELINES T06, T20, T23).

use super::Preset;
use super::profiles::LINUX_TO_4_11;
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

pub(super) const SYN_COOKIES: Preset = Preset {
    name: "syn-cookies",
    title: "The same flood with SYN cookies (tcp_syncookies = 1, the default; backlog 1)",
    see: [
        "The forged SYNs fill the queue as before. But now the honest client's SYN is answered at once, with a cookie: the \
         server keeps nothing, all it must know later is in its sequence number and timestamp.",
        "The third segment brings the cookie back, and the connection is ESTABLISHED with window scale and SACK, because \
         both sides have timestamps; without them only the MSS would be left.",
        "A cookie's SYN,ACK is never repeated, and its ACK is believed for 60 to 120 s. With tcp_syncookies = 2 every \
         handshake is like this.",
    ],
    play: |stage| {
        stage.name_ends("an attacker, and a client", "server");
        let listener = stage.listen(Right, 80, 1);
        for last in 1..=2u8 {
            let forged = Ipv4Addr::new(198, 51, 100, last).into();
            stage.forge_syn(SocketAddr::new(forged, 1000 + u16::from(last)), 80);
        }
        stage.pass_ms(500);
        let client = stage.connect(Left, 40_000, 80);
        stage.pass_ms(200);
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

pub(super) const TW_REUSE: Preset = Preset {
    name: "tw-reuse",
    title: "connect() takes over a port in TIME_WAIT (tcp_tw_reuse = 1, one port)",
    see: [
        "Right after the close the only port is in TIME_WAIT, younger than tcp_tw_reuse_delay (1 s): EADDRNOTAVAIL.",
        "A second later connect() takes the port over. The new SYN's timestamp is later than any old segment's, so an old one \
         cannot be mistaken for a new one, and its number is the old connection's next plus 65,537.",
        "This is about connect() alone: it needs timestamps at both ends and does nothing for a server that closes first. The \
         default, 2, allows it on loopback only.",
    ],
    play: |stage| {
        stage.knobs(Left, |knobs| {
            knobs.ip_local_port_range = [40_000, 40_000];
            knobs.tcp_tw_reuse = 1;
        });
        let (client, server, listener) = stage.open(0);
        stage.close(Left, client);
        stage.wait_to_read(&server);
        stage.read(Right, &server);
        stage.close(Right, server);
        stage.pass_ms(300);
        let early = stage.connect(Left, 0, 80);
        stage.connected(Left, &early);
        stage.pass_ms(1_000);
        let late = stage.connect(Left, 0, 80);
        stage.pass_ms(100);
        stage.connected(Left, &late);
        stage.stop(vec![early, late, listener]);
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
         such SYNs silently on every port. See the situation tw-recycle.",
    ],
    play: |stage| {
        stage.name_ends("clients behind a NAT", "server");
        let (client, server, listener) = stage.open(40_000);
        stage.close(Right, server);
        stage.wait_to_read(&client);
        stage.read(Left, &client);
        stage.close(Left, client);
        stage.pass_ms(2_000);
        stage.replace_host(Left, "another host behind the same address");
        let second = stage.connect(Left, 40_000, 80);
        stage.pass_ms(3_000);
        stage.connected(Left, &second);
        stage.stop(vec![second, listener]);
    },
};

pub(super) const TW_RECYCLE: Preset = Preset {
    name: "tw-recycle",
    title: "Two clients behind one address, and a server with tcp_tw_recycle (Linux before 4.12)",
    see: [
        "TIME_WAIT of the first client's connection lasts only 3.5 timeouts: that is what people turned it on for. But the \
         server remembers the last timestamp of the client's address for 60 s.",
        "The second client has that address, from the same NAT, and a clock of its own. Its SYN looks older, so it and its \
         repeats are dropped without a word (PAWSPassive and ListenDrops grow). Since 4.10 every connection has its own \
         clock, and one host alone ran into this.",
        "To its user the server is down for a minute, and for the neighbour it works. Linux 4.12 removed the switch; sysctl \
         now says that it does not exist. tcp_tw_reuse is another thing and stays.",
    ],
    play: |stage| {
        stage.follow(&LINUX_TO_4_11);
        stage.name_ends("clients behind a NAT", "server");
        let (client, server, listener) = stage.open(40_000);
        stage.close(Right, server);
        stage.wait_to_read(&client);
        stage.read(Left, &client);
        stage.close(Left, client);
        stage.pass_ms(2_000);
        stage.replace_host(Left, "another host behind the same address");
        let second = stage.connect(Left, 41_001, 80);
        stage.pass_ms(64_000);
        stage.connected(Left, &second);
        stage.stop(vec![second, listener]);
    },
};
