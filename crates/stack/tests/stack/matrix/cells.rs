//! The data of tests/matrix: segments and cells.

use lastack_stack::wire::tcp::Flags;
use std::fmt;

/// One segment of the matrix.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) flags: Flags,
    /// From the peer's next number; `None`: the peer's first number.
    pub(super) seq: Option<i64>,
    /// From our next number.
    pub(super) ack: Option<i64>,
    pub(super) len: usize,
}

/// What a cell does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) replies: String,
    pub(super) state: String,
    pub(super) error: String,
    pub(super) counters: Vec<String>,
}

/// One segment in one state.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) line: usize,
    pub(super) state: String,
    pub(super) segment: String,
    pub(super) measured: Outcome,
    /// What lastack does instead, and why.
    pub(super) deviation: Option<(Outcome, String)>,
}

impl Cell {
    /// The counters that it names, without their change.
    pub(super) fn counters(&self) -> impl Iterator<Item = String> {
        let names = self.measured.counters.iter().filter_map(|change| change.split_once('+'));
        names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>().into_iter()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters = if self.counters.is_empty() { "-".to_owned() } else { self.counters.join(" ") };
        write!(f, "{}; {}; {}; {counters}", self.replies, self.state, self.error)
    }
}

const SEGMENTS: &str = include_str!("../../../../../tests/matrix/segments.txt");
const FILES: [(&str, &str); 2] = [
    ("with-timestamps.txt", include_str!("../../../../../tests/matrix/with-timestamps.txt")),
    ("without-timestamps.txt", include_str!("../../../../../tests/matrix/without-timestamps.txt")),
];

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn outcome(fields: &[&str]) -> Outcome {
    let [replies, state, error, counters] = fields else { panic!("a cell has four parts: {fields:?}") };
    let mut counters: Vec<String> =
        counters.split_whitespace().filter(|word| *word != "-").map(str::to_owned).collect();
    counters.sort();
    Outcome {
        replies: (*replies).to_owned(),
        state: (*state).to_owned(),
        error: (*error).to_owned(),
        counters,
    }
}

/// The cells of one file.
pub(super) fn cells(file: &str) -> Vec<Cell> {
    let (_, text) = FILES.iter().find(|(name, _)| *name == file).expect("a file of cells");
    let (mut state, mut cells) = (String::new(), Vec::<Cell>::new());
    for (line, words) in lines(text) {
        if let Some(name) = words.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            name.clone_into(&mut state);
            continue;
        }
        let fields: Vec<&str> = words.split("; ").collect();
        if let Some(ours) = fields[0].strip_prefix("but ") {
            let (ours, why) = words["but ".len()..].rsplit_once("; because ").unwrap_or((ours, ""));
            assert!(!why.is_empty(), "{file}:{line}: a deviation gives its reason");
            let fields: Vec<&str> = ours.split("; ").collect();
            let cell = cells.last_mut().expect("a deviation follows its cell");
            cell.deviation = Some((outcome(&fields), why.to_owned()));
            continue;
        }
        let segment = fields[0].to_owned();
        cells.push(Cell {
            line,
            state: state.clone(),
            segment,
            measured: outcome(&fields[1..]),
            deviation: None,
        });
    }
    cells
}

/// Every segment.
pub(super) fn segments() -> Vec<Segment> {
    let segment = |(line, words): (usize, &str)| {
        let fields: Vec<&str> = words.split("; ").collect();
        let [name, flags, seq, ack, len] = fields[..] else { panic!("segments.txt:{line}: five fields") };
        Segment {
            name: name.to_owned(),
            flags: flags.chars().fold(Flags::default(), |all, letter| all.with(flag(letter))),
            seq: seq.parse().ok(),
            ack: ack.parse().ok(),
            len: len.parse().expect("a number of octets"),
        }
    };
    lines(SEGMENTS).map(segment).collect()
}

fn flag(letter: char) -> Flags {
    match letter {
        'S' => Flags::SYN,
        'F' => Flags::FIN,
        'R' => Flags::RST,
        'P' => Flags::PSH,
        '.' => Flags::ACK,
        '-' => Flags::default(),
        other => panic!("`{other}` is no flag"),
    }
}
