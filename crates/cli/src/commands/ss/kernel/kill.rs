//! `--kill`: the sockets that were listed are destroyed, exactly those (by their cookies), after a question.

use crate::options::SsOptions;
use anyhow::{Result, bail, ensure};
use lastack::observe::SocketRow;
use lastack_host::Diag;
use lastack_host::tune::{self, Destroyed, Refusal, Target};
use std::io::{self, BufRead, IsTerminal, Write};

/// A slip of the hand must not end every connection of a machine.
pub(super) fn refuse_without_filter(options: &SsOptions) -> Result<()> {
    ensure!(
        !options.filter.is_empty(),
        "--kill needs a filter that says which sockets, for example: lastack ss --kill state close-wait 'sport = :8080'"
    );
    Ok(())
}

/// The sockets that passed.
#[derive(Default)]
pub(super) struct Doomed {
    targets: Vec<Target>,
}

impl Doomed {
    pub(super) fn add(&mut self, row: &SocketRow) {
        if let Some(host) = &row.host {
            self.targets.push(Target { flow: row.flow, interface: host.interface, cookie: host.cookie });
        }
    }

    /// `yes`: the user has agreed already. What was refused is an error, with the way to allow it.
    pub(super) fn destroy(self, diag: &mut Diag, yes: bool) -> Result<()> {
        let all = self.targets.len();
        if all == 0 {
            eprintln!("no socket passes the filter: nothing was destroyed");
            return Ok(());
        }
        if !yes && !agreed(all)? {
            eprintln!("nothing was destroyed");
            return Ok(());
        }
        let (mut destroyed, mut gone) = (0, 0);
        for target in &self.targets {
            match tune::destroy(diag, target)? {
                Destroyed::Yes => destroyed += 1,
                Destroyed::Gone => gone += 1,
                Destroyed::Refused(refusal) => return refused(refusal, destroyed, gone, all),
            }
        }
        eprintln!("{destroyed} destroyed{}", ended(gone));
        Ok(())
    }
}

/// The kernel refuses all of them for the same reason: the others are not tried.
fn refused(refusal: Refusal, destroyed: usize, gone: usize, all: usize) -> Result<()> {
    let left = all - destroyed - gone;
    bail!("{destroyed} destroyed{}, {left} refused: {refusal}", ended(gone))
}

fn ended(gone: usize) -> String {
    if gone == 0 { String::new() } else { format!(", {gone} had ended by themselves") }
}

fn agreed(all: usize) -> Result<bool> {
    let mut stdin = io::stdin().lock();
    ensure!(
        stdin.is_terminal(),
        "{all} sockets pass and none was destroyed: stdin is no terminal, so nobody can be asked; --yes destroys them"
    );
    eprint!(
        "Destroy {}? [y/N] ",
        if all == 1 { "this socket".to_owned() } else { format!("these {all} sockets") }
    );
    io::stderr().flush()?;
    let mut answer = String::new();
    stdin.read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
