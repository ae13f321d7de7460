//! Where control sockets lie: /run/lastack for stacks that root started, $XDG_RUNTIME_DIR/lastack for a user's own.
//!
//! /run/lastack belongs to root and is sticky, as /tmp is: a stack that gave up root can still remove its own socket, and
//! nobody else's. A socket has mode 0600. One that nobody answers is stale and is cleaned by the next stack.

#[cfg(test)]
mod tests;

use crate::commands::serve::User;
use crate::values::StackName;
use anyhow::{Context, Result, bail};
use nix::sys::stat::{Mode, umask};
use nix::unistd::geteuid;
use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, lchown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The folder of stacks that root starts.
const SYSTEM: &str = "/run/lastack";
/// The end of a control socket's name.
const SUFFIX: &str = ".sock";
/// Files of a folder that are looked at: a full folder must not hold anybody up.
const FILES_MAX: usize = 1024;

/// A control socket of our own; it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) name: StackName,
    pub(crate) path: PathBuf,
    identity: (u64, u64),
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Another stack may have taken the name over; a socket that is gone already is no loss.
        if fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes the control socket of a stack and gives it to `owner`. A stack without a name of its own is called after its
/// device, with a number where that is taken.
pub(crate) fn claim(
    wanted: Option<&StackName>,
    device: &str,
    owner: Option<User>,
) -> Result<(UnixListener, Claim)> {
    let folder = ours()?;
    clean(&folder);
    if let Some(name) = wanted {
        return bind(&folder, name, owner)?
            .with_context(|| format!("a stack called {name} is running already: choose another --name"));
    }
    for number in 1..=FILES_MAX {
        let name = if number == 1 { device.to_owned() } else { format!("{device}-{number}") };
        let name: StackName = name.parse().map_err(anyhow::Error::msg)?;
        if let Some(claimed) = bind(&folder, &name, owner)? {
            return Ok(claimed);
        }
    }
    bail!("{} has no room for another control socket", folder.display())
}

/// The folder that this user's stacks have their sockets in, made when it is missing and safe against others.
fn ours() -> Result<PathBuf> {
    if geteuid().is_root() {
        let system = PathBuf::from(SYSTEM);
        // In a user namespace root may not write there.
        match prepare(&system, 0o1777) {
            Err(_) if runtime_folder().is_some() => {}
            done => return done.map(|()| system),
        }
    }
    let folder = runtime_folder()
        .context("a control socket needs root (for /run/lastack) or a folder in $XDG_RUNTIME_DIR")?;
    prepare(&folder, 0o700)?;
    Ok(folder)
}

fn runtime_folder() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?);
    folder.is_absolute().then(|| folder.join("lastack"))
}

/// Makes a folder of this mode, or checks that the one that is there is ours and no link.
fn prepare(folder: &Path, mode: u32) -> Result<()> {
    let made = DirBuilder::new().mode(mode).create(folder);
    if let Err(error) = made
        && error.kind() != ErrorKind::AlreadyExists
    {
        return Err(error).with_context(|| format!("making {}", folder.display()));
    }
    let found = fs::symlink_metadata(folder).with_context(|| format!("looking at {}", folder.display()))?;
    if !found.is_dir() || found.uid() != geteuid().as_raw() {
        bail!("{} is no folder of ours: remove it", folder.display());
    }
    // The mask of new files may have taken bits.
    fs::set_permissions(folder, Permissions::from_mode(mode))
        .with_context(|| format!("setting the mode of {}", folder.display()))
}

/// `None` when somebody has the name.
fn bind(folder: &Path, name: &StackName, owner: Option<User>) -> Result<Option<(UnixListener, Claim)>> {
    let path = folder.join(format!("{name}{SUFFIX}"));
    // Before the program has threads: nobody else makes files now.
    let before = umask(Mode::from_bits_truncate(0o177));
    let bound = UnixListener::bind(&path);
    umask(before);
    let listener = match bound {
        Err(error) if error.kind() == ErrorKind::AddrInUse => return Ok(None),
        bound => bound.with_context(|| format!("making the control socket {}", path.display()))?,
    };
    let found = fs::symlink_metadata(&path).with_context(|| format!("looking at {}", path.display()))?;
    let claim = Claim { name: name.clone(), identity: (found.dev(), found.ino()), path };
    if let Some(owner) = owner {
        lchown(&claim.path, Some(owner.uid), Some(owner.gid))
            .with_context(|| format!("giving {} to user {}", claim.path.display(), owner.uid))?;
    }
    listener.set_nonblocking(true).context("preparing the control socket")?;
    Ok(Some((listener, claim)))
}

/// The socket's file of a stack that was killed, when it still lies there.
pub(crate) fn left_over(name: &StackName) -> Option<PathBuf> {
    let (_, path) = found().find(|(other, _)| other == name)?;
    let refused = UnixStream::connect(&path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused);
    refused.then_some(path)
}

/// Removes sockets that nobody answers, as far as we may.
fn clean(folder: &Path) {
    for (_, path) in sockets(folder) {
        if UnixStream::connect(&path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
            let _ = fs::remove_file(&path);
        }
    }
}

/// The control sockets of a folder, by name.
fn sockets(folder: &Path) -> Vec<(StackName, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(StackName, PathBuf)> = entries
        .take(FILES_MAX)
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket()))
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?.strip_suffix(SUFFIX)?.parse().ok()?;
            Some((name, entry.path()))
        })
        .collect();
    found.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
    found
}

/// The control sockets that this user may trust: a user's own, and for root those of all. Stale ones are among them.
pub(crate) fn running() -> Vec<(StackName, PathBuf)> {
    found().filter(|(_, path)| is_ours(path)).collect()
}

/// The stacks of other users.
pub(crate) fn others() -> Vec<StackName> {
    found().filter(|(_, path)| !is_ours(path)).map(|(name, _)| name).collect()
}

fn found() -> impl Iterator<Item = (StackName, PathBuf)> {
    [Some(PathBuf::from(SYSTEM)), runtime_folder()].into_iter().flatten().flat_map(|folder| sockets(&folder))
}

fn is_ours(path: &Path) -> bool {
    let me = geteuid();
    me.is_root() || fs::symlink_metadata(path).is_ok_and(|found| found.uid() == me.as_raw())
}
