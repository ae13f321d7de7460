//! Processes that hold connections: each both ends of many, to a listener of its own on an address of its own.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};

/// Descriptors of a process are limited, often to 20,000.
const SOCKETS_PER_PROCESS: u32 = 18_000;
const PROCESSES_MIN: u32 = 10;
const PORT: u16 = 4711;

/// The child: holds them until its stdin ends.
pub(crate) fn run(address: Ipv4Addr, connections: u32) -> ExitCode {
    let held = match open(address, connections) {
        Ok(held) => held,
        Err(error) => {
            eprintln!("holding {connections} connections to {address}: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("holding {}", held.len());
    let _ = std::io::stdout().flush();
    let _ = std::io::stdin().read(&mut [0]);
    ExitCode::SUCCESS
}

fn open(address: Ipv4Addr, connections: u32) -> std::io::Result<Vec<TcpStream>> {
    let listener = TcpListener::bind(SocketAddr::from((address, PORT)))?;
    let mut held = Vec::new();
    for _ in 0..connections {
        held.push(TcpStream::connect((address, PORT))?);
        held.push(listener.accept()?.0);
    }
    Ok(held)
}

/// The children; they end with this.
pub(super) struct Holders {
    children: Vec<(Child, ChildStdin)>,
}

impl Holders {
    /// So many sockets, in at least ten processes.
    pub(super) fn start(sockets: u32) -> Result<Holders, String> {
        let own = env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
        let processes = sockets.div_ceil(SOCKETS_PER_PROCESS).max(PROCESSES_MIN);
        let mut holders = Holders { children: Vec::new() };
        for process in 0..processes {
            let connections = sockets / 2 / processes + u32::from(process < sockets / 2 % processes);
            let address = Ipv4Addr::from_bits(Ipv4Addr::new(127, 0, 1, 1).to_bits() + process);
            let mut child = Command::new(&own)
                .args(["hold-connections", &address.to_string(), &connections.to_string()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .map_err(|error| format!("starting a process that holds sockets: {error}"))?;
            let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
            let (stdin, stdout) = stdin.zip(stdout).ok_or("the child has no pipes")?;
            holders.children.push((child, stdin));
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            if read.is_err() || !line.starts_with("holding") {
                return Err(format!("{connections} connections to {address} could not be held"));
            }
        }
        Ok(holders)
    }
}

impl Drop for Holders {
    fn drop(&mut self) {
        for (mut child, stdin) in self.children.drain(..) {
            drop(stdin);
            let _ = child.wait();
        }
    }
}
