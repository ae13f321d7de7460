//! The siege, a millisecond at a time: forged SYNs, packets that arrive, applications, clients that come.

use super::{BACKLOG, Defence, FloodOptions, FloodReport};
use crate::octets::{Ends, decode, encode};
use crate::script::ast::{Opt, Segment};
use crate::world::{Agenda, Dice, Edges, Host};
use bytes::Bytes;
use lastack_observe::{Counter, EventKind, Instant, Refusal, State};
use lastack_stack::{Config, Family, Socket, SocketError};
use lastack_wire::tcp::Flags;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

const START: Instant = Instant::from_millis(1_000_000);
const TICK: Duration = Duration::from_millis(1);
/// From host to host.
const DELAY: Duration = Duration::from_millis(5);
const PORT: u16 = 80;
const QUESTION: &[u8] = b"question";

const GATE: usize = 0;
const CLIENTS: usize = 1;
const BACKEND: usize = 2;

/// A client, or one connection of the gate: what it asks and what it has heard.
struct Talk {
    socket: Socket,
    /// The connection to the backend, once the gate dialled it.
    backend: Option<Socket>,
    asked: bool,
}

/// A flood that runs.
pub(super) struct Siege {
    options: FloodOptions,
    now: Instant,
    dice: Dice,
    hosts: Vec<Host>,
    packets: Agenda<(usize, Bytes)>,
    listener: Socket,
    backend: Socket,
    clients: Vec<Talk>,
    come: u32,
    gate: Vec<Talk>,
    serving: Vec<Socket>,
    /// Connections that are done and stay open, so that an observer sees them.
    kept: Vec<Socket>,
    edges: Edges,
    forged: u32,
    report: FloodReport,
}

impl Siege {
    pub(super) fn new(options: FloodOptions) -> Siege {
        let mut dice = Dice::new(options.seed);
        let proxy = options.defence == Defence::SynProxy;
        let hosts: Vec<Host> = (0..3).map(|number| host(number, options.defence, &mut dice)).collect();
        let listener = listen(&hosts[GATE], proxy, &mut dice);
        let backend = listen(&hosts[BACKEND], false, &mut dice);
        let report = FloodReport {
            options,
            served: 0,
            kept_options: 0,
            half_open_most: 0,
            backend_syns: 0,
            full_drops: 0,
            full_cookies: 0,
            listen_drops: 0,
            cookies_sent: 0,
            cookies_back: 0,
            rows_half_open: 0,
            refused_events: 0,
            suspected: Vec::new(),
        };
        Siege {
            options,
            now: START,
            dice,
            hosts,
            packets: Agenda::default(),
            listener,
            backend,
            clients: Vec::new(),
            come: 0,
            gate: Vec::new(),
            serving: Vec::new(),
            kept: Vec::new(),
            edges: Edges::default(),
            forged: 0,
            report,
        }
    }

    pub(super) fn run(mut self) -> FloodReport {
        self.settle();
        let end = START + self.options.length;
        while self.now < end {
            self.tick();
        }
        self.look();
        self.report
    }

    /// Share of the flood's time that is over, applied to a number of things that are spread over it.
    fn due(&self, all: u32) -> u32 {
        let share = self.now.since(START).as_secs_f64() / self.options.length.as_secs_f64();
        (f64::from(all) * share.min(1.0)) as u32
    }

    fn tick(&mut self) {
        self.now += TICK;
        while self.packets.next_at().is_some_and(|at| at <= self.now) {
            let Some((_, (host, octets))) = self.packets.pop() else { break };
            self.hosts[host].deliver(self.now, &mut self.dice, octets);
        }
        while self.forged < self.due(self.options.syns) {
            let syn = self.forge();
            self.hosts[GATE].deliver(self.now, &mut self.dice, syn);
            self.forged += 1;
            self.report.half_open_most =
                self.report.half_open_most.max(self.hosts[GATE].count(State::SynRecv));
            // What it answers must not wait behind the rest.
            if self.forged.is_multiple_of(32) {
                self.turn(GATE);
            }
        }
        // The first client comes when the queue is full already, the last before the end.
        let late = self.options.clients.div_ceil(20);
        while self.come + late < self.due(self.options.clients + 2 * late) && self.come < self.options.clients
        {
            self.arrive();
        }
        for host in &mut self.hosts {
            if host.deadline().is_some_and(|at| at <= self.now) {
                host.fire(self.now, &mut self.dice);
            }
        }
        self.settle();
    }

    /// A SYN from nobody: an address and a port that were never used.
    fn forge(&mut self) -> Bytes {
        let [b, c, d, high, low, ..] = self.dice.below(u64::MAX).to_be_bytes();
        let from = SocketAddr::new(Ipv4Addr::new(11, b, c, d).into(), u16::from_be_bytes([high, low]).max(1));
        let segment = Segment {
            flags: Flags::SYN,
            start: self.dice.below(1 << 32) as u32,
            len: 0,
            ack: None,
            window: Some(64240),
            urgent: None,
            options: Some(vec![Opt::Mss(1460)]),
            marks: Default::default(),
        };
        encode(Ends { from, to: address(GATE) }, &segment).into()
    }

    fn arrive(&mut self) {
        let socket = self.hosts[CLIENTS].sockets(&mut self.dice).stream(Family::V4);
        socket.connect(address(GATE)).expect("a fresh socket");
        self.clients.push(Talk { socket, backend: None, asked: false });
        self.come += 1;
    }

    /// Lets everybody come to rest.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            for host in 0..self.hosts.len() {
                moved |= self.turn(host);
            }
            moved |= self.accept() | self.serve() | self.ask();
            if !moved {
                break;
            }
        }
        let report = &mut self.report;
        let told = self.hosts[GATE].events(&mut self.edges, |event| match event.kind {
            EventKind::ConnectionRefused { reason: Refusal::SynQueueFull } => report.refused_events += 1,
            EventKind::SynFloodSuspected { cookies } => report.suspected.push(cookies),
            _ => {}
        });
        told.expect("every change of state is an edge");
    }

    /// One turn of a host; what it sends is under way then, if there is anybody.
    fn turn(&mut self, host: usize) -> bool {
        let (at, packets, report) = (self.now + DELAY, &mut self.packets, &mut self.report);
        self.hosts[host].turn(self.now, &mut self.dice, &mut |octets: Bytes| {
            let Ok(Some(seen)) = decode(&octets) else { return };
            let to = [GATE, CLIENTS, BACKEND].into_iter().find(|&to| address(to).ip() == seen.ends.to.ip());
            let Some(to) = to else { return };
            let flags = seen.segment.flags;
            report.backend_syns += u32::from(to == BACKEND && flags.syn() && !flags.ack());
            packets.add(at, (to, octets));
        })
    }

    fn accept(&mut self) -> bool {
        let mut moved = false;
        while let Ok((socket, _)) = self.listener.try_accept() {
            moved = true;
            if self.options.defence != Defence::SynProxy {
                self.serving.push(socket);
                continue;
            }
            let backend = self.hosts[GATE].sockets(&mut self.dice).stream(Family::V4);
            backend.connect(address(BACKEND)).expect("a fresh socket");
            self.gate.push(Talk { socket, backend: Some(backend), asked: false });
        }
        while let Ok((socket, _)) = self.backend.try_accept() {
            moved = true;
            self.serving.push(socket);
        }
        moved
    }

    /// Servers answer a question with itself; the gate passes on both.
    fn serve(&mut self) -> bool {
        let before = self.kept.len();
        for socket in std::mem::take(&mut self.serving) {
            if let Some(question) = said(&socket) {
                socket.try_write(question).expect("there is room");
                self.kept.push(socket);
            } else {
                self.serving.push(socket);
            }
        }
        for mut talk in std::mem::take(&mut self.gate) {
            let Some(backend) = talk.backend.as_ref().filter(|backend| backend.try_connected().is_ok())
            else {
                self.gate.push(talk);
                continue;
            };
            if !talk.asked
                && let Some(question) = said(&talk.socket)
            {
                backend.try_write(question).expect("there is room");
                talk.asked = true;
            }
            if let Some(answer) = said(backend) {
                talk.socket.try_write(answer).expect("there is room");
                self.kept.extend([Some(talk.socket), talk.backend].into_iter().flatten());
            } else {
                self.gate.push(talk);
            }
        }
        self.kept.len() > before
    }

    fn ask(&mut self) -> bool {
        let mut moved = false;
        for mut talk in std::mem::take(&mut self.clients) {
            if !talk.asked {
                match talk.socket.try_connected() {
                    Ok(()) => {
                        talk.socket.try_write(Bytes::from_static(QUESTION)).expect("there is room");
                        (talk.asked, moved) = (true, true);
                    }
                    Err(SocketError::WouldBlock) => {}
                    // Turned away for good.
                    Err(_) => continue,
                }
            }
            if talk.asked && said(&talk.socket).is_some_and(|answer| &answer[..] == QUESTION) {
                self.report.served += 1;
                self.kept.push(talk.socket);
            } else {
                self.clients.push(talk);
            }
        }
        moved
    }

    /// Counters and rows when the flood ends: who waits then would get in a moment later.
    fn look(&mut self) {
        let own = address(CLIENTS).ip();
        for row in self.hosts[GATE].rows(self.now) {
            self.report.rows_half_open += u32::from(row.state == State::SynRecv);
            let agreed = row.negotiated.unwrap_or_default();
            let all = agreed.sack && agreed.timestamps && agreed.window_scale.is_some();
            let a_client = row.state == State::Established && row.flow.remote.ip() == own;
            self.report.kept_options += u32::from(a_client && all);
        }
        let count = |counter| self.hosts[GATE].counter(counter);
        self.report.full_drops = count(Counter::ReqQFullDrop);
        self.report.full_cookies = count(Counter::ReqQFullDoCookies);
        self.report.listen_drops = count(Counter::ListenDrops);
        self.report.cookies_sent = count(Counter::SyncookiesSent);
        self.report.cookies_back = count(Counter::SyncookiesRecv);
    }
}

fn address(host: usize) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(10, 0, 0, host as u8 + 1).into(), PORT)
}

fn host(number: usize, defence: Defence, dice: &mut Dice) -> Host {
    let mut config = Config::new(Vec::new());
    if number == GATE && defence == Defence::Nothing {
        config.knobs.tcp_syncookies = 0;
    }
    let v6 = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number as u16 + 1);
    Host::new(config, [address(number).ip(), IpAddr::V6(v6)], 1, dice)
}

fn listen(host: &Host, syn_proxy: bool, dice: &mut Dice) -> Socket {
    let socket = host.sockets(dice).stream(Family::V4);
    socket.set_options(|options| options.syn_proxy = syn_proxy);
    socket.bind(SocketAddr::new(host.addresses[0], PORT)).expect("a fresh socket");
    socket.listen(BACKLOG).expect("a bound socket");
    socket
}

/// What can be read now.
fn said(socket: &Socket) -> Option<Bytes> {
    socket.try_read(usize::MAX).ok().filter(|octets| !octets.is_empty())
}
