use super::*;

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

/// What `tidy` says about these files alone.
fn said(files: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<Source> = files.iter().map(|(path, text)| source(path, text)).collect();
    check(&sources).iter().map(ToString::to_string).collect()
}

/// Exactly one finding, and it holds these words.
#[track_caller]
fn one(files: &[(&str, &str)], words: &str) {
    let said = said(files);
    assert!(said.len() == 1 && said[0].contains(words), "wanted one finding with {words:?}, got {said:#?}");
}

#[track_caller]
fn none(files: &[(&str, &str)]) {
    assert_eq!(said(files), Vec::<String>::new());
}

fn function(lines: usize) -> String {
    format!("//! x\nfn long() {{\n{}}}\n", "    call();\n".repeat(lines - 2))
}

#[test]
fn an_arrow_up_or_sideways_is_refused() {
    none(&[("crates/tcp/Cargo.toml", "[dependencies]\nlastack-wire.workspace = true\n")]);
    one(
        &[("crates/tcp/Cargo.toml", "[dependencies]\nlastack-stack = \"0\"\n")],
        "floor 2) may not use lastack-stack",
    );
    one(
        &[("crates/device/Cargo.toml", "[dependencies]\nlastack-stack.workspace = true\n")],
        "may not use lastack-stack",
    );
    one(
        &[("crates/stack/Cargo.toml", "[dev-dependencies]\nlastack-sim.workspace = true\n")],
        "may not use lastack-sim",
    );
    one(
        &[("crates/net/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nl = { package = \"lastack\" }\n")],
        "may not use lastack",
    );
    one(&[("crates/utils/Cargo.toml", "")], "has no floor");
}

#[test]
fn a_pure_crate_may_not_depend_on_a_runtime() {
    one(&[("crates/stack/Cargo.toml", "[dependencies]\ntokio = \"1\"\n")], "is pure");
    none(&[("crates/net/Cargo.toml", "[dependencies]\ntokio = \"1\"\n")]);
}

#[test]
fn long_files_and_functions_are_refused() {
    none(&[("xtask/src/a.rs", &function(70))]);
    one(&[("xtask/src/a.rs", &function(71))], "fn long has 71 lines");
    let method = format!("//! x\nimpl A {{\n{}}}\n", function(71).replace("//! x\n", ""));
    one(&[("xtask/src/a.rs", &method)], "fn long has 71 lines");
    none(&[("xtask/src/a.rs", &format!("//! x\n{}", "// y\n".repeat(499)))]);
    one(&[("xtask/src/a.rs", &format!("//! x\n{}", "// y\n".repeat(500)))], "the file has 501 lines");
    one(&[("xtask/src/a.rs", "//! x\nfn broken(\n")], "not Rust");
}

#[test]
fn exceptions_may_only_shrink() {
    let long = function(80);
    let with = |entry| [("xtask/src/a.rs", long.as_str()), (exceptions::FILE, entry)];
    none(&with("function xtask/src/a.rs long 80 # why\n"));
    one(&with("function xtask/src/a.rs long 79\n"), "allows 79");
    one(&with("function xtask/src/a.rs long 90\n"), "shrank to 80 lines");
    one(&[(exceptions::FILE, "file xtask/src/a.rs 600\n")], "not needed any more");
    one(&[(exceptions::FILE, "anything xtask/src/a.rs 600\n")], "expected `file");
}

#[test]
fn a_file_says_what_it_is() {
    one(&[("crates/wire/src/a.rs", "fn a() {}\n")], "does not open with");
    none(&[("crates/wire/src/a/tests.rs", "fn a() {}\n"), ("crates/wire/build.rs", "fn main() {}\n")]);
    let including = ("crates/net/tests/x.rs", "//! x\ninclude!(\"x/body.rs\");\n");
    none(&[including, ("crates/net/tests/x/body.rs", "// The body.\n")]);
    one(&[including, ("crates/net/tests/x/body.rs", "fn a() {}\n")], "does not open with");
}

#[test]
fn a_pure_crate_has_no_clock_and_no_randomness() {
    for word in
        ["std::time::Instant::now()", "rand::rng()", "thread_rng()", "tokio::spawn(x)", "SystemTime::now()"]
    {
        let text = format!("//! x\nfn a() {{ {word}; }}\n");
        one(&[("crates/tcp/src/a.rs", &text)], "in a pure crate");
        none(&[("crates/net/src/a.rs", &text)]);
    }
    none(&[(
        "crates/tcp/src/a.rs",
        "//! tokio\n/// Instant::now\nfn a() { \"SystemTime\"; } // thread_rng\n",
    )]);
}

#[test]
fn unsafe_stands_only_where_it_may() {
    let text = "//! x\nfn a() { unsafe { b() } }\n";
    one(&[("crates/stack/src/a.rs", text)], "`unsafe` may stand only");
    one(&[("crates/wire/src/tcp.rs", text)], "`unsafe` may stand only");
    none(&[("crates/device/src/a.rs", text), ("crates/wire/src/checksum/simd.rs", text)]);
    none(&[("crates/tcp/src/lib.rs", "//! x\n#![forbid(unsafe_code)]\n")]);
}

#[test]
fn unfinished_work_is_refused() {
    one(&[("crates/net/src/a.rs", &format!("//! x\nfn a() {{ {}!() }}\n", "todo"))], "unfinished");
    one(&[("crates/net/src/a.rs", &format!("//! x\nfn a() {{ {}!(1) }}\n", "dbg"))], "unfinished");
    one(&[("crates/net/src/a.rs", &format!("//! x\n// {}: later\n", concat!("TO", "DO")))], "unfinished");
}

#[test]
fn a_machine_path_is_refused_in_any_file() {
    let path = ["", "home", "someone", "x"].join("/");
    one(&[("README.md", &format!("see {path}\n"))], "a path of one machine");
    none(&[("README.md", &format!("see https://example.org{path}\n"))]);
}

#[test]
fn the_repository_itself_is_read() {
    let sources = tree::sources().expect("git lists the files");
    assert!(sources.iter().any(|source| source.path == "xtask/src/tidy.rs"), "{} files", sources.len());
}
