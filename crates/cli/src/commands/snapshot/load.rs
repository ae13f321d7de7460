//! Looks from a file. Whatever is in it, nothing panics and memory is bounded by the file's own bound.

use anyhow::{Context, Result, bail};
use lastack::observe::Snapshot;
use lastack::observe::snapshot::Target;
use lastack_host::snapshot::from_text;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A snapshot with the most sockets fits.
const OCTETS_MAX: u64 = 1 << 30;
/// Looks of one file.
const LOOKS_MAX: usize = 1000;

/// Every look of a file, at least one; `-` is stdin.
pub(in crate::commands) fn load(path: &Path) -> Result<Vec<Snapshot>> {
    let octets = if path.as_os_str() == "-" {
        bounded(io::stdin().lock())
    } else {
        File::open(path).and_then(bounded)
    };
    let octets = octets.with_context(|| format!("reading {}", path.display()))?;
    parse(&octets).with_context(|| {
        format!(
            "{} is neither a snapshot of lastack nor an output of ss, of netstat or of `netstat | awk`",
            path.display()
        )
    })
}

/// The newest look of a file.
pub(in crate::commands) fn last(path: &Path) -> Result<Snapshot> {
    let looks = load(path)?;
    looks.into_iter().max_by_key(|look| look.taken_ms).context("a file has at least one look")
}

fn bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    from.take(OCTETS_MAX + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > OCTETS_MAX {
        return Err(io::Error::other(format!("it has more than {OCTETS_MAX} octets")));
    }
    Ok(octets)
}

/// One JSON object after the other; or what somebody pasted.
pub(super) fn parse(octets: &[u8]) -> Result<Vec<Snapshot>> {
    if !octets.trim_ascii_start().starts_with(b"{")
        && let Some(look) = from_text(&String::from_utf8_lossy(octets))
    {
        return Ok(vec![plain(look)]);
    }
    let mut looks = Vec::new();
    for look in serde_json::Deserializer::from_slice(octets).into_iter::<Snapshot>() {
        looks.push(plain(look?));
        if looks.len() > LOOKS_MAX {
            bail!("it has more than {LOOKS_MAX} looks");
        }
    }
    if looks.is_empty() {
        bail!("it is empty: `lastack snapshot > FILE` writes one");
    }
    Ok(looks)
}

/// Names that somebody else chose, safe to print: no control characters, and not endless.
fn plain(mut look: Snapshot) -> Snapshot {
    let hosts = look.rows.iter_mut().filter_map(|row| row.host.as_deref_mut());
    for host in hosts {
        host.holders.iter_mut().for_each(|holder| tame(&mut holder.name));
        host.congestion.iter_mut().for_each(tame);
    }
    let holders = look.listeners.iter_mut().flat_map(|listener| &mut listener.holders);
    holders.for_each(|holder| tame(&mut holder.name));
    look.processes.iter_mut().for_each(|process| tame(&mut process.name));
    look.sysctls.values_mut().for_each(tame);
    look.unread.iter_mut().for_each(|unread| tame(&mut unread.why));
    for line in &mut look.sysctl_lines {
        [&mut line.path, &mut line.name, &mut line.value].into_iter().for_each(tame);
    }
    match &mut look.target {
        Target::Kernel { release, namespace } => {
            tame(release);
            namespace.iter_mut().for_each(tame);
        }
        Target::Stack { name, device } => [name, device].into_iter().for_each(tame),
    }
    look
}

fn tame(text: &mut String) {
    const MAX: usize = 1024;
    if text.len() > MAX || text.chars().any(char::is_control) {
        *text = text.chars().take(MAX).map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    }
}
