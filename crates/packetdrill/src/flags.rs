//! The words of `--so_flags=`: `clock=real`, `sysctl=proc`, `local=ADDRESS/PREFIX`, `mtu=N`, `seed=N`, and any knob
//! (`net.ipv4.tcp_rmem=4096:131072:33554432`), joined by commas or blanks. Not here: what they do.

use lastack_stack::{Knobs, knobs::table};
use std::net::IpAddr;

/// What the flags ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    /// Real time; else a virtual clock.
    pub(crate) real_clock: bool,
    /// The knobs are read from `/proc/sys` when the library is opened.
    pub(crate) sysctl_proc: bool,
    /// Addresses of ours.
    pub(crate) local: Vec<(IpAddr, u8)>,
    /// Octets of the largest IP packet.
    pub(crate) mtu: u16,
    /// Knobs by name, over what `sysctl_proc` finds.
    pub(crate) knobs: Vec<(String, String)>,
    /// What random numbers begin with.
    pub(crate) seed: u64,
}

impl Flags {
    /// Reads the flags; a word that is not known is told and passed over, for the tool has no way to hear of it.
    pub(crate) fn parse(text: &str) -> (Flags, Vec<String>) {
        let mut flags = Flags {
            real_clock: false,
            sysctl_proc: false,
            local: Vec::new(),
            mtu: 1500,
            knobs: Vec::new(),
            seed: 0x1a57_ac4b,
        };
        let words = text.split([',', ' ', '\t']).filter(|word| !word.is_empty());
        let unknown = words.filter(|word| flags.take(word).is_none()).map(str::to_owned).collect();
        (flags, unknown)
    }

    fn take(&mut self, word: &str) -> Option<()> {
        match word.trim_start_matches('-').split_once('=')? {
            ("clock", "real") => self.real_clock = true,
            ("clock", "virtual") => self.real_clock = false,
            ("sysctl", "proc") => self.sysctl_proc = true,
            ("sysctl", "default") => self.sysctl_proc = false,
            ("mtu", number) => self.mtu = number.parse().ok().filter(|&mtu| mtu >= 576)?,
            ("seed", number) => self.seed = number.parse().ok()?,
            ("local" | "local_ip" | "addr", address) => self.local.push(local(address)?),
            (name, value) if name.starts_with("net.") => {
                let knob = table::find(name).ok()?;
                // A colon stands for the blank between numbers, and for the comma of lists.
                let list = name.ends_with("_ports") || name.ends_with("_key");
                let value = value.replace(':', if list { "," } else { " " });
                knob.write(&mut Knobs::default(), &value).ok()?;
                self.knobs.push((name.to_owned(), value));
            }
            _ => return None,
        }
        Some(())
    }
}

fn local(text: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    Some((address, prefix.unwrap_or(if address.is_ipv4() { 24 } else { 64 })))
}

#[cfg(test)]
mod tests;
