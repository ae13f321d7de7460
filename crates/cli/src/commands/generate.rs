//! `lastack generate`: man pages and completions, from the same description of the command line as --help.

use crate::Verdict;
use crate::options::{GenerateOptions, Options};
use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use std::fs;

pub(crate) fn run(options: &GenerateOptions) -> Result<Verdict> {
    let (man, completions) = (options.folder.join("man"), options.folder.join("completions"));
    for folder in [&man, &completions] {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    }
    let mut command = Options::command();
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        clap_complete::generate_to(shell, &mut command, "lastack", &completions)
            .with_context(|| format!("writing completions for {shell}"))?;
    }
    clap_mangen::generate_to(command, &man).context("writing man pages")?;
    eprintln!("{}: man pages; {}: completions", man.display(), completions.display());
    Ok(Verdict::Fine)
}
