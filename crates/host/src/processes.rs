//! Which process holds which socket: one pass over /proc/*/fd, spread over the cores, into a table by inode. What could not
//! be read is counted; a process that ends in mid-read is no error.

mod limits;
mod pass;
#[cfg(test)]
mod tests;

pub use limits::{DescriptorLimit, descriptor_limit, parse_limits};

use crate::namespace::number;
use crate::{Error, files};
use lastack_observe::Holder;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::thread;

/// One process that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its name, control characters replaced.
    pub name: String,
    /// Open descriptors.
    pub descriptors: u32,
    /// Those of them that are sockets.
    pub sockets: u32,
}

/// Who holds which socket, as far as it could be seen.
#[derive(Debug, Default)]
pub struct Processes {
    processes: Vec<Process>,
    descriptors: Vec<Descriptor>,
    /// Inode to the last of its descriptors; each leads to the one before.
    heads: HashMap<u32, u32>,
    unreadable: u32,
    hidden: u32,
    vanished: u32,
}

#[derive(Clone, Copy, Debug)]
struct Descriptor {
    process: u32,
    fd: u32,
    before: Option<u32>,
}

impl Processes {
    /// The pass. It fails only when /proc cannot be listed.
    pub fn read() -> Result<Processes, Error> {
        let proc = Path::new("/proc");
        let list = fs::read_dir(proc).map_err(|why| Error::File { path: proc.to_owned(), why })?;
        let mut pids: Vec<u32> = list.flatten().filter_map(|entry| number(&entry.file_name())).collect();
        pids.sort_unstable();
        let hands = thread::available_parallelism().map_or(1, usize::from).min(8).min(pids.len().max(1));
        let parts: Vec<pass::Part> = thread::scope(|scope| {
            let spawn = |hand| {
                let mine = pids.iter().skip(hand).step_by(hands).copied();
                scope.spawn(move || pass::read(mine))
            };
            let threads: Vec<_> = (0..hands).map(spawn).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, pass::Part>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        });
        let mut all = Processes::default();
        parts.into_iter().for_each(|part| all.add(part));
        Ok(all)
    }

    fn add(&mut self, part: pass::Part) {
        self.unreadable += part.unreadable;
        self.hidden += part.hidden;
        self.vanished += part.vanished;
        self.heads.reserve(part.sockets.len());
        self.descriptors.reserve(part.sockets.len());
        let base = self.processes.len() as u32;
        for socket in part.sockets {
            let index = self.descriptors.len() as u32;
            let before = self.heads.insert(socket.inode, index);
            self.descriptors.push(Descriptor { process: base + socket.process, fd: socket.fd, before });
        }
        self.processes.extend(part.processes);
    }

    /// Processes whose descriptors may not be read: their sockets seem to belong to nobody.
    pub fn unreadable(&self) -> u32 {
        self.unreadable
    }

    /// Single descriptors that could not be read.
    pub fn hidden(&self) -> u32 {
        self.hidden
    }

    /// Processes and descriptors that ended while they were being read: no loss, they hold nothing any more.
    pub fn vanished(&self) -> u32 {
        self.vanished
    }

    /// The processes that were read.
    pub fn iter(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter()
    }

    /// Every descriptor of the socket with this inode: process and number.
    pub fn of(&self, inode: u32) -> impl Iterator<Item = (&Process, u32)> {
        let mut next = if inode == 0 { None } else { self.heads.get(&inode).copied() };
        std::iter::from_fn(move || {
            let descriptor = self.descriptors.get(next? as usize)?;
            next = descriptor.before;
            Some((self.processes.get(descriptor.process as usize)?, descriptor.fd))
        })
    }

    /// The same as a row has it.
    pub fn holders(&self, inode: u32, holders: &mut Vec<Holder>) {
        let holder =
            |(process, fd): (&Process, u32)| Holder { name: process.name.clone(), pid: process.pid, fd };
        holders.extend(self.of(inode).map(holder));
    }
}

fn name(pid: u32) -> Option<String> {
    files::read_raw(Path::new(&format!("/proc/{pid}/comm"))).ok().map(|name| files::plain(&name))
}

/// Any octets as the text of limits and as the target of a link. For fuzzing.
pub(crate) fn parse_any(octets: &[u8]) {
    parse_limits(&String::from_utf8_lossy(octets));
    pass::inode(octets);
}
