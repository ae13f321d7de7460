use super::*;
use lastack_wire::{ipv4, ipv6, packet};
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

const ROOM: usize = 4 << 20;

/// One piece of a UDP packet of either family, as a frame that pins just itself.
fn piece(v6: bool, ident: u32, payload: &[u8], offset: usize, more: bool) -> Frame {
    let mut octets = if v6 {
        let header = ipv6::Header {
            source: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
            destination: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2),
            next_header: Protocol::FRAGMENT,
            hop_limit: 60,
            traffic_class: 0,
            flow_label: 5,
        };
        let mut octets = header.emit(payload.len() + 8).to_vec();
        octets.extend([Protocol::UDP.0, 0]);
        octets.extend((offset as u16 | u16::from(more)).to_be_bytes());
        octets.extend(ident.to_be_bytes());
        octets
    } else {
        let header = ipv4::Header {
            source: Ipv4Addr::new(10, 0, 0, 1),
            destination: Ipv4Addr::new(10, 0, 0, 2),
            protocol: Protocol::UDP,
            ttl: 60,
            traffic_class: 0,
            ident: ident as u16,
            dont_fragment: false,
            more_fragments: more,
            fragment_offset: offset as u16,
        };
        header.emit(payload.len()).to_vec()
    };
    octets.extend_from_slice(payload);
    Frame::plain(octets)
}

struct World {
    fragments: Fragments,
    counters: Counters,
    now: Instant,
}

impl World {
    fn new(octets_max: usize) -> World {
        let fragments = Fragments::new([1, 2], octets_max);
        World { fragments, counters: Counters::default(), now: Instant::from_millis(1000) }
    }

    fn take(&mut self, frame: &Frame) -> Verdict {
        let parsed = packet::parse(&frame.data).expect("a good header");
        self.fragments.insert(self.now, frame, &parsed, &mut self.counters)
    }

    fn waits(&mut self, frame: &Frame) {
        let verdict = self.take(frame);
        assert!(matches!(verdict, Verdict::Waits), "{verdict:?}");
    }

    fn whole(&mut self, frame: &Frame) -> Bytes {
        match self.take(frame) {
            Verdict::Whole(frame) => {
                let parsed = packet::parse(&frame.data).expect("a whole packet is a good packet");
                assert_eq!((parsed.fragment, parsed.protocol), (None, Protocol::UDP));
                frame.data.slice(parsed.payload)
            }
            other => panic!("{other:?}"),
        }
    }

    fn dropped(&mut self, frame: &Frame) -> DropReason {
        match self.take(frame) {
            Verdict::Dropped(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    fn count(&self, counter: Counter) -> u64 {
        self.counters.value(counter)
    }

    fn is_empty(&self) -> bool {
        let Fragments { index, packets, orders, charged, charged_max: _ } = &self.fragments;
        let lists = orders.iter().all(|order| order.oldest.is_none() && order.youngest.is_none());
        lists && index.is_empty() && packets.len() == 0 && *charged == 0
    }
}

fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 3) as u8).collect()
}

#[test]
fn two_pieces_in_either_order() {
    for v6 in [false, true] {
        for order in [[0, 1], [1, 0]] {
            let mut world = World::new(ROOM);
            let data = payload(2000);
            let pieces = [piece(v6, 7, &data[..1480], 0, true), piece(v6, 7, &data[1480..], 1480, false)];
            world.waits(&pieces[order[0]]);
            assert_eq!(world.whole(&pieces[order[1]]), data);
            assert!(world.is_empty());
            let counters = if v6 { Family::V6 } else { Family::V4 }.counters();
            assert_eq!(counters.map(|counter| world.count(counter)), [2, 1, 0, 0]);
        }
    }
}

#[test]
fn what_is_no_fragment_is_whole() {
    let mut world = World::new(ROOM);
    assert_eq!(world.whole(&piece(false, 7, &[1; 100], 0, false)), vec![1; 100]);
    assert_eq!(world.count(Counter::IpReasmReqds), 0);
}

#[test]
fn packets_are_kept_apart() {
    let mut world = World::new(ROOM);
    world.waits(&piece(false, 7, &[1; 8], 0, true));
    world.waits(&piece(false, 8, &[2; 8], 8, false));
    world.waits(&piece(true, 7, &[3; 8], 8, false));
    assert_eq!(world.whole(&piece(false, 7, &[4; 8], 8, false)), [[1; 8], [4; 8]].concat());
    assert_eq!(world.fragments.packets.len(), 2);
}

#[test]
fn an_overlap_drops_the_ipv4_packet() {
    let mut world = World::new(ROOM);
    world.waits(&piece(false, 7, &[1; 16], 0, true));
    assert_eq!(world.dropped(&piece(false, 7, &[2; 16], 8, true)), DropReason::FragmentOverlap);
    assert!(world.is_empty());
    assert_eq!((world.count(Counter::IpReasmFails), world.count(Counter::IpReasmOverlaps)), (1, 1));
    world.waits(&piece(false, 7, &[1; 16], 0, true));
}

#[test]
fn an_overlap_drops_the_ipv6_packet_and_what_comes_of_it_later() {
    let mut world = World::new(ROOM);
    world.waits(&piece(true, 7, &[1; 16], 0, true));
    let alone = world.fragments.charged;
    assert_eq!(world.dropped(&piece(true, 7, &[2; 16], 8, true)), DropReason::FragmentOverlap);
    assert!(world.fragments.charged < alone, "its pieces are let go");
    assert_eq!(world.dropped(&piece(true, 7, &[1; 16], 0, true)), DropReason::FragmentOverlap);
    assert_eq!(world.dropped(&piece(true, 7, &[1; 8], 16, false)), DropReason::FragmentOverlap);
    assert_eq!(world.count(Counter::Ip6ReasmFails), 1);
    let after = world.now + Duration::from_secs(60);
    world.fragments.handle_timeout(after, &mut world.counters, &mut |_| panic!("nobody is told"));
    assert!(world.is_empty());
    assert_eq!((world.count(Counter::Ip6ReasmFails), world.count(Counter::Ip6ReasmTimeout)), (1, 0));
}

#[test]
fn pieces_that_contradict_the_end() {
    let first = [piece(false, 7, &[1; 8], 0, true), piece(false, 7, &[1; 8], 16, false)];
    for bad in [
        piece(false, 7, &[2; 8], 24, true),
        piece(false, 7, &[2; 8], 24, false),
        piece(false, 7, &[2; 8], 8, false),
        piece(false, 7, &[2; 16], 8, true),
    ] {
        let mut world = World::new(ROOM);
        first.iter().for_each(|piece| world.waits(piece));
        assert_eq!(world.dropped(&bad), DropReason::FragmentOverlap);
    }
    let mut world = World::new(ROOM);
    world.waits(&piece(false, 7, &[1; 8], 16, true));
    assert_eq!(world.dropped(&piece(false, 7, &[1; 8], 8, false)), DropReason::FragmentOverlap);
}

#[test]
fn a_piece_that_is_last_once_and_once_not_is_no_duplicate() {
    for last_first in [false, true] {
        let mut world = World::new(ROOM);
        world.waits(&piece(false, 7, &[1; 8], 8, !last_first));
        assert_eq!(world.dropped(&piece(false, 7, &[1; 8], 8, last_first)), DropReason::FragmentOverlap);
    }
}

#[test]
fn the_same_piece_twice_is_no_overlap() {
    let mut world = World::new(ROOM);
    for _ in 0..3 {
        world.waits(&piece(true, 7, &[1; 8], 0, true));
        world.waits(&piece(true, 7, &[2; 4], 16, false));
    }
    assert_eq!(world.whole(&piece(true, 7, &[3; 8], 8, true)).len(), 20);
    assert!(world.is_empty());
}

#[test]
fn pieces_that_cannot_be() {
    let mut world = World::new(ROOM);
    for v6 in [false, true] {
        assert_eq!(world.dropped(&piece(v6, 7, &[], 8, true)), DropReason::Malformed);
        assert_eq!(world.dropped(&piece(v6, 7, &[1; 9], 8, true)), DropReason::Malformed);
        assert_eq!(world.dropped(&piece(v6, 7, &[1; 8], 65_528, false)), DropReason::Malformed);
    }
    let mut nested = piece(true, 7, &[1; 8], 0, true).data.to_vec();
    nested[40] = Protocol::FRAGMENT.0;
    assert_eq!(world.dropped(&Frame::plain(nested)), DropReason::Malformed);
    assert!(world.is_empty());
    assert_eq!((world.count(Counter::IpReasmFails), world.count(Counter::Ip6ReasmFails)), (3, 4));
}

#[test]
fn the_longest_packet() {
    for (v6, len) in [(false, 65_515), (true, 65_535)] {
        let mut world = World::new(ROOM);
        let data = payload(len);
        world.waits(&piece(v6, 7, &data[..32_768], 0, true));
        assert_eq!(world.whole(&piece(v6, 7, &data[32_768..], 32_768, false)), data);
    }
}

#[test]
fn options_of_the_first_piece_may_make_a_packet_too_long() {
    let mut world = World::new(ROOM);
    let mut first = piece(false, 7, &[0; 36], 0, true).data.to_vec();
    first[0] = 0x46;
    first[10..12].fill(0);
    let sum = lastack_wire::checksum::sum(&first[..24]);
    first[10..12].copy_from_slice(&(!sum).to_be_bytes());
    world.waits(&Frame::plain(first));
    assert_eq!(world.dropped(&piece(false, 7, &payload(65_515 - 32), 32, false)), DropReason::Malformed);
    assert!(world.is_empty());
}

#[test]
fn time_runs_out_and_the_sender_is_told_if_the_first_piece_is_here() {
    let mut world = World::new(ROOM);
    world.waits(&piece(true, 1, &[1; 8], 0, true));
    let first = piece(false, 2, &[1; 8], 0, true);
    world.waits(&first);
    world.waits(&piece(false, 3, &[1; 8], 8, true));
    let start = world.now;
    assert_eq!(world.fragments.deadline(), Some(start + Duration::from_secs(30)));
    let mut told = Vec::new();
    world.fragments.handle_timeout(
        start + Duration::from_millis(29_999),
        &mut world.counters,
        &mut |_| panic!(),
    );
    world
        .fragments
        .handle_timeout(start + Duration::from_secs(30), &mut world.counters, &mut |p| told.push(p));
    assert_eq!(told, [first.data]);
    assert_eq!((world.count(Counter::IpReasmTimeout), world.count(Counter::IpReasmFails)), (2, 2));
    assert_eq!(world.fragments.deadline(), Some(start + Duration::from_secs(60)));
    world.fragments.handle_timeout(start + Duration::from_secs(60), &mut world.counters, &mut |_| {});
    assert_eq!((world.count(Counter::Ip6ReasmTimeout), world.fragments.deadline()), (1, None));
    assert!(world.is_empty());
}

#[test]
fn the_oldest_gives_way_to_more_packets() {
    let mut world = World::new(usize::MAX);
    for ident in 0..PACKETS_MAX + 5 {
        world.now += Duration::from_millis(1);
        world.waits(&piece(ident % 2 == 0, ident, &[1; 8], 0, true));
    }
    assert_eq!(world.fragments.packets.len(), PACKETS_MAX);
    assert_eq!(world.count(Counter::IpReasmFails) + world.count(Counter::Ip6ReasmFails), 5);
    world.waits(&piece(false, 3, &[1; 8], 8, false));
    assert_eq!(world.whole(&piece(false, 7, &[1; 8], 8, false)).len(), 16);
}

#[test]
fn the_oldest_give_way_to_more_octets() {
    let mut world = World::new(10_000);
    for ident in 0..100 {
        world.waits(&piece(false, ident, &[1; 1400], 0, true));
        assert!(world.fragments.charged <= 10_000);
    }
    assert!(world.fragments.packets.len() >= 5);
    let mut small = World::new(1000);
    assert_eq!(small.dropped(&piece(false, 1, &[1; 1400], 0, true)), DropReason::FragmentLimit);
    assert!(small.is_empty());
}

#[test]
fn a_small_piece_of_a_large_buffer_is_copied() {
    let mut world = World::new(ROOM);
    let frame = Frame { pinned: 65_536, ..piece(false, 7, &[1; 8], 0, true) };
    world.waits(&frame);
    assert!(world.fragments.charged < 500, "{}", world.fragments.charged);
}

#[test]
fn too_many_pieces_drop_the_packet() {
    let mut world = World::new(ROOM);
    for n in 0..128 {
        world.waits(&piece(false, 7, &[1; 8], 16 * n, true));
    }
    assert_eq!(world.dropped(&piece(false, 7, &[1; 8], 16 * 128, true)), DropReason::FragmentLimit);
    assert!(world.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_cut_in_any_order_with_duplicates_makes_the_packet(
        v6: bool,
        len in 9_usize..4000,
        cuts in prop::collection::vec(1_usize..500, 1..12),
        seed: u64,
    ) {
        let data = payload(len);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut * 8).filter(|&end| end < len).chain([len]).collect();
        ends.sort_unstable();
        ends.dedup();
        prop_assume!(ends.len() > 1);
        let mut start = 0;
        let mut pieces = Vec::new();
        for end in ends {
            pieces.push(piece(v6, 9, &data[start..end], start, end < len));
            start = end;
        }
        let mut order: Vec<usize> = (0..pieces.len()).collect();
        order.sort_by_key(|&at| (at as u64 + 1).wrapping_mul(seed | 1));
        let mut world = World::new(ROOM);
        let (last, others) = order.split_last().expect("two pieces at least");
        for &at in others {
            world.waits(&pieces[at]);
            world.waits(&pieces[at]);
        }
        prop_assert_eq!(world.whole(&pieces[*last]), data);
        prop_assert!(world.is_empty());
    }

    #[test]
    fn any_pieces_keep_the_bounds(
        pieces in prop::collection::vec((any::<bool>(), 0_u32..4, 0_usize..8, 1_usize..5, any::<bool>(), 0_u64..20), 0..200),
    ) {
        let mut world = World::new(3000);
        for (v6, ident, offset, len, more, seconds) in pieces {
            world.now += Duration::from_secs(seconds);
            let now = world.now;
            world.fragments.handle_timeout(now, &mut world.counters, &mut |_| {});
            let _ = world.take(&piece(v6, ident, &vec![1; len * 8], offset * 8, more));
            prop_assert!(world.fragments.charged <= 3000);
            prop_assert!(world.fragments.deadline().is_none_or(|at| at > now));
        }
        world.now += Duration::from_secs(60);
        let now = world.now;
        world.fragments.handle_timeout(now, &mut world.counters, &mut |_| {});
        prop_assert!(world.is_empty());
    }
}
