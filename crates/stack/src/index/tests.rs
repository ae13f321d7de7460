use super::*;
use crate::flows::FlowKind;

fn flow(n: u32) -> FlowRef {
    FlowRef::new(FlowKind::Connection, false, n)
}

fn hash(flow: FlowRef) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(1, 2);
    hasher.write_u32(flow.slot());
    hasher.finish()
}

#[test]
fn every_flow_is_found_while_the_table_grows() {
    let mut index = Index::new();
    for n in 0..20_000 {
        index.insert(hash(flow(n)), flow(n), hash);
        assert_eq!(index.find(hash(flow(n / 2)), |f| f == flow(n / 2)), Some(flow(n / 2)));
    }
    assert_eq!(index.len(), 20_000);
    for n in (0..20_000).step_by(2) {
        index.remove(hash(flow(n)), flow(n));
    }
    assert_eq!(index.len(), 10_000);
    assert!((0..20_000).all(|n| index.find(hash(flow(n)), |f| f == flow(n)).is_some() == (n % 2 == 1)));
}

#[test]
fn an_insertion_never_moves_more_than_its_share() {
    let mut index = Index::new();
    let moved = std::cell::Cell::new(0usize);
    let counting = |f| {
        moved.set(moved.get() + 1);
        hash(f)
    };
    let mut worst = 0;
    for n in 0..100_000u32 {
        moved.set(0);
        index.insert(hash(flow(n)), flow(n), counting);
        worst = worst.max(moved.get());
        if n >= 300 {
            index.remove(hash(flow(n - 300)), flow(n - 300));
        }
    }
    assert!(worst <= BUCKETS_PER_INSERT, "one insertion moved {worst}");
    let mut index = Index::new();
    for n in 0..200_000u32 {
        moved.set(0);
        index.insert(hash(flow(n)), flow(n), counting);
        worst = worst.max(moved.get());
    }
    assert!(worst <= BUCKETS_PER_INSERT, "one insertion moved {worst}");
}
