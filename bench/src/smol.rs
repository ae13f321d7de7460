//! smoltcp as the peer: two interfaces joined in memory, checksums left out as ours are.
//!
//! Driven as well as it can be: a side is polled only when a frame waits for it or its application did something,
//! `poll_at` is never asked, and sockets are taken from a free list, so that every microsecond is smoltcp's own.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Checksum, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use std::collections::VecDeque;

const PORT: u16 = 80;
const REQUEST: [u8; 100] = [b'q'; 100];
const RESPONSE: [u8; 100] = [b'a'; 100];
/// Room in each direction of a socket for short talks.
const SMALL: usize = 512;
/// And of one for bulk: more than a turn of the link carries.
const LARGE: usize = 1 << 20;

/// One end of a link in memory; `inbox` is filled by hand from the other end's `outbox`.
#[derive(Default)]
struct Link {
    inbox: VecDeque<Vec<u8>>,
    outbox: VecDeque<Vec<u8>>,
}

struct Rx(Vec<u8>);
struct Tx<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push_back(frame);
        result
    }
}

impl Device for Link {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Rx, Tx<'_>)> {
        let frame = self.inbox.pop_front()?;
        Some((Rx(frame), Tx(&mut self.outbox)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Tx<'_>> {
        Some(Tx(&mut self.outbox))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities.checksum.ipv4 = Checksum::None;
        capabilities.checksum.tcp = Checksum::None;
        capabilities
    }
}

struct Host {
    interface: Interface,
    sockets: SocketSet<'static>,
    link: Link,
}

impl Host {
    fn new(last_octet: u8) -> Host {
        let mut link = Link::default();
        let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut link, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            let own = IpCidr::new(IpAddress::v4(10, 0, 0, last_octet), 24);
            addresses.push(own).expect("a fresh interface has room for one address");
        });
        Host { interface, sockets: SocketSet::new(Vec::new()), link }
    }

    fn add_socket(&mut self, room: usize) -> SocketHandle {
        let buffer = || SocketBuffer::new(vec![0; room]);
        self.sockets.add(Socket::new(buffer(), buffer()))
    }

    fn socket(&mut self, handle: SocketHandle) -> &mut Socket<'static> {
        self.sockets.get_mut(handle)
    }

    fn poll(&mut self, now: Instant) {
        self.interface.poll(now, &mut self.link, &mut self.sockets);
    }
}

/// Both ends of one connection.
pub(crate) struct Stream {
    ours: SocketHandle,
    theirs: SocketHandle,
}

/// Two hosts with some idle connections between them.
pub(crate) struct Smoltcp {
    client: Host,
    server: Host,
    client_socket: SocketHandle,
    server_socket: SocketHandle,
    port: u16,
    now: Instant,
}

impl Smoltcp {
    /// Two hosts, joined, with `idle` established connections.
    pub(crate) fn new(idle: usize) -> Smoltcp {
        let (mut client, mut server) = (Host::new(1), Host::new(2));
        let (client_socket, server_socket) = (client.add_socket(SMALL), server.add_socket(SMALL));
        let mut rig =
            Smoltcp { client, server, client_socket, server_socket, port: 1024, now: Instant::ZERO };
        for _ in 0..idle {
            let pair = (rig.client.add_socket(SMALL), rig.server.add_socket(SMALL));
            rig.open(pair.0, pair.1);
        }
        rig
    }

    /// Connect, 100 octets there, 100 octets back, close from both sides: the client first.
    pub(crate) fn short_connection(&mut self) {
        let (ours, theirs) = (self.client_socket, self.server_socket);
        self.open(ours, theirs);
        self.client.socket(ours).send_slice(&REQUEST).expect("an established socket takes data");
        self.settle(true);
        let mut octets = [0; 128];
        let received = self.server.socket(theirs).recv_slice(&mut octets).expect("the request is there");
        assert_eq!(received, REQUEST.len());
        self.server.socket(theirs).send_slice(&RESPONSE).expect("an established socket takes data");
        self.settle(false);
        let received = self.client.socket(ours).recv_slice(&mut octets).expect("the response is there");
        assert_eq!(received, RESPONSE.len());
        self.client.socket(ours).close();
        self.settle(true);
        self.server.socket(theirs).close();
        self.settle(false);
        assert_eq!(self.client.socket(ours).state(), State::TimeWait);
        assert_eq!(self.server.socket(theirs).state(), State::Closed);
        // TIME-WAIT occupies a whole socket here; leaving it without a segment spares the peer ten seconds of wait.
        self.client.sockets.remove(ours);
        self.client_socket = self.client.add_socket(SMALL);
    }

    /// One connection that stays, with large buffers and without Nagle's algorithm.
    pub(crate) fn stream(&mut self) -> Stream {
        let (ours, theirs) = (self.client.add_socket(LARGE), self.server.add_socket(LARGE));
        self.client.socket(ours).set_nagle_enabled(false);
        self.server.socket(theirs).set_nagle_enabled(false);
        self.open(ours, theirs);
        Stream { ours, theirs }
    }

    /// 100 octets there, 100 octets back.
    pub(crate) fn request(&mut self, stream: &Stream) {
        let mut octets = [0; 128];
        self.client.socket(stream.ours).send_slice(&REQUEST).expect("an established socket takes data");
        self.settle(true);
        let read = self.server.socket(stream.theirs).recv_slice(&mut octets);
        assert_eq!(read.expect("the request is there"), REQUEST.len());
        self.server.socket(stream.theirs).send_slice(&RESPONSE).expect("an established socket takes data");
        self.settle(false);
        let read = self.client.socket(stream.ours).recv_slice(&mut octets);
        assert_eq!(read.expect("the response is there"), RESPONSE.len());
    }

    /// Octets there, as fast as they are taken; thrown away where they lie, without a copy.
    pub(crate) fn bulk(&mut self, stream: &Stream, octets: &[u8]) {
        let (mut written, mut read) = (0, 0);
        while read < octets.len() {
            let ours = self.client.socket(stream.ours);
            written += ours.send_slice(&octets[written..]).expect("an established socket takes data");
            self.settle(true);
            let before = read;
            let theirs = self.server.socket(stream.theirs);
            while theirs.can_recv() {
                read += theirs.recv(|octets| (octets.len(), octets.len())).expect("there is something");
            }
            // The window is open again, which only a poll tells the peer.
            self.settle(false);
            if read == before {
                // A delayed acknowledgment may be what both wait for.
                self.now += smoltcp::time::Duration::from_millis(10);
                self.server.poll(self.now);
            }
        }
    }

    fn open(&mut self, ours: SocketHandle, theirs: SocketHandle) {
        self.server.socket(theirs).listen(PORT).expect("a closed socket listens");
        self.port = if self.port == u16::MAX { 1024 } else { self.port + 1 };
        let local = self.port;
        let Host { interface, sockets, .. } = &mut self.client;
        sockets
            .get_mut::<Socket<'_>>(ours)
            .connect(interface.context(), (IpAddress::v4(10, 0, 0, 2), PORT), local)
            .expect("a closed socket connects");
        self.settle(true);
        assert_eq!(self.client.socket(ours).state(), State::Established);
        assert_eq!(self.server.socket(theirs).state(), State::Established);
    }

    /// Polls the side whose application acted, then whoever has frames, until the link is silent.
    fn settle(&mut self, client_acted: bool) {
        self.now += smoltcp::time::Duration::from_micros(10);
        if client_acted {
            self.client.poll(self.now);
        } else {
            self.server.poll(self.now);
        }
        loop {
            self.server.link.inbox.append(&mut self.client.link.outbox);
            self.client.link.inbox.append(&mut self.server.link.outbox);
            let (to_server, to_client) =
                (!self.server.link.inbox.is_empty(), !self.client.link.inbox.is_empty());
            if !to_server && !to_client {
                return;
            }
            if to_server {
                self.server.poll(self.now);
            }
            if to_client {
                self.client.poll(self.now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_connection_lives_its_whole_life_beside_idle_ones() {
        let mut rig = Smoltcp::new(3);
        for _ in 0..5 {
            rig.short_connection();
        }
        assert_eq!(rig.client.sockets.iter().count(), 4);
    }

    #[test]
    fn a_stream_carries_requests_and_bulk() {
        let mut rig = Smoltcp::new(0);
        let stream = rig.stream();
        rig.request(&stream);
        rig.bulk(&stream, &vec![1; 3 << 20]);
        rig.request(&stream);
    }
}
