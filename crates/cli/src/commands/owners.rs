//! Which process holds a socket, as far as that can be seen: what cannot is counted, and the way to see it is told.

use lastack_host::processes::Processes;

/// Where there is no /proc, nobody is known to hold anything, and that is said.
pub(super) fn read() -> Processes {
    Processes::read().unwrap_or_else(|error| {
        eprintln!("{error}: which process holds a socket cannot be seen");
        Processes::default()
    })
}

/// `unknown`: sockets that somebody must hold whom /proc did not show.
pub(super) fn warn(processes: &Processes, unknown: u64) {
    let unreadable = processes.unreadable();
    if unreadable > 0 {
        eprintln!(
            "{unreadable} processes could not be read, {unknown} sockets have no known owner: run as root (or with CAP_SYS_PTRACE) to see them"
        );
    } else if unknown > 0 {
        eprintln!(
            "{unknown} sockets have no known owner: /proc does not show every process. Run it on the host, or in a container that shares the host's process ids (--pid=host), to see them"
        );
    }
}
