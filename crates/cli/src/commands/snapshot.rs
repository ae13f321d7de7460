//! `lastack snapshot`: everything that can be seen of a target, written down; and how other commands take looks or read them.

mod files;
mod load;
mod stack;
#[cfg(test)]
mod tests;

pub(super) use load::{last, load};

use crate::Verdict;
use crate::control::client::Client;
use crate::options::{LookOptions, SnapshotOptions};
use anyhow::{Context, Result};
use lastack::observe::Snapshot;
use lastack::observe::snapshot::Target;
use lastack_host::namespace::Place;
use lastack_host::snapshot::{self as kernel, Machine};
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

/// Looks over a time.
const LOOKS: u32 = 5;
/// With more sockets than this in the first look there are fewer: each takes memory.
const MANY: usize = 50_000;
const FEW_LOOKS: u32 = 3;

pub(crate) fn run(options: &SnapshotOptions) -> Result<Verdict> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut write = |snapshot: Snapshot| -> Result<()> {
        serde_json::to_writer(&mut out, &snapshot).map_err(io::Error::from)?;
        writeln!(out)?;
        Ok(out.flush()?)
    };
    let mut target = Looker::open(&options.look)?;
    match options.time {
        None => write(target.look(true)?)?,
        Some(time) => target.series(time, &mut write)?,
    }
    Ok(Verdict::Fine)
}

/// What looks are taken at.
pub(super) enum Looker<'o> {
    /// The kernel, in this or another namespace.
    Kernel(Option<&'o Place>),
    /// A running stack.
    Stack(Client),
}

impl<'o> Looker<'o> {
    /// Names the target on stderr.
    pub(super) fn open(options: &'o LookOptions) -> Result<Looker<'o>> {
        if let Some(wanted) = &options.stack {
            let mut client = Client::open(wanted.name())?;
            let about = client.about()?;
            eprintln!("stack {} on {}", about.name, about.device);
            return Ok(Looker::Stack(client));
        }
        match &options.place.net {
            Some(place) => eprintln!("kernel, network namespace {place}"),
            None => eprintln!("kernel, this network namespace"),
        }
        Ok(Looker::Kernel(options.place.net.as_ref()))
    }

    /// Looks once. Who holds the sockets is looked up only when asked for.
    fn look(&mut self, owners: bool) -> Result<Snapshot> {
        match self {
            Looker::Stack(client) => stack::take(client),
            Looker::Kernel(place) => {
                let machine = Machine::read();
                let named = place.map(Place::to_string);
                let take = || -> Result<Snapshot> {
                    let mut snapshot =
                        kernel::take(&machine, named, owners).context("looking at the kernel's sockets")?;
                    files::add(&mut snapshot);
                    Ok(snapshot)
                };
                match place {
                    Some(place) => place.within(take)?,
                    None => take(),
                }
            }
        }
    }

    /// Looks several times, evenly over the time; the first look at once, the last at its end.
    pub(super) fn series(
        &mut self,
        time: Duration,
        each: &mut dyn FnMut(Snapshot) -> Result<()>,
    ) -> Result<()> {
        let start = Instant::now();
        let first = self.look(true)?;
        let looks = if first.rows.len() > MANY { FEW_LOOKS } else { LOOKS };
        each(first)?;
        for number in 1..looks {
            let due = start + time * number / (looks - 1);
            if time >= Duration::from_secs(10) {
                eprintln!(
                    "look {number} of {looks} taken; the next in {:.0} s",
                    (time / (looks - 1)).as_secs_f64()
                );
            }
            thread::sleep(due.saturating_duration_since(Instant::now()));
            // Between the ends it is only asked which sockets are still there.
            each(self.look(number == looks - 1)?)?;
        }
        Ok(())
    }
}

/// What a snapshot is of, for stderr.
pub(super) fn describe(snapshot: &Snapshot) -> String {
    match &snapshot.target {
        Target::Kernel { release, namespace: None } if release.is_empty() => "a pasted text".to_owned(),
        Target::Kernel { release, namespace: None } => format!("kernel {release}, from a file"),
        Target::Kernel { release, namespace: Some(name) } => {
            format!("kernel {release}, network namespace {name}, from a file")
        }
        Target::Stack { name, device } => format!("stack {name} on {device}, from a file"),
    }
}
