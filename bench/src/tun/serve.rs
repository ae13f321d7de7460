//! `lastack serve` as a child: built in release, started in the namespace, ended with the benchmark.

use super::Peer;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::env;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Where `serve` answers when no route overlaps, which holds in a fresh namespace.
const STACK: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);
/// On the last line that it prints when every port listens.
const READY: &str = "ss --stack";
const PATIENCE: Duration = Duration::from_secs(30);

/// The program beside this one, rebuilt first when cargo runs us.
pub(crate) fn build() -> Result<PathBuf, String> {
    if let Some(cargo) = env::var_os("CARGO") {
        let built =
            Command::new(cargo).args(["build", "--quiet", "--release", "--package", "lastack"]).status();
        if !built.is_ok_and(|status| status.success()) {
            return Err("building lastack failed".to_owned());
        }
    }
    let this = env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
    let program = this.with_file_name("lastack");
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!("there is no {} (cargo build --release -p lastack)", program.display()))
    }
}

/// A running `lastack serve`; ended when it is dropped.
pub(super) struct Serve {
    child: Child,
}

impl Serve {
    /// Starts it in this process' namespace and waits until it answers.
    pub(super) fn start(program: &Path) -> Result<Serve, String> {
        let name = format!("bench-{}", std::process::id());
        let child = Command::new(program)
            .args(["serve", "--name", &name])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("starting {}: {error}", program.display()))?;
        let mut serve = Serve { child };
        let stdout = serve.child.stdout.take().ok_or("stdout is no pipe")?;
        wait_until_ready(stdout)?;
        Ok(serve)
    }

    /// Its services.
    pub(super) fn peer(&self) -> Peer {
        let at = |port: u16| SocketAddr::from((STACK, port));
        Peer { name: "lastack serve, TUN", echo: at(7), discard: at(9), chargen: at(19) }
    }
}

impl Drop for Serve {
    /// Ctrl-C first, so that nothing of it is left behind in `/run/lastack`.
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).map(Pid::from_raw);
        if pid.is_ok_and(|pid| kill(pid, Signal::SIGINT).is_ok()) {
            let deadline = Instant::now() + PATIENCE;
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(10));
            }
        }
        // Both fail where it has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until_ready(stdout: ChildStdout) -> Result<(), String> {
    let lines = lines(stdout);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) if line.contains(READY) => return Ok(()),
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return Err(format!("serve is not ready after {PATIENCE:?}")),
            Err(RecvTimeoutError::Disconnected) => {
                return Err("serve ended before it was ready (run `lastack serve` to see why)".to_owned());
            }
        }
    }
}

/// Lines as they come; the pipe is read to its end even when nobody listens any more.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}
