//! Every segment in every state, as tests/matrix has them measured: frames in, frames out, the state after, counters.
//!
//! Not a test of rules: it knows none. What a cell must do stands in the data, and what lastack does otherwise too.

mod cells;
mod peer;

use cells::{Cell, Outcome, Segment};
use peer::Peer;
use std::collections::BTreeSet;

/// States whose cells exist, and how many cells both files have together.
const STATES: usize = 14;
const CELLS: usize = 784;
/// Of a hundred cells so many are as measured, at least.
const EQUAL_MIN_PERCENT: usize = 99;

/// Runs one cell in a stack of its own.
fn observe(cell: &Cell, segment: &Segment, timestamps: bool, watched: &BTreeSet<String>) -> Outcome {
    let mut peer = Peer::new(timestamps);
    peer.bring_to(&cell.state);
    let before = peer.counters(watched);
    peer.inject(segment);
    peer.outcome(&before, watched)
}

#[test]
fn every_cell_is_as_measured() {
    let segments = cells::segments();
    let files = [("with-timestamps.txt", true), ("without-timestamps.txt", false)];
    let (mut total, mut deviations, mut wrong) = (0, Vec::new(), Vec::new());
    let mut states = BTreeSet::new();
    for (file, timestamps) in files {
        let cells = cells::cells(file);
        let watched: BTreeSet<String> = cells.iter().flat_map(Cell::counters).collect();
        for cell in &cells {
            let segment = segments.iter().find(|segment| segment.name == cell.segment);
            let segment = segment.unwrap_or_else(|| panic!("{file}:{}: no such segment", cell.line));
            let seen = observe(cell, segment, timestamps, &watched);
            total += 1;
            states.insert(cell.state.clone());
            let expected = cell.deviation.as_ref().map_or(&cell.measured, |(ours, _)| ours);
            if let Some((_, why)) = &cell.deviation {
                deviations.push(format!("{file}:{}: {} + {}: {why}", cell.line, cell.state, cell.segment));
            }
            if seen != *expected {
                let place = format!("{file}:{}: {} + {}", cell.line, cell.state, cell.segment);
                wrong.push(format!("{place}\n  expected {expected}\n  seen     {seen}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells differ:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!((states.len(), total), (STATES, CELLS));
    assert!((total - deviations.len()) * 100 >= total * EQUAL_MIN_PERCENT, "{deviations:#?}");
}

/// A cell whose segment is another one ends otherwise, so the comparison above can fail.
#[test]
fn another_segment_ends_otherwise() {
    let cells = cells::cells("with-timestamps.txt");
    let segments = cells::segments();
    let watched: BTreeSet<String> = cells.iter().flat_map(Cell::counters).collect();
    let named = |name: &str| segments.iter().find(|segment| segment.name == name).expect("a segment");
    let stays = |cell: &&Cell| {
        cell.measured.state != "none" && !matches!(cell.state.as_str(), "SYN_SENT" | "LISTEN" | "CLOSED")
    };
    for cell in cells.iter().filter(stays).step_by(23) {
        let seen = observe(cell, named("RST exact"), true, &watched);
        assert_ne!(seen, cell.measured, "{} + {}", cell.state, cell.segment);
        assert_eq!(seen.state, "none", "{}", cell.state);
    }
}
