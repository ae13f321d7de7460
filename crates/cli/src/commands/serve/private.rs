//! `lastack serve --private`: a user and a network namespace of one's own, with a shell inside. Nothing of the host is
//! touched, and no rights are needed, where /dev/net/tun may be opened and the kernel lets users make namespaces.

use anyhow::{Context, Result};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getgid, getuid};
use std::fs;
use std::process::{Child, Command};

/// Leaves the host's network for one of our own, in which we are root and nobody else is anybody.
///
/// To be called before there is a second thread.
pub(crate) fn enter() -> Result<()> {
    let (uid, gid) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET).context(
        "making a user and a network namespace of one's own (user.max_user_namespaces and the distribution's policy decide)",
    )?;
    // A user may only map himself, and only after he gave up changing groups (user_namespaces(7)).
    let map = |path: &str, line: String| fs::write(path, line).with_context(|| format!("writing {path}"));
    map("/proc/self/setgroups", "deny".to_owned())?;
    map("/proc/self/uid_map", format!("0 {uid} 1"))?;
    map("/proc/self/gid_map", format!("0 {gid} 1"))?;
    let loopback = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    if !loopback.is_ok_and(|status| status.success()) {
        eprintln!("lastack: loopback stays down in the private network: `ip link set lo up` failed");
    }
    Ok(())
}

/// The user's shell, in the network that [`enter`] made.
pub(crate) fn shell() -> Result<Child> {
    let shell = std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    eprintln!("a shell in the private network: its end ends the stack");
    Command::new(&shell).spawn().with_context(|| format!("starting {}", shell.display()))
}
