use super::*;

#[test]
fn one_shard_is_exact() {
    let (budget, mut leases) = (Budget::new(), Leases::new(1));
    assert!((0..3).all(|_| leases.take(&budget, Limited::TimeWaits, 3)));
    assert!(!leases.take(&budget, Limited::TimeWaits, 3));
    leases.give(&budget, Limited::TimeWaits);
    assert!(leases.take(&budget, Limited::TimeWaits, 3));
    assert!(!leases.take(&budget, Limited::TimeWaits, 3));
    assert!(!leases.take(&budget, Limited::Orphans, 0));
}

#[test]
fn two_shards_never_exceed_the_limit_and_can_use_all_of_it() {
    let budget = Budget::new();
    let mut shards = [Leases::new(2), Leases::new(2)];
    let mut granted = 0;
    for turn in 0..2000 {
        granted += u32::from(shards[turn % 2].take(&budget, Limited::HalfOpens, 1000));
    }
    assert_eq!(granted, 1000);
    for _ in 0..500 {
        shards[0].give(&budget, Limited::HalfOpens);
    }
    let again = (0..500).filter(|_| shards[1].take(&budget, Limited::HalfOpens, 1000)).count();
    assert!(again >= 500 - 2 * BLOCK as usize, "only {again} of 500 came back");
}
