//! README's output blocks are what the program prints: its commands are run and what they print is compared, but for times
//! and for what stands behind a line with only `…`.

use crate::namespace::{has_program, in_namespace};
use crate::program::Serve;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How README starts the program.
const CARGO_RUN: &str = "cargo run --release -- ";

/// A command that README shows with what it prints.
#[derive(Debug)]
struct Shown {
    command: String,
    output: Vec<String>,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every command of the `console` blocks.
fn shown() -> Vec<Shown> {
    let text = fs::read_to_string(repository().join("README.md")).expect("README.md");
    let mut all: Vec<Shown> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && let Some(command) = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# ")) {
            all.push(Shown { command: command.to_owned(), output: Vec::new() });
        } else if inside {
            all.last_mut().expect("a block begins with a command").output.push(line.to_owned());
        }
    }
    all
}

/// A line without what varies: the times that the machine takes, and the number that a second stack of one name gets.
fn steady(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    if words.last() == Some(&"ms") && words.len() > 1 {
        let at = words.len() - 2;
        words[at] = "N";
    }
    if let Some(at) = words.iter().position(|word| *word == "--stack")
        && let Some(word) = words.get_mut(at + 1)
        && word.starts_with("lastack0")
    {
        *word = "lastack0";
    }
    words.join(" ").trim_end().to_owned()
}

fn compare(shown: &Shown, printed: &[String]) {
    let open = shown.output.last().is_some_and(|line| line == "…");
    let expected: Vec<String> =
        shown.output.iter().filter(|line| *line != "…").map(|line| steady(line)).collect();
    let mut seen: Vec<String> = printed.iter().map(|line| steady(line)).collect();
    if open {
        seen.truncate(expected.len());
    }
    assert_eq!(seen.join("\n"), expected.join("\n"), "README.md shows an older `{}`", shown.command);
}

#[test]
fn the_drawings_and_scripts_of_the_readme_are_what_is_printed() {
    // Commands name files of the repository and write their own beside them.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tests = repository().join("tests").canonicalize().expect("the scripts");
    symlink(tests, folder.path().join("tests")).expect("a link");
    let mut compared = 0;
    for shown in shown() {
        let alone =
            |words: &&str| ["lab ", "why ", "doctor "].iter().any(|command| words.starts_with(command));
        let lab = shown.command.strip_prefix(CARGO_RUN).filter(alone);
        let command = match lab {
            Some(words) => format!("\"$LASTACK\" {words}"),
            None if shown.command.starts_with("sed ") => shown.command.clone(),
            None => continue,
        };
        let output = Command::new("sh")
            .args(["-c", &command])
            .env("LASTACK", env!("CARGO_BIN_EXE_lastack"))
            .current_dir(folder.path())
            .output()
            .expect("a shell");
        let printed: Vec<String> =
            String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        compare(&shown, &printed);
        compared += usize::from(lab.is_some());
    }
    assert_eq!(
        compared, 5,
        "README.md shows an answer, a diagnosis, a drawing, scripts that pass and one that fails"
    );
}

#[test]
fn the_first_minute_of_the_readme_is_what_is_printed() {
    const TEST: &str = "the_first_minute_of_the_readme";
    if !has_program(TEST, "curl") {
        return;
    }
    in_namespace(TEST, || {
        let all = shown();
        let of = |text: &str| all.iter().find(|shown| shown.command == text).expect("README.md shows it");
        let serve = Serve::start(&[]);
        compare(of(&format!("{CARGO_RUN}serve")), serve.printed());
        let curl = of("curl http://198.18.0.2/");
        let answer = Command::new("sh")
            .args(["-c", &curl.command.replace("curl ", "curl --silent --max-time 20 ")])
            .output()
            .expect("curl");
        let page = String::from_utf8_lossy(&answer.stdout);
        compare(curl, &page.lines().map(str::to_owned).collect::<Vec<_>>());
        let explained =
            all.iter().find(|shown| shown.command.contains("--explain")).expect("README.md shows it");
        let name = serve.printed().last().and_then(|line| line.split(' ').nth_back(1)).expect("its name");
        let words = explained.command.replace(CARGO_RUN, "\"$LASTACK\" ").replace("lastack0", name);
        let output =
            Command::new("sh").args(["-c", &words]).env("LASTACK", env!("CARGO_BIN_EXE_lastack")).output();
        let said = String::from_utf8_lossy(&output.expect("a shell").stdout).into_owned();
        compare(explained, &said.lines().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(serve.interrupt().code(), Some(0));
    });
}
