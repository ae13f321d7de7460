//! kill -9 of each of the three that a connection needs: the others end in bounded time, and nothing stays but the socket
//! file that the next start cleans.

use crate::namespace::{has_program, in_namespace};
use crate::program::{STACK, Serve};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// For what is immediate on an idle machine.
const PATIENCE: Duration = Duration::from_secs(20);
const BACKEND: u16 = 9000;
const FORWARD: &str = "8080=127.0.0.1:9000";

fn name(test: &str) -> String {
    format!("{test}-{}", std::process::id())
}

fn lastack(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lastack")).args(arguments).output().expect("the program starts")
}

fn spawn(program: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

fn signal(child: &Child, signal: Signal) {
    let number = i32::try_from(child.id()).expect("a process number");
    kill(Pid::from_raw(number), signal).expect("the child is there");
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The stack's connections, without those that wait out their time.
fn connections(stack: &str) -> String {
    let rows = lastack(&["ss", "--stack", stack, "-atnH", "exclude", "listening", "exclude", "time-wait"]);
    assert_eq!(rows.status.code(), Some(0), "{rows:?}");
    String::from_utf8_lossy(&rows.stdout).into_owned()
}

fn connect() -> TcpStream {
    let stream = TcpStream::connect((STACK, 8080)).expect("serve forwards");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    stream
}

/// nc as a service, once it listens, with a client that has heard a word of it.
fn service_of_nc(client_hears: &str) -> (Child, TcpStream) {
    let mut backend = spawn("nc", &["-l", "127.0.0.1", &BACKEND.to_string()]);
    // Looking by connecting would take nc's only connection.
    let listens = format!(":{BACKEND:04X} 00000000:0000 0A");
    until("nc listens", || {
        let table = std::fs::read_to_string("/proc/thread-self/net/tcp").expect("the kernel's sockets");
        table.contains(&listens)
    });
    let mut client = connect();
    backend.stdin.as_mut().expect("a pipe").write_all(client_hears.as_bytes()).expect("nc reads");
    let mut heard = vec![0; client_hears.len()];
    client.read_exact(&mut heard).expect("the service's word");
    assert_eq!(heard, client_hears.as_bytes());
    (backend, client)
}

#[test]
fn a_killed_backend_is_an_end_or_a_reset_for_the_client() {
    const TEST: &str = "a_killed_backend";
    if !has_program(TEST, "nc") {
        return;
    }
    in_namespace(TEST, || {
        let name = name("backend");
        let serve = Serve::start(&["--name", &name, "--forward", FORWARD]);
        // It had read everything: the kernel says FIN for it.
        let (mut backend, mut client) = service_of_nc("hello");
        backend.kill().expect("a child");
        backend.wait().expect("killed");
        assert_eq!(client.read(&mut [0; 8]).expect("an orderly end"), 0);
        drop(client);
        // Data was waiting for it: the kernel says RST for it (RFC 2525 section 2.17).
        let (mut backend, mut client) = service_of_nc("hello");
        signal(&backend, Signal::SIGSTOP);
        client.write_all(b"never read").expect("connected");
        // Until it lies in nc's receive queue.
        until("the data arrives", || waits_for_nc() >= 10);
        signal(&backend, Signal::SIGKILL);
        backend.wait().expect("killed");
        let error = client.read(&mut [0; 8]).expect_err("no empty success");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        drop(client);
        until("no connection is left", || connections(&name).is_empty());
        // Without a backend every client is refused with a reset; serve goes on.
        if let Ok(mut client) = TcpStream::connect((STACK, 8080)) {
            assert_eq!(client.read(&mut [0; 1]).expect_err("a reset").kind(), ErrorKind::ConnectionReset);
        }
        assert!(serve.wait_for_talk("was reset").contains("refused"));
        assert_eq!(serve.interrupt().code(), Some(0));
    });
}

/// Octets that the kernel holds for nc, of the fifth column of the table: `tx_queue:rx_queue`.
fn waits_for_nc() -> u64 {
    let table = std::fs::read_to_string("/proc/thread-self/net/tcp").expect("the kernel's sockets");
    let local = format!("0100007F:{BACKEND:04X}");
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let established = rows.filter(|row| row.get(1) == Some(&local.as_str()) && row.get(3) == Some(&"01"));
    let queued = established.filter_map(|row| u64::from_str_radix(row.get(4)?.split_once(':')?.1, 16).ok());
    queued.max().unwrap_or(0)
}

#[test]
fn a_killed_client_is_an_end_for_the_backend_and_leaves_nothing() {
    const TEST: &str = "a_killed_client";
    if !has_program(TEST, "nc") {
        return;
    }
    in_namespace(TEST, || {
        let name = name("client");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, BACKEND)).expect("loopback is up");
        let serve = Serve::start(&["--name", &name, "--forward", FORWARD]);
        let stack = STACK.to_string();
        // The second over a socket that the running stack lends: its holder is killed.
        let lent = ["connect", "--stack", &name, &stack, "8080"];
        let kinds: [(&str, &[&str]); 2] = [("nc", &[&stack, "8080"]), (env!("CARGO_BIN_EXE_lastack"), &lent)];
        for (program, arguments) in kinds {
            let mut client = spawn(program, arguments);
            client.stdin.as_mut().expect("a pipe").write_all(b"hello").expect("it reads");
            let (mut service, _) = listener.accept().expect("serve connects");
            service.set_read_timeout(Some(PATIENCE)).expect("a time");
            service.read_exact(&mut [0; 5]).expect("the client's word");
            client.kill().expect("a child");
            client.wait().expect("killed");
            match service.read(&mut [0; 8]) {
                Ok(octets) => assert_eq!(octets, 0),
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            }
        }
        until("no connection is left", || connections(&name).is_empty());
        assert_eq!(serve.interrupt().code(), Some(0));
    });
}

#[test]
fn a_killed_serve_leaves_a_socket_file_that_the_next_start_cleans() {
    in_namespace("a_killed_serve", || {
        let name = name("killed");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, BACKEND)).expect("loopback is up");
        let serve = Serve::start(&["--name", &name, "--forward", FORWARD]);
        let mut client = connect();
        client.write_all(b"hello").expect("connected");
        let (mut service, _) = listener.accept().expect("serve connects");
        service.set_read_timeout(Some(PATIENCE)).expect("a time");
        service.read_exact(&mut [0; 5]).expect("the client's word");
        let stack = STACK.to_string();
        let lent = spawn(env!("CARGO_BIN_EXE_lastack"), &["connect", "--stack", &name, &stack, "7"]);
        until("the lent socket is connected", || connections(&name).contains(":7"));
        serve.kill();

        // The backend at once; and who had borrowed a socket.
        match service.read(&mut [0; 8]) {
            Ok(octets) => assert_eq!(octets, 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        let lent = ended(lent);
        assert!(lent.status.code().is_some(), "{lent:?}");
        // The device goes with its last descriptor; new connections fail at once.
        until("the device goes", || {
            !Command::new("ip").args(["link", "show", "lastack0"]).output().expect("ip").status.success()
        });
        TcpStream::connect((STACK, 8080)).expect_err("there is no route");
        // Only the socket's file is left, and nobody takes it for a stack.
        let file = PathBuf::from(format!("/run/lastack/{name}.sock"));
        let asked = lastack(&["ss", "--stack", &name, "-a"]);
        let why = String::from_utf8_lossy(&asked.stderr).into_owned();
        assert_eq!(asked.status.code(), Some(2), "{why}");
        assert!(why.contains(&format!("lastack serve --name {name}")), "it says what to do: {why}");
        assert!(why.contains(&file.display().to_string()), "it names what is left: {why}");

        // The next one takes name, device and address over, and a client that still asks is told by a reset.
        let next = Serve::start(&["--name", &name]);
        assert!(file.exists() && next.printed()[0].starts_with("device lastack0 "), "{:?}", next.printed());
        let told = client.write_all(b"anybody?").and_then(|()| client.read(&mut [0; 8]));
        assert_eq!(told.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
        assert_eq!(next.interrupt().code(), Some(0));
        assert!(!file.exists(), "the control socket is still there");
    });
}

#[test]
fn stale_control_sockets_of_others_are_cleaned_at_the_next_start() {
    in_namespace("stale_control_sockets", || {
        let stale = name("stale");
        let serve = Serve::start(&["--name", &stale]);
        let file = PathBuf::from(format!("/run/lastack/{stale}.sock"));
        serve.kill();
        assert!(file.exists(), "a killed program removes nothing");
        let next = Serve::start(&["--name", &name("fresh")]);
        assert!(!file.exists(), "the next start, with another name, removes it");
        assert_eq!(next.interrupt().code(), Some(0));
    });
}

/// Waits for its end, in bounded time.
fn ended(mut child: Child) -> Output {
    // Its stdin stays open: it must not need an end of that.
    let stdin = child.stdin.take();
    until("it ends", || child.try_wait().expect("a child").is_some());
    drop(stdin);
    child.wait_with_output().expect("a child")
}
