use super::*;

#[test]
fn both_directions_are_told() {
    let skipped = ["a: no TUN".to_owned(), "b: no nc".to_owned(), "b: no nc".to_owned()];
    assert_eq!(differences(&skipped, "# why\n\na: no TUN\nb: no nc\n"), Vec::<String>::new());
    let told = differences(&skipped, "b: no nc\nc: gone\n");
    assert_eq!(told.len(), 2);
    assert!(told[0].starts_with("skipped and not in") && told[0].ends_with("a: no TUN"), "{told:?}");
    assert!(
        told[1].starts_with("in xtask/skips.txt and not skipped") && told[1].ends_with("c: gone"),
        "{told:?}"
    );
}
