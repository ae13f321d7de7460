//! Settings of the test's own namespace, and files of its own mount namespace.

use crate::namespace::{has_program, in_namespace, skip};
use crate::sick::{doctor, set_sysctl};
use serde_json::Value;
use std::net::TcpListener;
use std::process::Command;

#[test]
fn settings_that_harm_are_found_while_they_run() {
    in_namespace("settings_that_harm_are_found_while_they_run", || {
        let fresh = doctor(&["--for", "0.2"]);
        assert!(fresh.ids().is_empty(), "{:#}", fresh.report);
        for (name, bad, good, id) in [
            ("net.ipv4.tcp_syncookies", "2", "1", "LA-SC04"),
            ("net.ipv4.tcp_syncookies", "0", "1", "LA-SC04"),
            ("net.ipv4.tcp_timestamps", "0", "2", "LA-SC05"),
            ("net.ipv4.tcp_abort_on_overflow", "1", "0", "LA-SC08"),
            ("net.ipv4.tcp_fin_timeout", "30", "60", "LA-SC03"),
            ("net.ipv4.tcp_max_tw_buckets", "5000", "131072", "LA-SC02"),
            ("net.ipv4.ip_local_port_range", "32768 60998", "32768 60999", "LA-PT01"),
        ] {
            set_sysctl(name, bad);
            let examined = doctor(&["--for", "0.2"]);
            assert_eq!(examined.ids(), [id], "{name} = {bad}");
            let blamed = if id == "LA-PT01" { "net.ipv4.ip_local_port_range" } else { name };
            examined.assert_blames(id, "sysctl", "name", blamed);
            set_sysctl(name, good);
            assert!(doctor(&["--for", "0.2"]).ids().is_empty(), "{name} = {good}");
        }
    });
}

#[test]
fn a_widened_range_that_swallows_a_service_is_found() {
    in_namespace("a_widened_range_that_swallows_a_service_is_found", || {
        let service = TcpListener::bind("127.0.0.1:3306").unwrap();
        assert!(doctor(&["--for", "0.2"]).ids().is_empty());
        set_sysctl("net.ipv4.ip_local_port_range", "1024 65001");
        let examined = doctor(&["--for", "0.2"]);
        assert_eq!(examined.ids(), ["LA-PT02"]);
        assert_eq!(examined.finding("LA-PT02")["severity"], "warn");
        examined.assert_blames("LA-PT02", "listener", "local", "127.0.0.1:3306");
        examined.assert_blames_us("LA-PT02");
        set_sysctl("net.ipv4.ip_local_reserved_ports", "3306");
        assert!(doctor(&["--for", "0.2"]).ids().is_empty());
        drop(service);
    });
}

#[test]
fn files_are_compared_with_what_runs_and_with_what_the_kernel_has() {
    const TEST: &str = "files_are_compared_with_what_runs_and_with_what_the_kernel_has";
    if !has_program(TEST, "unshare") {
        return;
    }
    in_namespace(TEST, || {
        let folder = tempfile::tempdir().unwrap();
        let recipe = "# from an old page\nnet.ipv4.tcp_tw_recycle = 1\nnet.ipv4.tcp_fin_timeout = 30\n\
            net.ipv4.tcp_max_tw_buckets = 5000\nnet.ipv4.tcp_syncookie = 1\n";
        std::fs::write(folder.path().join("10-recipe.conf"), recipe).unwrap();
        // Only the program sees this folder as /etc/sysctl.d.
        let script = format!(
            "mount --bind {} /etc/sysctl.d && exec {} doctor --json --for 0.2",
            folder.path().display(),
            env!("CARGO_BIN_EXE_lastack")
        );
        let output = Command::new("unshare").args(["-m", "sh", "-c", &script]).output().unwrap();
        let Ok(report) = serde_json::from_slice::<Value>(&output.stdout) else {
            return skip(TEST, &format!("a mount namespace: {}", String::from_utf8_lossy(&output.stderr)));
        };
        let found: Vec<(&str, &str)> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| {
                (finding["id"].as_str().unwrap(), finding["culprits"][0]["line"].as_str().unwrap())
            })
            .collect();
        let line = |number: u32| format!("/etc/sysctl.d/10-recipe.conf:{number}");
        assert_eq!(
            found,
            [
                ("LA-SC01", line(2).as_str()),
                ("LA-SC06", line(5).as_str()),
                ("LA-SC07", line(3).as_str()),
                ("LA-SC07", line(4).as_str()),
            ],
            "what runs is healthy; the file is not: {report:#}"
        );
    });
}
