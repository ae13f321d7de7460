//! The running kernel is asked about real sockets, in a network namespace of each test's own; /proc/net/tcp is the witness.

use lastack_host::listeners::{self, Listeners};
use lastack_host::namespace::Place;
use lastack_host::tune::{self, Destroyed, Target};
use lastack_host::{Diag, Extensions, Family, PortFilter, Query, StateSet};
use lastack_observe::{Flow, SocketRow, State, TimerKind};
use rustix::thread::{UnshareFlags, gettid};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;

/// Runs `test` on a thread in a fresh namespace with loopback up; says `skipped:` where that cannot be had.
fn in_namespace(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::spawn(|| {
        // The successor is unsafe for the sake of descriptors (UnshareFlags::FILES); namespaces are no matter of memory.
        #[allow(deprecated)]
        let entered = rustix::thread::unshare(UnshareFlags::NEWNET);
        let up = entered.is_ok() && Command::new("ip").args(["link", "set", "lo", "up"]).status().is_ok();
        if up {
            test();
        } else {
            let _ = writeln!(io::stderr(), "skipped: no network namespace with loopback: {entered:?}");
        }
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// Sockets in several states of both families; they live as long as this does.
struct Zoo {
    v4: TcpListener,
    held: Vec<TcpStream>,
    _listeners: Vec<TcpListener>,
}

impl Zoo {
    fn new() -> Zoo {
        let mut held = Vec::new();
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
        let v6 = TcpListener::bind("[::]:0").unwrap();
        for listener in [&v4, &v6] {
            let port = listener.local_addr().unwrap().port();
            let host = if listener.local_addr().unwrap().is_ipv4() { "127.0.0.1" } else { "::1" };
            let pair = || {
                let client = TcpStream::connect((host, port)).unwrap();
                (client, listener.accept().unwrap().0)
            };
            let (client, server) = pair();
            held.extend([client, server]);
            // The server does not close what the client has closed: FIN_WAIT2 and CLOSE_WAIT.
            let (client, server) = pair();
            client.shutdown(Shutdown::Write).unwrap();
            held.extend([client, server]);
            // The same without an application on the client's side.
            let (client, server) = pair();
            drop(client);
            held.push(server);
            // Both close, the client first: TIME_WAIT.
            let (client, mut server) = pair();
            drop(client);
            server.read_to_end(&mut Vec::new()).unwrap();
            drop(server);
            // Nobody accepts this one.
            held.push(TcpStream::connect((host, port)).unwrap());
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        Zoo { v4, held, _listeners: vec![v6] }
    }
}

fn rows(query: Query) -> Vec<SocketRow> {
    let mut rows = Vec::new();
    let dumped = Diag::open().unwrap().dump(&query, &mut |view| {
        let mut row = SocketRow::new(State::Closed, Flow::NONE);
        view.fill(&mut row);
        rows.push(row);
    });
    let dumped = dumped.unwrap();
    assert_eq!((dumped.sockets, dumped.unreadable), (rows.len() as u64, 0));
    rows
}

fn all(extensions: Extensions) -> Vec<SocketRow> {
    let query = |family| Query { extensions, ..Query::new(family, StateSet::ALL) };
    Family::ALL.into_iter().flat_map(|family| rows(query(family))).collect()
}

/// State and both ports of every line of /proc/net/tcp and tcp6.
fn witness() -> Vec<(State, u16, u16)> {
    let mut lines = Vec::new();
    for name in ["tcp", "tcp6"] {
        let text = std::fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap();
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let port = |end: &str| u16::from_str_radix(end.rsplit(':').next().unwrap(), 16).unwrap();
            let state = usize::from_str_radix(words[3], 16).unwrap();
            lines.push((State::ALL[state - 1], port(words[1]), port(words[2])));
        }
    }
    lines.sort();
    lines
}

fn short(row: &SocketRow) -> (State, u16, u16) {
    (row.state, row.flow.local.port(), row.flow.remote.port())
}

#[test]
fn every_socket_is_seen_as_proc_net_tcp_shows_it() {
    in_namespace(|| {
        let zoo = Zoo::new();
        let found = all(Extensions::ALL);
        let mut seen: Vec<_> = found.iter().map(short).collect();
        seen.sort();
        // TIME_WAIT and the like may end between the two; nothing here is that old.
        assert_eq!(seen, witness());
        assert!(seen.len() >= 2 * 10, "{seen:?}");
        let mut states: BTreeMap<State, u32> = BTreeMap::new();
        seen.iter().for_each(|(state, ..)| *states.entry(*state).or_default() += 1);
        assert_eq!(states.get(&State::TimeWait), Some(&2));
        assert_eq!(states.get(&State::CloseWait), Some(&4));
        assert_eq!(found.iter().filter(|row| row.unaccepted).count(), 2);
        let orphans: Vec<_> = found.iter().filter(|row| row.orphan).collect();
        assert_eq!(orphans.len(), 2);
        assert!(orphans.iter().all(|row| row.state == State::FinWait2 && row.timer == TimerKind::Timewait));
        let established =
            found.iter().find(|row| row.state == State::Established && !row.unaccepted).unwrap();
        let host = established.host.as_ref().unwrap();
        assert!(host.info.unwrap().rtt_us > 0 && host.memory.is_some() && host.congestion.is_some());
        assert!(established.negotiated.unwrap().timestamps && host.inode > 0);
        drop(zoo);
    });
}

#[test]
fn the_kernel_filters_by_state_and_port() {
    in_namespace(|| {
        let zoo = Zoo::new();
        let port = zoo.v4.local_addr().unwrap().port();
        let states = StateSet::of(&[State::Established, State::CloseWait]);
        for ports in [PortFilter::default().local(port..=port), PortFilter::default().remote(port..=port)] {
            let query = Query { ports, ..Query::new(Family::V4, states) };
            let local = ports == PortFilter::default().local(port..=port);
            let mut seen: Vec<_> = rows(query).iter().map(short).collect();
            seen.sort();
            let wanted = |&(state, from, to): &(State, u16, u16)| {
                states.contains(state) && if local { from == port } else { to == port }
            };
            let expected: Vec<_> = witness().into_iter().filter(wanted).collect();
            assert!(!expected.is_empty());
            assert_eq!(seen, expected);
        }
        let none = PortFilter::default().local(1..=1);
        assert_eq!(rows(Query { ports: none, ..Query::new(Family::V4, StateSet::ALL) }), []);
        let below = PortFilter::default().local(0..=port - 1);
        let seen = rows(Query { ports: below, ..Query::new(Family::V4, StateSet::ALL) });
        assert!(seen.iter().all(|row| row.flow.local.port() < port));
    });
}

#[test]
fn exactly_one_flow_is_looked_up_and_destroyed() {
    in_namespace(|| {
        let zoo = Zoo::new();
        let mut client = zoo.held[0].try_clone().unwrap();
        let flow = Flow { local: client.local_addr().unwrap(), remote: client.peer_addr().unwrap() };
        let mut diag = Diag::open().unwrap();
        let look = |diag: &mut Diag, flow: &Flow| {
            diag.lookup(flow, Extensions::default(), |view| (view.state(), view.cookie())).unwrap()
        };
        let (state, cookie) = look(&mut diag, &flow).unwrap();
        assert_eq!(state, State::Established);
        // The kernel answers with the listener when it has no such flow; that is not asked for.
        let stranger = Flow { local: zoo.v4.local_addr().unwrap(), remote: "127.0.0.1:9".parse().unwrap() };
        assert_eq!(look(&mut diag, &stranger), None);
        let target = Target { flow, interface: 0, cookie };
        let other = Target { cookie: cookie + 1, ..target };
        assert_eq!(tune::destroy(&mut diag, &other).unwrap(), Destroyed::Gone);
        assert!(look(&mut diag, &flow).is_some());
        match tune::destroy(&mut diag, &target).unwrap() {
            Destroyed::Refused(why) => {
                let _ = writeln!(io::stderr(), "skipped: SOCK_DESTROY: {why}");
                return;
            }
            destroyed => assert_eq!(destroyed, Destroyed::Yes),
        }
        assert_eq!(look(&mut diag, &flow), None);
        let error = client.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    });
}

#[test]
fn a_census_by_listener_counts_each_flow_once() {
    in_namespace(|| {
        let zoo = Zoo::new();
        let (listeners, _) = listeners::census(&mut Diag::open().unwrap()).unwrap();
        let total = listeners.total();
        assert_eq!(total.total() as usize, witness().len());
        let local = zoo.v4.local_addr().unwrap();
        let mine = listeners.iter().find(|listener| listener.local == local).unwrap();
        assert_eq!((mine.queue, mine.sockets, mine.drops), (1, 1, 0));
        assert_eq!(mine.flows.count(State::CloseWait), 2);
        assert_eq!(listeners.others.count(State::FinWait2), 4);
        assert_eq!(total.orphans, 2);
    });
}

#[test]
fn another_namespace_is_looked_into_and_left() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let local: SocketAddr = listener.local_addr().unwrap();
        let tid = gettid().as_raw_nonzero();
        let place: Place = format!("/proc/self/task/{tid}/ns/net").parse().unwrap();
        let own = move || Listeners::read(&mut Diag::open().unwrap()).unwrap();
        let sees = move |listeners: Listeners| listeners.iter().any(|listener| listener.local == local);
        assert!(sees(own()));
        // A fresh namespace of another thread has nothing, and sees this one through its file.
        std::thread::spawn(move || {
            #[allow(deprecated)]
            rustix::thread::unshare(UnshareFlags::NEWNET).unwrap();
            assert!(!sees(own()));
            assert!(sees(place.within(own).unwrap()));
            assert!(!sees(own()));
        })
        .join()
        .unwrap();
        drop(listener);
    });
}
