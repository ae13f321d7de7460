//! pktkit's `vtcp` as the peer: two `Conn`s whose segments are handed over in memory.
//!
//! It writes no IP headers, has no table of connections and no listener to go through, all of which the other rigs pay for;
//! its checksums are its caller's, so there are none. Pacing, Nagle and auto-tuning of buffers are off: a link without
//! delay and buffers that are large from the start need none of them. Its clock is the real one, so a wait for one of its
//! timers is a sleep, which costs no CPU time.

use pktkit::vtcp::{Conn, ConnConfig, Segment};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const REQUEST: [u8; 100] = [b'q'; 100];
const RESPONSE: [u8; 100] = [b'a'; 100];
const BUFFER: usize = 1 << 20;

/// Both ends of one connection, and what is on its way between them.
pub(crate) struct Pktkit {
    client: Conn,
    server: Conn,
    to_client: VecDeque<Vec<u8>>,
    to_server: VecDeque<Vec<u8>>,
    scratch: Vec<u8>,
}

fn config(local: u16, remote: u16) -> ConnConfig {
    ConnConfig::default()
        .local_port(local)
        .remote_port(remote)
        .pacing(false)
        .nodelay(true)
        .autotune(false)
        .send_buf_size(BUFFER)
        .recv_buf_size(BUFFER)
}

fn parse(octets: &[u8]) -> Segment {
    Segment::parse(octets).expect("what the peer built can be read")
}

impl Pktkit {
    /// An established connection from `port` to port 80.
    pub(crate) fn connect(port: u16) -> Pktkit {
        let mut rig = Pktkit {
            client: Conn::new(config(port, 80)),
            server: Conn::new(config(80, port)),
            to_client: VecDeque::new(),
            to_server: VecDeque::new(),
            scratch: vec![0; 64 << 10],
        };
        for syn in rig.client.connect() {
            rig.to_client.extend(rig.server.accept_syn(&parse(&syn)));
        }
        rig.settle();
        assert!(rig.client.is_established() && rig.server.is_established());
        rig
    }

    /// Connect, 100 octets there, 100 octets back, close from both sides: the client first.
    pub(crate) fn short_connection(port: u16) {
        let mut rig = Pktkit::connect(port);
        rig.request();
        rig.to_server.extend(rig.client.close());
        rig.settle();
        assert!(rig.server.fin_received());
        rig.to_client.extend(rig.server.close());
        rig.settle();
        assert!(rig.server.is_closed());
    }

    /// 100 octets there, 100 octets back.
    pub(crate) fn request(&mut self) {
        let mut octets = [0; 128];
        let (taken, segments) = self.client.write(&REQUEST);
        assert_eq!(taken, REQUEST.len());
        self.to_server.extend(segments);
        self.settle();
        assert_eq!(self.server.read(&mut octets), REQUEST.len());
        let (taken, segments) = self.server.write(&RESPONSE);
        assert_eq!(taken, RESPONSE.len());
        self.to_client.extend(segments);
        self.settle();
        assert_eq!(self.client.read(&mut octets), RESPONSE.len());
    }

    /// Octets there, as fast as they are taken; read and thrown away.
    pub(crate) fn bulk(&mut self, octets: &[u8]) {
        let (mut written, mut read) = (0, 0);
        while read < octets.len() {
            let (taken, segments) = self.client.write(&octets[written..]);
            written += taken;
            self.to_server.extend(segments);
            self.settle();
            let before = read;
            loop {
                let length = self.server.read(&mut self.scratch);
                if length == 0 {
                    break;
                }
                read += length;
            }
            // A window update may be waiting.
            self.to_client.extend(self.server.take_outgoing());
            if read == before && self.to_client.is_empty() {
                self.wait();
            }
        }
    }

    /// Hands segments over until none is on its way.
    fn settle(&mut self) {
        while !(self.to_server.is_empty() && self.to_client.is_empty()) {
            while let Some(octets) = self.to_server.pop_front() {
                self.to_client.extend(self.server.handle_segment(&parse(&octets)));
            }
            while let Some(octets) = self.to_client.pop_front() {
                self.to_server.extend(self.client.handle_segment(&parse(&octets)));
            }
        }
    }

    /// Sleeps until the next timer of either end and runs it.
    fn wait(&mut self) {
        let next = [self.client.next_deadline(), self.server.next_deadline()].into_iter().flatten().min();
        let now = Instant::now();
        let pause = next.map_or(Duration::from_millis(1), |next| next.saturating_duration_since(now));
        std::thread::sleep(pause);
        self.to_server.extend(self.client.tick());
        self.to_client.extend(self.server.tick());
    }
}

#[cfg(test)]
mod tests;
