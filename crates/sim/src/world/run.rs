//! The world's loop: the next event, then every host and application that it touched until they rest, then the checks.

use super::agenda::Agenda;
use super::cast::{self, Incident, Meet};
use super::dice::Dice;
use super::end::End;
use super::host::Host;
use super::link::{Link, Rule};
use super::network::{refuse_after, rule_of};
use super::plan::Plan;
use super::raw::Stranger;
use super::stream::Stream;
use super::watch::{self, Watch};
use super::{WorldOptions, WorldReport};
use crate::octets::Seen;
use bytes::Bytes;
use lastack_observe::{Instant, State};
use lastack_stack::{Socket, SocketError};
use lastack_wire::Seq;
use siphasher::sip::SipHasher13;
use std::collections::BTreeMap;
use std::hash::Hasher;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// An orderly conversation that is not over by then never will be.
const ORDERLY_LIMIT: Duration = Duration::from_secs(20_000);
/// A rough world's applications give up then.
const ROUGH_LIMIT: Duration = Duration::from_secs(1_500);
/// After the last application has closed its last socket, flows may live that long.
const DRAIN_LIMIT: Duration = Duration::from_secs(3_000);
/// No world needs as many steps.
const STEPS_MAX: u64 = 5_000_000;
/// Rows are looked at after so many steps.
const ROWS_EVERY: u64 = 16;
pub(super) enum Event {
    Arrive { host: usize, octets: Bytes, seen: Option<Rc<Seen>> },
    Begin(usize),
    Wake(usize),
    Happen(Incident),
}

/// A listening socket; its connections are accepted from a moment on.
pub(super) struct Listener {
    pub(super) host: usize,
    pub(super) port: u16,
    pub(super) from: Instant,
    pub(super) socket: Option<Socket>,
}

pub(super) struct Conversation {
    pub(super) streams: [Stream; 2],
    pub(super) ends: [Option<usize>; 2],
    pub(super) orderly: bool,
    /// What the end that accepts will do.
    pub(super) server_plan: Option<Plan>,
    /// The initial number of the server whose connection was accepted last.
    pub(super) server_isn: Option<Seq>,
}

/// A world that runs.
pub(super) struct World {
    pub(super) options: WorldOptions,
    pub(super) now: Instant,
    pub(super) dice: Dice,
    pub(super) agenda: Agenda<Event>,
    pub(super) hosts: Vec<Host>,
    pub(super) links: Vec<Link>,
    pub(super) rules: Vec<Box<dyn Rule>>,
    pub(super) meets: Vec<Meet>,
    pub(super) waiting: usize,
    pub(super) conversations: Vec<Conversation>,
    pub(super) ends: Vec<End>,
    pub(super) listeners: Vec<Listener>,
    pub(super) clients: BTreeMap<SocketAddr, usize>,
    pub(super) stranger: Stranger,
    pub(super) watch: Watch,
    pub(super) trace: SipHasher13,
    pub(super) report: WorldReport,
    pub(super) steps: u64,
}

impl World {
    pub(super) fn new(seed: u64, options: WorldOptions) -> World {
        let mut dice = Dice::new(seed);
        let cast = cast::draw(&mut dice, options);
        let mut agenda = Agenda::default();
        cast.meets.iter().enumerate().for_each(|(index, meet)| agenda.add(meet.at, Event::Begin(index)));
        cast.incidents.iter().for_each(|(at, incident)| agenda.add(*at, Event::Happen(*incident)));
        let mut world = World {
            options,
            now: cast::START,
            dice,
            agenda,
            links: cast.links.iter().map(|options| Link::new(*options)).collect(),
            rules: cast.outages.iter().map(|outage| rule_of(*outage)).collect(),
            waiting: cast.meets.len(),
            conversations: Vec::new(),
            ends: Vec::new(),
            listeners: Vec::new(),
            clients: BTreeMap::new(),
            stranger: Stranger::default(),
            watch: Watch::default(),
            trace: SipHasher13::new(),
            report: WorldReport { seed, ..WorldReport::default() },
            steps: 0,
            hosts: cast.hosts,
            meets: cast.meets,
        };
        world.rules.extend(cast.refuse_after.map(refuse_after));
        world.open_listeners(cast.narrow);
        world
    }

    /// Adds a rule before every link.
    #[cfg(test)]
    pub(super) fn add_rule(&mut self, rule: impl Rule + 'static) {
        self.rules.push(Box::new(rule));
    }

    /// Runs to the end.
    pub(super) fn run(mut self) -> WorldReport {
        (0..self.hosts.len()).for_each(|host| self.settle(host));
        let limit = cast::START + if self.options.rough { ROUGH_LIMIT } else { ORDERLY_LIMIT };
        while self.is_busy() && self.now < limit && self.report.violations.is_empty() {
            if !self.step() {
                // Waiting for ever for a peer that is gone is what TCP does without keepalive.
                if !self.options.rough && !self.waits_for_the_gone() {
                    self.violate_stuck();
                }
                break;
            }
        }
        if self.report.violations.is_empty() {
            self.judge();
            self.drain();
        }
        self.report.duration = self.now.since(cast::START);
        self.report.trace = self.trace.finish();
        self.report
    }

    fn is_busy(&self) -> bool {
        self.waiting > 0 || self.ends.iter().any(End::is_alive)
    }

    pub(super) fn violate(&mut self, what: String) {
        let at = self.now.since(cast::START).as_secs_f64();
        self.report.violations.push(format!("{at:.6}: {what}"));
    }

    /// Whoever still waits does so for an end whose retransmissions were all lost: Linux tells the peer nothing then.
    fn waits_for_the_gone(&self) -> bool {
        self.ends.iter().filter(|end| end.is_alive()).all(|end| {
            let peer = self.conversations[end.conversation].ends[end.side.peer() as usize];
            peer.is_some_and(|peer| self.ends[peer].outcome == Some(Err(SocketError::TimedOut)))
        })
    }

    /// Applications wait, and nothing will ever happen again: says for what.
    fn violate_stuck(&mut self) {
        let mut rows = Vec::new();
        for host in &mut self.hosts {
            rows.extend(
                host.rows(self.now).iter().map(|row| format!("{} {} {}", row.flow, row.state, row.timer)),
            );
        }
        let ends: Vec<_> = self.ends.iter().filter(|end| end.is_alive()).collect();
        self.violate(format!("nothing will ever happen again, but {ends:?} wait; rows: {rows:?}"));
    }

    /// The next moment at which anything happens. False when there is none.
    fn step(&mut self) -> bool {
        let deadline = self.hosts.iter().filter_map(Host::deadline).min();
        let Some(next) = [deadline, self.agenda.next_at()].into_iter().flatten().min() else { return false };
        self.now = self.now.max(next);
        self.steps += 1;
        if self.steps > STEPS_MAX {
            self.violate(format!("no end after {STEPS_MAX} steps"));
            return false;
        }
        for host in 0..self.hosts.len() {
            if self.hosts[host].deadline().is_some_and(|at| at <= self.now) {
                self.hosts[host].fire(self.now, &mut self.dice);
                self.settle(host);
            }
        }
        if self.agenda.next_at().is_some_and(|at| at <= self.now)
            && let Some((_, event)) = self.agenda.pop()
        {
            self.handle(event);
        }
        true
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrive { host, octets, seen } => {
                if let Some(seen) = seen {
                    self.watch.arrived(&seen);
                }
                self.hosts[host].deliver(self.now, &mut self.dice, octets);
                self.settle(host);
            }
            Event::Begin(index) => self.begin(index),
            Event::Wake(end) => self.settle(self.ends[end].host),
            Event::Happen(incident) => self.happen(incident),
        }
    }

    /// Lets a host and its applications come to rest, then checks it.
    pub(super) fn settle(&mut self, host: usize) {
        for round in 0.. {
            let mut sent = Vec::new();
            let mut moved = self.hosts[host].turn(self.now, &mut self.dice, &mut |octets| sent.push(octets));
            sent.into_iter().for_each(|octets| self.transmit(host, octets));
            moved |= self.accept(host);
            moved |= self.act(host);
            // A call can be all that an application did: the stack takes it before anybody looks.
            if !moved && !self.hosts[host].has_calls() {
                break;
            }
            if round > 100_000 {
                return self.violate(format!("host {host} does not come to rest"));
            }
        }
        let told = self.hosts[host].events(&mut self.report.edges, |_| {});
        if let Err(wrong) = told {
            self.violate(wrong);
        }
        if self.steps.is_multiple_of(ROWS_EVERY)
            && let Err(wrong) = watch::rows(&mut self.hosts[host], self.now)
        {
            self.violate(wrong);
        }
    }

    fn act(&mut self, host: usize) -> bool {
        let mut moved = false;
        for index in 0..self.ends.len() {
            let end = &mut self.ends[index];
            if end.host != host || !end.is_alive() {
                continue;
            }
            let streams = &mut self.conversations[end.conversation].streams;
            match end.act(self.now, &mut self.dice, streams) {
                Ok(did) => moved |= did,
                Err(wrong) => {
                    let (conversation, side) = (end.conversation, end.side);
                    end.give_up();
                    let other = self.conversations[conversation].ends[side.peer() as usize];
                    let other = other.map(|other| &self.ends[other]);
                    let who =
                        format!("conversation {conversation}, {side:?}: {wrong}; the other end: {other:?}");
                    self.violate(who);
                    continue;
                }
            }
            if let Some(at) = self.ends[index].wakes_at(self.now) {
                self.wake(index, at);
            }
        }
        moved
    }

    fn wake(&mut self, end: usize, at: Instant) {
        if self.ends[end].alarm != Some(at) {
            self.ends[end].alarm = Some(at);
            self.agenda.add(at, Event::Wake(end));
        }
    }

    // The end.

    /// Looks at how the orderly conversations ended.
    fn judge(&mut self) {
        let mut wrong = Vec::new();
        for (index, conversation) in self.conversations.iter().enumerate() {
            self.report.octets += conversation.streams.iter().map(|stream| stream.read).sum::<u64>();
            let outcomes = conversation.ends.map(|end| end.map(|end| self.ends[end].outcome));
            let timed_out = |outcome: &Option<Option<Result<(), SocketError>>>| {
                matches!(outcome, Some(Some(Err(SocketError::TimedOut))))
            };
            if !conversation.orderly {
                continue;
            }
            if outcomes.iter().any(timed_out) {
                self.report.timed_out += 1;
                continue;
            }
            let all_read =
                conversation.streams.iter().all(|stream| stream.ended && stream.read == stream.written);
            let all_well = outcomes.iter().all(|outcome| *outcome == Some(Some(Ok(()))));
            if !all_well || !all_read {
                let read = conversation.streams.each_ref().map(|stream| (stream.read, stream.written));
                wrong.push(format!(
                    "conversation {index} failed: outcomes {outcomes:?}, octets read {read:?}"
                ));
            }
        }
        for outcome in self.ends.iter().map(|end| end.outcome) {
            let number = match outcome {
                None => 1,
                Some(Ok(())) => 0,
                Some(Err(error)) => error.errno() as u64 + 2,
            };
            self.trace.write_u64(number);
        }
        wrong.into_iter().for_each(|what| self.violate(what));
    }

    /// Every application closes everything: no flow may outlive that for long.
    fn drain(&mut self) {
        self.ends.iter_mut().for_each(End::give_up);
        self.listeners.clear();
        (0..self.hosts.len()).for_each(|host| self.settle(host));
        let limit = self.now + DRAIN_LIMIT;
        while self.report.violations.is_empty() && self.now < limit {
            if !self.step() {
                break;
            }
        }
        for host in 0..self.hosts.len() {
            let rows = self.hosts[host].rows(self.now);
            if let Some(row) = rows.first() {
                let (flow, state) = (row.flow, row.state);
                let what =
                    format!("{} flows are left, the first {flow} in {state} ({})", rows.len(), row.timer);
                self.violate(what);
            }
            let counted: u32 = State::ALL.into_iter().map(|state| self.hosts[host].count(state)).sum();
            if rows.is_empty() && self.hosts[host].memory_pages().is_some_and(|pages| pages > 0) {
                self.violate(format!("host {host} still charges memory"));
            }
            if rows.is_empty() && counted > 0 {
                self.violate(format!("the census of host {host} still counts {counted} flows"));
            }
        }
    }
}
