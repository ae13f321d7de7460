//! One socket of the kernel as ss prints it, written as it comes: columns have fixed widths, so that nothing waits for the last.

use super::super::services::Services;
use super::info;
use crate::options::SsOptions;
use lastack::observe::row::Millis;
use lastack::observe::{Holder, HostFacts, SocketRow, TimerKind};
use lastack_host::cgroups::Cgroups;
use lastack_host::interfaces::Interfaces;
use lastack_host::processes::Processes;
use lastack_host::sysctl;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Dotted quads fit.
const ADDRESS: usize = 15;
const PORT: usize = 5;

pub(super) struct Lines<'a> {
    options: &'a SsOptions,
    services: Option<&'a Services>,
    processes: Option<&'a Processes>,
    cgroups: Cgroups,
    interfaces: Interfaces,
    /// Ports that the kernel gives away have no names.
    ephemeral: (u64, u64),
    line: Vec<u8>,
    cell: Vec<u8>,
    holders: Vec<Holder>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(
        options: &'a SsOptions,
        services: Option<&'a Services>,
        processes: Option<&'a Processes>,
    ) -> Lines<'a> {
        Lines {
            options,
            services,
            processes,
            cgroups: if options.extended { Cgroups::read() } else { Cgroups::default() },
            interfaces: Interfaces::default(),
            ephemeral: sysctl::pair("net.ipv4.ip_local_port_range").unwrap_or((1, 0)),
            line: Vec::new(),
            cell: Vec::new(),
            holders: Vec::new(),
        }
    }

    pub(super) fn header(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{:<10} {:<6} {:<6} {:>ADDRESS$}:{:<PORT$} {:>ADDRESS$}:{:<PORT$} Process",
            "State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port"
        )
    }

    pub(super) fn print(&mut self, row: &mut SocketRow, out: &mut dyn Write) -> io::Result<()> {
        self.line.clear();
        let host = row.host.as_deref();
        let v6only = host.and_then(|host| host.v6only).unwrap_or(false);
        let line = &mut self.line;
        write!(line, "{:<10} ", row.state.ss_name())?;
        number(line, row.recv_queue, 6)?;
        number(line, row.send_queue, 6)?;
        let interface = host.map_or(0, |host| host.interface);
        self.end(row.flow.local, interface, v6only)?;
        self.line.push(b' ');
        self.end(row.flow.remote, 0, v6only)?;
        self.remarks(row)?;
        while self.line.last() == Some(&b' ') {
            self.line.pop();
        }
        self.below(row)?;
        self.line.push(b'\n');
        out.write_all(&self.line)
    }

    /// The address at the right end of its column, the port at the left end of its own.
    fn end(&mut self, end: SocketAddr, interface: u32, v6only: bool) -> io::Result<()> {
        self.cell.clear();
        match end.ip() {
            IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                write!(self.cell, "{a}.{b}.{c}.{d}")?;
            }
            // A socket that takes both families.
            IpAddr::V6(ip) if ip.is_unspecified() && !v6only => self.cell.push(b'*'),
            IpAddr::V6(ip) => write!(self.cell, "[{ip}]")?,
        }
        if interface != 0 {
            match self.interfaces.name(interface) {
                Some(name) => write!(self.cell, "%{name}")?,
                None => write!(self.cell, "%if{interface}")?,
            }
        }
        self.line.resize(self.line.len() + ADDRESS.saturating_sub(self.cell.len()), b' ');
        self.line.extend_from_slice(&self.cell);
        self.line.push(b':');
        let before = self.line.len();
        let given_away = (self.ephemeral.0..=self.ephemeral.1).contains(&end.port().into());
        let service = self.services.filter(|_| !given_away).and_then(|services| services.name(end.port()));
        match (end.port(), service) {
            (0, _) => self.line.push(b'*'),
            (_, Some(name)) => self.line.extend_from_slice(name.as_bytes()),
            (port, None) => write!(self.line, "{port}")?,
        }
        let written = self.line.len() - before;
        self.line.resize(self.line.len() + PORT.saturating_sub(written), b' ');
        Ok(())
    }

    /// What follows on the same line.
    fn remarks(&mut self, row: &SocketRow) -> io::Result<()> {
        let host = row.host.as_deref();
        if let (Some(processes), Some(host)) = (self.processes, host) {
            self.holders.clear();
            processes.holders(host.inode, &mut self.holders);
            self.holders.sort_by_key(|holder| (holder.pid, holder.fd));
            for (index, Holder { name, pid, fd }) in self.holders.iter().enumerate() {
                let before = if index == 0 { " users:(" } else { "," };
                write!(self.line, "{before}(\"{name}\",pid={pid},fd={fd})")?;
            }
            if !self.holders.is_empty() {
                self.line.push(b')');
            }
        }
        // ss -e shows timers too.
        let timers = self.options.options || self.options.extended;
        if timers && row.timer != TimerKind::Off {
            let left = Millis(row.timer_left.unwrap_or(Duration::ZERO));
            write!(self.line, " timer:({},{left},{})", row.timer, row.retransmits)?;
        }
        if let Some(host) = host.filter(|_| self.options.extended) {
            self.details(host)?;
        }
        if self.options.kernel.age {
            let least = host.is_some_and(|host| host.age_is_least);
            match row.age {
                Some(age) => write!(self.line, " age:{}{}", if least { ">=" } else { "" }, Millis(age))?,
                None => self.line.extend_from_slice(b" age:-"),
            }
            for (true_of, word) in [(row.orphan, " orphan"), (row.unaccepted, " unaccepted")] {
                self.line.extend_from_slice(if true_of { word.as_bytes() } else { b"" });
            }
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
        let Some(host) = row.host.as_deref() else { return Ok(()) };
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

/// At the left end of its column, and a blank.
fn number(line: &mut Vec<u8>, value: u32, width: usize) -> io::Result<()> {
    let before = line.len();
    write!(line, "{value}")?;
    let written = line.len() - before;
    line.resize(line.len() + width.saturating_sub(written) + 1, b' ');
    Ok(())
}
