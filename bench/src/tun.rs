//! `lastack serve` over TUN beside the kernel's own TCP over loopback, the same clients and the same services: wall clock.
//!
//! Everything happens in a network namespace of the benchmark's own, so nothing is ever sent to 198.18.0.0/15 outside one. The
//! kernel is at its best: one host, a device of 64 KiB packets, plain blocking threads.

mod client;
mod kernel;
pub(crate) mod serve;

use crate::pairs::{Case, Series, interleave};
use crate::report::{Better, Report, Table};
use nix::sched::{CloneFlags, unshare};
use serve::Serve;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

/// Octets of one bulk transfer: long enough that slow start is a small part of it.
const BULK_MIB: u32 = 256;
const REQUESTS_PER_ROUND: u32 = 10_000;

const NOTES: &[&str] = &[
    "wall clock, one connection at a time, the same client for both; `lastack serve` answers over TUN with segmentation \
     offload, the kernel over its loopback device",
];

/// A service of RFC 862, 863 or 864.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Echo,
    Discard,
    Chargen,
}

/// Where one peer offers the three services.
#[derive(Clone, Copy, Debug)]
struct Peer {
    name: &'static str,
    echo: SocketAddr,
    discard: SocketAddr,
    chargen: SocketAddr,
}

/// Measures every case `rounds` times.
///
/// # Errors
/// Why this machine cannot run it.
pub(crate) fn run(rounds: usize) -> Result<Report, String> {
    let program = serve::build()?;
    // Threads and processes started from here on are in it too; it ends with the last of them.
    enter_namespace()?;
    let serve = Serve::start(&program)?;
    let peers = [serve.peer(), kernel::start().map_err(|error| format!("a server on loopback: {error}"))?];
    measure(rounds, &peers).map_err(|error| format!("a transfer failed: {error}"))
}

fn measure(rounds: usize, peers: &[Peer]) -> io::Result<Report> {
    let mut report = Report::new("tun", NOTES);
    eprintln!("bulk to discard");
    let pour = |peer: Peer| client::pour(peer.discard, BULK_MIB);
    report.tables.push(Table::new(
        "bulk into discard",
        Better::Higher,
        series(rounds, "MiB/s", peers, pour)?,
    ));
    eprintln!("bulk from chargen");
    let drain = |peer: Peer| client::drain(peer.chargen, BULK_MIB);
    report.tables.push(Table::new(
        "bulk out of chargen",
        Better::Higher,
        series(rounds, "MiB/s", peers, drain)?,
    ));
    eprintln!("requests to echo");
    let ask = |peer: Peer| client::ask(peer.echo, REQUESTS_PER_ROUND);
    let asked = series(rounds, "requests/s", peers, ask)?;
    report.tables.push(Table::new("requests to echo", Better::Higher, asked));
    Ok(report)
}

/// One case per peer, in the same rounds. The first failure ends it, after the round it happened in.
fn series(
    rounds: usize,
    unit: &'static str,
    peers: &[Peer],
    measure: impl Fn(Peer) -> io::Result<f64>,
) -> io::Result<Vec<Series>> {
    let failed = std::cell::RefCell::new(None);
    let case = |peer: &Peer| {
        let (peer, failed, measure) = (*peer, &failed, &measure);
        let round = move || {
            if failed.borrow().is_some() {
                return 0.0;
            }
            measure(peer).unwrap_or_else(|error| {
                let said = format!("{}: {error}", peer.name);
                *failed.borrow_mut() = Some(io::Error::new(error.kind(), said));
                0.0
            })
        };
        Case { name: peer.name, round: Box::new(round) }
    };
    let series = interleave(unit, rounds, peers.iter().map(case).collect());
    failed.into_inner().map_or(Ok(series), Err)
}

/// Puts this process, which has one thread yet, into a fresh network namespace with loopback up.
pub(crate) fn enter_namespace() -> Result<(), String> {
    if !Path::new("/dev/net/tun").exists() {
        return Err("there is no /dev/net/tun".to_owned());
    }
    unshare(CloneFlags::CLONE_NEWNET)
        .map_err(|error| format!("a network namespace of its own: unshare: {error} (run it as root)"))?;
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    if up.is_ok_and(|status| status.success()) {
        Ok(())
    } else {
        Err("bringing up loopback with `ip` failed".to_owned())
    }
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

#[cfg(test)]
mod tests;
