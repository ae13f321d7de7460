//! A table whose columns are the states that somebody is in.

use lastack::observe::{Census, State};
use std::io::{self, Write};

/// One line: what it is, what else is told of it, and its counts.
pub(in crate::commands) struct Line {
    pub(in crate::commands) name: String,
    pub(in crate::commands) cells: Vec<String>,
    pub(in crate::commands) census: Census,
}

/// The order of a connection's life, not of the kernel's numbers.
const ORDER: [State; 10] = [
    State::SynSent,
    State::SynRecv,
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::Closing,
    State::TimeWait,
    State::CloseWait,
    State::LastAck,
    State::Closed,
];

/// Prints the lines below their headings: the name, the other cells, then each state that is not empty everywhere.
pub(in crate::commands) fn print(headings: &[&str], lines: &[Line], out: &mut dyn Write) -> io::Result<()> {
    let states: Vec<State> =
        ORDER.into_iter().filter(|state| lines.iter().any(|line| line.census.count(*state) > 0)).collect();
    let head = headings.iter().map(|heading| (*heading).to_owned());
    let mut table: Vec<Vec<String>> =
        vec![head.chain(states.iter().map(|state| state.ss_name().to_owned())).collect()];
    for line in lines {
        let counts = states.iter().map(|state| line.census.count(*state).to_string());
        table.push([line.name.clone()].into_iter().chain(line.cells.iter().cloned()).chain(counts).collect());
    }
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table[0].len()).map(width).collect();
    for row in &table {
        let mut text = format!("{:<1$}", row[0], widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            text.push_str(&format!("  {cell:>width$}"));
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}
