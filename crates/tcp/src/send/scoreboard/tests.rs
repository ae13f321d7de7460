use super::*;
use proptest::prelude::*;

const MSS: u32 = 100;

fn block(left: u32, right: u32) -> SackBlock {
    SackBlock { left: Seq(left), right: Seq(right) }
}

#[test]
fn three_blocks_or_more_than_two_segments_above_prove_a_loss() {
    let mut board = Scoreboard::new(Seq(0));
    board.take_sack(&[block(100, 300)], Seq(0), Seq(2000));
    assert_eq!(board.loss_edge(MSS), None, "two segments may be reordering");
    board.take_sack(&[block(100, 301)], Seq(0), Seq(2000));
    assert_eq!(board.loss_edge(MSS), Some(Seq(100)));
    let mut small = Scoreboard::new(Seq(0));
    small.take_sack(&[block(10, 11), block(20, 21), block(30, 31), block(40, 41)], Seq(0), Seq(2000));
    assert_eq!(small.loss_edge(MSS), Some(Seq(20)), "the hole before 10 and the one before 20");
}

#[test]
fn holes_are_sent_again_in_order_and_once() {
    let mut board = Scoreboard::new(Seq(0));
    board.take_sack(&[block(100, 200), block(350, 1000)], Seq(0), Seq(2000));
    board.mark_lost_to(board.loss_edge(MSS).unwrap());
    assert_eq!(board.pipe(Seq(0), Seq(2000), MSS), 1000, "above the last block all is in flight");
    let mut sent = Vec::new();
    while let Some((seq, len)) = board.next_lost(MSS) {
        board.on_retransmitted(seq + len);
        sent.push((seq.0, len));
    }
    assert_eq!(sent, [(0, 100), (200, 100), (300, 50)]);
    assert_eq!(board.pipe(Seq(0), Seq(2000), MSS), 1250);
}

#[test]
fn forged_and_old_blocks_are_passed_over() {
    let mut board = Scoreboard::new(Seq(1000));
    let blocks = [block(1000, 1100), block(500, 600), block(1900, 2100), block(1500, 1400), block(900, 1200)];
    assert_eq!(board.take_sack(&blocks, Seq(1000), Seq(2000)), 0);
    assert_eq!(board.sacked_octets(), 0);
}

#[test]
fn a_peer_that_forgets_is_found_out() {
    let mut board = Scoreboard::new(Seq(0));
    board.take_sack(&[block(100, 500)], Seq(0), Seq(1000));
    assert!(!board.advance(Seq(50)));
    assert!(board.advance(Seq(200)), "it should have acknowledged 500");
    assert_eq!(board.sacked_octets(), 0);
}

#[test]
fn duplicates_stand_for_segments_without_sack() {
    let mut board = Scoreboard::new(Seq(0));
    board.count_duplicate();
    board.count_duplicate();
    assert_eq!(board.pipe(Seq(0), Seq(1000), MSS), 800);
    board.discount_duplicates(5);
    assert_eq!(board.pipe(Seq(0), Seq(1000), MSS), 1000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn behaves_as_a_map_of_octets(
        start in prop_oneof![Just(5u32), Just(u32::MAX - 200)],
        blocks in prop::collection::vec((1u32..500, 1u32..60), 0..30),
        una in 0u32..100,
        lost_end in 0u32..500,
        resent in 0u32..500,
    ) {
        let (base, nxt) = (Seq(start), Seq(start) + 500);
        let mut board = Scoreboard::new(base);
        let mut model = [false; 500];
        for (left, len) in blocks {
            let right = left + len;
            let fresh = board.take_sack(&[SackBlock { left: base + left, right: base + right }], base, nxt);
            if right <= 500 {
                let new = model[left as usize..right as usize].iter_mut().filter(|octet| !**octet);
                prop_assert_eq!(fresh as usize, new.map(|octet| *octet = true).count());
            }
        }
        board.mark_lost_to(base + lost_end);
        board.on_retransmitted(base + resent);
        let una_inside = model[una as usize];
        prop_assert_eq!(board.advance(base + una), una_inside);
        if una_inside {
            return Ok(());
        }
        let sacked = model[una as usize..].iter().filter(|octet| **octet).count();
        prop_assert_eq!(board.sacked_octets() as usize, sacked);
        let waiting: Vec<u32> = (resent.max(una)..lost_end.max(una)).filter(|&n| !model[n as usize]).collect();
        prop_assert_eq!(board.pipe(base + una, nxt, MSS) as usize, 500 - una as usize - sacked - waiting.len());
        let mut named = Vec::new();
        while let Some((seq, len)) = board.next_lost(7) {
            prop_assert!(len > 0 && len <= 7);
            named.extend((0..len).map(|n| base.distance_to(seq + n)));
            board.on_retransmitted(seq + len);
        }
        prop_assert_eq!(named, waiting);
    }
}
