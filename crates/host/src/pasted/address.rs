//! Ends of sockets as ss and netstat print them: `127.0.0.1:80`, `[::1]:80`, `:::80`, `*:80`, `0.0.0.0:*`, with `%eth0` behind.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// An end; port `*` is zero. `None` for names and for addresses that were cut off.
pub(super) fn parse(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.rsplit_once(':')?;
    let port = if port == "*" { 0 } else { port.parse().ok()? };
    // The interface stands behind the bracket (`[fe80::1]%eth0`), or behind an IPv4 address.
    let host = host.split_once('%').map_or(host, |(host, _)| host);
    let host = host.strip_prefix('[').map_or(host, |inner| inner.strip_suffix(']').unwrap_or(inner));
    let address = match host {
        "*" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => host.parse().ok()?,
    };
    Some(SocketAddr::new(address, port))
}
