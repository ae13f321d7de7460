use super::*;

fn name(text: &str) -> StackName {
    text.parse().unwrap()
}

#[test]
fn a_socket_has_mode_0600_and_goes_with_its_claim() {
    let folder = tempfile::tempdir().unwrap();
    let (_listener, claim) = bind(folder.path(), &name("web"), None).unwrap().unwrap();
    let path = claim.path.clone();
    assert_eq!(path, folder.path().join("web.sock"));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert!(bind(folder.path(), &name("web"), None).unwrap().is_none(), "the name is taken");
    drop(claim);
    assert!(!path.exists());
}

#[test]
fn a_claim_leaves_the_socket_of_a_successor_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (_listener, claim) = bind(folder.path(), &name("web"), None).unwrap().unwrap();
    // The old one lives on under another name, so its number is not given out again.
    fs::rename(&claim.path, folder.path().join("old")).unwrap();
    let (_second, successor) = bind(folder.path(), &name("web"), None).unwrap().unwrap();
    drop(claim);
    assert!(successor.path.exists());
}

#[test]
fn stale_sockets_are_cleaned_and_live_ones_and_other_files_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let live = bind(folder.path(), &name("live"), None).unwrap().unwrap();
    let (listener, stale) = bind(folder.path(), &name("stale"), None).unwrap().unwrap();
    drop(listener);
    fs::write(folder.path().join("note.sock"), "a file").unwrap();
    clean(folder.path());
    assert!(live.1.path.exists() && !stale.path.exists() && folder.path().join("note.sock").exists());
    let names: Vec<String> = sockets(folder.path()).iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["live"]);
}

#[test]
fn a_folder_is_made_with_its_mode_and_a_link_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("lastack");
    prepare(&folder, 0o1777).unwrap();
    prepare(&folder, 0o1777).unwrap();
    assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o7777, 0o1777);
    let link = root.path().join("link");
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    prepare(&link, 0o1777).unwrap_err();
}
