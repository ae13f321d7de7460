//! `lastack doctor`: looks over a few seconds, or from a file, and says what is wrong. What is wrong is judged in
//! `lastack-doctor`; here is what the user sees of it.

mod diff;
mod report;
#[cfg(test)]
mod tests;

use super::snapshot::{self, Looker};
use crate::Verdict;
use crate::options::DoctorOptions;
use anyhow::{Result, anyhow, bail};
use lastack::observe::{Snapshot, State};
use lastack_doctor::{RULES, Report, Settings, Severity, Thresholds, document, examine, text};
use report::Told;
use std::io::{self, Write};

pub(crate) fn run(options: &DoctorOptions) -> Result<Verdict> {
    match examination(options) {
        Err(error) if options.nagios => {
            writeln!(io::stdout(), "LASTACK UNKNOWN - {error:#}")?;
            Ok(Verdict::Blind)
        }
        done => done,
    }
}

fn examination(options: &DoctorOptions) -> Result<Verdict> {
    if let [before, after] = options.diff.as_slice() {
        return diff::run(options, before, after);
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if options.rules || options.thresholds {
        out.write_all(if options.rules { document::rules() } else { document::thresholds() }.as_bytes())?;
        out.flush()?;
        return Ok(Verdict::Fine);
    }
    let settings = settings(options)?;
    let looks = looks(options)?;
    let report = examine(&looks, &settings);
    if options.json {
        serde_json::to_writer_pretty(&mut out, &Told::new(&looks, &report, options.fail_on))
            .map_err(io::Error::from)?;
        writeln!(out)?;
    } else if options.nagios {
        writeln!(out, "{}", text::nagios(&report, options.fail_on, &counts(&looks)))?;
    } else {
        out.write_all(text::full(&report).as_bytes())?;
        writeln!(out, "{}", report::summary(&looks, &report))?;
    }
    out.flush()?;
    Ok(verdict(&report, options.fail_on, options.nagios))
}

fn settings(options: &DoctorOptions) -> Result<Settings> {
    let mut thresholds = Thresholds::default();
    for set in &options.set {
        thresholds.set(set).map_err(|error| anyhow!("--set {set}: {error}"))?;
    }
    for id in &options.ignore {
        if !RULES.iter().any(|rule| rule.id == id) {
            bail!("--ignore {id}: there is no such rule: see --rules");
        }
    }
    Ok(Settings { thresholds, ignore: options.ignore.clone(), nat_hold: options.nat_hold })
}

fn looks(options: &DoctorOptions) -> Result<Vec<Snapshot>> {
    if let Some(path) = &options.from {
        let mut looks = snapshot::load(path)?;
        looks.sort_by_key(|look| look.taken_ms);
        if let Some(look) = looks.last() {
            eprintln!("{}", snapshot::describe(look));
        }
        return Ok(looks);
    }
    let mut looks = Vec::new();
    Looker::open(&options.look)?.series(options.time, &mut |mut look| {
        // Of a TIME_WAIT nothing more is known than its row says.
        let waiting = look.rows.iter_mut().filter(|row| row.state == State::TimeWait);
        waiting.for_each(|row| row.host = None);
        looks.push(look);
        Ok(())
    })?;
    Ok(looks)
}

/// How many are in each state, for Nagios' curves.
fn counts(looks: &[Snapshot]) -> Vec<(&'static str, u64)> {
    let Some(last) = looks.last() else { return Vec::new() };
    [
        ("established", State::Established),
        ("time_wait", State::TimeWait),
        ("close_wait", State::CloseWait),
        ("syn_recv", State::SynRecv),
    ]
    .map(|(name, state)| (name, u64::from(last.census.count(state))))
    .to_vec()
}

fn verdict(report: &Report, fail_on: Severity, nagios: bool) -> Verdict {
    match report.worst().filter(|worst| *worst >= fail_on) {
        Some(Severity::Critical) if nagios => Verdict::Critical,
        Some(_) => Verdict::Found,
        None if report.blind.is_empty() => Verdict::Fine,
        None => Verdict::Blind,
    }
}
