//! What goes wrong between two ends: lost acknowledgments and resets (TIMELINES T02, T07, T11, T40).

use super::Preset;
use super::stage::address;
use crate::drawing::Side::{Left, Right};
use lastack_observe::State;
use std::net::SocketAddr;

pub(super) const LOST_THIRD_ACK: Preset = Preset {
    name: "lost-third-ack",
    title: "The third segment of the handshake never arrives",
    see: [
        "The server does not reset: it repeats its SYN,ACK after 1, 3, 7, 15 and 31 s (tcp_synack_retries = 5), and at 63 s \
         drops the request silently.",
        "The client has been ESTABLISHED all the time, with no timer that would ever end it, and answers every repeated \
         SYN,ACK with an ACK (TCPChallengeACK grows). One segment of data within the 63 s would have completed the handshake.",
        "Only when the client writes does it learn the truth: nobody has that socket any more, so a RST comes back, and its \
         next read is ECONNRESET.",
    ],
    play: |stage| {
        stage.lose(|from, segment| {
            let bare = segment.flags.ack() && !segment.flags.syn() && segment.len == 0;
            from == Left && bare && !segment.flags.fin() && !segment.flags.rst()
        });
        let listener = stage.listen(Right, 80, 5);
        let client = stage.connect(Left, 40_000, 80);
        stage.pass_ms(20);
        stage.connected(Left, &client);
        stage.pass_ms(65_980);
        stage.write(Left, &client, 5);
        stage.pass_ms(100);
        stage.read(Left, &client);
        stage.stop(vec![client, listener]);
    },
};

pub(super) const LOST_LAST_ACK: Preset = Preset {
    name: "lost-last-ack",
    title: "The last ACK of the close is lost",
    see: [
        "The server repeats its FIN from LAST_ACK: it cannot know whether the FIN or the ACK was lost.",
        "TIME_WAIT is there for this: it acknowledges the FIN again, and its 60 s begin anew. Without it the answer would be \
         a RST, an error for the server's application if it still held the socket.",
        "If no ACK ever came, the server would repeat the FIN 9 times and, after about 102 s, forget the connection silently \
         (tcp_orphan_retries = 0, which means 8).",
    ],
    play: |stage| {
        let (client, server, listener) = stage.open(40_000);
        stage.close(Left, client);
        stage.pass_ms(200);
        stage.read(Right, &server);
        let mut lost = 0;
        stage.lose(move |from, segment| {
            let is_last = from == Left && segment.flags.ack() && !segment.flags.fin();
            lost += u32::from(is_last);
            is_last && lost == 1
        });
        stage.close(Right, server);
        stage.pass_ms(62_000);
        stage.stop(vec![listener]);
    },
};

pub(super) const DELAYED_DUPLICATE: Preset = Preset {
    name: "delayed-duplicate",
    title: "An old SYN arrives late: why two segments are not enough",
    see: [
        "The connection is over at both ends when a repeat of an old SYN arrives, which the network had held back. The \
         server cannot know that it is old: it keeps a request and answers.",
        "The client has no such connection, so it answers the SYN,ACK with RST, and the request is gone \
         (EmbryonicRsts grows). No application learned of it.",
        "With a handshake of two segments the server would now hold a connection that nobody else has. The third segment \
         proves that the client exists and means it.",
    ],
    play: |stage| {
        let (client, server, listener) = stage.open(40_000);
        stage.close(Right, server);
        stage.wait_to_read(&client);
        stage.close(Left, client);
        stage.pass_time_wait();
        stage.stray_syn(SocketAddr::new(address(Left), 39_000), 80, "an old SYN that was held back");
        stage.pass_ms(1_100);
        stage.stop(vec![listener]);
    },
};

pub(super) const RESET: Preset = Preset {
    name: "reset",
    title: "close() with data unread resets the connection",
    see: [
        "The client closes without having read what arrived: the peer must learn that it was lost, so RST goes out instead of \
         FIN.",
        "A RST is not acknowledged, and neither end has a TIME_WAIT afterwards.",
        "The server's application gets ECONNRESET once. close() with SO_LINGER {1, 0} does the same on purpose; what was \
         not sent yet is lost.",
    ],
    play: |stage| {
        let (client, server, listener) = stage.open(40_000);
        stage.write(Right, &server, 100);
        stage.pass_ms(100);
        stage.close(Left, client);
        stage.pass_ms(100);
        debug_assert_eq!(server.state(), State::Closed);
        stage.read(Right, &server);
        stage.stop(vec![server, listener]);
    },
};
