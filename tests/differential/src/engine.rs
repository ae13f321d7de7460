//! The stack's side: one stack per sequence, in memory, on a clock that shows what the kernel's clock showed.

use crate::sequence::{Call, Sequence, Step};
use crate::trace::{Moment, Row, Scale, Trace};
use bytes::Bytes;
use lastack_observe::{Counter, Counters, Flow, Instant};
use lastack_sim::octets::{self, Ends};
use lastack_sim::script::ast::{Opt, Segment};
use lastack_sim::world::Dice;
use lastack_stack::{
    Capabilities, Config, Cursor, Family, Knobs, Linger, Secrets, Shutdown, Socket, SocketError, Stack,
};
use lastack_wire::Frame;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// When a run begins: nothing needs a time before zero.
const START: Instant = Instant::from_millis(1_000_000);
/// The driver's turns that one step may take.
const TURNS_MAX: usize = 10_000;
const BACKLOG: u32 = 5;
/// EINPROGRESS.
const IN_PROGRESS: i64 = 115;

/// Where the stack is: the addresses that the kernel has on its side.
#[derive(Clone, Debug)]
pub struct Place {
    /// The addresses, with their prefixes.
    pub addresses: Vec<(IpAddr, u8)>,
    /// The knobs as read in the kernel's namespace.
    pub knobs: Knobs,
}

/// Does everything that the kernel's run did, at the same times.
pub fn play(sequence: &Sequence, place: &Place, ends: Ends, kernel: &Trace) -> Trace {
    let mut engine = Engine::new(sequence, place, ends);
    let start = START + phase(kernel);
    (engine.now, engine.start) = (start, start);
    let mut trace = Trace { end: kernel.end, ..Trace::default() };
    for (step, model) in sequence.all_steps().iter().zip(&kernel.moments) {
        let later = engine.advance(start + model.at);
        if let Some(last) = trace.moments.last_mut() {
            last.later = later;
        }
        let moment = engine.step(step, model);
        engine.pair_clocks(model, &moment);
        trace.moments.push(moment);
    }
    let mut later = engine.advance(start + kernel.end);
    trace.end_row = engine.row();
    // What is due a little later may have come a little earlier there.
    let since = trace.moments.last().map_or(Duration::ZERO, |last| kernel.end.saturating_sub(last.at));
    later.extend(engine.advance(start + kernel.end + since / 4));
    if let Some(last) = trace.moments.last_mut() {
        last.later = later;
    }
    trace
}

/// How far the kernel's clock of TSvals was into its tick at the first step: what explains most of the ticks that were seen.
fn phase(kernel: &Trace) -> Duration {
    let ticks: Vec<(Duration, u32)> = kernel
        .moments
        .iter()
        .filter_map(|moment| Some((moment.at, clock(&moment.at_once.first()?.segment)?)))
        .collect();
    let Some(&(begun, base)) = ticks.first() else { return Duration::ZERO };
    let fits = |phase: Duration| {
        let tick = |at: Duration| (at + phase).as_micros() / 1000;
        ticks
            .iter()
            .filter(|(at, value)| tick(*at) - tick(begun) == u128::from(value.wrapping_sub(base)))
            .count()
    };
    (0..10).map(|step| Duration::from_micros(step * 100)).max_by_key(|phase| fits(*phase)).unwrap_or_default()
}

struct Engine<'s> {
    start: Instant,
    sequence: &'s Sequence,
    ends: Ends,
    stack: Stack,
    now: Instant,
    dice: Dice,
    scale: Scale,
    listener: Option<Socket>,
    stream: Option<Socket>,
    written: usize,
    sent: Vec<Frame>,
    /// What stood where the kernel had this TSval: the peer echoes what it was sent.
    clocks: HashMap<u32, u32>,
}

type Later = Vec<(Duration, crate::trace::Reply)>;

impl<'s> Engine<'s> {
    fn new(sequence: &'s Sequence, place: &Place, ends: Ends) -> Engine<'s> {
        let mut dice = Dice::new(sequence.name.1);
        let mut config = Config::new(place.addresses.clone());
        config.knobs = place.knobs.clone();
        // As the kernel sends through its TUN: super-segments, cut on the way.
        config.device = Capabilities { tso: true, checksum_offload: true };
        let stack = Stack::new(config, Secrets::from_rng(dice.rng()));
        Engine {
            start: START,
            sequence,
            ends,
            stack,
            now: START,
            dice,
            scale: Scale::default(),
            listener: None,
            stream: None,
            written: 0,
            sent: Vec::new(),
            clocks: HashMap::new(),
        }
    }

    fn step(&mut self, step: &Step, model: &Moment) -> Moment {
        let before = self.stack.counters().clone();
        let answer = match step {
            Step::Segment(_) => {
                if let Some(sent) = &model.sent {
                    let segment = self.scale.live(&self.echoing(&sent.segment));
                    let packet = crate::wire::packet(self.ends, &segment, sent.damaged);
                    self.stack.handle_frame(self.now, self.dice.rng(), Frame::plain(packet));
                }
                None
            }
            Step::Call(call) => self.call(*call),
            Step::Wait(_) => None,
        };
        self.settle();
        Moment {
            at: model.at,
            sent: model.sent.clone(),
            answer,
            at_once: self.take(),
            later: Vec::new(),
            row: self.row(),
            counters: Some(grown(&before, self.stack.counters())),
        }
    }

    /// The segment with what this side's clock showed in place of the kernel's.
    fn echoing(&self, segment: &Segment) -> Segment {
        let mut segment = segment.clone();
        for option in segment.options.iter_mut().flatten() {
            if let Opt::Timestamps(_, echo) = option
                && let Some(ours) = self.clocks.get(echo)
            {
                *echo = *ours;
            }
        }
        segment
    }

    fn pair_clocks(&mut self, kernel: &Moment, stack: &Moment) {
        for (theirs, ours) in kernel.at_once.iter().zip(&stack.at_once) {
            if let (Some(theirs), Some(ours)) = (clock(&theirs.segment), clock(&ours.segment)) {
                self.clocks.insert(theirs, ours);
            }
        }
    }

    /// Lets time pass; what was sent meanwhile, with its time.
    fn advance(&mut self, until: Instant) -> Later {
        let mut later = Vec::new();
        while let Some(deadline) = self.stack.deadline().filter(|deadline| *deadline <= until) {
            self.now = self.now.max(deadline);
            self.stack.handle_timeout(self.now, self.dice.rng());
            self.settle();
            let at = self.now.since(self.start);
            later.extend(self.take().into_iter().map(|reply| (at, reply)));
        }
        self.now = self.now.max(until);
        later
    }

    fn settle(&mut self) {
        for _ in 0..TURNS_MAX {
            let more = self.stack.handle_sockets(self.now, self.dice.rng());
            let sent = &mut self.sent;
            let packets = self.stack.poll_transmit(self.now, 64, &mut |packet| sent.push(packet.to_frame()));
            if !more && packets == 0 && !self.stack.sockets().is_dirty() {
                return;
            }
        }
    }

    fn take(&mut self) -> Vec<crate::trace::Reply> {
        let (scale, ends) = (&mut self.scale, self.ends);
        let seen = self.sent.drain(..).flat_map(|frame| octets::cut(&frame));
        seen.filter_map(|packet| crate::wire::seen(&packet, ends)).map(|seen| scale.reply(seen)).collect()
    }

    fn row(&self) -> Option<Row> {
        let flow = Flow { local: self.ends.to, remote: self.ends.from };
        let (mut found, mut cursor) = (None, Some(Cursor::default()));
        while let Some(at) = cursor {
            cursor = self.stack.snapshot(self.now, at, 64, &mut |row| {
                if row.flow == flow {
                    found = Some(Row {
                        state: row.state,
                        timer: row.timer,
                        recv_queue: row.recv_queue,
                        send_queue: row.send_queue,
                    });
                }
            });
        }
        found
    }

    fn call(&mut self, call: Call) -> Option<i64> {
        let result = match call {
            Call::Listen => return self.listen(),
            Call::Connect => return self.connect(),
            Call::Accept if self.stream.is_some() => return None,
            Call::Accept => self.listener.as_ref()?.try_accept().map(|(socket, _)| {
                self.stream = Some(socket);
                0
            }),
            Call::Write(octets) => self.write(octets as usize)?,
            Call::CloseListener => {
                drop(self.listener.take()?);
                Ok(0)
            }
            Call::Close => {
                drop(self.stream.take()?);
                Ok(0)
            }
            Call::Abort => {
                let stream = self.stream.take()?;
                stream.set_options(|options| options.linger = Linger::Reset);
                Ok(0)
            }
            call => self.call_stream(call)?,
        };
        Some(result.unwrap_or_else(errno))
    }

    /// write() as a system call does it: packet by packet, between which what may be sent is sent.
    fn write(&mut self, octets: usize) -> Option<Result<i64, SocketError>> {
        let mut done = 0;
        while done < octets {
            let chunk = crate::wire::written(self.written, octets - done);
            match self.stream.as_ref()?.try_write(chunk) {
                Ok(taken) => {
                    done += taken;
                    self.written += taken;
                }
                Err(_) if done > 0 => break,
                Err(error) => return Some(Err(error)),
            }
            self.settle();
        }
        Some(Ok(done as i64))
    }

    fn call_stream(&mut self, call: Call) -> Option<Result<i64, SocketError>> {
        let stream = self.stream.as_ref()?;
        let options = |change: &dyn Fn(&mut lastack_stack::SocketOptions)| {
            stream.set_options(change);
            Ok(0)
        };
        Some(match call {
            Call::Read(octets) => read(stream, octets as usize),
            Call::ShutdownRead => stream.shutdown(Shutdown::Read).map(|()| 0),
            Call::ShutdownWrite => stream.shutdown(Shutdown::Write).map(|()| 0),
            Call::ShutdownBoth => stream.shutdown(Shutdown::Both).map(|()| 0),
            Call::TakeError => Ok(stream.take_error().map_or(0, |error| i64::from(error.errno()))),
            Call::Nodelay(on) => options(&|options| options.nodelay = on),
            Call::Cork(on) => options(&|options| options.cork = on),
            Call::Quickack(on) => options(&|options| options.quickack = Some(on)),
            Call::Keepalive(on) => options(&|options| options.keepalive = on),
            _ => return None,
        })
    }

    fn socket(&mut self) -> Result<Socket, SocketError> {
        let socket = self.stack.sockets().stream(Family::from(self.ends.to));
        let nodelay = self.sequence.setup.nodelay;
        socket.set_options(|options| {
            options.reuseaddr = true;
            options.nodelay = nodelay;
        });
        if let Some(octets) = self.sequence.setup.rcvbuf {
            socket.set_receive_buffer(octets);
        }
        socket.bind(self.ends.to)?;
        self.settle();
        socket.try_bound()?;
        Ok(socket)
    }

    fn listen(&mut self) -> Option<i64> {
        if self.listener.is_some() {
            return None;
        }
        let listening = self.socket().and_then(|socket| {
            socket.listen(BACKLOG)?;
            self.settle();
            socket.try_listening().map(|()| socket)
        });
        Some(match listening {
            Ok(socket) => {
                self.listener = Some(socket);
                0
            }
            Err(error) => errno(error),
        })
    }

    fn connect(&mut self) -> Option<i64> {
        if self.stream.is_some() {
            return None;
        }
        let connecting = self.socket().and_then(|socket| {
            socket.connect(self.ends.from)?;
            Ok(socket)
        });
        Some(match connecting {
            Ok(socket) => {
                self.stream = Some(socket);
                -IN_PROGRESS
            }
            Err(error) => errno(error),
        })
    }
}

fn clock(segment: &Segment) -> Option<u32> {
    segment.options.iter().flatten().find_map(|option| match option {
        Opt::Timestamps(value, _) => Some(*value),
        _ => None,
    })
}

fn errno(error: SocketError) -> i64 {
    -i64::from(error.errno())
}

/// read() as a system call does it: chunk by chunk, until nothing is left, up to the place of an urgent octet.
fn read(stream: &Socket, room: usize) -> Result<i64, SocketError> {
    let mut done = 0;
    while done < room && (done == 0 || (stream.unread() > 0 && !stream.is_at_mark())) {
        match stream.try_read(room - done) {
            Ok(chunk) if chunk.is_empty() => break,
            Ok(chunk) => done += Bytes::len(&chunk),
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(done as i64)
}

fn grown(before: &Counters, after: &Counters) -> Vec<(Counter, u64)> {
    let growth = |(counter, value): (Counter, u64)| (counter, value.wrapping_sub(before.value(counter)));
    after.iter().map(growth).filter(|(_, growth)| *growth > 0).collect()
}
