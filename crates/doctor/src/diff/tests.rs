use super::*;
use crate::Finding;
use lastack_observe::{Flow, SocketRow};

fn finding(pid: u32, severity: Severity) -> Finding {
    let process = Culprit::Process { pid, name: "web".to_owned() };
    Finding::new("LA-XX01", severity, "something").blame(process)
}

#[test]
fn a_new_process_id_is_the_same_culprit() {
    assert_eq!(identity(&finding(7, Severity::Warn)), identity(&finding(8, Severity::Critical)));
    let listener = Culprit::Listener { local: "10.0.0.1:80".parse().unwrap() };
    let other = finding(7, Severity::Warn).blame(listener);
    assert_ne!(identity(&finding(7, Severity::Warn)), identity(&other));
}

fn look(close_wait: u16) -> Snapshot {
    let mut look = Snapshot::default();
    for port in 0..close_wait {
        let flow = Flow {
            local: "10.0.0.1:80".parse().unwrap(),
            remote: SocketAddr::new("10.0.0.2".parse().unwrap(), 1000 + port),
        };
        look.rows.push(SocketRow::new(State::CloseWait, flow));
        look.census.enter(State::CloseWait);
    }
    look.listeners.push(ListenerFacts {
        local: "10.0.0.1:80".parse().unwrap(),
        sockets: 1,
        queue: 0,
        backlog: 128,
        drops: Some(0),
        flows: Default::default(),
        holders: Vec::new(),
    });
    look.sysctls.insert("net.ipv4.tcp_fin_timeout".to_owned(), "60".to_owned());
    look
}

/// Grows by one socket in four with each look, and nothing of it ever goes.
fn leaking(most: u16) -> Vec<Snapshot> {
    [most / 4, most / 2, most]
        .iter()
        .enumerate()
        .map(|(number, count)| Snapshot { taken_ms: 2000 * number as u64, ..look(*count) })
        .collect()
}

#[test]
fn a_leak_that_a_deploy_brought_is_new_and_one_that_it_mended_is_gone() {
    let (healthy, sick) = (vec![look(0), look(0), look(0)], leaking(4000));
    let settings = Settings::default();
    let worse = diff(&healthy, &sick, &settings);
    assert!(worse.new.iter().any(|finding| finding.id == "LA-CW01"), "{:?}", worse.new);
    assert!(worse.worst().is_some_and(|worst| worst >= Severity::Warn));
    assert_eq!(worse.states, [Change { name: State::CloseWait, before: 0, after: 4000 }]);
    assert!(worse.gone.is_empty() && worse.listeners.is_empty() && worse.settings.is_empty());

    let better = diff(&sick, &healthy, &settings);
    assert!(better.gone.iter().any(|finding| finding.id == "LA-CW01"));
    assert_eq!((better.worst(), better.still.len()), (None, 0));

    let same = diff(&sick, &sick, &settings);
    assert_eq!((same.new.len(), same.gone.len()), (0, 0));
    assert!(same.still.iter().any(|finding| finding.id == "LA-CW01"));
}

#[test]
fn listeners_and_settings_that_came_went_or_changed() {
    let (was, mut is) = (look(0), look(0));
    is.listeners[0].backlog = 4096;
    is.listeners.push(ListenerFacts { local: "[::]:81".parse().unwrap(), ..was.listeners[0].clone() });
    is.sysctls.insert("net.ipv4.tcp_fin_timeout".to_owned(), "30".to_owned());
    is.sysctls.insert("net.core.somaxconn".to_owned(), "4096".to_owned());
    let difference = diff(&[was], &[is], &Settings::default());
    let text = text::full(&difference);
    for line in [
        "Listeners:\n  10.0.0.1:80 backlog 128 -> 4096\n  [::]:81 is new, backlog 128\n",
        "Settings:\n  net.core.somaxconn not read -> 4096\n  net.ipv4.tcp_fin_timeout 60 -> 30\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn nothing_is_said_in_words() {
    let same = Difference::default();
    assert_eq!(text::full(&same), "Nothing differs.\n");
}
