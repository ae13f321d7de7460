//! What ends every waiting call with a clear error: the loss of the device, shutdown, a dropped driver, and a clock that
//! jumps past every patience.

mod world;

use bytes::Bytes;
use lastack_device::memory::Config;
use lastack_net::{Handle, Keepalive, TcpListener, TcpSocket, TcpStream};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::task::JoinHandle;
use world::{LEFT, Side, connected, pair, pair_with_spy, right, soon};

/// A call that waits, and how it ended.
type Call = (&'static str, JoinHandle<io::Result<()>>);

fn spawn(name: &'static str, call: impl Future<Output = io::Result<()>> + Send + 'static) -> Call {
    (name, tokio::spawn(call))
}

/// Fills both ends' buffers: the next write waits.
async fn fill(stream: &TcpStream) {
    let chunk = [0; 64 * 1024];
    loop {
        match tokio::time::timeout(Duration::from_secs(2), stream.writable()).await {
            Ok(ready) => drop(ready.map(|()| stream.try_write(&chunk))),
            Err(_) => return,
        }
    }
}

/// Every call that waits for octets, each on a stream of its own. Readiness itself is no error: what follows it is.
fn readers(mut streams: impl FnMut() -> TcpStream) -> Vec<Call> {
    let [mut read, peek, readable, bytes, ready] = std::array::from_fn(|_| streams());
    vec![
        spawn("read", async move { read.read(&mut [0; 8]).await.map(drop) }),
        spawn("peek", async move { peek.peek(&mut [0; 8]).await.map(drop) }),
        spawn("readable", async move {
            readable.readable().await?;
            readable.try_read(&mut [0; 8]).map(drop)
        }),
        spawn("read_bytes", async move { bytes.read_bytes(8).await.map(drop) }),
        spawn("ready", async move {
            assert!(ready.ready(Interest::PRIORITY | Interest::ERROR).await?.is_error());
            ready.try_read(&mut [0; 8]).map(drop)
        }),
    ]
}

/// Every call that waits for room, each on a full stream of its own, and for the end of a lingering close.
fn writers(mut full: impl FnMut() -> TcpStream) -> Vec<Call> {
    let [mut write, writable, bytes, close] = std::array::from_fn(|_| full());
    close.set_linger(Some(Duration::from_secs(3600))).unwrap();
    vec![
        spawn("write", async move { write.write(b"x").await.map(drop) }),
        spawn("writable", async move {
            writable.writable().await?;
            writable.try_write(b"x").map(drop)
        }),
        spawn("write_bytes", async move { bytes.write_all_bytes(&mut Bytes::from_static(b"x")).await }),
        spawn("close", close.close()),
    ]
}

/// Streams from the left to the right, with their other ends.
async fn streams(left: &Side, right: &Side, full: bool) -> Vec<(TcpStream, TcpStream)> {
    let mut streams = Vec::new();
    for _ in 0..5 {
        let (client, server) = connected(left, right).await;
        if full {
            fill(&client).await;
        }
        streams.push((client, server));
    }
    streams
}

/// Starts every waiting call on the left stack, then lets `end` happen; says how each call ended.
async fn waiting(
    left: &Side,
    right_side: &Side,
    end: impl Future<Output = ()>,
) -> Vec<(&'static str, io::Error)> {
    let (mut clients, mut servers): (Vec<_>, Vec<_>) =
        streams(left, right_side, false).await.into_iter().unzip();
    let mut calls = readers(|| clients.pop().expect("enough streams"));
    let (mut clients, full): (Vec<_>, Vec<_>) = streams(left, right_side, true).await.into_iter().unzip();
    servers.extend(full);
    calls.extend(writers(|| clients.pop().expect("enough streams")));
    let handle = left.handle.clone();
    calls.push(spawn(
        "connect",
        async move { TcpStream::connect_on(&handle, "198.18.0.77:1").await.map(drop) },
    ));
    let listener = TcpListener::bind_on(&left.handle, (LEFT, 80)).await.unwrap();
    calls.push(spawn("accept", async move { listener.accept().await.map(drop) }));
    // Each has begun to wait.
    tokio::time::sleep(Duration::from_millis(20)).await;
    for (name, call) in &calls {
        assert!(!call.is_finished(), "{name} did not wait");
    }
    end.await;
    let mut ends = Vec::new();
    for (name, call) in calls {
        let answer = soon(call).await.expect("no panic");
        ends.push((name, answer.expect_err(name)));
    }
    drop(servers);
    ends
}

async fn assert_down(handle: &Handle, ends: Vec<(&'static str, io::Error)>) {
    for (name, error) in ends {
        assert_eq!(error.kind(), ErrorKind::NetworkDown, "{name}: {error}");
        let text = "the stack has ended: its device is gone, or it was shut down";
        assert_eq!(error.to_string(), text, "{name}");
    }
    assert!(handle.is_down());
    // Calls that come later do not wait at all.
    let late: [Pin<Box<dyn Future<Output = io::Result<()>>>>; 4] = [
        Box::pin(async { TcpStream::connect_on(handle, right(1)).await.map(drop) }),
        Box::pin(async { TcpListener::bind_on(handle, (LEFT, 0)).await.map(drop) }),
        Box::pin(async {
            let socket = TcpSocket::on(handle, right(1).into());
            socket.bind((LEFT, 1).into())?;
            socket.bound().await.map(drop)
        }),
        Box::pin(async { handle.census().await.map(drop) }),
    ];
    for call in late {
        assert_eq!(soon(call).await.unwrap_err().kind(), ErrorKind::NetworkDown);
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_every_waiting_call() {
    let (left, right_side) = pair(Config::default());
    let ends = waiting(&left, &right_side, left.handle.shutdown()).await;
    assert_down(&left.handle, ends).await;
    assert!(left.driver.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn losing_the_device_ends_every_waiting_call() {
    let (left, right_side) = pair(Config::default());
    // The other end of the link goes with its stack.
    let ends = waiting(&left, &right_side, right_side.handle.shutdown()).await;
    assert_down(&left.handle, ends).await;
    assert!(left.driver.await.unwrap().is_err(), "the driver says that the device is gone");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_driver_ends_every_waiting_call() {
    let (left, right_side) = pair(Config::default());
    let ends = waiting(&left, &right_side, async { left.driver.abort() }).await;
    assert_down(&left.handle, ends).await;
    assert!(left.driver.await.unwrap_err().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_lost_device_is_told_as_often_as_one_asks() {
    let (left, right_side) = pair(Config::default());
    let (mut client, _server) = connected(&left, &right_side).await;
    left.handle.shutdown().await;
    for _ in 0..3 {
        assert_eq!(client.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::NetworkDown);
        assert_eq!(client.write(b"x").await.unwrap_err().kind(), ErrorKind::NetworkDown);
    }
}

/// The machine slept for a day and the peer is gone: nobody waits for another round of patience.
#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_ends_calls_that_have_waited_long_enough() {
    let (left, right_side, spy) = pair_with_spy(Config::default());
    let (mut idle, _idle_server) = connected(&left, &right_side).await;
    let times = Keepalive {
        time: Some(Duration::from_secs(600)),
        interval: Some(Duration::from_secs(1)),
        retries: Some(3),
    };
    idle.set_tcp_keepalive(times).unwrap();
    let (mut full, _full_server) = connected(&left, &right_side).await;
    full.set_user_timeout(Some(Duration::from_secs(600))).unwrap();
    let (closing, _closing_server) = connected(&left, &right_side).await;
    closing.set_linger(Some(Duration::from_secs(600))).unwrap();
    closing.try_write(b"never delivered").unwrap();
    spy.silence();
    fill(&full).await;
    let handle = left.handle.clone();
    let calls = [
        spawn("read", async move { idle.read(&mut [0; 1]).await.map(drop) }),
        spawn("write", async move { full.write_all(&[0; 1 << 20]).await }),
        spawn("close", closing.close()),
        spawn("connect", async move { TcpStream::connect_on(&handle, right(9)).await.map(drop) }),
    ];
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(calls.iter().all(|(_, call)| !call.is_finished()));
    tokio::time::advance(Duration::from_secs(86_400)).await;
    let jumped = tokio::time::Instant::now();
    for (name, call) in calls {
        let error = soon(call).await.unwrap().expect_err(name);
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{name}: {error}");
    }
    let waited = jumped.elapsed();
    assert!(waited < Duration::from_secs(10), "{waited:?} after the jump");
    // The stack lives on.
    assert!(!left.handle.is_down());
    TcpListener::bind_on(&left.handle, (LEFT, 80)).await.expect("a stack that works");
}
