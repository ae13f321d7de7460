//! Two traces of one sequence, step by step: what the stack did otherwise than the kernel.
//!
//! Times are classes: at once, or later with some tolerance, because kernel timers fire late and a busy machine reads late.

use crate::sequence::{Profile, Sequence, Step};
use crate::trace::{Moment, Reply, Row, Trace};
use lastack_observe::Counter;
use lastack_sim::script::ast::{Opt, Segment};
use std::fmt;
use std::time::Duration;

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The answer of a call.
    Answer,
    /// How many segments came back at once.
    Replies,
    /// Control bits.
    Flags,
    /// Sequence number.
    Seq,
    /// Acknowledgment number.
    Ack,
    /// Octets, or how many.
    Payload,
    /// The raw window.
    Window,
    /// The urgent pointer.
    Urgent,
    /// The options, without their numbers.
    Options,
    /// Timestamps.
    Stamp,
    /// SACK blocks.
    Sack,
    /// The state after the step.
    State,
    /// Which timer runs.
    Timer,
    /// Recv-Q.
    RecvQueue,
    /// Send-Q.
    SendQueue,
    /// A counter's growth.
    Counter(Counter),
    /// What came before the next step.
    Later,
    /// When it came.
    LaterTime,
    /// What the flow was at the end.
    End,
}

impl Field {
    /// What comes after it means nothing: the two sides are no longer in the same place.
    pub fn parts_ways(self) -> bool {
        matches!(
            self,
            Field::Answer
                | Field::Replies
                | Field::Flags
                | Field::Seq
                | Field::Ack
                | Field::Payload
                | Field::State
                | Field::Later
        )
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which step, of all with those that lead to the beginning.
    pub step: usize,
    /// The kernel's state before the step.
    pub state: String,
    /// The step's class: flags of a segment, name of a call.
    pub class: String,
    /// What differs.
    pub field: Field,
    /// What the kernel did.
    pub kernel: String,
    /// What the stack did.
    pub stack: String,
}

impl Difference {
    /// The same kind of difference, wherever in a sequence.
    pub fn is_like(&self, other: &Difference) -> bool {
        (&self.state, &self.class, self.field) == (&other.state, &other.class, other.field)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { step, state, class, field, kernel, stack } = self;
        write!(f, "step {step} in {state}, {class}: {field:?}: kernel {kernel}, stack {stack}")
    }
}

/// Linux 6.18 has it no more.
const ABSENT: Counter = Counter::RetransCollapse;
/// TSvals may differ by a tick or two of 1 ms; those of cookies carry options in their low bits.
const CLOCK_SLACK: u32 = 3;
const COOKIE_SLACK: u32 = 64;
/// Kernel timers are late by up to one tick of 4 ms, and on a busy machine by some more; so are we who read.
const LATE: Duration = Duration::from_millis(60);
/// How much earlier than ours a kernel's timer may be seen.
const EARLY: Duration = Duration::from_millis(5);

/// Every difference up to the step where the two part ways.
pub fn compare(sequence: &Sequence, kernel: &Trace, stack: &Trace) -> Vec<Difference> {
    let steps = sequence.all_steps();
    let mut found = Vec::new();
    let mut state = "none".to_owned();
    for (number, (ours, theirs)) in stack.moments.iter().zip(&kernel.moments).enumerate() {
        let end = kernel.moments.get(number + 1).map_or(kernel.end, |next| next.at);
        let mut look = Look {
            step: number,
            state: &state,
            class: class(&steps[number]),
            slack: slack(sequence),
            found: vec![],
        };
        look.moment(theirs, ours);
        if !kernel.timeless {
            look.later(theirs, ours, end);
        }
        if number + 1 == kernel.moments.len() {
            look.row(Field::End, kernel.end_row, stack.end_row);
        }
        let over = look.found.iter().any(|difference| difference.field.parts_ways());
        found.append(&mut look.found);
        if over {
            break;
        }
        state = theirs.row.map_or_else(|| "none".to_owned(), |row| row.state.name().to_owned());
    }
    found
}

/// The flags of a segment, the name of a call.
pub fn class(step: &Step) -> String {
    match step {
        Step::Segment(shape) => crate::sequence::flags(shape.flags),
        Step::Call(call) => call.to_string(),
        Step::Wait(_) => "wait".to_owned(),
    }
}

fn slack(sequence: &Sequence) -> u32 {
    if sequence.setup.profile == Profile::Cookies { COOKIE_SLACK } else { CLOCK_SLACK }
}

struct Look<'s> {
    step: usize,
    state: &'s str,
    class: String,
    slack: u32,
    found: Vec<Difference>,
}

impl Look<'_> {
    fn tell(&mut self, field: Field, kernel: impl fmt::Display, stack: impl fmt::Display) {
        self.found.push(Difference {
            step: self.step,
            state: self.state.to_owned(),
            class: self.class.clone(),
            field,
            kernel: kernel.to_string(),
            stack: stack.to_string(),
        });
    }

    fn same<T: PartialEq + fmt::Debug>(&mut self, field: Field, kernel: T, stack: T) {
        if kernel != stack {
            self.tell(field, format!("{kernel:?}"), format!("{stack:?}"));
        }
    }

    fn moment(&mut self, kernel: &Moment, stack: &Moment) {
        self.same(Field::Answer, kernel.answer, stack.answer);
        if kernel.at_once.len() == stack.at_once.len() {
            for (theirs, ours) in kernel.at_once.iter().zip(&stack.at_once) {
                self.reply(theirs, ours);
            }
        } else {
            self.tell(Field::Replies, list(&kernel.at_once), list(&stack.at_once));
        }
        self.row(Field::State, kernel.row, stack.row);
        if let (Some(theirs), Some(ours)) = (&kernel.counters, &stack.counters) {
            self.counters(theirs, ours);
        }
    }

    fn reply(&mut self, kernel: &Reply, stack: &Reply) {
        let (theirs, ours) = (&kernel.segment, &stack.segment);
        if theirs.flags != ours.flags {
            self.tell(Field::Flags, theirs, ours);
        }
        for (field, their, our) in [
            (Field::Seq, Some(theirs.start), Some(ours.start)),
            (Field::Ack, theirs.ack, ours.ack),
            (Field::Payload, Some(theirs.len), Some(ours.len)),
            (Field::Window, theirs.window.map(u32::from), ours.window.map(u32::from)),
            (Field::Urgent, theirs.urgent.map(u32::from), ours.urgent.map(u32::from)),
        ] {
            self.same(field, their, our);
        }
        if theirs.len == ours.len && kernel.payload != stack.payload {
            self.tell(Field::Payload, "other octets", "other octets");
        }
        self.options(theirs, ours);
    }

    fn options(&mut self, theirs: &Segment, ours: &Segment) {
        let (their, our) =
            (theirs.options.as_deref().unwrap_or_default(), ours.options.as_deref().unwrap_or_default());
        if their.len() != our.len() || their.iter().zip(our).any(|(a, b)| !like(a, b)) {
            return self.tell(Field::Options, theirs, ours);
        }
        for pair in their.iter().zip(our) {
            match pair {
                (Opt::Timestamps(their, their_echo), Opt::Timestamps(our, our_echo)) => {
                    let apart = their.wrapping_sub(*our).min(our.wrapping_sub(*their));
                    if apart > self.slack || their_echo != our_echo {
                        self.tell(Field::Stamp, theirs, ours);
                    }
                }
                (Opt::Sack(their), Opt::Sack(our)) if their != our => self.tell(Field::Sack, theirs, ours),
                _ => {}
            }
        }
    }

    /// `field` is what a difference of states is called.
    fn row(&mut self, field: Field, kernel: Option<Row>, stack: Option<Row>) {
        let state = |row: Option<Row>| row.map_or("none", |row| row.state.name());
        if state(kernel) != state(stack) {
            return self.tell(field, state(kernel), state(stack));
        }
        if let (Some(theirs), Some(ours)) = (kernel, stack) {
            self.same(Field::Timer, theirs.timer, ours.timer);
            self.same(Field::RecvQueue, theirs.recv_queue, ours.recv_queue);
            self.same(Field::SendQueue, theirs.send_queue, ours.send_queue);
        }
    }

    fn counters(&mut self, kernel: &[(Counter, u64)], stack: &[(Counter, u64)]) {
        let growth = |list: &[(Counter, u64)], counter| {
            list.iter().find(|(name, _)| *name == counter).map_or(0, |(_, growth)| *growth)
        };
        for &counter in
            Counter::ALL.iter().filter(|counter| counter.name().starts_with("Tcp") && **counter != ABSENT)
        {
            let (theirs, ours) = (growth(kernel, counter), growth(stack, counter));
            if theirs != ours {
                self.tell(Field::Counter(counter), theirs, ours);
            }
        }
    }

    fn later(&mut self, kernel: &Moment, stack: &Moment, end: Duration) {
        let told = |list: &[(Duration, Reply)]| {
            let lines: Vec<String> = list
                .iter()
                .map(|(at, reply)| {
                    format!("{} ms {}", at.saturating_sub(kernel.at).as_millis(), reply.segment)
                })
                .collect();
            format!("[{}]", lines.join("; "))
        };
        let (theirs, ours) = (&kernel.later, &stack.later);
        // The kernel may be late for the last one.
        let cut = ours.iter().take_while(|(at, _)| *at + tolerance(*at - kernel.at) < end).count();
        // And ours may come to its last one after the end.
        let gap = end.saturating_sub(kernel.at);
        let sure = |at: &Duration| latest(at.saturating_sub(kernel.at), self.beside()) < gap;
        let theirs_cut = theirs.iter().take_while(|(at, _)| sure(at)).count();
        if theirs_cut > ours.len() || theirs.len() < cut {
            return self.tell(Field::Later, told(theirs), told(ours));
        }
        for ((_, a), (_, b)) in theirs.iter().zip(ours) {
            // A timer that is late shows a later clock.
            let slack = self.slack + tolerance(end.saturating_sub(kernel.at)).as_millis() as u32;
            let mut look = Look { found: vec![], class: self.class.clone(), slack, ..*self };
            look.reply(a, b);
            self.found.append(&mut look.found);
        }
        for ((their, _), (our, _)) in theirs.iter().zip(ours) {
            let (their, our) = (their.saturating_sub(kernel.at), our.saturating_sub(kernel.at));
            if !is_one_class(their, our, self.beside()) {
                return self.tell(Field::LaterTime, told(theirs), told(ours));
            }
        }
    }

    /// What a cookie tells of the round trip lies up to 64 ms beside it, and timers count in multiples of that.
    fn beside(&self) -> Duration {
        Duration::from_millis(if self.slack == COOKIE_SLACK { 4 * u64::from(COOKIE_SLACK) } else { 0 })
    }
}

/// How late the kernel may be with what is due after so long.
fn tolerance(since: Duration) -> Duration {
    LATE + since / 2
}

/// Two times after a step are of one class: a tick, a delayed acknowledgment, a first timeout, its double. The kernel may be
/// late, or be read late; early only by what a round trip on a busy machine adds to ours.
fn is_one_class(kernel: Duration, stack: Duration, beside: Duration) -> bool {
    kernel <= stack + tolerance(stack) + beside && stack <= latest(kernel, beside)
}

/// When ours is due at the latest, when the kernel was seen then.
fn latest(kernel: Duration, beside: Duration) -> Duration {
    kernel + EARLY + kernel / 2 + beside
}

fn like(one: &Opt, other: &Opt) -> bool {
    match (one, other) {
        (Opt::Timestamps(..), Opt::Timestamps(..)) => true,
        (Opt::Sack(one), Opt::Sack(other)) => one.len() == other.len(),
        _ => one == other,
    }
}

fn list(replies: &[Reply]) -> String {
    let lines: Vec<String> = replies.iter().map(|reply| reply.segment.to_string()).collect();
    format!("[{}]", lines.join("; "))
}

#[cfg(test)]
mod tests;
