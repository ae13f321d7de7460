//! `lastack lab`: situations that are drawn, the state diagram, and packetdrill scripts, all in simulated time. Here only:
//! tell them apart.

mod drawing;
mod scripts;
mod states;
#[cfg(test)]
mod tests;

use crate::Verdict;
use crate::options::LabOptions;
use anyhow::{Result, ensure};
use lastack_sim::lab::{self, Preset};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Plays, draws and runs what was asked for; finds a problem when a script fails.
pub(crate) fn run(options: &LabOptions) -> Result<Verdict> {
    run_to(options, &mut io::stdout().lock())
}

fn run_to(options: &LabOptions, out: &mut dyn Write) -> Result<Verdict> {
    if let Some((first, rest)) = options.what.split_first()
        && first == Path::new("states")
    {
        ensure!(options.profile.is_none(), "--profile is for situations, not for the state diagram");
        return states::run(rest, options.svg.as_deref(), out);
    }
    let (presets, scripts) = sorted(&options.what);
    let drawings = presets.len() + usize::from(!scripts.is_empty());
    ensure!(
        options.svg.is_none() || drawings == 1,
        "--svg takes one drawing; ask for one situation or script"
    );
    ensure!(
        options.profile.is_none() || scripts.is_empty(),
        "--profile is for situations; a script sets its own knobs"
    );
    for (number, preset) in presets.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        let played = options.profile.map_or_else(|| preset.play(), |profile| preset.play_as(profile));
        drawing::show(&played.diagram, options.svg.as_deref(), out)?;
    }
    if scripts.is_empty() { Ok(Verdict::Fine) } else { scripts::run(&scripts, options, out) }
}

/// Situations are known by their names; everything else is a path. `./reset` is a path too.
fn sorted(what: &[PathBuf]) -> (Vec<&'static Preset>, Vec<PathBuf>) {
    let (mut presets, mut paths) = (Vec::new(), Vec::new());
    for name in what {
        match name.to_str().and_then(lab::preset) {
            Some(preset) => presets.push(preset),
            None => paths.push(name.clone()),
        }
    }
    (presets, paths)
}
