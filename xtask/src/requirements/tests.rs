use super::*;

fn root() -> std::path::PathBuf {
    tree::root()
}

#[test]
fn the_table_has_no_finding() {
    let text = fs::read_to_string(root().join(FILE)).expect("the table");
    let requirements = Requirements::parse(&text).expect("a table");
    assert_eq!(requirements.findings(&root()), Vec::<String>::new());
    let first = requirements.rows.first().map(|(id, _)| id.as_str());
    assert_eq!(first, Some("ST-01"), "the order is that of the file");
}

#[test]
fn what_does_not_exist_is_found() {
    let here = "xtask/src/requirements/tests.rs";
    for (proof, says) in [
        ("tests/pkt/timelines/T99.pkt".to_owned(), "no file"),
        (format!("{here}::what_nobody_wrote"), "no test"),
        // A function, and no test.
        (format!("{here}::root"), "no test"),
        (here.to_owned(), "neither a script nor a test"),
        ("matrix:NOWHERE".to_owned(), "no row"),
        ("why:no-such-topic".to_owned(), "no topic"),
    ] {
        let why = missing(&proof, &root()).unwrap_or_else(|| panic!("{proof} is no proof"));
        assert!(why.contains(says), "{why}");
    }
    assert_eq!(missing(&format!("{here}::what_does_not_exist_is_found"), &root()), None);
    assert_eq!(missing("matrix:TIME_WAIT", &root()), None);
}

#[test]
fn a_row_needs_a_proof_of_its_kind() {
    let text = "[ST-01]\nsays = \"a\"\nproofs = []\n[ST-02]\nsays = \"b\"\nproofs = [\"why:states\"]\n\
                [XX-01]\nsays = \"\"\nproofs = [\"matrix:CLOSED\"]\n";
    let findings = Requirements::parse(text).expect("a table").findings(&root());
    for wanted in
        ["ST-01: no proof", "ST-02: no proof", "XX-01: no rows are called so", "XX-01: says nothing"]
    {
        assert!(findings.iter().any(|finding| finding == wanted), "{wanted}: {findings:?}");
    }
    assert!(findings.iter().any(|finding| finding == "2 rows ST-…, not 14"), "{findings:?}");
    assert!(Requirements::parse("[ST-01]\nsays = \"a\"\n").is_err(), "proofs are not optional");
}
