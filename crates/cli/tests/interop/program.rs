//! `lastack serve` as a child process of the test.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read};
use std::net::Ipv4Addr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Where `serve` answers when no route overlaps, which holds in a fresh namespace.
pub(crate) const STACK: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);

const PATIENCE: Duration = Duration::from_secs(20);

/// A running `lastack serve`; killed when it is dropped.
pub(crate) struct Serve {
    child: Child,
    printed: Vec<String>,
    stderr: Receiver<String>,
}

impl Serve {
    /// Starts it in the calling thread's namespace and waits until it answers.
    pub(crate) fn start(options: &[&str]) -> Serve {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lastack"));
        Serve::start_from(command.arg("serve").args(options))
    }

    /// The same with a command of one's own: an environment, another copy of the program.
    pub(crate) fn start_from(command: &mut Command) -> Serve {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program that cargo built starts");
        let stdout = lines(child.stdout.take().expect("stdout is a pipe"));
        let stderr = lines(child.stderr.take().expect("stderr is a pipe"));
        let mut serve = Serve { child, printed: Vec::new(), stderr };
        serve.wait_until_ready(&stdout);
        serve
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it printed on stdout when it was ready.
    pub(crate) fn printed(&self) -> &[String] {
        &self.printed
    }

    /// The next line on stderr that holds `text`.
    pub(crate) fn wait_for_talk(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) = self.stderr.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if line.contains(text) {
                return line;
            }
        }
        panic!("no line with {text:?} on stderr in {PATIENCE:?}");
    }

    /// kill -9: it can do and say nothing any more. Returns when it is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the child is there");
        self.child.wait().expect("the child can be waited for");
    }

    /// Ctrl-C, and the status it ends with.
    pub(crate) fn interrupt(mut self) -> ExitStatus {
        let pid = i32::try_from(self.child.id()).expect("a process number");
        kill(Pid::from_raw(pid), Signal::SIGINT).expect("the child is there");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "serve did not end {PATIENCE:?} after Ctrl-C");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Every port listens before it prints the lines to copy; the last of them is this one.
    fn wait_until_ready(&mut self, stdout: &Receiver<String>) {
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) = stdout.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.printed.push(line);
            if self.printed.last().is_some_and(|line| line.contains("ss --stack")) {
                return;
            }
        }
        // It ended, or it never gets ready; killed, it closes its stderr.
        let _ = self.child.kill();
        let said: Vec<String> = self.stderr.iter().collect();
        panic!("serve is not ready after {PATIENCE:?}: {:?} {}", self.printed, said.join("\n"));
    }
}

impl Drop for Serve {
    /// As Ctrl-C, so that its control socket goes with it; killed when it does not end soon.
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(2);
        let pid = i32::try_from(self.child.id()).expect("a process number");
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
            thread::sleep(Duration::from_millis(10));
        }
        // It may have ended by itself; there is nothing left to do about that here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
