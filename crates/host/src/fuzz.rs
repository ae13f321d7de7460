//! Bodies of fuzz targets: any octets as each of the things that are read here. Nothing may panic, whatever comes.

use crate::counters::{KernelCounters, parse_socket_use};
use crate::{addresses, diag, pasted, processes, trace};
use std::collections::HashSet;

/// The first octet chooses what the others are taken for.
pub fn read(octets: &[u8]) {
    let Some((choice, octets)) = octets.split_first() else { return };
    match choice % 7 {
        0 => {
            diag::parse_any(octets);
        }
        1 => {
            diag::parse_tcp_info(octets);
        }
        2 => {
            let text = String::from_utf8_lossy(octets);
            let mut counters = KernelCounters::default();
            counters.add_text(&text);
            counters.known();
            parse_socket_use(&text);
        }
        3 => {
            pasted::parse(&String::from_utf8_lossy(octets));
        }
        4 => trace::read_any(octets),
        5 => {
            addresses::add(octets, &mut HashSet::new());
        }
        _ => {
            processes::parse_limits(&String::from_utf8_lossy(octets));
        }
    }
}
