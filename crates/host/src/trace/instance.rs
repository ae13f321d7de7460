//! A tracefs instance of our own: buffers that nobody else reads, gone when the value is dropped.
//!
//! Where tracefs is not mounted it is mounted for this process alone, detached: no path shows it (Linux 5.2 and later).

use super::Unavailable;
use super::page::PageLayout;
use super::record::RecordLayout;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, AtFlags, CWD, Dir, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
use std::path::Path;

const PLACE: &str = "/sys/kernel/tracing";
const EVENT: &str = "events/sock/inet_sock_set_state";
/// `statfs` of a tracefs.
const MAGIC: u64 = 0x7472_6163;
/// What instances of ours are called, before the process' id.
const PREFIX: &str = "lastack-";
/// Per processor, in KiB: some ten thousand changes.
const BUFFER_KIB: &str = "1024";
/// More than any of the files has.
const TEXT: usize = 64 << 10;

/// The instance, its event on.
#[derive(Debug)]
pub(super) struct Instance {
    instances: OwnedFd,
    name: String,
    folder: OwnedFd,
    processors: Vec<Processor>,
    pub(super) page: PageLayout,
    pub(super) record: RecordLayout,
}

#[derive(Debug)]
struct Processor {
    pipe: OwnedFd,
    name: String,
}

impl Instance {
    pub(super) fn open() -> Result<Instance, Unavailable> {
        let root = root()?;
        let layout =
            |file: &str| text(&root, file).map_err(|why| Unavailable::Failed("reading tracefs", why));
        let record = match text(&root, &format!("{EVENT}/format")) {
            Err(Errno::NOENT) => return Err(Unavailable::NoTracepoint),
            Err(why) => return Err(Unavailable::Failed("reading the tracepoint's format", why)),
            Ok(format) => RecordLayout::parse(&format).ok_or(Unavailable::NotUnderstood)?,
        };
        let page = PageLayout::parse(&layout("events/header_page")?).ok_or(Unavailable::NotUnderstood)?;
        let instances =
            folder(&root, "instances").map_err(|why| Unavailable::Failed("opening instances", why))?;
        remove_stale(&instances);
        let name = make(&instances).map_err(|why| Unavailable::Failed("making an instance", why))?;
        let opened = folder(&instances, &name);
        let ready =
            opened.and_then(|folder| Ok((processors(&folder)?, folder))).and_then(|(processors, folder)| {
                begin(&folder)?;
                Ok((processors, folder))
            });
        match ready {
            Ok((processors, folder)) => Ok(Instance { instances, name, folder, processors, page, record }),
            Err(why) => {
                let _ = fs::unlinkat(&instances, &name, AtFlags::REMOVEDIR);
                Err(Unavailable::Failed("setting up an instance", why))
            }
        }
    }

    /// Hands every page that is there to `each`, at most `most` of each processor; false when more may be there.
    pub(super) fn pages(
        &self,
        memory: &mut Vec<u8>,
        most: usize,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, Errno> {
        memory.resize(self.page.length(), 0);
        let mut all = true;
        for processor in &self.processors {
            let mut read = 0;
            loop {
                if read == most {
                    all = false;
                    break;
                }
                match rustix::io::read(&processor.pipe, &mut memory[..]) {
                    Ok(0) | Err(Errno::AGAIN) => break,
                    Ok(length) => each(&memory[..length]),
                    Err(Errno::INTR) => continue,
                    Err(why) => return Err(why),
                }
                read += 1;
            }
        }
        Ok(all)
    }

    /// Records that the kernel had no room for, ever.
    pub(super) fn lost(&self) -> u64 {
        let of = |processor: &Processor| {
            let stats = text(&self.folder, &format!("per_cpu/{}/stats", processor.name)).unwrap_or_default();
            lost(&stats)
        };
        self.processors.iter().map(of).sum()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // While its files are open the instance is in use.
        self.processors.clear();
        let _ = write(&self.folder, &format!("{EVENT}/enable"), "0");
        let _ = fs::unlinkat(&self.instances, &self.name, AtFlags::REMOVEDIR);
    }
}

/// From the text of `per_cpu/cpuN/stats`.
pub(super) fn lost(stats: &str) -> u64 {
    let lost = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let counts = matches!(name.trim(), "overrun" | "commit overrun" | "dropped events");
        value.trim().parse::<u64>().ok().filter(|_| counts)
    };
    stats.lines().filter_map(lost).fold(0, u64::saturating_add)
}

/// The mounted tracefs, or one of our own.
fn root() -> Result<OwnedFd, Unavailable> {
    let mounted = fs::statfs(PLACE).is_ok_and(|statfs| statfs.f_type as u64 == MAGIC);
    if mounted {
        return folder(CWD, PLACE).map_err(Unavailable::NotPermitted);
    }
    let mount = || {
        let context = fsopen("tracefs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(&context)?;
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
    };
    mount().map_err(|why| match why {
        Errno::NODEV => Unavailable::NoTracefs,
        Errno::PERM | Errno::ACCESS => Unavailable::NotPermitted(why),
        why => Unavailable::Failed("mounting tracefs", why),
    })
}

fn folder(parent: impl AsFd, path: &str) -> Result<OwnedFd, Errno> {
    fs::openat(parent, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn text(parent: impl AsFd, path: &str) -> Result<String, Errno> {
    let file = fs::openat(parent, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut octets = vec![0; TEXT];
    let mut filled = 0;
    while filled < octets.len() {
        match rustix::io::read(&file, &mut octets[filled..])? {
            0 => break,
            length => filled += length,
        }
    }
    octets.truncate(filled);
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

fn write(parent: impl AsFd, path: &str, value: &str) -> Result<(), Errno> {
    let file = fs::openat(parent, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, value.as_bytes()).map(drop)
}

/// A name that no living process has taken.
fn make(instances: &OwnedFd) -> Result<String, Errno> {
    let process = std::process::id();
    for number in 0..64 {
        let name = format!("{PREFIX}{process}-{number}");
        match fs::mkdirat(instances, &name, Mode::from_raw_mode(0o700)) {
            Ok(()) => return Ok(name),
            Err(Errno::EXIST) => {}
            Err(why) => return Err(why),
        }
    }
    Err(Errno::EXIST)
}

/// Instances whose processes ended without removing them. One that is in use cannot be removed, whoever thinks it is stale.
fn remove_stale(instances: &OwnedFd) {
    for entry in Dir::read_from(instances).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().to_str() else { continue };
        if owner(name).is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            let _ = fs::unlinkat(instances, name, AtFlags::REMOVEDIR);
        }
    }
}

/// The process that an instance of ours belongs to.
pub(super) fn owner(name: &str) -> Option<u32> {
    let (process, number) = name.strip_prefix(PREFIX)?.split_once('-')?;
    number.parse::<u32>().ok()?;
    process.parse().ok()
}

fn processors(folder: &OwnedFd) -> Result<Vec<Processor>, Errno> {
    let list = self::folder(folder, "per_cpu")?;
    let mut processors = Vec::new();
    for entry in Dir::read_from(&list)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().ok().filter(|name| name.starts_with("cpu")) else {
            continue;
        };
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let pipe = fs::openat(&list, format!("{name}/trace_pipe_raw"), flags, Mode::empty())?;
        processors.push(Processor { pipe, name: name.to_owned() });
    }
    Ok(processors)
}

/// One clock for all processors, so that their records can be put in order; TCP only; then on.
fn begin(folder: &OwnedFd) -> Result<(), Errno> {
    write(folder, "trace_clock", "mono")?;
    write(folder, "buffer_size_kb", BUFFER_KIB)?;
    // Where there is no such field, TCP is all there is.
    let _ = write(folder, &format!("{EVENT}/filter"), "protocol == 6");
    write(folder, &format!("{EVENT}/enable"), "1")
}
