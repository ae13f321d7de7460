//! `lastack ss --kill`: it destroys what it listed and nothing else, asks first, and says what it may not do.

use super::{NOBODY, Zoo, for_nobody, in_namespace, lastack, skipped};
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Without a terminal.
fn kill(program: &Path, words: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(program);
    command.args(["ss", "-H", "-n", "--kill"]).args(words).stdin(Stdio::null());
    if program != Path::new(env!("CARGO_BIN_EXE_lastack")) {
        command.uid(NOBODY).gid(NOBODY);
    }
    told(&command.output().unwrap())
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// How many sockets pass.
fn count(filter: &[&str]) -> usize {
    let words: Vec<&str> = ["ss", "-H", "-n"].iter().chain(filter).copied().collect();
    lastack(&words).lines().count()
}

const FILTER: [&str; 3] = ["state", "close-wait", "sport = :8080"];

#[test]
fn what_was_listed_is_destroyed_and_nothing_else() {
    in_namespace(|| {
        let own = Path::new(env!("CARGO_BIN_EXE_lastack"));
        let zoo = Zoo::new();
        let (matched, everything) = (count(&FILTER), count(&["state", "all"]));
        assert!(matched > 0 && everything > matched);

        let (code, listed, why) = kill(own, &[]);
        assert_eq!((code, listed.as_str()), (Some(2), ""), "{why}");
        assert!(why.contains("--kill needs a filter"), "{why}");

        let (code, listed, why) = kill(own, &FILTER);
        assert_eq!((code, listed.lines().count()), (Some(2), matched), "{why}");
        assert!(why.contains("none was destroyed") && why.contains("--yes"), "{why}");
        assert_eq!(count(&FILTER), matched);

        let words: Vec<&str> = ["--yes"].iter().chain(&FILTER).copied().collect();
        let (code, listed, why) = kill(own, &words);
        if why.contains("CONFIG_INET_DIAG_DESTROY") {
            return skipped("this kernel cannot destroy sockets");
        }
        assert_eq!((code, listed.lines().count()), (Some(0), matched), "{why}");
        assert!(listed.lines().all(|line| line.starts_with("CLOSE-WAIT") && line.contains(":8080 ")));
        assert!(why.contains(&format!("{matched} destroyed")), "{why}");
        assert_eq!(count(&FILTER), 0);
        // Others in that state live, and so do the listeners.
        assert!(count(&["state", "close-wait"]) > 0 && count(&["state", "listening"]) == 2);
        let error = |stream: &TcpStream| stream.take_error().unwrap().map(|error| error.kind());
        let aborted = zoo.held.iter().filter(|stream| error(stream) == Some(ErrorKind::ConnectionAborted));
        assert_eq!(aborted.count(), matched);

        let (code, listed, why) = kill(own, &words);
        assert_eq!((code, listed.as_str()), (Some(0), ""));
        assert!(why.contains("no socket passes"), "{why}");
        // Listeners and TIME_WAIT, too.
        let rest = ["--yes", "state", "listening", "state", "time-wait"];
        assert_eq!(kill(own, &rest).0, Some(0));
        assert_eq!(count(&rest[1..]), 0);
    });
}

#[test]
fn without_rights_it_says_how_to_get_them() {
    in_namespace(|| {
        if !nix::unistd::geteuid().is_root() {
            return skipped("only root can become nobody");
        }
        let (_folder, program) = for_nobody();
        let zoo = Zoo::new();
        let matched = count(&FILTER);
        let words: Vec<&str> = ["--yes"].iter().chain(&FILTER).copied().collect();
        let (code, listed, why) = kill(&program, &words);
        assert_eq!((code, listed.lines().count()), (Some(2), matched), "{why}");
        assert!(why.contains(&format!("{matched} refused")), "{why}");
        assert!(why.contains("CAP_NET_ADMIN") || why.contains("CONFIG_INET_DIAG_DESTROY"), "{why}");
        assert_eq!(count(&FILTER), matched);
        drop(zoo);
    });
}

#[test]
fn on_a_terminal_it_asks() {
    in_namespace(|| {
        let zoo = Zoo::new();
        let program = env!("CARGO_BIN_EXE_lastack");
        let answer = |word: &str| {
            let line = format!("{program} ss -n --kill {} {} '{}'", FILTER[0], FILTER[1], FILTER[2]);
            let mut command = Command::new("script");
            command.args(["-qec", &line, "/dev/null"]).stderr(Stdio::null());
            let mut script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
            script.stdin.take().map_or(Ok(()), |mut stdin| writeln!(stdin, "{word}"))?;
            script.wait_with_output()
        };
        let matched = count(&FILTER);
        let Ok(refused) = answer("no") else { return skipped("script of util-linux is not installed") };
        let (_, listed, _) = told(&refused);
        assert!(listed.contains(&format!("Destroy these {matched} sockets?")), "{listed}");
        assert!(listed.contains("nothing was destroyed"), "{listed}");
        assert_eq!(count(&FILTER), matched);
        let (_, listed, _) = told(&answer("y").unwrap());
        assert!(listed.contains(" destroyed") || listed.contains("CONFIG_INET_DIAG_DESTROY"), "{listed}");
        assert!(count(&FILTER) == 0 || listed.contains("CONFIG_INET_DIAG_DESTROY"));
        drop(zoo);
    });
}
