use super::*;

#[test]
fn places_are_told_apart() {
    assert_eq!("blue".parse(), Ok(Place::Name("blue".to_owned())));
    assert_eq!("12".parse(), Ok(Place::Process(12)));
    assert_eq!("/proc/1/ns/net".parse(), Ok(Place::Path("/proc/1/ns/net".into())));
}

#[test]
fn a_place_that_is_not_there_says_what_was_tried() {
    let error = Place::Name("no-such-name".to_owned()).within(|| ()).unwrap_err();
    assert!(error.to_string().starts_with("entering network namespace no-such-name: "), "{error}");
}

#[test]
fn the_own_namespace_is_among_all() {
    let own = fs::metadata("/proc/self/ns/net").unwrap().ino();
    let all = All::find().unwrap();
    assert!(all.found.iter().any(|found| found.id == own && found.process.is_some()));
    assert!(all.found.windows(2).all(|pair| pair[0].id < pair[1].id));
}
