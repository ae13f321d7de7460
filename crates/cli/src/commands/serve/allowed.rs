//! Whom a served stack answers: a gate that passes over packets from anybody else, before the stack sees them.

#[cfg(test)]
mod tests;

use crate::values::Cidr;
use lastack::device::gated::{Gate, Verdict};
use lastack::wire::Frame;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A gate for who comes from one of these networks.
#[derive(Debug)]
pub(crate) struct Allowed {
    networks: Vec<Cidr>,
}

impl Allowed {
    pub(crate) fn new(networks: Vec<Cidr>) -> Allowed {
        Allowed { networks }
    }
}

/// The source address of an IP packet; `None` when it is none.
fn source(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => {
            let octets: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
            Some(Ipv4Addr::from(octets).into())
        }
        6 => {
            let octets: [u8; 16] = packet.get(8..24)?.try_into().ok()?;
            Some(Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

impl Gate for Allowed {
    fn arrives(&mut self, frame: &Frame) -> Verdict {
        // What is no IP packet is the stack's to count.
        match source(&frame.data) {
            Some(from) if !self.networks.iter().any(|network| network.contains(from)) => Verdict::Drop,
            _ => Verdict::Pass,
        }
    }
}
