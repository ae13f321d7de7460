//! Network namespaces: named by the user, or all that can be found; looked into by a thread of its own, so that the caller's
//! thread stays where it is.

#[cfg(test)]
mod tests;

use crate::{Error, files};
use rustix::fd::AsFd;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::thread;

/// Where `ip netns` keeps its names.
const NAMED: &str = "/run/netns";

/// A network namespace as the user names it: a name of `ip netns`, a process id, or a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A name of `ip netns`.
    Name(String),
    /// That of a process.
    Process(u32),
    /// A file, such as /proc/1/ns/net.
    Path(PathBuf),
}

impl FromStr for Place {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Place, Infallible> {
        Ok(match text.parse() {
            Ok(process) => Place::Process(process),
            Err(_) if text.contains('/') => Place::Path(PathBuf::from(text)),
            Err(_) => Place::Name(text.to_owned()),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Name(name) => f.write_str(name),
            Place::Process(process) => write!(f, "of process {process}"),
            Place::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Place {
    fn file(&self) -> PathBuf {
        match self {
            Place::Name(name) => Path::new(NAMED).join(name),
            Place::Process(process) => PathBuf::from(format!("/proc/{process}/ns/net")),
            Place::Path(path) => path.clone(),
        }
    }

    /// Runs `work` on a thread that is in this namespace.
    pub fn within<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R, Error> {
        let refused = |why| Error::Namespace { name: self.to_string(), why };
        let file = File::open(self.file()).map_err(refused)?;
        within(&file, work).map_err(refused)
    }
}

fn within<R: Send>(file: &File, work: impl FnOnce() -> R + Send) -> io::Result<R> {
    let inside = || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(work())
    };
    thread::scope(|scope| {
        thread::Builder::new()
            .spawn_scoped(scope, inside)?
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// One namespace that was found.
#[derive(Debug)]
pub struct Found {
    /// Its inode: its identity.
    pub id: u64,
    /// Its name of `ip netns`, if it has one.
    pub name: Option<String>,
    /// A process in it (the lowest id that was seen), if there is one.
    pub process: Option<u32>,
    /// That process' name.
    pub command: Option<String>,
    file: File,
}

impl Found {
    /// Runs `work` on a thread that is in this namespace.
    pub fn within<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R, Error> {
        within(&self.file, work).map_err(|why| Error::Namespace { name: self.to_string(), why })
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.process, &self.command) {
            (Some(name), _, _) => f.write_str(name),
            (None, Some(process), Some(command)) => write!(f, "{command}[{process}]"),
            _ => write!(f, "net:[{}]", self.id),
        }
    }
}

/// Every namespace that a process is in or that has a name.
#[derive(Debug, Default)]
pub struct All {
    /// In the order of their ids.
    pub found: Vec<Found>,
    /// Processes and names whose namespace could not be read.
    pub unreadable: u32,
}

impl All {
    /// Looks through /proc and the names of `ip netns`.
    pub fn find() -> Result<All, Error> {
        let mut found: BTreeMap<u64, Found> = BTreeMap::new();
        let mut unreadable = 0;
        let proc = Path::new("/proc");
        let list = fs::read_dir(proc).map_err(|why| Error::File { path: proc.to_owned(), why })?;
        let mut processes: Vec<u32> = list.flatten().filter_map(|entry| number(&entry.file_name())).collect();
        processes.sort_unstable();
        for process in processes {
            let path = Place::Process(process).file();
            match fs::metadata(&path) {
                Ok(metadata) if found.contains_key(&metadata.ino()) => {}
                Ok(_) => match open(&path) {
                    Ok((id, file)) => {
                        let command = files::read_raw(&PathBuf::from(format!("/proc/{process}/comm")));
                        let command = command.ok().map(|command| files::plain(&command));
                        found.insert(id, Found { id, name: None, process: Some(process), command, file });
                    }
                    Err(error) => unreadable += u32::from(!vanished(&error)),
                },
                Err(error) => unreadable += u32::from(!vanished(&error)),
            }
        }
        for entry in fs::read_dir(NAMED).into_iter().flatten().flatten() {
            let name = files::plain(&entry.file_name().to_string_lossy());
            match open(&entry.path()) {
                Ok((id, file)) => {
                    let place = found.entry(id).or_insert(Found {
                        id,
                        name: None,
                        process: None,
                        command: None,
                        file,
                    });
                    place.name.get_or_insert(name);
                }
                Err(error) => unreadable += u32::from(!vanished(&error)),
            }
        }
        Ok(All { found: found.into_values().collect(), unreadable })
    }
}

fn open(path: &Path) -> io::Result<(u64, File)> {
    let file = File::open(path)?;
    let id = file.metadata()?.ino();
    Ok((id, file))
}

pub(crate) fn number(name: &std::ffi::OsStr) -> Option<u32> {
    name.to_str()?.parse().ok()
}

/// A process that ended while it was looked at is no loss.
pub(crate) fn vanished(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::SRCH)
}
