//! The state diagram as an SVG picture: every edge of the tables, those that runs crossed in green.
//!
//! The boxes have fixed places; the edges are the tables' own. The many ways to an early CLOSE are written in the box that
//! they leave instead of being drawn.

use super::svg::colour;
use super::svg::page::Page;
use super::wrapped;
use crate::world::Edges;
use lastack_observe::State;
use lastack_tcp::state::EDGES;
use std::fmt::Write;

const WIDTH: i32 = 1240;
const BOX: i32 = 316;
/// Causes of one box or edge that are written out; of more, the number.
const CAUSES_MAX: usize = 4;

/// Where a box stands: the middle of its upper edge.
fn place(state: State) -> (i32, i32) {
    match state {
        State::Closed => (620, 90),
        State::Listen => (220, 190),
        State::SynSent => (1020, 190),
        State::SynRecv => (220, 350),
        State::Established => (620, 460),
        State::FinWait1 => (220, 610),
        State::CloseWait => (1020, 610),
        State::Closing => (620, 720),
        State::FinWait2 => (220, 800),
        State::LastAck => (1020, 800),
        State::TimeWait => (620, 900),
    }
}

/// A second box for CLOSE, below, where connections end in order.
const END: (i32, i32) = (620, 1060);

struct Group {
    from: State,
    to: State,
    /// Each cause, and whether it was crossed.
    causes: Vec<(&'static str, bool)>,
}

impl Group {
    fn is_crossed(&self) -> bool {
        self.causes.iter().any(|(_, crossed)| *crossed)
    }

    /// An early end, written in the box it leaves.
    fn is_early_end(&self) -> bool {
        self.to == State::Closed && !matches!(self.from, State::LastAck | State::TimeWait)
    }
}

fn groups(crossed: &Edges) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, edge) in EDGES.iter().enumerate() {
        let at = groups.iter().position(|group| group.from == edge.from && group.to == edge.to);
        let at = at.unwrap_or_else(|| {
            groups.push(Group { from: edge.from, to: edge.to, causes: Vec::new() });
            groups.len() - 1
        });
        groups[at].causes.push((edge.cause.text(), crossed.is_crossed(index)));
    }
    groups
}

/// The causes to write: those that were crossed, and how many others there are.
fn chosen(group: &Group) -> Vec<(String, bool)> {
    let mut lines: Vec<(String, bool)> = Vec::new();
    let crossed = group.causes.iter().filter(|(_, crossed)| *crossed);
    lines.extend(crossed.map(|(cause, _)| ((*cause).to_owned(), true)).take(CAUSES_MAX));
    let rest = group.causes.len() - lines.len();
    match (rest, group.causes.iter().find(|(_, crossed)| !crossed)) {
        (1, Some((cause, _))) => lines.push(((*cause).to_owned(), false)),
        (2.., _) if lines.is_empty() => lines.push((format!("{rest} causes"), false)),
        (2.., _) => lines.push((format!("{rest} other causes"), false)),
        _ => {}
    }
    lines
}

/// The whole picture. `title` says which runs `crossed` comes from.
pub fn render(title: &str, crossed: &Edges) -> String {
    let mut page = Page::new(WIDTH);
    page.words(WIDTH / 2, 40, "title", "middle", title);
    let count = format!("{} of {} edges were crossed (green)", crossed.count(), EDGES.len());
    page.words(WIDTH / 2, 64, "note", "middle", &count);
    let groups = groups(crossed);
    let boxes = State::ALL.map(|state| (state, early_ends(&groups, state)));
    let height = |state: State| {
        let lines = boxes.iter().find(|(of, _)| *of == state).map_or(0, |(_, lines)| lines.len());
        if lines == 0 { 34 } else { 36 + 15 * lines as i32 }
    };
    for group in groups.iter().filter(|group| !group.is_early_end()) {
        edge(&mut page, group, height(group.from));
    }
    for (state, lines) in &boxes {
        state_box(&mut page, place(*state), *state, height(*state), lines);
    }
    state_box(&mut page, END, State::Closed, 34, &[]);
    page.finish(END.1 + 70)
}

/// The same as a list: a star before each edge that was crossed.
pub fn list(title: &str, crossed: &Edges) -> String {
    let mut text = format!("{title}\n\n");
    for (index, edge) in EDGES.iter().enumerate() {
        let mark = if crossed.is_crossed(index) { '*' } else { ' ' };
        let _ = writeln!(text, "{mark} {:<12}{:<12}{}", edge.from, edge.to, edge.cause);
    }
    let _ = writeln!(text, "\n{} of {} edges were crossed (*)", crossed.count(), EDGES.len());
    text
}

fn early_ends(groups: &[Group], state: State) -> Vec<(String, bool)> {
    let ends = groups.iter().filter(|group| group.from == state && group.is_early_end());
    let lines = ends.flat_map(chosen).map(|(words, crossed)| (format!("CLOSE: {words}"), crossed));
    let broken =
        |(words, crossed): (String, bool)| wrapped(&words, 46).into_iter().map(move |line| (line, crossed));
    lines.flat_map(broken).collect()
}

fn state_box(page: &mut Page, (x, y): (i32, i32), state: State, height: i32, lines: &[(String, bool)]) {
    let left = x - BOX / 2;
    page.state_box((left, y), (BOX, height), colour(state));
    page.words(x, y + 19, "pill", "middle", state.name());
    for (number, (words, crossed)) in lines.iter().enumerate() {
        let y = y + 44 + 15 * number as i32;
        page.words(x, y, if *crossed { "taken" } else { "small" }, "middle", words);
    }
}

/// An arrow from box to box, and its causes in the middle of it.
fn edge(page: &mut Page, group: &Group, height: i32) {
    let (from, to) = (place(group.from), if group.to == State::Closed { END } else { place(group.to) });
    let (path, (x, y)) = match (group.from, group.to) {
        (State::TimeWait, State::SynRecv) => {
            let (start, end) = ((from.0 - BOX / 2, from.1 + 22), (to.0 - BOX / 2, to.1 + 22));
            let bends =
                format!("H50Q30 {} 30 {}V{}Q30 {} 50 {}", start.1, start.1 - 20, end.1 + 20, end.1, end.1);
            (format!("M{} {}{bends}H{}", start.0, start.1, end.0), (250, start.1))
        }
        (State::SynSent, State::SynRecv) => {
            let (start, end) = ((from.0 - BOX / 2, from.1 + 24), (to.0 + BOX / 2, to.1 + 12));
            straight(start, end)
        }
        _ => {
            let lean = (to.0 - from.0).signum() * 60;
            straight((from.0 + lean, from.1 + height), (to.0 - lean, to.1))
        }
    };
    page.edge(&path, group.is_crossed());
    let lines = chosen(group);
    let first = y + 4 - 15 * (lines.len() as i32 - 1) / 2;
    for (line, (words, crossed)) in lines.iter().enumerate() {
        page.plate((x, first + 15 * line as i32), words, if *crossed { "taken" } else { "small" });
    }
}

fn straight(from: (i32, i32), to: (i32, i32)) -> (String, (i32, i32)) {
    let middle = ((from.0 + to.0) / 2, (from.1 + to.1) / 2);
    (format!("M{} {}L{} {}", from.0, from.1, to.0, to.1), middle)
}
