//! `lastack lab states`: the state diagram with the edges that situations crossed, as a list or as SVG.

use super::drawing::write_svg;
use crate::Verdict;
use anyhow::{Context, Result};
use lastack_sim::drawing::states;
use lastack_sim::lab::{self, PRESETS, Preset};
use lastack_sim::world::Edges;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Plays the situations named, or all.
pub(super) fn run(names: &[PathBuf], svg: Option<&Path>, out: &mut dyn Write) -> Result<Verdict> {
    let presets = names.iter().map(|name| preset(name)).collect::<Result<Vec<&Preset>>>()?;
    let presets = if presets.is_empty() { PRESETS.to_vec() } else { presets };
    let mut crossed = Edges::default();
    presets.iter().for_each(|preset| crossed.merge(&preset.play().edges));
    let names: Vec<&str> = presets.iter().map(|preset| preset.name).collect();
    let runs = if names.len() == PRESETS.len() { "all situations".to_owned() } else { names.join(", ") };
    let title = format!("The states of TCP: {runs}");
    match svg {
        Some(file) => write_svg(file, &states::render(&title, &crossed))?,
        None => write!(out, "{}", states::list(&title, &crossed))?,
    }
    Ok(Verdict::Fine)
}

fn preset(name: &Path) -> Result<&'static Preset> {
    let found = name.to_str().and_then(lab::preset);
    found.with_context(|| {
        let known: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        format!("there is no situation {}; there are {}", name.display(), known.join(", "))
    })
}
