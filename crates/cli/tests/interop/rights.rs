//! Without the right to make a device: one clear sentence, what to do, exit status 2.

use crate::namespace::{has_program, in_namespace, skip};
use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn serve_without_rights_says_what_to_do() {
    const TEST: &str = "serve_without_rights_says_what_to_do";
    if !has_program(TEST, "setpriv") {
        return;
    }
    in_namespace(TEST, || {
        // The build folder may be closed to others; a copy in /tmp is not.
        let folder = tempfile::Builder::new().prefix("lastack-rights").tempdir().expect("a temporary folder");
        let program = folder.path().join("lastack");
        std::fs::copy(env!("CARGO_BIN_EXE_lastack"), &program).expect("the program can be copied");
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).expect("our own folder");
        let answer = Command::new("setpriv")
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--bounding-set=-all",
                "--inh-caps=-all",
            ])
            .arg(&program)
            .arg("serve")
            .output()
            .expect("setpriv starts");
        let said = String::from_utf8_lossy(&answer.stderr);
        assert_eq!(answer.status.code(), Some(2), "{said}");
        assert!(said.contains("/dev/net/tun") || said.contains("permission"), "{said}");
        assert!(said.contains("root") || said.contains("CAP_NET_ADMIN"), "it says what to do: {said}");
        assert!(said.trim().lines().count() <= 2, "one clear sentence: {said}");
    });
}

#[test]
fn the_selftest_needs_no_rights() {
    const TEST: &str = "the_selftest_needs_no_rights";
    if !has_program(TEST, "setpriv") {
        return;
    }
    let folder = tempfile::Builder::new().prefix("lastack-selftest").tempdir().expect("a temporary folder");
    let program = folder.path().join("lastack");
    std::fs::copy(env!("CARGO_BIN_EXE_lastack"), &program).expect("the program can be copied");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("our own folder");
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"];
    let answer = Command::new("setpriv").args(nobody).arg(&program).arg("selftest").output();
    let answer = answer.expect("setpriv starts");
    let drawn = String::from_utf8_lossy(&answer.stdout);
    assert_eq!(answer.status.code(), Some(0), "{drawn}{}", String::from_utf8_lossy(&answer.stderr));
    assert!(drawn.contains("TIME_WAIT") && drawn.contains("passed: 100000 octets"), "{drawn}");
}

#[test]
fn a_private_stack_lives_as_long_as_its_shell() {
    const TEST: &str = "a_private_stack_lives_as_long_as_its_shell";
    if !has_program(TEST, "curl") {
        return;
    }
    in_namespace(TEST, || {
        let mut serve = Command::new(env!("CARGO_BIN_EXE_lastack"))
            .args(["serve", "--private", "--name", &format!("private-{}", std::process::id())])
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut shell = serve.stdin.take().expect("a pipe");
        shell.write_all(b"curl -sS --max-time 20 http://198.18.0.2/; ip -o link\n").expect("it reads");
        drop(shell);
        let ended = serve.wait_with_output().expect("it ends with its shell");
        let talk = String::from_utf8_lossy(&ended.stderr);
        if talk.contains("making a user and a network namespace") {
            return skip(TEST, talk.trim());
        }
        let said = String::from_utf8_lossy(&ended.stdout);
        assert_eq!(ended.status.code(), Some(0), "{said}{talk}");
        assert!(said.contains("ESTABLISHED") && said.contains("lastack0"), "{said}{talk}");
        // The namespace outside has seen nothing of it.
        let outside = Command::new("ip").args(["-o", "link"]).output().expect("ip is installed");
        assert!(!String::from_utf8_lossy(&outside.stdout).contains("lastack"), "{outside:?}");
    });
}
