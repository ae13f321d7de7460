//! Leaks over several looks: what stays, what comes, what goes again.

use crate::Severity;
use crate::rules::testing::{Scene, ids};
use lastack_observe::snapshot::ProcessFacts;
use lastack_observe::{Holder, SocketRow, State};

fn held(row: &mut SocketRow) {
    let host = row.host.as_mut().unwrap();
    host.inode = 7;
    host.holders = vec![Holder { name: "leaky".to_owned(), pid: 7, fd: 9 }];
}

/// So many that stay, and so many more that come between the first look and the one in the middle.
fn leak(stay: u32, come: u32) -> Scene {
    let mut scene = Scene::new().listener("10.0.0.1:80", 128);
    for number in 0..stay {
        scene = scene.row(State::CloseWait, "10.0.0.1:80", &peer(number), held);
    }
    for number in stay..stay + come {
        scene = scene.row_in(1..3, State::CloseWait, "10.0.0.1:80", &peer(number), held);
    }
    scene
}

fn peer(number: u32) -> String {
    format!("10.1.{}.{}:4000", number / 250, number % 250)
}

/// The process, with so many descriptors of 1024.
fn descriptors(mut scene: Scene, descriptors: u32) -> Scene {
    let name = "leaky".to_owned();
    let process = ProcessFacts { pid: 7, name, descriptors, descriptors_max: Some(1024) };
    scene.looks.iter_mut().for_each(|look| look.processes = vec![process.clone()]);
    scene
}

#[test]
fn a_leak_needs_sockets_that_stay_and_more_that_come() {
    assert_eq!(ids(&leak(10, 1)), ["LA-CW01"]);
    assert!(ids(&leak(9, 30)).is_empty() && ids(&leak(99, 0)).is_empty());
    let finding = &leak(10, 1).findings()[0];
    assert_eq!(finding.culprits[0].to_string(), "process leaky[7]");
    assert_eq!(finding.culprits[1].to_string(), "listener 10.0.0.1:80");
}

#[test]
fn what_comes_late_or_goes_again_is_no_leak() {
    let late = leak(10, 0).row_in(2..3, State::CloseWait, "10.0.0.1:80", "10.2.0.1:1", held);
    assert!(ids(&late).is_empty(), "it may be closed in a moment");
    let as_many_left = leak(10, 1).row_in(0..1, State::CloseWait, "10.0.0.1:80", "10.2.0.1:1", held);
    assert!(ids(&as_many_left).is_empty(), "their number does not grow");
}

#[test]
fn a_leak_is_critical_when_descriptors_run_out_soon_or_when_it_is_large() {
    // One in four seconds: 150 of them take ten minutes.
    assert_eq!(descriptors(leak(10, 1), 1024 - 151).findings()[0].severity, Severity::Warn);
    assert_eq!(descriptors(leak(10, 1), 1024 - 149).findings()[0].severity, Severity::Critical);
    assert_eq!(leak(998, 1).findings()[0].severity, Severity::Warn);
    assert_eq!(leak(999, 1).findings()[0].severity, Severity::Critical);
}

#[test]
fn the_same_ports_with_another_cookie_are_another_socket() {
    let mut scene = leak(10, 1);
    for (number, look) in scene.looks.iter_mut().enumerate() {
        for row in &mut look.rows {
            row.host.as_mut().unwrap().cookie = number as u64 + 1;
        }
    }
    assert!(ids(&scene).is_empty(), "each look has others: that is churn");
}
