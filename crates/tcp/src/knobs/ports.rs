//! A set of ports as `ip_local_reserved_ports` writes it: `80,8080-8090`.

use std::fmt;
use std::str::FromStr;

/// Ports, kept as rising ranges that do not touch. At most 32768 of them, whatever the text.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PortSet(Vec<[u16; 2]>);

/// The text is no list of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPorts;

impl PortSet {
    /// True when the port is in the set.
    pub fn contains(&self, port: u16) -> bool {
        let after = self.0.partition_point(|&[first, _]| first <= port);
        after > 0 && self.0[after - 1][1] >= port
    }
}

impl FromStr for PortSet {
    type Err = NoPorts;

    fn from_str(text: &str) -> Result<PortSet, NoPorts> {
        let port = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
            if digits { text.parse::<u16>().map_err(|_| NoPorts) } else { Err(NoPorts) }
        };
        let mut ranges = Vec::new();
        for part in text.trim().split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let range = [port(first)?, port(last)?];
            if range[0] > range[1] {
                return Err(NoPorts);
            }
            ranges.push(range);
        }
        ranges.sort_unstable();
        let mut joined: Vec<[u16; 2]> = Vec::new();
        for [first, last] in ranges {
            match joined.last_mut() {
                Some(before) if u32::from(first) <= u32::from(before[1]) + 1 => {
                    before[1] = before[1].max(last)
                }
                _ => joined.push([first, last]),
            }
        }
        Ok(PortSet(joined))
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, [first, last]) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
