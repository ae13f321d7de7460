//! Marks in, echoes out; echoes in, a smaller window and CWR out (RFC 3168 section 6.1).

use super::lab::{Lab, seed};
use crate::knobs::SocketOptions;
use crate::{Codepoint, Established, Knobs, Segment};
use lastack_wire::tcp::Flags;

const MSS: usize = 1448;
const DATA: Flags = Flags(Flags::ACK.0 | Flags::PSH.0);

fn lab(ecn: bool) -> Lab {
    Lab::with(Established { ecn, ..seed() }, SocketOptions::default(), Knobs::default())
}

fn marked(lab: &mut Lab, flags: Flags, seq: i32, ecn: Codepoint) {
    let mut arrival = lab.segment(flags, seq, 1, &[b'x'; MSS]);
    arrival.ecn = ecn;
    lab.arrive(arrival);
}

/// What was sent since the last look.
fn sent(lab: &mut Lab) -> Vec<Segment> {
    lab.trace.clear();
    std::mem::take(&mut lab.sent).into_iter().map(|(_, segment)| segment).collect()
}

fn says(segments: &[Segment], flag: Flags) -> bool {
    segments.iter().any(|segment| segment.header.flags.contains(flag))
}

#[test]
fn a_mark_is_echoed_until_cwr() {
    let mut lab = lab(true);
    marked(&mut lab, DATA, 1, Codepoint::Ect);
    assert!(!says(&sent(&mut lab), Flags::ECE));
    marked(&mut lab, DATA, 1 + MSS as i32, Codepoint::Ce);
    assert!(says(&sent(&mut lab), Flags::ECE), "at once");
    marked(&mut lab, DATA, 1 + 2 * MSS as i32, Codepoint::Ect);
    assert!(says(&sent(&mut lab), Flags::ECE), "again and again");
    lab.send(100);
    assert!(says(&sent(&mut lab), Flags::ECE), "with data, too");
    marked(&mut lab, DATA.with(Flags::CWR), 1 + 3 * MSS as i32, Codepoint::Ect);
    let answer = sent(&mut lab);
    assert!(!answer.is_empty() && !says(&answer, Flags::ECE), "acknowledged at once, without the echo");
}

#[test]
fn a_mark_out_of_order_counts() {
    let mut lab = lab(true);
    marked(&mut lab, DATA, 1 + MSS as i32, Codepoint::Ce);
    assert!(says(&sent(&mut lab), Flags::ECE));
}

#[test]
fn only_fresh_data_is_marked_as_capable() {
    let mut lab = lab(true);
    lab.send(100);
    assert!(sent(&mut lab).iter().all(|segment| segment.ect));
    lab.run_to(300);
    let again = sent(&mut lab);
    assert!(!again.is_empty() && again.iter().all(|segment| !segment.ect), "sent again, not");
    lab.data(1, 1, b"x");
    assert!(sent(&mut lab).iter().all(|segment| !segment.ect), "an acknowledgment alone, not");
}

#[test]
fn an_echo_lowers_the_window_once_in_a_window_of_data() {
    let mut lab = lab(true);
    lab.send(20 * MSS);
    let before = lab.connection.congestion_window();
    let echo = |lab: &mut Lab, segments: usize| {
        let arrival = lab.segment(Flags::ACK.with(Flags::ECE), 1, 1 + (segments * MSS) as i32, b"");
        lab.arrive(arrival);
    };
    sent(&mut lab);
    echo(&mut lab, 1);
    let lowered = before * 7 / 10;
    assert_eq!(lab.connection.slow_start_threshold(), lowered);
    for segments in 2..=8 {
        let window = lab.connection.congestion_window();
        echo(&mut lab, segments);
        assert!((lowered..=window).contains(&lab.connection.congestion_window()), "{segments}");
    }
    assert!(lab.connection.congestion_window() <= lowered + 1, "step by step");
    let told = sent(&mut lab);
    let fresh: Vec<_> = told.iter().filter(|segment| !segment.payload.is_empty()).collect();
    assert!(fresh[0].header.flags.contains(Flags::CWR), "the first new data tells it");
    assert!(fresh[1..].iter().all(|segment| !segment.header.flags.contains(Flags::CWR)), "and no other");
    let beyond = 10 + fresh.len();
    lab.send(20 * MSS);
    echo(&mut lab, 11.min(beyond));
    assert!(lab.connection.slow_start_threshold() < lowered, "new congestion, after the last window");
}

#[test]
fn without_agreement_nothing_is_heard_or_said() {
    let mut lab = lab(false);
    marked(&mut lab, DATA, 1, Codepoint::Ce);
    marked(&mut lab, DATA, 1 + MSS as i32, Codepoint::Ce);
    assert!(!says(&sent(&mut lab), Flags::ECE));
    lab.send(20 * MSS);
    assert!(sent(&mut lab).iter().all(|segment| !segment.ect));
    let before = lab.connection.congestion_window();
    let arrival = lab.segment(Flags::ACK.with(Flags::ECE), 1 + 2 * MSS as i32, 1 + MSS as i32, b"");
    lab.arrive(arrival);
    assert!(lab.connection.congestion_window() >= before);
}
