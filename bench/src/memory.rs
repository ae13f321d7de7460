//! lastack beside smoltcp and pktkit with nothing but memory between the two ends: CPU time of one thread, both ends in it.
//!
//! What the kernel and a device would add is left out; `tun` is the benchmark for that.

use crate::cpu::cost;
use crate::pairs::{Case, Series, interleave};
use crate::report::{Better, Report, Table};
use crate::rig::{self, Lastack};
use crate::smol::{self, Smoltcp};
use crate::vtcp::Pktkit;
use bytes::Bytes;
use std::ops::RangeInclusive;

const CONNECTIONS_PER_ROUND: u32 = 10_000;
const REQUESTS_PER_ROUND: u32 = 50_000;
const MIB_PER_ROUND: u32 = 256;
const MIB: usize = 1 << 20;
const PORTS: RangeInclusive<u16> = 1024..=u16::MAX;

const NOTES: &[&str] = &[
    "CPU time of one thread with both ends in it, segments of an MTU of 1500, no checksums, no offloads",
    "smoltcp has one socket at each end, its best case (flat-cost shows it beside others), and leaves TIME-WAIT at once",
    "pktkit's vtcp is driven by hand: no IP headers, no table of connections, no listener, which the others have; its \
     pacing and Nagle are off",
];

/// Measures every case `rounds` times.
pub(crate) fn run(rounds: usize) -> Report {
    let mut report = Report::new("memory", NOTES);
    eprintln!("short connections");
    report.tables.push(Table::new("short connections", Better::Lower, short_connections(rounds)));
    eprintln!("requests and responses");
    report.tables.push(Table::new("requests and responses", Better::Lower, requests(rounds)));
    eprintln!("bulk");
    report.tables.push(Table::new("bulk goodput", Better::Higher, bulk(rounds)));
    report
}

fn short_connections(rounds: usize) -> Vec<Series> {
    let (mut ours, mut smoltcp) = (Lastack::new(0), Smoltcp::new(0));
    let mut ports = PORTS.cycle();
    let each = CONNECTIONS_PER_ROUND;
    let cases = vec![
        cost_case("lastack", each, move || ours.short_connection()),
        cost_case("smoltcp", each, move || smoltcp.short_connection()),
        cost_case("pktkit", each, move || ports.by_ref().take(1).for_each(Pktkit::short_connection)),
    ];
    interleave("µs CPU per connection", rounds, cases)
}

fn requests(rounds: usize) -> Vec<Series> {
    let (mut ours, mut smoltcp, mut pktkit) = streams();
    let each = REQUESTS_PER_ROUND;
    let cases = vec![
        cost_case("lastack", each, || ours.request()),
        cost_case("smoltcp", each, || smoltcp.request()),
        cost_case("pktkit", each, || pktkit.request()),
    ];
    interleave("µs CPU per request", rounds, cases)
}

fn bulk(rounds: usize) -> Vec<Series> {
    let (mut ours, mut smoltcp, mut pktkit) = streams();
    let octets = Bytes::from(vec![7; MIB]);
    let cases = vec![
        rate_case("lastack", || ours.bulk(&octets)),
        rate_case("smoltcp", || smoltcp.bulk(&octets)),
        rate_case("pktkit", || pktkit.bulk(&octets)),
    ];
    interleave("MiB per second of CPU", rounds, cases)
}

/// One open connection of ours, with its hosts.
struct Ours(Lastack, rig::Stream);

/// One open connection of smoltcp, with its hosts.
struct Theirs(Smoltcp, smol::Stream);

impl Ours {
    fn request(&mut self) {
        self.0.request(&self.1);
    }

    fn bulk(&mut self, octets: &Bytes) {
        self.0.bulk(&self.1, octets.clone());
    }
}

impl Theirs {
    fn request(&mut self) {
        self.0.request(&self.1);
    }

    fn bulk(&mut self, octets: &[u8]) {
        self.0.bulk(&self.1, octets);
    }
}

fn streams() -> (Ours, Theirs, Pktkit) {
    let (mut ours, mut theirs) = (Lastack::new(0), Smoltcp::new(0));
    let (our_stream, their_stream) = (ours.stream(), theirs.stream());
    (Ours(ours, our_stream), Theirs(theirs, their_stream), Pktkit::connect(1024))
}

/// Microseconds of CPU per call of `one`.
fn cost_case<'a>(name: &'static str, times: u32, mut one: impl FnMut() + 'a) -> Case<'a> {
    let round = move || {
        let spent = cost(|| (0..times).for_each(|_| one()));
        spent.as_secs_f64() * 1e6 / f64::from(times)
    };
    Case { name, round: Box::new(round) }
}

/// MiB per second of CPU, when `one` moves one.
fn rate_case<'a>(name: &'static str, mut one: impl FnMut() + 'a) -> Case<'a> {
    let round = move || {
        let spent = cost(|| (0..MIB_PER_ROUND).for_each(|_| one()));
        f64::from(MIB_PER_ROUND) / spent.as_secs_f64()
    };
    Case { name, round: Box::new(round) }
}
