mod explained;
mod profiles;

use super::*;
use crate::drawing::{Side, What, terminal};
use lastack_observe::{Cause, State};

#[test]
fn the_drawings_are_the_ones_reviewed() {
    for preset in PRESETS {
        let style = terminal::Style { width: 100, colour: false };
        insta::assert_snapshot!(preset.name, terminal::render(&preset.play().diagram, style));
    }
}

#[test]
fn names_are_found_and_differ() {
    for (index, one) in PRESETS.iter().enumerate() {
        assert!(PRESETS[..index].iter().all(|other| other.name != one.name));
        assert_eq!(preset(one.name).unwrap().title, one.title);
    }
    assert!(preset("T02.pkt").is_none());
}

fn departures(diagram: &Diagram, side: Side, flags: &str) -> Vec<u128> {
    let at = |moment: &crate::drawing::Moment| match moment.what {
        What::Sent(packet) if moment.side == side && diagram.packets[packet].flags == flags => {
            Some(moment.at.as_millis())
        }
        _ => None,
    };
    diagram.moments.iter().filter_map(at).collect()
}

/// TIMELINES T02 and T40.
#[test]
fn a_lost_third_ack_is_what_linux_makes_of_it() {
    let diagram = preset("lost-third-ack").unwrap().play().diagram;
    let begun = departures(&diagram, Side::Right, "SYN,ACK");
    let since: Vec<u128> = begun.iter().map(|at| at - begun[0]).collect();
    assert_eq!(since, [0, 1_000, 3_000, 7_000, 15_000, 31_000]);
    let gone = diagram.moments.iter().find_map(|moment| match moment.what {
        What::State { cause: Cause::SynAckRetriesExceeded, .. } => Some(moment.at.as_millis() - begun[0]),
        _ => None,
    });
    assert_eq!(gone, Some(63_000));
    // Silently: the only RST answers the data at 66 s.
    assert_eq!(departures(&diagram, Side::Right, "RST"), [66_010]);
    assert_eq!(departures(&diagram, Side::Left, "ACK").len(), 6);
}

/// TIMELINES T20: two requests fill the queue of listen(1) until 63 s; the SYN of an honest client at 67 s gets in.
#[test]
fn a_flood_keeps_an_honest_client_out_until_its_requests_die() {
    let diagram = preset("syn-flood").unwrap().play().diagram;
    let syns = departures(&diagram, Side::Left, "SYN");
    let honest: Vec<u128> = syns.iter().skip(2).map(|at| at - 500).collect();
    assert_eq!(honest, [0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67].map(|second| second * 1_000));
    let open = diagram.moments.iter().filter(|moment| {
        moment.side == Side::Right && matches!(moment.what, What::State { to: State::Established, .. })
    });
    assert_eq!(open.count(), 1);
}

/// Why the handshake has three segments: a client that did not ask says so, and no application hears of it.
#[test]
fn an_old_syn_leaves_no_connection() {
    let diagram = preset("delayed-duplicate").unwrap().play().diagram;
    let last = diagram.moments.iter().rev().find_map(|moment| match moment.what {
        What::State { from, to, cause } => Some((from, to, cause)),
        _ => None,
    });
    assert_eq!(last, Some((State::SynRecv, State::Closed, Cause::Reset)));
    assert_eq!(departures(&diagram, Side::Left, "RST").len(), 1);
}

#[test]
fn a_scene_is_the_same_every_time() {
    for preset in PRESETS {
        assert_eq!(preset.play().diagram, preset.play().diagram, "{}", preset.name);
    }
}

#[test]
fn every_packet_arrives_or_is_lost() {
    for preset in PRESETS {
        let diagram = preset.play().diagram;
        let arrived = diagram.moments.iter().filter(|moment| matches!(moment.what, What::Arrived(_))).count();
        let lost = diagram.packets.iter().filter(|packet| packet.lost).count();
        assert_eq!(arrived + lost, diagram.packets.len(), "{}", preset.name);
    }
}
