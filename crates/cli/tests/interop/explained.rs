//! `lastack ss --explain` on real sockets, thirteen of a stack and thirteen of the kernel: one in each of ten states, an orphan in
//! FIN_WAIT2, a simultaneous open, and one that nobody accepted. Where the other end must keep silent it is a scripted peer.

mod peer;

use crate::namespace::in_namespace;
use crate::program::{STACK, Serve};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
use peer::{HOST, PEER, Peer};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A socket by the port of its remote end, its state and what must be said of it.
type Expected = (u16, &'static str, &'static [&'static str]);

const LISTENER: u16 = 0;
const SYN_SENT: u16 = 5000;
const SIMULTANEOUS: u16 = 5001;
const FIN_WAIT_1: u16 = 5002;
const FIN_WAIT_2: u16 = 5003;
const CLOSING: u16 = 5004;
const REQUEST: u16 = 5005;
const LAST_ACK: u16 = 5006;
const ORPHAN: u16 = 5007;
const ESTABLISHED: u16 = 5008;
const UNACCEPTED: u16 = 5009;
const CLOSE_WAIT: u16 = 5010;
const TIME_WAIT: u16 = 5011;

/// What is said of each, wherever it is.
const EXPECTED: [Expected; 13] = [
    (LISTENER, "LISTEN", &["wait for accept()", "listen()'s backlog", "somaxconn = 4096", "never"]),
    (SYN_SENT, "SYN_SENT", &["35 and 67 s", "131 s", "ETIMEDOUT", "tcp_syn_retries = 6"]),
    (SIMULTANEOUS, "SYN_RECV", &["Both ends sent a SYN at once", "ETIMEDOUT", "tcp_syn_retries = 6"]),
    (REQUEST, "SYN_RECV", &["of 5 repeats", "dropped silently", "tcp_synack_retries = 5"]),
    (ESTABLISHED, "ESTABLISHED", &["open and idle", "never ends", "SO_KEEPALIVE is off"]),
    (UNACCEPTED, "ESTABLISHED", &["has not accepted", "accept()", "never ends by itself"]),
    (FIN_WAIT_1, "FIN_WAIT1", &["We closed first", "FIN_WAIT2"]),
    (FIN_WAIT_2, "FIN_WAIT2", &["half closed", "never ends unless the peer closes", "60 s after"]),
    (ORPHAN, "FIN_WAIT2", &["no application holds", "forgotten silently in", "tcp_fin_timeout = 60"]),
    (CLOSING, "CLOSING", &["Both ends closed at once", "TIME_WAIT", "tcp_orphan_retries = 0"]),
    (LAST_ACK, "LAST_ACK", &["The peer closed first", "forgotten silently", "tcp_orphan_retries = 0"]),
    (CLOSE_WAIT, "CLOSE_WAIT", &["our application has not", "never ends unless", "no knob governs it"]),
    (TIME_WAIT, "TIME_WAIT", &["forgotten in", "60 s, a constant", "tcp_tw_reuse = 2"]),
];

fn lastack(words: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_lastack")).args(words).output().expect("the program starts");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Every socket with one of these remote ports, with what is said of it.
fn sockets(words: &[&str]) -> Vec<Value> {
    let all: Value = serde_json::from_str(&lastack(words)).expect("JSON");
    all["sockets"].as_array().expect("sockets").clone()
}

fn port(socket: &Value, end: &str) -> u16 {
    let address: SocketAddr = socket["flow"][end].as_str().expect("an address").parse().expect("an address");
    address.port()
}

/// Waits until the sockets are in their states; what is said of each must hold each phrase, and these.
fn compare(look: &[&str], further: &[(u16, &str)]) {
    let words = [&["ss", "-an", "--explain"], look].concat();
    let deadline = Instant::now() + Duration::from_secs(10);
    let found: Vec<Value> = loop {
        let sockets = sockets(&[&words[..], &["--json"]].concat());
        let is = |socket: &Value, wanted: &Expected| {
            port(socket, "remote") == wanted.0 && socket["state"] == wanted.1
        };
        let find = |wanted: &Expected| sockets.iter().find(|socket| is(socket, wanted)).cloned();
        let found: Vec<Value> = EXPECTED.iter().filter_map(find).collect();
        if found.len() == EXPECTED.len() {
            break found;
        }
        assert!(Instant::now() < deadline, "not in their states: {sockets:#?}");
        thread::sleep(Duration::from_millis(50));
    };
    for (socket, (port, _, phrases)) in found.iter().zip(&EXPECTED) {
        let said = socket["explain"].as_str().expect("a sentence");
        let further = further.iter().filter(|(of, _)| of == port).map(|(_, phrase)| phrase);
        for phrase in phrases.iter().chain(further) {
            assert!(said.contains(phrase), "{phrase:?} is missing in: {said}\n{socket:#}");
        }
    }
    // As text, a line of its own below each socket.
    let text = lastack(&[&words[..], &["-H"]].concat());
    let sentences = text.lines().filter(|line| line.starts_with('\t') && line.ends_with('.')).count();
    assert_eq!(sentences * 2, text.lines().count(), "{text}");
    assert!(sentences >= EXPECTED.len(), "{text}");
}

/// A route between the stack's device and the peer's.
fn forward_packets() {
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("the namespace is the test's own");
}

/// `lastack connect` over a socket of the stack, with its stdin open.
struct Connect(Child);

impl Connect {
    fn start(stack: &str, port: u16) -> Connect {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lastack"));
        let words = ["connect", "--stack", stack, &PEER.to_string(), &port.to_string()].map(str::to_owned);
        let child = command.args(words).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Connect(child.spawn().expect("the program starts"))
    }

    /// The end of stdin is a half close.
    fn shut(&mut self) {
        drop(self.0.stdin.take());
    }
}

impl Drop for Connect {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A kernel socket that comes from this port of the host.
fn from_port(port: u16, to: SocketAddr) -> TcpStream {
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).expect("a socket");
    bind(fd.as_raw_fd(), &SockaddrIn::new(198, 18, 0, 1, port)).expect("a free port");
    let SocketAddr::V4(to) = to else { panic!("{to} is no address of IPv4") };
    connect(fd.as_raw_fd(), &SockaddrIn::from(to)).expect("the stack listens");
    TcpStream::from(fd)
}

/// The stack's sockets whose peers do not acknowledge what the stack waits for.
fn silent_peers(peer: &mut Peer, name: &str) -> Vec<Connect> {
    let discard = SocketAddr::new(STACK.into(), 9);
    let mut connects = Vec::new();
    connects.push(Connect::start(name, SYN_SENT));
    connects.push(Connect::start(name, SIMULTANEOUS));
    peer.cross(SIMULTANEOUS);
    let mut first = Connect::start(name, FIN_WAIT_1);
    let line = peer.accept(FIN_WAIT_1);
    first.shut();
    peer.hear_fin(line);
    let mut second = Connect::start(name, FIN_WAIT_2);
    let line = peer.accept(FIN_WAIT_2);
    second.shut();
    let line = peer.hear_fin(line);
    peer.acknowledge(line);
    let mut both = Connect::start(name, CLOSING);
    let line = peer.accept(CLOSING);
    both.shut();
    peer.hear_fin(line);
    peer.fin(line);
    connects.extend([first, second, both]);
    peer.syn(REQUEST, discard);
    let line = peer.connect(LAST_ACK, discard);
    peer.fin(line);
    peer.hear_fin(line);
    connects
}

#[test]
fn a_stack_explains_thirteen_sockets() {
    in_namespace("a_stack_explains_thirteen_sockets", || {
        forward_packets();
        let mut peer = Peer::new();
        let name = format!("explain-{}", std::process::id());
        // A service that never closes, behind a forward.
        let silent = TcpListener::bind("127.0.0.1:5999").expect("a free port");
        let options = [
            "--name",
            &name,
            "--allow",
            "10.77.0.0/24",
            "--connections",
            "1",
            "--forward",
            "8080=127.0.0.1:5999",
        ];
        let _serve = Serve::start(&options);
        let at = |port| SocketAddr::new(STACK.into(), port);

        let connects = silent_peers(&mut peer, &name);

        // The kernel's sockets as peers, which acknowledge.
        let ask = |port| {
            let mut stream = from_port(port, at(80));
            stream
                .write_all(b"GET / HTTP/1.1\r\nHost: lastack\r\nConnection: close\r\n\r\n")
                .expect("connected");
            stream.read_to_end(&mut Vec::new()).expect("an answer and the end");
            stream
        };
        let orphan = ask(ORPHAN);
        drop(ask(TIME_WAIT));
        let served = from_port(ESTABLISHED, at(7));
        thread::sleep(Duration::from_millis(200));
        let mut waits = from_port(UNACCEPTED, at(7));
        waits.write_all(b"hello").expect("connected");
        let half = from_port(CLOSE_WAIT, at(8080));
        half.shutdown(Shutdown::Write).expect("connected");

        compare(&["--stack", &name], &[(UNACCEPTED, "5 octets"), (FIN_WAIT_1, "tcp_retries2 = 15")]);

        // A knob that is turned is in the sentence at once.
        lastack(&["sysctl", "--stack", &name, "-w", "net.ipv4.tcp_orphan_retries=3"]);
        let closing = sockets(&["ss", "--stack", &name, "-an", "--explain", "--json", "state closing"]);
        let said = closing[0]["explain"].as_str().expect("a sentence");
        assert!(said.contains("tcp_orphan_retries = 3") && !said.contains("means 8"), "{said}");
        drop((orphan, served, waits, half, silent, connects));
    });
}

/// The kernel's sockets that came by the listener; what keeps them in their states.
fn states(peer: &mut Peer, listener: &TcpListener) -> Vec<TcpStream> {
    let here = listener.local_addr().expect("bound");
    let mut held = Vec::new();
    let open = |peer: &mut Peer, port| {
        let line = peer.connect(port, here);
        (line, listener.accept().expect("the handshake is over").0)
    };
    held.push(open(peer, ESTABLISHED).1);
    let (line, socket) = open(peer, CLOSE_WAIT);
    peer.fin(line);
    held.push(socket);
    let (line, socket) = open(peer, FIN_WAIT_2);
    socket.shutdown(Shutdown::Write).expect("connected");
    let line = peer.hear_fin(line);
    peer.acknowledge(line);
    held.push(socket);
    let (line, socket) = open(peer, ORPHAN);
    drop(socket);
    let line = peer.hear_fin(line);
    peer.acknowledge(line);
    let (line, socket) = open(peer, TIME_WAIT);
    drop(socket);
    let line = peer.hear_fin(line);
    peer.fin(line);
    let (line, socket) = open(peer, LAST_ACK);
    let mut socket = socket;
    peer.fin(line);
    socket.read_to_end(&mut Vec::new()).expect("the end");
    drop(socket);
    let (line, socket) = open(peer, CLOSING);
    drop(socket);
    peer.hear_fin(line);
    peer.fin(line);
    drop(open(peer, FIN_WAIT_1));
    peer.connect(UNACCEPTED, here);
    peer.syn(REQUEST, here);
    held
}

#[test]
fn the_kernel_explains_thirteen_sockets() {
    in_namespace("the_kernel_explains_thirteen_sockets", || {
        let mut peer = Peer::new();
        let listener = TcpListener::bind((HOST, 80)).expect("a free port");
        let held = states(&mut peer, &listener);
        // These threads sit in connect() until the process ends.
        for port in [SYN_SENT, SIMULTANEOUS] {
            thread::spawn(move || TcpStream::connect((PEER, port)).map(drop));
        }
        peer.cross(SIMULTANEOUS);

        compare(&[], &[(LISTENER, "1 of at most"), (FIN_WAIT_1, "tcp_orphan_retries = 0")]);

        // The knobs are those of the namespace that is looked at.
        std::fs::write("/proc/sys/net/ipv4/tcp_fin_timeout", "33").expect("the namespace is the test's own");
        let waiting = sockets(&["ss", "-an", "--explain", "--json", "-p"]);
        let said = |state: &str| {
            let socket = waiting.iter().find(|socket| socket["state"] == state).expect("it is there");
            socket["explain"].as_str().expect("a sentence").to_owned()
        };
        assert!(said("FIN_WAIT2").contains("tcp_fin_timeout = 33"), "{}", said("FIN_WAIT2"));
        let own = format!("pid {}", std::process::id());
        assert!(said("CLOSE_WAIT").contains(&own), "{}", said("CLOSE_WAIT"));
        drop((held, listener));
    });
}

/// The kernel's sockets end when it was said that they do: its timers are never early, and late by up to an eighth of their
/// length.
#[test]
fn what_is_said_of_the_kernel_comes_true() {
    const KNOBS: [(&str, &str); 5] = [
        ("tcp_synack_retries", "1"),
        ("tcp_syn_retries", "1"),
        ("tcp_syn_linear_timeouts", "1"),
        ("tcp_orphan_retries", "3"),
        ("tcp_fin_timeout", "3"),
    ];
    in_namespace("what_is_said_of_the_kernel_comes_true", || {
        for (name, value) in KNOBS {
            let file = format!("/proc/sys/net/ipv4/{name}");
            std::fs::write(file, value).expect("the namespace is the test's own");
        }
        let mut peer = Peer::new();
        let listener = TcpListener::bind((HOST, 80)).expect("a free port");
        let held = states(&mut peer, &listener);
        thread::spawn(|| TcpStream::connect((PEER, SYN_SENT)).map(drop));
        // Until the FINs were repeated once: before that their end is not known.
        thread::sleep(Duration::from_millis(800));
        let look = ["ss", "-an", "--explain", "--json"];
        let begun = Instant::now();
        let mut waiting: Vec<(u16, Duration)> = sockets(&look)
            .iter()
            .filter(|socket| socket["state"] != "TIME_WAIT")
            .filter_map(|socket| {
                let millis = socket.get("ends_in_ms")?.as_u64().expect("a number");
                Some((port(socket, "remote"), Duration::from_millis(millis)))
            })
            .collect();
        let mut ports: Vec<u16> = waiting.iter().map(|(port, _)| *port).collect();
        ports.sort_unstable();
        assert_eq!(ports, [SYN_SENT, FIN_WAIT_1, CLOSING, REQUEST, LAST_ACK, ORPHAN]);
        while !waiting.is_empty() {
            thread::sleep(Duration::from_millis(20));
            let there: Vec<u16> = sockets(&look).iter().map(|socket| port(socket, "remote")).collect();
            let now = begun.elapsed();
            waiting.retain(|(port, left)| {
                let is_there = there.contains(port);
                let early = now + Duration::from_millis(50) < *left;
                let late = now > *left + *left / 4 + Duration::from_millis(500);
                assert!(is_there || !early, "port {port} is gone after {now:?}, and {left:?} was said");
                assert!(!is_there || !late, "port {port} is there after {now:?}, and {left:?} was said");
                is_there
            });
        }
        drop((held, listener));
    });
}
