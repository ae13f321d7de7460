//! A diagram as text: box characters, as wide as it is told, with colours only when it is told.
//!
//! Outside the lifelines stand times (seconds) and the states entered; between them packets, calls and notes.

use super::rows::{Body, Cell, Row, first_states, rows};
use super::{Diagram, Side, seconds, wrapped};
use lastack_observe::State;

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns; fewer than 76 are taken as 76, more than 140 as 140.
    pub width: usize,
    /// Colours of ECMA-48 terminals.
    pub colour: bool,
}

const TIME: usize = 8;
const DIM: &str = "2";
const CALL: &str = "36";
const LOST: &str = "31";

/// The whole diagram.
pub fn render(diagram: &Diagram, style: Style) -> String {
    let page = Page::new(diagram, style);
    let mut text = format!("{}\n\n", page.paint("1", &diagram.title));
    text += &page.heading();
    let all = rows(diagram);
    for (index, row) in all.iter().enumerate() {
        page.row(&mut text, row, &lanes(&all, index));
    }
    if !diagram.see.is_empty() {
        text += "\nWhat to see:\n";
        for (number, sentence) in diagram.see.iter().enumerate() {
            let lead = format!("{}. ", number + 1);
            for (line, part) in wrapped(sentence, page.style.width - lead.len()).iter().enumerate() {
                text += if line == 0 { &lead } else { "   " };
                text += part;
                text.push('\n');
            }
        }
    }
    text
}

/// Packets that left above this row and arrive at it or below, each with the number of its lane.
fn lanes(rows: &[Row], index: usize) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    for row in &rows[..index] {
        match row.body {
            Body::Leaves(packet) => lanes.push(Lane { packet, number: free_number(&lanes) }),
            Body::Arrives(packet) => lanes.retain(|lane| lane.packet != packet),
            _ => {}
        }
    }
    lanes
}

fn free_number(lanes: &[Lane]) -> usize {
    (0..).find(|number| lanes.iter().all(|lane| lane.number != *number)).unwrap_or(0)
}

/// The way down of a packet whose arrival is not beside its departure.
#[derive(Clone, Copy, Debug)]
struct Lane {
    packet: usize,
    number: usize,
}

struct Page<'d> {
    diagram: &'d Diagram,
    style: Style,
    /// Columns of a state's name.
    state: usize,
    /// Columns between the lifelines.
    middle: usize,
    has_flows: bool,
}

impl<'d> Page<'d> {
    fn new(diagram: &'d Diagram, style: Style) -> Page<'d> {
        let style = Style { width: style.width.clamp(76, 140), ..style };
        let has_flows = diagram.has_flows();
        let state = if has_flows { 18 } else { 11 };
        let middle = style.width - 2 * (TIME + 1 + state + 2);
        Page { diagram, style, state, middle, has_flows }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.style.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn heading(&self) -> String {
        let [left, right] = &self.diagram.ends;
        let gap = self.style.width.saturating_sub(left.chars().count() + right.chars().count());
        let mut text = format!("{left}{}{right}\n", " ".repeat(gap.max(2)));
        if !self.has_flows {
            let states = first_states(self.diagram);
            let cells = states.map(|state| Cell { at: None, state: state.map(|state| (state, 0)) });
            text += &self.line(&cells, &" ".repeat(self.middle), ['┃', '┃']);
        }
        text
    }

    fn row(&self, text: &mut String, row: &Row, lanes: &[Lane]) {
        let none = [Cell::default(); 2];
        match &row.body {
            Body::Empty => {
                let blank = self.with_lanes(vec![' '; self.middle], lanes, Side::Left);
                *text += &self.line(&row.cells, &blank.into_iter().collect::<String>(), ['┃', '┃']);
            }
            Body::Lapse(time) => {
                let words = self.paint(DIM, &format!("{time:^width$}", width = self.middle));
                *text += &self.line(&none, &words, ['┊', '┊']);
            }
            Body::Text { side, text: words, is_call } => {
                self.words(text, row, (*side, words, *is_call), lanes)
            }
            Body::Arrow(packet) | Body::Leaves(packet) | Body::Arrives(packet) => {
                self.packet(text, row, *packet, lanes);
            }
        }
    }

    fn words(
        &self,
        text: &mut String,
        row: &Row,
        (side, words, is_call): (Side, &str, bool),
        lanes: &[Lane],
    ) {
        let room = self.middle - 4;
        for (line, part) in wrapped(words, room).iter().enumerate() {
            let part = match side {
                Side::Left => format!(" {part:<room$}   "),
                Side::Right => format!("   {part:>room$} "),
            };
            let part = self.with_lanes(part.chars().collect(), lanes, Side::Left);
            let part: String = part.into_iter().collect();
            let part = self.paint(if is_call { CALL } else { DIM }, &part);
            let cells = if line == 0 { row.cells } else { [Cell::default(); 2] };
            *text += &self.line(&cells, &part, ['┃', '┃']);
        }
    }

    fn packet(&self, text: &mut String, row: &Row, index: usize, lanes: &[Lane]) {
        let packet = &self.diagram.packets[index];
        let mut label = packet.label();
        if self.has_flows {
            label += &format!(" :{}", packet.flow);
        }
        let arrives = matches!(row.body, Body::Arrives(_));
        let room = match row.body {
            Body::Leaves(_) => self.lane(free_number(lanes)) - 4,
            _ if packet.lost => self.middle - 13,
            _ => self.middle - 6,
        };
        let is_long = !arrives && label.chars().count() > room;
        if is_long {
            for part in wrapped(&label, self.middle - 4) {
                let part = format!("{part:^width$}", width = self.middle);
                *text += &self.line(&[Cell::default(); 2], &part, ['┃', '┃']);
            }
        }
        let label = if is_long || arrives { String::new() } else { format!(" {label} ") };
        // Drawn from the sender; turned round when that is on the right.
        let mut drawn: Vec<char> = match row.body {
            Body::Leaves(_) => self.leaving(index, &label, lanes),
            Body::Arrives(_) => self.arriving(index, lanes),
            _ if packet.lost => format!("──{label}{}", "─".repeat(self.middle)).chars().collect(),
            _ => format!("──{label:─<width$}▶", width = self.middle - 3).chars().collect(),
        };
        if matches!(row.body, Body::Arrow(_)) && packet.lost {
            drawn.truncate(self.middle.saturating_sub(11).max(label.chars().count() + 3));
            drawn.extend("✗ lost".chars());
            drawn.resize(self.middle, ' ');
        }
        let (marks, drawn) = self.turned(packet.from, &drawn, &label, packet.lost);
        let drawn = if packet.lost { self.paint(LOST, &drawn) } else { drawn };
        let marks = if arrives { ['┃', '┃'] } else { marks };
        *text += &self.line(&row.cells, &drawn, marks);
    }

    /// The column, counted from the sender's side, in which the n-th packet under way goes down.
    fn lane(&self, number: usize) -> usize {
        (self.middle * 3 / 5 + number * 4).min(self.middle - 4)
    }

    /// Lanes go down through a line wherever no words stand.
    fn with_lanes(&self, mut line: Vec<char>, lanes: &[Lane], side: Side) -> Vec<char> {
        for lane in lanes {
            let column = self.column(*lane, side);
            let is_blank = |column: usize| line.get(column).is_none_or(|sign| !sign.is_alphanumeric());
            let is_between_words = column > 0 && !(is_blank(column - 1) && is_blank(column + 1));
            line[column] = match line[column] {
                ' ' if !is_between_words => '│',
                '─' => '┼',
                other => other,
            };
        }
        line
    }

    /// The column of a packet under way, counted from `side`.
    fn column(&self, lane: Lane, side: Side) -> usize {
        let column = self.lane(lane.number);
        if self.diagram.packets[lane.packet].from == side { column } else { self.middle - 1 - column }
    }

    fn leaving(&self, index: usize, label: &str, lanes: &[Lane]) -> Vec<char> {
        let end = self.lane(free_number(lanes));
        let mut line: Vec<char> = format!("──{label}").chars().collect();
        line.resize(line.len().max(end), '─');
        line.push('╮');
        line.resize(self.middle, ' ');
        self.with_lanes(line, lanes, self.diagram.packets[index].from)
    }

    fn arriving(&self, index: usize, lanes: &[Lane]) -> Vec<char> {
        let side = self.diagram.packets[index].from;
        let mut line = vec![' '; self.middle];
        let mine = lanes.iter().find(|lane| lane.packet == index);
        let begin = mine.map_or(0, |lane| self.column(*lane, side));
        line[begin..].fill('─');
        line[begin] = '╰';
        line[self.middle - 1] = '▶';
        let others: Vec<Lane> = lanes.iter().copied().filter(|lane| lane.packet != index).collect();
        self.with_lanes(line, &others, side)
    }

    /// What was drawn from the sender's side, as it stands on the page: the words keep their direction.
    fn turned(&self, from: Side, drawn: &[char], label: &str, lost: bool) -> ([char; 2], String) {
        if from == Side::Left {
            return (['┣', '┃'], drawn.iter().collect());
        }
        let mut line: Vec<char> = drawn.iter().rev().map(|sign| turned_sign(*sign)).collect();
        let words: Vec<char> = label.chars().collect();
        let begin = self.middle - 2 - words.len();
        line[begin..begin + words.len()].copy_from_slice(&words);
        let mut line: String = line.into_iter().collect();
        if lost {
            line = line.replace("tsol ✗", "lost ✗");
        }
        (['┃', '┫'], line)
    }

    fn line(&self, cells: &[Cell; 2], middle: &str, marks: [char; 2]) -> String {
        let [left, right] = cells;
        let line = format!(
            "{:>TIME$} {}{}{middle}{}{} {:>TIME$}",
            left.at.map(seconds).unwrap_or_default(),
            self.state_name(left, Side::Left),
            marks[0],
            marks[1],
            self.state_name(right, Side::Right),
            right.at.map(seconds).unwrap_or_default(),
        );
        format!("{}\n", line.trim_end())
    }

    fn state_name(&self, cell: &Cell, side: Side) -> String {
        let name = match cell.state {
            Some((state, flow)) if self.has_flows && flow != 0 => format!("{state} :{flow}"),
            Some((state, _)) => state.to_string(),
            None => String::new(),
        };
        let width = self.state;
        let name = match side {
            Side::Left => format!("{name:>width$} "),
            Side::Right => format!(" {name:<width$}"),
        };
        match cell.state {
            Some((state, _)) => self.paint(colour(state), &name),
            None => name,
        }
    }
}

fn turned_sign(sign: char) -> char {
    match sign {
        '▶' => '◀',
        '╮' => '╭',
        '╰' => '╯',
        other => other,
    }
}

fn colour(state: State) -> &'static str {
    match state {
        State::Closed | State::Listen => "90",
        State::SynSent | State::SynRecv => "33",
        State::Established => "32",
        State::FinWait1 | State::FinWait2 | State::Closing => "34",
        State::TimeWait => "35",
        State::CloseWait | State::LastAck => "31",
    }
}
