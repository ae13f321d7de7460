//! Giving up root: a stack needs it to make its device and for nothing afterwards.

use anyhow::{Context, Result, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};
use std::fs;

/// Who owns nothing: `nobody` and `nogroup` where they have their usual numbers.
const NOBODY: u32 = 65534;

/// The user that a program started by root goes on as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Whom to become: who called sudo, else nobody. `None` when there is nothing to give up: the program does not run as root,
/// or its "root" is the only user of a user namespace.
pub(crate) fn successor() -> Option<User> {
    let number = |name| std::env::var(name).ok()?.parse().ok().filter(|&number: &u32| number != 0);
    let user = match (number("SUDO_UID"), number("SUDO_GID")) {
        (Some(uid), Some(gid)) => User { uid, gid },
        _ => User { uid: NOBODY, gid: NOBODY },
    };
    let known = mapped("/proc/self/uid_map", user.uid) && mapped("/proc/self/gid_map", user.gid);
    (geteuid().is_root() && known).then_some(user)
}

/// Whether the user namespace has this number: lines of `first-inside first-outside count`.
fn mapped(path: &str, number: u32) -> bool {
    let Ok(map) = fs::read_to_string(path) else { return true };
    map.lines().any(|line| {
        let mut fields = line.split_whitespace().filter_map(|field| field.parse::<u64>().ok());
        let (first, count) = (fields.next().unwrap_or(0), fields.nth(1).unwrap_or(0));
        (first..first + count).contains(&u64::from(number))
    })
}

/// Becomes this user for good. Capabilities go with root's number (capabilities(7)).
pub(crate) fn become_user(user: User) -> Result<()> {
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    setgroups(&[]).context("giving up root's groups")?;
    setresgid(gid, gid, gid).with_context(|| format!("becoming group {gid}"))?;
    setresuid(uid, uid, uid).with_context(|| format!("becoming user {uid}"))?;
    if setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok() {
        bail!("root could be had again after it was given up: not serving");
    }
    Ok(())
}

/// As many files as the system lets us have: every forwarded connection holds a kernel socket.
pub(crate) fn raise_file_limit() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // The lower limit stays in force when this fails, which a busy forward will say.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
