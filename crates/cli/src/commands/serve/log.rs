//! One line per connection that opens, closes or is refused, with its reason: drawn from the stack's events.
//!
//! Under a flood lines are left out and counted: the log never holds up the traffic, and its cost is bounded per second.

#[cfg(test)]
mod tests;

use lastack::net::Handle;
use lastack::observe::{Cause, Event, EventKind, State};
use std::io::{self, Write};
use std::time::Duration;
use tokio::sync::broadcast;

/// Events that the stack keeps for us: what happens between two looks, in a burst.
const EVENTS_KEPT: usize = 16_384;
/// Events taken in one turn of the driver.
const EVENTS_PER_TURN: usize = 512;
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Lines per look.
const LINES_MAX: usize = 200;

/// Prints lines on stderr and hands every event on, until the stack ends.
pub(crate) async fn follow(handle: Handle, readers: broadcast::Sender<Event>) {
    if handle.keep_events(EVENTS_KEPT).await.is_err() {
        return;
    }
    let mut lost = 0;
    loop {
        tokio::time::sleep(LOOK).await;
        let mut lines = String::new();
        let (mut printed, mut left_out) = (0, 0);
        loop {
            let Ok(events) = handle.take_events(EVENTS_PER_TURN).await else { return };
            let last = events.len() < EVENTS_PER_TURN;
            for event in events {
                // Nobody may be listening.
                let _ = readers.send(event);
                match line(&event) {
                    Some(line) if printed < LINES_MAX => {
                        lines += &line;
                        lines.push('\n');
                        printed += 1;
                    }
                    Some(_) => left_out += 1,
                    None => {}
                }
            }
            if last {
                break;
            }
        }
        let Ok(lost_now) = handle.events_lost().await else { return };
        if lost_now > lost {
            lines += &format!("… and {} more events than are kept between two looks\n", lost_now - lost);
            lost = lost_now;
        }
        if left_out > 0 {
            lines += &format!("… and {left_out} more lines in this moment\n");
        }
        if !lines.is_empty() {
            // Nobody may be there to read it.
            let _ = io::stderr().write_all(lines.as_bytes());
        }
    }
}

/// What is worth a line.
pub(crate) fn line(event: &Event) -> Option<String> {
    let said = match event.kind {
        EventKind::StateChanged { from: State::SynRecv | State::SynSent, to: State::Established, .. } => {
            "opened".to_owned()
        }
        EventKind::StateChanged { from, to, cause } if ends(from, to) => {
            format!("closed: {}", reason(from, to, cause))
        }
        EventKind::ConnectionRefused { reason } => format!("refused: {reason}"),
        _ => return None,
    };
    Some(format!("{} -> {} {said}", event.flow.remote, event.flow.local))
}

/// A connection is over for its users when it reaches TIME_WAIT or CLOSE.
fn ends(from: State, to: State) -> bool {
    match to {
        State::TimeWait => from != State::TimeWait,
        State::Closed => !matches!(from, State::TimeWait | State::Listen | State::Closed),
        _ => false,
    }
}

fn reason(from: State, to: State, cause: Cause) -> String {
    match (from, to, cause) {
        (State::LastAck, State::Closed, Cause::FinAcked) => "the peer closed first, then we did".to_owned(),
        (State::FinWait1 | State::FinWait2, State::TimeWait, _) => {
            "we closed first, then the peer did".to_owned()
        }
        (State::Closing, State::TimeWait, _) => "both closed at once".to_owned(),
        _ => cause.to_string(),
    }
}
