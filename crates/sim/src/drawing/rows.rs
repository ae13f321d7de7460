//! The moments of a diagram as rows from top to bottom: what belongs together shares one, and time runs down on both
//! sides.

use super::{Diagram, Moment, Side, What, lapse};
use lastack_observe::State;
use std::time::Duration;

/// Stretches without a moment that are worth a row of their own.
const LAPSE_LEAST: Duration = Duration::from_millis(150);

/// What stands beside the lifeline of one end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) at: Option<Duration>,
    /// The state entered, with the flow.
    pub(super) state: Option<(State, u16)>,
}

/// What stands between the lifelines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Empty,
    /// A call, a note or a cause, at one end.
    Text {
        side: Side,
        text: String,
        is_call: bool,
    },
    /// A packet that arrives, or is lost, before anything else happens.
    Arrow(usize),
    /// A packet leaves; its arrival is a row of its own.
    Leaves(usize),
    /// It arrives.
    Arrives(usize),
    /// Nothing happens for a while.
    Lapse(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) cells: [Cell; 2],
    pub(super) body: Body,
}

impl Row {
    fn of(moment: &Moment, body: Body) -> Row {
        let mut row = Row { cells: [Cell::default(); 2], body };
        row.cells[moment.side as usize].at = Some(moment.at);
        row
    }

    /// True when a state entered at this moment may stand in this row.
    fn takes_state(&self, moment: &Moment) -> bool {
        let cell = &self.cells[moment.side as usize];
        let same = match self.body {
            Body::Arrow(_) | Body::Arrives(_) => true,
            Body::Text { side, is_call, .. } => is_call && side == moment.side,
            _ => false,
        };
        same && cell.at == Some(moment.at) && cell.state.is_none()
    }
}

/// The states that flows are in before anything happens, when it is the same for all of an end.
pub(super) fn first_states(diagram: &Diagram) -> [Option<State>; 2] {
    [Side::Left, Side::Right].map(|side| {
        diagram.moments.iter().filter(|moment| moment.side == side).find_map(|moment| match moment.what {
            What::State { from, .. } => Some(from),
            _ => None,
        })
    })
}

/// The rows of a diagram.
pub(super) fn rows(diagram: &Diagram) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut last = Duration::ZERO;
    let mut joined = None;
    for (index, moment) in diagram.moments.iter().enumerate() {
        let since = moment.at.saturating_sub(last);
        last = moment.at;
        if joined == Some(index) {
            if let Some(row) = rows.last_mut() {
                row.cells[moment.side as usize].at = Some(moment.at);
            }
            continue;
        }
        if since >= LAPSE_LEAST {
            rows.push(Row { cells: [Cell::default(); 2], body: Body::Lapse(lapse(since)) });
        }
        match &moment.what {
            What::Call(text) => rows.push(text_row(diagram, moment, text, true)),
            What::Note(text) => rows.push(text_row(diagram, moment, text, false)),
            What::State { .. } => add_state(diagram, &mut rows, index),
            What::Sent(packet) => {
                let next = diagram.moments.get(index + 1);
                let arrives_next = next.is_some_and(|next| next.what == What::Arrived(*packet));
                joined = arrives_next.then_some(index + 1);
                let whole = arrives_next || diagram.packets[*packet].lost;
                let body = if whole { Body::Arrow(*packet) } else { Body::Leaves(*packet) };
                add_sent(&mut rows, moment, body);
            }
            What::Arrived(packet) => rows.push(Row::of(moment, Body::Arrives(*packet))),
        }
    }
    rows
}

fn text_row(diagram: &Diagram, moment: &Moment, text: &str, is_call: bool) -> Row {
    let text = if diagram.has_flows() && moment.flow != 0 {
        format!("{text} :{}", moment.flow)
    } else {
        text.to_owned()
    };
    Row::of(moment, Body::Text { side: moment.side, text, is_call })
}

/// A state stands beside what led to it; one that a timer led to has a row with its cause.
fn add_state(diagram: &Diagram, rows: &mut Vec<Row>, index: usize) {
    let moment = &diagram.moments[index];
    let What::State { to, cause, .. } = &moment.what else { return };
    let state = Some((*to, moment.flow));
    if let Some(row) = rows.last_mut().filter(|row| row.takes_state(moment)) {
        row.cells[moment.side as usize].state = state;
        return;
    }
    let next_is_its_packet = diagram.moments.get(index + 1).is_some_and(|next| {
        next.side == moment.side && next.at == moment.at && matches!(next.what, What::Sent(_))
    });
    let body = if next_is_its_packet {
        Body::Empty
    } else {
        Body::Text { side: moment.side, text: cause.text().to_owned(), is_call: false }
    };
    let mut row = Row::of(moment, body);
    row.cells[moment.side as usize].state = state;
    rows.push(row);
}

/// A packet stands in the row of the state that it was sent in, when that was entered just now.
fn add_sent(rows: &mut Vec<Row>, moment: &Moment, body: Body) {
    if let Some(row) = rows.last_mut()
        && row.body == Body::Empty
        && row.cells[moment.side as usize].at == Some(moment.at)
    {
        row.body = body;
        return;
    }
    rows.push(Row::of(moment, body));
}
