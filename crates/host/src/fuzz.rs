//! Bodies of fuzz targets: any octets as each of the things that are read here. Nothing may panic, whatever comes.

use crate::counters::{KernelCounters, parse_socket_use};
use crate::{addresses, diag, pasted, processes, trace};
use std::collections::HashSet;

/// As answers of netlink: sockets, addresses, and TCP_INFO alone. The first octet chooses.
pub fn netlink(octets: &[u8]) {
    let Some((choice, octets)) = octets.split_first() else { return };
    match choice % 3 {
        0 => {
            diag::parse_any(octets);
        }
        1 => {
            diag::parse_tcp_info(octets);
        }
        _ => {
            addresses::add(octets, &mut HashSet::new());
        }
    }
}

/// As what /proc and tracefs tell: counters, limits, links of descriptors; formats, statistics and pages of a tracepoint. The
/// first octet chooses.
pub fn proc(octets: &[u8]) {
    let Some((choice, octets)) = octets.split_first() else { return };
    if choice % 2 == 1 {
        return trace::read_any(octets);
    }
    let text = String::from_utf8_lossy(octets);
    let mut counters = KernelCounters::default();
    counters.add_text(&text);
    counters.known();
    parse_socket_use(&text);
    processes::parse_any(octets);
}

/// As an output that somebody pasted.
pub fn pasted(octets: &[u8]) {
    pasted::parse(&String::from_utf8_lossy(octets));
}
