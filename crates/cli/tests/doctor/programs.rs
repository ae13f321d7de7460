//! Programs that hold what they should close, do not read, or run out of descriptors.

use crate::namespace::{has_program, in_namespace};
use crate::sick::doctor;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Both ends of connections on loopback.
struct Pairs {
    listener: TcpListener,
    clients: Vec<TcpStream>,
    servers: Vec<TcpStream>,
}

impl Pairs {
    fn new(count: u32) -> Pairs {
        let listener = TcpListener::bind("127.0.0.1:80").unwrap();
        let mut pairs = Pairs { listener, clients: Vec::new(), servers: Vec::new() };
        pairs.more(count);
        pairs
    }

    fn more(&mut self, count: u32) {
        for _ in 0..count {
            self.clients.push(TcpStream::connect("127.0.0.1:80").unwrap());
            self.servers.push(self.listener.accept().unwrap().0);
        }
    }
}

fn settle() {
    thread::sleep(Duration::from_millis(200));
}

#[test]
fn half_closed_connections_that_nobody_ends_are_found() {
    in_namespace("half_closed_connections_that_nobody_ends_are_found", || {
        let mut pairs = Pairs::new(99);
        let shut = |clients: &[TcpStream]| {
            clients.iter().for_each(|client| client.shutdown(Shutdown::Write).unwrap());
            settle();
        };
        shut(&pairs.clients);
        let below = doctor(&["--for", "0.3"]);
        assert!(below.ids().is_empty(), "{:#}", below.report);
        pairs.more(1);
        shut(&pairs.clients[99..]);
        let examined = doctor(&["--for", "0.3"]);
        assert_eq!(examined.ids(), ["LA-FW01"]);
        examined.assert_blames_us("LA-FW01");
        examined.assert_blames("LA-FW01", "peer", "peer", "127.0.0.1");
    });
}

#[test]
fn orphans_whose_peers_do_not_close_are_found() {
    in_namespace("orphans_whose_peers_do_not_close_are_found", || {
        let mut pairs = Pairs::new(999);
        pairs.clients.clear();
        settle();
        let below = doctor(&["--for", "0.3"]);
        assert!(below.ids().is_empty(), "{:#}", below.report);
        pairs.more(1);
        pairs.clients.clear();
        settle();
        let examined = doctor(&["--for", "0.3"]);
        assert_eq!(examined.ids(), ["LA-FW02"]);
        examined.assert_blames("LA-FW02", "peer", "peer", "127.0.0.1");
    });
}

#[test]
fn a_program_that_does_not_read_is_found() {
    in_namespace("a_program_that_does_not_read_is_found", || {
        let mut pairs = Pairs::new(4);
        let send = |clients: &mut [TcpStream]| {
            clients.iter_mut().for_each(|client| client.write_all(&[7; 70_000]).unwrap());
            settle();
        };
        send(&mut pairs.clients);
        let below = doctor(&["--for", "0.3"]);
        assert!(below.ids().is_empty(), "{:#}", below.report);
        pairs.more(1);
        send(&mut pairs.clients[4..]);
        let examined = doctor(&["--for", "0.3"]);
        assert_eq!(examined.ids(), ["LA-ZW02"]);
        examined.assert_blames_us("LA-ZW02");
        assert_eq!(examined.fact("LA-ZW02", "received and not read"), 350_000.0);
    });
}

#[test]
fn idle_connections_without_keepalive_are_found() {
    in_namespace("idle_connections_without_keepalive_are_found", || {
        // Both ends are here: forty sockets.
        let pairs = Pairs::new(20);
        thread::sleep(Duration::from_millis(1100));
        let idle = |sockets: &str| doctor(&["--for", "0.3", "--set", "idle.seconds=1", "--set", sockets]);
        assert!(idle("idle.sockets=41").ids().is_empty());
        let examined = idle("idle.sockets=40");
        assert_eq!(examined.ids(), ["LA-KA01"]);
        examined.assert_blames_us("LA-KA01");
        assert!(
            doctor(&["--for", "0.3", "--set", "idle.sockets=40"]).ids().is_empty(),
            "an hour is not over"
        );
        rustix::net::sockopt::set_socket_keepalive(&pairs.clients[0], true).unwrap();
        assert!(idle("idle.sockets=40").ids().is_empty());
    });
}

/// A shell with a low limit that opens so many connections to the listener, which it then holds.
fn shell(connections: u32) -> Child {
    let script = format!(
        "ulimit -n 50; for i in $(seq {connections}); do exec {{f}}<>/dev/tcp/127.0.0.1/80; done; echo open; read line"
    );
    let mut child = Command::new("bash")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "open\n");
    child
}

#[test]
fn a_process_near_its_limit_of_descriptors_is_found() {
    const TEST: &str = "a_process_near_its_limit_of_descriptors_is_found";
    if !has_program(TEST, "bash") {
        return;
    }
    in_namespace(TEST, || {
        let listener = TcpListener::bind("127.0.0.1:80").unwrap();
        thread::spawn(move || listener.incoming().flatten().collect::<Vec<_>>());
        // Beside the connections it has stdin, stdout and stderr, and what bash keeps for itself.
        let own = {
            let mut child = shell(1);
            let own = std::fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap().count() as u32 - 1;
            child.kill().unwrap();
            child.wait().unwrap();
            own
        };
        let examined = |descriptors: u32| {
            let mut child = shell(descriptors - own);
            // The shell needs some numbers for itself: it cannot come nearer.
            let examined = doctor(&["--for", "0.3", "--set", "descriptors.critical=86"]);
            let pid = child.id();
            child.kill().unwrap();
            child.wait().unwrap();
            (examined, pid)
        };
        let (below, _) = examined(39);
        assert!(below.ids().is_empty(), "{:#}", below.report);
        let (warned, pid) = examined(40);
        assert_eq!(warned.ids(), ["LA-FD01"], "{:#}", warned.report);
        warned.assert_blames("LA-FD01", "process", "pid", pid);
        warned.assert_blames("LA-FD01", "process", "name", "bash");
        assert_eq!(warned.finding("LA-FD01")["severity"], "warn");
        assert_eq!(warned.fact("LA-FD01", "RLIMIT_NOFILE"), 50.0);
        let (critical, _) = examined(43);
        assert_eq!(critical.finding("LA-FD01")["severity"], "critical");
        let why = critical.finding("LA-FD01")["why"].as_str().unwrap();
        assert!(why.contains("Ports are not the problem"), "{why}");
    });
}
