//! Options that are obeyed, seen on the wire or in time; and closing, which SO_LINGER makes wait.

mod world;

use lastack_device::Capabilities;
use lastack_device::memory::Config;
use lastack_net::{Keepalive, TcpListener, TcpSocket, TcpStream};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use world::spy::Spy;
use world::{RIGHT, Side, connected, pair, pair_with_spy, pattern};

const SHORT: Duration = Duration::from_millis(50);

/// A connection whose client was set up by `prepare`: (client, server).
async fn prepared(left: &Side, right: &Side, prepare: impl Fn(&TcpSocket)) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind_on(&right.handle, (RIGHT, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let socket = TcpSocket::on(&left.handle, address.into());
    prepare(&socket);
    let (client, accepted) = tokio::join!(socket.connect(address), listener.accept());
    (client.unwrap(), accepted.unwrap().0)
}

/// The windows that the spied stack has offered, in octets, and the unit in which it offers.
fn windows(spy: &Spy) -> (Vec<u32>, u32) {
    let sent = spy.sent();
    let shift = sent[0].1.options.window_scale.expect("an offer to scale");
    let scaled = |header: &lastack_wire::tcp::Header| {
        u32::from(header.window) << if header.flags.syn() { 0 } else { shift }
    };
    (sent.iter().map(|(_, header, _)| scaled(header)).collect(), 1 << shift)
}

#[tokio::test(start_paused = true)]
async fn no_window_beyond_the_clamp_is_offered() {
    let (left, right_side, spy) = pair_with_spy(Config::default());
    let (mut client, mut server) = prepared(&left, &right_side, |socket| {
        socket.set_window_clamp(9000).unwrap();
        assert_eq!(socket.window_clamp().unwrap(), Some(9000));
    })
    .await;
    // Small segments: from full ones on Linux takes its own figure for the clamp (tcp_measure_rcv_mss, measured).
    let mut received = [0; 100];
    for _ in 0..50 {
        server.write_all(&[1; 100]).await.unwrap();
        client.read_exact(&mut received).await.unwrap();
    }
    let (windows, unit) = windows(&spy);
    let largest = *windows.iter().max().unwrap();
    assert!((4500..9000 + unit).contains(&largest), "{largest}");
    // As Linux: only a fresh socket may lift it, and 1152 octets are the least.
    assert_eq!(client.set_window_clamp(0).unwrap_err().kind(), ErrorKind::InvalidInput);
    client.set_window_clamp(1).unwrap();
    assert_eq!(client.window_clamp().unwrap(), Some(1152));
}

#[tokio::test(start_paused = true)]
async fn a_clamp_holds_back_a_running_transfer() {
    let (left, right_side, spy) = pair_with_spy(Config::default());
    let (mut client, mut server) = connected(&left, &right_side).await;
    tokio::spawn(async move { while server.write_all(&[0; 100_000]).await.is_ok() {} });
    let mut buffer = vec![0; 1 << 20];
    client.read_exact(&mut buffer).await.unwrap();
    let before = windows(&spy).0;
    assert!(*before.last().unwrap() > 60_000, "{before:?}");
    client.set_window_clamp(5000).unwrap();
    client.read_exact(&mut buffer).await.unwrap();
    // What was promised before is taken back nowhere, so the window shrinks as it is used.
    let (after, unit) = windows(&spy);
    assert!(*after.last().unwrap() <= 5000 + unit, "{:?}", &after[before.len()..]);
}

#[tokio::test(start_paused = true)]
async fn no_segment_is_longer_than_maxseg() {
    let link = Config { capabilities: Capabilities::default(), ..Config::default() };
    let (left, right_side, spy) = pair_with_spy(link);
    let (mut client, mut server) = prepared(&left, &right_side, |socket| {
        assert_eq!(socket.max_segment().unwrap(), 536);
        for wrong in [1, 87, 32_768] {
            assert_eq!(socket.set_max_segment(wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        socket.set_max_segment(500).unwrap();
        assert_eq!(socket.max_segment().unwrap(), 500);
    })
    .await;
    assert_eq!(spy.sent()[0].1.options.mss, Some(500));
    // Timestamps take twelve octets of each.
    assert_eq!((client.max_segment().unwrap(), server.max_segment().unwrap()), (488, 488));
    client.write_all(&[1; 10_000]).await.unwrap();
    server.read_exact(&mut [0; 10_000]).await.unwrap();
    server.write_all(&[1; 10_000]).await.unwrap();
    client.read_exact(&mut [0; 10_000]).await.unwrap();
    for packets in [spy.sent(), spy.received()] {
        assert_eq!(packets.iter().map(|(.., payload)| *payload).max(), Some(488));
    }
}

#[tokio::test(start_paused = true)]
async fn a_receive_buffer_bounds_what_waits() {
    let (left, right_side, spy) = pair_with_spy(Config::default());
    let (client, server) =
        prepared(&left, &right_side, |socket| socket.set_recv_buffer_size(10_000).unwrap()).await;
    assert_eq!(client.recv_buffer_size().unwrap(), 20_000);
    while timeout(Duration::from_secs(2), server.writable()).await.is_ok() {
        let _ = server.try_write(&[0; 4096]);
    }
    let unread = client.socket().unread();
    assert!((5000..=20_000).contains(&unread), "{unread}");
    let largest = *windows(&spy).0.iter().max().unwrap();
    // Full segments use 1460 of 2304 octets of memory, and so much of the buffer is offered once they have shown it.
    assert!((5000..=12_700).contains(&largest), "{largest}");
}

#[tokio::test(start_paused = true)]
async fn a_send_buffer_bounds_what_is_taken() {
    let (left, right_side, spy) = pair_with_spy(Config::default());
    let (client, _server) =
        prepared(&left, &right_side, |socket| socket.set_send_buffer_size(5000).unwrap()).await;
    spy.silence();
    let mut taken = 0;
    while timeout(SHORT, client.writable()).await.is_ok() {
        taken += client.try_write(&[0; 999]).unwrap();
    }
    // The limit is memory; the packet that was begun below it is filled, and no other follows.
    assert_eq!(client.send_buffer_size().unwrap(), 10_000);
    assert!((10_000..10_000 + 65_536).contains(&taken), "{taken}");
}

#[tokio::test(start_paused = true)]
async fn a_reader_waits_for_the_low_water_mark() {
    let (left, right_side) = pair(Config::default());
    let (mut client, mut server) = connected(&left, &right_side).await;
    assert_eq!(client.recv_low_water().unwrap(), 1);
    client.set_recv_low_water(1000).unwrap();
    assert_eq!(client.recv_low_water().unwrap(), 1000);
    let mut buffer = [0; 4000];
    server.write_all(&[1; 999]).await.unwrap();
    assert!(timeout(SHORT, client.read(&mut buffer)).await.is_err());
    assert!(timeout(SHORT, client.peek(&mut buffer)).await.is_err());
    assert!(timeout(SHORT, client.readable()).await.is_err());
    assert!(timeout(SHORT, client.read_bytes(10)).await.is_err());
    server.write_all(&[1]).await.unwrap();
    client.readable().await.unwrap();
    assert_eq!(client.read(&mut buffer).await.unwrap(), 1000);
    server.write_all(&[1; 10]).await.unwrap();
    assert!(timeout(SHORT, client.readable()).await.is_err());
    assert_eq!(client.try_read(&mut buffer).unwrap(), 10, "what does not wait takes what there is");
    server.write_all(&[1; 20]).await.unwrap();
    assert!(timeout(SHORT, client.readable()).await.is_err());
    client.set_recv_low_water(20).unwrap();
    assert_eq!(client.read(&mut buffer).await.unwrap(), 20, "a lower mark is reached");
    client.set_recv_low_water(1000).unwrap();
    server.write_all(b"last").await.unwrap();
    drop(server);
    assert_eq!(client.read(&mut buffer).await.unwrap(), 4, "no more can come");
    assert_eq!(client.read(&mut buffer).await.unwrap(), 0);
}

/// The mark never exceeds what the buffer can hold: a transfer goes on whatever it is.
#[tokio::test(start_paused = true)]
async fn no_low_water_mark_stops_a_transfer() {
    for (rcvbuf, mark) in [(None, 2_000_000), (Some(4000), u32::MAX), (Some(20_000), 19_000)] {
        let (left, right_side) = pair(Config::default());
        let (client, mut server) = connected(&left, &right_side).await;
        if let Some(rcvbuf) = rcvbuf {
            client.set_recv_buffer_size(rcvbuf).unwrap();
        }
        client.set_recv_low_water(mark).unwrap();
        tokio::time::sleep(SHORT).await;
        assert!(client.recv_low_water().unwrap() <= client.recv_buffer_size().unwrap());
        tokio::spawn(async move { server.write_all(&vec![1; 5_000_000]).await });
        let mut received = 0;
        while received < 5_000_000 {
            let octets = timeout(Duration::from_secs(60), client.read_bytes(usize::MAX)).await;
            received += octets.expect("no standstill").unwrap().len();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn keepalive_has_times_of_its_own() {
    let (left, right_side, spy) = pair_with_spy(Config::default());
    let (mut client, _server) = connected(&left, &right_side).await;
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for wrong in [
        Keepalive { time: seconds(0), ..Keepalive::default() },
        Keepalive { interval: seconds(32_768), ..Keepalive::default() },
        Keepalive { retries: Some(0), ..Keepalive::default() },
        Keepalive { retries: Some(128), ..Keepalive::default() },
    ] {
        assert_eq!(client.set_tcp_keepalive(wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert!(!client.keepalive().unwrap());
    let times = Keepalive { time: seconds(30), interval: seconds(5), retries: Some(2) };
    client.set_tcp_keepalive(times).unwrap();
    assert!(client.keepalive().unwrap());
    spy.silence();
    let start = Instant::now();
    assert_eq!(client.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert!((39..=41).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_user_timeout_ends_a_connection() {
    let (left, right_side, spy) = pair_with_spy(Config::default());
    let (mut client, _server) = connected(&left, &right_side).await;
    client.set_user_timeout(Some(Duration::from_secs(7))).unwrap();
    assert_eq!(client.user_timeout().unwrap(), Some(Duration::from_secs(7)));
    spy.silence();
    client.write_all(b"lost").await.unwrap();
    let start = Instant::now();
    assert_eq!(client.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert!((6..=8).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn packets_carry_the_ttl_and_the_class_of_their_socket() {
    let (left, right_side, spy) = pair_with_spy(Config::default());
    let listener = TcpListener::bind_on(&right_side.handle, (RIGHT, 80)).await.unwrap();
    listener.set_ttl(7).unwrap();
    let socket = TcpSocket::on(&left.handle, listener.local_addr().unwrap().into());
    socket.set_ttl(9).unwrap();
    socket.set_tos_v4(0xb8).unwrap();
    let mut client = socket.connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(b"marked").await.unwrap();
    server.read_exact(&mut [0; 6]).await.unwrap();
    server.write_all(b"too").await.unwrap();
    client.read_exact(&mut [0; 3]).await.unwrap();
    // SYN, third ACK and data; SYN-ACK and data.
    for (marks, packets) in [((9, 0xb8), spy.sent()), ((7, 0), spy.received())] {
        assert!(packets.len() >= 2);
        assert!(packets.iter().all(|(ip, ..)| (ip.hop_limit, ip.traffic_class) == marks), "{packets:?}");
    }
    let (mut plain, _server) = connected(&left, &right_side).await;
    plain.write_all(b"plain").await.unwrap();
    tokio::time::sleep(SHORT).await;
    assert_eq!(spy.sent().last().unwrap().0.hop_limit, 64, "other sockets keep the default");
}

#[tokio::test(start_paused = true)]
async fn closing_with_linger_waits_for_the_peer() {
    let (left, right_side, spy) = pair_with_spy(Config::default());
    let (mut client, server) = connected(&left, &right_side).await;
    client.set_linger(Some(Duration::from_secs(5))).unwrap();
    client.write_all(b"delivered").await.unwrap();
    client.close().await.expect("all is acknowledged");
    assert_eq!(server.socket().unread(), 9);

    let (mut client, _server) = connected(&left, &right_side).await;
    client.set_linger(Some(Duration::from_secs(5))).unwrap();
    spy.silence();
    client.write_all(b"lost").await.unwrap();
    let start = Instant::now();
    assert_eq!(client.close().await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_ne!(left.handle.census().await.unwrap().total(), 0, "it goes on in the background");
}

#[tokio::test(start_paused = true)]
async fn closing_says_what_became_of_it() {
    let (left, right_side) = pair(Config::default());
    let (client, mut server) = connected(&left, &right_side).await;
    client.close().await.expect("without linger nothing is waited for");
    assert_eq!(server.read(&mut [0; 1]).await.unwrap(), 0);

    let (client, mut server) = connected(&left, &right_side).await;
    server.write_all(b"unread").await.unwrap();
    client.readable().await.unwrap();
    assert_eq!(client.close().await.unwrap_err().kind(), ErrorKind::ConnectionAborted);
    assert_eq!(server.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);

    let (client, server) = connected(&left, &right_side).await;
    client.set_linger(Some(Duration::from_secs(60))).unwrap();
    server.set_recv_buffer_size(1).unwrap();
    while timeout(SHORT, client.writable()).await.is_ok() {
        let _ = client.try_write(&[0; 65_536]);
    }
    let (closed, ()) = tokio::join!(client.close(), async {
        tokio::time::sleep(SHORT).await;
        server.abort();
    });
    assert_eq!(closed.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

/// Who gives the waiting up gives up nothing else.
#[tokio::test(start_paused = true)]
async fn abandoning_a_close_does_not_abandon_the_octets() {
    let (left, right_side) = pair(Config::default());
    let (mut client, mut server) = connected(&left, &right_side).await;
    client.set_linger(Some(Duration::from_secs(60))).unwrap();
    let sent = pattern(5, 60_000);
    client.write_all(&sent).await.unwrap();
    let _ = poll_once(client.close()).await;
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.expect("an orderly end");
    assert!(received == sent);
}

/// Polls once and drops.
async fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

/// An abandoned connection attempt leaves nothing behind.
#[tokio::test(start_paused = true)]
async fn an_abandoned_connect_gives_up() {
    let (left, _right) = pair(Config::default());
    let attempt = TcpStream::connect_on(&left.handle, "198.18.0.77:1");
    assert!(timeout(Duration::from_secs(2), attempt).await.is_err());
    tokio::time::sleep(SHORT).await;
    assert_eq!(left.handle.census().await.unwrap().total(), 0);
}
