use crate::rules::testing::{Scene, ids};
use lastack_observe::State;
use std::time::Duration;

/// A crawler whose every port towards one service is in TIME_WAIT for `age`.
fn crawler(ports: u16, age_seconds: u64) -> Scene {
    let mut scene = Scene::new()
        .sysctl("net.ipv4.ip_local_port_range", "40000 40099")
        .sysctl("net.ipv4.tcp_tw_reuse", "2");
    for port in 0..ports {
        let local = format!("10.0.0.1:{}", 40_000 + port);
        scene = scene.row(State::TimeWait, &local, "10.0.0.2:80", |row| {
            row.age = Some(Duration::from_secs(age_seconds));
        });
    }
    scene
}

#[test]
fn ports_are_counted_per_path() {
    assert_eq!(ids(&crawler(70, 30)), ["LA-TW01"]);
    assert!(ids(&crawler(69, 30)).is_empty());
    let elsewhere = crawler(69, 30).row(State::TimeWait, "10.0.0.1:40099", "10.0.0.2:81", |_| {});
    assert!(ids(&elsewhere).is_empty(), "another port is another path");
    let reserved = crawler(69, 30).sysctl("net.ipv4.ip_local_reserved_ports", "40090-40099,9");
    assert_eq!(ids(&reserved), ["LA-TW01"], "90 ports are left");
}

#[test]
fn ports_that_connect_takes_over_do_not_count() {
    assert!(ids(&crawler(100, 30).sysctl("net.ipv4.tcp_tw_reuse", "1")).is_empty());
    assert_eq!(
        ids(&crawler(100, 0).sysctl("net.ipv4.tcp_tw_reuse", "1")),
        ["LA-TW01"],
        "too young to be taken over"
    );
    let without =
        crawler(100, 30).sysctl("net.ipv4.tcp_tw_reuse", "1").sysctl("net.ipv4.tcp_timestamps", "0");
    assert_eq!(ids(&without), ["LA-TW01", "LA-SC05"], "not without timestamps");
}

#[test]
fn loopback_is_taken_over_by_default() {
    let scene = |to: &str| {
        let mut scene = Scene::new()
            .sysctl("net.ipv4.ip_local_port_range", "40000 40009")
            .sysctl("net.ipv4.tcp_tw_reuse", "2");
        for port in 40_000..40_010 {
            scene = scene.row(State::TimeWait, &format!("127.0.0.1:{port}"), to, |row| {
                row.age = Some(Duration::from_secs(30));
            });
        }
        scene
    };
    assert!(ids(&scene("127.0.0.1:80")).is_empty());
    assert_eq!(ids(&scene("10.0.0.1:80")), ["LA-TW01"]);
}

#[test]
fn a_translator_holds_ports_longer() {
    let scene = crawler(30, 30).sysctl("net.ipv4.tcp_tw_reuse", "1");
    assert!(ids(&scene).is_empty());
    let held = scene.nat_hold(Duration::from_secs(240));
    assert_eq!(ids(&held), ["LA-TW01"], "0.5 per second for 240 s are 120 ports");
    assert!(held.findings()[0].why.contains("translator"));
}

#[test]
fn a_servers_time_waits_are_harmless() {
    let mut scene =
        Scene::new().sysctl("net.ipv4.ip_local_port_range", "32768 60999").listener("10.0.0.1:80", 128);
    for port in 0..1000 {
        scene = scene.row(State::TimeWait, "10.0.0.1:80", &format!("10.0.0.2:{}", 20_000 + port), |_| {});
    }
    assert_eq!(ids(&scene), ["LA-TW02"]);
    let finding = &scene.findings()[0];
    assert_eq!(finding.culprits[0].to_string(), "listener 10.0.0.1:80");
    assert!(ids(&scene.set("time_wait.many=1001")).is_empty());
}
