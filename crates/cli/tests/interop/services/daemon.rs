//! A server of the kernel's as a child; killed when it is dropped.

use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts it and waits until it listens on loopback.
    pub(super) fn start(program: &str, arguments: &[&str], port: u16) -> Daemon {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut daemon = Daemon { child: command.spawn().expect("an installed program starts") };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = daemon.child.try_wait().expect("a child");
            assert!(ended.is_none(), "{program} ended: {ended:?}");
            assert!(Instant::now() < deadline, "{program} does not listen on {port} after {PATIENCE:?}");
            thread::sleep(Duration::from_millis(20));
        }
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing left to do about that here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
