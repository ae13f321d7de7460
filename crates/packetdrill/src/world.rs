//! One opened library: the lock, and how its callers sleep and let time pass.
//!
//! The virtual clock moves only in calls of threads that drive it (gettimeofday, usleep, netdev_receive, or a waiting call of
//! the thread that opened the library), and stands still while another thread is awake between a call and its next
//! gettimeofday: else the time that it reads would not be the time at which its call ended.

use crate::core::{Answer, Attempt, Core, Errno};
use crate::descriptors::Descriptor;
use crate::flags::Flags;
use lastack_stack::Instant;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

/// How long a thread may be awake before time goes on without it, in real time.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a thread may take from reading the clock to the tool's own lock, in real time.
const SETTLING: Duration = Duration::from_millis(2);
/// How often in a row a waiting call must find the tool absent to let time pass by itself, and how long it sleeps between, in
/// real time: together less than [`PATIENCE_OF_TOOL`]. A machine that stalls is one glance, however long.
const GLANCES: u32 = 12;
const GLANCE: Duration = Duration::from_millis(50);
/// How long the tool waits for a waiting call before the next one, and at its end.
const PATIENCE_OF_TOOL: Duration = Duration::from_secs(1);
/// How long netdev_receive() waits: longer than any timer of TCP on the virtual clock, two timeouts on the real one.
const RECEIVE_VIRTUAL: Duration = Duration::from_secs(24 * 3600);
const RECEIVE_REAL: Duration = Duration::from_secs(250);

pub(crate) struct World {
    core: Mutex<Core>,
    /// Attempts that waited have answers.
    answered: Condvar,
    /// Something else changed: a thread has read the clock, or with the real clock anything at all.
    changed: Condvar,
    /// The thread that opened the library: it drives the clock.
    main: ThreadId,
}

type Guard<'a> = MutexGuard<'a, Core>;

impl World {
    pub(crate) fn new(flags: &Flags) -> World {
        World {
            core: Mutex::new(Core::new(flags)),
            answered: Condvar::new(),
            changed: Condvar::new(),
            main: std::thread::current().id(),
        }
    }

    fn lock(&self) -> Guard<'_> {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        core.visits += u64::from(self.is_main());
        core
    }

    fn is_main(&self) -> bool {
        std::thread::current().id() == self.main
    }

    /// Enters for one call: with the real clock, the time that passed has passed. A call that was on its way while the
    /// library was closed is too late: nobody would wake it.
    fn enter(&self) -> Result<Guard<'_>, Errno> {
        let mut core = self.lock();
        if core.closed {
            return Err(libc::EBADF);
        }
        if !self.is_main() {
            core.set_busy(std::thread::current().id());
        }
        core.read_knobs();
        core.catch_up();
        Ok(core)
    }

    /// Wakes whom a move of the stack concerns: nobody else, for who waits must be seen to sleep.
    fn tell(&self, core: &Core) {
        if core.has_answers() {
            self.answered.notify_all();
        }
        self.changed.notify_all();
    }

    /// A call that answers at once.
    pub(crate) fn call(&self, call: impl FnOnce(&mut Core) -> Answer) -> Answer {
        let mut core = self.enter()?;
        let answer = call(&mut core);
        core.settle();
        self.tell(&core);
        answer
    }

    /// A call that may wait, for at most `timeout`; `late` is what it answers then. `None` waits for ever.
    pub(crate) fn wait(
        &self,
        begin: impl FnOnce(&mut Core) -> Result<Wait, Errno>,
        attempt: impl FnMut(&mut Core) -> Option<Answer> + Send + 'static,
    ) -> Answer {
        let mut core = self.enter()?;
        let wait = begin(&mut core)?;
        let mut attempt: Attempt = Box::new(attempt);
        let answer = attempt(&mut core);
        core.settle();
        // The stack has seen the request by now.
        let answer = answer.or_else(|| attempt(&mut core));
        core.settle();
        self.tell(&core);
        match (answer, wait) {
            (Some(answer), _) => answer,
            (None, Wait::Not(errno)) => Err(errno),
            (None, Wait::Until(until, late)) => self.sleep(core, attempt, until, late),
        }
    }

    /// The attempt stays with the core; this thread sleeps, or drives the clock when nobody else does.
    fn sleep<'a>(
        &'a self,
        mut core: Guard<'a>,
        attempt: Attempt,
        until: Option<Instant>,
        late: Answer,
    ) -> Answer {
        let number = core.wait(attempt, until, late);
        if self.is_main() || !core.is_virtual() {
            let mut core = self.pass(core, Instant::NEVER, |core| core.is_answered(number));
            // Nothing can happen any more and nobody else would make it: as if a signal came. The attempt must not be asked
            // again, for the caller's memory is its own from here on.
            return core.take_answer(number).unwrap_or_else(|| core.give_up(number));
        }
        let mut absent = 0;
        loop {
            if let Some(answer) = core.take_answer(number) {
                return answer;
            }
            let seen = core.visits;
            let (woken, slept) =
                self.answered.wait_timeout(core, GLANCE).unwrap_or_else(PoisonError::into_inner);
            core = woken;
            absent = if slept.timed_out() && core.visits == seen { absent + 1 } else { 0 };
            if absent >= GLANCES && !core.is_answered(number) {
                // The tool waits for this call, outside: nobody else lets time pass.
                let until = core.now + PATIENCE_OF_TOOL;
                core = self.pass(core, until, |core| core.is_answered(number));
                absent = 0;
            }
        }
    }

    /// Lets time pass until `stop` says so, `until` is reached, or nothing can happen any more by itself.
    fn pass<'a>(&'a self, mut core: Guard<'a>, until: Instant, stop: impl Fn(&Core) -> bool) -> Guard<'a> {
        loop {
            if stop(&core) || core.closed {
                return core;
            }
            if core.is_virtual() {
                core = self.await_busy(core);
                if stop(&core) {
                    return core;
                }
                if until == Instant::NEVER && core.deadline().is_none() {
                    return core;
                }
                let stepped = core.step_to(until);
                core.settle();
                self.tell(&core);
                if !stepped && core.busy.is_empty() {
                    return core;
                }
                continue;
            }
            core.catch_up();
            self.tell(&core);
            if stop(&core) || core.now >= until {
                return core;
            }
            let next = core.deadline().map_or(until, |deadline| deadline.min(until));
            let left = next.since(core.now).min(Duration::from_millis(100)).max(Duration::from_micros(20));
            core = self.changed.wait_timeout(core, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sleeps while another thread is awake that must read the clock first.
    fn await_busy<'a>(&'a self, mut core: Guard<'a>) -> Guard<'a> {
        let me = std::thread::current().id();
        core.busy.retain(|thread| *thread != me);
        let begun = std::time::Instant::now();
        while !core.busy.is_empty() {
            if begun.elapsed() >= PATIENCE {
                core.busy.clear();
                break;
            }
            core = self.changed.wait_timeout(core, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
        core
    }

    /// A thread whose call ended has read the clock and is about to tell the rest of the tool, which needs a moment of real
    /// time: a sleep in virtual time takes none.
    fn let_settle<'a>(&'a self, mut core: Guard<'a>) -> Guard<'a> {
        let Some(released) = core.released.take().filter(|_| self.is_main()) else { return core };
        while let Some(left) = SETTLING.checked_sub(released.elapsed()) {
            core = self.changed.wait_timeout(core, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        core
    }

    /// gettimeofday(): microseconds. Each call moves the virtual clock by one.
    pub(crate) fn clock(&self) -> u64 {
        let mut core = self.lock();
        if core.is_virtual() {
            let me = std::thread::current().id();
            if core.busy.contains(&me) {
                // The moment at which its call ended, not one after it.
                core.busy.retain(|thread| *thread != me);
                core.released = Some(std::time::Instant::now());
                self.changed.notify_all();
                return core.wall_usecs(core.now);
            }
            let until = core.now + Duration::from_micros(1);
            core = self.pass(core, until, |_| false);
        } else {
            core.catch_up();
        }
        self.tell(&core);
        core.wall_usecs(core.now)
    }

    pub(crate) fn sleep_usecs(&self, usecs: u64) {
        let mut core = self.let_settle(self.lock());
        core.read_knobs();
        let until = core.now + Duration::from_micros(usecs);
        drop(self.pass(core, until, |_| false));
    }

    /// The next packet that the stack sent, and when; `None` when none will come.
    pub(crate) fn receive(&self) -> Option<(u64, bytes::Bytes)> {
        let mut core = self.lock();
        core.read_knobs();
        let limit = if core.is_virtual() { RECEIVE_VIRTUAL } else { RECEIVE_REAL };
        let limit = core.now + limit;
        // The clock must not run to the limit when no timer would end the wait.
        let arrived = |core: &Core| !core.sent.is_empty() || (core.is_virtual() && !soon(core, limit));
        let mut core = self.pass(core, limit, arrived);
        let (at, packet) = core.sent.pop_front()?;
        Some((core.wall_usecs(at), packet))
    }

    /// The library is closed: who still waits is told so.
    pub(crate) fn close(&self) {
        let mut core = self.lock();
        core.closed = true;
        core.dismiss_waiters();
        let table = std::mem::take(&mut core.table);
        core.settle();
        self.tell(&core);
        drop(core);
        for (fd, _) in table.iter().filter(|(_, descriptor)| !matches!(descriptor, Descriptor::Foreign)) {
            crate::preload::forget(*fd);
            let _ = crate::descriptors::close_real(*fd);
        }
    }
}

/// What follows when an attempt finds no answer at once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    /// The call may not wait and answers this error.
    Not(Errno),
    /// It waits; when the time is over it answers this.
    Until(Option<Instant>, Answer),
}

fn soon(core: &Core, limit: Instant) -> bool {
    !core.busy.is_empty() || core.deadline().is_some_and(|deadline| deadline <= limit)
}
