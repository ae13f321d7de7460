//! Where a drawing goes: to the terminal, as wide as it is and in colour, or to a file.

use anyhow::{Context, Result};
use lastack_sim::drawing::terminal::{self, Style};
use lastack_sim::drawing::{Diagram, svg};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::{env, fs};

/// Columns where nobody says how many there are: a file, a pipe.
const WIDTH: usize = 100;

/// Prints a diagram, or writes it to a file as SVG.
pub(super) fn show(diagram: &Diagram, file: Option<&Path>, out: &mut dyn Write) -> Result<()> {
    match file {
        Some(file) => write_svg(file, &svg::render(diagram)),
        None => Ok(write!(out, "{}", terminal::render(diagram, style()))?),
    }
}

/// Writes a picture and says so.
pub(super) fn write_svg(file: &Path, picture: &str) -> Result<()> {
    fs::write(file, picture).with_context(|| format!("writing {}", file.display()))?;
    eprintln!("lastack: wrote {}", file.display());
    Ok(())
}

fn style() -> Style {
    let is_terminal = io::stdout().is_terminal();
    let width = terminal_size::terminal_size().filter(|_| is_terminal);
    Style {
        width: width.map_or(WIDTH, |(columns, _)| usize::from(columns.0)),
        colour: is_terminal
            && has_colours(env::var_os("NO_COLOR").is_some(), env::var("TERM").ok().as_deref()),
    }
}

/// As <https://no-color.org> asks, and not on a terminal that knows no escapes.
fn has_colours(no_color: bool, term: Option<&str>) -> bool {
    !no_color && term.is_some_and(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_know_them_and_users_who_want_them() {
        assert!(has_colours(false, Some("xterm-256color")));
        assert!(!has_colours(true, Some("xterm-256color")));
        assert!(!has_colours(false, Some("dumb")));
        assert!(!has_colours(false, None));
    }
}
