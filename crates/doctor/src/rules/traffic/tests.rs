use crate::Threshold;
use crate::rules::testing::{Scene, ids};

/// So many segments, so many of them sent again.
fn scene(all: u64, again: u64) -> Scene {
    Scene::new().grows("TcpOutSegs", all - again).grows("TcpRetransSegs", again)
}

#[test]
fn one_repetition_below_the_share_is_nothing() {
    let all = 100 * Threshold::RetransmissionSegments.default() as u64;
    let limit = all * Threshold::RetransmissionPercent.default() as u64 / 100;
    assert_eq!(ids(&scene(all, limit)), ["LA-RT01"]);
    assert_eq!(ids(&scene(all, limit - 1)), [""; 0]);
}

#[test]
fn one_segment_below_what_says_something_is_nothing() {
    let all = Threshold::RetransmissionSegments.default() as u64;
    assert_eq!(ids(&scene(all, all)), ["LA-RT01"]);
    assert_eq!(ids(&scene(all - 1, all - 1)), [""; 0]);
}
