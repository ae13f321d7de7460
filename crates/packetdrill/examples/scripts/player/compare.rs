//! A packet of the stack beside the one that the script has: what the tool looks at, in its order.

use super::flows::Flow;
use lastack_sim::octets::Seen;
use lastack_sim::script::ast::{Opt, Segment};
use lastack_stack::wire::tcp::Flags;

/// How TSvals are looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticks {
    /// Microseconds of one tick; zero: not looked at.
    pub(super) usecs: i64,
    pub(super) tolerance: i64,
}

/// Everything that differs. `seen` has the wire's numbers.
pub(super) fn differences(flow: &mut Flow, wanted: &Segment, seen: &Seen, ticks: Ticks) -> Vec<String> {
    let mut wrong = Vec::new();
    let actual = flow.outbound(&seen.segment);
    let mut field = |name: &str, expected: u32, got: u32| {
        if expected != got {
            wrong.push(format!("{name} {got}, not {expected}"));
        }
    };
    field("length", wanted.len, actual.len);
    field("sequence number", wanted.start, actual.start);
    field("acknowledgment number", wanted.ack.unwrap_or(0), actual.ack.unwrap_or(0));
    if let Some(window) = wanted.window {
        field("window", window.into(), actual.window.unwrap_or(0).into());
    }
    field("urgent pointer", wanted.urgent.unwrap_or(0).into(), actual.urgent.unwrap_or(0).into());
    if let Err(text) = flow.label_fits(wanted.marks.flow_label, seen.marks.flow_label) {
        wrong.push(text);
    }
    if !flags_fit(wanted, &actual) {
        wrong.push("flags".to_owned());
    }
    if !wanted.marks.header_fits(&seen.marks) {
        wrong.push(format!("IP header {:?}, not {:?}", seen.marks, wanted.marks));
    }
    if !options_fit(flow, wanted, &actual, ticks) {
        wrong.push("options".to_owned());
    }
    wrong
}

/// True when a packet goes on where the one before it ends: same header, and the same length unless it is the last of the
/// `left` octets.
pub(super) fn joins(before: &Segment, next: &Segment, left: u32) -> bool {
    let fixed = |segment: &Segment| {
        let flags = segment.flags.0 & !(Flags::FIN.0 | Flags::PSH.0 | Flags::CWR.0);
        let options: usize = segment.options.iter().flatten().map(octets).sum();
        (flags, segment.marks.ae, segment.ack, segment.window, segment.urgent, options)
    };
    fixed(before) == fixed(next)
        && next.start == before.start.wrapping_add(before.len)
        && (next.len >= left || next.len == before.len)
}

fn octets(option: &Opt) -> usize {
    match option {
        Opt::Eol | Opt::Nop => 1,
        Opt::Mss(_) => 4,
        Opt::WindowScale(_) => 3,
        Opt::SackOk | Opt::Unknown(_) => 2,
        Opt::Sack(blocks) => 2 + 8 * blocks.len(),
        Opt::Timestamps(..) => 10,
        Opt::FastOpen(octets) | Opt::Md5(octets) => 2 + octets.len(),
        Opt::AccEcn(_, counters) => 2 + 3 * counters.len(),
        Opt::FastOpenExperiment(cookie) => 4 + cookie.len(),
    }
}

/// The tool takes the last packet's header, with the number and CWR of the first.
pub(super) fn join(whole: &mut Seen, next: &Seen) {
    let mut header = next.segment.clone();
    let cwr = Flags(whole.segment.flags.0 & Flags::CWR.0);
    header.flags = Flags(header.flags.0 & !Flags::CWR.0).with(cwr);
    header.start = whole.segment.start;
    header.len += whole.segment.len;
    (whole.segment, whole.marks) = (header, next.marks);
}

fn flags_fit(wanted: &Segment, actual: &Segment) -> bool {
    let ace = |segment: &Segment| (segment.flags.0 & (Flags::ECE.0 | Flags::CWR.0), segment.marks.ae);
    wanted.flags == actual.flags && ace(wanted) == ace(actual)
}

fn options_fit(flow: &mut Flow, wanted: &Segment, actual: &Segment, ticks: Ticks) -> bool {
    let actual = actual.options.as_deref().unwrap_or(&[]);
    let stamp = |options: &[Opt]| {
        options.iter().find_map(|option| match option {
            Opt::Timestamps(value, _) => Some(*value),
            _ => None,
        })
    };
    let Some(wanted) = wanted.options.as_deref() else { return true };
    let mut apart = 0;
    if let (Some(script), Some(live)) = (stamp(wanted), stamp(actual)) {
        let seen = flow.stamp(script, live);
        apart = i64::from(seen.wrapping_sub(script) as i32).abs() * ticks.usecs;
    }
    let same = |(wanted, actual): (&Opt, &Opt)| match (wanted, actual) {
        (Opt::Timestamps(..), Opt::Timestamps(..)) => apart <= ticks.tolerance,
        _ => wanted == actual,
    };
    wanted.len() == actual.len() && wanted.iter().zip(actual).all(same)
}
