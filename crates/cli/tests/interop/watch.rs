//! A running stack as others see it: `lastack ss --stack`, its control socket, its page, its log, its rights.

use crate::namespace::{has_program, in_namespace, skip};
use crate::program::{STACK, Serve};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A name that no other test's stack has: the control sockets of all namespaces lie in one folder.
fn name(test: &str) -> String {
    format!("{test}-{}", std::process::id())
}

fn lastack(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lastack")).args(arguments).output().expect("the program starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn http(path: &str) -> String {
    let mut stream = TcpStream::connect((STACK, 80)).expect("serve listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: lastack\r\nConnection: close\r\n\r\n").expect("connected");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an orderly end");
    answer
}

#[test]
fn ss_shows_a_connection_and_the_log_its_ends() {
    in_namespace("ss_shows_a_connection", || {
        let name = name("ss");
        let serve = Serve::start(&["--name", &name]);
        let stream = TcpStream::connect((STACK, 7)).expect("serve listens");
        let here = stream.local_addr().expect("connected");
        let rows = said(&lastack(&["ss", "--stack", &name, "-tnH", "sport", "=", ":7"]));
        assert!(rows.starts_with("ESTAB") && rows.contains(&here.to_string()), "{rows}");
        assert_eq!(
            said(&lastack(&["ss", "--stack", &name, "-tlnH", "sport = :7 and src 0.0.0.0/0"]))
                .lines()
                .count(),
            1
        );
        let json = said(&lastack(&["ss", "--stack", &name, "-a", "--json"]));
        assert!(json.contains("\"schema\": \"lastack.ss/1\"") && json.contains(&here.to_string()), "{json}");
        let summary = said(&lastack(&["ss", "--stack", &name, "-s"]));
        assert!(summary.contains("estab 1"), "{summary}");
        drop(stream);
        let port = format!(":{}", here.port());
        assert!(serve.wait_for_talk(&format!("{port} -> 198.18.0.2:7 opened")).contains("198.18.0.1"));
        serve.wait_for_talk(&format!("{port} -> 198.18.0.2:7 closed: the peer closed first"));
    });
}

#[test]
fn the_page_shows_what_the_stack_holds() {
    in_namespace("the_page_shows_what_the_stack_holds", || {
        let _serve = Serve::start(&["--name", &name("page")]);
        let held = TcpStream::connect((STACK, 9)).expect("serve listens");
        let here: SocketAddr = held.local_addr().expect("connected");
        let json = http("/sockets.json");
        assert!(
            json.contains("\"schema\":\"lastack.sockets/1\"") && json.contains(&here.to_string()),
            "{json}"
        );
        let metrics = http("/metrics");
        // The held connection and the one that asks.
        assert!(metrics.contains("lastack_sockets{state=\"ESTABLISHED\"} 2"), "{metrics}");
    });
}

#[test]
fn root_is_given_up_and_the_control_socket_goes_with_the_program() {
    in_namespace("root_is_given_up", || {
        let name = name("rights");
        let serve = Serve::start(&["--name", &name]);
        let status = std::fs::read_to_string(format!("/proc/{}/status", serve.pid())).expect("it runs");
        let line = |field: &str| status.lines().find(|line| line.starts_with(field)).unwrap_or("").to_owned();
        assert!(!line("Uid:").split_whitespace().skip(1).any(|uid| uid == "0"), "{status}");
        assert!(!line("Gid:").split_whitespace().skip(1).any(|gid| gid == "0"), "{status}");
        assert!(line("CapPrm:").ends_with("0000000000000000"), "{status}");
        let socket = PathBuf::from(format!("/run/lastack/{name}.sock"));
        let found = std::fs::symlink_metadata(&socket).expect("the control socket");
        assert_eq!(found.mode() & 0o777, 0o600);
        assert_eq!(line("Uid:").split_whitespace().nth(1), Some(found.uid().to_string().as_str()));
        assert_eq!(serve.interrupt().code(), Some(0));
        assert!(!socket.exists(), "the control socket is still there");
    });
}

#[test]
fn two_stacks_cannot_have_one_name() {
    in_namespace("two_stacks_cannot_have_one_name", || {
        let name = name("twice");
        let _serve = Serve::start(&["--name", &name]);
        let second = lastack(&["serve", "--name", &name]);
        let why = String::from_utf8_lossy(&second.stderr).into_owned();
        assert_eq!(second.status.code(), Some(2), "{why}");
        assert!(why.contains("running already") && why.contains("overlaps a route"), "{why}");
    });
}

#[test]
fn strangers_are_not_answered_unless_allowed() {
    in_namespace("strangers_are_not_answered_unless_allowed", || {
        let up = Command::new("ip").args(["address", "add", "10.99.0.1/32", "dev", "lo"]).status();
        assert!(up.expect("ip is installed").success());
        let ask = || {
            let mut asking = Command::new("nc");
            let nc = asking.args(["-N", "-w", "2", "-s", "10.99.0.1", &STACK.to_string(), "7"]);
            let mut child = nc.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("nc starts");
            // A refused nc may be gone already.
            let _ = child.stdin.take().expect("a pipe").write_all(b"hello");
            said(&child.wait_with_output().expect("nc ends"))
        };
        if !has_program("strangers_are_not_answered_unless_allowed", "nc") {
            return;
        }
        let serve = Serve::start(&["--name", &name("strict")]);
        assert_eq!(ask(), "");
        serve.interrupt();
        let _serve = Serve::start(&["--name", &name("open"), "--allow", "10.99.0.0/16"]);
        assert_eq!(ask(), "hello");
    });
}

#[test]
fn connect_talks_over_its_own_stack_and_over_a_lent_socket() {
    in_namespace("connect_talks", || {
        let name = name("lend");
        let _serve = Serve::start(&["--name", &name]);
        let connect = |arguments: &[&str]| {
            let mut child = Command::new(env!("CARGO_BIN_EXE_lastack"))
                .arg("connect")
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the program starts");
            child.stdin.take().expect("a pipe").write_all(b"hello").expect("it reads");
            child.wait_with_output().expect("it ends")
        };
        let stack = STACK.to_string();
        let lent = connect(&["--stack", &name, &stack, "7"]);
        assert_eq!((lent.status.code(), said(&lent).as_str()), (Some(0), "hello"), "{lent:?}");
        assert_eq!(connect(&["--stack", &name, &stack, "4"]).status.code(), Some(1));

        // The own stack takes the next network, whose first address is the host's.
        let service = std::net::TcpListener::bind("0.0.0.0:5001").expect("a free port");
        let echo = std::thread::spawn(move || {
            let (mut stream, _) = service.accept().expect("a connection");
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).expect("a half close");
            stream.write_all(&heard).expect("the other half is open");
        });
        let own = connect(&["198.18.1.1", "5001"]);
        assert_eq!((own.status.code(), said(&own).as_str()), (Some(0), "hello"), "{own:?}");
        echo.join().expect("the service does not panic");
    });
}

#[test]
fn without_ipv6_it_serves_ipv4_and_says_so() {
    const TEST: &str = "without_ipv6_it_serves_ipv4";
    in_namespace(TEST, || {
        let switch = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
        if let Err(error) = std::fs::write(switch, "1") {
            return skip(TEST, &format!("{switch}: {error}"));
        }
        let serve = Serve::start(&["--name", &name("v4")]);
        assert!(serve.wait_for_talk("IPv6").contains("serving IPv4 only"));
        let printed = serve.printed().join("\n");
        assert!(printed.contains("198.18.0.2/24") && !printed.contains("2001:2:"), "{printed}");
    });
}
