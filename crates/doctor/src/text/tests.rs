use super::*;
use crate::Culprit;

fn report() -> Report {
    let finding = Finding::new("LA-XX01", Severity::Warn, "a | b\nis wrong")
        .fact("count", 3_u64, "sockets")
        .fact("used", 70.0, "%")
        .blame(Culprit::Process { pid: 7, name: "x".to_owned() })
        .because("of something")
        .in_program("mend it", "none")
        .never("no sysctl");
    let blind = |id| Blind { id, missing: "7 processes".to_owned() };
    Report { findings: vec![finding], blind: vec![blind("LA-XX02"), blind("LA-XX03")] }
}

#[test]
fn a_finding_tells_all_it_has() {
    let text = full(&report());
    let expected = "LA-XX01 warn     a | b is wrong\n  evidence  count 3 sockets, used 70.0%\n  culprit   process x[7]\n  \
        why       of something\n  do        1. in the program: mend it (risk: none)\n  do not    no sysctl\n\nNot judged, or only in \
        part:\n  LA-XX02 LA-XX03: 7 processes\n";
    assert_eq!(text, expected);
}

#[test]
fn lines_are_broken_at_the_width() {
    let mut text = String::new();
    paragraph(&mut text, "head ", &"word ".repeat(60), 3);
    assert!(text.lines().count() > 2 && text.lines().all(|line| line.chars().count() <= WIDTH));
    assert!(text.lines().skip(1).all(|line| line.starts_with("   word")));
}

#[test]
fn nagios_gets_one_line_with_one_bar() {
    let line = nagios(&report(), Severity::Warn, &[("close_wait", 4)]);
    assert_eq!(line, "LASTACK WARNING - LA-XX01 a   b is wrong | critical=0 warn=1 info=0 close_wait=4");
    assert_eq!(nagios_word(&report(), Severity::Critical), "UNKNOWN");
    assert_eq!(nagios_word(&Report::default(), Severity::Warn), "OK");
}
