//! A sequence as a script in packetdrill's language: what was done, and what the kernel did. Where the stack did otherwise,
//! a comment says so.

use crate::compare::Difference;
use crate::sequence::{Call, Sequence, Step};
use crate::trace::{Moment, Reply, Trace};
use lastack_sim::script::ast::Opt;
use std::fmt::Write;
use std::time::Duration;

/// The script.
pub fn script(sequence: &Sequence, kernel: &Trace, differences: &[Difference]) -> String {
    let mut text = format!("// {sequence}\n");
    if sequence.setup.ipv6 {
        text.push_str("--ip_version=ipv6\n");
    }
    for (name, value) in sequence.setup.profile.sysctls() {
        let _ = writeln!(text, "`sysctl -q {name}={value}`");
    }
    let mut last = Duration::ZERO;
    for (number, (step, moment)) in sequence.all_steps().iter().zip(&kernel.moments).enumerate() {
        let after = moment.at.saturating_sub(last);
        last = moment.at;
        one_step(&mut text, sequence, step, moment, after);
        for difference in differences.iter().filter(|difference| difference.step == number) {
            let _ = writeln!(text, "// differs in {:?}: stack {}", difference.field, difference.stack);
        }
    }
    text
}

fn one_step(text: &mut String, sequence: &Sequence, step: &Step, moment: &Moment, after: Duration) {
    let time = format!("+{}.{:06}", after.as_secs(), after.subsec_millis() * 1000);
    match step {
        Step::Segment(_) => {
            if let Some(sent) = &moment.sent {
                let damaged = if sent.damaged { "// damaged: " } else { "" };
                let _ = writeln!(text, "{damaged}{time} < {}", sent.segment);
            }
        }
        Step::Call(call) => {
            for line in call_lines(sequence, *call, moment.answer) {
                let _ = writeln!(text, "{time} {line}");
            }
        }
        Step::Wait(ms) => {
            let _ = writeln!(text, "// {ms} ms pass");
        }
    }
    for reply in &moment.at_once {
        let _ = writeln!(text, "+0 > {}", expected(reply));
    }
    for (at, reply) in &moment.later {
        let _ =
            writeln!(text, "// after {} ms: > {}", at.saturating_sub(moment.at).as_millis(), expected(reply));
    }
    if let Some(row) = moment.row {
        let _ = writeln!(text, "+0 //# state {}", row.state.name());
    }
}

fn expected(reply: &Reply) -> String {
    let mut segment = reply.segment.clone();
    // A script's clock begins where it says.
    for option in segment.options.iter_mut().flatten() {
        if let Opt::Timestamps(value, _) = option {
            *value = value.wrapping_sub(crate::trace::CLOCK_BASE).wrapping_add(1);
        }
    }
    segment.to_string()
}

fn call_lines(sequence: &Sequence, call: Call, answer: Option<i64>) -> Vec<String> {
    let Some(answer) = answer else { return vec![] };
    let end = if answer < 0 { format!("-1 // errno {}", -answer) } else { answer.to_string() };
    let socket = "socket(..., SOCK_STREAM, IPPROTO_TCP)";
    let opening = |fd: u8, last: String| {
        let mut lines = vec![
            format!("{socket} = {fd}"),
            format!("setsockopt({fd}, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0"),
        ];
        if let Some(octets) = sequence.setup.rcvbuf {
            lines.push(format!("setsockopt({fd}, SOL_SOCKET, SO_RCVBUF, [{octets}], 4) = 0"));
        }
        if sequence.setup.nodelay {
            lines.push(format!("setsockopt({fd}, SOL_TCP, TCP_NODELAY, [1], 4) = 0"));
        }
        lines.push(last);
        lines
    };
    let option = |level: &str, name: &str, on: bool| {
        vec![format!("setsockopt(4, {level}, {name}, [{}], 4) = {end}", u8::from(on))]
    };
    match call {
        Call::Listen => {
            let mut lines = opening(3, "bind(3, ..., ...) = 0".to_owned());
            lines.push(format!("listen(3, 5) = {end}"));
            lines
        }
        Call::Connect => opening(4, format!("connect(4, ..., ...) = {end}")),
        Call::Accept => {
            vec![format!("accept(3, ..., ...) = {}", if answer < 0 { end } else { "4".to_owned() })]
        }
        Call::Read(octets) => vec![format!("read(4, ..., {octets}) = {end}")],
        Call::Write(octets) => vec![format!("write(4, ..., {octets}) = {end}")],
        Call::ShutdownRead => vec![format!("shutdown(4, SHUT_RD) = {end}")],
        Call::ShutdownWrite => vec![format!("shutdown(4, SHUT_WR) = {end}")],
        Call::ShutdownBoth => vec![format!("shutdown(4, SHUT_RDWR) = {end}")],
        Call::Close => vec!["close(4) = 0".to_owned()],
        Call::Abort => vec![
            "setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0".to_owned(),
            "close(4) = 0".to_owned(),
        ],
        Call::CloseListener => vec!["close(3) = 0".to_owned()],
        Call::TakeError => vec![format!("getsockopt(4, SOL_SOCKET, SO_ERROR, [{answer}], [4]) = 0")],
        Call::Nodelay(on) => option("SOL_TCP", "TCP_NODELAY", on),
        Call::Cork(on) => option("SOL_TCP", "TCP_CORK", on),
        Call::Quickack(on) => option("SOL_TCP", "TCP_QUICKACK", on),
        Call::Keepalive(on) => option("SOL_SOCKET", "SO_KEEPALIVE", on),
    }
}
