//! Sockets to look at, in every state that lasts.

use super::skipped;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, socket};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Sockets in several states of both families.
pub(super) struct Zoo {
    _listeners: [TcpListener; 2],
    pub(super) held: Vec<TcpStream>,
}

impl Zoo {
    pub(super) fn new() -> Zoo {
        let mut held = Vec::new();
        let listeners = ["127.0.0.1:8080", "[::]:8081"].map(|local| TcpListener::bind(local).unwrap());
        for (listener, host) in listeners.iter().zip(["127.0.0.1:8080", "[::1]:8081"]) {
            let pair = || (TcpStream::connect(host).unwrap(), listener.accept().unwrap().0);
            let (mut client, server) = pair();
            client.write_all(&[7; 5000]).unwrap();
            held.extend([client, server]);
            let (client, server) = pair();
            client.shutdown(Shutdown::Write).unwrap();
            held.extend([client, server]);
            let (client, server) = pair();
            drop(client);
            held.push(server);
            let (client, mut server) = pair();
            drop(client);
            server.read_to_end(&mut Vec::new()).unwrap();
            held.push(TcpStream::connect(host).unwrap());
        }
        // An IPv4 client of the dual-stack listener.
        held.push(TcpStream::connect("127.0.0.1:8081").unwrap());
        held.push(listeners[1].accept().unwrap().0);
        // Delayed acknowledgments settle.
        thread::sleep(Duration::from_millis(300));
        Zoo { _listeners: listeners, held }
    }
}

/// Sockets that are stuck on the way: SYN_SENT before a full accept queue, SYN_RECV whose answer nobody gets, and closes behind
/// octets that nobody reads: FIN_WAIT1, LAST_ACK, CLOSING.
pub(super) struct Stuck {
    _listeners: Vec<TcpListener>,
    _held: Vec<TcpStream>,
    _begun: Vec<OwnedFd>,
    neighbors: Vec<Child>,
}

impl Stuck {
    pub(super) fn new() -> Stuck {
        let mut stuck =
            Stuck { _listeners: Vec::new(), _held: Vec::new(), _begun: Vec::new(), neighbors: Vec::new() };
        for host in ["127.0.0.1:8090", "[::1]:8091"] {
            stuck.closes(host);
        }
        for host in ["127.0.0.1:8092", "[::1]:8093"] {
            stuck.syn_sent(host.parse().unwrap());
        }
        if let Err(why) = stuck.syn_received() {
            skipped(&format!("sockets in SYN_RECV: {why}"));
        }
        stuck
    }

    fn closes(&mut self, host: &str) {
        let listener = TcpListener::bind(host).unwrap();
        let pair = || (TcpStream::connect(host).unwrap(), listener.accept().unwrap().0);
        let (client, server) = pair();
        fill(&client);
        drop(client);
        self._held.push(server);
        let (client, server) = pair();
        client.shutdown(Shutdown::Write).unwrap();
        fill(&server);
        drop(server);
        self._held.push(client);
        let (client, server) = pair();
        fill(&client);
        client.shutdown(Shutdown::Write).unwrap();
        server.shutdown(Shutdown::Write).unwrap();
        self._held.extend([client, server]);
        self._listeners.push(listener);
    }

    /// The accept queue holds two.
    fn syn_sent(&mut self, host: SocketAddr) {
        let knob = "/proc/sys/net/core/somaxconn";
        let before = std::fs::read_to_string(knob).unwrap();
        // Of this thread's network namespace, which is its own.
        std::fs::write(knob, "1").unwrap();
        self._listeners.push(TcpListener::bind(host).unwrap());
        std::fs::write(knob, before).unwrap();
        let family = if host.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        for _ in 0..3 {
            let begun = socket(family, SockType::Stream, SockFlag::SOCK_NONBLOCK, None).unwrap();
            let _ = connect(begun.as_raw_fd(), &SockaddrStorage::from(host));
            self._begun.push(begun);
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// A neighbour in a namespace of its own sends SYNs; what we answer goes to another hardware address.
    fn syn_received(&mut self) -> Result<(), String> {
        let mut sleeper = Command::new("unshare");
        let child = sleeper.args(["--net", "sleep", "600"]).spawn().map_err(|error| error.to_string())?;
        let there = child.id();
        self.neighbors.push(child);
        let namespace = |id: &str| std::fs::read_link(format!("/proc/{id}/ns/net")).ok();
        let deadline = Instant::now() + Duration::from_secs(5);
        while namespace(&there.to_string()) == namespace("thread-self") {
            if Instant::now() > deadline {
                return Err("no namespace for the neighbour".to_owned());
            }
            thread::sleep(Duration::from_millis(10));
        }
        let script = format!(
            "set -e
            ip link add v0 address 02:00:00:00:00:01 type veth peer name v1 netns {there}
            ip addr add 192.0.2.1/24 dev v0
            ip addr add fd00::1/64 dev v0 nodad
            ip link set v0 up
            nsenter -t {there} -n sh -ec 'ip addr add 192.0.2.2/24 dev v1
                ip addr add fd00::2/64 dev v1 nodad
                ip link set v1 up
                ip neigh replace fd00::1 lladdr 02:00:00:00:00:01 dev v1 nud permanent'
            for neighbor in 192.0.2.2 fd00::2; do
                ip neigh replace $neighbor lladdr 02:00:00:00:00:99 dev v0 nud permanent
            done"
        );
        let made = Command::new("sh").args(["-c", &script]).output().map_err(|error| error.to_string())?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned());
        }
        for host in ["192.0.2.1", "fd00::1"] {
            let listener =
                TcpListener::bind((host, 8094)).map_err(|error| format!("listening on {host}: {error}"))?;
            self._listeners.push(listener);
            let there = there.to_string();
            let words = ["-t", &there, "-n", "nc", host, "8094"];
            let client = Command::new("nsenter").args(words).stdin(Stdio::null()).spawn();
            self.neighbors.push(client.map_err(|error| format!("nsenter: {error}"))?);
        }
        thread::sleep(Duration::from_millis(500));
        Ok(())
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        for mut neighbor in self.neighbors.drain(..) {
            let _ = neighbor.kill();
            let _ = neighbor.wait();
        }
    }
}

/// Until there is no room, on either side.
fn fill(stream: &TcpStream) {
    stream.set_nonblocking(true).unwrap();
    let mut stream = stream;
    for _ in 0..3 {
        while stream.write(&[7; 65_536]).is_ok() {}
        thread::sleep(Duration::from_millis(20));
    }
}
