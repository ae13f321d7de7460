//! A network namespace of the test's own, entered by one thread and left with it.

use nix::sched::{CloneFlags, unshare};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread;

/// Runs `scenario` on a thread in a fresh network namespace with loopback up. Says `skipped:` where that cannot be had.
pub(crate) fn in_namespace(test: &str, scenario: impl FnOnce() + Send + 'static) {
    if let Err(why) = try_in_namespace(scenario) {
        skip(test, &why);
    }
}

/// Tells that `test` did not run, past the harness' capture.
pub(crate) fn skip(test: &str, why: &str) {
    writeln!(std::io::stderr(), "skipped: {test}: {why}").expect("stderr is open");
}

/// True when `program` is installed; else says that `test` is skipped.
pub(crate) fn has_program(test: &str, program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    if !found {
        skip(test, &format!("{program} is not installed"));
    }
    found
}

fn try_in_namespace(scenario: impl FnOnce() + Send + 'static) -> Result<(), String> {
    if !Path::new("/dev/net/tun").exists() {
        return Err("there is no /dev/net/tun".to_owned());
    }
    let entered = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET)
            .map_err(|error| format!("a network namespace of its own: unshare: {error}"))?;
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
        if !up.is_ok_and(|status| status.success()) {
            return Err("bringing up loopback with `ip` failed".to_owned());
        }
        scenario();
        Ok(())
    });
    match entered.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
