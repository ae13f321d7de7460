//! Whom a served stack answers: a device that passes over packets from anybody else, before the stack sees them.

#[cfg(test)]
mod tests;

use crate::values::Cidr;
use lastack::device::{Capabilities, Device, Error, Link, Readiness, Received, Sent};
use lastack::wire::{Frame, Packet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A device behind a list of networks.
#[derive(Debug)]
pub(crate) struct Allowed<D> {
    device: D,
    networks: Vec<Cidr>,
}

impl<D> Allowed<D> {
    pub(crate) fn new(device: D, networks: Vec<Cidr>) -> Allowed<D> {
        Allowed { device, networks }
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

impl<D: Device> Device for Allowed<D> {
    fn name(&self) -> &str {
        self.device.name()
    }

    fn mtu(&self) -> u16 {
        self.device.mtu()
    }

    fn capabilities(&self) -> Capabilities {
        self.device.capabilities()
    }

    fn readiness(&self) -> Readiness<'_> {
        self.device.readiness()
    }

    fn link(&self) -> Link {
        self.device.link()
    }

    fn receive(&mut self, frames_max: usize, sink: &mut dyn FnMut(Frame)) -> Result<Received, Error> {
        let networks = &self.networks;
        self.device.receive(frames_max, &mut |frame| {
            // What is no IP packet is the stack's to count.
            if source(&frame.data).is_none_or(|from| networks.iter().any(|network| network.contains(from))) {
                sink(frame);
            }
        })
    }

    fn send(&mut self, packet: &Packet) -> Result<Sent, Error> {
        self.device.send(packet)
    }
}
