//! Snapshots: ss and states show of a file what they show of the kernel, and the doctor judges a stack as it judges the kernel.

use crate::namespace::in_namespace;
use serde_json::Value;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

fn lastack(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lastack")).args(words).output().expect("lastack runs")
}

#[track_caller]
fn told(words: &[&str]) -> String {
    let output = lastack(words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Sockets in several states that do not change meanwhile.
fn zoo() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:80").unwrap();
    let pair = || (TcpStream::connect("127.0.0.1:80").unwrap(), listener.accept().unwrap().0);
    let (client, server) = pair();
    let mut held = vec![client, server];
    let (client, server) = pair();
    drop(client);
    held.push(server);
    let (client, mut server) = pair();
    drop(client);
    server.read_to_end(&mut Vec::new()).unwrap();
    drop(server);
    thread::sleep(Duration::from_millis(200));
    (listener, held)
}

/// Lines without clocks and without the padding of columns, in order.
fn lines(text: &str) -> Vec<String> {
    let clock = |word: &&str| {
        let named = word.split(':').next().unwrap_or_default();
        !["timer", "age", "lastsnd", "lastrcv", "lastack"].contains(&named)
    };
    // "Local Address:Port" may or may not have blanks before the colon's other side.
    let line = |line: &str| line.split_whitespace().filter(clock).collect::<Vec<_>>().join(" ");
    // Other tests have sockets on the same machine.
    let own = |line: &&str| !line.starts_with("the whole machine");
    let mut lines: Vec<String> = text.lines().filter(own).map(line).collect();
    lines.sort();
    lines
}

fn snapshot(folder: &Path, words: &[&str]) -> String {
    let file = folder.join("look.json");
    let all: Vec<&str> = ["snapshot"].iter().chain(words).copied().collect();
    std::fs::write(&file, told(&all)).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn ss_shows_of_a_file_what_it_shows_of_the_kernel() {
    in_namespace("ss_shows_of_a_file_what_it_shows_of_the_kernel", || {
        let zoo = zoo();
        let folder = tempfile::tempdir().unwrap();
        let file = snapshot(folder.path(), &[]);
        for words in [
            &["-tan"][..],
            &["-tanp"],
            &["-tln"],
            &["-tanoemi"],
            &["-tan4H"],
            &["-tan", "state", "close-wait"],
            &["-tan", "dport = :80 or sport = :80"],
            &["-tan", "--by", "process"],
            &["-tan", "--by", "listener"],
            &["-s"],
        ] {
            let live: Vec<&str> = ["ss"].iter().chain(words).copied().collect();
            let saved: Vec<&str> = ["ss", "--from", &file].iter().chain(words).copied().collect();
            let live = lines(&told(&live));
            assert!(live.len() > 1 || words.contains(&"-tan4H"), "{words:?}: {live:?}");
            // Names of control groups are this machine's; a file has their numbers.
            let plain = |lines: Vec<String>| -> Vec<String> {
                let word = |word: &&str| !word.starts_with("cgroup:");
                lines.iter().map(|line| line.split(' ').filter(word).collect::<Vec<_>>().join(" ")).collect()
            };
            assert_eq!(plain(lines(&told(&saved))), plain(live), "{words:?}");
        }
        assert_eq!(
            lastack(&["ss", "--from", &file, "-K", "sport = :80"]).status.code(),
            Some(2),
            "not from a file"
        );
        drop(zoo);
    });
}

#[test]
fn states_shows_of_a_file_what_it_shows_of_the_kernel() {
    in_namespace("states_shows_of_a_file_what_it_shows_of_the_kernel", || {
        let zoo = zoo();
        let folder = tempfile::tempdir().unwrap();
        let file = snapshot(folder.path(), &[]);
        for words in [&[][..], &["--by", "process"]] {
            let json = |first: &[&str]| -> Value {
                let all: Vec<&str> = first.iter().chain(words).chain(&["--json"]).copied().collect();
                serde_json::from_str(&told(&all)).unwrap()
            };
            assert_eq!(json(&["states", "--from", &file]), json(&["states"]), "{words:?}");
        }
        drop(zoo);
    });
}
