use super::*;

#[test]
fn batches_add_up() {
    let batch = |sequences, strange, names: &[&str]| {
        let list: String = names.iter().map(|name| format!("2 x {name} (file:1): why\n")).collect();
        format!(
            "{list}{sequences} sequences, {strange} unexplained differences, 4 explained ({} kinds)\n",
            names.len()
        )
    };
    let said = conclude(&[batch(1000, 0, &["a", "b"]), batch(500, 0, &["b"])]).unwrap();
    assert!(said.passed);
    assert_eq!(said.line, "1500 sequences, 0 unexplained differences, 8 explained (2 kinds)");
    assert!(!conclude(&[batch(1000, 1, &[])]).unwrap().passed);
    assert!(!conclude(&["nothing\n".to_owned()]).unwrap().passed);
}

#[test]
fn batches_cover_all_sequences() {
    let names: Vec<String> = items(7, 2500).into_iter().map(|item| item.name).collect();
    assert_eq!(names, ["7/0+1000", "7/1000+1000", "7/2000+500"]);
}
