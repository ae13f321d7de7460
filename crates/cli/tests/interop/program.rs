//! `lastack serve` as a child process of the test.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
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
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Serve {
    /// Starts it in the calling thread's namespace and waits until it answers.
    pub(crate) fn start(options: &[&str]) -> Serve {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lastack"))
            .arg("serve")
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program that cargo built starts");
        let stdout = lines(child.stdout.take().expect("stdout is a pipe"));
        let stderr = lines(child.stderr.take().expect("stderr is a pipe"));
        let mut serve = Serve { child, stdout, stderr };
        serve.wait_until_it_answers();
        serve
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it prints on stdout when it is ready, up to the last of the lines to copy.
    pub(crate) fn printed(&self) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut printed = Vec::new();
        while let Ok(line) = self.stdout.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            let last = line.contains("ss --stack");
            printed.push(line);
            if last {
                return printed;
            }
        }
        panic!("no lines to copy on stdout in {PATIENCE:?}: {printed:?}");
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

    fn wait_until_it_answers(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let echo = SocketAddr::from((STACK, 7));
        while TcpStream::connect_timeout(&echo, Duration::from_millis(200)).is_err() {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                let said: Vec<String> = self.stderr.iter().collect();
                panic!("serve ended with {status} before it answered: {}", said.join("\n"));
            }
            assert!(Instant::now() < deadline, "serve does not answer on {echo}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
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
