//! The whole language of the public tool, as users' scripts have it: our own scripts in tests/scripts, played by the runner
//! that examples/scripts offers.

use crate::player::{self, Failure, Setup};
use lastack_sim::script::ast::IpVersion;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts")
}

/// Code in scripts is Python's.
fn lacks_python() -> bool {
    let lacks = std::process::Command::new("python3").arg("--version").output().is_err();
    if lacks {
        println!("skipped: python3 is not there");
    }
    lacks
}

fn play(path: &Path, version: IpVersion) -> Result<(), Failure> {
    player::play(
        path,
        &Setup { version, defines: Vec::new(), flags: String::new(), kernel: false, slack_usecs: 0 },
    )
}

#[test]
fn scripts_pass_in_every_mode_that_their_name_asks_for() {
    if lacks_python() {
        return;
    }
    let mut runs = 0;
    for entry in std::fs::read_dir(folder()).expect("the folder of scripts") {
        let path = entry.expect("an entry").path();
        for version in player::versions(&path.display().to_string()) {
            let end = play(&path, version);
            assert_eq!(end, Ok(()), "{} ({})", path.display(), player::version_name(version));
            runs += 1;
        }
    }
    assert!(runs >= 3, "{runs}");
}

/// Each change is one that the tool would see.
#[test]
fn a_changed_expectation_fails_at_its_line() {
    if lacks_python() {
        return;
    }
    let text = std::fs::read_to_string(folder().join("language.pkt")).expect("a script");
    let changes = [
        ("P. 1:1977(1976)", "P. 2:1978(1976)", "sequence number 1, not 2"),
        ("[ect0] P.", "[ce] P.", "IP header"),
        ("tcpi_unacked == 2", "tcpi_unacked == 3", "tcpi_unacked = 2"),
        ("== (10, 988)", "== (9, 988)", "AssertionError: (10, 988)"),
        ("+0...+.02 recv", "+0...+.2 recv", "recv() to return"),
        ("revents=POLLOUT", "revents=POLLIN", "expected events"),
        ("{events=EPOLLIN, fd=4}, 1, 0", "{events=EPOLLOUT, fd=4}, 1, 0", "expected the event"),
        ("SIOCINQ, [10]", "SIOCINQ, [11]", "expected ioctl() to tell 11, got 10"),
        ("\"reno\", [4]", "\"bbr2\", [4]", "expected the option \"bbr2\", got \"reno\""),
        ("100) = -1 EAGAIN", "100) = -1 EPIPE", "expected read() = -1 EPIPE, got -1 EAGAIN"),
        ("> RE. 1977:1977(0) ack 61 <nop,nop,TS val 170 ecr 840>", "> RE. 1977:1977(0) ack 61", "options"),
        ("> SE. 0:0(0) ack 4001", "> SE. 0:0(0) ack 1", "acknowledgment number"),
    ];
    for (index, (from, to, said)) in changes.into_iter().enumerate() {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let line = text[..text.find(from).expect("it is there")].matches('\n').count() + 1;
        let name = format!("lastack-changed-{}-{index}.pkt", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, changed).expect("a script can be written");
        let end = play(&path, IpVersion::V4).expect_err(to);
        std::fs::remove_file(&path).expect("it was written");
        assert!(end.why.contains(said), "{to}: {end:?}");
        // A block of code is known by its first line.
        assert!(end.line.abs_diff(line) <= 2, "{to}: line {line}, not {end:?}");
    }
}
