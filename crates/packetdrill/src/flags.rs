//! The words of `--so_flags=`: `clock=real`, `sysctl=proc` (or a folder like `/proc/sys`), `local=ADDRESS/PREFIX`, `mtu=N`, `seed=N`, and any knob
//! (`net.ipv4.tcp_rmem=4096:131072:33554432`), joined by commas or blanks. What they leave open is taken from the tool's own
//! command line (`--mtu=`, `--local_ip=`). Not here: what they do.

mod tool;

use lastack_stack::{Knobs, knobs::table};
use std::net::IpAddr;
use std::path::PathBuf;

const KNOWN: &str = "known are clock=, sysctl=, local=, mtu=, seed= and knobs (net.ipv4.NAME=)";

/// What the flags ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    /// Real time; else a virtual clock.
    pub(crate) real_clock: bool,
    /// The folder in which the knobs are read as the library runs, such as `/proc/sys`.
    pub(crate) sysctl_folder: Option<PathBuf>,
    /// Addresses of ours.
    pub(crate) local: Vec<(IpAddr, u8)>,
    /// Octets of the largest IP packet; `None`: what the tool's command line says, or 1500.
    pub(crate) mtu: Option<u16>,
    /// Knobs by name, over what `sysctl_folder` holds.
    pub(crate) knobs: Vec<(String, String)>,
    /// What random numbers begin with.
    pub(crate) seed: u64,
}

impl Flags {
    /// The flags of this process: what the tool's command line says, then `text`, which wins.
    pub(crate) fn of_the_process(text: &str) -> (Flags, Vec<String>) {
        let (said, mut words) = (Flags::parse(text).0, tool::words());
        words.retain(|word| !word.starts_with("local=") || said.local.is_empty());
        words.push(text.to_owned());
        Flags::parse(&words.join(","))
    }

    /// Reads the flags. A word that cannot be taken is told, with the reason, and passed over: the tool has no way to hear
    /// of it.
    pub(crate) fn parse(text: &str) -> (Flags, Vec<String>) {
        let mut flags = Flags {
            real_clock: false,
            sysctl_folder: None,
            local: Vec::new(),
            mtu: None,
            knobs: Vec::new(),
            seed: 0x1a57_ac4b,
        };
        let words = text.split([',', ' ', '\t']).filter(|word| !word.is_empty());
        let refused =
            words.filter_map(|word| Some(format!("`{word}` is passed over: {}", flags.take(word).err()?)));
        let refused = refused.collect();
        (flags, refused)
    }

    /// The MTU of the tool's network, which it keeps to itself: named by the flags, else found among the words of the command
    /// line, else in the script that the command line names when it names one, else that of Ethernet.
    pub(crate) fn mtu(&self, mut command_line: impl Iterator<Item = String>) -> u16 {
        let (mut said, mut scripts) = (None, Vec::new());
        while let Some(word) = command_line.next() {
            let value = match word.strip_prefix("--mtu") {
                Some("") => command_line.next(),
                Some(rest) => rest.strip_prefix('=').map(str::to_owned),
                None if word.ends_with(".pkt") => {
                    scripts.push(word);
                    continue;
                }
                None => continue,
            };
            said = value.and_then(|value| mtu(&value)).or(said);
        }
        let of_script = || match scripts.as_slice() {
            [one] => mtu_of(&std::fs::read_to_string(one).ok()?),
            _ => None,
        };
        self.mtu.or(said).or_else(of_script).unwrap_or(1500)
    }

    fn take(&mut self, word: &str) -> Result<(), String> {
        let Some((name, value)) = word.trim_start_matches('-').split_once('=') else {
            return Err(format!("it has no value; {KNOWN}"));
        };
        match (name, value) {
            ("clock", "real") => self.real_clock = true,
            ("clock", "virtual") => self.real_clock = false,
            ("clock", _) => return Err("a clock is real or virtual".to_owned()),
            ("sysctl", "proc") => self.sysctl_folder = Some("/proc/sys".into()),
            ("sysctl", "default") => self.sysctl_folder = None,
            ("sysctl", folder) if folder.starts_with('/') => self.sysctl_folder = Some(folder.into()),
            ("sysctl", _) => return Err("knobs are from proc, default or a folder".to_owned()),
            ("mtu", number) => {
                self.mtu = Some(mtu(number).ok_or("an MTU is a number from 576 to 65535")?);
            }
            ("seed", number) => self.seed = number.parse().map_err(|_| "a seed is a number")?,
            ("local" | "local_ip" | "addr", address) => {
                self.local.push(local(address).ok_or("an address is written 192.0.2.1/24 or 2001:2::1/64")?);
            }
            (name, value) if name.starts_with("net.") => {
                let knob = table::find(name).map_err(|error| error.to_string())?;
                // A colon stands for the blank between numbers, and for the comma of lists.
                let list = name.ends_with("_ports") || name.ends_with("_key");
                let value = value.replace(':', if list { "," } else { " " });
                knob.write(&mut Knobs::default(), &value).map_err(|error| error.to_string())?;
                self.knobs.push((name.to_owned(), value));
            }
            (name, _) => return Err(format!("there is no `{name}`; {KNOWN}")),
        }
        Ok(())
    }
}

fn mtu(text: &str) -> Option<u16> {
    text.parse().ok().filter(|&mtu| mtu >= 576)
}

/// The tool's option at the top of a script.
fn mtu_of(script: &str) -> Option<u16> {
    let value = script.lines().find_map(|line| line.trim().strip_prefix("--mtu="))?;
    mtu(value.split_whitespace().next()?)
}

fn local(text: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.unwrap_or(if address.is_ipv4() { 24 } else { 64 });
    (prefix <= longest).then_some((address, prefix))
}

#[cfg(test)]
mod tests;
