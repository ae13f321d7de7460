//! Plays a script of the public packetdrill tool through the C interface, by the tool's own rules.
//!
//! What the tool does not look at is not looked at here: TSvals (but with `--tcp_ts_tick_usecs`), packets of other flows, what
//! comes after the last step. Shell commands are never executed: those that set sysctls set the library's knobs.

mod call;
mod code;
mod compare;
mod flows;
mod kernel;
mod knobs;
pub(crate) mod raw;
mod run;
mod symbols;
mod values;

use lastack_sim::script::ast::{IpVersion, Settings};
use std::net::IpAddr;
use std::path::Path;

/// What a script is run with besides its own text.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Kind of sockets and packets.
    pub(crate) version: IpVersion,
    /// `-D NAME=value`, over those that the version brings.
    pub(crate) defines: Vec<(String, String)>,
    /// More words for `so_flags`.
    pub(crate) flags: String,
    /// Linux is played against, and not lastack.
    pub(crate) kernel: bool,
    /// Microseconds by which all may come later or earlier than the script allows.
    pub(crate) slack_usecs: i64,
}

/// Why a script did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Line of the script; zero: of none.
    pub(crate) line: usize,
    pub(crate) why: String,
}

/// Addresses and ports of one run.
#[derive(Clone, Debug)]
struct Place {
    version: IpVersion,
    local: IpAddr,
    remote: IpAddr,
    bind_port: u16,
    connect_port: u16,
    mtu: u16,
}

/// The versions that the tool's own runner takes for a script of this name.
pub(crate) fn versions(name: &str) -> Vec<IpVersion> {
    let (v4, v6) = (name.ends_with("v4.pkt"), name.ends_with("v6.pkt"));
    let mut all = Vec::new();
    if !v6 {
        all.extend([IpVersion::V4, IpVersion::Mapped]);
    }
    if !v4 {
        all.push(IpVersion::V6);
    }
    all
}

/// What an IP version is called on the tool's command line.
pub(crate) fn version_name(version: IpVersion) -> &'static str {
    match version {
        IpVersion::V4 => "ipv4",
        IpVersion::Mapped => "ipv4-mapped-ipv6",
        IpVersion::V6 => "ipv6",
    }
}

/// Words that the tool's own runner defines, with the Fast Open cookies for its key and these addresses.
fn defines(version: IpVersion) -> [(&'static str, &'static str); 4] {
    let v4 = version == IpVersion::V4;
    let v6 = version == IpVersion::V6;
    [
        ("CMSG_LEVEL_IP", if v4 { "SOL_IP" } else { "SOL_IPV6" }),
        ("CMSG_TYPE_RECVERR", if v4 { "IP_RECVERR" } else { "IPV6_RECVERR" }),
        ("TFO_COOKIE", if v6 { "c1d1e9742a47a9bc" } else { "3021b9d889017eeb" }),
        ("TFO_COOKIE_ZERO", if v6 { "82af1a8f9a205c34" } else { "b7c12350a90dc8f5" }),
    ]
}

impl Place {
    fn new(version: IpVersion, settings: &Settings) -> Result<Place, String> {
        let v6 = version == IpVersion::V6;
        let default =
            if v6 { ["fd3d:a0b:17d6::1", "fd3d:fa7b:d17d::1"] } else { ["192.168.0.1", "192.0.2.1"] };
        let address = |said: &Option<String>, default: &str| -> Result<IpAddr, String> {
            let text = said.as_deref().unwrap_or(default);
            let text = text.split_once('/').map_or(text, |(address, _)| address);
            let address: IpAddr = text.parse().map_err(|_| format!("`{text}` is no address"))?;
            // A script that names addresses of one family is run with the other, too.
            Ok(if address.is_ipv6() == v6 { address } else { default.parse().map_err(|_| "no address")? })
        };
        Ok(Place {
            version,
            local: address(&settings.local_ip, default[0])?,
            remote: address(&settings.remote_ip, default[1])?,
            bind_port: settings.bind_port.unwrap_or(8080),
            connect_port: settings.connect_port.unwrap_or(8080),
            // The tool's runners keep the MSS at 1460.
            mtu: settings.mtu.unwrap_or(if v6 { 1520 } else { 1500 }),
        })
    }
}

impl Place {
    /// The library's flags for a run here.
    fn flags(&self, knobs: &Path, more: &str) -> String {
        let prefix = if self.version == IpVersion::V6 { 64 } else { 16 };
        format!("sysctl={},mtu={},local={}/{prefix},{more}", knobs.display(), self.mtu, self.local)
    }
}

/// Plays a script once.
pub(crate) fn play(path: &Path, setup: &Setup) -> Result<(), Failure> {
    let failed = |line: usize, why: String| Failure { line, why };
    let name = path.display().to_string();
    let text = std::fs::read(path).map_err(|error| failed(0, format!("it cannot be read: {error}")))?;
    let text = String::from_utf8_lossy(&text);
    let mut words: Vec<(&str, &str)> =
        setup.defines.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    words.extend(defines(setup.version));
    let script = lastack_sim::script::parse_with(&name, &text, &words).map_err(|error| {
        failed(error.line, format!("it cannot be read: {}: {}", error.message, error.source))
    })?;
    let place = Place::new(setup.version, &script.settings).map_err(|why| failed(0, why))?;
    run::Player::play(&script, path, place, setup)
}
