//! The ends of a connection: TIMELINES T04, T05, T10, T11, T12, T14, T15c.

use super::lab::{Lab, seed};
use crate::Knobs;
use crate::connection::Outcome;
use crate::knobs::{Linger, SocketOptions};
use lastack_observe::{Cause, Counter, State, Unreachable};
use lastack_wire::tcp::Flags;
use std::time::Duration;

fn linger_reset() -> SocketOptions {
    SocketOptions { linger: Linger::Reset, ..SocketOptions::default() }
}

#[test]
fn t04_an_orphan_in_fin_wait_2_becomes_a_small_record() {
    let mut lab = Lab::new().orphan();
    lab.ack(1, 2);
    assert_eq!(lab.ended, Some(Outcome::TimeWait));
    assert_eq!(lab.connection.time_wait_length(&lab.knobs), Duration::from_secs(60));
    assert_eq!(lab.connection.deadline(), None);
    let record = lab.connection.into_time_wait();
    assert_eq!((record.state(), record.has_timestamps()), (State::FinWait2, true));
}

#[test]
fn t04b_its_length_is_tcp_fin_timeout() {
    let knobs = Knobs { tcp_fin_timeout: 10, ..Knobs::default() };
    let mut lab = Lab::with(seed(), SocketOptions::default(), knobs).orphan();
    lab.ack(1, 2);
    assert_eq!(lab.connection.time_wait_length(&lab.knobs), Duration::from_secs(10));
}

#[test]
fn t04c_above_a_minute_the_surplus_is_spent_as_a_full_connection() {
    let knobs = Knobs { tcp_fin_timeout: 120, ..Knobs::default() };
    let mut lab = Lab::with(seed(), SocketOptions::default(), knobs).orphan();
    lab.ack(1, 2);
    assert_eq!((lab.ended, lab.state()), (None, State::FinWait2));
    assert_eq!(lab.run_to_end(100_000), 60_000);
    assert_eq!(lab.ended, Some(Outcome::TimeWait));
    assert_eq!(lab.connection.time_wait_length(&lab.knobs), Duration::from_secs(60));
}

#[test]
fn t04e_linger2() {
    for (linger2, wanted) in [(5, Outcome::TimeWait), (-1, Outcome::Closed(Cause::FinWait2Expired))] {
        let options = SocketOptions { linger2: Some(linger2), ..SocketOptions::default() };
        let mut lab = Lab::with(seed(), options, Knobs::default()).orphan();
        lab.trace();
        lab.ack(1, 2);
        assert_eq!(lab.ended, Some(wanted));
        if linger2 < 0 {
            assert_eq!(lab.trace(), ["0 RST seq=2 len=0 win=0"]);
            assert_eq!(lab.count(Counter::AbortOnData), 1);
        } else {
            assert_eq!(lab.connection.time_wait_length(&lab.knobs), Duration::from_secs(5));
        }
    }
}

#[test]
fn t10_data_after_close_is_answered_with_the_number_it_acknowledges() {
    for ack in [1, 2] {
        let mut lab = Lab::new().orphan();
        lab.trace();
        lab.data(1, ack, b"12345");
        assert_eq!(lab.trace(), [format!("0 RST seq={ack} len=0 win=0")]);
        assert_eq!(lab.cause(), Some(Cause::DataAfterClose));
        assert_eq!((lab.count(Counter::AbortOnData), lab.count(Counter::OutRsts)), (1, 1));
    }
}

#[test]
fn t10_shutdown_of_reading_sends_nothing_and_later_data_is_read() {
    let mut lab = Lab::new();
    lab.connection.shutdown_receive();
    lab.flush();
    lab.data(1, 1, b"12345");
    assert_eq!(lab.trace(), ["0 ACK seq=1 ack=6 len=0 win=64"]);
    assert_eq!(lab.read(), b"12345");
}

#[test]
fn t11_close_with_unread_octets_resets() {
    let mut lab = Lab::new();
    lab.data(1, 1, b"unread");
    lab.trace();
    lab.close();
    assert_eq!(lab.trace(), ["0 RST|ACK seq=1 ack=7 len=0 win=64"]);
    assert_eq!(lab.cause(), Some(Cause::UnreadData));

    let mut lab = Lab::new();
    lab.data(1, 1, b"unread");
    lab.fin(7, 1);
    lab.run_to(100);
    lab.trace();
    lab.close();
    assert_eq!(lab.trace(), ["100 RST|ACK seq=1 ack=8 len=0 win=64"]);
    assert_eq!((lab.count(Counter::AbortOnClose), lab.count(Counter::EstabResets)), (1, 1));

    let mut lab = Lab::new();
    lab.data(1, 1, b"unread");
    lab.shutdown();
    lab.ack(7, 2);
    assert_eq!(lab.state(), State::FinWait2);
    lab.trace();
    lab.close();
    assert_eq!(lab.trace(), ["0 RST|ACK seq=2 ack=7 len=0 win=64"]);
    assert_eq!(lab.count(Counter::EstabResets), 0);
}

#[test]
fn what_was_handed_out_and_not_read_counts_as_unread() {
    let mut lab = Lab::new();
    lab.data(1, 1, b"unread");
    while lab.connection.take_received().is_some() {}
    lab.close();
    assert_eq!(lab.cause(), Some(Cause::UnreadData));
}

#[test]
fn t12_linger_zero_resets() {
    let mut lab = Lab::with(seed(), linger_reset(), Knobs::default());
    lab.close();
    assert_eq!(lab.trace(), ["0 RST|ACK seq=1 ack=1 len=0 win=64"]);
    assert_eq!((lab.count(Counter::AbortOnData), lab.count(Counter::EstabResets)), (1, 1));

    let mut lab = Lab::with(seed(), linger_reset(), Knobs::default());
    lab.shutdown();
    assert_eq!(lab.trace(), ["0 FIN|ACK seq=1 ack=1 len=0 win=64"]);
    lab.close();
    assert_eq!(lab.trace(), ["0 RST|ACK seq=2 ack=1 len=0 win=64"]);
    assert_eq!(lab.count(Counter::EstabResets), 0);
}

#[test]
fn t14_close_wait_sends_for_as_long_as_the_application_likes() {
    let mut lab = Lab::new();
    lab.fin(1, 1);
    lab.run_to(40);
    assert_eq!(lab.state(), State::CloseWait);
    assert_eq!(lab.trace(), ["1 ACK seq=1 ack=2 len=0 win=64"]);
    lab.run_to(50);
    lab.send(5);
    assert_eq!(lab.trace(), ["50 PSH|ACK seq=1 ack=2 len=5 win=64"]);
    lab.ack(2, 6);
    lab.run_to(10_050);
    lab.close();
    assert_eq!(
        (lab.trace(), lab.state()),
        (vec!["10050 FIN|ACK seq=6 ack=2 len=0 win=64".into()], State::LastAck)
    );
    lab.ack(2, 7);
    assert_eq!(lab.cause(), Some(Cause::FinAcked));
    assert_eq!(lab.count(Counter::EstabResets), 0);
}

#[test]
fn t14b_fin_wait_2_receives_and_ends_while_the_application_holds_it() {
    let mut lab = Lab::new();
    lab.shutdown();
    lab.ack(1, 2);
    lab.data(1, 2, b"data0");
    assert_eq!(lab.trace(), ["0 FIN|ACK seq=1 ack=1 len=0 win=64", "0 ACK seq=2 ack=6 len=0 win=64"]);
    assert_eq!(lab.read(), b"data0");
    lab.connection.send(bytes::Bytes::from_static(b"too late"));
    assert!(!lab.connection.has_work());
    lab.data(6, 2, b"data1");
    lab.trace();
    lab.fin(11, 2);
    assert_eq!(lab.trace(), ["0 ACK seq=2 ack=12 len=0 win=64"]);
    assert_eq!((lab.ended, lab.state()), (Some(Outcome::TimeWait), State::TimeWait));
    assert_eq!(lab.connection.take_received().as_deref(), Some(&b"data1"[..]));
    assert!(lab.connection.is_read_closed());
}

#[test]
fn t15c_simultaneous_close() {
    let mut lab = Lab::new().orphan();
    lab.fin(1, 1);
    assert_eq!(lab.trace(), ["0 FIN|ACK seq=1 ack=1 len=0 win=64", "0 ACK seq=2 ack=2 len=0 win=64"]);
    assert_eq!(lab.state(), State::Closing);
    lab.run_to(250);
    assert_eq!(lab.trace(), ["200 FIN|ACK seq=1 ack=2 len=0 win=64"]);
    lab.ack(2, 2);
    assert_eq!((lab.ended, lab.state()), (Some(Outcome::TimeWait), State::TimeWait));
}

#[test]
fn a_fin_that_overtook_data_waits_for_it() {
    let mut lab = Lab::new();
    let fin = lab.segment(Flags(0x19), 4, 1, b"def");
    lab.arrive(fin);
    assert_eq!(lab.state(), State::Established);
    lab.data(1, 1, b"abc");
    assert_eq!((lab.state(), lab.read()), (State::CloseWait, b"abcdef".to_vec()));
    assert!(lab.trace.last().unwrap().contains("ack=8"), "{:?}", lab.trace);
}

#[test]
fn a_bare_fin_that_overtook_data_is_acknowledged_with_them() {
    let mut lab = Lab::new();
    let fin = lab.segment(Flags(0x11), 4, 1, b"");
    lab.arrive(fin);
    assert_eq!(lab.state(), State::Established);
    lab.trace();
    lab.data(1, 1, b"abc");
    assert_eq!((lab.state(), lab.read()), (State::CloseWait, b"abc".to_vec()));
    assert!(lab.trace()[0].contains("ack=5"), "at once, not after the delay");
}

#[test]
fn t46_abort_in_each_state() {
    let mut lab = Lab::new();
    let outcome = lab.connection.abort(Cause::Abort, &lab.knobs, lab.now, &mut lab.out);
    assert_eq!(outcome, Outcome::Closed(Cause::Abort));
    lab.ended = Some(outcome);
    lab.flush();
    assert_eq!(lab.trace(), ["0 RST|ACK seq=1 ack=1 len=0 win=64"]);
    let mut lab = Lab::new().orphan();
    lab.trace();
    lab.ended = Some(lab.connection.abort(Cause::TooManyOrphans, &lab.knobs, lab.now, &mut lab.out));
    lab.flush();
    assert_eq!(lab.trace(), ["0 RST|ACK seq=2 ack=1 len=0 win=64"]);
    assert_eq!(lab.count(Counter::AbortOnMemory), 1);
}

/// The peer would repeat its FIN to a listener instead, and there a SYN cookie may serve it again.
#[test]
fn one_orphan_too_many_says_so_in_last_ack() {
    for (cause, last) in
        [(Cause::TooManyOrphans, &["0 RST|ACK seq=7 ack=2 len=0 win=64"][..]), (Cause::Abort, &[])]
    {
        let mut lab = Lab::new();
        lab.fin(1, 1);
        lab.send(5);
        lab.close();
        assert_eq!(lab.state(), State::LastAck);
        lab.trace();
        lab.ended = Some(lab.connection.abort(cause, &lab.knobs, lab.now, &mut lab.out));
        lab.flush();
        assert_eq!(lab.trace(), last, "{cause:?}");
    }
}

#[test]
fn a_soft_error_names_the_end() {
    let mut lab = Lab::with(seed(), SocketOptions::default(), Knobs { tcp_retries2: 3, ..Knobs::default() });
    assert!(!lab.connection.handle_unreachable(super::lab::ISS + 2, Unreachable::Host, &mut lab.out));
    assert_eq!(lab.count(Counter::OutOfWindowIcmps), 1, "the next number is the last that is believed");
    lab.send(10);
    lab.connection.handle_unreachable(super::lab::ISS + 1, Unreachable::Host, &mut lab.out);
    lab.run_to_end(100_000);
    assert_eq!(lab.cause(), Some(Cause::Unreachable));
}
