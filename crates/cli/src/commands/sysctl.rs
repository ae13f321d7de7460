//! `lastack sysctl`: the knobs of a running stack, read and turned while it runs, as sysctl does it for the kernel.
//!
//! What knobs there are and what they take is in `lastack::stack::knobs`; a name that is refused is told on stderr and makes the
//! status 1, and the rest is done.

#[cfg(test)]
mod tests;

use crate::Verdict;
use crate::control::client::Client;
use crate::options::{SysctlOptions, Wanted};
use anyhow::{Context, Result, anyhow, bail};
use lastack::stack::knobs::conf::{self, Assignment};
use lastack::stack::knobs::{Knob, KnobError, table};
use std::io::{self, Read, Write};
use std::path::Path;

/// One thing to do.
#[derive(Debug, PartialEq, Eq)]
enum Task {
    /// Show a knob, or why there is none.
    Read(Result<&'static str, KnobError>),
    /// Turn a knob.
    Turn { place: String, name: String, value: String, may_fail: bool },
    /// Cannot be done; the line says where.
    Refuse { place: String, error: KnobError, may_fail: bool },
}

pub(crate) fn run(options: &SysctlOptions) -> Result<Verdict> {
    let Some(stack) = &options.stack else {
        bail!(
            "sysctl is for lastack's own stacks: use --stack; `lastack tune` and sysctl are for the kernel"
        );
    };
    let (wanted, first) = stack_or_knob(stack)?;
    let arguments: Vec<&str> = first.into_iter().chain(options.knobs.iter().map(String::as_str)).collect();
    let mut tasks = Vec::new();
    if options.all {
        tasks.extend(table::all().into_iter().map(|knob| Task::Read(Ok(knob.name))));
    }
    if let Some(path) = &options.load {
        let text = read(path).with_context(|| format!("reading {}", path.display()))?;
        tasks.extend(conf::assignments(&text).map(|line| task_of_line(path, line)));
    }
    for argument in arguments {
        tasks.push(task(argument, options.write));
    }
    if tasks.is_empty() && options.load.is_none() {
        bail!("nothing to do: name a knob, or use -a, -w or -p (see lastack sysctl --help)");
    }
    let mut client = Client::open(wanted.name())?;
    let about = client.about()?;
    eprintln!("stack {} on {}", about.name, about.device);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let verdict = perform(&mut client, tasks, options.values, &mut out)?;
    out.flush()?;
    Ok(verdict)
}

/// `--stack net.ipv4.tcp_sack` is a knob of the only stack.
fn stack_or_knob(text: &str) -> Result<(Wanted, Option<&str>)> {
    if text.starts_with("net.") || text.contains(['/', '=']) {
        return Ok((Wanted::TheOnly, Some(text)));
    }
    Ok((text.parse().map_err(|why: String| anyhow!(why))?, None))
}

fn read(path: &Path) -> io::Result<String> {
    if path.as_os_str() != "-" {
        return std::fs::read_to_string(path);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

fn task_of_line(path: &Path, line: Assignment<'_>) -> Task {
    let Assignment { number, name, value, may_fail } = line;
    let place = format!("{}:{number}: ", path.display());
    match value {
        Some(value) => Task::Turn { place, name: name.to_owned(), value: value.to_owned(), may_fail },
        None => Task::Refuse { place, error: KnobError::NoAssignment, may_fail },
    }
}

fn task(argument: &str, write: bool) -> Task {
    let place = String::new();
    match argument.split_once('=') {
        Some((name, value)) => {
            let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
            Task::Turn { place, name, value, may_fail: false }
        }
        None if write => {
            Task::Refuse { place: format!("{argument}: "), error: KnobError::NoAssignment, may_fail: false }
        }
        None => Task::Read(table::find(argument).map(|knob: &Knob| knob.name)),
    }
}

fn perform(client: &mut Client, tasks: Vec<Task>, values: bool, out: &mut dyn Write) -> Result<Verdict> {
    let mut verdict = Verdict::Fine;
    let knobs = client.knobs()?;
    for task in tasks {
        let (done, may_fail) = match task {
            Task::Read(Ok(name)) => {
                let value = knobs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
                let missing = || format!("{name}: this stack is of another version and does not have it");
                (value.map(|value| (name.to_owned(), value)).ok_or_else(missing), false)
            }
            Task::Read(Err(error)) => (Err(error.to_string()), false),
            Task::Turn { place, name, value, may_fail } => {
                (client.turn_knob(&name, &value)?.map_err(|why| place + &why), may_fail)
            }
            Task::Refuse { place, error, may_fail } => (Err(format!("{place}{error}")), may_fail),
        };
        match done {
            Ok((_, value)) if values => writeln!(out, "{value}")?,
            Ok((name, value)) => writeln!(out, "{name} = {value}")?,
            Err(why) => {
                eprintln!("lastack: {why}");
                verdict = if may_fail { verdict } else { Verdict::Found };
            }
        }
    }
    Ok(verdict)
}
