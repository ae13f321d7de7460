//! A segment in the script's own words, for messages that set what was expected beside what was seen.

use super::ast::{Opt, Segment};
use lastack_wire::tcp::Flags;
use std::fmt;

const LETTERS: [(Flags, char); 8] = [
    (Flags::SYN, 'S'),
    (Flags::FIN, 'F'),
    (Flags::RST, 'R'),
    (Flags::PSH, 'P'),
    (Flags::URG, 'U'),
    (Flags::ECE, 'E'),
    (Flags::CWR, 'W'),
    (Flags::ACK, '.'),
];

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters: String =
            LETTERS.iter().filter(|(flag, _)| self.flags.contains(*flag)).map(|(_, letter)| letter).collect();
        f.write_str(if letters.is_empty() { "-" } else { &letters })?;
        write!(f, " {}:{}({})", self.start, self.start.wrapping_add(self.len), self.len)?;
        if let Some(ack) = self.ack {
            write!(f, " ack {ack}")?;
        }
        if let Some(window) = self.window {
            write!(f, " win {window}")?;
        }
        if let Some(urgent) = self.urgent {
            write!(f, " urg {urgent}")?;
        }
        match self.options.as_deref() {
            None => f.write_str(" <...>"),
            Some([]) => Ok(()),
            Some(options) => {
                for (index, option) in options.iter().enumerate() {
                    write!(f, "{}{option}", if index == 0 { " <" } else { "," })?;
                }
                f.write_str(">")
            }
        }
    }
}

impl fmt::Display for Opt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Opt::Eol => f.write_str("eol"),
            Opt::Nop => f.write_str("nop"),
            Opt::Mss(mss) => write!(f, "mss {mss}"),
            Opt::WindowScale(scale) => write!(f, "wscale {scale}"),
            Opt::SackOk => f.write_str("sackOK"),
            Opt::Sack(blocks) => {
                f.write_str("sack")?;
                blocks.iter().try_for_each(|(left, right)| write!(f, " {left}:{right}"))
            }
            Opt::Timestamps(value, echo) => write!(f, "TS val {value} ecr {echo}"),
            Opt::AccEcn(order, counters) => {
                let names = if *order { ["e1b", "ceb", "e0b"] } else { ["e0b", "ceb", "e1b"] };
                f.write_str("ECN")?;
                names.iter().zip(counters).try_for_each(|(name, counter)| write!(f, " {name} {counter}"))
            }
            Opt::Md5(digest) => write_cookie(f, "md5", digest),
            Opt::FastOpen(cookie) => write_cookie(f, "FO", cookie),
            Opt::FastOpenExperiment(cookie) => write_cookie(f, "FOEXP", cookie),
            Opt::Unknown(kind) => write!(f, "option {kind}"),
        }
    }
}

fn write_cookie(f: &mut fmt::Formatter<'_>, word: &str, cookie: &[u8]) -> fmt::Result {
    f.write_str(word)?;
    for (place, octet) in cookie.iter().enumerate() {
        write!(f, "{}{octet:02x}", if place == 0 { " " } else { "" })?;
    }
    Ok(())
}
