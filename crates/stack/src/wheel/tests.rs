use super::*;
use crate::flows::FlowKind;
use std::collections::BTreeMap;

fn flow(n: u32) -> FlowRef {
    FlowRef::new(FlowKind::Connection, false, n)
}

/// A generator good enough to scatter deadlines (xorshift).
fn scatter(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn fires_exactly_and_in_order_over_all_ranges() {
    let mut wheel = Wheel::new();
    let mut model = BTreeMap::new();
    let mut keys = BTreeMap::new();
    let mut seed = 0x9e37_79b9;
    for n in 0..2000u32 {
        let deadline = Instant(scatter(&mut seed) >> (seed % 44));
        keys.insert(n, wheel.insert(deadline, flow(n)));
        model.insert(n, deadline);
    }
    for n in (0..2000).step_by(3) {
        let deadline = Instant(scatter(&mut seed) >> (seed % 44));
        wheel.reset(keys[&n], deadline);
        model.insert(n, deadline);
    }
    for n in (0..2000).step_by(7) {
        wheel.remove(keys[&n]);
        model.remove(&n);
    }
    let mut last = Instant::ZERO;
    while let Some(at) = wheel.deadline() {
        let earliest = *model.values().min().expect("the wheel has timers that the model has not");
        assert!(at <= earliest, "slept past {earliest:?} until {at:?}");
        while let Some(fired) = wheel.pop_due(at) {
            assert_eq!(model.remove(&fired.slot()), Some(at), "a timer fired at another time than its own");
            last = at;
        }
    }
    assert!(model.is_empty());
    assert!(last > Instant(1 << 60));
    assert_eq!(wheel.len(), 0);
}

#[test]
fn a_late_call_fires_all_that_is_due() {
    let mut wheel = Wheel::new();
    for n in 0..100u32 {
        wheel.insert(Instant::from_millis(u64::from(n) * 997), flow(n));
    }
    let mut fired = Vec::new();
    while let Some(flow) = wheel.pop_due(Instant::from_millis(50_000)) {
        fired.push(flow.slot());
    }
    assert_eq!(fired, (0..=50).collect::<Vec<_>>());
    assert!(wheel.deadline().is_some_and(|at| at <= Instant::from_millis(51 * 997)));
}
