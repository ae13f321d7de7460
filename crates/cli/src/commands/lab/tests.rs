use super::*;
use crate::options::Options;
use clap::Parser;
use std::fs;

fn options(what: &[&str], svg: Option<PathBuf>) -> LabOptions {
    LabOptions { what: what.iter().map(PathBuf::from).collect(), profile: None, draw: false, svg }
}

fn printed(options: &LabOptions) -> String {
    let mut out = Vec::new();
    assert_eq!(run_to(options, &mut out).unwrap(), Verdict::Fine);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_name_is_a_situation_and_a_path_is_a_script() {
    let what = ["reset", "./reset", "a.pkt"].map(PathBuf::from);
    let (presets, scripts) = sorted(&what);
    assert_eq!(presets.iter().map(|preset| preset.name).collect::<Vec<_>>(), ["reset"]);
    assert_eq!(scripts, ["./reset", "a.pkt"].map(PathBuf::from));
}

#[test]
fn a_situation_is_printed() {
    let text = printed(&options(&["handshake"], None));
    assert!(text.starts_with("Three segments open a connection") && text.contains("What to see:"), "{text}");
}

#[test]
fn a_profile_changes_the_rules_and_an_unknown_one_is_refused() {
    let profile = lab::profile("rfc9293");
    let text = printed(&LabOptions { profile, ..options(&["close4"], None) });
    assert!(
        text.contains("Four segments close a connection (rfc9293)") && text.contains("240 s later"),
        "{text}"
    );
    let script = LabOptions { profile, ..options(&["a.pkt"], None) };
    assert!(
        run_to(&script, &mut Vec::new()).unwrap_err().to_string().contains("a script sets its own knobs")
    );
    let unknown =
        Options::try_parse_from(["lastack", "lab", "--profile", "vms", "close4"]).unwrap_err().to_string();
    assert!(unknown.contains("classic-syn") && unknown.contains("linux-2.6-to-4.11"), "{unknown}");
}

#[test]
fn a_script_is_drawn_when_asked_and_keeps_its_line() {
    let file = tempfile::Builder::new().suffix(".pkt").tempfile().unwrap();
    let script = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n\
                  +0 < S 0:0(0) win 1000 <mss 1000>\n+0 > S. 0:0(0) ack 1 <...>\n";
    fs::write(file.path(), script).unwrap();
    let path = file.path().to_str().unwrap();
    let plain = printed(&options(&[path], None));
    assert_eq!(plain.lines().count(), 2, "{plain}");
    let drawn = printed(&LabOptions { draw: true, ..options(&[path], None) });
    for part in ["SYN,ACK seq=0 ack=1", "listen()", "SYN_RECV", "1 passed, 0 failed"] {
        assert!(drawn.contains(part), "{part}: {drawn}");
    }
}

#[test]
fn a_picture_goes_to_its_file() {
    let folder = tempfile::tempdir().unwrap();
    for what in [vec!["close4"], vec!["states"], vec!["states", "close4", "reset"]] {
        let file = folder.path().join("drawing.svg");
        assert_eq!(printed(&options(&what, Some(file.clone()))), "");
        let picture = fs::read_to_string(&file).unwrap();
        assert!(picture.contains("TIME_WAIT") && picture.ends_with("</svg>\n"));
        fs::remove_file(file).unwrap();
    }
    let two = options(&["close4", "reset"], Some(folder.path().join("two.svg")));
    assert!(run_to(&two, &mut io::sink()).is_err());
}

#[test]
fn a_situation_that_nobody_knows_is_told_with_those_that_are() {
    let error = run_to(&options(&["states", "hand-shake"], None), &mut io::sink()).unwrap_err();
    assert!(error.to_string().contains("hand-shake; there are handshake, close4"), "{error}");
}

#[test]
fn the_readme_shows_what_is_printed() {
    let readme = include_str!("../../../../../README.md");
    let close = printed(&options(&["close3"], None));
    assert!(readme.contains(&format!("$ cargo run --release -- lab close3\n{close}```\n")), "{close}");
}
