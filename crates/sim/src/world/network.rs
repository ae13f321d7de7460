//! The world's network: what a stack sends passes the checks, the rules and a link; what happens to links and hosts.

use super::cast::{self, Incident, Outage};
use super::link::{Rule, Transit, Verdict};
use super::raw::STRANGER;
use super::run::{Event, Listener, World};
use crate::octets::{Seen, decode, icmp_error};
use crate::script::ast::IcmpKind;
use bytes::Bytes;
use lastack_wire::tcp::Flags;
use std::collections::BTreeSet;
use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

/// From the stranger to a host and back.
const STRANGER_DELAY: Duration = Duration::from_millis(3);

impl World {
    pub(super) fn transmit(&mut self, from: usize, octets: Bytes) {
        self.report.packets += 1;
        self.trace.write_u64(self.now.0);
        self.trace.write(&octets);
        if self.hosts[from].dead {
            return;
        }
        let seen = match self.watch.sent(&octets) {
            Ok(seen) => seen.map(Rc::new),
            Err(wrong) => return self.violate(wrong),
        };
        let Some(to) = destination(&octets) else { return };
        if to == STRANGER {
            return self.stranger_hears(from, seen.as_deref());
        }
        let Some(to) = self.hosts.iter().position(|host| host.addresses.contains(&to)) else { return };
        let Some(extra) = self.rules_pass(from, to, &octets, seen.as_deref()) else { return };
        let (agenda, links) = (&mut self.agenda, &mut self.links);
        let link = &mut links[from * self.hosts.len() + to];
        link.carry(self.now, &mut self.dice, octets, |delivery| {
            // What no checksum covers may change, IPv6's flow label for one: the segment arrives all the same.
            let seen = if delivery.intact {
                seen.clone()
            } else {
                decode(&delivery.octets).ok().flatten().map(Rc::new)
            };
            agenda.add(delivery.at + extra, Event::Arrive { host: to, octets: delivery.octets, seen });
        });
    }

    /// How much later the rules let a packet arrive; `None` when they do not let it.
    pub(super) fn rules_pass(
        &mut self,
        from: usize,
        to: usize,
        octets: &Bytes,
        seen: Option<&Seen>,
    ) -> Option<Duration> {
        let transit = Transit { now: self.now, from, to, octets };
        let mut extra = Duration::ZERO;
        for rule in &mut self.rules {
            match rule.judge(&transit) {
                Verdict::Pass => {}
                Verdict::Delay(by) => extra += by,
                Verdict::Drop => return None,
                Verdict::Refuse => {
                    if let Some(seen) = seen {
                        let kind = IcmpKind::Unreachable(self.dice.pick(&[0, 1, 1, 2, 3]));
                        let error = icmp_error(seen.ends, kind, seen.segment.start, seen.segment.len);
                        let arrive = Event::Arrive { host: from, octets: error.into(), seen: None };
                        self.agenda.add(self.now + STRANGER_DELAY, arrive);
                    }
                    return None;
                }
            }
        }
        Some(extra)
    }

    pub(super) fn stranger_hears(&mut self, from: usize, seen: Option<&Seen>) {
        let Some(seen) = seen else { return };
        for answer in self.stranger.hears(seen, &mut self.dice) {
            self.stranger_says(from, answer);
        }
    }

    pub(super) fn stranger_says(&mut self, to: usize, octets: Vec<u8>) {
        let octets = Bytes::from(octets);
        // It may do what no stack may, so nothing that it says is held against it.
        let seen = self.watch.sent(&octets).ok().flatten().map(Rc::new);
        self.agenda.add(self.now + STRANGER_DELAY, Event::Arrive { host: to, octets, seen });
    }

    pub(super) fn happen(&mut self, incident: Incident) {
        match incident {
            Incident::LoseDevice(host) => {
                self.hosts[host].lose_device(self.now);
                self.settle(host);
            }
            Incident::CloseListener(host) => {
                let narrow =
                    |listener: &&mut Listener| listener.host == host && listener.port == cast::NARROW_PORT;
                self.listeners.iter_mut().filter(narrow).for_each(|listener| listener.socket = None);
                self.settle(host);
            }
            Incident::Knock(host) => {
                let port = self.dice.pick(&[cast::PORT, cast::NARROW_PORT, cast::NARROW_PORT]);
                let to = SocketAddr::new(self.hosts[host].addresses[0], port);
                let syn = self.stranger.knock(to, &mut self.dice);
                self.stranger_says(host, syn);
            }
            Incident::Speak => {
                let Some((to, octets)) = self.stranger.speaks(&mut self.dice) else { return };
                if let Some(host) = self.hosts.iter().position(|host| host.addresses.contains(&to.ip())) {
                    self.stranger_says(host, octets);
                }
            }
        }
    }
}

pub(super) fn rule_of(outage: Outage) -> Box<dyn Rule> {
    Box::new(move |packet: &Transit<'_>| match packet.now >= outage.from && packet.now < outage.to {
        true if outage.refuse => Verdict::Refuse,
        true => Verdict::Drop,
        false => Verdict::Pass,
    })
}

/// Lets the FINs (or bare SYNs) of both ends pass and refuses what comes after them: those that cross are never
/// acknowledged.
pub(super) fn refuse_after(flag: Flags) -> Box<dyn Rule> {
    let mut said = BTreeSet::new();
    Box::new(move |packet: &Transit<'_>| {
        let Ok(Some(seen)) = decode(packet.octets) else { return Verdict::Pass };
        let (here, there) = (seen.ends.from, seen.ends.to);
        if said.contains(&(here, there)) && said.contains(&(there, here)) {
            return Verdict::Refuse;
        }
        let flags = seen.segment.flags;
        if flags.contains(flag) && !(flags.syn() && flags.ack()) {
            said.insert((here, there));
        }
        Verdict::Pass
    })
}

/// Where an IP packet goes.
fn destination(octets: &[u8]) -> Option<IpAddr> {
    match octets.first()? >> 4 {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(octets.get(16..20)?).ok()?)),
        6 => Some(IpAddr::from(<[u8; 16]>::try_from(octets.get(24..40)?).ok()?)),
        _ => None,
    }
}
