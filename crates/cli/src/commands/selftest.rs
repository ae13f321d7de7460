//! `lastack selftest`: two stacks, a link between them that loses segments, simulated time. An echo under loss and a whole
//! life, from LISTEN to the end of TIME_WAIT, drawn as it happens and judged. No device, no rights, no waiting.

mod drawing;
#[cfg(test)]
mod tests;
mod world;

use crate::Verdict;
use crate::options::SelftestOptions;
use anyhow::Result;
use drawing::Drawing;
use std::io::{self, Write};
use std::time::Instant;
use world::{Outcome, World};

/// Draws the life and says what came of it.
pub(crate) fn run(options: &SelftestOptions) -> Result<Verdict> {
    let began = Instant::now();
    let mut out = io::stdout().lock();
    let outcome = live(options, &mut out)?;
    let took = began.elapsed();
    let simulated = outcome.ended.as_millis() as f64 / 1000.0;
    writeln!(
        out,
        "{} segments, {} of them lost, {} sent again; {simulated:.1} s simulated in {} ms",
        outcome.segments,
        outcome.lost,
        outcome.again,
        took.as_millis()
    )?;
    Ok(match outcome.complaint {
        None => {
            writeln!(out, "passed: {} octets there and back, every one equal", options.octets)?;
            Verdict::Fine
        }
        Some(complaint) => {
            writeln!(out, "FAILED: {complaint}")?;
            Verdict::Found
        }
    })
}

fn live(options: &SelftestOptions, out: &mut dyn Write) -> io::Result<Outcome> {
    let mut drawing = Drawing::new(out);
    drawing.head(world::CLIENT, world::SERVER)?;
    World::new(options, drawing).live()
}
