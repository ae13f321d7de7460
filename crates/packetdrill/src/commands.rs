//! system(3) for who preloads this library: commands of a script that ask the kernel about its TCP, or order it to forget,
//! mean the stack here.
//!
//! Two do: `ip tcp_metrics flush`, after which clients know no cookie any more, and `nstat`, which is shown the stack's counters
//! in place of the kernel's (it takes PROC_NET_NETSTAT and PROC_NET_SNMP for their files). Every command runs as it would.

use crate::abi::{hand_over, live};
use crate::preload::next;
use crate::world::World;
use lastack_stack::observe::Counter;
use libc::{c_char, c_int};
use std::ffi::{CStr, CString};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// system(3).
///
/// # Safety
/// As the function of libc: `command` is null or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn system(command: *const c_char) -> c_int {
    // SAFETY: the caller promises a C string where it is not null.
    let text =
        (!command.is_null()).then(|| unsafe { CStr::from_ptr(command) }.to_string_lossy().into_owned());
    let mut seen = None;
    let _ = hand_over(|| {
        seen = text.as_deref().and_then(prepare);
        Ok(0)
    });
    let line = seen.as_ref().and_then(|(_, line)| CString::new(line.as_str()).ok());
    let status = run(line.as_ref().map_or(command, |line| line.as_ptr()));
    if let Some((folder, _)) = seen {
        let _ = std::fs::remove_dir_all(folder);
    }
    status
}

fn run(command: *const c_char) -> c_int {
    type Real = unsafe extern "C" fn(*const c_char) -> c_int;
    match next(c"system".as_ptr()) {
        // SAFETY: libc's system() has this type; the command is the caller's, or a C string of ours.
        Some(real) => unsafe { std::mem::transmute::<*mut libc::c_void, Real>(real)(command) },
        None => -1,
    }
}

/// What a command means for the stacks; with files to show, their folder and the command that looks at them.
fn prepare(command: &str) -> Option<(PathBuf, String)> {
    let worlds = live::all();
    if command.contains("tcp_metrics") && (command.contains("flush") || command.contains("delete")) {
        for world in &worlds {
            let _ = world.call(|core| {
                core.stack.forget_servers();
                Ok(0)
            });
        }
    }
    if !command.contains("nstat") || worlds.is_empty() {
        return None;
    }
    let folder = std::env::temp_dir().join(format!("lastack-counters-{}", std::process::id()));
    std::fs::create_dir_all(&folder).ok()?;
    let (netstat, snmp) = (folder.join("netstat"), folder.join("snmp"));
    std::fs::write(&netstat, table(&worlds, &["TcpExt", "IpExt"])).ok()?;
    std::fs::write(&snmp, table(&worlds, &["Ip", "Icmp", "Tcp"])).ok()?;
    let (netstat, snmp) = (netstat.display(), snmp.display());
    let line = format!("export PROC_NET_NETSTAT='{netstat}' PROC_NET_SNMP='{snmp}'\n{command}");
    Some((folder, line))
}

/// The counters of these groups as `/proc/net/netstat` and `/proc/net/snmp` have them: a line of names, a line of values.
fn table(worlds: &[Arc<World>], groups: &[&str]) -> String {
    let mut text = String::new();
    for group in groups {
        let (mut names, mut values) = (format!("{group}:"), format!("{group}:"));
        for counter in Counter::ALL {
            let Some(rest) =
                counter.name().strip_prefix(group).filter(|_| group_of(counter.name()) == *group)
            else {
                continue;
            };
            let _ = write!(names, " {rest}");
            let _ = write!(values, " {}", sum(worlds, *counter));
        }
        let _ = writeln!(text, "{names}\n{values}");
    }
    text
}

fn group_of(name: &str) -> &'static str {
    let groups = ["TcpExt", "IpExt", "Tcp", "Ip", "Icmp"];
    groups.into_iter().find(|group| name.starts_with(group)).unwrap_or("")
}

fn sum(worlds: &[Arc<World>], counter: Counter) -> u64 {
    let mut all = 0;
    for world in worlds {
        let _ = world.call(|core| {
            all += core.stack.counters().value(counter);
            Ok(0)
        });
    }
    all
}
