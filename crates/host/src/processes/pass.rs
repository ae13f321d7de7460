//! The pass itself: for each process the links below /proc/PID/fd, read into memory that is used again.

use super::{Process, name};
use rustix::fs::{Mode, OFlags, RawDir, open, readlinkat_raw};
use rustix::io::Errno;
use std::mem::MaybeUninit;

/// One descriptor that is a socket; `process` counts within the part.
pub(super) struct Socket {
    pub(super) inode: u32,
    pub(super) process: u32,
    pub(super) fd: u32,
}

/// What one thread read.
#[derive(Default)]
pub(super) struct Part {
    pub(super) processes: Vec<Process>,
    pub(super) sockets: Vec<Socket>,
    pub(super) unreadable: u32,
    pub(super) hidden: u32,
    pub(super) vanished: u32,
}

pub(super) fn read(pids: impl Iterator<Item = u32>) -> Part {
    let mut part = Part::default();
    let mut entries = vec![MaybeUninit::uninit(); 64 << 10];
    for pid in pids {
        match part.process(pid, &mut entries) {
            Ok(()) => {}
            Err(Errno::NOENT | Errno::SRCH) => part.vanished += 1,
            Err(_) => part.unreadable += 1,
        }
    }
    part
}

impl Part {
    fn process(&mut self, pid: u32, entries: &mut [MaybeUninit<u8>]) -> Result<(), Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = open(format!("/proc/{pid}/fd"), flags, Mode::empty())?;
        let process = self.processes.len() as u32;
        let before = self.sockets.len();
        let mut descriptors = 0;
        let mut list = RawDir::new(&folder, entries);
        while let Some(entry) = list.next() {
            let entry = entry?;
            let Some(fd) = decimal(entry.file_name().to_bytes()) else { continue };
            descriptors += 1;
            let mut link = [MaybeUninit::uninit(); 64];
            match readlinkat_raw(&folder, entry.file_name(), &mut link) {
                Ok((target, _)) => {
                    if let Some(inode) = inode(target) {
                        self.sockets.push(Socket { inode, process, fd });
                    }
                }
                Err(Errno::NOENT | Errno::SRCH) => self.vanished += 1,
                Err(_) => self.hidden += 1,
            }
        }
        let sockets = (self.sockets.len() - before) as u32;
        let name = name(pid).unwrap_or_else(|| "?".to_owned());
        self.processes.push(Process { pid, name, descriptors, sockets });
        Ok(())
    }
}

/// `socket:[4711]`.
pub(super) fn inode(target: &[u8]) -> Option<u32> {
    decimal(target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

fn decimal(octets: &[u8]) -> Option<u32> {
    if octets.is_empty() {
        return None;
    }
    octets.iter().try_fold(0_u32, |number, octet| {
        let digit = octet.is_ascii_digit().then(|| u32::from(octet - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
