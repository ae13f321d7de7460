//! The few shapes that the pictures need, as SVG elements. Bars are drawn below everything else.

use lastack_observe::State;
use std::fmt::Write;

const STYLE: &str = "\
text{font-family:'DejaVu Sans','Segoe UI',Helvetica,Arial,sans-serif;font-size:13px;fill:#1f2933}\
.title{font-size:19px;font-weight:bold}.end,.head{font-size:15px;font-weight:bold}\
.time{font-size:12px;fill:#6b7480}.lapse{font-style:italic;font-size:12px;fill:#6b7480}\
.call{fill:#0b6e75;font-weight:bold}.note{fill:#6b7480;font-style:italic}\
.label{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:12px;paint-order:stroke;stroke:#fff;stroke-width:4px}\
.pill{font-size:12px;font-weight:bold;fill:#fff}.cross,.lostword{fill:#c81e1e;font-weight:bold}\
.small{font-size:11px;fill:#6b7480}.taken{font-size:11px;fill:#14532d;font-weight:bold}\
line,path{fill:none;stroke:#334155;stroke-width:1.6}.again{stroke-dasharray:7 4}.lost{stroke:#c81e1e}\
.edge{stroke:#c3c9d1;stroke-width:1.3}.crossed{stroke:#15803d;stroke-width:3}";

/// A page that grows.
pub(in crate::drawing) struct Page {
    width: i32,
    below: String,
    above: String,
}

impl Page {
    pub(in crate::drawing) fn new(width: i32) -> Page {
        Page { width, below: String::new(), above: String::new() }
    }

    /// The whole file.
    pub(in crate::drawing) fn finish(self, height: i32) -> String {
        let Page { width, below, above } = self;
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let _ = writeln!(
            text,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">"
        );
        let _ = writeln!(text, "<style>{STYLE}</style>");
        text.push_str("<defs>");
        for (name, fill) in [("head", "#334155"), ("grey", "#c3c9d1"), ("green", "#15803d")] {
            let _ = write!(
                text,
                "<marker id=\"{name}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"11\" \
                 markerHeight=\"11\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
                 <path d=\"M0 0L10 5L0 10z\" style=\"fill:{fill};stroke:none\"/></marker>"
            );
        }
        let _ = writeln!(text, "</defs>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>");
        text + &below + &above + "</svg>\n"
    }

    pub(in crate::drawing) fn words(&mut self, x: i32, y: i32, class: &str, anchor: &str, words: &str) {
        let words = escaped(words);
        let _ = writeln!(
            self.above,
            "<text x=\"{x}\" y=\"{y}\" class=\"{class}\" text-anchor=\"{anchor}\">{words}</text>"
        );
    }

    /// Words on a white plate, so that the line behind them does not cross the letters.
    pub(in crate::drawing) fn plate(&mut self, (x, y): (i32, i32), words: &str, class: &str) {
        let width = 8 + 7 * words.chars().count() as i32;
        let _ = writeln!(
            self.above,
            "<rect x=\"{}\" y=\"{}\" width=\"{width}\" height=\"15\" rx=\"3\" fill=\"#fff\"/>",
            x - width / 2,
            y - 11
        );
        self.words(x, y, class, "middle", words);
    }

    /// A packet's words, along its arrow.
    pub(super) fn tilted(&mut self, (x, y): (f64, f64), degrees: f64, words: &str) {
        let words = escaped(words);
        let _ = writeln!(
            self.above,
            "<text transform=\"translate({x:.0} {y:.0}) rotate({degrees:.1})\" y=\"-6\" class=\"label\" \
             text-anchor=\"middle\">{words}</text>"
        );
    }

    pub(super) fn line(&mut self, from: (i32, i32), to: (i32, i32), class: &str) {
        let head = if class == "lost" { "" } else { " marker-end=\"url(#head)\"" };
        let _ = writeln!(
            self.below,
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{class}\"{head}/>",
            from.0, from.1, to.0, to.1
        );
    }

    /// A curve or a straight line of the state diagram.
    pub(in crate::drawing) fn edge(&mut self, path: &str, is_crossed: bool) {
        let (class, head) = if is_crossed { ("crossed", "green") } else { ("edge", "grey") };
        let _ = writeln!(self.below, "<path d=\"{path}\" class=\"{class}\" marker-end=\"url(#{head})\"/>");
    }

    /// Part of a lifeline.
    pub(super) fn bar(&mut self, x: i32, y: i32, width: i32, height: i32, fill: &str) {
        let bar = format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{}\" fill=\"{fill}\"/>\n",
            height.max(0)
        );
        self.below.insert_str(0, &bar);
    }

    /// Time that is not drawn.
    pub(super) fn gap(&mut self, x: i32, y: i32) {
        let _ = writeln!(
            self.below,
            "<rect x=\"{}\" y=\"{}\" width=\"16\" height=\"6\" fill=\"#fff\"/>",
            x - 8,
            y - 3
        );
    }

    /// A state's name on its colour.
    pub(super) fn pill(&mut self, x: i32, y: i32, width: i32, fill: &str, name: &str) {
        let _ = writeln!(
            self.above,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"20\" rx=\"6\" fill=\"{fill}\"/>"
        );
        self.words(x + width / 2, y + 14, "pill", "middle", name);
    }

    /// A box of the state diagram.
    pub(in crate::drawing) fn state_box(
        &mut self,
        (x, y): (i32, i32),
        (width, height): (i32, i32),
        fill: &str,
    ) {
        let _ = writeln!(
            self.above,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#fff\" \
             stroke=\"{fill}\" stroke-width=\"2\"/>\n\
             <path d=\"M{x} {b}v-18a8 8 0 0 1 8 -8h{w}a8 8 0 0 1 8 8v18z\" style=\"fill:{fill};stroke:{fill}\"/>",
            b = y + 26,
            w = width - 16
        );
    }
}

/// The colour of a state, dark enough for white letters.
pub(in crate::drawing) fn colour(state: State) -> &'static str {
    match state {
        State::Closed => "#7b8794",
        State::Listen => "#52606d",
        State::SynSent => "#b7791f",
        State::SynRecv => "#c05621",
        State::Established => "#15803d",
        State::FinWait1 => "#2b6cb0",
        State::FinWait2 => "#434190",
        State::Closing => "#6b46c1",
        State::TimeWait => "#97266d",
        State::CloseWait => "#b83280",
        State::LastAck => "#c53030",
    }
}

fn escaped(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for sign in words.chars() {
        match sign {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            // Nothing else is forbidden in text but most control characters.
            sign if sign.is_control() => text.push(' '),
            sign => text.push(sign),
        }
    }
    text
}
