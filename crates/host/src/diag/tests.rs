use super::message::attributes;
use super::*;
use lastack_observe::{SocketRow, TimerKind};
use proptest::prelude::*;
use std::time::Duration;

/// An answer with one IPv4 socket in it, `info` octets of TCP_INFO and the memory attribute.
fn answer(state: u8, info: usize) -> Vec<u8> {
    let mut body = vec![2, state, 1, 3];
    body.extend(80_u16.to_be_bytes());
    body.extend(40_000_u16.to_be_bytes());
    body.extend([10, 0, 0, 1]);
    body.extend([0; 12]);
    body.extend([10, 0, 0, 2]);
    body.extend([0; 12]);
    for word in [0_u32, 0x11, 0x22, 1500, 5, 6, 1000, 4711] {
        body.extend(word.to_ne_bytes());
    }
    let attribute = |number: u16, value: &[u8]| {
        let mut octets = (value.len() as u16 + 4).to_ne_bytes().to_vec();
        octets.extend(number.to_ne_bytes());
        octets.extend(value);
        octets.resize(octets.len().next_multiple_of(4), 0);
        octets
    };
    let words: Vec<u8> = (1..=9_u32).flat_map(u32::to_ne_bytes).collect();
    body.extend(attribute(2, &(0..info).map(|octet| octet as u8).collect::<Vec<_>>()));
    body.extend(attribute(4, b"cubic\0"));
    body.extend(attribute(7, &words));
    body.extend(attribute(21, &77_u64.to_ne_bytes()));
    let mut octets = (body.len() as u32 + 16).to_ne_bytes().to_vec();
    octets.extend(20_u16.to_ne_bytes());
    octets.extend([2, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    octets.extend(body);
    octets
}

fn only(octets: &[u8]) -> SocketRow {
    let raw = Messages::new(octets).next().unwrap().unwrap();
    let Ok(Message::Socket(body)) = raw.kind() else { panic!("a socket") };
    let mut row = SocketRow::new(State::Closed, Flow::NONE);
    SocketView::parse(body).unwrap().fill(&mut row);
    row
}

#[test]
fn a_socket_is_read() {
    let row = only(&answer(1, 240));
    assert_eq!(row.flow.to_string(), "10.0.0.1:80 -> 10.0.0.2:40000");
    assert_eq!((row.state, row.timer, row.retransmits), (State::Established, TimerKind::On, 3));
    assert_eq!(row.timer_left, Some(Duration::from_millis(1500)));
    assert_eq!((row.recv_queue, row.send_queue, row.orphan, row.unaccepted), (5, 6, false, false));
    let host = row.host.unwrap();
    assert_eq!((host.uid, host.inode, host.cookie), (1000, 4711, 0x22_0000_0011));
    assert_eq!((host.cgroup, host.congestion.as_deref()), (Some(77), Some("cubic")));
    assert_eq!(host.memory.map(|memory| (memory.receive, memory.drops)), Some((1, 9)));
    let info = host.info.unwrap();
    assert_eq!((info.snd_wscale, info.rcv_wscale), (6, 0));
    assert_eq!(info.rto_us, u32::from_ne_bytes([8, 9, 10, 11]));
    assert_eq!(info.snd_wnd, u32::from_ne_bytes([228, 229, 230, 231]));
}

#[test]
fn tcp_info_may_have_any_length() {
    let full = only(&answer(1, 248)).host.unwrap().info.unwrap();
    let old = only(&answer(1, 104)).host.unwrap().info.unwrap();
    assert_eq!((old.rtt_us, old.total_retrans), (full.rtt_us, full.total_retrans));
    assert_eq!((old.pacing_rate, old.snd_wnd), (0, 0));
    assert_eq!(only(&answer(1, 0)).host.unwrap().info.unwrap(), lastack_observe::TcpInfo::default());
    // A field that is cut in two is not there.
    assert_eq!(only(&answer(1, 71)).host.unwrap().info.unwrap().rtt_us, 0);
}

#[test]
fn states_that_tcp_does_not_have_are_not_read() {
    assert_eq!(only(&answer(12, 0)).state, State::SynRecv);
    assert_eq!((parse_any(&answer(0, 0)), parse_any(&answer(13, 0)), parse_any(&answer(11, 0))), (0, 0, 1));
}

#[test]
fn a_port_filter_jumps_out_past_its_end() {
    assert!(PortFilter::default().program().is_empty());
    let program = PortFilter::default().local(80..=90).remote(1..=65_535).program();
    let operation = |index: usize| {
        let at = index * 4;
        (program[at], program[at + 1], u16::from_ne_bytes([program[at + 2], program[at + 3]]))
    };
    assert_eq!(program.len(), 24);
    assert_eq!([operation(0), operation(1)], [(2, 8, 28), (0, 0, 80)]);
    assert_eq!([operation(2), operation(3)], [(3, 8, 20), (0, 0, 90)]);
    assert_eq!([operation(4), operation(5)], [(4, 8, 12), (0, 0, 1)]);
}

#[test]
fn sets_of_states() {
    let set = StateSet::of(&[State::Listen, State::TimeWait]);
    assert!(set.contains(State::Listen) && !set.contains(State::Established));
    assert_eq!(set.without(State::Listen).without(State::TimeWait), StateSet::NONE);
    assert_eq!(StateSet::of(&State::ALL), StateSet::ALL);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_octets_panic(octets in any::<Vec<u8>>()) {
        parse_any(&octets);
        attributes(&octets).count();
        for choice in 0..3 {
            crate::fuzz::netlink(&[&[choice], &octets[..]].concat());
        }
        crate::fuzz::proc(&[b"0", &octets[..]].concat());
        crate::fuzz::proc(&[b"1", &octets[..]].concat());
        crate::fuzz::pasted(&octets);
    }

    #[test]
    fn a_damaged_answer_does_not_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut octets = answer(1, 248);
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        octets.truncate(cut.index(octets.len() + 1));
        prop_assert!(parse_any(&octets) <= octets.len() / 16);
    }
}
