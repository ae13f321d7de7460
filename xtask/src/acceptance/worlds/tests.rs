use super::*;

fn batch_said(kind: &str, missing: &[&str], timed_out: u64) -> String {
    let missing: String = missing.iter().map(|edge| format!("not crossed: {edge}\n")).collect();
    format!(
        "kind {kind}\n{missing}worlds 500 failed 0 timed-out {timed_out} conversations 1 octets 1 packets 1\n"
    )
}

#[test]
fn an_edge_is_missing_only_when_no_batch_crossed_it() {
    let said =
        conclude(&[batch_said("loss10", &["A", "B"], 0), batch_said("rough", &["B", "C"], 9)]).unwrap();
    assert!(!said.passed && said.line.contains("never crossed: B"), "{said:?}");
    let said = conclude(&[batch_said("loss10", &["A"], 0), batch_said("rough", &["C"], 9)]).unwrap();
    assert!(said.passed && said.line.starts_with("1000 worlds"), "{said:?}");
}

#[test]
fn few_worlds_may_time_out_and_only_under_heavy_loss() {
    assert!(conclude(&[batch_said("loss30", &[], 5)]).unwrap().passed);
    assert!(!conclude(&[batch_said("loss30", &[], 6)]).unwrap().passed);
    assert!(!conclude(&[batch_said("loss10", &[], 1)]).unwrap().passed);
}

#[test]
fn a_batch_that_tells_nothing_is_an_error() {
    conclude(&["kind loss10\nsomething else\n".to_owned()]).unwrap_err();
}
