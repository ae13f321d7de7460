//! The files of this repository: those git knows or would add.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One text file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    /// What it holds.
    pub(crate) text: String,
}

impl Source {
    /// The crate folder it is in: `crates/tcp`, `xtask`, `bench`, `fuzz`.
    pub(crate) fn home(&self) -> &str {
        let depth = if self.path.starts_with("crates/") { 2 } else { 1 };
        match self.path.match_indices('/').nth(depth - 1) {
            Some((end, _)) => &self.path[..end],
            None => "",
        }
    }

    /// Whether the file name ends so.
    pub(crate) fn ends_with(&self, suffix: &str) -> bool {
        self.path.ends_with(suffix)
    }
}

/// The folder that holds the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace").to_path_buf()
}

/// Where cargo puts what it builds: this program lies in a profile's folder there.
pub(crate) fn target() -> Result<PathBuf> {
    let own = std::env::current_exe().context("asking for this program's own path")?;
    let folder = own.parent().and_then(Path::parent).context("this program lies in target/PROFILE")?;
    Ok(folder.to_path_buf())
}

/// Every text file; what is not UTF-8 is passed over.
pub(crate) fn sources() -> Result<Vec<Source>> {
    let root = root();
    let listing = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(&root)
        .output()
        .context("cannot run git to list the files")?;
    ensure!(listing.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listing.stderr).trim());
    let mut sources = Vec::new();
    for path in listing.stdout.split(|octet| *octet == 0).filter(|path| !path.is_empty()) {
        let path = String::from_utf8_lossy(path).into_owned();
        // A file that was removed and not yet committed is still listed.
        if let Ok(octets) = std::fs::read(root.join(&path))
            && let Ok(text) = String::from_utf8(octets)
        {
            sources.push(Source { path, text });
        }
    }
    Ok(sources)
}
