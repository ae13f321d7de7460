//! TCP_SAVE_SYN: the headers of a SYN wait here until accept() returns the connection that it asked for.
//!
//! The stack keeps no packets, so the interface takes them from what it delivers, while some listener wants them. A full list
//! forgets the oldest.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

/// SYNs that wait at most.
const WAITING_MAX: usize = 64;

/// Headers by the peer that sent them and our port.
#[derive(Debug, Default)]
pub(crate) struct SavedSyns(VecDeque<(SocketAddr, u16, Vec<u8>)>);

impl SavedSyns {
    /// Keeps the headers of a packet when it is a SYN to one of these ports.
    pub(crate) fn keep(&mut self, packet: &[u8], ports: impl Fn(u16) -> bool) {
        let Some((peer, port, headers)) = syn(packet).filter(|(_, port, _)| ports(*port)) else { return };
        self.take(peer, port);
        if self.0.len() == WAITING_MAX {
            self.0.pop_front();
        }
        self.0.push_back((peer, port, headers.to_vec()));
    }

    /// The headers of the SYN from this peer, once.
    pub(crate) fn take(&mut self, peer: SocketAddr, port: u16) -> Option<Vec<u8>> {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let at = self.0.iter().position(|(known, to, _)| (*known, *to) == (peer, port))?;
        self.0.remove(at).map(|(.., headers)| headers)
    }
}

/// The sender, the port and the headers of a SYN without extension headers of IPv6.
fn syn(packet: &[u8]) -> Option<(SocketAddr, u16, &[u8])> {
    const TCP: u8 = 6;
    const SYN_ACK_RST: u8 = 0x16;
    const SYN: u8 = 0x02;
    let (source, at, protocol): (IpAddr, usize, u8) = match packet.first()? >> 4 {
        4 => {
            let source = <[u8; 4]>::try_from(packet.get(12..16)?).ok()?;
            (source.into(), usize::from(packet[0] & 0xf) * 4, packet[9])
        }
        6 => (<[u8; 16]>::try_from(packet.get(8..24)?).ok()?.into(), 40, packet[6]),
        _ => return None,
    };
    let tcp = packet.get(at..at + 20).filter(|tcp| protocol == TCP && tcp[13] & SYN_ACK_RST == SYN)?;
    let port = |at: usize| u16::from_be_bytes([tcp[at], tcp[at + 1]]);
    let headers = packet.get(..at + usize::from(tcp[12] >> 4) * 4)?;
    Some((SocketAddr::new(source, port(0)), port(2), headers))
}

#[cfg(test)]
mod tests;
