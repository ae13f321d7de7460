//! How connections begin: RFC 9293 section 3.5, figures 6 and 7.

use super::Preset;
use crate::drawing::Side::{Left, Right};

pub(super) const HANDSHAKE: Preset = Preset {
    name: "handshake",
    title: "Three segments open a connection",
    see: [
        "SYN takes one sequence number on each side, so both acknowledgments say 1; the third segment, an ACK without data, \
         takes none.",
        "The client is ESTABLISHED one way earlier than the server: only the third segment proves to the server that its own \
         SYN arrived.",
        "accept() takes part in nothing: the handshake is over before the server's application knows of it, and the first \
         data may arrive before accept() is called.",
    ],
    play: |stage| {
        let listener = stage.listen(Right, 80, 5);
        stage.pass_ms(100);
        let client = stage.connect(Left, 40_000, 80);
        stage.pass_ms(20);
        stage.connected(Left, &client);
        stage.pass_ms(1);
        stage.write(Left, &client, 5);
        stage.pass_ms(100);
        if let Some(server) = stage.accept(Right, &listener) {
            stage.read(Right, &server);
            stage.pass_ms(100);
            stage.stop(vec![client, server, listener]);
        }
    },
};

pub(super) const SIMULTANEOUS_OPEN: Preset = Preset {
    name: "simultaneous-open",
    title: "Both ends connect to each other at once",
    see: [
        "Nobody listens: two SYNs that cross on the way make one connection, not two.",
        "Each end goes from SYN_SENT to SYN_RECV, and repeats its SYN with the same number, now with an ACK.",
        "Here SYN_RECV is a whole socket and not a listener's request: unanswered, it would retry by tcp_syn_retries (127 s) \
         and end with ETIMEDOUT, not silently at 63 s.",
    ],
    play: |stage| {
        stage.name_ends("host", "host");
        let left = stage.connect(Left, 40_000, 50_000);
        let right = stage.connect(Right, 50_000, 40_000);
        stage.pass_ms(40);
        stage.connected(Left, &left);
        stage.connected(Right, &right);
        stage.pass_ms(100);
        stage.stop(vec![left, right]);
    },
};
