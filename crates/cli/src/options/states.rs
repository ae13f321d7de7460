//! What `lastack states` and other views of the kernel are told.

use clap::{Args, ValueEnum};
use lastack_host::namespace::Place;
use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

/// Which network namespace to look at.
#[derive(Args, Debug)]
pub(crate) struct Where {
    /// Look at this network namespace: a name of `ip netns`, a process id, or a path. It needs CAP_SYS_ADMIN.
    #[arg(short = 'N', long, value_name = "NAME|PID|PATH", value_parser = place)]
    pub(crate) net: Option<Place>,
}

fn place(text: &str) -> Result<Place, Infallible> {
    text.parse()
}

/// What `lastack states` is told.
#[derive(Args, Debug)]
#[command(
    after_help = "Flows count with the listener on their local end; those opened from here count as \"no listener\". QUEUE is \
    what waits for accept(), of how much room; DROPS are connections that full queues refused since the listener \
    opened.\n\nSockets that several processes hold count with the lowest process id. What another user's processes \
    hold can be seen only by root: what could not be read is counted and said."
)]
pub(crate) struct StatesOptions {
    #[command(flatten)]
    pub(crate) place: Where,
    /// Count the sockets of a snapshot instead (of several the last one): a file as `lastack snapshot` writes it; `-` is stdin.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["net", "all_netns", "watch", "counters"])]
    pub(crate) from: Option<PathBuf>,
    /// One line per network namespace, the one with the most CLOSE_WAIT first. It needs CAP_SYS_ADMIN.
    #[arg(long, conflicts_with_all = ["net", "by", "counters", "watch"])]
    pub(crate) all_netns: bool,
    /// Count by this instead of by listener.
    #[arg(long, value_name = "WHAT", value_enum)]
    pub(crate) by: Option<By>,
    /// Count again and again, by default every second; with rates, and the changes of state from the tracepoint
    /// sock:inet_sock_set_state where it may be had (as root), else by looking once a second; which of the two is said. One JSON
    /// object per line when stdout is no terminal.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "1", value_parser = seconds)]
    pub(crate) watch: Option<Duration>,
    /// The kernel's TCP counters that grew, by default over one second, with what each means.
    #[arg(long)]
    pub(crate) counters: bool,
    /// The same as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to count by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// The process that holds the socket.
    Process,
}

/// `60`, `0.5`, `60s`.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is no number of seconds between 0.1 and 86400");
    let seconds: f64 = text.strip_suffix('s').unwrap_or(text).parse().map_err(|_| wrong())?;
    if (0.1..=86_400.0).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(wrong()) }
}

/// What `lastack ss` can tell of the kernel's sockets only.
#[derive(Args, Debug)]
pub(crate) struct KernelOptions {
    #[command(flatten)]
    pub(crate) place: Where,
    /// Processes that hold the socket. Of other users' processes only root sees them.
    #[arg(short = 'p', long, conflicts_with = "stack")]
    pub(crate) processes: bool,
    /// Memory of the socket, and what it dropped.
    #[arg(short = 'm', long, conflicts_with = "stack")]
    pub(crate) memory: bool,
    /// Time in the state where the kernel lets it be known, else with --watch and --events since first seen in it, else "-"; ">="
    /// before a lower bound.
    #[arg(long, conflicts_with = "stack")]
    pub(crate) age: bool,
    /// List the sockets that pass and destroy them: connections are reset, their applications see ECONNABORTED. It needs a
    /// FILTER and CAP_NET_ADMIN, and asks first.
    #[arg(short = 'K', long, conflicts_with_all = ["stack", "summary", "by"])]
    pub(crate) kill: bool,
    /// Do not ask before --kill; needed where stdin is no terminal.
    #[arg(long, requires = "kill")]
    pub(crate) yes: bool,
    /// What happens from now on, until Ctrl-C: sockets as they are destroyed, and every change of state, from the tracepoint
    /// sock:inet_sock_set_state where it may be had (as root), else by looking once a second; which of the two is said. States
    /// of a FILTER are those before or after a change.
    #[arg(short = 'E', long, conflicts_with_all = ["stack", "summary", "by", "kill"])]
    pub(crate) events: bool,
    /// List again and again, by default every second.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "1", value_parser = seconds,
        conflicts_with_all = ["stack", "summary", "kill", "events"])]
    pub(crate) watch: Option<Duration>,
    /// Count the sockets that pass instead of listing them.
    #[arg(long, value_name = "WHAT", value_enum, conflicts_with_all = ["stack", "summary"])]
    pub(crate) by: Option<crate::commands::ss::kernel::By>,
}
