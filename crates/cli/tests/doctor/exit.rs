//! What scripts rely on: exit status, one line for Nagios, the form of the JSON, looks from files, work without rights.

use crate::namespace::{has_program, in_namespace, skip};
use crate::sick::doctor;
use serde_json::Value;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

/// Runs the program in the namespace that the thread is in.
pub(crate) fn lastack(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lastack")).args(words).output().expect("lastack runs")
}

pub(crate) fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).expect("text")
}

/// A server with this many connections that it does not close.
pub(crate) struct Pile {
    _listener: TcpListener,
    _held: Vec<TcpStream>,
}

pub(crate) fn pile(count: u32) -> Pile {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let one = |_| {
        let client = TcpStream::connect(local).unwrap();
        let server = listener.accept().unwrap().0;
        drop(client);
        server
    };
    let held = (0..count).map(one).collect();
    thread::sleep(Duration::from_millis(150));
    Pile { _listener: listener, _held: held }
}

/// Old at once.
const OLD: [&str; 4] = ["--set", "close_wait.age=0", "--for", "0.3"];

#[test]
fn a_healthy_namespace_seen_from_the_first_one_is_zero() {
    const TEST: &str = "a_healthy_namespace_seen_from_the_first_one_is_zero";
    in_namespace(TEST, || {
        let listener = TcpListener::bind("127.0.0.1:80").unwrap();
        let process = std::process::id();
        let here = format!("/proc/{process}/task/{}/ns/net", nix::unistd::gettid());
        // The program starts where the harness was started, and looks into here.
        let output = Command::new("nsenter")
            .arg(format!("--net=/proc/{process}/ns/net"))
            .arg(env!("CARGO_BIN_EXE_lastack"))
            .args(["doctor", "--for", "0.3", "-N", &here])
            .output();
        let Ok(output) = output else { return skip(TEST, "nsenter is not installed") };
        let told = text(&output.stdout);
        if told.contains("exists in the first network namespace only") {
            return skip(TEST, "the tests themselves run in a network namespace that is not the first");
        }
        assert!(told.contains("nothing found"), "{told}{}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{told}");
        drop(listener);
    });
}

#[test]
fn the_status_follows_the_worst_finding_and_what_could_not_be_seen() {
    in_namespace("the_status_follows_the_worst_finding_and_what_could_not_be_seen", || {
        let pile = pile(100);
        let code = |words: &[&str]| {
            let all: Vec<&str> = ["doctor"].iter().chain(&OLD).chain(words).copied().collect();
            lastack(&all).status.code()
        };
        assert_eq!(code(&[]), Some(1));
        assert_eq!(code(&["--fail-on", "critical", "--ignore", "LA-OR01", "--ignore", "LA-MM01"]), Some(0));
        assert_eq!(code(&["--ignore", "LA-CW02", "--ignore", "LA-OR01", "--ignore", "LA-MM01"]), Some(0));
        assert_eq!(code(&["--ignore", "LA-CW02"]), Some(3), "tcp_mem cannot be seen in here");
        assert_eq!(code(&["--ignore", "LA-XX99"]), Some(2));
        assert_eq!(code(&["--set", "close_wait.pile"]), Some(2));
        assert_eq!(code(&["--nagios"]), Some(1));
        assert_eq!(lastack(&["doctor", "--from", "/nowhere"]).status.code(), Some(2));
        assert_eq!(lastack(&["doctor", "--nagios", "--from", "/nowhere"]).status.code(), Some(3));
        drop(pile);
    });
}

#[test]
fn nagios_gets_one_line_with_performance_data() {
    in_namespace("nagios_gets_one_line_with_performance_data", || {
        let pile = pile(100);
        let line = |words: &[&str]| {
            let all: Vec<&str> = ["doctor", "--nagios"].iter().chain(&OLD).chain(words).copied().collect();
            text(&lastack(&all).stdout)
        };
        let warning = line(&[]);
        assert!(warning.starts_with("LASTACK WARNING - LA-CW02 process "), "{warning}");
        assert_eq!(warning.lines().count(), 1);
        let (_, data) = warning.split_once(" | ").unwrap();
        assert_eq!(
            data.trim_end(),
            "critical=0 warn=1 info=0 established=0 time_wait=0 close_wait=100 syn_recv=0"
        );
        let unknown = line(&["--ignore", "LA-CW02"]);
        assert!(unknown.starts_with("LASTACK UNKNOWN - nothing found, but "), "{unknown}");
        let ok = line(&["--ignore", "LA-CW02", "--ignore", "LA-OR01", "--ignore", "LA-MM01"]);
        assert!(ok.starts_with("LASTACK OK - nothing found | "), "{ok}");
        drop(pile);
    });
}

#[test]
fn json_has_a_form_that_scripts_can_rely_on() {
    in_namespace("json_has_a_form_that_scripts_can_rely_on", || {
        let pile = pile(100);
        let examined = doctor(&OLD);
        let report = examined.report.as_object().unwrap();
        let names: Vec<&str> = report.keys().map(String::as_str).collect();
        assert_eq!(names, ["blind", "findings", "looks", "schema", "seconds", "target", "verdict"]);
        assert_eq!(report["schema"], "lastack.doctor/1");
        assert_eq!(report["verdict"], "found");
        let finding = examined.finding("LA-CW02").as_object().unwrap();
        let names: Vec<&str> = finding.keys().map(String::as_str).collect();
        assert_eq!(names, ["avoid", "culprits", "evidence", "id", "severity", "steps", "what", "why"]);
        let step = &finding["steps"][0];
        assert!(step["place"] == "program" && step["what"].is_string() && step["risk"].is_string());
        assert!(finding["evidence"][0]["name"].is_string() && finding["evidence"][0]["value"].is_u64());
        assert!(report["blind"][0]["id"].is_string() && report["blind"][0]["missing"].is_string());
        drop(pile);
    });
}

#[test]
fn a_snapshot_is_judged_elsewhere_as_it_was_here() {
    in_namespace("a_snapshot_is_judged_elsewhere_as_it_was_here", || {
        let pile = pile(100);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("looks.json");
        let path = file.to_str().unwrap();
        std::fs::write(&file, lastack(&["snapshot"]).stdout).unwrap();
        drop(pile);
        let one = doctor(&["--from", path, "--set", "close_wait.age=0"]);
        assert_eq!(one.ids(), ["LA-CW02"]);
        one.assert_blames_us("LA-CW02");
        let blind: Vec<&str> = one.report["blind"]
            .as_array()
            .unwrap()
            .iter()
            .map(|blind| blind["id"].as_str().unwrap())
            .collect();
        assert!(blind.contains(&"LA-CW01"), "one look cannot show growth: {blind:?}");
        assert!(one.said.contains("from a file"), "{}", one.said);
        let several = lastack(&["snapshot", "--for", "0.4"]).stdout;
        assert_eq!(text(&several).lines().count(), 5);
        std::fs::write(&file, several).unwrap();
        assert_eq!(doctor(&["--from", path]).report["looks"], 5);
    });
}

#[test]
fn a_file_that_is_no_snapshot_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.json");
    for wrong in ["", "hello", "{\"schema\":\"lastack.snapshot/7\"}", "[[[[", "\u{0}"] {
        std::fs::write(&file, wrong).unwrap();
        let output = lastack(&["doctor", "--from", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(
            text(&output.stderr).contains("is neither a snapshot of lastack nor"),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn as_nobody_it_says_what_it_could_not_read() {
    const NOBODY: u32 = 65_534;
    in_namespace("as_nobody_it_says_what_it_could_not_read", || {
        if !has_program("as_nobody_it_says_what_it_could_not_read", "ip") {
            return;
        }
        // The build folder may be closed to others; a copy in /tmp is not.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        let folder = tempfile::Builder::new().permissions(open).tempdir_in("/tmp").unwrap();
        let program = folder.path().join("lastack");
        std::fs::copy(env!("CARGO_BIN_EXE_lastack"), &program).unwrap();
        let pile = pile(100);
        let run = |words: &[&str]| {
            let output =
                Command::new(&program).arg("doctor").args(words).uid(NOBODY).gid(NOBODY).output().unwrap();
            (output.status.code(), text(&output.stdout))
        };
        let (code, told) = run(&OLD);
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains("listener 127.0.0.1:"), "without the process the listener is named: {told}");
        let told_flat = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told_flat.contains("processes could not be read"), "{told}");
        assert!(told_flat.contains("run as root (or with CAP_SYS_PTRACE)"), "{told}");
        let (code, json) = run(&["--json", "--for", "0.3"]);
        assert_eq!(code, Some(3), "{json}");
        let report: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(report["verdict"], "blind");
        drop(pile);
    });
}

/// As in a container: processes of outside are not there.
#[test]
fn without_the_hosts_proc_it_says_that_owners_are_unknown() {
    const TEST: &str = "without_the_hosts_proc_it_says_that_owners_are_unknown";
    if !has_program(TEST, "unshare") {
        return;
    }
    in_namespace(TEST, || {
        let pile = pile(100);
        let output = Command::new("unshare")
            .args(["--pid", "--fork", "--mount-proc", env!("CARGO_BIN_EXE_lastack"), "doctor", "--json"])
            .args(OLD)
            .output()
            .unwrap();
        let Ok(report) = serde_json::from_slice::<Value>(&output.stdout) else {
            return skip(TEST, &format!("a PID namespace: {}", text(&output.stderr)));
        };
        let finding = &report["findings"][0];
        assert_eq!(finding["id"], "LA-CW02", "{report:#}");
        assert_eq!(finding["culprits"][0]["kind"], "listener", "{finding:#}");
        let blind = report["blind"].to_string();
        // The listener, too, belongs to nobody who can be seen.
        assert!(blind.contains("101 owners of sockets could not be read"), "{blind}");
        assert!(blind.contains("look from outside the container"), "{blind}");
        drop(pile);
    });
}
