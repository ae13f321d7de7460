use super::*;
use crate::run::Ran;

#[test]
fn the_list_fits_the_sources_and_the_requirements() {
    let mutations = read().unwrap_or_else(|error| panic!("{error:#}"));
    for mutation in &mutations {
        assert_ne!(mutation.replace, mutation.with, "{}", mutation.row);
        Proof::parse(&mutation.proof).unwrap_or_else(|error| panic!("{error:#}"));
    }
}

#[test]
fn only_what_is_said_of_the_proof_itself_counts() {
    let ran = |stdout: &str| Ran { stdout: stdout.to_owned(), ..Ran::default() };
    let script = Proof::parse("tests/pkt/timelines/T01.pkt").expect("a proof");
    assert_eq!(script.verdict(&ran("ok      timelines/T01.pkt (131.000 s, 15 steps)\n")), Verdict::Passes);
    assert_eq!(script.verdict(&ran("FAILED  timelines/T01.pkt:13: too early\n")), Verdict::Fails);
    assert!(matches!(script.verdict(&ran("FAILED  timelines/T01b.pkt:13: late\n")), Verdict::Unknown(_)));
    let test = Proof::parse("crates/tcp/src/isn/tests.rs::debug_shows_no_key").expect("a proof");
    assert_eq!(test.arguments().join(" "), "--package lastack-tcp --lib -- debug_shows_no_key");
    assert_eq!(test.verdict(&ran("test isn::tests::debug_shows_no_key ... FAILED\n")), Verdict::Fails);
    assert_eq!(test.verdict(&ran("test isn::tests::debug_shows_no_key ... ok\n")), Verdict::Passes);
    assert!(matches!(test.verdict(&ran("test isn::tests::another ... FAILED\n")), Verdict::Unknown(_)));
    let integration = Proof::parse("crates/stack/tests/stack/ports.rs::a").expect("a proof");
    assert_eq!(integration.arguments().join(" "), "--package lastack-stack --test stack -- a");
    assert!(Proof::parse("why:states").is_err());
}
