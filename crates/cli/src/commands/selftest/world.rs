//! Two stacks, the link between them, and the two applications that use them. Single-threaded, with a clock of its own: the
//! same options give the same life.

use super::drawing::{Drawing, Passing};
use crate::options::SelftestOptions;
use bytes::Bytes;
use lastack::Stack;
use lastack::observe::{EventKind, Instant, State};
use lastack::stack::{Config, Family, Secrets, Shutdown, Socket, SocketError};
use lastack::wire::{Frame, Packet, packet, tcp};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Port zero: the stack chooses.
pub(crate) const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1)), 0);
pub(crate) const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 18, 0, 2)), 7);

/// Time on the wire.
const DELAY: Duration = Duration::from_millis(10);
/// A life longer than this is a failure.
const LIFE_MAX: Duration = Duration::from_secs(3600);
/// Packets of one turn.
const PACKETS_PER_TURN: usize = 64;
/// Octets that one write or read moves.
const CHUNK: usize = 8 << 10;

/// How the life went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) segments: u64,
    pub(crate) lost: u64,
    pub(crate) again: u64,
    pub(crate) ended: Instant,
    /// What is wrong; `None` is a success.
    pub(crate) complaint: Option<String>,
}

pub(crate) struct World<'a> {
    now: Instant,
    rng: ChaCha8Rng,
    loss: u8,
    octets: u64,
    stacks: [Stack; 2],
    /// Packets on the wire by the time of their arrival, and to whom.
    flying: BTreeMap<(Instant, u64), (usize, Frame)>,
    /// The first sequence number of each end, and the end of what it has sent.
    spoken: [Option<(u32, u32)>; 2],
    outcome: Outcome,
    drawing: Drawing<'a>,
}

impl<'a> World<'a> {
    pub(crate) fn new(options: &SelftestOptions, drawing: Drawing<'a>) -> World<'a> {
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        let stacks = [CLIENT, SERVER].map(|end| {
            let mut config = Config::new(vec![(end.ip(), 24)]);
            config.limits.events = 1024;
            Stack::new(config, Secrets::from_rng(&mut rng))
        });
        World {
            now: Instant::ZERO,
            rng,
            loss: options.loss,
            octets: options.octets,
            stacks,
            flying: BTreeMap::new(),
            spoken: [None; 2],
            outcome: Outcome { segments: 0, lost: 0, again: 0, ended: Instant::ZERO, complaint: None },
            drawing,
        }
    }

    /// The whole life: an echo of every octet, then both close, then TIME_WAIT.
    pub(crate) fn live(mut self) -> io::Result<Outcome> {
        let listener = self.stacks[1].sockets().stream(Family::V4);
        let client = self.stacks[0].sockets().stream(Family::V4);
        let asked = listener.bind(SERVER).and_then(|()| listener.listen(8));
        let asked = asked.and_then(|()| {
            self.stacks[1].handle_sockets(self.now, &mut self.rng);
            client.connect(SERVER)
        });
        let mut actors = Actors { client: Some(client), ..Actors::new(self.octets) };
        let mut complaint = asked.err().map(|error| format!("a call was refused: {error}"));
        while complaint.is_none() {
            self.turn()?;
            match actors.act(&listener) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(why) => {
                    complaint = Some(why);
                    break;
                }
            }
            if actors.done() && self.connections() == 0 {
                break;
            }
            if !self.advance()? {
                complaint = Some("both ends wait for ever".to_owned());
            } else if self.now.since(Instant::ZERO) > LIFE_MAX {
                complaint = Some(format!("it takes more than {} s", LIFE_MAX.as_secs()));
            }
        }
        self.drawing.flush()?;
        self.outcome.ended = self.now;
        self.outcome.complaint = complaint;
        Ok(self.outcome)
    }

    fn connections(&self) -> u32 {
        self.stacks.iter().map(|stack| stack.census().total() - stack.census().count(State::Listen)).sum()
    }

    /// Calls of applications and packets out, until nothing moves at this instant.
    fn turn(&mut self) -> io::Result<()> {
        loop {
            let mut moved = false;
            for end in 0..2 {
                moved |= self.stacks[end].handle_sockets(self.now, &mut self.rng);
                self.events(end)?;
                let mut packets = Vec::new();
                self.stacks[end]
                    .poll_transmit(self.now, PACKETS_PER_TURN, &mut |packet| packets.push(packet));
                self.events(end)?;
                moved |= !packets.is_empty();
                for packet in packets {
                    self.send(end, &packet)?;
                }
            }
            if !moved {
                return Ok(());
            }
        }
    }

    /// To the next instant at which something happens; false when nothing ever will.
    fn advance(&mut self) -> io::Result<bool> {
        let timers = self.stacks.iter().filter_map(Stack::deadline);
        let arrival = self.flying.first_key_value().map(|((at, _), _)| *at);
        let Some(next) = timers.chain(arrival).min() else { return Ok(false) };
        self.now = self.now.max(next);
        while let Some(first) = self.flying.first_entry().filter(|first| first.key().0 <= self.now) {
            let (to, frame) = first.remove();
            self.stacks[to].handle_frame(self.now, &mut self.rng, frame);
            self.events(to)?;
        }
        for end in 0..2 {
            if self.stacks[end].deadline().is_some_and(|at| at <= self.now) {
                self.stacks[end].handle_timeout(self.now, &mut self.rng);
                self.events(end)?;
            }
        }
        Ok(true)
    }

    fn events(&mut self, end: usize) -> io::Result<()> {
        while let Some(event) = self.stacks[end].poll_event() {
            if let EventKind::StateChanged { to, cause, .. } = event.kind
                && event.flow.remote.port() != 0
            {
                self.drawing.state(self.now, end, to, cause.text())?;
            }
        }
        Ok(())
    }

    /// Puts a packet on the wire, or loses it, and draws either.
    fn send(&mut self, from: usize, packet: &Packet) -> io::Result<()> {
        let frame = packet.to_frame();
        let lost = self.rng.next_u32() % 100 < u32::from(self.loss);
        let segment = packet::parse(&frame.data).ok();
        if let Some((parsed, (_, _, header, head))) =
            segment.and_then(|parsed| Some((parsed.clone(), tcp::parse(&frame.data[parsed.payload]).ok()?)))
        {
            let octets = parsed.payload.len() - head;
            let (start, sent) = *self.spoken[from].get_or_insert((header.seq.0, header.seq.0));
            let length = octets as u32
                + u32::from(header.flags.contains(tcp::Flags::SYN))
                + u32::from(header.flags.contains(tcp::Flags::FIN));
            let end = header.seq.0.wrapping_add(length);
            let again = length > 0 && sent != start && end.wrapping_sub(start) <= sent.wrapping_sub(start);
            if end.wrapping_sub(start) > sent.wrapping_sub(start) {
                self.spoken[from] = Some((start, end));
            }
            let heard = self.spoken[1 - from].map_or(0, |(start, _)| start);
            let ack = header.ack.0.wrapping_sub(heard);
            self.outcome.segments += 1;
            self.outcome.lost += u64::from(lost);
            self.outcome.again += u64::from(again);
            let seq = header.seq.0.wrapping_sub(start);
            let passing = Passing { from, header: &header, seq, ack, octets, lost, again };
            self.drawing.segment(self.now, &passing)?;
        }
        if !lost {
            self.flying.insert((self.now + DELAY, self.outcome.segments), (1 - from, frame));
        }
        Ok(())
    }
}

/// The two applications: one sends a pattern and compares what comes back, the other echoes.
struct Actors {
    client: Option<Socket>,
    server: Option<Socket>,
    accepted: bool,
    octets: u64,
    written: u64,
    compared: u64,
    /// Read by the server and not written yet.
    owed: Bytes,
    shut: bool,
}

/// Octet `at` of the stream: no two places within 64 KiB look alike by accident.
fn pattern(at: u64) -> u8 {
    (at ^ (at >> 8) ^ (at >> 16)) as u8
}

impl Actors {
    fn new(octets: u64) -> Actors {
        Actors {
            client: None,
            server: None,
            accepted: false,
            octets,
            written: 0,
            compared: 0,
            owed: Bytes::new(),
            shut: false,
        }
    }

    /// Both have closed.
    fn done(&self) -> bool {
        self.client.is_none() && self.accepted && self.server.is_none()
    }

    /// Whatever can be done at once. True when something was.
    fn act(&mut self, listener: &Socket) -> Result<bool, String> {
        let mut acted = self.speak()? | self.compare()? | self.echo()?;
        if let Ok((server, _)) = listener.try_accept() {
            (self.server, self.accepted, acted) = (Some(server), true, true);
        }
        Ok(acted)
    }

    fn speak(&mut self) -> Result<bool, String> {
        let Some(client) = self.client.as_ref().filter(|_| !self.shut) else { return Ok(false) };
        match client.try_connected() {
            Ok(()) => {}
            Err(SocketError::WouldBlock) => return Ok(false),
            Err(error) => return Err(format!("connecting failed: {error}")),
        }
        if self.written == self.octets {
            self.shut = true;
            client.shutdown(Shutdown::Write).map_err(|error| format!("the half close failed: {error}"))?;
            return Ok(true);
        }
        let length = (self.octets - self.written).min(CHUNK as u64);
        let chunk: Vec<u8> = (self.written..self.written + length).map(pattern).collect();
        let written = unless_waiting("the client's write", client.try_write(chunk.into()))?.unwrap_or(0);
        self.written += written as u64;
        Ok(written > 0)
    }

    fn compare(&mut self) -> Result<bool, String> {
        let Some(client) = self.client.as_ref().filter(|client| client.try_connected().is_ok()) else {
            return Ok(false);
        };
        let Some(heard) = unless_waiting("the client's read", client.try_read(CHUNK))? else {
            return Ok(false);
        };
        if heard.is_empty() {
            if self.compared != self.octets {
                return Err(format!("the echo ended after {} of {} octets", self.compared, self.octets));
            }
            self.client = None;
            return Ok(true);
        }
        for octet in heard {
            if octet != pattern(self.compared) {
                return Err(format!("octet {} came back as another one", self.compared));
            }
            self.compared += 1;
        }
        Ok(true)
    }

    fn echo(&mut self) -> Result<bool, String> {
        let Some(server) = &self.server else { return Ok(false) };
        if self.owed.is_empty() {
            match unless_waiting("the server's read", server.try_read(CHUNK))? {
                None => return Ok(false),
                Some(end) if end.is_empty() => self.server = None,
                Some(heard) => self.owed = heard,
            }
            return Ok(true);
        }
        let written = unless_waiting("the server's write", server.try_write(self.owed.clone()))?.unwrap_or(0);
        let _ = self.owed.split_to(written);
        Ok(written > 0)
    }
}

/// `None` when the call would have to wait.
fn unless_waiting<T>(what: &str, answer: Result<T, SocketError>) -> Result<Option<T>, String> {
    match answer {
        Ok(done) => Ok(Some(done)),
        Err(SocketError::WouldBlock) => Ok(None),
        Err(error) => Err(format!("{what} failed: {error}")),
    }
}
