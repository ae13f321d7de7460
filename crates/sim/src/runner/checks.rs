//! What must be true at one moment: the row of the flow under test, counters, fields of TCP_INFO.

use super::{Failure, Runner, micros};
use crate::script::ast::{Check, Value};
use lastack_observe::{Counter, Flow, SocketRow, State};

impl Runner<'_> {
    pub(super) fn check(&mut self, check: &Check) -> Result<(), Failure> {
        match check {
            Check::Row { state, timer } => self.check_row(state, timer.as_ref()),
            Check::Anew => {
                self.numbers.begin_anew();
                Ok(())
            }
            Check::Flow(number) => self.go_to_flow(*number),
            Check::Gone => match self.row()? {
                None => Ok(()),
                Some(row) => Err(self.fail_sides("the flow still has a row", "none", row_text(&row))),
            },
            Check::Counters(changes) => self.check_counters(changes),
            Check::Info(name, value) => self.check_info(name, value),
        }
    }

    fn row(&mut self) -> Result<Option<SocketRow>, Failure> {
        let flow = self.need_flow()?;
        Ok(self.machine.row(Flow { local: flow.to, remote: flow.from }))
    }

    fn check_row(&mut self, state: &str, timer: Option<&(String, Option<i64>)>) -> Result<(), Failure> {
        let mut expected = state.to_owned();
        if let Some((kind, left)) = timer {
            expected += &format!(" {kind}");
            if let Some(left) = left {
                expected += &format!(" {:.3}", micros(*left).as_secs_f64());
            }
        }
        let Some(row) = self.row()? else {
            return Err(self.fail_sides("the flow has no row", expected, "none"));
        };
        let fits = row.state.name() == state
            && timer.is_none_or(|(kind, left)| {
                row.timer.name() == kind
                    && left.is_none_or(|left| {
                        let seen = row.timer_left.unwrap_or_default();
                        seen.abs_diff(micros(left)) <= self.tolerance
                    })
            });
        if fits { Ok(()) } else { Err(self.fail_sides("the row differs", expected, row_text(&row))) }
    }

    fn check_counters(&self, changes: &[(String, i64)]) -> Result<(), Failure> {
        for (name, expected) in changes {
            let counter = Counter::ALL.iter().find(|counter| {
                let full = counter.name();
                full == name || full.strip_prefix("TcpExt") == Some(name)
            });
            let Some(counter) = counter else {
                return Err(self.fail(format!("there is no counter `{name}`")));
            };
            let seen = self.machine.stack.counters().value(*counter);
            if i64::try_from(seen) != Ok(*expected) {
                let seen = format!("{name}={seen}");
                return Err(self.fail_sides("a counter differs", format!("{name}={expected}"), seen));
            }
        }
        Ok(())
    }

    fn check_info(&mut self, name: &str, value: &Value) -> Result<(), Failure> {
        let row = self.row()?;
        let seen: i64 = match (name, &row) {
            ("tcpi_state", row) => row.as_ref().map_or(State::Closed, |row| row.state) as i64,
            ("tcpi_retransmits", Some(row)) => i64::from(row.retransmits),
            ("tcpi_snd_mss", Some(row)) => i64::from(row.negotiated.map_or(0, |agreed| agreed.mss)),
            _ => return Err(self.fail(format!("`{name}` cannot be asked here"))),
        };
        let expected = match value {
            Value::Number(number) => *number,
            Value::Words(words) => match tcp_state(&words[0]) {
                Some(state) => state as i64,
                None => return Err(self.fail(format!("`{}` is no state", words[0]))),
            },
            _ => return Err(self.fail("this needs a number or a state such as TCP_ESTABLISHED")),
        };
        if seen == expected {
            return Ok(());
        }
        Err(self.fail_sides("differs", format!("{name} == {expected}"), format!("{name} == {seen}")))
    }
}

/// A state by its name in `linux/tcp.h`.
fn tcp_state(word: &str) -> Option<State> {
    let name = word.strip_prefix("TCP_")?;
    State::ALL.into_iter().find(|state| state.name() == name || state.name().replace("WAIT", "_WAIT") == name)
}

fn row_text(row: &SocketRow) -> String {
    match row.timer_left {
        Some(left) => format!("{} {} {:.3}", row.state, row.timer, left.as_secs_f64()),
        None => format!("{} {}", row.state, row.timer),
    }
}
