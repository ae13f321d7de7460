//! `lastack ss` and `lastack states` beside iproute2's ss, over real sockets in a network namespace of the test's own.
//!
//! Ours runs between two runs of ss that agree. Words that are clocks (lastsnd, lastrcv, lastack, a timer's time) are left out of
//! the comparison.

mod events;
mod kill;
mod zoo;

use zoo::{Stuck, Zoo};

use nix::sched::{CloneFlags, unshare};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

/// Says so past the harness' capture.
fn skipped(why: &str) {
    let _ = writeln!(io::stderr(), "skipped: eyes: {why}");
}

/// Runs `test` on a thread in a fresh network namespace with loopback up.
fn in_namespace(test: impl FnOnce() + Send + 'static) {
    let thread = thread::spawn(|| {
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
            return skipped(&format!("a network namespace of its own: unshare: {error}"));
        }
        match Command::new("ip").args(["link", "set", "lo", "up"]).status() {
            Ok(status) if status.success() => test(),
            _ => skipped("bringing up loopback with `ip` failed"),
        }
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn output(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().unwrap();
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn lastack(words: &[&str]) -> String {
    output(env!("CARGO_BIN_EXE_lastack"), words)
}

/// The words of each line but for clocks; in order, since the kernel's hash gives none that could be relied on.
fn columns(text: &str) -> Vec<String> {
    let clock = |word: &&str| {
        let named = word.split(':').next().unwrap_or_default();
        !["lastsnd", "lastrcv", "lastack", "timer"].contains(&named)
    };
    let line = |line: &str| line.split_whitespace().filter(clock).collect::<Vec<_>>().join(" ");
    let mut lines: Vec<String> = text.lines().map(line).filter(|line| !line.is_empty()).collect();
    lines.sort();
    lines
}

#[test]
fn columns_are_those_of_ss() {
    in_namespace(|| {
        if Command::new("ss").arg("-V").output().is_err() {
            return skipped("ss of iproute2 is not installed");
        }
        let zoo = Zoo::new();
        // TCP_INFO is the same twice only while nothing is sent.
        for case in [&["-ani"][..], &["-anm"], &["-anoempi"]] {
            same_as_ss(case);
        }
        let stuck = Stuck::new();
        let cases: &[&[&str]] = &[
            &["-n"],
            &["-an"],
            &["-a"],
            &["-ln"],
            &["-ano"],
            &["-ane"],
            &["-an4"],
            &["-an6"],
            &["-n", "state", "connected"],
            &["-n", "exclude", "time-wait"],
            &["-an", "sport = :8080 or dport = :8080"],
            &["-an", "dst", "127.0.0.0/8"],
            &["-anp", "sport", "=", ":8080"],
        ];
        for case in cases {
            let lines = same_as_ss(case);
            if case == &["-an"] {
                every_state_is_there(&lines);
            }
        }
        drop((zoo, stuck));
    });
}

/// Ours for these words between two runs of ss that agree; its lines.
fn same_as_ss(case: &[&str]) -> Vec<String> {
    let theirs: Vec<&str> = ["-H", "-t"].iter().chain(case).copied().collect();
    let words: Vec<&str> = ["ss"].iter().chain(&theirs).copied().collect();
    // A timer may run out between the two that agree: what is wrong stays wrong.
    let mut agreed = None;
    for _ in 0..8 {
        let before = columns(&output("ss", &theirs));
        let ours = columns(&lastack(&words));
        if before == columns(&output("ss", &theirs)) {
            let same = before == ours;
            agreed = Some((before, ours));
            if same {
                break;
            }
        }
    }
    let Some((theirs, ours)) = agreed else {
        skipped(&format!("two runs of ss {case:?} never agreed"));
        return Vec::new();
    };
    assert!(!theirs.is_empty(), "{case:?} shows something");
    assert_eq!(ours, theirs, "{case:?}");
    theirs
}

/// The ten that a socket can be seen in for a while, and LISTEN, of both families.
fn every_state_is_there(lines: &[String]) {
    for state in [
        "LISTEN",
        "SYN-SENT",
        "SYN-RECV",
        "ESTAB",
        "FIN-WAIT-1",
        "FIN-WAIT-2",
        "CLOSE-WAIT",
        "LAST-ACK",
        "CLOSING",
        "TIME-WAIT",
    ] {
        for v6 in [false, true] {
            let there = lines
                .iter()
                .any(|line| line.starts_with(state) && (line.contains('[') || line.contains('*')) == v6);
            if !there && state != "LISTEN" {
                skipped(&format!("ss beside {state}, IPv6 {v6}: no such socket could be made"));
            }
        }
    }
}

#[test]
fn a_census_counts_what_ss_lists() {
    in_namespace(|| {
        let zoo = Zoo::new();
        let report: serde_json::Value = serde_json::from_str(&lastack(&["states", "--json"])).unwrap();
        let listed: serde_json::Value =
            serde_json::from_str(&lastack(&["ss", "-a", "-p", "--json"])).unwrap();
        let sockets = listed["sockets"].as_array().unwrap();
        for (state, count) in report["states"].as_object().unwrap() {
            let seen = sockets.iter().filter(|socket| match state.as_str() {
                "orphans" => socket["orphan"] == true,
                state => socket["state"] == state,
            });
            assert_eq!(count.as_u64(), Some(seen.count() as u64), "{state}");
        }
        let close_wait = sockets.iter().find(|socket| socket["state"] == "CLOSE_WAIT").unwrap();
        assert_eq!(close_wait["host"]["age_is_least"], true);
        let holders = close_wait["host"]["holders"].as_array().unwrap();
        assert_eq!(holders[0]["pid"].as_u64(), Some(std::process::id().into()));
        let by: serde_json::Value =
            serde_json::from_str(&lastack(&["states", "--by", "process", "--json"])).unwrap();
        let mine = &by["processes"][0];
        assert_eq!(mine["pid"].as_u64(), Some(std::process::id().into()));
        assert_eq!(mine["states"]["LISTEN"], 2);
        assert_eq!(mine["states"]["CLOSE_WAIT"], report["states"]["CLOSE_WAIT"]);
        drop(zoo);
    });
}

#[test]
fn without_rights_what_could_not_be_read_is_counted() {
    in_namespace(|| {
        if !nix::unistd::geteuid().is_root() {
            return skipped("only root can become nobody");
        }
        let (_folder, program) = for_nobody();
        let zoo = Zoo::new();
        for words in [&["ss", "-H", "-tanp"][..], &["states", "--by", "process"]] {
            let output = Command::new(&program).args(words).uid(NOBODY).gid(NOBODY).output().unwrap();
            let (told, warned) =
                (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
            assert!(output.status.success(), "{warned}");
            assert!(told.contains("CLOSE-WAIT") && !told.contains("users:"), "{words:?}: {told}");
            assert!(
                warned.contains(" processes could not be read") && warned.contains("run as root"),
                "{warned}"
            );
        }
        drop(zoo);
    });
}

#[test]
fn in_a_container_owners_that_proc_does_not_show_are_counted() {
    in_namespace(|| {
        let zoo = Zoo::new();
        let held = lastack(&["ss", "-Htanp"]).matches("users:").count();
        assert!(held > 0);
        // A /proc of its own shows the program alone; then none at all.
        let inside = |setup: &str, words: &str| {
            let script = format!("{setup} && exec {} {words}", env!("CARGO_BIN_EXE_lastack"));
            let namespaces = ["--mount", "--pid", "--fork", "sh", "-c", &script];
            let output = Command::new("unshare").args(namespaces).output().unwrap();
            let text = |octets| String::from_utf8(octets).unwrap();
            (output.status.success(), text(output.stdout), text(output.stderr))
        };
        for setup in ["mount -t proc none /proc", "mount -t tmpfs none /proc"] {
            for words in ["ss -H -tanp", "states --by process"] {
                let (well, told, warned) = inside(setup, words);
                if warned.contains("mount: ") || warned.contains("unshare: ") {
                    return skipped("own mount and process namespaces");
                }
                assert!(well && told.contains("CLOSE-WAIT") && !told.contains("users:"), "{told}{warned}");
                assert!(warned.contains(&format!("{held} sockets have no known owner")), "{words}: {warned}");
                assert!(warned.contains("--pid=host"), "{warned}");
            }
            let (well, told, _) = inside(setup, "states");
            assert!(well && told.contains("CLOSE_WAIT"), "{told}");
        }
        drop(zoo);
    });
}

const NOBODY: u32 = 65_534;

/// The program where nobody may run it, as long as the folder lives.
fn for_nobody() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::Builder::new().permissions(open_to_all()).tempdir_in("/tmp").unwrap();
    let program = folder.path().join("lastack");
    std::fs::copy(env!("CARGO_BIN_EXE_lastack"), &program).unwrap();
    (folder, program)
}

fn open_to_all() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}
