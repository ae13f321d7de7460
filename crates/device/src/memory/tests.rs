//! The link hands over what was sent, is bounded, and tells its ends.

use super::*;
use bytes::Bytes;
use lastack_wire::{Checksum, Gso, Offload, Payload};
use smallvec::SmallVec;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

fn packet(head: &[u8], chunks: &[&'static [u8]]) -> Packet {
    let mut payload = Payload::empty();
    chunks.iter().for_each(|chunk| payload.push(Bytes::from_static(chunk)));
    Packet { head: SmallVec::from_slice(head), payload, offload: Offload::default() }
}

fn drain(end: &mut Memory, frames_max: usize) -> (Vec<Bytes>, Received) {
    let mut frames = Vec::new();
    let received = end.receive(frames_max, &mut |frame| frames.push(frame.data)).expect("link is whole");
    (frames, received)
}

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn packets_cross_in_order_and_in_batches() {
    let (mut left, mut right) = pair(Config::default());
    for text in [b"one".as_slice(), b"two", b"six"] {
        assert_eq!(left.send(&packet(text, &[b"+", b"tail"])).unwrap(), Sent::Done);
    }
    let (frames, received) = drain(&mut right, 2);
    assert_eq!(frames, [Bytes::from_static(b"one+tail"), Bytes::from_static(b"two+tail")]);
    assert_eq!(received, Received { frames: 2, drained: false });
    let (frames, received) = drain(&mut right, 2);
    assert_eq!(frames, [Bytes::from_static(b"six+tail")]);
    assert_eq!(received, Received { frames: 1, drained: true });
    assert_eq!(drain(&mut left, 8).1, Received { frames: 0, drained: true });
}

#[test]
fn a_full_queue_drops_and_counts() {
    let (mut left, mut right) = pair(Config { capacity: 2, ..Config::default() });
    for _ in 0..5 {
        assert_eq!(left.send(&packet(b"x", &[])).unwrap(), Sent::Done);
    }
    assert_eq!(left.dropped(), 3);
    assert_eq!(drain(&mut right, 9).1.frames, 2);
}

#[test]
fn a_full_queue_can_make_the_sender_wait() {
    let (mut left, mut right) = pair(Config { capacity: 1, when_full: WhenFull::Wait, ..Config::default() });
    let bell = Arc::new(Bell::default());
    let Readiness::Wakers(wakers) = left.readiness() else { panic!("memory has no descriptor") };
    wakers.writable.register(&Waker::from(bell.clone()));
    assert_eq!(left.send(&packet(b"a", &[])).unwrap(), Sent::Done);
    assert_eq!(left.send(&packet(b"b", &[])).unwrap(), Sent::Full);
    assert_eq!(bell.0.load(Ordering::SeqCst), 0);
    assert_eq!(drain(&mut right, 1).1.frames, 1);
    assert_eq!(bell.0.load(Ordering::SeqCst), 1);
    assert_eq!(left.send(&packet(b"b", &[])).unwrap(), Sent::Done);
    assert_eq!(left.dropped(), 0);
}

#[test]
fn offload_facts_cross_and_plain_packets_obey_the_mtu() {
    let (mut left, mut right) = pair(Config { mtu: 4, ..Config::default() });
    let offload =
        Offload { checksum: Checksum::Partial { start: 20, offset: 16 }, gso: Some(Gso { size: 2 }) };
    let super_segment = Packet { offload, ..packet(b"head", &[b"payload"]) };
    left.send(&super_segment).unwrap();
    right
        .receive(1, &mut |frame| {
            assert_eq!(frame.offload, offload);
            assert_eq!(frame.pinned, frame.data.len());
        })
        .unwrap();
    let refused = left.send(&packet(b"plain", &[])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "sending 5 octets on memory0: larger than the MTU of 4: the packet was dropped"
    );
    assert!(!refused.is_gone());
}

#[test]
fn dropping_one_end_ends_the_link_after_what_was_sent() {
    let (mut left, mut right) = pair(Config::default());
    let bell = Arc::new(Bell::default());
    let Readiness::Wakers(wakers) = right.readiness() else { panic!("memory has no descriptor") };
    wakers.readable.register(&Waker::from(bell.clone()));
    left.send(&packet(b"last", &[])).unwrap();
    assert_eq!(bell.0.load(Ordering::SeqCst), 1);
    drop(left);
    assert_eq!(drain(&mut right, 8).0, [Bytes::from_static(b"last")]);
    assert!(right.receive(8, &mut |_| ()).unwrap_err().is_gone());
    assert!(right.send(&packet(b"x", &[])).unwrap_err().is_gone());
    assert_eq!(right.link(), Link::Gone);
}
