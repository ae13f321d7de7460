//! A diagram as an SVG picture: one file, no fonts, scripts or pictures from elsewhere.
//!
//! Rows have one height each, so time is not to scale: it is written beside the lifelines, as in the terminal.

pub(super) mod page;

use super::rows::{Body, Row, first_states, rows};
use super::{Diagram, Side, seconds, wrapped};
use lastack_observe::State;
use page::Page;
pub(super) use page::colour;
use std::time::Duration;

const WIDTH: i32 = 1000;
const LEFT: i32 = 250;
const RIGHT: i32 = WIDTH - LEFT;
const TOP: i32 = 130;
/// How much lower a packet arrives than it left.
const SLOPE: i32 = 22;

/// The whole diagram.
pub fn render(diagram: &Diagram) -> String {
    let mut drawing = Drawing {
        diagram,
        has_flows: diagram.has_flows(),
        page: Page::new(WIDTH),
        y: TOP,
        left_at: Vec::new(),
        since: first_states(diagram).map(|state| (TOP, state)),
    };
    drawing.heading();
    let rows = rows(diagram);
    rows.iter().for_each(|row| drawing.row(row));
    drawing.y += 20;
    drawing.end_bars();
    drawing.see();
    drawing.page.finish(drawing.y + 10)
}

struct Drawing<'d> {
    diagram: &'d Diagram,
    has_flows: bool,
    page: Page,
    /// Where the next row begins.
    y: i32,
    /// Where packets left whose arrival is still to come.
    left_at: Vec<(usize, i32)>,
    /// Where the bar of the present state began, at each end.
    since: [(i32, Option<State>); 2],
}

fn lifeline(side: Side) -> i32 {
    match side {
        Side::Left => LEFT,
        Side::Right => RIGHT,
    }
}

/// The direction away from the other end.
fn outward(side: Side) -> i32 {
    match side {
        Side::Left => -1,
        Side::Right => 1,
    }
}

impl Drawing<'_> {
    fn heading(&mut self) {
        self.page.words(WIDTH / 2, 40, "title", "middle", &self.diagram.title);
        for side in [Side::Left, Side::Right] {
            let x = lifeline(side);
            self.page.words(x, 84, "end", "middle", &self.diagram.ends[side as usize]);
            if let Some(state) = self.since[side as usize].1
                && !self.has_flows
            {
                self.state(side, TOP - 18, state, 0);
            }
        }
    }

    fn row(&mut self, row: &Row) {
        match &row.body {
            Body::Lapse(time) => {
                self.page.words(WIDTH / 2, self.y + 18, "lapse", "middle", time);
                [LEFT, RIGHT].into_iter().for_each(|x| self.page.gap(x, self.y + 13));
                self.y += 30;
            }
            Body::Empty => {
                self.cells(row, [self.y + 14; 2]);
                self.y += 28;
            }
            Body::Text { side, text, is_call } => {
                let y = self.y + 14;
                let x = lifeline(*side) - outward(*side) * 14;
                let anchor = if *side == Side::Left { "start" } else { "end" };
                self.page.words(x, y + 4, if *is_call { "call" } else { "note" }, anchor, text);
                self.cells(row, [y; 2]);
                self.y += 26;
            }
            Body::Arrow(packet) => {
                let from = self.diagram.packets[*packet].from;
                let (leaves, arrives) = (self.y + 16, self.y + 16 + SLOPE);
                self.arrow(*packet, leaves, arrives);
                let heights = if from == Side::Left { [leaves, arrives] } else { [arrives, leaves] };
                self.cells(row, heights);
                self.y += 24 + SLOPE;
            }
            Body::Leaves(packet) => {
                self.left_at.push((*packet, self.y + 16));
                self.cells(row, [self.y + 16; 2]);
                self.y += 26;
            }
            Body::Arrives(packet) => {
                let y = self.y + 14;
                let left = self.left_at.iter().position(|(left, _)| left == packet);
                let leaves = left.map_or(y, |place| self.left_at.swap_remove(place).1);
                self.arrow(*packet, leaves, y);
                self.cells(row, [y; 2]);
                self.y += 26;
            }
        }
    }

    fn arrow(&mut self, index: usize, leaves: i32, arrives: i32) {
        let packet = &self.diagram.packets[index];
        let (from, to) = (lifeline(packet.from), lifeline(packet.from.other()));
        let inward = -outward(packet.from);
        let mut label = packet.label();
        if self.has_flows {
            label += &format!(" :{}", packet.flow);
        }
        // Steep arrows cross others: their words stand near the sender.
        let steep = arrives - leaves > SLOPE;
        let share = if steep || packet.lost { 0.32 } else { 0.5 };
        let (start, end) = ((from + inward * 6, leaves), (to - inward * 6, arrives));
        let at = |share: f64| {
            let along = |a: i32, b: i32| f64::from(a) + f64::from(b - a) * share;
            (along(start.0, end.0), along(start.1, end.1))
        };
        if packet.lost {
            let (x, y) = at(0.74);
            self.page.line(start, (x as i32, y as i32), "lost");
            self.page.words(x as i32 + inward * 6, y as i32 + 6, "cross", "middle", "✕");
            self.page.words(x as i32 + inward * 16, y as i32 + 5, "lostword", anchor(inward), "lost");
        } else {
            self.page.line(start, end, if packet.again { "again" } else { "packet" });
        }
        let tilt = f64::from(end.1 - start.1).atan2(f64::from((end.0 - start.0).abs())).to_degrees();
        self.page.tilted(at(share), tilt * f64::from(inward), &label);
    }

    fn cells(&mut self, row: &Row, heights: [i32; 2]) {
        for side in [Side::Left, Side::Right] {
            let (cell, y) = (row.cells[side as usize], heights[side as usize]);
            if let Some(at) = cell.at {
                self.time(side, y, at);
            }
            if let Some((state, flow)) = cell.state {
                if !self.has_flows {
                    self.bar(side, y);
                    self.since[side as usize] = (y, Some(state));
                }
                self.state(side, y, state, flow);
            }
        }
    }

    fn time(&mut self, side: Side, y: i32, at: Duration) {
        let margin = if self.has_flows { 66 } else { 116 };
        let (x, anchor) = if side == Side::Left { (margin, "end") } else { (WIDTH - margin, "start") };
        self.page.words(x, y + 4, "time", anchor, &seconds(at));
    }

    fn state(&mut self, side: Side, y: i32, state: State, flow: u16) {
        let name = if self.has_flows && flow != 0 { format!("{state} :{flow}") } else { state.to_string() };
        let width = 18 + 8 * name.len() as i32;
        let edge = lifeline(side) + outward(side) * 12;
        let left = if side == Side::Left { edge - width } else { edge };
        self.page.pill(left, y - 10, width, colour(state), &name);
    }

    /// Ends the bar of the present state.
    fn bar(&mut self, side: Side, y: i32) {
        let (since, state) = self.since[side as usize];
        let (fill, width) = match state {
            Some(state) if !self.has_flows => (colour(state), 8),
            _ => ("#c3c9d1", 4),
        };
        self.page.bar(lifeline(side) - width / 2, since, width, y - since, fill);
    }

    fn end_bars(&mut self) {
        self.bar(Side::Left, self.y);
        self.bar(Side::Right, self.y);
    }

    fn see(&mut self) {
        if self.diagram.see.is_empty() {
            return;
        }
        self.y += 40;
        self.page.words(60, self.y, "head", "start", "What to see");
        for (number, sentence) in self.diagram.see.iter().enumerate() {
            self.y += 8;
            for (line, part) in wrapped(sentence, 118).iter().enumerate() {
                self.y += 20;
                if line == 0 {
                    self.page.words(60, self.y, "see", "start", &format!("{}.", number + 1));
                }
                self.page.words(80, self.y, "see", "start", part);
            }
        }
        self.y += 20;
    }
}

fn anchor(inward: i32) -> &'static str {
    if inward > 0 { "start" } else { "end" }
}
