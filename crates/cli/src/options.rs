//! The command line, parsed into values that are valid by construction.

mod doctor;
mod look;
mod states;
mod sysctl;
#[cfg(test)]
mod tests;

pub(crate) use doctor::{DoctorOptions, LookOptions, SnapshotOptions};
pub(crate) use look::{ConnectOptions, SelftestOptions, SsOptions, Wanted};
pub(crate) use states::{By, KernelOptions, StatesOptions};
pub(crate) use sysctl::SysctlOptions;

use crate::values::{Cidr, Forward, StackName};
use clap::{Args, Parser, Subcommand};
use lastack_sim::lab::{self, PROFILES, Profile};
use std::path::PathBuf;
use std::str::FromStr;

/// TCP's whole connection life cycle in user space, with Linux's semantics.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring a stack up on a TUN device and serve echo, discard, chargen and a page about itself.
    Serve(ServeOptions),
    /// List the kernel's TCP sockets or those of a running stack, with ss' columns, options and filters.
    Ss(SsOptions),
    /// Connect to HOST and PORT; stdin goes there, what comes goes to stdout.
    Connect(ConnectOptions),
    /// Two stacks, a lossy link between them, simulated time: a transfer and a whole life, drawn. Needs no rights.
    Selftest(SelftestOptions),
    /// Play and draw situations of a connection, or run packetdrill scripts, in simulated time.
    #[command(after_help = situations())]
    Lab(LabOptions),
    /// Read and turn the knobs of a running stack while it runs, with sysctl's names, syntax and options.
    Sysctl(SysctlOptions),
    /// Count the kernel's TCP sockets by state, and by listener, process or network namespace.
    States(StatesOptions),
    /// Answer what people ask about TCP's connections, with Linux's numbers; without a topic list the topics.
    Why(WhyOptions),
    /// Say what is wrong with the TCP of the kernel or of a stack: evidence, culprit, cure and risk. It changes nothing.
    Doctor(DoctorOptions),
    /// Write down everything that can be seen, for --from of ss, states and doctor.
    Snapshot(SnapshotOptions),
    /// Write man pages, and completions for bash, fish and zsh, below a folder.
    Generate(GenerateOptions),
}

/// What `lastack generate` is told.
#[derive(Args, Debug)]
pub(crate) struct GenerateOptions {
    /// Gets the folders `man` and `completions`.
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

/// What `lastack serve` is told.
#[derive(Args, Debug)]
pub(crate) struct ServeOptions {
    /// Name of the TUN device; %d is replaced by the first number that is free.
    #[arg(long, value_name = "NAME", default_value = "lastack%d")]
    pub(crate) device: DeviceName,
    /// Largest packet, in octets.
    #[arg(long, value_name = "OCTETS", default_value_t = 1500, value_parser = clap::value_parser!(u16).range(1280..))]
    pub(crate) mtu: u16,
    /// Write every packet to this file, as pcapng (Wireshark and tshark read it).
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    /// The stack's name, for --stack of other commands; without it the device's name.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<StackName>,
    /// The stack's own address with its network; the host gets the first other address of the network. Once for IPv4, once
    /// for IPv6. Without it, a free /24 of 198.18.0.0/15 and a /64 of 2001:2::/48.
    #[arg(long, value_name = "ADDRESS/PREFIX")]
    pub(crate) address: Vec<Cidr>,
    /// Connections to this port of the stack go on to a service of the host, over a kernel socket. May be repeated.
    #[arg(long, value_name = "PORT=HOST:PORT")]
    pub(crate) forward: Vec<Forward>,
    /// A SYN proxy before every --forward: its SYNs are answered with cookies and nothing is kept, whatever tcp_syncookies
    /// says, and the service sees a connection only when its client has completed the handshake. A service that refuses
    /// resets a client that was connected already, as SYNPROXY of the kernel's netfilter does; without timestamps
    /// clients lose window scale and SACK.
    #[arg(long, requires = "forward")]
    pub(crate) syn_proxy: bool,
    /// Serve at most so many connections to echo, to discard and to chargen at a time; further ones wait in the accept queue.
    #[arg(long, value_name = "NUMBER", default_value_t = CONNECTIONS, hide_default_value = true, value_parser = places)]
    pub(crate) connections: usize,
    /// Answer peers of this network, too. Without it only the network of the device is answered. May be repeated.
    #[arg(long, value_name = "CIDR")]
    pub(crate) allow: Vec<Cidr>,
    /// In a user and network namespace of its own, with a shell inside: needs no rights where users may open /dev/net/tun.
    #[arg(long)]
    pub(crate) private: bool,
}

/// As good as unlimited.
const CONNECTIONS: usize = tokio::sync::Semaphore::MAX_PERMITS;

fn places(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(places @ 1..=CONNECTIONS) => Ok(places),
        _ => Err(format!("\"{text}\" is no number of connections")),
    }
}

/// What `lastack lab` is told.
#[derive(Args, Debug)]
pub(crate) struct LabOptions {
    /// Situations by name, and scripts in packetdrill's language; of a folder, every .pkt file below it. `states`: the state
    /// diagram, with the edges that the situations named after it (else all) cross.
    #[arg(required = true, value_name = "WHAT")]
    pub(crate) what: Vec<PathBuf>,
    /// Play situations by other rules than those of today's Linux.
    #[arg(long, value_name = "NAME", value_parser = profile)]
    pub(crate) profile: Option<&'static Profile>,
    /// Draw scripts too; situations always are drawn.
    #[arg(long)]
    pub(crate) draw: bool,
    /// Write the drawing to this file, as SVG, instead of printing it.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// What `lastack why` is told.
#[derive(Args, Debug)]
pub(crate) struct WhyOptions {
    /// A topic of the list, in one word or several, its number, a sysctl's name.
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: Vec<String>,
    /// The same as JSON.
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// The same as a page in Markdown.
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// The situations, for --help.
fn situations() -> String {
    let line = |preset: &&lab::Preset| format!("  {:<20}{}", preset.name, preset.title);
    let lines: Vec<String> = lab::PRESETS.iter().map(line).collect();
    let rules = |profile: &&Profile| format!("  {:<20}{}", profile.name, profile.title);
    let profiles: Vec<String> = PROFILES.iter().map(rules).collect();
    format!("Situations:\n{}\n\nProfiles:\n{}", lines.join("\n"), profiles.join("\n"))
}

fn profile(name: &str) -> Result<&'static Profile, String> {
    lab::profile(name).ok_or_else(|| {
        let known: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
        format!("there are {}", known.join(", "))
    })
}

/// A name that Linux takes for an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceName(String);

impl DeviceName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeviceName {
    type Err = String;

    fn from_str(name: &str) -> Result<DeviceName, String> {
        let fits = (1..=15).contains(&name.len()) && name != "." && name != "..";
        let plain = name.chars().all(|sign| sign.is_ascii_graphic() && sign != '/' && sign != ':');
        let numbered =
            name.matches('%').count() == name.matches("%d").count() && name.matches("%d").count() <= 1;
        if fits && plain && numbered {
            Ok(DeviceName(name.to_owned()))
        } else {
            Err("a device's name has 1 to 15 characters, no blank, '/' or ':', and %d at most once"
                .to_owned())
        }
    }
}
