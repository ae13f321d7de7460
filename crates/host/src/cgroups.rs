//! Names of control groups by their ids: containers and units, without a look at any process.

use crate::files::plain;
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};

/// More than a large machine has; what lies beyond keeps its number.
const MAX: usize = 100_000;

/// Path below the root of the cgroup2 tree by id (which is the folder's inode).
#[derive(Clone, Debug, Default)]
pub struct Cgroups {
    names: HashMap<u64, String>,
}

impl Cgroups {
    /// Reads the tree that is mounted; empty when there is none.
    pub fn read() -> Cgroups {
        let mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
        let mounted = mounts.into_iter().find(|root| Path::new(root).join("cgroup.controllers").exists());
        mounted.map_or_else(Cgroups::default, |root| Cgroups::below(Path::new(root)))
    }

    fn below(root: &Path) -> Cgroups {
        let mut names = HashMap::new();
        if let Ok(metadata) = fs::metadata(root) {
            names.insert(std::os::unix::fs::MetadataExt::ino(&metadata), "/".to_owned());
        }
        let mut folders: Vec<PathBuf> = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                if names.len() >= MAX {
                    return Cgroups { names };
                }
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    let path = entry.path();
                    let below = path.strip_prefix(root).unwrap_or(&path);
                    names.insert(entry.ino(), plain(&format!("/{}", below.display())));
                    folders.push(path);
                }
            }
        }
        Cgroups { names }
    }

    /// The path; None when no folder has this id (it may be gone).
    pub fn path(&self, id: u64) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }
}
