use super::*;
use proptest::prelude::*;

#[test]
fn order_goes_round_the_circle() {
    let (late, early) = (Seq(u32::MAX), Seq(3));
    assert!(late.lt(early) && late.le(early) && early.gt(late) && early.ge(late));
    assert_eq!(late.distance_to(early), 4);
    assert_eq!((early.since(late), late.since(early)), (4, -4));
    assert_eq!((late.max(early), late.min(early)), (early, late));
    assert_eq!((late + 4, early - 4), (early, late));
    assert!(early.le(early) && early.ge(early) && !early.lt(early) && !early.gt(early));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn half_the_circle_lies_ahead(start: u32, ahead in 1_u32..0x8000_0000) {
        let (start, end) = (Seq(start), Seq(start) + ahead);
        prop_assert!(start.lt(end) && !end.lt(start));
        prop_assert_eq!(end - ahead, start);
        prop_assert_eq!(i64::from(end.since(start)), i64::from(ahead));
    }
}
