//! Two hosts, a link of ten milliseconds each way, and applications that do what a scene tells them, all of it recorded.

use super::Profile;
use crate::drawing::{Diagram, Recorder, Side};
use crate::octets::{self, Ends, Seen};
use crate::script::ast::{Opt, Segment};
use crate::world::{Agenda, Dice, Edges, Host, Link, LinkOptions};
use bytes::Bytes;
use lastack_observe::Instant;
use lastack_stack::{Config, Family, Knobs, Shutdown, Socket, SocketError};
use lastack_tcp::knobs::SocketOptions;
use lastack_wire::tcp::Flags;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

const START: Instant = Instant::from_millis(1_000_000);
/// Any will do; one that is fixed makes every run the same.
const SEED: u64 = 0x1a57_ac4b;
const DELAY: Duration = Duration::from_millis(10);
/// A scene in which so much happens never ends.
const STEPS_MAX: usize = 100_000;

/// Whether the link loses a packet.
type Loses = Box<dyn FnMut(Side, &Segment) -> bool>;

struct Arrival {
    to: Side,
    octets: Bytes,
    packet: Option<usize>,
}

/// A scene that is played.
pub(super) struct Stage {
    now: Instant,
    dice: Dice,
    agenda: Agenda<Arrival>,
    hosts: [Host; 2],
    links: [Link; 2],
    loses: Loses,
    recorder: Recorder,
    edges: Edges,
    profile: Option<&'static Profile>,
}

fn host(side: Side, profile: Option<&Profile>, dice: &mut Dice) -> Host {
    let second = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, side as u16 + 1).into();
    let mut config = Config::new(Vec::new());
    if let Some(profile) = profile {
        profile.apply(&mut config.knobs);
    }
    Host::new(config, [address(side), second], 1, dice)
}

/// The address of an end.
pub(super) fn address(side: Side) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, side as u8 + 1).into()
}

impl Stage {
    /// Both ends with Linux's defaults, or those of a profile.
    pub(super) fn new(title: &str, profile: Option<&'static Profile>) -> Stage {
        let mut dice = Dice::new(SEED);
        let hosts = [Side::Left, Side::Right].map(|side| host(side, profile, &mut dice));
        let link = Link::new(LinkOptions { delay: DELAY, ..LinkOptions::default() });
        let ends = [format!("client {}", address(Side::Left)), format!("server {}", address(Side::Right))];
        Stage {
            now: START,
            dice,
            agenda: Agenda::default(),
            hosts,
            links: [link.clone(), link],
            loses: Box::new(|_, _| false),
            recorder: Recorder::new(START, title, ends),
            edges: Edges::default(),
            profile,
        }
    }

    /// What the ends are, when it is not a client and a server.
    pub(super) fn name_ends(&mut self, left: &str, right: &str) {
        let named = |name: &str, side| format!("{name} {}", address(side));
        self.recorder.name_ends([named(left, Side::Left), named(right, Side::Right)]);
    }

    /// Behind the address of an end stands another host from now on, with secrets of its own.
    pub(super) fn replace_host(&mut self, side: Side, text: &str) {
        self.hosts[side as usize] = host(side, self.profile, &mut self.dice);
        self.said(side, 0, text);
    }

    /// A scene of these rules; those that the user chose come first.
    pub(super) fn follow(&mut self, profile: &'static Profile) {
        let profile = *self.profile.get_or_insert(profile);
        self.hosts.iter_mut().for_each(|host| host.change_knobs(|knobs| profile.apply(knobs)));
    }

    /// Changes the knobs of one end.
    pub(super) fn knobs(&mut self, side: Side, change: impl FnOnce(&mut Knobs)) {
        self.hosts[side as usize].change_knobs(change);
    }

    /// From now on the link loses what this says.
    pub(super) fn lose(&mut self, loses: impl FnMut(Side, &Segment) -> bool + 'static) {
        self.loses = Box::new(loses);
    }

    /// The diagram so far, and the edges crossed.
    pub(super) fn finish(self) -> (Diagram, Edges) {
        (self.recorder.finish(), self.edges)
    }

    // What applications do.

    /// A listener.
    pub(super) fn listen(&mut self, side: Side, port: u16, backlog: u32) -> Socket {
        let socket = self.socket(side);
        self.said(side, 0, format!("listen(port {port}, backlog {backlog})"));
        // The address is the stack's own and the socket is new: neither call can be refused here.
        let _ = socket.bind(SocketAddr::new(address(side), port));
        let _ = socket.listen(backlog);
        self.settle(side);
        socket
    }

    /// Begins to connect to the other end, from a port of its own when it is not zero.
    pub(super) fn connect(&mut self, side: Side, from: u16, port: u16) -> Socket {
        let socket = self.socket(side);
        if from != 0 {
            let _ = socket.bind(SocketAddr::new(address(side), from));
        }
        self.said(side, from, "connect()");
        let _ = socket.connect(SocketAddr::new(address(side.other()), port));
        self.settle(side);
        socket
    }

    /// What connect() came to.
    pub(super) fn connected(&mut self, side: Side, socket: &Socket) {
        let answer = socket.try_connected();
        self.answered(side, socket, "connect()", answer.map(|()| "ok".to_owned()));
    }

    /// A connection that is open at both ends: the client's socket, the server's, and the listener.
    pub(super) fn open(&mut self, from: u16) -> (Socket, Socket, Socket) {
        let listener = self.listen(Side::Right, 80, 5);
        let client = self.connect(Side::Left, from, 80);
        self.pass(DELAY * 3);
        let server = self.accept(Side::Right, &listener).expect("nothing is lost, so the handshake is over");
        self.pass_ms(100);
        (client, server, listener)
    }

    /// Takes a connection from a listener.
    pub(super) fn accept(&mut self, side: Side, listener: &Socket) -> Option<Socket> {
        match listener.try_accept() {
            Ok((socket, _)) => {
                self.answered(side, &socket, "accept()", Ok("ok".to_owned()));
                Some(socket)
            }
            Err(error) => {
                self.answered(side, listener, "accept()", Err(error));
                None
            }
        }
    }

    /// setsockopt().
    pub(super) fn set_options(
        &mut self,
        side: Side,
        socket: &Socket,
        change: impl FnOnce(&mut SocketOptions),
    ) {
        socket.set_options(change);
        self.settle(side);
    }

    /// Writes so many octets.
    pub(super) fn write(&mut self, side: Side, socket: &Socket, octets: usize) {
        let answer = socket.try_write(Bytes::from(vec![0x2e; octets]));
        let name = format!("write({octets})");
        match answer {
            Ok(_) => self.said(side, self.flow(side, socket), name),
            Err(error) => self.answered(side, socket, &name, Err(error)),
        }
        self.settle(side);
    }

    /// Reads what is there.
    pub(super) fn read(&mut self, side: Side, socket: &Socket) {
        let mut octets = 0;
        let answer = loop {
            match socket.try_read(usize::MAX) {
                Ok(chunk) if chunk.is_empty() => break Ok("0, the end".to_owned()),
                Ok(chunk) => octets += chunk.len(),
                Err(SocketError::WouldBlock) if octets > 0 => break Ok(octets.to_string()),
                Err(error) => break Err(error),
            }
        };
        self.answered(side, socket, "read()", answer);
        self.settle(side);
    }

    /// Ends the sending side only.
    pub(super) fn shutdown(&mut self, side: Side, socket: &Socket) {
        let answer = socket.shutdown(Shutdown::Write);
        match answer {
            Ok(()) => self.said(side, self.flow(side, socket), "shutdown(SHUT_WR)"),
            Err(error) => self.answered(side, socket, "shutdown(SHUT_WR)", Err(error)),
        }
        self.settle(side);
    }

    /// Closes.
    pub(super) fn close(&mut self, side: Side, socket: Socket) {
        self.said(side, self.flow(side, &socket), "close()");
        drop(socket);
        self.settle(side);
    }

    /// The scene is over: what becomes of these sockets is no part of it.
    pub(super) fn stop(&mut self, sockets: Vec<Socket>) {
        drop(sockets);
    }

    /// A SYN whose source address is forged leaves the left end.
    pub(super) fn forge_syn(&mut self, from: SocketAddr, port: u16) {
        self.stray_syn(from, port, &format!("a SYN as if from {}", from.ip()));
    }

    /// A SYN that no socket sent leaves the left end.
    pub(super) fn stray_syn(&mut self, from: SocketAddr, port: u16, text: &str) {
        let segment = Segment {
            flags: Flags::SYN,
            start: 1000,
            len: 0,
            ack: None,
            window: Some(65_535),
            urgent: None,
            options: Some(vec![Opt::Mss(1460)]),
            marks: Default::default(),
        };
        let ends = Ends { from, to: SocketAddr::new(address(Side::Right), port) };
        self.said(Side::Left, from.port(), text);
        self.transmit(Side::Left, octets::encode(ends, &segment).into());
    }

    // Time.

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        self.run(until, || false);
        self.now = until;
    }

    /// Lets a TIME_WAIT end.
    pub(super) fn pass_time_wait(&mut self) {
        let length = self.hosts[0].knobs().profile.time_wait;
        self.pass(length + Duration::from_secs(1));
    }

    /// Lets time pass until read() has an answer, as for an application that waits in it; a second at most.
    pub(super) fn wait_to_read(&mut self, socket: &Socket) {
        let until = self.now + Duration::from_secs(1);
        self.run(until, || socket.try_peek(1) != Err(SocketError::WouldBlock));
    }

    fn run(&mut self, until: Instant, is_enough: impl Fn() -> bool) {
        for _ in 0..STEPS_MAX {
            let timers = self.hosts.iter().filter_map(Host::deadline);
            let next = timers.chain(self.agenda.next_at()).min().filter(|next| *next <= until);
            match next {
                Some(next) if !is_enough() => self.step(next),
                _ => break,
            }
        }
    }

    /// Lets so many milliseconds pass.
    pub(super) fn pass_ms(&mut self, ms: u64) {
        self.pass(Duration::from_millis(ms));
    }

    fn step(&mut self, next: Instant) {
        self.now = self.now.max(next);
        for side in [Side::Left, Side::Right] {
            let host = &mut self.hosts[side as usize];
            if host.deadline().is_some_and(|at| at <= self.now) {
                host.fire(self.now, &mut self.dice);
                self.tell(side);
                self.settle(side);
            }
        }
        if self.agenda.next_at().is_some_and(|at| at <= self.now)
            && let Some((_, arrival)) = self.agenda.pop()
        {
            if let Some(packet) = arrival.packet {
                self.recorder.arrived(self.now, packet);
            }
            self.hosts[arrival.to as usize].deliver(self.now, &mut self.dice, arrival.octets);
            self.tell(arrival.to);
            self.settle(arrival.to);
        }
    }

    /// Lets an end come to rest.
    fn settle(&mut self, side: Side) {
        for _ in 0..STEPS_MAX {
            let mut sent = Vec::new();
            let host = &mut self.hosts[side as usize];
            let moved = host.turn(self.now, &mut self.dice, &mut |octets| sent.push(octets));
            self.tell(side);
            sent.into_iter().for_each(|octets| self.transmit(side, octets));
            if !moved {
                break;
            }
        }
    }

    fn transmit(&mut self, from: Side, octets: Bytes) {
        let seen: Option<Seen> = octets::decode(&octets).ok().flatten();
        let goes_nowhere = seen.as_ref().is_some_and(|seen| seen.ends.to.ip() != address(from.other()));
        let lost = goes_nowhere || seen.is_some_and(|seen| (self.loses)(from, &seen.segment));
        let packet = self.recorder.sent(self.now, from, &octets, lost);
        if lost {
            return;
        }
        let agenda = &mut self.agenda;
        self.links[from as usize].carry(self.now, &mut self.dice, octets, |delivery| {
            agenda.add(delivery.at, Arrival { to: from.other(), octets: delivery.octets, packet });
        });
    }

    /// Every socket of an end, and the knobs that it obeys.
    #[cfg(test)]
    pub(super) fn looked_at(&mut self, side: Side) -> (Vec<lastack_observe::SocketRow>, Knobs) {
        let host = &mut self.hosts[side as usize];
        (host.rows(self.now), host.knobs().clone())
    }

    // What is recorded.

    fn tell(&mut self, side: Side) {
        let recorder = &mut self.recorder;
        let told = self.hosts[side as usize].events(&mut self.edges, |event| recorder.event(side, event));
        debug_assert!(told.is_ok(), "{told:?}");
    }

    fn socket(&mut self, side: Side) -> Socket {
        self.hosts[side as usize].sockets(&mut self.dice).stream(Family::V4)
    }

    /// The flow's port at the left end.
    fn flow(&self, side: Side, socket: &Socket) -> u16 {
        let address = if side == Side::Left { socket.local_addr() } else { socket.peer_addr() };
        address.map_or(0, |address| address.port())
    }

    fn said(&mut self, side: Side, flow: u16, text: impl Into<String>) {
        self.recorder.call(self.now, side, flow, text);
    }

    fn answered(&mut self, side: Side, socket: &Socket, call: &str, answer: Result<String, SocketError>) {
        let text = match answer {
            Ok(text) => format!("{call} = {text}"),
            Err(error) => format!("{call} = {}", error.name()),
        };
        self.said(side, self.flow(side, socket), text);
    }
}
