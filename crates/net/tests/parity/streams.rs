//! Octets through a stream, whole and in halves.

use super::{TcpStream, connected};
use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::time::Duration;
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, Interest, ReadBuf,
};

fn is_a_stream<S: AsyncRead + AsyncWrite + AsRef<TcpStream> + Unpin + Send + Sync + std::fmt::Debug>(_: &S) {}

fn octets(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at ^ (at >> 8)) as u8).collect()
}

pub(crate) async fn a_stream_has_its_addresses_and_options() {
    let (client, server) = connected().await;
    is_a_stream(&client);
    assert_eq!(client.local_addr().unwrap(), server.peer_addr().unwrap());
    assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
    assert!(!client.nodelay().unwrap());
    client.set_nodelay(true).unwrap();
    assert!(client.nodelay().unwrap());
    assert_eq!(client.linger().unwrap(), None);
    client.set_zero_linger().unwrap();
    assert_eq!(client.linger().unwrap(), Some(Duration::ZERO));
    assert_eq!(client.ttl().unwrap(), 64);
    client.set_ttl(33).unwrap();
    assert_eq!(client.ttl().unwrap(), 33);
    assert_eq!(client.set_ttl(256).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(client.quickack().unwrap());
    client.set_quickack(false).unwrap();
    assert!(!client.quickack().unwrap());
    assert!(client.take_error().unwrap().is_none());
}

pub(crate) async fn buffers_of_a_vectored_write_arrive_in_order() {
    let (mut client, mut server) = connected().await;
    assert!(client.is_write_vectored());
    let parts = [IoSlice::new(b"three "), IoSlice::new(b""), IoSlice::new(b"parts")];
    assert_eq!(client.write_vectored(&parts).await.unwrap(), 11);
    assert_eq!(client.write_vectored(&[]).await.unwrap(), 0);
    let mut received = [0; 11];
    server.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"three parts");
}

pub(crate) async fn peeking_takes_nothing_and_sees_all_that_came() {
    let (mut client, mut server) = connected().await;
    client.set_nodelay(true).unwrap();
    for octet in b"segment" {
        client.write_all(&[*octet]).await.unwrap();
    }
    let mut seen = [0; 16];
    // Segments arrive one by one.
    while server.peek(&mut seen).await.unwrap() < 7 {
        tokio::task::yield_now().await;
    }
    assert_eq!(&seen[..7], b"segment");
    assert_eq!(server.peek(&mut seen[..3]).await.unwrap(), 3);
    assert_eq!(server.read(&mut seen).await.unwrap(), 7);
    assert_eq!(&seen[..7], b"segment");
    client.shutdown().await.unwrap();
    assert_eq!(server.peek(&mut seen).await.unwrap(), 0);
}

pub(crate) async fn try_forms_do_not_wait() {
    let (client, server) = connected().await;
    let mut buffer = [0; 16];
    assert_eq!(server.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(server.try_read_buf(&mut Vec::<u8>::new()).unwrap_err().kind(), ErrorKind::WouldBlock);
    client.writable().await.unwrap();
    assert_eq!(client.try_write(b"try").unwrap(), 3);
    server.readable().await.unwrap();
    assert_eq!(server.try_read(&mut buffer).unwrap(), 3);
    assert_eq!(&buffer[..3], b"try");
    let chunk = [7; 64 * 1024];
    let mut written = 0;
    let full = loop {
        match client.try_write(&chunk) {
            Ok(octets) => written += octets,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    assert!(written > 0);
}

pub(crate) async fn try_forms_fill_several_buffers() {
    let (client, server) = connected().await;
    client.writable().await.unwrap();
    let parts = [IoSlice::new(b"abcd"), IoSlice::new(b"efgh")];
    assert_eq!(client.try_write_vectored(&parts).unwrap(), 8);
    let (mut first, mut second) = ([0; 3], [0; 8]);
    server.readable().await.unwrap();
    let buffers = &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    assert_eq!(server.try_read_vectored(buffers).unwrap(), 8);
    assert_eq!((&first, &second[..5]), (b"abc", &b"defgh"[..]));
    let buffers = &mut [IoSliceMut::new(&mut first)];
    assert_eq!(server.try_read_vectored(buffers).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(client);
    server.readable().await.unwrap();
    assert_eq!(server.try_read_vectored(buffers).unwrap(), 0);
}

pub(crate) async fn a_growing_buffer_takes_what_it_has_room_for() {
    let (mut client, mut server) = connected().await;
    client.write_all(b"0123456789").await.unwrap();
    server.readable().await.unwrap();
    let mut room = &mut [0_u8; 4][..];
    assert_eq!(server.try_read_buf(&mut room).unwrap(), 4);
    let mut grown = Vec::new();
    assert_eq!(server.read_buf(&mut grown).await.unwrap(), 6);
    assert_eq!(grown, b"456789");
}

pub(crate) async fn readiness_says_which() {
    let (mut client, mut server) = connected().await;
    let both = Interest::READABLE | Interest::WRITABLE;
    let ready = client.ready(both).await.unwrap();
    assert!(ready.is_writable() && !ready.is_readable());
    server.write_all(b"x").await.unwrap();
    let ready = client.ready(Interest::READABLE).await.unwrap();
    assert!(ready.is_readable() && !ready.is_writable() && !ready.is_read_closed());
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 1);
    server.shutdown().await.unwrap();
    while !client.ready(Interest::READABLE).await.unwrap().is_read_closed() {
        tokio::task::yield_now().await;
    }
    let (read, write) = client.split();
    assert!(read.ready(Interest::READABLE).await.unwrap().is_read_closed());
    assert!(write.ready(Interest::WRITABLE).await.unwrap().is_writable());
}

pub(crate) async fn attempts_are_made_when_ready() {
    let (mut client, server) = connected().await;
    // tokio takes a fresh socket for ready until a call has said otherwise.
    assert_eq!(server.try_read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let not_yet = server.try_io(Interest::READABLE, || Ok(()));
    assert_eq!(not_yet.unwrap_err().kind(), ErrorKind::WouldBlock);
    client.write_all(b"ready").await.unwrap();
    let mut attempts = 0;
    let told: std::io::Result<u8> = server
        .async_io(Interest::READABLE, || {
            attempts += 1;
            Ok(5)
        })
        .await;
    assert_eq!((told.unwrap(), attempts), (5, 1));
    let failed: std::io::Result<()> =
        server.try_io(Interest::READABLE, || Err(ErrorKind::PermissionDenied.into()));
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

pub(crate) async fn polls_answer_as_their_futures_do() {
    let (mut client, server) = connected().await;
    poll_fn(|cx| client.poll_write_ready(cx)).await.unwrap();
    client.write_all(b"poll").await.unwrap();
    poll_fn(|cx| server.poll_read_ready(cx)).await.unwrap();
    let mut room = [0; 8];
    let mut buffer = ReadBuf::new(&mut room);
    assert_eq!(poll_fn(|cx| server.poll_peek(cx, &mut buffer)).await.unwrap(), 4);
    assert_eq!(buffer.filled(), b"poll");
}

pub(crate) async fn borrowed_halves_serve_one_task() {
    let (mut client, mut server) = connected().await;
    let (mut read, mut write) = client.split();
    let sent = octets(300_000);
    let (mut server_read, mut server_write) = server.split();
    let echo = async {
        tokio::io::copy(&mut server_read, &mut server_write).await.unwrap();
        server_write.shutdown().await.unwrap();
    };
    let mut received = Vec::new();
    let (_, (), read_all) = tokio::join!(
        echo,
        async {
            write.write_all(&sent).await.unwrap();
            write.shutdown().await.unwrap();
        },
        read.read_to_end(&mut received)
    );
    read_all.unwrap();
    assert!(received == sent);
    // Both directions have ended: getpeername() knows no peer any more.
    assert_eq!(read.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
    assert_eq!(write.local_addr().unwrap(), read.local_addr().unwrap());
}

pub(crate) async fn owned_halves_come_together_again() {
    let (client, mut server) = connected().await;
    let address = client.local_addr().unwrap();
    let (mut read, write) = client.into_split();
    assert_eq!((read.local_addr().unwrap(), write.local_addr().unwrap()), (address, address));
    server.write_all(b"peek").await.unwrap();
    let mut buffer = [0; 4];
    assert_eq!(read.peek(&mut buffer).await.unwrap(), 4);
    assert_eq!(read.try_read(&mut buffer[..2]).unwrap(), 2);
    write.writable().await.unwrap();
    assert_eq!(write.try_write(b"ok").unwrap(), 2);
    let mut client = write.reunite(read).expect("the same stream");
    client.read_exact(&mut buffer[..2]).await.unwrap();
    assert_eq!(&buffer[..2], b"ek");
    server.read_exact(&mut buffer[..2]).await.unwrap();
    assert_eq!(&buffer[..2], b"ok");
}

pub(crate) async fn halves_of_two_streams_do_not() {
    let (one, _one_server) = connected().await;
    let (other, _other_server) = connected().await;
    let (read, _write) = one.into_split();
    let (_read, write) = other.into_split();
    let error = read.reunite(write).unwrap_err();
    let (read, write) = (error.0, error.1);
    assert_ne!(read.local_addr().unwrap(), write.local_addr().unwrap());
}

pub(crate) async fn dropping_the_write_half_ends_the_stream() {
    let (client, mut server) = connected().await;
    let (mut read, write) = client.into_split();
    drop(write);
    assert_eq!(server.read(&mut [0; 1]).await.unwrap(), 0);
    server.write_all(b"still").await.unwrap();
    let mut buffer = [0; 5];
    read.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"still");
}

pub(crate) async fn forgetting_the_write_half_does_not() {
    let (client, mut server) = connected().await;
    let (read, write) = client.into_split();
    write.forget();
    let silence = tokio::time::timeout(Duration::from_millis(20), server.read(&mut [0; 1])).await;
    assert!(silence.is_err(), "no FIN was sent");
    drop(read);
    server.readable().await.unwrap();
    assert_eq!(server.try_read(&mut [0; 1]).unwrap(), 0);
}

pub(crate) async fn a_mebibyte_goes_both_ways() {
    let (client, server) = connected().await;
    let sent = octets(1 << 20);
    let both = [client, server].map(|stream| {
        let sent = sent.clone();
        async move {
            let (mut read, mut write) = stream.into_split();
            let mut received = Vec::new();
            let (written, read) = tokio::join!(
                async {
                    write.write_all(&sent).await?;
                    write.shutdown().await
                },
                read.read_to_end(&mut received)
            );
            written.unwrap();
            assert_eq!(read.unwrap(), sent.len());
            assert!(received == sent);
        }
    });
    let [client, server] = both;
    tokio::join!(client, server);
}

pub(crate) async fn two_streams_are_copied_into_each_other() {
    let (mut client, mut proxy_client) = connected().await;
    let (mut proxy_server, mut server) = connected().await;
    let proxy = tokio::io::copy_bidirectional(&mut proxy_client, &mut proxy_server);
    let talk = async {
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut question = String::new();
        server.read_to_string(&mut question).await.unwrap();
        server.write_all(b"an answer").await.unwrap();
        server.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        (question, answer)
    };
    let (copied, (question, answer)) = tokio::join!(proxy, talk);
    assert_eq!(copied.unwrap(), (8, 9));
    assert_eq!((question.as_str(), answer.as_str()), ("question", "an answer"));
}

pub(crate) async fn lines_are_read_through_a_buffer() {
    let (mut client, server) = connected().await;
    client.write_all(b"one\ntwo\r\n\nlast").await.unwrap();
    drop(client);
    let mut lines = BufReader::new(server).lines();
    let mut read = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        read.push(line);
    }
    assert_eq!(read, ["one", "two", "", "last"]);
}
