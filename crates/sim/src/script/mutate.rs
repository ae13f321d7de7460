//! Every number that a script expects, and a way to change one: a script that still passes then checks nothing.
//!
//! Not an expectation: what defines the script's own scale (the first sequence number and the first TSval of a flow,
//! descriptors) and what the script does itself.

use std::collections::BTreeMap;

use super::ast::{Action, Call, Check, Opt, Script, Segment, Value, When};

/// One expected number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Line in the script.
    pub line: usize,
    /// What the number is.
    pub what: &'static str,
}

enum Field<'a> {
    Time(&'a mut When),
    Micros(&'a mut i64),
    Wide(&'a mut i64),
    Number(&'a mut u32),
    Short(&'a mut u16),
    Octet(&'a mut u8),
    Clock(&'a mut u32),
}

impl Field<'_> {
    fn change(self, by: u32) {
        // Times and clocks move further than any tolerance.
        let far = 1_000_000 + i64::from(by % 1000) * 1000;
        match self {
            Field::Time(When::At(at)) | Field::Time(When::After(at)) => *at += far,
            Field::Time(When::Between(from, to)) | Field::Time(When::AfterBetween(from, to)) => {
                let width = *to - *from;
                *from += far + width;
                *to += far + width;
            }
            Field::Time(When::Any) => {}
            Field::Micros(time) => *time += far,
            Field::Wide(number) => *number += i64::from(by % 1000 + 1),
            Field::Number(number) => *number = number.wrapping_add(by % 1000 + 1),
            Field::Short(number) => *number = number.wrapping_add((by % 1000 + 1) as u16),
            Field::Octet(number) => *number = number.wrapping_add((by % 200 + 1) as u8),
            Field::Clock(value) => *value = value.wrapping_add(10_000 + by % 10_000),
        }
    }
}

/// All expected numbers of a script, in order.
pub fn expectations(script: &Script) -> Vec<Expectation> {
    let mut all = Vec::new();
    visit(&mut script.clone(), &mut |line, what, _| all.push(Expectation { line, what }));
    all
}

/// The script with its `index`-th expected number changed; how far depends on `by`.
pub fn mutate(script: &Script, index: usize, by: u32) -> Script {
    let mut changed = script.clone();
    let mut left = index;
    visit(&mut changed, &mut |_, _, field| {
        if left == 0 {
            field.change(by);
        }
        left = left.wrapping_sub(1);
    });
    changed
}

type Visitor<'v> = dyn FnMut(usize, &'static str, Field<'_>) + 'v;

fn visit(script: &mut Script, f: &mut Visitor<'_>) {
    // What the next segments of a flow define rather than expect.
    let (mut isn_open, mut clock_open) = (true, true);
    let (mut scales, mut current, mut flows) = (BTreeMap::new(), 0, 0);
    for step in &mut script.steps {
        let line = step.line;
        match &mut step.action {
            Action::Expect(segment) => {
                if step.when != When::Any {
                    f(line, "time", Field::Time(&mut step.when));
                }
                visit_segment(segment, line, &mut isn_open, &mut clock_open, f);
            }
            Action::Call(call) => {
                if begins_flow(call) {
                    scales.insert(current, (isn_open, clock_open));
                    flows += 1;
                    current = flows;
                    (isn_open, clock_open) = (true, true);
                }
                visit_call(call, line, f);
            }
            Action::Check(Check::Anew) => isn_open = true,
            Action::Check(Check::Flow(number)) => {
                let begun = (isn_open, clock_open);
                scales.insert(current, begun);
                current = *number;
                flows = current.max(flows);
                (isn_open, clock_open) = scales.get(number).copied().unwrap_or((true, true));
            }
            Action::Check(check) => visit_check(check, line, f),
            Action::Code(_, Some(check)) => visit_check(check, line, f),
            Action::Send(_)
            | Action::SendIcmp(_)
            | Action::Set(_)
            | Action::Shell(_)
            | Action::Code(_, None)
            | Action::Foreign(_) => {}
        }
    }
}

/// What the next SYN says is a scale of its own.
fn begins_flow(call: &Call) -> bool {
    match call.name.as_str() {
        "listen" | "connect" => true,
        "sendto" => {
            let opens = |value: &Value| matches!(value, Value::Words(words) if words.iter().any(|word| word == "MSG_FASTOPEN"));
            let begun = call.errno.as_deref().is_none_or(|errno| errno == "EINPROGRESS");
            begun && call.arguments.iter().any(opens)
        }
        _ => false,
    }
}

fn visit_segment(
    segment: &mut Segment,
    line: usize,
    isn_open: &mut bool,
    clock_open: &mut bool,
    f: &mut Visitor<'_>,
) {
    if !(segment.flags.syn() && *isn_open) {
        f(line, "sequence number", Field::Number(&mut segment.start));
    }
    *isn_open &= !segment.flags.syn();
    f(line, "length", Field::Number(&mut segment.len));
    if let Some(ack) = &mut segment.ack {
        f(line, "acknowledgment number", Field::Number(ack));
    }
    if let Some(window) = &mut segment.window {
        f(line, "window", Field::Short(window));
    }
    for option in segment.options.iter_mut().flatten() {
        match option {
            Opt::Mss(mss) => f(line, "mss", Field::Short(mss)),
            Opt::WindowScale(scale) => f(line, "window scale", Field::Octet(scale)),
            Opt::Sack(blocks) => blocks.iter_mut().for_each(|(left, right)| {
                f(line, "left edge of a block", Field::Number(left));
                f(line, "right edge of a block", Field::Number(right));
            }),
            Opt::Timestamps(value, echo) => {
                if !*clock_open {
                    f(line, "TSval", Field::Clock(value));
                }
                *clock_open = false;
                f(line, "TSecr", Field::Number(echo));
            }
            Opt::FastOpen(cookie) | Opt::FastOpenExperiment(cookie) | Opt::Md5(cookie) => {
                cookie.iter_mut().for_each(|octet| f(line, "octet of a cookie", Field::Octet(octet)));
            }
            Opt::AccEcn(_, counters) => {
                counters.iter_mut().for_each(|counter| f(line, "counter of AccECN", Field::Number(counter)));
            }
            Opt::Eol | Opt::Nop | Opt::SackOk | Opt::Unknown(_) => {}
        }
    }
}

fn visit_call(call: &mut Call, line: usize, f: &mut Visitor<'_>) {
    if let Some(returns) = &mut call.returns {
        f(line, "time of return", Field::Time(returns));
    }
    if let Some(result) = &mut call.result {
        let descriptor = matches!(call.name.as_str(), "socket" | "accept") && *result >= 0;
        if !descriptor && call.name != "fcntl" {
            f(line, "result", Field::Wide(result));
        }
    }
    if call.name == "getsockopt"
        && let Some(Value::List(values)) = call.arguments.get_mut(3)
        && let Some(Value::Number(value)) = values.first_mut()
    {
        f(line, "value of the option", Field::Wide(value));
    }
}

fn visit_check(check: &mut Check, line: usize, f: &mut Visitor<'_>) {
    match check {
        Check::Row { timer: Some((_, Some(left))), .. } => f(line, "time left", Field::Micros(left)),
        Check::Counters(changes) => {
            changes.iter_mut().for_each(|(_, value)| f(line, "counter", Field::Wide(value)))
        }
        Check::Info(_, Value::Number(value)) => f(line, "tcpi field", Field::Wide(value)),
        Check::Row { .. } | Check::Info(..) | Check::Gone | Check::Anew | Check::Flow(_) => {}
    }
}
