use super::*;
use std::time::Duration;

const LIMITS: [u32; 3] = [60, 80, 120];
const LEAST: usize = 4096;

fn memory_at(pages: i64) -> (Memory, Output) {
    let (mut memory, budget) = (Memory::new(1), Budget::new());
    memory.charge(&budget, pages);
    (memory, Output::new(0, 8))
}

#[test]
fn pressure_outlives_what_caused_it() {
    let (budget, mut memory, mut out) = (Budget::new(), Memory::new(1), Output::new(0, 0));
    let mut at = |pages: i64, seconds: u64| {
        let now = Instant::from_millis(seconds * 1000);
        let before = memory.total;
        memory.charge(&budget, pages - before);
        memory.judge(LIMITS, now, &mut out);
        memory.pressed.is_some()
    };
    assert_eq!([at(80, 1), at(81, 2), at(61, 3), at(60, 7), at(70, 8)], [false, true, true, false, false]);
    assert_eq!(out.counters.value(Counter::MemoryPressures), 1);
    assert_eq!(out.counters.value(Counter::MemoryPressuresChrono), 5000);
    let told = std::iter::from_fn(|| out.poll_event()).map(|event| event.kind);
    let begins = |begins| EventKind::MemoryPressure { begins };
    assert_eq!(told.collect::<Vec<_>>(), [] as [EventKind; 0], "events need a listener");
    out.listen_to_events(8);
    let (mut memory, _) = memory_at(200);
    memory.judge(LIMITS, Instant::ZERO, &mut out);
    memory.charge(&Budget::new(), -200);
    memory.judge(LIMITS, Instant::ZERO + Duration::from_secs(1), &mut out);
    let told = std::iter::from_fn(|| out.poll_event()).map(|event| event.kind);
    assert_eq!(told.collect::<Vec<_>>(), [begins(true), begins(false)]);
}

#[test]
fn a_fair_share_and_the_least_are_spared_under_pressure() {
    let (mut memory, mut out) = memory_at(100);
    memory.judge(LIMITS, Instant::ZERO, &mut out);
    assert_eq!(memory.level(LIMITS, LEAST, 10, 11, 9000), MemoryLevel::Pressure, "a fair share");
    assert_eq!(memory.level(LIMITS, LEAST, 10, 12, 9000), MemoryLevel::Exhausted, "more than that");
    assert_eq!(
        memory.level(LIMITS, LEAST, 10, 12, 4095),
        MemoryLevel::Pressure,
        "tcp_rmem[0] is everybody's"
    );
}

#[test]
fn beyond_the_limit_nobody_is_spared() {
    let (mut memory, mut out) = memory_at(121);
    memory.judge(LIMITS, Instant::ZERO, &mut out);
    assert_eq!(memory.level(LIMITS, LEAST, 1, 0, 0), MemoryLevel::Exhausted);
    let (memory, _) = memory_at(60);
    assert_eq!(memory.level(LIMITS, LEAST, 1, 60, 0), MemoryLevel::Plenty);
}

#[test]
fn shards_share_one_sum() {
    let budget = Budget::new();
    let (mut one, mut other) = (Memory::new(2), Memory::new(2));
    one.charge(&budget, 1000);
    other.charge(&budget, 10);
    assert_eq!(other.total, 1010);
    one.charge(&budget, -1000);
    other.charge(&budget, -10);
    assert_eq!((one.total, other.total), (0, 0), "what is not told yet is a shard's own");
}
