use super::*;

#[test]
fn every_step_has_its_line() {
    let rows = [
        Row { name: "fmt", outcome: Outcome::Passed, took: Duration::from_secs(1) },
        Row {
            name: "tests",
            outcome: Outcome::Failed("exit code 101".to_owned()),
            took: Duration::from_secs(125),
        },
    ];
    let text = draw(&rows, Duration::from_secs(126));
    assert!(text.contains("fmt            ok"), "{text}");
    assert!(text.contains("FAILED   2:05 min  exit code 101"), "{text}");
    assert!(text.ends_with("2 steps, 1 failed, 2:06 min in all\n"), "{text}");
}
