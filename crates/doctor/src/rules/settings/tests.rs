use crate::Severity;
use crate::rules::testing::{Scene, ids};
use lastack_observe::snapshot::Target;

#[test]
fn the_old_recipe_is_taken_apart() {
    let recipe = Scene::new()
        .line("net.ipv4.tcp_syncookies", "1", true)
        .line("net.ipv4.tcp_tw_reuse", "1", true)
        .sysctl("net.ipv4.tcp_tw_reuse", "1")
        .line("net.ipv4.tcp_tw_recycle", "1", false)
        .line("net.ipv4.tcp_fin_timeout", "30", true)
        .sysctl("net.ipv4.tcp_fin_timeout", "30")
        .line("net.ipv4.tcp_max_tw_buckets", "5000", true)
        .sysctl("net.ipv4.tcp_max_tw_buckets", "5000");
    assert_eq!(ids(&recipe), ["LA-SC01", "LA-SC02", "LA-SC03"]);
    let findings = recipe.findings();
    assert_eq!(findings[0].culprits[0].to_string(), "net.ipv4.tcp_tw_recycle (/etc/sysctl.conf:3)");
    assert_eq!(findings[1].culprits[0].to_string(), "net.ipv4.tcp_max_tw_buckets (/etc/sysctl.conf:5)");
    assert_eq!(findings[2].severity, Severity::Info);
    assert!(ids(&Scene::new()).is_empty());
}

#[test]
fn recycle_that_runs_is_critical() {
    assert_eq!(
        Scene::new().sysctl("net.ipv4.tcp_tw_recycle", "1").findings()[0].severity,
        Severity::Critical
    );
    assert!(ids(&Scene::new().sysctl("net.ipv4.tcp_tw_recycle", "0")).is_empty());
}

#[test]
fn a_small_machines_own_default_is_not_lowered() {
    let small = Scene::new().sysctl("net.ipv4.tcp_max_tw_buckets", "4096");
    assert!(ids(&small.clone().sysctl("net.ipv4.tcp_ehash_entries", "8192")).is_empty());
    assert_eq!(ids(&small.sysctl("net.ipv4.tcp_ehash_entries", "-262144")), ["LA-SC02"]);
}

#[test]
fn switches_that_should_be_on_or_off() {
    for (name, value, id) in [
        ("net.ipv4.tcp_syncookies", "0", "LA-SC04"),
        ("net.ipv4.tcp_syncookies", "2", "LA-SC04"),
        ("net.ipv4.tcp_timestamps", "0", "LA-SC05"),
        ("net.ipv4.tcp_abort_on_overflow", "1", "LA-SC08"),
        ("net.ipv4.tcp_fin_timeout", "0", "LA-SC03"),
        ("net.ipv4.tcp_fin_timeout", "120", "LA-SC03"),
    ] {
        assert_eq!(ids(&Scene::new().sysctl(name, value)), [id], "{name} = {value}");
    }
}

#[test]
fn names_that_the_kernel_lacks() {
    assert_eq!(ids(&Scene::new().line("net.ipv4.tcp_syncookie", "1", false)), ["LA-SC06"]);
    assert!(
        ids(&Scene::new().line("net.bridge.bridge-nf-call-iptables", "1", false)).is_empty(),
        "a module's"
    );
    let mut inside = Scene::new().line("net.ipv4.tcp_mem", "1 2 3", false);
    for look in &mut inside.looks {
        look.sysctls.remove("net.ipv4.tcp_mem");
    }
    let report = crate::examine(&inside.looks, &inside.settings);
    assert!(report.findings.is_empty(), "it exists in the first namespace only: {:?}", report.findings);
}

#[test]
fn what_runs_beside_what_the_file_sets() {
    let scene = Scene::new().line("net.ipv4.ip_local_port_range", "1024  65001", true).line(
        "net.ipv4.ip_local_port_range",
        "32768\t60999",
        true,
    );
    assert!(ids(&scene).is_empty(), "the last line counts, and blanks do not");
    let scene = scene.line("net.core.somaxconn", "128", true);
    assert_eq!(ids(&scene), ["LA-SC07"]);
    let evidence: Vec<String> = scene.findings()[0].evidence.iter().map(ToString::to_string).collect();
    assert_eq!(evidence, ["running 4096", "in the file 128", "default 4096"]);
    let mut elsewhere = scene;
    for look in &mut elsewhere.looks {
        look.target = Target::Kernel { release: String::new(), namespace: Some("web".to_owned()) };
    }
    assert!(ids(&elsewhere).is_empty(), "the files are not about that namespace");
}
