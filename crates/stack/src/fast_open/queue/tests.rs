use super::*;

#[test]
fn the_limit_counts_those_that_wait() {
    let (mut queue, now) = (FastOpenQueue::default(), Instant::from_millis(5));
    assert!(!queue.has_room(0, now), "zero: no Fast Open");
    queue.enter();
    assert!(queue.has_room(2, now));
    queue.enter();
    assert!(!queue.has_room(2, now) && queue.has_room(3, now));
    queue.leave();
    assert!(queue.has_room(2, now));
}

/// Linux: 60 s, and one makes room for one.
#[test]
fn a_reset_one_counts_for_a_minute() {
    let (mut queue, now) = (FastOpenQueue::default(), Instant::from_millis(5));
    for _ in 0..2 {
        queue.enter();
    }
    queue.leave_by_reset(now);
    queue.leave_by_reset(now + Duration::from_secs(1));
    let minute = now + Duration::from_secs(60);
    assert!(!queue.has_room(2, Instant(minute.0 - 1)));
    assert!(queue.has_room(2, minute));
    queue.enter();
    assert!(!queue.has_room(2, minute), "the other one has a second left");
    assert!(queue.has_room(2, minute + Duration::from_secs(1)));
}
