//! The running kernel tells of state changes and of destroyed sockets, of the own network namespace alone.

use lastack_host::changes::{Changes, Source};
use lastack_host::destroyed::Destroyed;
use lastack_host::trace::{Change, Unavailable};
use lastack_observe::{SocketRow, State};
use rustix::io::Errno;
use rustix::thread::UnshareFlags;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

fn skipped(why: &str) {
    let _ = writeln!(io::stderr(), "skipped: {why}");
}

/// Runs `test` on a thread in a fresh namespace with loopback up; says `skipped:` where that cannot be had.
fn in_namespace<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> Option<R> {
    let thread = thread::spawn(|| {
        // The successor is unsafe for the sake of descriptors (UnshareFlags::FILES); namespaces are no matter of memory.
        #[allow(deprecated)]
        let entered = rustix::thread::unshare(UnshareFlags::NEWNET);
        let up = entered.is_ok() && Command::new("ip").args(["link", "set", "lo", "up"]).status().is_ok();
        if !up {
            skipped(&format!("no network namespace with loopback: {entered:?}"));
        }
        up.then(test)
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// One short life: the client closes first.
fn life(local: SocketAddr) -> (SocketAddr, SocketAddr) {
    let listener = TcpListener::bind(local).unwrap();
    let client = TcpStream::connect(local).unwrap();
    let ends = (client.local_addr().unwrap(), client.peer_addr().unwrap());
    let (mut server, _) = listener.accept().unwrap();
    drop(client);
    server.read_to_end(&mut Vec::new()).unwrap();
    ends
}

fn drained(changes: &mut Changes) -> Vec<Change> {
    let mut seen = Vec::new();
    changes.drain(&mut |change| seen.push(*change)).unwrap();
    seen
}

fn of(seen: &[Change], local: SocketAddr, remote: SocketAddr) -> Vec<(State, State)> {
    let mine = seen.iter().filter(|change| change.flow.local == local && change.flow.remote == remote);
    mine.map(|change| (change.from, change.to)).collect()
}

#[test]
fn the_tracepoint_tells_every_change_of_the_own_namespace() {
    in_namespace(|| {
        let mut changes = Changes::open().unwrap();
        if let Source::Sampling(why) = changes.source() {
            return skipped(&format!("the tracepoint: {why}"));
        }
        for host in ["127.0.0.1", "[::1]"] {
            let local: SocketAddr = format!("{host}:8080").parse().unwrap();
            let (client, server) = life(local);
            // The same ends at the same time in another namespace.
            let elsewhere = in_namespace(move || life(local));
            assert!(elsewhere.is_some());
            let seen = drained(&mut changes);
            use State::*;
            let expected = [
                (Closed, SynSent),
                (SynSent, Established),
                (Established, FinWait1),
                (FinWait1, FinWait2),
                (FinWait2, Closed),
            ];
            assert_eq!(of(&seen, client, server), expected);
            let expected = [
                (Listen, SynRecv),
                (SynRecv, Established),
                (Established, CloseWait),
                (CloseWait, LastAck),
                (LastAck, Closed),
            ];
            assert_eq!(of(&seen, server, client), expected);
            let times: Vec<Duration> = seen.iter().map(|change| change.at).collect();
            assert!(times.is_sorted());
            assert_eq!(seen.iter().filter(|change| change.from == SynSent).count(), 1, "{seen:?}");
        }
        let missed = changes.missed().unwrap();
        assert_eq!((missed.lost, missed.unreadable), (0, 0));
    });
}

#[test]
fn what_the_buffers_cannot_hold_is_counted() {
    in_namespace(|| {
        let mut changes = Changes::open().unwrap();
        if let Source::Sampling(why) = changes.source() {
            return skipped(&format!("the tracepoint: {why}"));
        }
        // More than 1 MiB of changes, unread: each listener makes two.
        for _ in 0..30_000 {
            drop(TcpListener::bind("127.0.0.1:9090").unwrap());
        }
        drained(&mut changes);
        assert!(changes.missed().unwrap().lost > 0);
    });
}

/// The instances that there are, through a mount of the shell's own.
fn instances(before: &str) -> Option<Vec<String>> {
    let script = format!(
        "mount -t tracefs none /sys/kernel/tracing && cd /sys/kernel/tracing/instances && {before} && ls"
    );
    let output = Command::new("unshare").args(["-m", "sh", "-c", &script]).output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    output.status.success().then(|| text.lines().map(str::to_owned).collect())
}

#[test]
fn instances_are_removed_their_own_and_those_of_the_dead() {
    in_namespace(|| {
        // No process has this id: it is above every limit.
        let stale = "lastack-4194305-0";
        if !instances(&format!("mkdir -p {stale}"))
            .is_some_and(|names| names.iter().any(|name| name == stale))
        {
            return skipped("no instance of tracefs may be made here");
        }
        let prefix = format!("lastack-{}-", std::process::id());
        let changes = Changes::open().unwrap();
        let names = instances("true").unwrap();
        assert!(!names.iter().any(|name| name == stale), "{names:?}");
        assert!(names.iter().any(|name| name.starts_with(&prefix)), "{names:?}");
        // Other tests of this process have theirs.
        let mine = names.iter().filter(|name| name.starts_with(&prefix)).count();
        drop(changes);
        let deadline = Instant::now() + Duration::from_secs(10);
        let now = || instances("true").unwrap().iter().filter(|name| name.starts_with(&prefix)).count();
        while now() >= mine {
            assert!(Instant::now() < deadline, "the instance is still there");
        }
    });
}

#[test]
fn without_the_tracepoint_two_looks_are_compared() {
    in_namespace(|| {
        let why = Unavailable::NotPermitted(Errno::PERM);
        let mut changes = Changes::sampled(why).unwrap();
        assert_eq!((changes.source(), changes.missed()), (Source::Sampling(why), None));
        let (client, server) = life("127.0.0.1:8080".parse().unwrap());
        assert_eq!(drained(&mut changes), []);
        thread::sleep(Duration::from_millis(1050));
        let seen = drained(&mut changes);
        assert_eq!(of(&seen, client, server), [(State::Closed, State::TimeWait)]);
        assert_eq!(of(&seen, server, client), []);
    });
}

#[test]
fn destroyed_sockets_are_told_with_their_last_numbers() {
    in_namespace(|| {
        let mut destroyed = Destroyed::open().unwrap();
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let mut client = TcpStream::connect("127.0.0.1:8080").unwrap();
        let flow = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(&[7; 1000]).unwrap();
        drop(client);
        server.read_to_end(&mut Vec::new()).unwrap();
        drop(server);
        let mut rows: Vec<SocketRow> = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(5);
        while rows.len() < 2 && Instant::now() < deadline {
            destroyed
                .drain(&mut |view| {
                    let mut row = SocketRow::new(State::Closed, lastack_observe::Flow::NONE);
                    view.fill(&mut row);
                    rows.push(row);
                })
                .unwrap();
            thread::sleep(Duration::from_millis(10));
        }
        let server = rows.iter().find(|row| row.flow.local == flow.1).unwrap();
        assert_eq!((server.state, server.flow.remote), (State::Closed, flow.0));
        let info = server.host.as_ref().unwrap().info.unwrap();
        assert_eq!(info.bytes_received, 1001, "the FIN counts");
        assert_eq!((destroyed.losses(), destroyed.unreadable()), (0, 0));
        drop(listener);
    });
}
