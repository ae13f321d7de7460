//! The files that set sysctls at boot: what they say, beside what runs.
//!
//! In the order of systemd-sysctl: by name, a folder of /etc before one of /run before one of /usr; /etc/sysctl.conf last, as
//! `sysctl --system` has it. Bounded: so many files, so many lines, so many octets each.

use lastack::observe::Snapshot;
use lastack::observe::snapshot::{SysctlLine, Unread, UnreadSource};
use lastack::stack::knobs::conf;
use lastack_host::sysctl;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const FOLDERS: &[&str] =
    &["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];
const LAST: &str = "/etc/sysctl.conf";
const FILES_MAX: usize = 256;
const OCTETS_MAX: u64 = 1 << 20;
const LINES_MAX: usize = 10_000;

/// Adds the lines about net and fs, and the running value of each name.
pub(super) fn add(snapshot: &mut Snapshot) {
    let (mut failed, mut why) = (0, String::new());
    for path in paths() {
        match read(&path) {
            Ok(text) => lines(&path, &text, &mut snapshot.sysctl_lines),
            Err(error) => {
                failed += 1;
                why = format!("{}: {error}", path.display());
            }
        }
    }
    if failed > 0 {
        snapshot.unread.push(Unread { source: UnreadSource::SysctlFiles, count: failed, why });
    }
    for line in snapshot.sysctl_lines.iter().filter(|line| line.known) {
        if !snapshot.sysctls.contains_key(&line.name)
            && let Ok(value) = sysctl::value(&line.name)
        {
            snapshot.sysctls.insert(line.name.clone(), value.trim().to_owned());
        }
    }
}

/// The files in the order in which they are applied, each once even when a link leads to it.
fn paths() -> Vec<PathBuf> {
    let mut by_name: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten().take(FILES_MAX) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".conf") {
                by_name.entry(name).or_insert_with(|| entry.path());
            }
        }
    }
    let all = by_name.into_values().chain([PathBuf::from(LAST)]);
    let mut seen = BTreeSet::new();
    all.filter(|path| fs::canonicalize(path).is_ok_and(|real| seen.insert(real))).take(FILES_MAX).collect()
}

fn read(path: &Path) -> io::Result<String> {
    let mut octets = Vec::new();
    File::open(path)?.take(OCTETS_MAX).read_to_end(&mut octets)?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

fn lines(path: &Path, text: &str, lines: &mut Vec<SysctlLine>) {
    for assignment in conf::assignments(text) {
        let name = dotted(assignment.name);
        let ours = name.starts_with("net.") || name.starts_with("fs.");
        let Some(value) = assignment.value.filter(|_| ours && lines.len() < LINES_MAX) else { continue };
        lines.push(SysctlLine {
            path: path.display().to_string(),
            number: u32::try_from(assignment.number).unwrap_or(u32::MAX),
            // A pattern stands for whatever matches.
            known: name.contains('*') || sysctl::exists(&name),
            name,
            value: value.chars().take(256).collect(),
        });
    }
}

/// sysctl takes `net/ipv4/tcp_sack` too; the first separator says which.
fn dotted(name: &str) -> String {
    match name.find(['.', '/']).map(|at| &name[at..=at]) {
        Some("/") => name.replace('.', "\u{0}").replace('/', ".").replace('\u{0}', "/"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_net_and_fs_are_taken_with_their_numbers() {
        let text =
            "# comment\nkernel.pid_max = 1\nnet.ipv4.tcp_tw_recycle = 1\n-net/ipv4/tcp_sack=0\nfs.file-max\n";
        let mut found = Vec::new();
        lines(Path::new("/x.conf"), text, &mut found);
        let told: Vec<String> = found
            .iter()
            .map(|line| format!("{}:{} {}={} {}", line.path, line.number, line.name, line.value, line.known))
            .collect();
        assert_eq!(told, ["/x.conf:3 net.ipv4.tcp_tw_recycle=1 false", "/x.conf:4 net.ipv4.tcp_sack=0 true"]);
    }
}
