//! What a benchmark says: tables of interleaved series, the ratio of the first one to every other, and what did not run.
//!
//! The same report is printed, written as JSON (`schema` counts changes of its shape) and drawn by `svg`.

#[cfg(test)]
mod tests;

use crate::pairs::{Series, Spread};
use serde::Serialize;
use std::fmt;

/// Which numbers are good ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Better {
    /// Costs.
    Lower,
    /// Rates.
    Higher,
}

impl fmt::Display for Better {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Better::Lower => "lower is better",
            Better::Higher => "higher is better",
        })
    }
}

/// Cases measured in the same rounds. The first one is what the others are compared with.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Table {
    title: &'static str,
    better: Better,
    rows: Vec<Row>,
}

/// One case of a table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    pub(crate) series: Series,
    pub(crate) spread: Spread,
    /// The first one's name.
    #[serde(skip)]
    first: &'static str,
    /// How many times as fast as this one the first one is; paired round by round. None for the first itself.
    pub(crate) first_is_faster_by: Option<Spread>,
}

impl Table {
    /// A table of at least one series, each with at least one sample.
    pub(crate) fn new(title: &'static str, better: Better, series: Vec<Series>) -> Table {
        let first = series[0].clone();
        let row = |(index, series): (usize, Series)| {
            let faster = match better {
                Better::Lower => series.ratio_to(&first),
                Better::Higher => first.ratio_to(&series),
            };
            let spread = Spread::of(&series.samples);
            Row { series, spread, first: first.name, first_is_faster_by: (index > 0).then_some(faster) }
        };
        Table { title, better, rows: series.into_iter().enumerate().map(row).collect() }
    }

    /// What is measured, its unit and the direction, in one line.
    pub(crate) fn heading(&self) -> String {
        format!("{} ({}, {})", self.title, self.rows[0].series.unit, self.better)
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }
}

impl Row {
    /// `lastack is 2.00x as fast (1.90-2.10)`, and nothing for the first row.
    pub(crate) fn comparison(&self) -> String {
        self.first_is_faster_by.map_or_else(String::new, |ratio| {
            format!("{} is {:.2}x as fast ({:.2}-{:.2})", self.first, ratio.median, ratio.min, ratio.max)
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.heading())?;
        writeln!(f, "  {:<30} {:>10} {:>10} {:>10}", "", "min", "median", "max")?;
        for row in &self.rows {
            let Spread { min, median, max } = row.spread;
            let line = format!(
                "  {:<30} {min:>10.2} {median:>10.2} {max:>10.2}  {}",
                row.series.name,
                row.comparison()
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A peer or a case that was left out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NotRun {
    pub(crate) what: &'static str,
    pub(crate) why: String,
}

/// All that one benchmark says.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    schema: u32,
    pub(crate) benchmark: &'static str,
    pub(crate) tables: Vec<Table>,
    pub(crate) not_run: Vec<NotRun>,
    /// How the cases were measured, a sentence each.
    pub(crate) notes: &'static [&'static str],
}

impl Report {
    /// A report with nothing in it yet.
    pub(crate) fn new(benchmark: &'static str, notes: &'static [&'static str]) -> Report {
        Report { schema: 1, benchmark, tables: Vec::new(), not_run: Vec::new(), notes }
    }

    /// The medians of all ratios in one line.
    pub(crate) fn summary(&self) -> String {
        let of_table = |table: &Table| {
            let against = |row: &Row| {
                row.first_is_faster_by.map(|ratio| format!("{:.2}x {}", ratio.median, row.series.name))
            };
            let ratios: Vec<String> = table.rows.iter().filter_map(against).collect();
            format!("{} {}", table.title, ratios.join(", "))
        };
        let tables: Vec<String> = self.tables.iter().map(of_table).collect();
        format!("{}: lastack's speed against its peers: {}", self.benchmark, tables.join("; "))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            writeln!(f, "{table}")?;
        }
        for NotRun { what, why } in &self.not_run {
            writeln!(f, "{what}: not run: {why}")?;
        }
        for note in self.notes {
            writeln!(f, "note: {note}")?;
        }
        write!(f, "{}", self.summary())
    }
}
