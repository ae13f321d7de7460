//! State changes of a namespace's sockets: from the tracepoint where it may be had, else by comparing two looks at the sockets.
//!
//! A sampled change may stand for several that happened between two looks, and a connection that came and went is not seen.

mod ages;
#[cfg(test)]
mod tests;

pub use ages::Ages;

use crate::trace::{Change, Missed, Tracepoint, Unavailable};
use crate::{Diag, Error, Family, Query, StateSet};
use lastack_observe::{Flow, State};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Sockets that are compared; what lies beyond is not seen to change.
const SOCKETS: usize = 1 << 20;
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Now, on the clock of [`Change::at`].
pub fn now() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let nanos = u32::try_from(now.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(now.tv_sec).unwrap_or_default(), nanos)
}

/// Where the changes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The kernel tells of each as it happens.
    Tracepoint,
    /// Two looks are compared, since the tracepoint may not be had.
    Sampling(Unavailable),
}

/// The changes of the namespace that the thread was in.
#[derive(Debug)]
pub struct Changes {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Tracepoint(Box<Tracepoint>),
    Sampling(Sampler, Unavailable),
}

impl Changes {
    /// Turns the tracepoint on, or takes a first look.
    ///
    /// # Errors
    /// When the kernel's sockets cannot be looked at.
    pub fn open() -> Result<Changes, Error> {
        let kind = match Tracepoint::open(Diag::open()?) {
            Ok(tracepoint) => Kind::Tracepoint(Box::new(tracepoint)),
            Err(why) => Kind::Sampling(Sampler::new(Diag::open()?)?, why),
        };
        Ok(Changes { kind })
    }

    /// By comparing, whatever may be had.
    ///
    /// # Errors
    /// When the kernel's sockets cannot be looked at.
    pub fn sampled(why: Unavailable) -> Result<Changes, Error> {
        Ok(Changes { kind: Kind::Sampling(Sampler::new(Diag::open()?)?, why) })
    }

    /// Where they come from.
    pub fn source(&self) -> Source {
        match &self.kind {
            Kind::Tracepoint(_) => Source::Tracepoint,
            Kind::Sampling(_, why) => Source::Sampling(*why),
        }
    }

    /// Hands what changed since the last call to `each`. Worth calling some times a second.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    pub fn drain(&mut self, each: &mut dyn FnMut(&Change)) -> Result<(), Error> {
        match &mut self.kind {
            // Whatever comes meanwhile is for the next call.
            Kind::Tracepoint(tracepoint) => tracepoint.drain(each).map(drop),
            Kind::Sampling(sampler, _) if sampler.looked.elapsed() >= PAUSE => sampler.look(each),
            Kind::Sampling(..) => Ok(()),
        }
    }

    /// What the tracepoint could not tell so far; nothing of the kind is known of sampling.
    pub fn missed(&self) -> Option<Missed> {
        match &self.kind {
            Kind::Tracepoint(tracepoint) => Some(tracepoint.missed()),
            Kind::Sampling(..) => None,
        }
    }
}

/// Compares looks.
#[derive(Debug)]
struct Sampler {
    diag: Diag,
    looked: Instant,
    before: HashMap<Flow, State>,
}

impl Sampler {
    fn new(diag: Diag) -> Result<Sampler, Error> {
        let mut sampler = Sampler { diag, looked: Instant::now(), before: HashMap::new() };
        sampler.look(&mut |_| {})?;
        Ok(sampler)
    }

    fn look(&mut self, each: &mut dyn FnMut(&Change)) -> Result<(), Error> {
        let mut now = HashMap::with_capacity(self.before.len());
        for family in Family::ALL {
            self.diag.dump(&Query::new(family, StateSet::ALL), &mut |view| {
                if now.len() < SOCKETS {
                    now.insert(view.flow(), view.state());
                }
            })?;
        }
        self.looked = Instant::now();
        compare(&self.before, &now, self::now(), each);
        self.before = now;
        Ok(())
    }
}

/// A socket that is new comes from CLOSED, one that is gone went there.
fn compare(
    before: &HashMap<Flow, State>,
    now: &HashMap<Flow, State>,
    at: Duration,
    each: &mut dyn FnMut(&Change),
) {
    let mut changes: Vec<Change> = Vec::new();
    let mut add = |flow: &Flow, from, to| {
        if from != to {
            changes.push(Change { at, socket: 0, flow: *flow, from, to });
        }
    };
    for (flow, state) in now {
        add(flow, before.get(flow).copied().unwrap_or(State::Closed), *state);
    }
    for (flow, state) in before.iter().filter(|(flow, _)| !now.contains_key(flow)) {
        add(flow, *state, State::Closed);
    }
    changes.sort_by_key(|change| (change.flow.local, change.flow.remote));
    changes.iter().for_each(each);
}
