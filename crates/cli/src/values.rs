//! Small values that command lines are made of: networks, forwards, names of stacks. Each is valid by construction.

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cidr {
    address: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// `None` when the prefix is longer than the address.
    pub(crate) fn new(address: IpAddr, prefix: u8) -> Option<Cidr> {
        (prefix <= width(address)).then_some(Cidr { address, prefix })
    }

    pub(crate) fn address(self) -> IpAddr {
        self.address
    }

    pub(crate) fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether an address lies in it. An IPv4 address mapped into IPv6 counts as the IPv4 address.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                (a.to_bits() ^ b.to_bits()).leading_zeros() >= u32::from(self.prefix.min(32))
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                (a.to_bits() ^ b.to_bits()).leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }

    /// The address that is `n` after the network's first.
    pub(crate) fn nth(self, n: u8) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                IpAddr::V4(((address.to_bits() & mask) | u32::from(n)).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                IpAddr::V6(((address.to_bits() & mask) | u128::from(n)).into())
            }
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = String;

    /// `10.0.0.0/8`; an address without a prefix is that address alone.
    fn from_str(text: &str) -> Result<Cidr, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| format!("\"{address}\" is no IP address"))?;
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| format!("\"{prefix}\" is no prefix length"))?,
            None => width(address),
        };
        Cidr::new(address, prefix)
            .ok_or_else(|| format!("a prefix of {address} has at most {} bits", width(address)))
    }
}

/// A port of the stack, and the service of the host's kernel (or beyond) that stands behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forward {
    /// The stack's port.
    pub(crate) port: u16,
    /// Name or address, without brackets.
    pub(crate) host: String,
    /// The port there.
    pub(crate) host_port: u16,
}

impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "{} to [{}]:{}", self.port, self.host, self.host_port),
            false => write!(f, "{} to {}:{}", self.port, self.host, self.host_port),
        }
    }
}

impl FromStr for Forward {
    type Err = String;

    /// `8080=localhost:80`, `8080=[::1]:80`.
    fn from_str(text: &str) -> Result<Forward, String> {
        let shape = || format!("\"{text}\" is not PORT=HOST:PORT");
        let port = |text: &str| text.parse().ok().filter(|&port: &u16| port != 0);
        let (ours, target) = text.split_once('=').ok_or_else(shape)?;
        let (host, theirs) = target.rsplit_once(':').ok_or_else(shape)?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']').ok_or_else(shape)?,
            None if host.contains(':') => {
                return Err(format!("an IPv6 address stands in brackets: [{host}]"));
            }
            None => host,
        };
        if host.is_empty() {
            return Err(shape());
        }
        Ok(Forward {
            port: port(ours).ok_or_else(shape)?,
            host: host.to_owned(),
            host_port: port(theirs).ok_or_else(shape)?,
        })
    }
}

/// The name of a running stack: also the name of its control socket, so no path hides in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StackName(String);

impl StackName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StackName {
    type Err = String;

    fn from_str(name: &str) -> Result<StackName, String> {
        let plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.');
        if (1..=32).contains(&name.len()) && name.chars().all(plain) && !name.starts_with(['.', '-']) {
            Ok(StackName(name.to_owned()))
        } else {
            Err("a stack's name has 1 to 32 letters, digits, '-', '_' or '.', and begins with none of the dots and dashes"
                .to_owned())
        }
    }
}
