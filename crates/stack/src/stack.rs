//! One shard of a stack: what it owns, and the calls that drive it.
//!
//! The work behind the calls is in `ingress` (packets in), `calls` (applications), `timeouts`, `egress` (packets out),
//! `lifecycle` (what becomes of a flow after each of them), `snapshot` and `shards`.

use crate::budget::{Budget, Leases};
use crate::fast_open::FastOpens;
use crate::flows::{FlowKind, FlowRef, Flows};
use crate::fragments::Fragments;
use crate::ingress::icmp::ErrorLimit;
use crate::listener::Listeners;
use crate::memory::Memory;
use crate::paths::Paths;
use crate::ports::Ports;
use crate::recycle::Stamps;
use crate::wheel::Wheel;
use crate::{Census, Config, Message, Secrets, ShardId, Sockets};
use lastack_observe::{Cause, Counters, Event, Instant};
use lastack_tcp::{CookieSecrets, Knobs, Output, Secret};
use lastack_wire::{Frame, Packet};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// One shard. The driver's loop: frames, messages and timeouts in, `handle_sockets`, packets and messages out, sleep
/// until `deadline` or until somebody notifies.
pub struct Stack {
    pub(crate) config: Config,
    pub(crate) secret: Secret,
    pub(crate) shard_key: [u64; 2],
    pub(crate) cookies: CookieSecrets,
    pub(crate) sockets: Sockets,
    pub(crate) out: Output,
    pub(crate) census: Census,
    pub(crate) flows: Flows,
    pub(crate) wheel: Wheel,
    pub(crate) listeners: Listeners,
    /// Flows that have something to send, each once.
    pub(crate) ready: VecDeque<FlowRef>,
    /// Flows whose last, small segment waits for the next batch (`tcp_autocorking`).
    pub(crate) held: Vec<FlowRef>,
    /// The number of the present call of `poll_transmit`: what it hands out may wait in the device together.
    pub(crate) batch: u32,
    /// Packets for ourselves.
    pub(crate) loopback: VecDeque<Frame>,
    /// ICMP messages that wait for the device, and for whom they are.
    pub(crate) packets: VecDeque<(IpAddr, Packet)>,
    pub(crate) fragments: Fragments,
    pub(crate) fast_opens: FastOpens,
    pub(crate) icmp_limit: ErrorLimit,
    pub(crate) ports: Ports,
    pub(crate) paths: Paths,
    pub(crate) budget: Arc<Budget>,
    pub(crate) leases: Leases,
    pub(crate) memory: Memory,
    pub(crate) mail: VecDeque<(ShardId, Message)>,
    /// IPv4 identification of the next packet.
    pub(crate) ident: u16,
    /// The time of the last call.
    pub(crate) now: Instant,
    pub(crate) device_lost: bool,
    /// Some socket has chosen a TTL or a traffic class.
    pub(crate) marked: bool,
    /// Some socket wants to hear only from near peers.
    pub(crate) guarded: bool,
    /// Of `Profile::tw_recycle`; else empty.
    pub(crate) stamps: Stamps,
}

impl Drop for Stack {
    /// Sockets that outlive it must not hold the list that holds them.
    fn drop(&mut self) {
        self.sockets.shared.retire();
    }
}

impl Stack {
    /// An empty stack that is its own only shard.
    pub fn new(config: Config, secrets: Secrets) -> Stack {
        Stack::with_budget(config, secrets, Arc::new(Budget::new()))
    }

    /// An empty shard. All shards of one stack get the same addresses, secrets and budget. No more than 254 addresses.
    pub fn with_budget(config: Config, secrets: Secrets, budget: Arc<Budget>) -> Stack {
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let ours = config.addresses.iter().map(|&(address, _)| address);
        let addresses: Vec<IpAddr> = ours.take(254).chain(loopback).collect();
        Stack {
            secret: Secret::new(secrets.isn),
            shard_key: secrets.shard,
            cookies: CookieSecrets::new(Secret::new(secrets.cookies)),
            sockets: Sockets::new((&config.knobs).into()),
            out: Output::new(config.limits.replies, config.limits.events),
            census: Census::default(),
            flows: Flows::new(addresses, secrets.table),
            wheel: Wheel::new(),
            listeners: Listeners::new(),
            ready: VecDeque::new(),
            held: Vec::new(),
            batch: 0,
            loopback: VecDeque::new(),
            packets: VecDeque::new(),
            fast_opens: FastOpens::new(secrets.cookies, config.limits.fast_open_cookies),
            fragments: Fragments::new(secrets.fragments, config.limits.fragments),
            icmp_limit: ErrorLimit::default(),
            ports: Ports::new(secrets.ports),
            paths: Paths::default(),
            leases: Leases::new(config.shard.count),
            memory: Memory::new(config.shard.count),
            budget,
            mail: VecDeque::new(),
            ident: 1,
            now: Instant::ZERO,
            device_lost: false,
            marked: false,
            guarded: false,
            stamps: Stamps::default(),
            config,
        }
    }

    /// The maker of this shard's sockets.
    pub fn sockets(&self) -> Sockets {
        self.sockets.clone()
    }

    /// The oldest event that nobody has taken. None are kept until [`Stack::keep_events`].
    pub fn poll_event(&mut self) -> Option<Event> {
        self.out.poll_event()
    }

    /// Keeps the last `events` events for a reader; zero stops.
    pub fn keep_events(&mut self, events: usize) {
        self.out.listen_to_events(events);
    }

    /// How many events gave way to later ones before anybody took them, since the start.
    pub fn events_lost(&self) -> u64 {
        self.out.events_lost()
    }

    /// The counters.
    pub fn counters(&self) -> &Counters {
        &self.out.counters
    }

    /// How many flows are in each state.
    pub fn census(&self) -> Census {
        self.census
    }

    /// The knobs in force.
    pub fn knobs(&self) -> &Knobs {
        &self.config.knobs
    }

    /// Replaces the knobs. What runs keeps the deadlines it has.
    pub fn set_knobs(&mut self, knobs: Knobs) {
        self.sockets.shared.set_bounds((&knobs).into());
        let before = self.config.knobs.tcp_fastopen_blackhole_timeout_sec;
        if knobs.tcp_fastopen_blackhole_timeout_sec != before {
            self.out.black_hole.forget();
        }
        self.config.knobs = knobs;
        self.judge_memory();
    }

    /// What it was made from; the knobs are those in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// When `handle_timeout` is due next: exact, or earlier when the timers want to be sorted first. Never before the
    /// last call's `now`.
    pub fn deadline(&self) -> Option<Instant> {
        self.next_deadline().map(|deadline| deadline.max(self.now))
    }

    /// The device is gone: every socket ends with `NetworkDown`, nothing is sent any more, and later calls of applications
    /// fail the same way. Costs what there is, once.
    pub fn device_lost(&mut self, now: Instant) {
        self.now = now;
        self.device_lost = true;
        for number in self.listeners.numbers() {
            self.close_listener(number, Cause::DeviceLost);
        }
        for flow in self.flows.slabs.half.flows(FlowKind::HalfOpen) {
            self.abandon_half(flow, Cause::DeviceLost);
        }
        for flow in self.flows.slabs.waits.flows(FlowKind::TimeWait) {
            self.abandon_wait(flow);
        }
        for slot in self.flows.slabs.active.slots() {
            self.end_active(FlowRef::new(FlowKind::ActiveOpen, false, slot), Cause::DeviceLost);
        }
        for slot in self.flows.slabs.connections.slots() {
            self.abort_connection(FlowRef::new(FlowKind::Connection, false, slot), Cause::DeviceLost);
        }
        self.ready.clear();
        self.held.clear();
        self.loopback.clear();
        self.packets.clear();
        while self.out.poll_reply().is_some() {}
    }
}
