//! Other rules than those of today's Linux, and that nothing but a profile turns `tcp_tw_recycle` on.

use super::super::{PROFILES, preset, profile};
use super::departures;
use crate::drawing::{Diagram, Side, What, terminal};
use lastack_observe::{Cause, DropReason, State};
use lastack_stack::Knobs;
use lastack_stack::knobs::table;

fn played(name: &str, rules: &str) -> Diagram {
    preset(name).unwrap().play_as(profile(rules).unwrap()).diagram
}

/// How long TIME_WAIT lasted at this end, in milliseconds.
fn time_wait(diagram: &Diagram, side: Side) -> u128 {
    let at = |is: &dyn Fn(&What) -> bool| {
        let found = diagram.moments.iter().find(|moment| moment.side == side && is(&moment.what));
        found.expect("it happened").at.as_millis()
    };
    let begun = at(&|what| matches!(what, What::State { to: State::TimeWait, .. }));
    let ended = at(&|what| matches!(what, What::State { cause: Cause::TimeWaitExpired, .. }));
    ended - begun
}

#[test]
fn time_wait_lasts_as_long_as_the_rules_say() {
    assert_eq!(time_wait(&preset("close4").unwrap().play().diagram, Side::Left), 60_000);
    for (rules, seconds) in
        [("rfc9293", 240), ("windows-2000", 240), ("windows-2003", 120), ("windows-30", 30)]
    {
        for (scene, side) in [("close4", Side::Left), ("simultaneous-close", Side::Right)] {
            assert_eq!(time_wait(&played(scene, rules), side), seconds * 1_000, "{rules} {scene}");
        }
    }
    let style = terminal::Style { width: 100, colour: false };
    insta::assert_snapshot!("close4_rfc9293", terminal::render(&played("close4", "rfc9293"), style));
}

/// A FIN that comes again restarts it, by the same rules.
#[test]
fn a_restart_is_as_long() {
    let diagram = preset("lost-last-ack").unwrap().play_as(profile("windows-30").unwrap()).diagram;
    let again = diagram.moments.iter().rev().find_map(|moment| match moment.what {
        What::Arrived(packet) if moment.side == Side::Left && diagram.packets[packet].flags == "FIN,ACK" => {
            Some(moment.at.as_millis())
        }
        _ => None,
    });
    let ended = diagram.moments.iter().find_map(|moment| match moment.what {
        What::State { cause: Cause::TimeWaitExpired, .. } => Some(moment.at.as_millis()),
        _ => None,
    });
    assert_eq!(ended.unwrap() - again.unwrap(), 30_000);
}

/// TIMELINES T01b.
#[test]
fn the_classic_schedule_has_no_linear_phase() {
    let syns = departures(&played("connect-to-nobody", "classic-syn"), Side::Left, "SYN");
    assert_eq!(syns, [0, 1, 3, 7, 15, 31, 63].map(|second| second * 1_000));
    let syns = departures(&preset("connect-to-nobody").unwrap().play().diagram, Side::Left, "SYN");
    assert_eq!(syns, [0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67].map(|second| second * 1_000));
}

/// 3.5 timeouts of 220 ms, and the neighbour's SYNs are dropped until the timestamp is forgotten.
#[test]
fn recycling_breaks_the_neighbour_behind_the_nat() {
    let diagram = preset("tw-recycle").unwrap().play().diagram;
    assert_eq!(time_wait(&diagram, Side::Right), 770);
    let reason = DropReason::PawsOfHost.text();
    let dropped = |diagram: &Diagram| {
        let notes = diagram.moments.iter().filter(|moment| match &moment.what {
            What::Note(note) => note.contains(reason),
            _ => false,
        });
        notes.count()
    };
    assert_eq!(dropped(&diagram), 6);
    // The very same clients do well where nobody recycles.
    assert_eq!(dropped(&played("tw-recycle", "classic-syn")), 0);
    assert_eq!(time_wait(&played("close4", "linux-2.6-to-4.11"), Side::Left), 770);
}

#[test]
fn nothing_but_a_profile_recycles() {
    let error = table::find("net.ipv4.tcp_tw_recycle").unwrap_err().to_string();
    assert!(error.contains("4.12"), "{error}");
    assert!(!Knobs::default().profile.tw_recycle);
    let recycling: Vec<&str> = PROFILES
        .iter()
        .filter(|profile| {
            let mut knobs = Knobs::default();
            profile.apply(&mut knobs);
            knobs.profile.tw_recycle
        })
        .map(|profile| profile.name)
        .collect();
    assert_eq!(recycling, ["linux-2.6-to-4.11"]);
}
