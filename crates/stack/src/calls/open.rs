//! bind(), listen() and connect(): addresses and ports, and what answers an application gets at once.

use super::reuse::is_free;
use crate::SocketError;
use crate::bind::{Claim, Owner, Place};
use crate::budget::Limited;
use crate::egress::path_mss;
use crate::fast_open::queue::FastOpenQueue;
use crate::flows::Entry;
use crate::index::Tuple;
use crate::lifecycle::answer_connect;
use crate::listener::{Listener, canonical, shown_to};
use crate::message::Kind;
use crate::socket::cell::{Answer, Cell, Phase};
use crate::stack::Stack;
use crate::{Message, ShardId};
use lastack_observe::{Cause, Flow, State};
use lastack_tcp::fast_open::{ALL_LISTENERS, SERVER};
use lastack_tcp::knobs::SocketOptions;
use lastack_tcp::state::LISTENER;
use rand_core::Rng;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// `tcp_fastopen`: listeners use Fast Open though they do not ask for it.
const EVERY_LISTENER: u32 = SERVER | ALL_LISTENERS;

impl Stack {
    pub(super) fn bind(&mut self, cell: &Cell, address: SocketAddr, rng: &mut dyn Rng) {
        let answer = self.claim(cell, address, rng);
        cell.update(|inner, wakes| {
            let local = answer.map(|claim| SocketAddr::new(address.ip(), claim.port));
            inner.bound = Answer::Given(local);
            inner.local = local.ok();
            inner.claim = answer.ok();
            wakes.control = true;
        });
    }

    fn claim(&self, cell: &Cell, address: SocketAddr, rng: &mut dyn Rng) -> Result<Claim, SocketError> {
        if self.device_lost {
            return Err(SocketError::NetworkDown);
        }
        let ip = address.ip().to_canonical();
        if !ip.is_unspecified() && !self.is_ours(ip) {
            return Err(SocketError::AddressNotAvailable);
        }
        let knobs = &self.config.knobs;
        let (place, owner, range) = {
            let options = &cell.lock().options;
            let owner = Owner::new(options.reuseaddr, options.reuseport);
            (Place::new(address.ip(), options.v6only), owner, options.local_port_range(knobs))
        };
        let mut binds = self.budget.binds();
        let claim = match address.port() {
            0 => {
                let serves = |port| !knobs.ip_local_reserved_ports.contains(port);
                binds.bind_ephemeral(place, owner, range, rng, serves)
            }
            port => binds.bind(place, port, owner),
        };
        claim.map_err(|_| SocketError::AddressInUse)
    }

    pub(super) fn listen(&mut self, cell: &Arc<Cell>, backlog: u32, rng: &mut dyn Rng) {
        let answer = self.try_listen(cell, backlog, rng);
        cell.update(|inner, wakes| {
            inner.listening = Answer::Given(answer);
            wakes.control = true;
        });
    }

    fn try_listen(&mut self, cell: &Arc<Cell>, backlog: u32, rng: &mut dyn Rng) -> Result<(), SocketError> {
        let (listening, bound) = {
            let inner = cell.lock();
            (inner.listener, inner.bound)
        };
        if let Some(listener) = listening.and_then(|number| self.listeners.get_mut(number)) {
            listener.backlog = backlog;
            return Ok(());
        }
        if let Answer::Given(Err(error)) = bound {
            return Err(error);
        }
        let (v6, claim) = {
            let inner = cell.lock();
            (inner.v6, inner.claim)
        };
        let mut claim = match claim {
            Some(claim) => claim,
            None => {
                // As Linux: a listener that was never bound gets a port of its own.
                self.bind(cell, SocketAddr::new(unspecified(v6), 0), rng);
                cell.lock().claim.ok_or(SocketError::AddressInUse)?
            }
        };
        let granted = self.budget.binds().listen(&mut claim);
        let mut inner = cell.lock();
        inner.claim = Some(claim);
        granted.map_err(|_| SocketError::AddressInUse)?;
        let address = canonical(inner.local.ok_or(SocketError::Invalid)?);
        let queue = &mut inner.options.fast_open.queue;
        if *queue == 0 && self.config.knobs.tcp_fastopen & EVERY_LISTENER == EVERY_LISTENER {
            *queue = backlog.min(self.config.knobs.somaxconn);
        }
        let listener = Listener {
            cell: cell.clone(),
            address,
            claim,
            home: self.me(),
            v6only: inner.options.v6only,
            backlog,
            options: inner.options.clone(),
            half_open: 0,
            young: 0,
            overflowed: None,
            flood_told: false,
            fast_opens: FastOpenQueue::default(),
            closed: false,
        };
        let copies: Vec<_> = self.other_shards().map(|shard| (shard, Box::new(listener.clone()))).collect();
        let number = self.listeners.insert(listener).ok_or(SocketError::NoBuffers)?;
        inner.claim = None;
        inner.listener = Some(number);
        inner.phase = Phase::Listening;
        inner.state = State::Listen;
        drop(inner);
        self.census.enter(State::Listen);
        self.out.begin(self.now, Flow { local: address, remote: Flow::NONE.remote });
        LISTENER.go(State::Closed, Cause::PassiveOpen, &mut self.out);
        let copies = copies.into_iter().map(|(shard, copy)| (shard, Message(Kind::Listen(copy))));
        self.mail.extend(copies);
        Ok(())
    }

    pub(crate) fn connect(&mut self, cell: &Arc<Cell>, peer: SocketAddr, rng: &mut dyn Rng) {
        if let Err(error) = self.try_connect(cell, peer, rng) {
            let claim = cell.lock().claim;
            answer_connect(cell, claim, error);
        }
    }

    fn try_connect(
        &mut self,
        cell: &Arc<Cell>,
        peer: SocketAddr,
        rng: &mut dyn Rng,
    ) -> Result<(), SocketError> {
        if self.device_lost {
            return Err(SocketError::NetworkDown);
        }
        let (v6, bound, claim, options, octets) = {
            let inner = cell.lock();
            (inner.v6, inner.bound, inner.claim, inner.options.clone(), inner.with_syn.clone())
        };
        if let Answer::Given(Err(error)) = bound {
            return Err(error);
        }
        let remote = routable(canonical(peer));
        if remote.port() == 0 {
            return Err(SocketError::AddressNotAvailable);
        }
        if remote.ip().is_multicast() || remote.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return Err(SocketError::NetworkUnreachable);
        }
        let ip = self.source_for(claim.as_ref(), remote.ip())?;
        let (tuple, claim) = match claim {
            Some(claim) => {
                let tuple = Tuple { local: SocketAddr::new(ip, claim.port), remote };
                let home = self.shard_of(&tuple);
                if home != self.me() {
                    self.hand_over(cell, peer, home);
                    return Ok(());
                }
                (tuple, self.narrow(claim, &tuple)?)
            }
            None => self.choose_port(ip, remote, &options, rng)?,
        };
        if !self.leases.take(&self.budget, Limited::Connections, self.config.limits.connections) {
            let mut binds = self.budget.binds();
            if !claim.owner.is_explicit() {
                binds.release(claim);
            }
            return Err(SocketError::NoBuffers);
        }
        let mss = path_mss(self.mtu_to(tuple.remote.ip()), &tuple);
        let mut engine = self.new_open(&tuple, mss, &options);
        let told = self.plan_fast_open(&mut engine, &tuple, &options, octets);
        let entry = Entry::new(engine, tuple, Some(cell.clone()), claim, State::SynSent, self.now);
        let flow = self.flows.insert_active(entry);
        self.census.enter(State::SynSent);
        cell.update(|inner, wakes| {
            inner.claim = None;
            inner.flow = Some(flow);
            inner.state = State::SynSent;
            inner.local = Some(shown_to(v6, tuple.local));
            inner.peer = Some(shown_to(v6, tuple.remote));
            inner.end_of_stream = false;
            inner.write_shutdown = inner.requests.close;
            told.tell(inner, wakes);
        });
        self.refresh_active(flow);
        Ok(())
    }

    /// A bound socket connects: its four-tuple must be free, and it holds one address from now on.
    fn narrow(&self, mut claim: Claim, tuple: &Tuple) -> Result<Claim, SocketError> {
        if !is_free(&self.flows, &self.config.knobs, self.now, tuple, false) {
            return Err(SocketError::AddressNotAvailable);
        }
        self.budget.binds().narrow(&mut claim, tuple.local.ip());
        Ok(claim)
    }

    fn choose_port(
        &mut self,
        ip: IpAddr,
        remote: SocketAddr,
        options: &SocketOptions,
        rng: &mut dyn Rng,
    ) -> Result<(Tuple, Claim), SocketError> {
        let knobs = &self.config.knobs;
        let range = options.local_port_range(knobs);
        let (key, shard) = (self.shard_key, self.config.shard);
        let tuple = |port| Tuple { local: SocketAddr::new(ip, port), remote };
        let home = |port| {
            shard.count <= 1
                || crate::index::hash_tuple(key, &tuple(port)) % u64::from(shard.count)
                    == u64::from(shard.index)
        };
        let mut binds = self.budget.binds();
        let free = |port| {
            binds.open_to_connect(port)
                && !knobs.ip_local_reserved_ports.contains(port)
                && is_free(&self.flows, knobs, self.now, &tuple(port), true)
        };
        let port =
            self.ports.choose(ip, remote, range, rng, home, free).ok_or(SocketError::AddressNotAvailable)?;
        let tuple = tuple(port);
        let claim = binds.connect(tuple.local, Owner::new(options.reuseaddr, options.reuseport));
        Ok((tuple, claim))
    }

    /// Our address towards a peer: the bound one, the peer's own when the peer is us, one of the peer's network, or the
    /// first of the family.
    fn source_for(&self, claim: Option<&Claim>, peer: IpAddr) -> Result<IpAddr, SocketError> {
        if let Some(Claim { place: Place::One(ip), .. }) = claim {
            return if ip.is_ipv4() == peer.is_ipv4() {
                Ok(*ip)
            } else {
                Err(SocketError::NetworkUnreachable)
            };
        }
        if self.is_ours(peer) {
            return Ok(peer);
        }
        if peer.is_loopback() {
            return Err(SocketError::NetworkUnreachable);
        }
        let family = || self.config.addresses.iter().filter(|(ip, _)| ip.is_ipv4() == peer.is_ipv4());
        let near = family()
            .filter(|(ip, prefix)| shares_prefix(*ip, peer, *prefix))
            .max_by_key(|(_, prefix)| *prefix);
        near.or_else(|| family().next()).map(|(ip, _)| *ip).ok_or(SocketError::NetworkUnreachable)
    }

    /// The four-tuple hashes to another shard, and the port was the application's choice: the socket moves there.
    fn hand_over(&mut self, cell: &Arc<Cell>, peer: SocketAddr, home: ShardId) {
        self.mail.push_back((home, Message(Kind::Connect { cell: cell.clone(), peer })));
    }
}

fn unspecified(v6: bool) -> IpAddr {
    if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}

/// connect() to the unspecified address goes to the loopback address, as in Linux.
fn routable(peer: SocketAddr) -> SocketAddr {
    let ip = match peer.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, peer.port())
}

fn shares_prefix(a: IpAddr, b: IpAddr, prefix: u8) -> bool {
    let (a, b, width) = match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    let rest = width - u32::from(prefix).min(width);
    (a ^ b).checked_shr(rest).unwrap_or(0) == 0
}
