use super::*;
use crate::control::client::Client;
use lastack::device::memory::{self, Memory};
use lastack::net::{Driver, TcpListener};
use lastack::observe::{Instant, State};
use lastack::stack::Config;
use std::net::{IpAddr, Ipv4Addr};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);

struct World {
    source: Source,
    _listener: TcpListener,
    _peer: Memory,
}

/// A stack with one listener, and what its control socket answers from.
async fn world() -> World {
    let (near, peer) = memory::pair(memory::Config::default());
    let (handle, _) = Driver::spawn(near, Config::new(vec![(IpAddr::V4(ADDRESS), 24)])).unwrap();
    let listener = TcpListener::bind_on(&handle, (ADDRESS, 80)).await.unwrap();
    let about = About {
        version: VERSION,
        name: "test".to_owned(),
        device: "memory0".to_owned(),
        addresses: vec![IpAddr::V4(ADDRESS)],
    };
    let source = Source { handle, events: broadcast::channel(16).0, about: Arc::new(about) };
    World { source, _listener: listener, _peer: peer }
}

/// Sends these octets as one client and reads all answers.
async fn answers(world: &World, octets: &[u8]) -> Vec<Reply> {
    let (mut near, far) = UnixStream::pair().unwrap();
    let served = tokio::spawn(client(far, world.source.clone()));
    near.write_all(octets).await.unwrap();
    near.shutdown().await.unwrap();
    let mut text = String::new();
    near.read_to_string(&mut text).await.unwrap();
    served.await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect("a reply per line")).collect()
}

#[tokio::test]
async fn one_connection_carries_several_requests() {
    let world = world().await;
    let requests = [Ask::About, Ask::Sockets, Ask::Census, Ask::Counters]
        .map(|ask| serde_json::to_string(&Request { version: VERSION, ask }).unwrap() + "\n")
        .concat();
    let replies = answers(&world, requests.as_bytes()).await;
    let [Reply::About(about), Reply::Sockets(rows), Reply::End, Reply::Census(census), Reply::Counters(_)] =
        &replies[..]
    else {
        panic!("{replies:?}");
    };
    assert_eq!(about.name, "test");
    assert_eq!((rows.len(), rows[0].state), (1, State::Listen));
    assert_eq!(census.count(State::Listen), 1);
}

#[tokio::test]
async fn knobs_are_read_and_turned() {
    let world = world().await;
    let turn = |name: &str, value: &str| Ask::TurnKnob { name: name.to_owned(), value: value.to_owned() };
    let requests = [
        turn("net/ipv4/tcp_fin_timeout", "30"),
        turn("net.ipv4.tcp_tw_reuse", "3"),
        turn("net.ipv4.tcp_tw_recycle", "1"),
        Ask::Knobs,
    ]
    .map(|ask| serde_json::to_string(&Request { version: VERSION, ask }).unwrap() + "\n")
    .concat();
    let replies = answers(&world, requests.as_bytes()).await;
    let [
        Reply::KnobTurned(name, value),
        Reply::KnobRefused(range),
        Reply::KnobRefused(gone),
        Reply::Knobs(all),
    ] = &replies[..]
    else {
        panic!("{replies:?}");
    };
    assert_eq!((name.as_str(), value.as_str()), ("net.ipv4.tcp_fin_timeout", "30"));
    assert!(range.contains("out of range") && gone.contains("removed in Linux 4.12"), "{range}, {gone}");
    assert!(all.contains(&(name.clone(), value.clone())));
    assert_eq!(world.source.handle.knobs().await.unwrap().tcp_fin_timeout, 30);
}

#[tokio::test]
async fn what_is_no_request_gets_one_error_and_the_end() {
    let world = world().await;
    let endless = vec![b'x'; REQUEST_MAX as usize + 10];
    let bad: [(&[u8], &str); 7] = [
        (b"\n", "not a request"),
        (b"GET / HTTP/1.1\r\n", "not a request"),
        (b"{\"version\":1,\"ask\":\"everything\"}\n", "not a request"),
        (b"{\"version\":2,\"ask\":\"gold\"}\n", "version 1"),
        (b"\xff\xfe\n", "not a request"),
        (b"{\"version\":1", "one line"),
        (&endless, "one line"),
    ];
    for (octets, expected) in bad {
        let replies = answers(&world, octets).await;
        let [Reply::Error(why)] = &replies[..] else { panic!("{octets:?}: {replies:?}") };
        assert!(why.contains(expected), "{why}");
    }
}

#[tokio::test]
async fn events_follow_until_the_client_leaves() {
    let world = world().await;
    let (mut near, far) = UnixStream::pair().unwrap();
    let served = tokio::spawn(client(far, world.source.clone()));
    near.write_all(b"{\"version\":1,\"ask\":\"events\"}\n").await.unwrap();
    let event = Event {
        at: Instant::ZERO,
        flow: lastack::observe::Flow::NONE,
        kind: lastack::observe::EventKind::Retransmitted { seq: 1, len: 2 },
    };
    while world.source.events.send(event).is_err() {
        tokio::task::yield_now().await;
    }
    let mut line = String::new();
    BufReader::new(&mut near).read_line(&mut line).await.unwrap();
    assert_eq!(serde_json::from_str::<Reply>(&line).unwrap(), Reply::Event(event));
    drop(near);
    served.await.unwrap();
}

#[tokio::test]
async fn a_lent_socket_carries_octets_and_both_ends() {
    let world = world().await;
    let (mut near, far) = UnixStream::pair().unwrap();
    tokio::spawn(client(far, world.source.clone()));
    let ask = Ask::Connect { host: ADDRESS.into(), port: 80 };
    let line = serde_json::to_string(&Request { version: VERSION, ask }).unwrap() + "\n";
    near.write_all(line.as_bytes()).await.unwrap();
    let (mut stream, _) = world._listener.accept().await.unwrap();
    near.write_all(b"ping").await.unwrap();
    near.shutdown().await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "ping");
    stream.write_all(b"pong").await.unwrap();
    drop(stream);
    let mut near = BufReader::new(near);
    line_is(&mut near, &Reply::Connected).await;
    let mut piece = Vec::new();
    assert_eq!(lend::next_piece(&mut near, &mut piece).await.unwrap(), 4);
    assert_eq!(piece, b"pong");
    assert_eq!(lend::next_piece(&mut near, &mut piece).await.unwrap(), 0);
}

#[tokio::test]
async fn a_lent_socket_tells_a_reset_from_an_end() {
    let world = world().await;
    let (mut near, far) = UnixStream::pair().unwrap();
    tokio::spawn(client(far, world.source.clone()));
    let ask = Ask::Connect { host: ADDRESS.into(), port: 80 };
    let line = serde_json::to_string(&Request { version: VERSION, ask }).unwrap() + "\n";
    near.write_all(line.as_bytes()).await.unwrap();
    let (stream, _) = world._listener.accept().await.unwrap();
    stream.abort();
    let mut near = BufReader::new(near);
    line_is(&mut near, &Reply::Connected).await;
    let error = lend::next_piece(&mut near, &mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

async fn line_is(stream: &mut BufReader<UnixStream>, expected: &Reply) {
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(serde_json::from_str::<Reply>(&line).unwrap(), *expected);
}

#[test]
fn a_client_without_a_stack_says_how_to_start_one() {
    let name = "no-stack-has-this-name".parse().unwrap();
    let error = Client::open(Some(&name)).unwrap_err().to_string();
    assert!(error.contains("lastack serve --name no-stack-has-this-name"), "{error}");
}
