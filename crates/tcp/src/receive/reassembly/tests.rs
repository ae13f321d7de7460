use super::*;
use proptest::prelude::*;

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
    queue.insert(Seq(from), bytes, pinned, pinned as u32 + 40, Reports(true), out)
}

#[test]
fn the_latest_block_is_reported_first() {
    let (mut queue, mut out) = (Reassembly::default(), out());
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
    let (mut queue, mut out) = (Reassembly::default(), out());
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
    let (mut queue, mut out) = (Reassembly::default(), out());
    queue.insert(Seq(10), Bytes::from_static(b"first"), 5, 45, Reports(true), &mut out);
    queue.insert(Seq(8), Bytes::from_static(b"xxSECONDyy"), 10, 50, Reports(true), &mut out);
    let (whole, costs) = queue.take_in_order(Seq(8), Reports(true), &mut out).unwrap();
    assert_eq!(&whole.range(0, 100).to_bytes()[..], b"xxfirstDyy");
    assert!(queue.is_empty());
    assert_eq!(
        (costs.charged(), queue.charged()),
        (832, 0),
        "the packet that brought all is charged, the older one is not"
    );
}

#[test]
fn in_order_octets_come_out_block_by_block() {
    let (mut queue, mut out) = (Reassembly::default(), out());
    put(&mut queue, 100, 200, &mut out);
    put(&mut queue, 250, 300, &mut out);
    assert!(queue.take_in_order(Seq(99), Reports(true), &mut out).is_none());
    let (first, _) = queue.take_in_order(Seq(120), Reports(true), &mut out).unwrap();
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

/// Holes with `len` octets every `step`: what they are charged with.
fn holes(queue: &mut Reassembly, starts: impl IntoIterator<Item = u32>, len: u32, out: &mut Output) -> u32 {
    for from in starts {
        put(queue, from, from + len, out);
    }
    queue.charged()
}

#[test]
fn the_furthest_gives_way_to_the_nearer() {
    // A buffer of 20000 octets with 16 packets of 1280 in it (Linux 6.18: two go, and what was reported is forgotten).
    let (mut queue, mut out) = (Reassembly::default(), out());
    assert_eq!(holes(&mut queue, (0..16).map(|n| 301 + n * 300), 200, &mut out), 20_480);
    let enough = |charged| charged <= 20_000;
    assert!(!queue.prune(Seq(5101), 20_000, enough, &mut out), "the incoming one is the furthest");
    assert!(queue.prune(Seq(101), 20_000, enough, &mut out));
    assert_eq!(queue.charged(), 17_920);
    assert!(queue.sack_blocks(4).is_empty());
    put(&mut queue, 101, 201, &mut out);
    assert_eq!(queue.charged(), 18_752);
    assert_eq!(queue.sack_blocks(4).as_slice(), [block(101, 201)]);
    assert_eq!(out.counters.value(Counter::OfoPruned), 1);
}

#[test]
fn pruning_takes_packets_and_not_whole_blocks() {
    let (mut queue, mut out) = (Reassembly::default(), out());
    assert_eq!(holes(&mut queue, (0..4).map(|n| 1000 + n * 500), 500, &mut out), 5120);
    assert!(queue.prune(Seq(1), 8000, |charged| charged <= 4000, &mut out));
    assert_eq!((queue.charged(), queue.end()), (3840, Some(Seq(2500))));
    let (rest, costs) = queue.take_in_order(Seq(1000), Reports(true), &mut out).unwrap();
    assert_eq!((rest.len(), costs.charged()), (1500, 3840));
}

#[test]
fn what_wastes_memory_is_copied_together() {
    // 16 packets of 500 octets in a row: 8000 octets in three (Linux 6.18: 20480 octets became 9984).
    let (mut queue, mut out) = (Reassembly::default(), out());
    assert_eq!(holes(&mut queue, (0..16).map(|n| 8001 - n * 500), 500, &mut out), 20_480);
    assert_eq!(queue.collapse(128, 19_400), 16);
    assert_eq!(queue.charged(), 9984);
    // Packets alone in their blocks are left as they are.
    let mut apart = Reassembly::default();
    assert_eq!(holes(&mut apart, (0..16).map(|n| 301 + n * 300), 200, &mut out), 20_480);
    assert_eq!(apart.collapse(128, 20_000), 0);
}

#[test]
fn a_peer_that_only_makes_holes_is_bounded() {
    let (mut queue, mut out) = (Reassembly::default(), out());
    for n in 0..5000 {
        put(&mut queue, 10 + 2 * n, 11 + 2 * n, &mut out);
    }
    assert_eq!(queue.blocks.len(), BLOCKS_MAX);
    assert_eq!(queue.charged() as usize, BLOCKS_MAX * 832);
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
        let (mut queue, mut out) = (Reassembly::default(), out());
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
                    let got = queue.insert(Seq(start) + from as u32, bytes, len as usize + more, u32::from(len) + 40, Reports(true), &mut out);
                    prop_assert_eq!(got == Insertion::Queued, fresh);
                }
                Step::Advance(n) => {
                    nxt = (nxt + n as usize).min(model.len());
                    while let Some((taken, _)) = queue.take_in_order(Seq(start) + nxt as u32, Reports(true), &mut out) {
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
            prop_assert_eq!(queue.charged(), queue.blocks.iter().map(|block| block.costs.charged()).sum::<u32>());
            for sack in &queue.recent {
                prop_assert!(queue.blocks.iter().any(|block| block.left == sack.left && block.right() == sack.right));
            }
        }
    }
}
