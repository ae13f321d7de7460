use super::*;
use proptest::prelude::*;

fn octets(queue: &ChunkQueue) -> Vec<u8> {
    queue.range(0, queue.len()).to_bytes().to_vec()
}

#[test]
fn one_octet_segments_do_not_pin_their_frames() {
    let frame = Bytes::from(vec![7u8; 65_536]);
    let mut queue = ChunkQueue::new();
    for at in 0..10_000 {
        queue.push(frame.slice(at..at + 1), 65_536);
    }
    assert_eq!(queue.len(), 10_000);
    assert!(queue.pinned() < 3 * 10_000, "{} octets pinned", queue.pinned());
    assert!(queue.entries.len() <= 3);
}

#[test]
fn a_full_frame_is_moved_and_not_copied() {
    let frame = Bytes::from(vec![7u8; 1500]);
    let mut queue = ChunkQueue::new();
    queue.push(frame.slice(52..), 1500);
    assert_eq!(queue.pop().unwrap().bytes.as_ptr(), frame[52..].as_ptr());
}

#[test]
fn a_tail_that_is_being_sent_is_not_written_to() {
    let mut queue = ChunkQueue::new();
    queue.push(Bytes::from_static(b"a"), 1);
    let on_its_way = queue.range(0, 1);
    queue.push(Bytes::from_static(b"b"), 1);
    assert_eq!(&on_its_way.to_bytes()[..], b"a");
    assert_eq!(octets(&queue), b"ab");
}

#[test]
fn an_empty_queue_owns_no_heap() {
    let mut queue = ChunkQueue::new();
    assert_eq!(queue.entries.capacity(), 0);
    queue.push(Bytes::from(vec![1; 3000]), 3000);
    queue.advance(2999);
    assert!(queue.pinned() >= 3000, "a partly read chunk pins all of it");
    queue.advance(5);
    assert_eq!((queue.entries.capacity(), queue.pinned(), queue.len()), (0, 0, 0));
    queue.push(Bytes::from(vec![1; 3000]), 3000);
    queue.pop();
    assert_eq!((queue.entries.capacity(), queue.pinned(), queue.len()), (0, 0, 0));
}

#[test]
fn a_range_over_many_pieces_becomes_one() {
    let mut queue = ChunkQueue::new();
    let mut held = Vec::new();
    for octet in 0..200u8 {
        queue.push(Bytes::copy_from_slice(&[octet]), 1);
        held.push(queue.range(u32::from(octet), 1));
    }
    let payload = queue.range(10, 150);
    assert!(payload.chunks().len() <= RANGE_CHUNKS_MAX);
    assert_eq!(payload.to_bytes().to_vec(), (10..160u8).collect::<Vec<_>>());
}

#[derive(Clone, Debug)]
enum Step {
    Push(Vec<u8>, usize),
    Append(Vec<Vec<u8>>),
    Advance(u32),
    Pop,
    Range(u32, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let piece = || {
        prop_oneof![prop::collection::vec(any::<u8>(), 0..20), prop::collection::vec(any::<u8>(), 500..900)]
    };
    prop_oneof![
        4 => (piece(), 0usize..3000).prop_map(|(bytes, more)| Step::Push(bytes, more)),
        1 => prop::collection::vec(piece(), 0..6).prop_map(Step::Append),
        2 => (0u32..1500).prop_map(Step::Advance),
        2 => Just(Step::Pop),
        3 => (0u32..4000, 0u32..4000).prop_map(|(offset, len)| Step::Range(offset, len)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn behaves_as_a_vec(start in prop_oneof![Just(0u32), Just(u32::MAX - 700)], steps in prop::collection::vec(step(), 1..40)) {
        let mut queue = ChunkQueue { front: start, ..ChunkQueue::default() };
        let mut model: Vec<u8> = Vec::new();
        let mut held = Vec::new();
        for step in steps {
            match step {
                Step::Push(bytes, more) => {
                    model.extend_from_slice(&bytes);
                    let pinned = bytes.len() + more;
                    queue.push(bytes.into(), pinned);
                }
                Step::Append(pieces) => {
                    let mut other = ChunkQueue::new();
                    for piece in pieces {
                        model.extend_from_slice(&piece);
                        let pinned = piece.len();
                        other.push(piece.into(), pinned);
                    }
                    queue.append(other);
                }
                Step::Advance(n) => {
                    queue.advance(n);
                    model.drain(..(n as usize).min(model.len()));
                }
                Step::Pop => {
                    let chunk = queue.pop();
                    prop_assert_eq!(chunk.is_some(), !model.is_empty());
                    if let Some(chunk) = chunk {
                        prop_assert_eq!(&chunk.bytes[..], &model[..chunk.bytes.len()]);
                        model.drain(..chunk.bytes.len());
                    }
                }
                Step::Range(offset, len) => {
                    let payload = queue.range(offset, len);
                    let from = (offset as usize).min(model.len());
                    let to = (from + len as usize).min(model.len());
                    prop_assert_eq!(&payload.to_bytes()[..], &model[from..to]);
                    held.push((payload, model[from..to].to_vec()));
                }
            }
            prop_assert_eq!(queue.len() as usize, model.len());
            prop_assert_eq!(queue.pinned(), queue.entries.iter().map(|entry| entry.pinned as usize).sum::<usize>());
        }
        prop_assert_eq!(octets(&queue), model);
        for (payload, expected) in held {
            prop_assert_eq!(&payload.to_bytes()[..], &expected[..]);
        }
    }
}
