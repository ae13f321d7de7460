//! The tool's own options at the top of a script: `--tolerance_usecs=10000`, `--mtu=1500`, `--define=CC="reno"`.

use super::ast::Script;
use super::lexer::{Token, tokens};
use super::parser::{Parsed, Parser};

/// Which addresses and sockets a script runs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpVersion {
    /// IPv4 sockets and packets.
    V4,
    /// IPv6 sockets with IPv4 packets.
    Mapped,
    /// IPv6 sockets and packets.
    V6,
}

/// Options other than the tolerance. `None`: not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `--ip_version=`.
    pub ip_version: Option<IpVersion>,
    /// `--tolerance_percent=`, in thousandths of a percent.
    pub tolerance_milli_percent: Option<i64>,
    /// `--mtu=`: octets of the largest IP packet.
    pub mtu: Option<u16>,
    /// `--bind_port=`.
    pub bind_port: Option<u16>,
    /// `--connect_port=`.
    pub connect_port: Option<u16>,
    /// `--local_ip=`.
    pub local_ip: Option<String>,
    /// `--remote_ip=`.
    pub remote_ip: Option<String>,
    /// `--tcp_ts_tick_usecs=`: TSvals are looked at, with ticks of this length.
    pub tick_usecs: Option<i64>,
    /// `--tcp_ts_ecr_scaled`: an echo may be of a TSval that the script does not show.
    pub echo_scaled: bool,
    /// `--strict_segments`: what the stack sends in several packets is not one.
    pub strict_segments: bool,
    /// `--non_fatal=packet`: a packet that differs ends nothing.
    pub packets_may_differ: bool,
}

impl<'a> Parser<'a> {
    /// One option.
    pub(super) fn option(&mut self, option: &'a str, script: &mut Script) -> Parsed<()> {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = value.trim();
        let settings = &mut script.settings;
        match name.trim() {
            "--tolerance_usecs" => script.tolerance_usecs = Some(self.of(value)?),
            "--tolerance_percent" => {
                let percent: f64 = self.of(value)?;
                settings.tolerance_milli_percent = Some((percent * 1000.0) as i64);
            }
            "--ip_version" => {
                script.ipv6 = value == "ipv6";
                settings.ip_version = Some(match value {
                    "ipv4" => IpVersion::V4,
                    "ipv4-mapped-ipv6" => IpVersion::Mapped,
                    "ipv6" => IpVersion::V6,
                    _ => return Err(self.error("an IP version is ipv4, ipv4-mapped-ipv6 or ipv6")),
                });
            }
            "--mtu" => settings.mtu = Some(self.of(value)?),
            "--bind_port" => settings.bind_port = Some(self.of(value)?),
            "--connect_port" => settings.connect_port = Some(self.of(value)?),
            "--local_ip" => settings.local_ip = Some(value.to_owned()),
            "--remote_ip" => settings.remote_ip = Some(value.to_owned()),
            "--tcp_ts_tick_usecs" => settings.tick_usecs = Some(self.of(value)?),
            "--tcp_ts_ecr_scaled" => settings.echo_scaled = true,
            "--strict_segments" => settings.strict_segments = true,
            "--non_fatal" => settings.packets_may_differ = value.contains("packet"),
            "--define" => self.define(value)?,
            // What the tool needs to find its own devices says nothing about TCP.
            "--gateway_ip" | "--netmask_ip" | "--mss" | "--speed" | "--init_scripts" | "--send_omit_free"
            | "--code_command" | "--code_format" | "--code_sockopt" | "--is_anyip" | "--verbose"
            | "--debug" => {}
            _ => return Err(self.error("this option of the tool is not known here")),
        }
        self.advance();
        Ok(())
    }

    fn of<T: std::str::FromStr>(&self, value: &str) -> Parsed<T> {
        value.parse().map_err(|_| self.error("this needs a number of another kind"))
    }

    /// `NAME=value`: the word NAME stands for the value from here on.
    fn define(&mut self, definition: &'a str) -> Parsed<()> {
        let Some((name, value)) = definition.split_once('=') else {
            return Err(self.error("a definition has the form NAME=value"));
        };
        self.replace(name, value);
        Ok(())
    }

    /// Puts the words of `value` in the place of each `name`.
    pub(super) fn replace(&mut self, name: &str, value: &'a str) {
        // Letters and digits are one word, whatever they begin with: a cookie, say.
        if !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return self.substitute(name, &[Token::Word(value)]);
        }
        match tokens(value) {
            Ok(found) => {
                self.substitute(name, &found.into_iter().map(|(token, _)| token).collect::<Vec<_>>())
            }
            // What is no word of the language is a text as it stands.
            Err(_) => self.substitute(name, &[Token::Text(value)]),
        }
    }
}
