use super::*;
use proptest::prelude::*;

const ROOM: usize = 1 << 20;

fn out() -> Output {
    Output::new(4, 0)
}

fn block(left: u32, right: u32) -> SackBlock {
    SackBlock { left: Seq(left), right: Seq(right) }
}

fn octets(from: u32, to: u32) -> Bytes {
    (from..to).map(|n| n as u8).collect::<Vec<_>>().into()
}

fn put(queue: &mut Reassembly, from: u32, to: u32, out: &mut Output) -> Insertion {
    let bytes = octets(from, to);
    let pinned = bytes.len();
    queue.insert(Seq(from), bytes, pinned, ROOM, Reports(true), out)
}

#[test]
fn the_latest_block_is_reported_first() {
    let (mut queue, mut out) = (Reassembly::new(), out());
    for (from, to) in [(100, 200), (300, 400), (500, 600), (700, 800), (900, 1000)] {
        put(&mut queue, from, to, &mut out);
    }
    let latest = [block(900, 1000), block(700, 800), block(500, 600), block(300, 400)];
    assert_eq!(queue.sack_blocks(4).as_slice(), latest);
    put(&mut queue, 400, 500, &mut out);
    let joined = [block(300, 600), block(900, 1000), block(700, 800)];
    assert_eq!(queue.sack_blocks(4).as_slice(), joined);
    assert_eq!(out.counters.value(Counter::OfoQueue), 6);
    assert_eq!(out.counters.value(Counter::OfoMerge), 0);
}

#[test]
fn a_duplicate_is_reported_once_and_first() {
    let (mut queue, mut out) = (Reassembly::new(), out());
    put(&mut queue, 100, 200, &mut out);
    assert_eq!(put(&mut queue, 150, 180, &mut out), Insertion::Duplicate);
    assert_eq!(queue.sack_blocks(3).as_slice(), [block(150, 180), block(100, 200)]);
    assert_eq!(queue.sack_blocks(3).as_slice(), [block(100, 200)]);
    queue.report_duplicate(block(u32::MAX, 1), &mut out);
    assert_eq!(queue.sack_blocks(1).as_slice(), [block(u32::MAX, 1)]);
    assert_eq!(out.counters.value(Counter::DsackOfoSent), 1);
    assert_eq!(out.counters.value(Counter::DsackOldSent), 1);
}

#[test]
fn what_came_first_is_kept() {
    let (mut queue, mut out) = (Reassembly::new(), out());
    queue.insert(Seq(10), Bytes::from_static(b"first"), 5, ROOM, Reports(true), &mut out);
    queue.insert(Seq(8), Bytes::from_static(b"xxSECONDyy"), 10, ROOM, Reports(true), &mut out);
    let whole = queue.take_in_order(Seq(8), Reports(true), &mut out).unwrap();
    assert_eq!(&whole.range(0, 100).to_bytes()[..], b"xxfirstDyy");
    assert!(queue.is_empty());
    assert_eq!(queue.pinned(), 0);
}

#[test]
fn in_order_octets_come_out_block_by_block() {
    let (mut queue, mut out) = (Reassembly::new(), out());
    put(&mut queue, 100, 200, &mut out);
    put(&mut queue, 250, 300, &mut out);
    assert!(queue.take_in_order(Seq(99), Reports(true), &mut out).is_none());
    let first = queue.take_in_order(Seq(120), Reports(true), &mut out).unwrap();
    assert_eq!(first.range(0, 100).to_bytes(), octets(120, 200));
    // What came in order a second time is told once.
    let told = [block(100, 120), block(250, 300)];
    assert_eq!(queue.sack_blocks(3).as_slice(), told);
    assert!(queue.take_in_order(Seq(300), Reports(true), &mut out).is_none(), "it was overtaken");
    assert_eq!(queue.sack_blocks(3).as_slice(), [block(250, 300)]);
    assert_eq!(out.counters.value(Counter::DsackOldSent), 2);
    assert!(queue.is_idle());
    assert_eq!(queue.blocks.capacity(), 0);
}

#[test]
fn the_furthest_gives_way_to_the_nearer() {
    let (mut queue, mut out) = (Reassembly::new(), out());
    let full = |from: u32| Bytes::from(vec![from as u8; 1000]);
    for from in [5000, 7000, 9000] {
        queue.insert(Seq(from), full(from), 1000, 3500, Reports(true), &mut out);
    }
    assert_eq!(queue.insert(Seq(11_000), full(0), 1000, 3500, Reports(true), &mut out), Insertion::Dropped);
    assert_eq!(queue.insert(Seq(3000), full(0), 1000, 3500, Reports(true), &mut out), Insertion::Queued);
    let blocks = queue.sack_blocks(4);
    assert_eq!(blocks.as_slice(), [block(3000, 4000), block(7000, 8000), block(5000, 6000)]);
    assert_eq!(out.counters.value(Counter::OfoDrop), 1);
    assert_eq!(out.counters.value(Counter::OfoPruned), 1);
}

#[test]
fn a_peer_that_only_makes_holes_is_bounded() {
    let (mut queue, mut out) = (Reassembly::new(), out());
    for n in 0..5000 {
        put(&mut queue, 10 + 2 * n, 11 + 2 * n, &mut out);
    }
    assert_eq!(queue.blocks.len(), BLOCKS_MAX);
    assert!(queue.pinned() < BLOCKS_MAX * 256);
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, u8, usize),
    Advance(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0u16..600, 1u8..80, 0usize..400).prop_map(|(at, len, more)| Step::Insert(at, len, more)),
        1 => (0u8..60).prop_map(Step::Advance),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn behaves_as_a_map_of_octets(
        start in prop_oneof![Just(1000u32), Just(u32::MAX - 300)],
        steps in prop::collection::vec((step(), any::<u8>()), 1..60)
    ) {
        let (mut queue, mut out) = (Reassembly::new(), out());
        let mut model = [None::<u8>; 800];
        let mut nxt = 0usize;
        for (step, fill) in steps {
            match step {
                Step::Insert(at, len, more) => {
                    let (from, to) = (nxt + 1 + at as usize, nxt + 1 + at as usize + len as usize);
                    if to > model.len() {
                        continue;
                    }
                    let fresh = model[from..to].iter().any(Option::is_none);
                    model[from..to].iter_mut().for_each(|octet| *octet = octet.or(Some(fill)));
                    let bytes = Bytes::from(vec![fill; len as usize]);
                    let got = queue.insert(Seq(start) + from as u32, bytes, len as usize + more, ROOM, Reports(true), &mut out);
                    prop_assert_eq!(got == Insertion::Queued, fresh);
                }
                Step::Advance(n) => {
                    nxt = (nxt + n as usize).min(model.len());
                    while let Some(taken) = queue.take_in_order(Seq(start) + nxt as u32, Reports(true), &mut out) {
                        let expected: Vec<u8> = model[nxt..].iter().map_while(|&octet| octet).collect();
                        prop_assert_eq!(taken.range(0, taken.len()).to_bytes().to_vec(), &expected[..]);
                        nxt += taken.len() as usize;
                    }
                    prop_assert!(nxt == model.len() || model[nxt].is_none());
                }
            }
            let mut held = vec![None; model.len()];
            for block in &queue.blocks {
                let at = block.left.since(Seq(start)) as usize;
                for (n, octet) in block.octets.range(0, block.octets.len()).to_bytes().iter().enumerate() {
                    held[at + n] = Some(*octet);
                }
            }
            prop_assert_eq!(&held[nxt..], &model[nxt..]);
            prop_assert!(queue.blocks.windows(2).all(|pair| pair[0].right().lt(pair[1].left)));
            prop_assert_eq!(queue.pinned(), queue.blocks.iter().map(|block| block.octets.pinned()).sum::<usize>());
            for sack in &queue.recent {
                prop_assert!(queue.blocks.iter().any(|block| block.left == sack.left && block.right() == sack.right));
            }
        }
    }
}
