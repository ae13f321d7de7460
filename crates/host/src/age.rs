//! Time in state, where the kernel lets it be known: TIME_WAIT and FIN_WAIT2 from their timers, CLOSE_WAIT at least since the
//! last acknowledgment came; by watching ([`FirstSeen`]) every state at least since it was first seen. What cannot be known stays
//! unknown.

mod first_seen;
#[cfg(test)]
mod tests;

pub use first_seen::FirstSeen;

use crate::sysctl;
use lastack_observe::{SocketRow, State, TimerKind};
use std::time::Duration;

/// Fixed in Linux (TCP_TIMEWAIT_LEN).
const TIME_WAIT: Duration = Duration::from_secs(60);

/// How long the kernel keeps the two states that end by their timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// TIME_WAIT.
    pub time_wait: Duration,
    /// FIN_WAIT2 of an orphan (tcp_fin_timeout); None when it could not be read.
    pub fin_wait2: Option<Duration>,
}

impl Lifetimes {
    /// Of a kernel that cannot be asked: what is fixed in Linux, and nothing else.
    pub const FIXED: Lifetimes = Lifetimes { time_wait: TIME_WAIT, fin_wait2: None };

    /// Those of the thread's network namespace.
    pub fn read() -> Lifetimes {
        let seconds = |name| sysctl::number(name).and_then(|value| u64::try_from(value).ok());
        Lifetimes {
            // Some distributors' kernels have a knob for it.
            time_wait: seconds("net.ipv4.tcp_tw_timeout").map_or(TIME_WAIT, Duration::from_secs),
            fin_wait2: seconds("net.ipv4.tcp_fin_timeout").map(Duration::from_secs),
        }
    }

    /// Sets the row's age, if it can be known; for CLOSE_WAIT the row must have TCP_INFO.
    pub fn apply(&self, row: &mut SocketRow) {
        let passed = |all: Duration| row.timer_left.and_then(|left| all.checked_sub(left));
        let timewait = row.timer == TimerKind::Timewait;
        let mut least = false;
        row.age = match row.state {
            State::TimeWait if timewait => passed(self.time_wait),
            // Longer ones spend their first part under another timer (Linux: what exceeds TIME_WAIT's length).
            State::FinWait2 if timewait => {
                self.fin_wait2.filter(|all| *all <= self.time_wait).and_then(passed)
            }
            // The FIN was acknowledging too: it came no later than the last acknowledgment.
            State::CloseWait => {
                least = true;
                let info = row.host.as_ref().and_then(|host| host.info);
                info.map(|info| Duration::from_millis(info.last_ack_recv_ms.into()))
            }
            _ => None,
        };
        if let Some(host) = &mut row.host {
            host.age_is_least = least && row.age.is_some();
        }
    }
}
