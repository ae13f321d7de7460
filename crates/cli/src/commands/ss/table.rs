//! Rows in ss' columns. A column is as wide as its widest cell.

use super::services::Services;
use crate::options::SsOptions;
use lastack::observe::row::Millis;
use lastack::observe::{SocketRow, State, TimerKind};
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const HEADINGS: [&str; 7] = ["State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port"];

/// Prints the rows; with `services`, ports have their names.
pub(crate) fn print(
    rows: &[SocketRow],
    options: &SsOptions,
    services: Option<&Services>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let table: Vec<[String; 7]> = rows.iter().map(|row| cells(row, services)).collect();
    let mut widths = HEADINGS.map(str::len);
    for line in &table {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    if !options.no_header {
        writeln!(out, "{}", line(&HEADINGS.map(str::to_owned), &widths).trim_end())?;
    }
    for (row, cells) in rows.iter().zip(&table) {
        let text = line(cells, &widths);
        writeln!(out, "{}", format!("{text} {}", remarks(row, options)).trim_end())?;
        if options.info
            && let Some(info) = info(row)
        {
            writeln!(out, "\t {info}")?;
        }
    }
    Ok(())
}

fn cells(row: &SocketRow, services: Option<&Services>) -> [String; 7] {
    let (local, local_port) = end(row.flow.local, services);
    let (peer, peer_port) = end(row.flow.remote, services);
    [
        row.state.ss_name().to_owned(),
        row.recv_queue.to_string(),
        row.send_queue.to_string(),
        local,
        local_port,
        peer,
        peer_port,
    ]
}

/// Address and port; port zero is any port.
fn end(end: SocketAddr, services: Option<&Services>) -> (String, String) {
    let address = match end.ip() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let port = match (end.port(), services.and_then(|services| services.name(end.port()))) {
        (0, _) => "*".to_owned(),
        (_, Some(name)) => name.to_owned(),
        (port, None) => port.to_string(),
    };
    (address, port)
}

fn line(cells: &[String; 7], widths: &[usize; 7]) -> String {
    let [state, recv, send, local, local_port, peer, peer_port] = cells;
    let [a, b, c, d, e, f, g] = *widths;
    format!("{state:<a$} {recv:<b$} {send:<c$} {local:>d$}:{local_port:<e$} {peer:>f$}:{peer_port:<g$}")
}

/// What `-o` and `-e` add to the line.
fn remarks(row: &SocketRow, options: &SsOptions) -> String {
    let mut remarks = Vec::new();
    if options.options && row.timer != TimerKind::Off {
        let left = Millis(row.timer_left.unwrap_or(Duration::ZERO));
        remarks.push(format!("timer:({},{left},{})", row.timer, row.retransmits));
    }
    if options.extended {
        if let Some(age) = row.age {
            remarks.push(format!("age:{}", Millis(age)));
        }
        if row.orphan {
            remarks.push("orphan".to_owned());
        }
        if row.unaccepted {
            remarks.push("unaccepted".to_owned());
        }
    }
    remarks.join(" ")
}

/// What `-i` adds below the line: what the handshake agreed on.
fn info(row: &SocketRow) -> Option<String> {
    let agreed = row.negotiated.filter(|_| row.state != State::Listen)?;
    let mut words = Vec::new();
    if agreed.timestamps {
        words.push("ts".to_owned());
    }
    if agreed.sack {
        words.push("sack".to_owned());
    }
    if let Some((theirs, ours)) = agreed.window_scale {
        words.push(format!("wscale:{theirs},{ours}"));
    }
    words.push(format!("mss:{}", agreed.mss));
    Some(words.join(" "))
}
