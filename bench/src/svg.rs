//! A report as a chart: a group of horizontal bars per table, median as the bar, least and largest as the whisker.
//!
//! Each group has its own scale, which begins at zero. No script, no font of its own: it looks the same in any viewer.

#[cfg(test)]
mod tests;

use crate::report::{Report, Row, Table};
use std::fmt::Write;

const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 20.0;
/// Where bars begin; names stand left of it.
const BARS_LEFT: f64 = 260.0;
/// The longest whisker ends here; numbers stand right of each bar.
const BARS_WIDTH: f64 = 260.0;
const LINE: f64 = 24.0;
const BAR: f64 = 14.0;
const OURS: &str = "#1f6feb";
const THEIRS: &str = "#8b949e";

/// The chart of `report` as a document.
pub(crate) fn draw(report: &Report) -> String {
    let mut body = String::new();
    let mut y = MARGIN + LINE;
    text(&mut body, MARGIN, y, "18", &format!("lastack-bench {}", report.benchmark));
    for table in &report.tables {
        y += 1.5 * LINE;
        text(&mut body, MARGIN, y, "14", &table.heading());
        draw_rows(&mut body, &mut y, table);
    }
    y += 0.5 * LINE;
    let left_out =
        report.not_run.iter().map(|left_out| format!("{}: not run: {}", left_out.what, left_out.why));
    for line in left_out.chain(report.notes.iter().map(|note| (*note).to_owned())) {
        y += LINE;
        text(&mut body, MARGIN, y, "12", &line);
    }
    let height = y + MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n"
    )
}

fn draw_rows(body: &mut String, y: &mut f64, table: &Table) {
    let largest = table.rows().iter().map(|row| row.spread.max).fold(0.0, f64::max);
    let scale = if largest > 0.0 { BARS_WIDTH / largest } else { 0.0 };
    for (index, row) in table.rows().iter().enumerate() {
        *y += LINE;
        draw_row(body, *y, scale, if index == 0 { OURS } else { THEIRS }, row);
    }
}

/// `y` is the base line of the row's words, `scale` points per unit.
fn draw_row(body: &mut String, y: f64, scale: f64, colour: &str, row: &Row) {
    let place = |value: f64| BARS_LEFT + value * scale;
    let (top, middle) = (y - BAR + 3.0, y - BAR / 2.0 + 3.0);
    text(body, MARGIN, y, "13", row.series.name);
    let mut put = |arguments: std::fmt::Arguments<'_>| {
        body.write_fmt(arguments).expect("a string takes all that is written to it");
    };
    put(format_args!(
        "<rect class=\"bar\" x=\"{BARS_LEFT}\" y=\"{top}\" width=\"{:.2}\" height=\"{BAR}\" fill=\"{colour}\"/>\n",
        row.spread.median * scale
    ));
    put(format_args!(
        "<line x1=\"{:.2}\" y1=\"{middle}\" x2=\"{:.2}\" y2=\"{middle}\" stroke=\"black\" stroke-width=\"1.5\"/>\n",
        place(row.spread.min),
        place(row.spread.max)
    ));
    let words = format!("{:.2}  {}", row.spread.median, row.comparison());
    text(body, place(row.spread.max) + 8.0, y, "12", words.trim_end());
}

fn text(body: &mut String, x: f64, y: f64, size: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    writeln!(body, "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{size}\">{words}</text>")
        .expect("a string takes all that is written to it");
}
