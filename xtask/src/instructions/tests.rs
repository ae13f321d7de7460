use super::*;

fn counts(request: u64) -> Counts {
    Counts { made_with: "a compiler; a valgrind".to_owned(), paths: vec![("request".to_owned(), request)] }
}

#[test]
fn a_baseline_is_read_as_it_was_written() {
    assert_eq!(Counts::parse(&counts(1000).to_text()).unwrap(), counts(1000));
    Counts::parse("request 1000\n").unwrap_err();
    Counts::parse("made with x\nrequest many\n").unwrap_err();
}

#[test]
fn only_what_became_dearer_fails() {
    for (now, failing) in [(900, 0), (1000, 0), (1029, 0), (1031, 1)] {
        assert_eq!(compare(&counts(1000), &counts(now), TOLERANCE).unwrap().len(), failing, "{now}");
    }
    compare(&Counts { paths: Vec::new(), ..counts(0) }, &counts(1), TOLERANCE).unwrap_err();
}
