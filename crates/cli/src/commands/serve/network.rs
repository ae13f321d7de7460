//! Which addresses a served stack gets: a /24 of 198.18.0.0/15 (RFC 2544) and, with the same number, a /64 of 2001:2::/48
//! (RFC 5180). Both blocks are set aside for tests, so no real network is hidden.
//!
//! The host is `.1`, the stack `.2`. The first number whose networks overlap no route of the host is taken.

mod routes;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use routes::parse_v6;
pub(crate) use routes::{Route, read};

use anyhow::{Result, bail};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// /24 networks in 198.18.0.0/15.
const NETWORKS: u16 = 512;

/// One pair of networks, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network(u16);

/// Length of the IPv4 prefix.
pub(crate) const PREFIX_V4: u8 = 24;
/// Length of the IPv6 prefix.
pub(crate) const PREFIX_V6: u8 = 64;

impl Network {
    /// The first pair that overlaps no route.
    pub(crate) fn first_free(routes: &[Route]) -> Result<Network> {
        let free = |network: &Network| {
            let prefixes = [(IpAddr::V4(network.v4(0)), PREFIX_V4), (IpAddr::V6(network.v6(0)), PREFIX_V6)];
            !routes
                .iter()
                .any(|route| prefixes.iter().any(|(address, prefix)| route.overlaps(*address, *prefix)))
        };
        match (0..NETWORKS).map(Network).find(free) {
            Some(network) => Ok(network),
            None => bail!(
                "every /24 of 198.18.0.0/15 overlaps a route of this host: remove one (`ip route show to root 198.18.0.0/15` lists them)"
            ),
        }
    }

    /// The host's addresses, with prefix lengths.
    pub(crate) fn host(self) -> Vec<(IpAddr, u8)> {
        vec![(self.v4(1).into(), PREFIX_V4), (self.v6(1).into(), PREFIX_V6)]
    }

    /// The stack's addresses, with prefix lengths.
    pub(crate) fn stack(self) -> Vec<(IpAddr, u8)> {
        vec![(self.v4(2).into(), PREFIX_V4), (self.v6(2).into(), PREFIX_V6)]
    }

    fn v4(self, host: u8) -> Ipv4Addr {
        Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, host).to_bits() + (u32::from(self.0) << 8))
    }

    fn v6(self, host: u16) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 2, 0, self.0, 0, 0, 0, host)
    }
}
