use crate::Severity;
use crate::rules::testing::{Scene, ids};
use lastack_observe::State;
use lastack_observe::snapshot::SocketUse;

fn with_use(mut scene: Scene, socket_use: SocketUse) -> Scene {
    scene.looks.iter_mut().for_each(|look| look.socket_use = Some(socket_use));
    scene
}

fn orphans(count: u64) -> Scene {
    let scene = Scene::new().sysctl("net.ipv4.tcp_max_orphans", "1000");
    let scene = scene.row(State::FinWait1, "10.0.0.1:80", "10.0.0.9:4000", |row| row.orphan = true);
    with_use(scene, SocketUse { orphans: count, ..SocketUse::default() })
}

#[test]
fn orphans_near_their_limit() {
    assert!(ids(&orphans(749)).is_empty());
    assert_eq!(ids(&orphans(750)), ["LA-OR01"]);
    let finding = &orphans(750).findings()[0];
    assert_eq!(finding.culprits[0].to_string(), "peer 10.0.0.9");
    assert_eq!(finding.severity, Severity::Warn);
    let aborting = orphans(750).grows("TcpExtTCPAbortOnMemory", 5);
    assert_eq!(aborting.findings()[0].severity, Severity::Critical);
}

fn memory(pages: u64) -> Scene {
    let scene = Scene::new().sysctl("net.ipv4.tcp_mem", "500 1000 2000");
    let scene = scene.row(State::Established, "10.0.0.1:80", "10.0.0.9:4000", |row| row.recv_queue = 100_000);
    with_use(scene, SocketUse { memory_pages: pages, ..SocketUse::default() })
}

#[test]
fn memory_under_pressure() {
    assert!(ids(&memory(899)).is_empty());
    assert_eq!(ids(&memory(900)), ["LA-MM01"]);
    assert_eq!(memory(900).findings()[0].culprits[0].to_string(), "peer 10.0.0.9:4000");
    assert_eq!(memory(1900).findings()[0].severity, Severity::Critical);
    assert_eq!(ids(&memory(0).grows("TcpExtTCPMemoryPressures", 1)), ["LA-MM01"]);
}

#[test]
fn conntrack_near_its_maximum() {
    let scene = |count: &str| {
        Scene::new()
            .sysctl("net.netfilter.nf_conntrack_count", count)
            .sysctl("net.netfilter.nf_conntrack_max", "1000")
            .line("net.netfilter.nf_conntrack_max", "1000", true)
    };
    assert!(ids(&scene("799")).is_empty());
    assert_eq!(ids(&scene("800")), ["LA-CT01"]);
    let finding = &scene("950").findings()[0];
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(finding.culprits[0].to_string(), "net.netfilter.nf_conntrack_max (/etc/sysctl.conf:1)");
    assert!(ids(&Scene::new()).is_empty(), "no tracking, no finding");
}

#[test]
fn files_of_the_machine() {
    let scene = |open: &str| Scene::new().sysctl("fs.file-nr", &format!("{open} 0 1000"));
    assert!(ids(&scene("799")).is_empty());
    assert_eq!(ids(&scene("800")), ["LA-FD02"]);
    assert_eq!(scene("950").findings()[0].severity, Severity::Critical);
}
