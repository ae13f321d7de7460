//! Runs other programs: everything they print passes through at once, and lines that say what was skipped are kept.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

/// What `timeout` answers when the time was over.
const TIMED_OUT: i32 = 124;

/// One program with its arguments, environment and time limit.
#[derive(Debug)]
pub(crate) struct Run {
    command: Command,
    shown: String,
    limit: Duration,
}

/// What is shown of what it prints.
#[derive(Clone, Copy)]
enum Prints {
    All,
    /// All, but only when it failed.
    Failures,
    Nothing,
}

/// How it went.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// It ended by itself and said that all is well.
    pub(crate) passed: bool,
    /// Why not, in words.
    pub(crate) why: String,
    /// What stood behind `skipped: ` on lines of its output.
    pub(crate) skipped: Vec<String>,
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
}

impl Run {
    /// `program` with `arguments`, in the repository's root, ended (with its children) after `limit`.
    pub(crate) fn new(program: &str, arguments: &[&str], limit: Duration) -> Run {
        // coreutils' timeout puts the program in a process group of its own and ends the whole group.
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", &limit.as_secs().to_string(), program]).args(arguments);
        command.current_dir(crate::tree::root()).stdin(Stdio::null());
        Run { command, shown: format!("{program} {}", arguments.join(" ")), limit }
    }

    /// The cargo that runs us.
    pub(crate) fn cargo(arguments: &[&str], limit: Duration) -> Run {
        Run::new("cargo", arguments, limit)
    }

    /// Sets a variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Run {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end and passes on what it prints.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn shown(self) -> Result<Ran> {
        println!("+ {}", self.shown);
        self.run(Prints::All)
    }

    /// Runs it to its end and shows nothing: to fail may be what is wanted of it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn silent(self) -> Result<Ran> {
        self.run(Prints::Nothing)
    }

    /// Runs it to its end; what it prints is shown only when it fails.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn quiet(self) -> Result<Ran> {
        self.run(Prints::Failures)
    }

    fn run(mut self, prints: Prints) -> Result<Ran> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().with_context(|| format!("cannot start {}", self.shown))?;
        let (lines, received) = mpsc::channel();
        let readers = [
            reader(child.stdout.take().context("stdout was asked for")?, false, lines.clone()),
            reader(child.stderr.take().context("stderr was asked for")?, true, lines),
        ];
        let mut ran = Ran::default();
        let mut held = Vec::new();
        for (line, is_error) in received {
            if let Some((_, why)) =
                line.split_once("skipped: ").filter(|(before, _)| before.trim().is_empty())
            {
                ran.skipped.push(why.trim_end().to_owned());
            }
            let kept = if is_error { &mut ran.stderr } else { &mut ran.stdout };
            kept.push_str(&line);
            match prints {
                Prints::All => print(&line),
                Prints::Failures => held.push(line),
                Prints::Nothing => {}
            }
        }
        for reader in readers {
            let _ = reader.join();
        }
        let status = child.wait().with_context(|| format!("waiting for {}", self.shown))?;
        ran.passed = status.success();
        if !ran.passed {
            ran.why = why(status, self.limit);
            held.iter().for_each(|line| print(line));
        }
        Ok(ran)
    }
}

fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody may be there to read it; the work goes on.
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

fn reader(
    from: impl Read + Send + 'static,
    is_error: bool,
    to: Sender<(String, bool)>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if to.send((String::from_utf8_lossy(&line).into_owned(), is_error)).is_err() {
                return;
            }
            line.clear();
        }
    })
}

fn why(status: ExitStatus, limit: Duration) -> String {
    match status.code() {
        Some(TIMED_OUT) => format!("it was ended after {} s", limit.as_secs()),
        Some(code) => format!("exit code {code}"),
        None => "ended by a signal".to_owned(),
    }
}

/// Whether a program of this name is on the PATH.
pub(crate) fn exists(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
