//! One pass over the kernel's sockets: what the filter and the options let through, with its age.

use super::kill::Doomed;
use crate::filter::{Filter, States};
use crate::options::SsOptions;
use anyhow::{Context, Result};
use lastack::observe::{Flow, SocketRow, State};
use lastack_host::age::{FirstSeen, Lifetimes};
use lastack_host::{Diag, Dumped, Extensions, Family, Query, StateSet};
use std::io;
use std::time::Instant;

/// One pass over the kernel's sockets.
pub(super) struct Pass<'a> {
    pub(super) diag: Diag,
    pub(super) options: &'a SsOptions,
    pub(super) filter: &'a Filter,
    /// To tell the age.
    pub(super) lifetimes: Option<Lifetimes>,
    /// To tell it where the kernel does not, when somebody watches.
    pub(super) first_seen: Option<FirstSeen>,
    /// Those that passed, to be destroyed.
    pub(super) doomed: Option<Doomed>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(options: &'a SsOptions, filter: &'a Filter) -> Result<Pass<'a>> {
        let diag = Diag::open().context("looking at the kernel's sockets")?;
        Ok(Pass { diag, options, filter, lifetimes: None, first_seen: None, doomed: None })
    }

    /// Hands every socket that passes to `see`, in one row whose memory is used again.
    pub(super) fn each(&mut self, see: &mut dyn FnMut(&mut SocketRow) -> io::Result<()>) -> Result<Dumped> {
        let mut dumped = Dumped::default();
        let Pass { diag, options, filter, lifetimes, first_seen, doomed } = self;
        let (Some(ports), states) = (filter.ports(), states(options, filter)) else { return Ok(dumped) };
        let mut row = SocketRow::new(State::Closed, Flow::NONE);
        let (now, mut failed) = (Instant::now(), None);
        if let Some(first_seen) = first_seen {
            first_seen.begin_round();
        }
        for family in Family::ALL {
            if skipped(family, options) {
                continue;
            }
            let query = Query { family, states, ports, extensions: extensions(options) };
            dumped.add(diag.dump(&query, &mut |view| {
                if failed.is_some() {
                    return;
                }
                view.fill(&mut row);
                if !filter.passes(&row) {
                    return;
                }
                if let Some(lifetimes) = lifetimes {
                    lifetimes.apply(&mut row);
                }
                if let Some(first_seen) = first_seen {
                    first_seen.apply(&mut row, now);
                }
                if let Some(doomed) = doomed {
                    doomed.add(&row);
                }
                failed = see(&mut row).err();
            })?);
            if let Some(error) = failed.take() {
                return Err(error.into());
            }
        }
        Ok(dumped)
    }
}

/// Those the filter names, else those of -a and -l.
pub(super) fn states(options: &SsOptions, filter: &Filter) -> StateSet {
    let by_options = match (options.all, options.listening) {
        (true, _) => States::ALL,
        (false, true) => States::LISTENING,
        (false, false) => States::USUAL,
    };
    let named = filter.states(by_options);
    State::ALL.into_iter().filter(|state| named.contains(*state)).fold(StateSet::NONE, StateSet::with)
}

fn extensions(options: &SsOptions) -> Extensions {
    let all = options.json && options.kernel.by.is_none();
    Extensions {
        // The age of a CLOSE_WAIT is read from it, and the timeout that a sentence counts with.
        info: all || options.info || options.kernel.age || options.explain,
        congestion: all || options.info,
        memory: all || options.kernel.memory,
        shutdown: all || options.extended,
    }
}

/// Whether -4 or -6 leaves the family out.
pub(super) fn skipped(family: Family, options: &SsOptions) -> bool {
    match family {
        Family::V4 => options.ipv6,
        Family::V6 => options.ipv4,
    }
}
