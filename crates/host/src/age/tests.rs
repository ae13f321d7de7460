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
