use super::*;

fn seen(knobs: &Knobs, octets: u32) -> Reordering {
    let mut reordering = Reordering::new();
    let mut out = Output::new(1, 0);
    reordering.overtaken(Seq(u32::MAX), Seq(u32::MAX) + octets, 1000, Counter::SackReorder, knobs, &mut out);
    assert_eq!(out.counters.value(Counter::SackReorder), u64::from(octets > 0));
    reordering
}

#[test]
fn the_degree_is_what_was_seen_between_two_knobs() {
    let mut knobs = Knobs::default();
    assert_eq!((seen(&knobs, 0).degree(&knobs), seen(&knobs, 0).seen), (3, 0), "not overtaken at all");
    assert_eq!(seen(&knobs, 3000).degree(&knobs), 3, "no more than is granted");
    assert_eq!(seen(&knobs, 3001).degree(&knobs), 4);
    assert_eq!(seen(&knobs, 1_000_000).degree(&knobs), 300);
    knobs.tcp_max_reordering = 7;
    assert_eq!(seen(&knobs, 1_000_000).degree(&knobs), 7, "tcp_max_reordering");
    knobs.tcp_reordering = 5;
    assert_eq!(seen(&knobs, 4000).degree(&knobs), 5, "tcp_reordering");
}

#[test]
fn a_timeout_takes_an_overestimate_back() {
    let knobs = Knobs::default();
    let mut reordering = seen(&knobs, 20_000);
    assert_eq!((reordering.degree(&knobs), reordering.seen), (20, 1));
    reordering.was_overestimated(&knobs);
    assert_eq!((reordering.degree(&knobs), reordering.seen), (3, 1), "but that it was seen is remembered");
    assert!(!reordering.is_fresh());
}

#[test]
fn duplicates_beyond_what_is_in_flight_are_reordering() {
    let mut knobs = Knobs::default();
    let mut out = Output::new(1, 0);
    let mut reordering = Reordering::new();
    reordering.too_many_duplicates(12, &knobs, &mut out);
    assert_eq!((reordering.degree(&knobs), out.counters.value(Counter::RenoReorder)), (12, 1));
    knobs.tcp_max_reordering = 4;
    reordering.too_many_duplicates(12, &knobs, &mut out);
    assert_eq!(reordering.degree(&knobs), 4);
}
