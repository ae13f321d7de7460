use super::*;

#[test]
fn a_recovery_in_balance_sends_one_for_each_that_arrives() {
    // Ten in flight, three SACKed, one of them lost: seven may be out, and six are.
    let mut prr = Prr::begin(10);
    assert_eq!(prr.window(1, false, 6, 7), Some(7), "the first retransmission");
    prr.sent(1);
    for in_flight in [6; 5] {
        assert_eq!(prr.window(1, false, in_flight, 7), Some(7));
        prr.sent(1);
    }
}

#[test]
fn above_the_threshold_the_window_shrinks_in_proportion() {
    let mut prr = Prr::begin(20);
    let mut sent = 0;
    for arrived in 1..=10u32 {
        let in_flight = 20 - arrived + sent;
        let cwnd = prr.window(1, false, in_flight, 10).unwrap();
        let allowed = cwnd.saturating_sub(in_flight);
        prr.sent(allowed);
        sent += allowed;
        assert_eq!(sent, arrived.div_ceil(2), "one for two: {arrived}");
    }
}

#[test]
fn below_the_threshold_progress_earns_one_more_and_losses_do_not() {
    let mut prr = Prr::begin(20);
    prr.sent(5);
    prr.delivered = 5;
    assert_eq!(prr.window(2, true, 4, 10), Some(7), "two arrived, and one more");
    assert_eq!(prr.window(2, false, 4, 10), Some(8), "what was not sent before is made up for");
    prr.sent(10);
    assert_eq!(prr.window(3, true, 9, 10), Some(10), "but not beyond the threshold");
    assert_eq!(prr.window(0, true, 9, 10), None, "nothing arrived");
    assert_eq!(Prr::default().window(1, true, 9, 10), None, "no reduction goes on");
}
