//! Sockets as ss prints them, the kernel's and a stack's: the columns, what -o, -e, -p and --age add to the line, what -i and -m
//! add below it.
//!
//! Rows that are held have columns as wide as their widest cell; those of a stream have fixed ones, so that nothing waits for
//! the last.

mod info;
mod numbers;
#[cfg(test)]
mod tests;

use super::services::Services;
use crate::options::SsOptions;
use lastack::observe::row::Millis;
use lastack::observe::{Holder, HostFacts, SocketRow, State, TimerKind};
use lastack_explain::{Rules, explain};
use lastack_host::cgroups::Cgroups;
use lastack_host::interfaces::Interfaces;
use lastack_host::processes::Processes;
use lastack_host::sysctl;
use lastack_host::trace::Change;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const HEADINGS: [&str; 7] = ["State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port"];
/// Of a stream: every state, most numbers and dotted quads fit.
const FIXED: [usize; 7] = [10, 6, 6, 15, 5, 15, 5];

pub(super) struct Lines<'a> {
    options: &'a SsOptions,
    services: Option<&'a Services>,
    processes: Option<&'a Processes>,
    cgroups: Cgroups,
    /// None where their names are another machine's.
    interfaces: Option<Interfaces>,
    /// Ports that the kernel gives away have no names.
    ephemeral: (u64, u64),
    widths: [usize; 7],
    /// The heading of what follows the columns.
    remarks: &'static str,
    /// What the sockets are explained by.
    rules: Option<Rules>,
    line: Vec<u8>,
    address: Vec<u8>,
    port: Vec<u8>,
    holders: Vec<Holder>,
}

impl<'a> Lines<'a> {
    /// For the kernel's sockets as they come; with `services`, ports have their names.
    pub(super) fn of_kernel(
        options: &'a SsOptions,
        services: Option<&'a Services>,
        processes: Option<&'a Processes>,
    ) -> Lines<'a> {
        Lines {
            processes,
            cgroups: if options.extended { Cgroups::read() } else { Cgroups::default() },
            ephemeral: sysctl::pair("net.ipv4.ip_local_port_range").unwrap_or((1, 0)),
            widths: FIXED,
            remarks: " Process",
            ..Lines::plain(options, services)
        }
    }

    /// For the sockets of a stack, which are these rows.
    pub(super) fn of_stack(
        options: &'a SsOptions,
        services: Option<&'a Services>,
        rows: &[SocketRow],
    ) -> Lines<'a> {
        let mut lines = Lines::plain(options, services);
        for row in rows {
            lines.widen(row);
        }
        lines
    }

    /// For the rows of a snapshot, which was taken somewhere else: interfaces and control groups have their numbers only.
    pub(super) fn of_snapshot(
        options: &'a SsOptions,
        services: Option<&'a Services>,
        rows: &[SocketRow],
        ephemeral: (u64, u64),
    ) -> Lines<'a> {
        let lines = Lines::of_stack(options, services, rows);
        Lines { ephemeral, interfaces: None, remarks: " Process", ..lines }
    }

    fn plain(options: &'a SsOptions, services: Option<&'a Services>) -> Lines<'a> {
        Lines {
            options,
            services,
            processes: None,
            cgroups: Cgroups::default(),
            interfaces: Some(Interfaces::default()),
            ephemeral: (1, 0),
            widths: HEADINGS.map(str::len),
            remarks: "",
            rules: None,
            line: Vec::new(),
            address: Vec::new(),
            port: Vec::new(),
            holders: Vec::new(),
        }
    }

    /// With a sentence below each socket, by these rules.
    pub(super) fn explained(self, rules: Option<Rules>) -> Lines<'a> {
        Lines { rules, ..self }
    }

    fn widen(&mut self, row: &SocketRow) {
        let digits = |number: u32| number.checked_ilog10().unwrap_or(0) as usize + 1;
        let mut cells =
            [row.state.ss_name().len(), digits(row.recv_queue), digits(row.send_queue), 0, 0, 0, 0];
        for (at, end) in [(3, row.flow.local), (5, row.flow.remote)] {
            // Into memory this cannot fail.
            let _ = self.end(end, 0, true);
            (cells[at], cells[at + 1]) = (self.address.len(), self.port.len());
        }
        for (width, cell) in self.widths.iter_mut().zip(cells) {
            *width = (*width).max(cell);
        }
    }

    pub(super) fn header(&self, out: &mut dyn Write) -> io::Result<()> {
        let [state, recv, send, local, local_port, peer, peer_port] = HEADINGS;
        let [a, b, c, d, e, f, g] = self.widths;
        let line = format!(
            "{state:<a$} {recv:<b$} {send:<c$} {local:>d$}:{local_port:<e$} {peer:>f$}:{peer_port:<g$}{}",
            self.remarks
        );
        writeln!(out, "{}", line.trim_end())
    }

    pub(super) fn print(&mut self, row: &SocketRow, out: &mut dyn Write) -> io::Result<()> {
        self.begin(row.state, Some([row.recv_queue, row.send_queue]))?;
        // Only of the kernel's sockets is it known that they take both families.
        let host = row.host.as_deref();
        let v6only = host.is_none_or(|host| host.v6only.unwrap_or(false));
        self.column(row.flow.local, host.map_or(0, |host| host.interface), v6only, 3)?;
        self.line.push(b' ');
        self.column(row.flow.remote, 0, v6only, 5)?;
        self.remarks(row)?;
        while self.line.last() == Some(&b' ') {
            self.line.pop();
        }
        self.below(row)?;
        if let Some(rules) = &self.rules {
            write!(self.line, "\n\t{}", explain(row, rules))?;
        }
        self.line.push(b'\n');
        out.write_all(&self.line)
    }

    /// A change of state: of the queues nothing is known then. `age`: how long it was in the state before; true: at least.
    pub(super) fn change(
        &mut self,
        change: &Change,
        age: Option<(Duration, bool)>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.begin(change.to, None)?;
        self.column(change.flow.local, 0, true, 3)?;
        self.line.push(b' ');
        self.column(change.flow.remote, 0, true, 5)?;
        write!(self.line, " from:{}", change.from.ss_name())?;
        if self.options.kernel.age {
            self.age(age)?;
        }
        self.line.push(b'\n');
        out.write_all(&self.line)
    }

    /// The state and the two queues, as far as they are known.
    fn begin(&mut self, state: State, queues: Option<[u32; 2]>) -> io::Result<()> {
        let [width, recv, send, ..] = self.widths;
        self.line.clear();
        write!(self.line, "{:<width$} ", state.ss_name())?;
        match queues {
            Some(queues) => {
                number(&mut self.line, queues[0], recv)?;
                number(&mut self.line, queues[1], send)
            }
            None => write!(self.line, "{:<recv$} {:<send$} ", "-", "-"),
        }
    }

    fn age(&mut self, age: Option<(Duration, bool)>) -> io::Result<()> {
        match age {
            Some((age, least)) => write!(self.line, " age:{}{}", if least { ">=" } else { "" }, Millis(age)),
            None => write!(self.line, " age:-"),
        }
    }

    /// The address at the right end of its column, the port at the left end of its own.
    fn column(&mut self, end: SocketAddr, interface: u32, v6only: bool, column: usize) -> io::Result<()> {
        self.end(end, interface, v6only)?;
        let [address, port] = [self.widths[column], self.widths[column + 1]];
        self.line.resize(self.line.len() + address.saturating_sub(self.address.len()), b' ');
        self.line.extend_from_slice(&self.address);
        self.line.push(b':');
        self.line.extend_from_slice(&self.port);
        self.line.resize(self.line.len() + port.saturating_sub(self.port.len()), b' ');
        Ok(())
    }

    /// Writes both cells of an end.
    fn end(&mut self, end: SocketAddr, interface: u32, v6only: bool) -> io::Result<()> {
        self.address.clear();
        match end.ip() {
            IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                write!(self.address, "{a}.{b}.{c}.{d}")?;
            }
            // A socket that takes both families.
            IpAddr::V6(ip) if ip.is_unspecified() && !v6only => self.address.push(b'*'),
            IpAddr::V6(ip) => write!(self.address, "[{ip}]")?,
        }
        if interface != 0 {
            match self.interfaces.as_mut().and_then(|names| names.name(interface)) {
                Some(name) => write!(self.address, "%{name}")?,
                None => write!(self.address, "%if{interface}")?,
            }
        }
        self.port.clear();
        let given_away = (self.ephemeral.0..=self.ephemeral.1).contains(&end.port().into());
        let service = self.services.filter(|_| !given_away).and_then(|services| services.name(end.port()));
        match (end.port(), service) {
            (0, _) => self.port.push(b'*'),
            (_, Some(name)) => self.port.extend_from_slice(name.as_bytes()),
            (port, None) => write!(self.port, "{port}")?,
        }
        Ok(())
    }

    /// What follows on the same line.
    fn remarks(&mut self, row: &SocketRow) -> io::Result<()> {
        let host = row.host.as_deref();
        self.holders.clear();
        match (self.processes, host) {
            (Some(processes), Some(host)) => processes.holders(host.inode, &mut self.holders),
            // A snapshot's rows have them.
            (None, Some(host)) if self.options.kernel.processes => {
                self.holders.extend_from_slice(&host.holders)
            }
            _ => {}
        }
        self.users()?;
        // ss -e shows timers too.
        let timers = self.options.options || (self.options.extended && host.is_some());
        if timers && row.timer != TimerKind::Off {
            let left = Millis(row.timer_left.unwrap_or(Duration::ZERO));
            write!(self.line, " timer:({},{left},{})", row.timer, row.retransmits)?;
        }
        if let Some(host) = host.filter(|_| self.options.extended) {
            self.details(host)?;
        }
        // Of a stack it is what -e shows, as far as it is known.
        if self.options.kernel.age || (self.options.extended && host.is_none()) {
            let least = host.is_some_and(|host| host.age_is_least);
            if row.age.is_some() || host.is_some() {
                self.age(row.age.map(|age| (age, least)))?;
            }
            for (true_of, word) in [(row.orphan, " orphan"), (row.unaccepted, " unaccepted")] {
                self.line.extend_from_slice(if true_of { word.as_bytes() } else { b"" });
            }
        }
        Ok(())
    }

    fn users(&mut self) -> io::Result<()> {
        self.holders.sort_by_key(|holder| (holder.pid, holder.fd));
        for (index, Holder { name, pid, fd }) in self.holders.iter().enumerate() {
            let before = if index == 0 { " users:(" } else { "," };
            write!(self.line, "{before}(\"{name}\",pid={pid},fd={fd})")?;
        }
        if !self.holders.is_empty() {
            self.line.push(b')');
        }
        Ok(())
    }

    fn details(&mut self, host: &HostFacts) -> io::Result<()> {
        if host.uid != 0 {
            write!(self.line, " uid:{}", host.uid)?;
        }
        write!(self.line, " ino:{} sk:{:x}", host.inode, host.cookie)?;
        if host.mark != 0 {
            write!(self.line, " fwmark:{:#x}", host.mark)?;
        }
        if let Some(id) = host.cgroup {
            match self.cgroups.path(id) {
                Some(path) => write!(self.line, " cgroup:{path}")?,
                None => write!(self.line, " cgroup:unreachable:{id:x}")?,
            }
        }
        if let Some(only) = host.v6only {
            write!(self.line, " v6only:{}", u8::from(only))?;
        }
        if let Some(shut) = host.shutdown {
            let receive = if shut & 1 != 0 { '-' } else { '<' };
            let send = if shut & 2 != 0 { '-' } else { '>' };
            write!(self.line, " {receive}-{send}")?;
        }
        Ok(())
    }

    /// What -i and -m add, on a line of its own.
    fn below(&mut self, row: &SocketRow) -> io::Result<()> {
        let Some(host) = row.host.as_deref() else {
            return if self.options.info { self.of_stack_below(row) } else { Ok(()) };
        };
        let memory = host.memory.as_ref().filter(|_| self.options.kernel.memory);
        let info = host.info.as_ref().filter(|_| self.options.info);
        if memory.is_some() || info.is_some() {
            self.line.extend_from_slice(b"\n\t");
        }
        if let Some(memory) = memory {
            info::memory(memory, &mut self.line)?;
        }
        if let Some(info) = info {
            let SsOptions { options, extended, numeric, .. } = *self.options;
            info::info(row.state, host, info, options || extended, numeric, &mut self.line)?;
        }
        Ok(())
    }
}

impl Lines<'_> {
    /// What -i adds of a stack's socket: TCP_INFO, or else what the handshake agreed on.
    fn of_stack_below(&mut self, row: &SocketRow) -> io::Result<()> {
        let Some(told) = row.info.as_deref() else { return info::agreed(row, &mut self.line) };
        self.line.extend_from_slice(b"\n\t");
        let SsOptions { options, extended, numeric, .. } = *self.options;
        let host =
            HostFacts { congestion: row.congestion.as_deref().map(str::to_owned), ..HostFacts::default() };
        info::info(row.state, &host, told, options || extended, numeric, &mut self.line)
    }
}

/// At the left end of its column, and a blank.
fn number(line: &mut Vec<u8>, value: u32, width: usize) -> io::Result<()> {
    let before = line.len();
    write!(line, "{value}")?;
    let written = line.len() - before;
    line.resize(line.len() + width.saturating_sub(written) + 1, b' ');
    Ok(())
}
