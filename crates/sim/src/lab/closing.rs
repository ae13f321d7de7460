//! How connections end in order: RFC 9293 section 3.6, figures 12 and 13.

use super::Preset;
use crate::drawing::Side::{Left, Right};

pub(super) const CLOSE4: Preset = Preset {
    name: "close4",
    title: "Four segments close a connection",
    see: [
        "The end that closes first goes through FIN_WAIT1 and FIN_WAIT2 and keeps TIME_WAIT for 60 s; tcp_fin_timeout does \
         not change that.",
        "The kernel acknowledges the FIN by itself; CLOSE_WAIT lasts until the application calls close(), however long that \
         takes. Many of them are a fault of the application.",
        "The end that closes last is done with LAST_ACK as soon as its FIN is acknowledged: it has no TIME_WAIT.",
    ],
    play: |stage| {
        let (client, server, listener) = stage.open(40_000);
        stage.close(Left, client);
        stage.pass_ms(300);
        stage.read(Right, &server);
        stage.close(Right, server);
        stage.pass_time_wait();
        stage.stop(vec![listener]);
    },
};

pub(super) const CLOSE3: Preset = Preset {
    name: "close3",
    title: "Three segments close a connection",
    see: [
        "The server's application closes as soon as it reads the end: its FIN carries the ACK that was still being delayed, \
         so the second and the third segment are one.",
        "The client goes from FIN_WAIT1 through FIN_WAIT2 to TIME_WAIT with that one segment.",
        "Four segments are needed only while the server still has something to do or to send: that is what half closing is \
         for.",
    ],
    play: |stage| {
        let (client, server, listener) = stage.open(40_000);
        stage.close(Left, client);
        stage.wait_to_read(&server);
        stage.read(Right, &server);
        stage.close(Right, server);
        stage.pass_time_wait();
        stage.stop(vec![listener]);
    },
};

pub(super) const SIMULTANEOUS_CLOSE: Preset = Preset {
    name: "simultaneous-close",
    title: "Both ends close at once",
    see: [
        "Two FINs cross on the way: each end gets a FIN that does not acknowledge its own, and is CLOSING.",
        "The ACK of its own FIN then leads each end to TIME_WAIT, not to CLOSE: both closed first.",
        "So both ends keep TIME_WAIT for 60 s: the only close that leaves it on both sides.",
    ],
    play: |stage| {
        let (client, server, listener) = stage.open(40_000);
        stage.close(Left, client);
        stage.close(Right, server);
        stage.pass_time_wait();
        stage.stop(vec![listener]);
    },
};

pub(super) const HALF_CLOSE: Preset = Preset {
    name: "half-close",
    title: "One end stops sending and goes on receiving",
    see: [
        "shutdown(SHUT_WR) sends the FIN but keeps the socket: data still arrives and is acknowledged in FIN_WAIT2.",
        "A FIN_WAIT2 that an application holds has no time limit (here 100 s pass); tcp_fin_timeout, 60 s, is for orphans \
         only.",
        "After close() instead of shutdown() the same data would have been answered with RST.",
    ],
    play: |stage| {
        let (client, server, listener) = stage.open(40_000);
        stage.shutdown(Left, &client);
        stage.pass_ms(100);
        stage.read(Right, &server);
        stage.pass_ms(100_000);
        stage.write(Right, &server, 1000);
        stage.pass_ms(100);
        stage.read(Left, &client);
        stage.close(Right, server);
        stage.pass_ms(100);
        stage.read(Left, &client);
        stage.close(Left, client);
        stage.pass_time_wait();
        stage.stop(vec![listener]);
    },
};
