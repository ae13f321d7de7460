use super::*;

#[test]
fn a_folder_stands_for_the_scripts_below_it_in_order() {
    let folder = std::env::temp_dir().join(format!("lastack-lab-{}", std::process::id()));
    fs::create_dir_all(folder.join("b")).unwrap();
    for name in ["c.pkt", "a.pkt", "b/x.pkt", "b/notes.txt"] {
        fs::write(folder.join(name), "").unwrap();
    }
    let mut files = Vec::new();
    collect(&folder, &mut files).unwrap();
    let names: Vec<_> =
        files.iter().map(|file| file.strip_prefix(&folder).unwrap().display().to_string()).collect();
    assert_eq!(names, ["a.pkt", "b/x.pkt", "c.pkt"]);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_file_that_is_missing_is_told_by_its_name() {
    let options = LabOptions { what: Vec::new(), profile: None, draw: false, svg: None };
    let error = run(&["missing.pkt".into()], &options, &mut io::sink()).unwrap_err();
    assert!(
        format!("{error:#}").starts_with("reading missing.pkt (for the situations: lastack lab --help): "),
        "{error:#}"
    );
}

#[test]
fn a_short_time_is_told_in_milliseconds() {
    assert_eq!(simulated(Duration::from_millis(999)), "999 ms");
    assert_eq!(simulated(Duration::from_millis(63_400)), "63.4 s");
}
