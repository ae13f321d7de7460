//! The census in parts, on as many cores as there are: nearly all of its time is the kernel's, which copies every socket.
//!
//! Each part is a question of its own, and the kernel walks its whole table for each: few parts, of about the same size.

use super::Listeners;
use crate::{Brief, Diag, Dumped, Error, StateSet};
use lastack_observe::{Census, State};
use std::num::NonZero;
use std::sync::Mutex;
use std::thread;

/// Questions that together match every flow once. The kernel looks at every socket for each, so there are no more than two:
/// nearly all sockets are established, and the others cost less each.
fn parts(cores: usize) -> Vec<StateSet> {
    let flows = StateSet::ALL.without(State::Listen);
    let established = StateSet::of(&[State::Established]);
    if cores > 1 { vec![established, flows.minus(established)] } else { vec![flows] }
}

/// What one thread counted: by listener, in their order.
struct Tally {
    listeners: Vec<Census>,
    others: Census,
}

impl Tally {
    fn add(&mut self, listeners: &Listeners, brief: &Brief) {
        let census = match listeners.of(brief.local) {
            Some(index) => &mut self.listeners[index],
            None => &mut self.others,
        };
        census.enter(brief.state);
        census.orphans += u32::from(brief.orphan());
    }
}

/// Adds every flow of the thread's namespace.
pub(super) fn census(mut listeners: Listeners) -> Result<(Listeners, Dumped), Error> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let queue = Mutex::new(parts(cores));
    queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).reverse();
    let next = || queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop();
    let work = || -> Result<(Tally, Dumped), Error> {
        let mut tally =
            Tally { listeners: vec![Census::default(); listeners.all.len()], others: Census::default() };
        let (mut diag, mut dumped) = (Diag::open()?, Dumped::default());
        while let Some(states) = next() {
            dumped.add(diag.dump_both_briefly(states, &mut |brief| tally.add(&listeners, brief))?);
        }
        Ok((tally, dumped))
    };
    let results: Vec<Result<(Tally, Dumped), Error>> = thread::scope(|scope| {
        // A thread is in the namespace of the one that made it.
        let others: Vec<_> = (1..cores.min(2)).map(|_| scope.spawn(work)).collect();
        let mine = work();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        std::iter::once(mine).chain(others.into_iter().map(join)).collect()
    });
    let mut all = Dumped::default();
    for result in results {
        let (tally, dumped) = result?;
        all.add(dumped);
        listeners.others.join(&tally.others);
        for (listener, census) in listeners.all.iter_mut().zip(&tally.listeners) {
            listener.flows.join(census);
        }
    }
    Ok((listeners, all))
}
