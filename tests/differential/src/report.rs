//! A run of many sequences: batches, second and third looks at what differs, what is known, what is left.

use crate::compare::{Difference, Field, compare};
use crate::kernel::{self, Kernel};
use crate::known::{self, Known};
use crate::sequence::{Profile, Sequence, generate};
use crate::trace::Trace;
use crate::{engine, minimise, script};
use anyhow::Result;
use std::collections::BTreeMap;
use std::time::Duration;

/// Sequences side by side.
const BATCH: u64 = 500;
/// How long a sequence is left alone at its end: delayed acknowledgments and first retransmissions show.
const TAIL: Duration = Duration::from_millis(320);
/// Looks before a difference counts. The stack answers the same each time; what the kernel does hangs on its clock, its ticks
/// and a busy machine as well. What it was seen to do in one of so many looks is Linux's behaviour, too.
const LOOKS: usize = 10;
/// Runs until one is taken although the machine was busy between its steps.
const ATTEMPTS: usize = 10;
/// Sequences that a search for a smaller one may try.
const TRIES: usize = 120;
/// Of each kind, so many are made small and told.
const TOLD_MAX: usize = 1;

/// What is played.
#[derive(Clone, Copy, Debug)]
pub struct Played {
    /// The seed.
    pub seed: u64,
    /// The number of the first sequence.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// The kinds that explain something: [`known::ALL`], or none when every difference is to be seen.
    pub kinds: &'static [Known],
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    kinds: &'static [Known],
    /// Sequences that were played.
    pub sequences: u64,
    /// Sequences that differ in a way that nobody explains, as scripts.
    pub unexplained: Vec<String>,
    /// How many sequences differ so.
    pub unexplained_count: u64,
    /// Their numbers.
    pub strange: Vec<u64>,
    /// Sequences that show a known difference, by its name.
    pub explained: BTreeMap<&'static str, u64>,
    /// Sequences with a known difference and no other.
    pub explained_count: u64,
    /// Sequences that differed once and did not when played again.
    pub passing: u64,
    /// Every explained difference: the name of its kind, the sequence, the difference.
    pub each: Vec<String>,
}

impl Report {
    /// The closing line.
    pub fn line(&self) -> String {
        format!(
            "{} sequences, {} unexplained differences, {} explained ({} kinds)",
            self.sequences,
            self.unexplained_count,
            self.explained_count,
            self.explained.len()
        )
    }
}

/// Plays the sequences.
///
/// # Errors
/// The kernel's side cannot go on.
pub fn run(kernel: &mut Kernel, played: &Played, progress: &mut dyn FnMut(&Report)) -> Result<Report> {
    let &Played { seed, first, count, kinds } = played;
    let mut report = Report { kinds, ..Report::default() };
    let mut told: Vec<Difference> = Vec::new();
    let mut at = first;
    while at < first + count {
        let size = BATCH.min(first + count - at);
        let sequences: Vec<Sequence> = (at..at + size).map(|index| generate::sequence(seed, index)).collect();
        for profile in Profile::ALL {
            let group: Vec<&Sequence> =
                sequences.iter().filter(|sequence| sequence.setup.profile == profile).collect();
            if !group.is_empty() {
                play_group(kernel, &group, &mut report, &mut told)?;
            }
        }
        at += size;
        progress(&report);
    }
    Ok(report)
}

/// A sequence with what differed.
type Differing<'s> = (&'s Sequence, Vec<Difference>);

fn play_group(
    kernel: &mut Kernel,
    group: &[&Sequence],
    report: &mut Report,
    told: &mut Vec<Difference>,
) -> Result<()> {
    report.sequences += group.len() as u64;
    let mut differing: Vec<Differing<'_>> =
        look(kernel, group, TAIL)?.into_iter().map(|(sequence, found, _)| (sequence, found)).collect();
    for _ in 1..LOOKS {
        let unclear: Vec<&Sequence> = differing
            .iter()
            .filter(|(sequence, found)| {
                found.iter().any(|one| known::explains(report.kinds, one, found, sequence).is_none())
            })
            .map(|(sequence, _)| *sequence)
            .collect();
        if unclear.is_empty() {
            break;
        }
        let again = look(kernel, &unclear, TAIL)?;
        for (sequence, found) in &mut differing {
            if !unclear.contains(sequence) {
                continue;
            }
            let other =
                again.iter().find(|(again, ..)| again == sequence).map(|(_, found, _)| found.as_slice());
            found.retain(|one| {
                other.unwrap_or_default().iter().any(|two| two.step == one.step && one.is_like(two))
            });
            report.passing += u64::from(found.is_empty());
        }
        differing.retain(|(_, found)| !found.is_empty());
    }
    for (sequence, found) in differing {
        judge(kernel, sequence, &found, report, told)?;
    }
    Ok(())
}

/// Plays on both sides; what differs.
fn look<'s>(
    kernel: &mut Kernel,
    group: &[&'s Sequence],
    tail: Duration,
) -> Result<Vec<(&'s Sequence, Vec<Difference>, Trace)>> {
    let Some(first) = group.first() else { return Ok(vec![]) };
    kernel.set_profile(first.setup.profile)?;
    let mut differing = Vec::new();
    let mut left = group.to_vec();
    for attempt in 1.. {
        let runs = kernel::play(kernel, &left, tail)?;
        let mut disturbed = Vec::new();
        for (sequence, (ends, mut theirs)) in left.iter().zip(runs) {
            theirs.timeless = theirs.was_disturbed(&sequence.all_steps());
            if attempt < ATTEMPTS && theirs.timeless {
                disturbed.push(*sequence);
                continue;
            }
            let ours = engine::play(sequence, kernel.place(), ends, &theirs);
            let found = compare(sequence, &theirs, &ours);
            if !found.is_empty() {
                differing.push((*sequence, found, theirs));
            }
        }
        if disturbed.is_empty() {
            break;
        }
        left = disturbed;
    }
    Ok(differing)
}

fn judge(
    kernel: &mut Kernel,
    sequence: &Sequence,
    found: &[Difference],
    report: &mut Report,
    told: &mut Vec<Difference>,
) -> Result<()> {
    let mut names: Vec<&'static str> = Vec::new();
    let mut strange: Vec<&Difference> = Vec::new();
    for difference in found {
        match known::explains(report.kinds, difference, found, sequence) {
            Some(Known { name, .. }) => {
                names.push(name);
                report.each.push(format!("{name} | {sequence} | {:?} | {difference}", sequence.setup));
            }
            None => strange.push(difference),
        }
    }
    names.sort_unstable();
    names.dedup();
    for name in &names {
        *report.explained.entry(name).or_default() += 1;
    }
    let Some(first) = strange.first() else {
        report.explained_count += 1;
        return Ok(());
    };
    report.unexplained_count += 1;
    report.strange.push(sequence.name.1);
    if told.iter().filter(|one| one.is_like(first)).count() < TOLD_MAX {
        told.push((*first).clone());
        report.unexplained.push(smallest(kernel, sequence, first)?);
    }
    Ok(())
}

/// The smallest sequence that shows this difference, as a script.
fn smallest(kernel: &mut Kernel, sequence: &Sequence, difference: &Difference) -> Result<String> {
    let tail = if matches!(difference.field, Field::Later | Field::LaterTime | Field::End) {
        TAIL
    } else {
        Duration::ZERO
    };
    let tries = if tail.is_zero() { TRIES } else { TRIES / 4 };
    let mut last = None;
    let small = minimise::minimise(sequence, tries, |candidate| {
        let shown = look(kernel, &[candidate], tail)?.into_iter().next();
        let same = shown.filter(|(_, found, _)| found.iter().any(|one| one.is_like(difference)));
        let still = same.is_some();
        if let Some((_, found, trace)) = same {
            last = Some((found, trace));
        }
        Ok(still)
    })?;
    if last.is_none() {
        last = look(kernel, &[&small], tail)?.into_iter().next().map(|(_, found, trace)| (found, trace));
    }
    Ok(match last {
        Some((found, trace)) => {
            let all: String = found.iter().map(|one| format!("// {one}\n")).collect();
            format!("{all}{}", script::script(&small, &trace, &found))
        }
        None => format!("// {difference}\n// {sequence}\n"),
    })
}
