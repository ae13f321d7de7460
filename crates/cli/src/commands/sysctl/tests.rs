use super::*;
use crate::options::{Command, Options};
use clap::Parser;

fn options(arguments: &[&str]) -> SysctlOptions {
    let words = ["lastack", "sysctl"].iter().chain(arguments);
    match Options::try_parse_from(words).unwrap().command {
        Command::Sysctl(options) => options,
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_stack_it_names_what_is_for_the_kernel() {
    let error = run(&options(&["-a"])).unwrap_err().to_string();
    assert!(error.contains("--stack") && error.contains("tune"), "{error}");
}

#[test]
fn the_word_after_stack_may_be_a_knob() {
    let asked = options(&["--stack", "net.ipv4.tcp_sack"]);
    let (wanted, knob) = stack_or_knob(asked.stack.as_deref().unwrap()).unwrap();
    assert_eq!((wanted, knob), (Wanted::TheOnly, Some("net.ipv4.tcp_sack")));
    let asked = options(&["--stack", "web", "-w", "net.ipv4.tcp_sack=0"]);
    let (wanted, knob) = stack_or_knob(asked.stack.as_deref().unwrap()).unwrap();
    assert_eq!((wanted.name().unwrap().as_str(), knob), ("web", None));
    assert!(asked.write && asked.knobs == ["net.ipv4.tcp_sack=0"]);
    assert!(stack_or_knob("two words").is_err());
}

#[test]
fn arguments_and_lines_become_tasks() {
    assert_eq!(task("net.ipv4.tcp_sack", false), Task::Read(Ok("net.ipv4.tcp_sack")));
    assert!(matches!(task("net.ipv4.tcp_sack", true), Task::Refuse { .. }));
    assert!(matches!(task("net.ipv4.tcp_sick", false), Task::Read(Err(KnobError::Unknown { .. }))));
    let lines = conf::assignments("# no\n-net.ipv4.tcp_sack = 0\nnonsense\n");
    let tasks: Vec<Task> = lines.map(|line| task_of_line(Path::new("f"), line)).collect();
    let (name, value) = ("net.ipv4.tcp_sack".to_owned(), "0".to_owned());
    assert_eq!(tasks[0], Task::Turn { place: "f:2: ".to_owned(), name, value, may_fail: true });
    assert!(matches!(&tasks[1], Task::Refuse { place, may_fail: false, .. } if place == "f:3: "));
}

#[test]
fn nothing_to_do_is_said() {
    let error = run(&options(&["--stack"])).unwrap_err().to_string();
    assert!(error.contains("nothing to do"), "{error}");
}
