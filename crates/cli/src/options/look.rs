//! The options of the commands that look at a running stack, and of those that need none.

use super::KernelOptions;
use crate::values::{Cidr, StackName};
use clap::Args;
use std::path::PathBuf;

/// What `lastack ss` is told: ss' own options, as far as they are about TCP.
#[derive(Args, Debug)]
#[command(
    after_help = "A FILTER is what ss takes: state NAME, exclude NAME, then src, dst, sport, dport with = != < > and \
    and, or, not, parentheses. Example: lastack ss -a state time-wait '( dport > 1024 and src 198.18.0.0/24 )'"
)]
pub(crate) struct SsOptions {
    /// Look at a running lastack stack instead of the kernel: the one with this name, without a name the only one.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "", conflicts_with = "net")]
    pub(crate) stack: Option<Wanted>,
    /// Show the sockets of a snapshot instead (of several the last one): a file as `lastack snapshot` writes it; `-` is stdin.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["stack", "net", "kill", "events", "watch"])]
    pub(crate) from: Option<PathBuf>,
    /// TCP: which is all there is.
    #[arg(short = 't', long)]
    pub(crate) tcp: bool,
    /// Listeners only.
    #[arg(short = 'l', long)]
    pub(crate) listening: bool,
    /// Sockets in every state.
    #[arg(short = 'a', long)]
    pub(crate) all: bool,
    /// Numbers of ports, not names of services.
    #[arg(short = 'n', long)]
    pub(crate) numeric: bool,
    /// Timers: kind, time left, retransmissions.
    #[arg(short = 'o', long)]
    pub(crate) options: bool,
    /// What the handshake agreed on; of the kernel's sockets TCP_INFO.
    #[arg(short = 'i', long)]
    pub(crate) info: bool,
    /// Of the kernel's sockets owner, inode, cookie, control group and what is shut; of a stack's the time in the state and
    /// whether an application holds the socket.
    #[arg(short = 'e', long)]
    pub(crate) extended: bool,
    /// A sentence below each socket: why it is in its state, what ends it and when, which knob governs that.
    #[arg(long, conflicts_with_all = ["summary", "by"])]
    pub(crate) explain: bool,
    /// No line of headings.
    #[arg(short = 'H', long)]
    pub(crate) no_header: bool,
    /// IPv4 only.
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Counts per state instead of sockets.
    #[arg(short = 's', long, conflicts_with_all = ["filter", "listening", "all"])]
    pub(crate) summary: bool,
    /// The same as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// For the kernel's sockets.
    #[command(flatten)]
    pub(crate) kernel: KernelOptions,
    /// ss' options for what is no TCP.
    #[command(flatten)]
    pub(crate) others: OtherKinds,
    /// States and expressions, as ss takes them.
    #[arg(value_name = "FILTER")]
    pub(crate) filter: Vec<String>,
}

/// Options of ss that ask for other sockets than TCP's.
#[derive(Args, Debug)]
pub(crate) struct OtherKinds {
    #[arg(short = 'u', long, hide = true)]
    udp: bool,
    #[arg(short = 'x', long, hide = true)]
    unix: bool,
    #[arg(short = 'w', long, hide = true)]
    raw: bool,
    #[arg(short = 'd', long, hide = true)]
    dccp: bool,
    #[arg(short = 'S', long, hide = true)]
    sctp: bool,
    #[arg(short = '0', long, hide = true)]
    packet: bool,
    #[arg(long, hide = true)]
    vsock: bool,
}

impl OtherKinds {
    /// The first that was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let OtherKinds { udp, unix, raw, dccp, sctp, packet, vsock } = *self;
        [
            (udp, "--udp"),
            (unix, "--unix"),
            (raw, "--raw"),
            (dccp, "--dccp"),
            (sctp, "--sctp"),
            (packet, "--packet"),
            (vsock, "--vsock"),
        ]
        .into_iter()
        .find_map(|(given, name)| given.then_some(name))
    }
}

/// Which running stack is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The only one.
    TheOnly,
    /// The one with this name.
    Named(StackName),
}

impl Wanted {
    pub(crate) fn name(&self) -> Option<&StackName> {
        match self {
            Wanted::TheOnly => None,
            Wanted::Named(name) => Some(name),
        }
    }
}

impl std::str::FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Wanted, String> {
        match text {
            "" => Ok(Wanted::TheOnly),
            name => name.parse().map(Wanted::Named),
        }
    }
}

/// What `lastack connect` is told.
#[derive(Args, Debug)]
#[command(
    after_help = "Without --stack the command brings up a stack of its own on a TUN device, which needs root. That \
    stack reaches this host; what lies beyond it, only where the host forwards and translates its packets."
)]
pub(crate) struct ConnectOptions {
    /// A name or an address.
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
    /// A port.
    #[arg(value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,
    /// Use a socket of a running stack: the one with this name, without a name the only one.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub(crate) stack: Option<Wanted>,
    /// Address of the own stack, with its network. As for `lastack serve`.
    #[arg(long, value_name = "ADDRESS/PREFIX", conflicts_with = "stack")]
    pub(crate) address: Vec<Cidr>,
}

/// What `lastack selftest` is told.
#[derive(Args, Debug)]
pub(crate) struct SelftestOptions {
    /// Which segments are lost: the same seed loses the same ones.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many octets go each way.
    #[arg(long, value_name = "OCTETS", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) octets: u64,
    /// Segments that are lost, of a hundred.
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=30))]
    pub(crate) loss: u8,
}
