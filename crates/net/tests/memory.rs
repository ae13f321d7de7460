//! tokio sockets over two stacks on an in-memory link.

mod world;

use lastack_device::Capabilities;
use lastack_device::memory::{Config, WhenFull};
use lastack_net::{Handle, TcpListener, TcpSocket, TcpStream};
use lastack_observe::{Counter, State};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::{RIGHT, RIGHT_6, connected, echo, expect_stream, pair, pattern, right, soon};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn ten_mebibytes_go_both_ways() {
    let (left, right) = pair(Config::default());
    let (client, server) = soon(connected(&left, &right)).await;
    let server = tokio::spawn(echo(server));
    let octets = pattern(1, 10 * MIB);
    let (read, mut write) = client.into_split();
    let sent = octets.clone();
    let writer = tokio::spawn(async move {
        write.write_all(&sent).await.expect("the peer reads");
        write.shutdown().await.expect("connected");
        write
    });
    soon(expect_stream(read, &octets)).await;
    assert_eq!(server.await.unwrap().unwrap(), octets.len() as u64);
    drop(writer.await.unwrap());
}

#[tokio::test]
async fn a_link_without_offloads_carries_as_well() {
    let link = Config { capabilities: Capabilities::default(), ..Config::default() };
    let (left, right) = pair(link);
    let (mut client, mut server) = soon(connected(&left, &right)).await;
    let octets = pattern(2, MIB);
    let sent = octets.clone();
    let writer = tokio::spawn(async move {
        server.write_all(&sent).await.expect("the peer reads");
    });
    soon(expect_stream(&mut client, &octets)).await;
    writer.await.unwrap();
}

/// In virtual time: no timer fires because the machine is busy.
#[tokio::test(start_paused = true)]
async fn a_full_device_is_waited_for() {
    let (left, right) = pair(Config { capacity: 2, when_full: WhenFull::Wait, ..Config::default() });
    let (client, server) = soon(connected(&left, &right)).await;
    let server = tokio::spawn(echo(server));
    let octets = pattern(3, 2 * MIB);
    let (read, mut write) = client.into_split();
    let sent = octets.clone();
    let writer = tokio::spawn(async move { write.write_all(&sent).await.expect("the peer reads") });
    soon(expect_stream(read, &octets)).await;
    writer.await.unwrap();
    server.await.unwrap().unwrap();
    let retransmitted = left.handle.counters().await.unwrap().value(Counter::RetransSegs);
    assert_eq!(retransmitted, 0, "nothing was lost, so nothing is repaired");
}

/// In virtual time: retransmission timeouts cost nothing.
#[tokio::test(start_paused = true)]
async fn a_queue_that_drops_is_repaired() {
    let link = Config { capacity: 6, capabilities: Capabilities::default(), ..Config::default() };
    let (left, right) = pair(link);
    let (mut client, mut server) = connected(&left, &right).await;
    let octets = pattern(4, MIB);
    let sent = octets.clone();
    let writer = tokio::spawn(async move { client.write_all(&sent).await.expect("the peer reads") });
    let mut received = vec![0; octets.len()];
    tokio::time::timeout(Duration::from_secs(600), server.read_exact(&mut received)).await.unwrap().unwrap();
    assert!(received == octets, "the octets differ");
    writer.await.unwrap();
    assert_ne!(left.handle.counters().await.unwrap().value(Counter::RetransSegs), 0, "the queue did drop");
}

#[tokio::test]
async fn shutdown_closes_one_direction() {
    let (left, right) = pair(Config::default());
    let (mut client, mut server) = soon(connected(&left, &right)).await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut question = String::new();
    soon(server.read_to_string(&mut question)).await.unwrap();
    assert_eq!(question, "question");
    assert_eq!(client.write_all(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    server.write_all(b"answer after the end").await.unwrap();
    drop(server);
    soon(expect_stream(client, b"answer after the end")).await;
}

#[tokio::test]
async fn a_port_without_listener_refuses() {
    let (left, _right) = pair(Config::default());
    let refused = soon(TcpStream::connect_on(&left.handle, right(9))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

/// Nobody has 198.18.0.77: in virtual time the SYN's retries take no time.
#[tokio::test(start_paused = true)]
async fn a_host_that_never_answers_times_out() {
    let (left, _right) = pair(Config::default());
    let nobody: SocketAddr = "198.18.0.77:80".parse().unwrap();
    let start = tokio::time::Instant::now();
    let error = TcpStream::connect_on(&left.handle, nobody).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    // Linux's defaults: four linear and six exponential retries.
    let waited = start.elapsed().as_secs();
    assert!((130..140).contains(&waited), "{waited} s");
}

#[tokio::test]
async fn an_address_in_use_and_a_foreign_address_are_refused() {
    let (_left, right_side) = pair(Config::default());
    let listener = soon(TcpListener::bind_on(&right_side.handle, right(80))).await.unwrap();
    assert_eq!(listener.local_addr().unwrap(), right(80));
    let again = soon(TcpListener::bind_on(&right_side.handle, right(80))).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AddrInUse);
    let foreign = soon(TcpListener::bind_on(&right_side.handle, "192.0.2.1:80")).await.unwrap_err();
    assert_eq!(foreign.kind(), ErrorKind::AddrNotAvailable);
    drop(listener);
    soon(TcpListener::bind_on(&right_side.handle, right(80))).await.expect("free again");
}

/// In virtual time: on a busy machine a loss probe repeats a FIN, its acknowledgment finds nobody, and that RST kills a
/// TIME_WAIT, as it does with Linux's default of tcp_rfc1337.
#[tokio::test(start_paused = true)]
async fn five_hundred_connections_at_once() {
    let (left, right_side) = pair(Config::default());
    let listener = TcpListener::bind_on(&right_side.handle, right(7)).await.unwrap();
    let server = tokio::spawn(async move {
        let mut echoes = tokio::task::JoinSet::new();
        for _ in 0..500 {
            let (stream, _) = listener.accept().await.expect("a connection");
            echoes.spawn(echo(stream));
        }
        echoes.join_all().await.into_iter().map(|octets| octets.expect("an orderly end")).sum::<u64>()
    });
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..500_u32 {
        let handle = left.handle.clone();
        clients.spawn(async move {
            let mut stream = TcpStream::connect_on(&handle, right(7)).await.expect("a listener");
            let octets = pattern(number as u8, 4000);
            stream.write_all(&octets).await.unwrap();
            stream.shutdown().await.unwrap();
            expect_stream(stream, &octets).await;
        });
    }
    soon(clients.join_all()).await;
    assert_eq!(soon(server).await.unwrap(), 500 * 4000);
    // The left side closed first, so it keeps the TIME_WAITs.
    let census = left.handle.census().await.unwrap();
    assert_eq!(census.count(State::TimeWait), 500);
    assert_eq!(left.handle.rows().await.unwrap().len(), 500);
    assert_eq!(right_side.handle.census().await.unwrap().total(), 0);
}

#[tokio::test]
async fn closing_with_unread_octets_resets() {
    let (left, right) = pair(Config::default());
    let (mut client, server) = soon(connected(&left, &right)).await;
    client.write_all(b"nobody reads this").await.unwrap();
    soon(server.readable()).await.unwrap();
    drop(server);
    let error = soon(client.read(&mut [0; 8])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(client.write_all(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn linger_zero_and_abort_reset() {
    let (left, right) = pair(Config::default());
    for abort in [false, true] {
        let (mut client, server) = soon(connected(&left, &right)).await;
        if abort {
            server.abort();
        } else {
            server.set_zero_linger().unwrap();
            assert_eq!(server.linger().unwrap(), Some(Duration::ZERO));
            drop(server);
        }
        let error = soon(client.read(&mut [0; 8])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn ipv6_works_like_ipv4() {
    let (left, right) = pair(Config::default());
    let listener = soon(TcpListener::bind_on(&right.handle, (RIGHT_6, 7))).await.unwrap();
    let server = tokio::spawn(async move { echo(listener.accept().await.unwrap().0).await });
    let mut client = soon(TcpStream::connect_on(&left.handle, (RIGHT_6, 7))).await.unwrap();
    assert!(client.local_addr().unwrap().is_ipv6());
    let octets = pattern(6, 200_000);
    let (read, mut write) = client.split();
    let (_, sent) = soon(async {
        tokio::join!(expect_stream(read, &octets), async {
            write.write_all(&octets).await?;
            write.shutdown().await
        })
    })
    .await;
    sent.unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn peek_and_try_forms_take_what_they_say() {
    let (left, right) = pair(Config::default());
    let (client, mut server) = soon(connected(&left, &right)).await;
    let mut buffer = [0; 8];
    assert_eq!(client.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.write_all(b"peeked").await.unwrap();
    assert_eq!(soon(client.peek(&mut buffer[..3])).await.unwrap(), 3);
    assert_eq!(&buffer[..3], b"pee");
    assert_eq!(client.try_read(&mut buffer).unwrap(), 6);
    assert_eq!(&buffer[..6], b"peeked");
    soon(client.writable()).await.unwrap();
    assert_eq!(client.try_write(b"back").unwrap(), 4);
    soon(server.read_exact(&mut buffer[..4])).await.unwrap();
    assert_eq!(&buffer[..4], b"back");
    client.set_nodelay(true).unwrap();
    assert!(client.nodelay().unwrap());
}

#[tokio::test]
async fn halves_come_together_again() {
    let (left, right) = pair(Config::default());
    let (client, mut server) = soon(connected(&left, &right)).await;
    let (other, _other_server) = soon(connected(&left, &right)).await;
    let (read, write) = client.into_split();
    let (foreign, _foreign_write) = other.into_split();
    let error = foreign.reunite(write).unwrap_err();
    assert_eq!(error.to_string(), "these halves are not of the same stream");
    let mut client = read.reunite(error.1).expect("the same stream");
    client.write_all(b"whole").await.unwrap();
    let mut buffer = [0; 5];
    soon(server.read_exact(&mut buffer)).await.unwrap();
    let (mut read, write) = client.into_split();
    drop(write);
    assert_eq!(soon(server.read(&mut buffer)).await.unwrap(), 0, "dropping the write half sends a FIN");
    server.write_all(b"still").await.unwrap();
    soon(read.read_exact(&mut buffer)).await.unwrap();
    assert_eq!(&buffer, b"still");
}

#[tokio::test]
async fn losing_the_device_ends_every_wait() {
    let (left, right_side) = pair(Config::default());
    let (mut client, server) = soon(connected(&left, &right_side)).await;
    let listener = TcpListener::bind_on(&left.handle, "198.18.0.1:80").await.unwrap();
    let mut buffer = [0; 8];
    // Shutting one stack down drops its end of the link.
    let (read, connect, accept, ()) = soon(async {
        tokio::join!(
            client.read(&mut buffer),
            TcpStream::connect_on(&left.handle, "198.18.0.99:1"),
            listener.accept(),
            right_side.handle.shutdown(),
        )
    })
    .await;
    let kinds = [read.unwrap_err(), connect.unwrap_err(), accept.unwrap_err()].map(|error| error.kind());
    assert_eq!(kinds, [ErrorKind::NetworkDown; 3]);
    assert!(right_side.driver.await.unwrap().is_ok());
    let ended = left.driver.await.unwrap().unwrap_err();
    assert_eq!(
        ended.to_string(),
        "device memory0 is gone (the other end of the link was dropped): start again with a new device"
    );
    assert!(left.handle.is_down());
    let late = TcpListener::bind_on(&left.handle, "198.18.0.1:81").await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::NetworkDown);
    assert_eq!(left.handle.census().await.unwrap_err().kind(), ErrorKind::NetworkDown);
    drop(server);
}

#[tokio::test]
async fn the_current_stack_is_the_one_entered_last() {
    let (left, right_side) = pair(Config::default());
    let none = Handle::try_current().unwrap_err().to_string();
    assert!(none.starts_with("no lastack stack is entered on this thread: "), "{none}");
    assert!(TcpListener::bind("198.18.0.1:80").await.is_err());
    let outer = left.handle.enter();
    {
        let _inner = right_side.handle.enter();
        assert_eq!(Handle::try_current().unwrap().device(), "memory1");
    }
    assert_eq!(Handle::try_current().unwrap().device(), "memory0");
    let listener =
        soon(TcpListener::bind("198.18.0.1:80")).await.expect("the current stack has this address");
    let mut client = soon(right_side.handle.scope(TcpStream::connect("198.18.0.1:80"))).await.unwrap();
    let (mut server, peer) = soon(listener.accept()).await.unwrap();
    assert_eq!(peer.ip(), RIGHT);
    server.write_all(b"hi").await.unwrap();
    let mut buffer = [0; 2];
    soon(client.read_exact(&mut buffer)).await.unwrap();
    drop(outer);
    assert!(Handle::try_current().is_err());
}

#[tokio::test]
async fn knobs_rows_and_events_are_answered_while_it_runs() {
    let (left, right) = pair(Config::default());
    left.handle.keep_events(64).await.unwrap();
    let changed = left
        .handle
        .change_knobs(|knobs| {
            knobs.tcp_fin_timeout = 7;
            Ok::<(), ()>(())
        })
        .await;
    assert_eq!(changed.unwrap(), Ok(()));
    let refused = left.handle.change_knobs(|knobs| {
        knobs.tcp_fin_timeout = 8;
        Err("no")
    });
    assert_eq!(refused.await.unwrap(), Err("no"));
    assert_eq!(left.handle.knobs().await.unwrap().tcp_fin_timeout, 7);

    let (client, _server) = soon(connected(&left, &right)).await;
    let rows = left.handle.rows().await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].state, State::Established);
    assert_eq!(rows[0].flow.local, client.local_addr().unwrap());
    assert!(!left.handle.take_events(64).await.unwrap().is_empty());
    assert!(left.handle.take_events(64).await.unwrap().is_empty());
}

#[tokio::test]
async fn socket_options_hold_before_the_handshake() {
    let (left, right_side) = pair(Config::default());
    let listener = TcpSocket::on(&right_side.handle, right(0).into());
    listener.bind(right(25)).unwrap();
    let listener = listener.listen(8).unwrap();
    soon(listener.listening()).await.unwrap();
    let socket = TcpSocket::on(&left.handle, right(0).into());
    socket.set_nodelay(true).unwrap();
    socket.bind("198.18.0.1:4000".parse().unwrap()).unwrap();
    let (client, server) = soon(async { tokio::join!(socket.connect(right(25)), listener.accept()) }).await;
    let client = client.unwrap();
    assert!(client.nodelay().unwrap());
    assert_eq!(client.local_addr().unwrap().port(), 4000);
    assert_eq!(server.unwrap().1.port(), 4000);
}

/// The same on a runtime with several threads: sockets and driver meet across them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_of_other_threads_reach_the_driver() {
    let (left, right_side) = pair(Config::default());
    let listener = soon(TcpListener::bind_on(&right_side.handle, right(7))).await.unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream));
        }
    });
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..8_u8 {
        let handle = left.handle.clone();
        clients.spawn(async move {
            let stream = TcpStream::connect_on(&handle, (RIGHT, 7)).await.expect("a listener");
            let octets = pattern(number, MIB / 2);
            let (read, mut write) = stream.into_split();
            let (_, sent) = tokio::join!(expect_stream(read, &octets), async {
                write.write_all(&octets).await?;
                write.shutdown().await
            });
            sent.unwrap();
        });
    }
    soon(clients.join_all()).await;
}
