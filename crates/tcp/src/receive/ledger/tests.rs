use super::*;
use proptest::prelude::*;

/// Queues packets of so many payload octets (40 octets of headers) and says what is charged after each.
fn charges(lens: &[u32]) -> (Ledger, Vec<u32>) {
    let mut ledger = Ledger::default();
    let mut at = Seq(u32::MAX - 3000);
    let charged = lens.iter().map(|&len| {
        ledger.push(at, at + len, len + 40);
        at += len;
        ledger.charged()
    });
    let charged = charged.collect();
    (ledger, charged)
}

const START: Seq = Seq(u32::MAX - 3000);

#[test]
fn small_packets_share_the_memory_of_the_one_before() {
    // As SO_MEMINFO told it, packet by packet (Linux 6.18, TUN).
    assert_eq!(charges(&[1; 12]).1, [832; 12]);
    assert_eq!(charges(&[100; 3]).1, [832, 1664, 2496]);
    let mixed = [1000, 100, 100, 100, 100, 100, 100, 300, 400];
    assert_eq!(charges(&mixed).1, [2304, 2304, 2304, 2304, 2304, 2304, 2304, 3584, 4864]);
    assert_eq!(charges(&[600, 1, 600, 1]).1, [1280, 2112, 3392, 4224]);
    assert_eq!(charges(&[3800; 4]).1, [8448, 8448, 16_896, 16_896]);
    assert_eq!(charges(&[10_000, 100, 100]).1, [12_544, 13_376, 14_208]);
}

#[test]
fn memory_comes_back_by_whole_packets() {
    let (mut ledger, _) = charges(&[1000; 6]);
    let after: Vec<u32> = [1500, 2000, 5000, 6000]
        .map(|read| {
            ledger.release(START + read);
            ledger.charged()
        })
        .to_vec();
    assert_eq!(after, [11_520, 9216, 2304, 0]);
    assert!(ledger.is_empty());
}

#[test]
fn a_packet_that_overlaps_joins_nothing() {
    let mut ledger = Ledger::default();
    ledger.push(Seq(1), Seq(11), 50);
    ledger.push_apart(Seq(11), Seq(13), 45);
    assert_eq!(ledger.charged(), 1664);
    ledger.push_free(Seq(13), Seq(20));
    ledger.release(Seq(19));
    assert_eq!(ledger.charged(), 832);
}

#[test]
fn what_wastes_memory_is_copied_together() {
    // 29 packets of 150 octets: 3776 octets fit a page, 574 are left (Linux 6.18: 24128 octets became 5632).
    let (mut ledger, _) = charges(&[150; 29]);
    assert_eq!(ledger.collapse(START, 128), 29);
    assert_eq!(ledger.charged(), 5632);
    assert_eq!(ledger.collapse(START, 128), 1, "only what is not full is looked at again");
    assert_eq!(ledger.charged(), 5632);
    // What comes next finds the room behind the last.
    let end = START + 29 * 150;
    assert!(ledger.push(end, end + 130, 170));
    ledger.release(end + 130);
    assert_eq!(ledger.charged(), 0);
}

#[test]
fn packets_that_use_their_memory_are_left_alone() {
    let (mut ledger, _) = charges(&[1460; 4]);
    assert_eq!(ledger.collapse(START, 162), 0);
    assert_eq!(ledger.collapse(START + 10, 163), 4, "the reader is in the middle of the first");
    assert_eq!(ledger.charged(), 4352 + 4352, "3776 octets, and 2054");
}

#[test]
fn a_run_takes_over_another() {
    let (mut ledger, _) = charges(&[100]);
    let mut later = Ledger::default();
    later.push(START + 100, START + 110, 50);
    later.push(START + 110, START + 1110, 1040);
    assert_eq!(ledger.take_over(later), 1, "ten octets fit behind the first packet");
    assert_eq!(ledger.charged(), 832 + 2304);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn the_books_balance(lens in prop::collection::vec(1u32..9000, 1..40), cut in 0usize..40, read in 0u32..100_000, part in 1u8..=255) {
        let (mut whole, _) = charges(&lens);
        let cut = cut.min(lens.len());
        let (mut front, _) = charges(&lens[..cut]);
        let mut at = START + lens[..cut].iter().sum::<u32>();
        let mut back = Ledger::default();
        for &len in &lens[cut..] {
            back.push(at, at + len, len + 40);
            at += len;
        }
        let sum = front.charged() + back.charged();
        front.append(back);
        prop_assert_eq!(front.charged(), sum);
        prop_assert!(whole.charged() <= front.charged());
        whole.collapse(START, part);
        let count = |ledger: &Ledger| ledger.older.iter().chain(&ledger.last).map(|packet| packet.cost).sum::<u32>();
        prop_assert_eq!(whole.charged(), count(&whole));
        for ledger in [&mut whole, &mut front] {
            ledger.release(START + read);
            prop_assert_eq!(ledger.charged(), count(ledger));
            ledger.drop_last();
            prop_assert_eq!(ledger.charged(), count(ledger));
            ledger.release(at);
            prop_assert_eq!((ledger.charged(), ledger.is_empty()), (0, true));
        }
    }
}
