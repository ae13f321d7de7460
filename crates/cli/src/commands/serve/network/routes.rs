//! The host's routes, as /proc/net/route and /proc/net/ipv6_route list them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A destination that the host knows a way to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    destination: IpAddr,
    prefix: u8,
}

/// Routes shorter than this mean "the rest of the world" (the default route, a VPN's two halves): a more specific route beside
/// them takes nothing from anybody.
const SPECIFIC: u8 = 8;

impl Route {
    /// Whether a network would hide some of this route, or be hidden by it.
    pub(crate) fn overlaps(&self, address: IpAddr, prefix: u8) -> bool {
        let shorter = self.prefix.min(prefix);
        self.prefix >= SPECIFIC
            && match (self.destination, address) {
                (IpAddr::V4(a), IpAddr::V4(b)) => {
                    (a.to_bits() ^ b.to_bits()).leading_zeros() >= u32::from(shorter)
                }
                (IpAddr::V6(a), IpAddr::V6(b)) => {
                    (a.to_bits() ^ b.to_bits()).leading_zeros() >= u32::from(shorter)
                }
                _ => false,
            }
    }
}

/// Every route of the host. A family that it does not speak has no list, and no routes.
pub(crate) fn read() -> Vec<Route> {
    let list = |path| std::fs::read_to_string(path).unwrap_or_default();
    let mut routes = parse_v4(&list("/proc/net/route"));
    routes.extend(parse_v6(&list("/proc/net/ipv6_route")));
    routes
}

/// `Iface Destination Gateway Flags RefCnt Use Metric Mask …`; numbers are hexadecimal in the host's byte order.
pub(super) fn parse_v4(text: &str) -> Vec<Route> {
    let route = |line: &str| {
        let mut fields = line.split_whitespace();
        let destination = u32::from_str_radix(fields.nth(1)?, 16).ok()?;
        let mask = u32::from_str_radix(fields.nth(5)?, 16).ok()?;
        Some(Route {
            destination: Ipv4Addr::from(destination.to_ne_bytes()).into(),
            prefix: mask.count_ones() as u8,
        })
    };
    text.lines().skip(1).filter_map(route).collect()
}

/// `Destination PrefixLength …`; hexadecimal, network order.
pub(crate) fn parse_v6(text: &str) -> Vec<Route> {
    let route = |line: &str| {
        let mut fields = line.split_whitespace();
        let destination = u128::from_str_radix(fields.next()?, 16).ok()?;
        let prefix = u8::from_str_radix(fields.next()?, 16).ok()?;
        Some(Route { destination: Ipv6Addr::from_bits(destination).into(), prefix })
    };
    text.lines().filter_map(route).collect()
}
