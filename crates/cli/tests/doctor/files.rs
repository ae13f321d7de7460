//! Looks from elsewhere: what the usual tools print over real sockets, pasted, and two files of before and after a deploy.

use crate::exit::{lastack, pile, text};
use crate::namespace::{has_program, in_namespace};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// The doctor's report on a file, and its exit status.
fn report(path: &Path) -> (Value, Option<i32>) {
    let words = ["doctor", "--json", "--set", "close_wait.age=0", "--from", path.to_str().unwrap()];
    let output = lastack(&words);
    let report = serde_json::from_slice(&output.stdout);
    (report.unwrap_or_else(|_| panic!("{}", text(&output.stderr))), output.status.code())
}

fn ids(findings: &Value) -> Vec<&str> {
    findings.as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect()
}

#[test]
fn what_the_usual_tools_print_is_judged_when_pasted() {
    const TEST: &str = "what_the_usual_tools_print_is_judged_when_pasted";
    in_namespace(TEST, || {
        if !has_program(TEST, "ss") || !has_program(TEST, "netstat") {
            return;
        }
        let pile = pile(100);
        let folder = tempfile::tempdir().unwrap();
        for (line, names_us, tells_ages) in [
            ("ss -tanpi", true, true),
            ("ss -tanpoemiO", true, true),
            ("ss -tani", false, true),
            ("netstat -anp", true, false),
            ("netstat -an", false, false),
            ("ss -ano", false, false),
        ] {
            let file = folder.path().join("pasted.txt");
            std::fs::write(&file, shell(line)).unwrap();
            let (report, code) = report(&file);
            let (id, status) = if tells_ages { ("LA-CW02", 1) } else { ("LA-CW03", 3) };
            assert_eq!(ids(&report["findings"]), [id], "{line}: {report:#}");
            assert_eq!(code, Some(status));
            let culprit = &report["findings"][0]["culprits"][0];
            assert_eq!(culprit["kind"], if names_us { "process" } else { "listener" }, "{line}");
            let lacks = report["blind"].to_string();
            assert!(lacks.contains("a pasted text has none"), "{line}: {lacks}");
            assert_eq!(lacks.contains("names no process"), !names_us, "{line}: {lacks}");
        }
        drop(pile);
    });
}

#[test]
fn counts_alone_are_read_and_judged_as_far_as_they_go() {
    const TEST: &str = "counts_alone_are_read_and_judged_as_far_as_they_go";
    in_namespace(TEST, || {
        if !has_program(TEST, "netstat") {
            return;
        }
        let pile = pile(100);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("counts.txt");
        let counts = shell("netstat -an | awk '/^tcp/ {++S[$NF]} END {for (a in S) print a, S[a]}'");
        assert!(counts.contains("CLOSE_WAIT 100"), "{counts}");
        std::fs::write(&file, counts).unwrap();
        let (report, code) = report(&file);
        assert_eq!((ids(&report["findings"]), code), (vec!["LA-CW03"], Some(3)), "{report:#}");
        assert!(report["blind"].to_string().contains("the text holds counts only"));
        drop(pile);
    });
}

fn shell(line: &str) -> String {
    text(&Command::new("sh").args(["-c", line]).output().unwrap().stdout)
}

#[test]
fn what_a_deploy_changed_is_told_from_two_files() {
    in_namespace("what_a_deploy_changed_is_told_from_two_files", || {
        let folder = tempfile::tempdir().unwrap();
        let [before, after] = ["before.json", "after.json"].map(|name| folder.path().join(name));
        std::fs::write(&before, lastack(&["snapshot"]).stdout).unwrap();
        std::fs::write("/proc/sys/net/ipv4/tcp_fin_timeout", "30").unwrap();
        let pile = pile(100);
        std::fs::write(&after, lastack(&["snapshot"]).stdout).unwrap();
        drop(pile);
        let diff = |from: &Path, to: &Path| {
            let files = ["--diff", from.to_str().unwrap(), to.to_str().unwrap()];
            let words: Vec<&str> = ["doctor", "--set", "close_wait.age=0"].into_iter().chain(files).collect();
            let told = lastack(&words);
            let json = lastack(&[words, vec!["--json"]].concat());
            let json: Value = serde_json::from_slice(&json.stdout).unwrap();
            (text(&told.stdout), told.status.code(), json)
        };
        let (told, code, json) = diff(&before, &after);
        assert!(told.starts_with("New:\n\nLA-CW02 warn"), "{told}");
        assert!(told.contains("net.ipv4.tcp_fin_timeout 60 -> 30"), "{told}");
        assert!(told.contains("CLOSE-WAIT          0 -> 100      +100"), "{told}");
        assert!(told.contains("is new, backlog"), "{told}");
        assert_eq!((ids(&json["new"]), code), (vec!["LA-CW02", "LA-SC03"], Some(1)));
        let (told, code, json) = diff(&after, &before);
        assert!(told.contains("Gone:\n  LA-CW02 warn"), "{told}");
        assert_eq!((ids(&json["gone"]), code), (vec!["LA-CW02", "LA-SC03"], Some(3)));
    });
}
