//! Descriptors: "Too many open files" of a process or of the machine, told apart from ports that are used up.

use super::{Rule, Source, Targets};
use crate::case::{Case, host, percent};
use crate::{Culprit, Finding, Severity, Threshold};
use lastack_observe::State;
use lastack_observe::snapshot::ProcessFacts;
use std::collections::HashMap;

pub(super) const PROCESS: Rule = Rule {
    id: "LA-FD01",
    finds: "a process with sockets is near its limit of open files (EMFILE), and what they are",
    targets: Targets::Kernel,
    sources: &[Source::Processes],
    thresholds: &[Threshold::DescriptorsWarn, Threshold::DescriptorsCritical],
    judge: process,
};

pub(super) const MACHINE: Rule = Rule {
    id: "LA-FD02",
    finds: "the machine is near its limit of open files (ENFILE)",
    targets: Targets::Kernel,
    sources: &[Source::Sysctl(FILE_NR)],
    thresholds: &[Threshold::DescriptorsWarn, Threshold::DescriptorsCritical],
    judge: machine,
};

/// Open files, free ones, and the limit.
const FILE_NR: &str = "fs.file-nr";

/// None while there is room.
fn severity(case: &Case<'_>, used: f64) -> Option<Severity> {
    if used >= case.limit(Threshold::DescriptorsCritical) {
        Some(Severity::Critical)
    } else {
        (used >= case.limit(Threshold::DescriptorsWarn)).then_some(Severity::Warn)
    }
}

/// How many sockets a process holds.
#[derive(Clone, Copy, Default)]
struct Held {
    sockets: usize,
    established: usize,
    close_wait: usize,
}

fn held(case: &Case<'_>) -> HashMap<u32, Held> {
    let mut all: HashMap<u32, Held> = HashMap::new();
    for row in &case.last.rows {
        for holder in host(row).into_iter().flat_map(|host| &host.holders) {
            let held = all.entry(holder.pid).or_default();
            held.sockets += 1;
            held.established += usize::from(row.state == State::Established);
            held.close_wait += usize::from(row.state == State::CloseWait);
        }
    }
    all
}

fn process(case: &Case<'_>) -> Vec<Finding> {
    let held = held(case);
    let one = |process: &ProcessFacts| {
        let max = process.descriptors_max?;
        let used = percent(process.descriptors.into(), max as f64);
        let severity = severity(case, used)?;
        let held = held.get(&process.pid).copied().unwrap_or_default();
        Some(process_one(case, process, max, severity, held))
    };
    case.last.processes.iter().filter_map(one).collect()
}

fn process_one(case: &Case<'_>, process: &ProcessFacts, max: u64, severity: Severity, held: Held) -> Finding {
    let ProcessFacts { pid, name, descriptors, .. } = process;
    let Held { sockets, established, close_wait } = held;
    let what = format!(
        "{name}[{pid}] has {descriptors} of {max} descriptors open: accept(), connect() and open() will fail with EMFILE, \
         \"Too many open files\""
    );
    let finding = Finding::new(PROCESS.id, severity, what)
        .fact("descriptors", *descriptors, "")
        .fact("RLIMIT_NOFILE", max, "")
        .fact("TCP sockets", sockets, "")
        .fact("in ESTABLISHED", established, "")
        .fact("in CLOSE_WAIT", close_wait, "")
        .fact("TIME_WAITs of the namespace, which need none", case.last.census.count(State::TimeWait), "")
        .blame(Culprit::Process { pid: *pid, name: name.clone() });
    let finding = match close_wait * 2 >= sockets && close_wait > 0 {
        true => finding.because(
            "Most of its sockets are in CLOSE_WAIT: their peers have left and the program has not closed them. Each keeps a descriptor \
             until it does. Ports are not the problem.",
        ),
        false => finding.because(
            "Each open file and each socket that the program holds is one descriptor; the limit is per process. Ports are not the problem, \
             and TIME_WAITs hold no descriptor.",
        ),
    };
    finding
        .in_program(
            if close_wait > 0 {
                "close connections whose peer has closed (see LA-CW01, and `lastack ss -anp state close-wait`)"
            } else {
                "close what is idle, bound the number of connections, or share the work among more processes"
            },
            "none",
        )
        .in_system(
            "raise the limit for this service: LimitNOFILE= in its unit, or prlimit --nofile --pid for the process that runs",
            "a leak then takes longer to show; programs that use select() break above 1024",
        )
        .never("no TIME_WAIT setting gives a descriptor back")
}

fn machine(case: &Case<'_>) -> Vec<Finding> {
    let numbers = case.numbers(FILE_NR);
    let (Some(&open), Some(&max)) = (numbers.first(), numbers.get(2)) else { return Vec::new() };
    let Some(severity) = severity(case, percent(open as f64, max as f64)) else { return Vec::new() };
    let mut most: Vec<&ProcessFacts> = case.last.processes.iter().collect();
    most.sort_by_key(|process| std::cmp::Reverse(process.descriptors));
    let culprit = |process: &&ProcessFacts| Culprit::Process { pid: process.pid, name: process.name.clone() };
    let what = format!(
        "{open} of {max} files of the whole machine are open: every open() and accept() will fail with ENFILE"
    );
    let finding = Finding::new(MACHINE.id, severity, what)
        .fact("open files", open.max(0) as u64, "")
        .fact("fs.file-max", max.max(0) as u64, "")
        .blame(case.line_of("fs.file-max"))
        .blame_all(most.iter().take(3).map(culprit))
        .because("fs.file-max bounds the open files of all processes together.")
        .in_program("find who holds most of them: the processes named here hold TCP sockets; others may hold more files", "none")
        .in_system("raise fs.file-max", "each open file takes about 256 octets of kernel memory");
    vec![finding]
}
