//! Octets handed over without a copy.

mod world;

use bytes::Bytes;
use lastack_device::memory::Config;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use world::{connected, pair, pair_with_spy, pattern, soon};

/// Memory whose end can be seen.
struct Owner {
    octets: Vec<u8>,
    _alive: Arc<()>,
}

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.octets
    }
}

#[tokio::test]
async fn a_chunk_that_was_read_lies_in_its_frame() {
    let (left, right, spy) = pair_with_spy(Config::default());
    let (client, mut server) = soon(connected(&left, &right)).await;
    let sent = pattern(1, 200_000);
    let octets = sent.clone();
    let writer = tokio::spawn(async move {
        server.write_all(&octets).await.unwrap();
        server.shutdown().await.unwrap();
    });
    let mut received = Vec::new();
    loop {
        let chunk = soon(client.read_bytes(usize::MAX)).await.unwrap();
        if chunk.is_empty() {
            break;
        }
        assert!(spy.holds(&chunk), "{} octets were copied", chunk.len());
        received.extend_from_slice(&chunk);
    }
    assert!(received == sent);
    writer.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_is_written_is_kept_until_it_is_acknowledged() {
    let (left, right, spy) = pair_with_spy(Config::default());
    let (client, _server) = connected(&left, &right).await;
    let alive = Arc::new(());
    for acknowledged in [true, false] {
        if !acknowledged {
            spy.silence();
        }
        let memory = Owner { octets: pattern(2, 10_000), _alive: alive.clone() };
        client.write_all_bytes(&mut Bytes::from_owner(memory)).await.unwrap();
        // The acknowledgment may be delayed.
        tokio::time::sleep(Duration::from_secs(1)).await;
        // Were it copied the memory would be free at once.
        assert_eq!(Arc::strong_count(&alive), 2 - usize::from(acknowledged));
    }
    client.abort();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(Arc::strong_count(&alive), 1, "given back with the connection");
}

#[tokio::test(start_paused = true)]
async fn forms_that_do_not_wait_take_what_they_say() {
    let (left, right) = pair(Config::default());
    let (client, server) = connected(&left, &right).await;
    assert_eq!(server.try_read_bytes(8).unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut empty = Bytes::new();
    assert_eq!(client.write_bytes(&mut empty).await.unwrap(), 0);
    let mut chunk = Bytes::from(vec![7; 100 << 20]);
    let taken = client.try_write_bytes(&mut chunk).unwrap();
    assert!(taken > 0 && chunk.len() == (100 << 20) - taken);
    server.readable().await.unwrap();
    assert_eq!(server.try_read_bytes(8).unwrap().len(), 8);
    assert_eq!(server.read_bytes(0).await.unwrap().len(), 0);
}

/// What an abandoned write has not handed over is still in the caller's chunk.
#[tokio::test(start_paused = true)]
async fn an_abandoned_write_leaves_the_rest_behind() {
    let (left, right) = pair(Config::default());
    let (mut client, server) = connected(&left, &right).await;
    let sent = pattern(3, 60 << 20);
    let mut chunk = Bytes::from(sent.clone());
    let patience = Duration::from_millis(100);
    assert!(tokio::time::timeout(patience, client.write_all_bytes(&mut chunk)).await.is_err());
    let handed = sent.len() - chunk.len();
    assert!(handed > 0 && !chunk.is_empty());
    assert!(tokio::time::timeout(patience, client.write_bytes(&mut chunk)).await.is_err());
    assert_eq!(chunk.len(), sent.len() - handed, "a write that waits takes nothing");
    let reader = tokio::spawn(async move {
        let mut received = Vec::new();
        loop {
            let read = server.read_bytes(1 << 20);
            match tokio::time::timeout(Duration::from_micros(10), read).await {
                Ok(octets) if octets.as_ref().unwrap().is_empty() => return received,
                Ok(octets) => received.extend_from_slice(&octets.unwrap()),
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    client.write_all_bytes(&mut chunk).await.unwrap();
    client.shutdown().await.unwrap();
    let received = soon(reader).await.unwrap();
    assert_eq!(received.len(), sent.len());
    assert!(received == sent, "the octets differ");
}

#[tokio::test]
async fn halves_hand_over_too() {
    let (left, right) = pair(Config::default());
    let (client, mut server) = soon(connected(&left, &right)).await;
    let (_, mut write) = client.into_split();
    let (mut read, _) = server.split();
    soon(write.write_all_bytes(&mut Bytes::from_static(b"half"))).await.unwrap();
    assert_eq!(soon(read.read_bytes(2)).await.unwrap(), "ha");
    assert_eq!(soon(read.read_bytes(9)).await.unwrap(), "lf");
    soon(write.write_bytes(&mut Bytes::from_static(b"!"))).await.unwrap();
    assert_eq!(soon(read.read_bytes(9)).await.unwrap(), "!");
}
