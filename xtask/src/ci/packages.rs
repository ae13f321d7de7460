//! Debian packages that tests want. Installed when we may; when we may not, tests that miss them say so themselves.

use crate::run::{self, Run};
use anyhow::Result;
use std::time::Duration;

/// A program that some test runs, and the package that brings it.
const WANTED: &[(&str, &str)] = &[
    ("valgrind", "valgrind"),
    ("tshark", "tshark"),
    ("python3", "python3-minimal"),
    ("nc.openbsd", "netcat-openbsd"),
    ("ip", "iproute2"),
    ("netstat", "net-tools"),
    ("unshare", "util-linux"),
    ("curl", "curl"),
    ("g++", "g++"),
    ("nginx", "nginx-light"),
    ("wrk", "wrk"),
    ("iperf3", "iperf3"),
    ("redis-server", "redis-server"),
    ("redis-benchmark", "redis-tools"),
    ("chromium", "chromium"),
];

const LIMIT: Duration = Duration::from_secs(600);

/// Installs what is missing. Says what it did; what cannot be had is no failure here.
pub(crate) fn install() -> Result<()> {
    let missing: Vec<&str> =
        WANTED.iter().filter(|(program, _)| !run::exists(program)).map(|&(_, package)| package).collect();
    if missing.is_empty() {
        println!("packages: everything is here");
        return Ok(());
    }
    let list = missing.join(" ");
    if !run::exists("apt-get") || !is_root()? {
        println!("packages: missing, and this is not root on Debian: {list}");
        return Ok(());
    }
    println!("packages: installing {list}");
    let apt = |arguments: &[&str]| {
        let run = Run::new("apt-get", arguments, LIMIT).env("DEBIAN_FRONTEND", "noninteractive");
        // In runlevel 1 Debian starts no service on installing it: the tests start their own.
        run.env("RUNLEVEL", "1").quiet()
    };
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(&missing);
    let installed = apt(&["update"])?.passed && apt(&arguments)?.passed;
    println!("packages: {}", if installed { "installed" } else { "not installed, going on without" });
    Ok(())
}

fn is_root() -> Result<bool> {
    let ran = Run::new("id", &["-u"], Duration::from_secs(10)).quiet()?;
    Ok(ran.stdout.trim() == "0")
}
