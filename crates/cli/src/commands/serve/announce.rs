//! What `lastack serve` says when it is ready: what is where, and lines to copy. On stdout: it is this command's result.

use super::Place;
use crate::options::ServeOptions;
use lastack::net::Handle;
use std::io::{self, Write};
use std::net::IpAddr;

/// All that is told.
pub(crate) struct Facts<'a> {
    pub(crate) handle: &'a Handle,
    pub(crate) mtu: u16,
    pub(crate) place: &'a Place,
    pub(crate) options: &'a ServeOptions,
    /// Of the control socket, when there is one.
    pub(crate) name: Option<&'a str>,
}

/// Prints it in one piece.
pub(crate) fn print(facts: &Facts<'_>) -> io::Result<()> {
    let list = |addresses: &[(IpAddr, u8)]| {
        let words: Vec<String> =
            addresses.iter().map(|(address, prefix)| format!("{address}/{prefix}")).collect();
        words.join("  ")
    };
    let mut out = io::stdout().lock();
    writeln!(out, "device {}  mtu {}", facts.handle.device(), facts.mtu)?;
    writeln!(out, "host   {}", list(&facts.place.host))?;
    writeln!(out, "stack  {}", list(&facts.place.stack))?;
    writeln!(out, "serves echo 7, discard 9, chargen 19, http 80; Ctrl-C ends it and removes the device")?;
    for forward in &facts.options.forward {
        let how = if facts.options.syn_proxy { ", behind a SYN proxy" } else { "" };
        writeln!(out, "forwards {forward}{how}")?;
    }
    writeln!(out)?;
    for (address, _) in &facts.place.stack {
        match address {
            IpAddr::V4(v4) => writeln!(out, "  curl -v http://{v4}/\n  printf hello | nc -N {v4} 7")?,
            IpAddr::V6(v6) => writeln!(out, "  curl -v 'http://[{v6}]/'")?,
        }
    }
    if let Some(name) = facts.name {
        writeln!(out, "  lastack ss --stack {name} -a")?;
    }
    out.flush()
}
