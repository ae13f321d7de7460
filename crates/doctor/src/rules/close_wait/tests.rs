mod leaks;

use crate::rules::testing::Scene;
use crate::{Culprit, examine};
use lastack_observe::State;
use std::time::Duration;

/// So many connections in CLOSE_WAIT.
fn scene(count: u16, age: Option<Duration>) -> Scene {
    let mut scene = Scene::new().listener("10.0.0.1:80", 128);
    for port in 0..count {
        scene = scene.row(State::CloseWait, "10.0.0.1:80", &format!("10.0.0.2:{}", 1000 + port), |row| {
            row.age = age;
        });
    }
    scene
}

/// What one look alone finds.
fn of_one_look(mut scene: Scene) -> Vec<(&'static str, Culprit)> {
    scene.looks.truncate(1);
    let findings = examine(&scene.looks, &scene.settings).findings;
    findings.into_iter().map(|finding| (finding.id, finding.culprits[0].clone())).collect()
}

#[test]
fn one_look_without_ages_is_said_and_not_judged() {
    let listener = Culprit::Listener { local: "10.0.0.1:80".parse().unwrap() };
    assert_eq!(of_one_look(scene(100, None)), [("LA-CW03", listener)]);
    assert_eq!(of_one_look(scene(99, None)), []);
}

#[test]
fn where_ages_are_told_they_are_judged() {
    assert_eq!(of_one_look(scene(100, Some(Duration::from_secs(1)))), []);
    let old = of_one_look(scene(100, Some(Duration::from_secs(61))));
    assert_eq!(old.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["LA-CW02"]);
}

#[test]
fn several_looks_judge_by_themselves() {
    assert_eq!(super::super::testing::ids(&scene(100, None)), [""; 0]);
}

#[test]
fn counts_without_sockets_blame_nobody() {
    let mut scene = scene(100, None);
    scene.looks.iter_mut().for_each(|look| look.rows.clear());
    let found = of_one_look(scene);
    assert!(matches!(&found[..], [("LA-CW03", Culprit::Unknown { .. })]), "{found:?}");
}
