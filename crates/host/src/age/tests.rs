use super::*;
use lastack_observe::{Flow, HostFacts, TcpInfo};

const LIFETIMES: Lifetimes = Lifetimes { time_wait: TIME_WAIT, fin_wait2: Some(Duration::from_secs(30)) };

fn row(state: State, timer: TimerKind, left_s: u64) -> SocketRow {
    let left = (timer != TimerKind::Off).then(|| Duration::from_secs(left_s));
    SocketRow {
        timer,
        timer_left: left,
        host: Some(Box::new(HostFacts {
            info: Some(TcpInfo { last_ack_recv_ms: 7000, ..TcpInfo::default() }),
            ..HostFacts::default()
        })),
        ..SocketRow::new(state, Flow::NONE)
    }
}

fn age(lifetimes: Lifetimes, mut row: SocketRow) -> (Option<u64>, bool) {
    lifetimes.apply(&mut row);
    (row.age.map(|age| age.as_secs()), row.host.is_some_and(|host| host.age_is_least))
}

#[test]
fn timers_tell_the_age_and_close_wait_a_lower_bound() {
    assert_eq!(age(LIFETIMES, row(State::TimeWait, TimerKind::Timewait, 45)), (Some(15), false));
    assert_eq!(age(LIFETIMES, row(State::FinWait2, TimerKind::Timewait, 10)), (Some(20), false));
    assert_eq!(age(LIFETIMES, row(State::CloseWait, TimerKind::Off, 0)), (Some(7), true));
}

#[test]
fn what_cannot_be_known_is_unknown() {
    assert_eq!(age(LIFETIMES, row(State::Established, TimerKind::Keepalive, 10)), (None, false));
    assert_eq!(age(LIFETIMES, row(State::FinWait2, TimerKind::Keepalive, 10)), (None, false));
    // More time left than the whole: a lifetime of the socket's own (TCP_LINGER2).
    assert_eq!(age(LIFETIMES, row(State::FinWait2, TimerKind::Timewait, 31)), (None, false));
    let long = Lifetimes { fin_wait2: Some(Duration::from_secs(100)), ..LIFETIMES };
    assert_eq!(age(long, row(State::FinWait2, TimerKind::Timewait, 50)), (None, false));
    let unread = Lifetimes { fin_wait2: None, ..LIFETIMES };
    assert_eq!(age(unread, row(State::FinWait2, TimerKind::Timewait, 50)), (None, false));
    let mut bare = row(State::CloseWait, TimerKind::Off, 0);
    bare.host = None;
    assert_eq!(age(LIFETIMES, bare), (None, false));
}

#[test]
fn who_watches_knows_at_least_since_when() {
    let now = std::time::Instant::now();
    let later = |seconds| now + Duration::from_secs(seconds);
    let mut first = FirstSeen::default();
    let mut look = |cookie, state, at| {
        let mut row = row(state, TimerKind::Off, 0);
        row.host.get_or_insert_default().cookie = cookie;
        first.begin_round();
        first.apply(&mut row, at);
        (row.age.map(|age| age.as_secs()), row.host.unwrap().age_is_least)
    };
    assert_eq!(look(1, State::Established, now), (Some(0), true));
    assert_eq!(look(1, State::Established, later(5)), (Some(5), true));
    assert_eq!(look(1, State::CloseWait, later(6)), (Some(0), true));
    assert_eq!(look(1, State::CloseWait, later(9)), (Some(3), true));
    // Another one; the first is forgotten after a look that did not show it.
    assert_eq!(look(2, State::Established, later(9)), (Some(0), true));
    assert_eq!(look(1, State::CloseWait, later(20)), (Some(0), true));
}

#[test]
fn what_the_kernel_knows_is_better_unless_it_knows_less() {
    let now = std::time::Instant::now();
    let mut first = FirstSeen::default();
    let mut look = |age: u64, least, at: u64| {
        let mut row = row(State::CloseWait, TimerKind::Off, 0);
        row.age = Some(Duration::from_secs(age));
        row.host.get_or_insert_default().age_is_least = least;
        first.apply(&mut row, now + Duration::from_secs(at));
        (row.age.map(|age| age.as_secs()), row.host.unwrap().age_is_least)
    };
    assert_eq!(look(30, true, 0), (Some(30), true));
    // The peer acknowledged something meanwhile.
    assert_eq!(look(1, true, 8), (Some(8), true));
    assert_eq!(look(1, false, 9), (Some(1), false));
}
