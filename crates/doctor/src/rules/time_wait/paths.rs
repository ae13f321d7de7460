//! The arithmetic of local ports: how many there are, for how long each is held, how many every path has taken.

use crate::Culprit;
use crate::case::{Case, canonical};
use crate::rules::ports;
use lastack_observe::{SocketRow, State};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Fixed in Linux; some vendors' kernels have tcp_tw_timeout.
const TIME_WAIT_SECONDS: f64 = 60.0;

/// The ports that connect() may choose from, and for how long each is gone.
pub(super) struct Budget {
    /// How many.
    pub(super) ports: f64,
    /// The range as it is set.
    pub(super) range: String,
    /// After the end of a connection.
    pub(super) hold_seconds: f64,
    /// A translator on the way decides how long.
    pub(super) nat: bool,
    low: u16,
    high: u16,
    time_wait_seconds: f64,
}

impl Budget {
    /// None when the range is not known.
    pub(super) fn read(case: &Case<'_>) -> Option<Budget> {
        let (low, high) = ports::range(case)?;
        let reserved = reserved(case, low, high);
        let ports = (u32::from(high) + 1).saturating_sub(u32::from(low)).saturating_sub(reserved);
        let vendor = case.number("net.ipv4.tcp_tw_timeout").filter(|seconds| *seconds > 0);
        let time_wait = vendor.map_or(TIME_WAIT_SECONDS, |seconds| seconds as f64);
        let nat = case.settings.nat_hold.map(|hold| hold.as_secs_f64()).filter(|hold| *hold > time_wait);
        Some(Budget {
            ports: ports.into(),
            range: format!("{low} {high}"),
            hold_seconds: nat.unwrap_or(time_wait),
            nat: nat.is_some(),
            low,
            high,
            time_wait_seconds: time_wait,
        })
    }

    /// What keeps connect() from taking over ports in TIME_WAIT on this path, and what to set; None when nothing does.
    pub(super) fn reuse_off_why(&self, case: &Case<'_>, path: &Path) -> Option<&'static str> {
        match (case.number("net.ipv4.tcp_tw_reuse"), case.number("net.ipv4.tcp_timestamps")) {
            (_, Some(0)) => Some("net.ipv4.tcp_timestamps = 1 and net.ipv4.tcp_tw_reuse = 1"),
            (Some(0), _) => Some("net.ipv4.tcp_tw_reuse = 1 (2 for loopback only)"),
            (Some(2) | None, _) if !path.to.ip().is_loopback() => Some("net.ipv4.tcp_tw_reuse = 1"),
            _ => None,
        }
    }
}

/// How many ports of the range are kept for services.
fn reserved(case: &Case<'_>, low: u16, high: u16) -> u32 {
    let inside = |(from, to): (u16, u16)| (u32::from(to.min(high)) + 1).saturating_sub(from.max(low).into());
    ports::reserved(case).into_iter().map(inside).sum()
}

/// Connections from one address to one service.
pub(super) struct Path {
    pub(super) from: IpAddr,
    pub(super) to: SocketAddr,
    /// Ports in TIME_WAIT.
    pub(super) time_wait: u64,
    /// Ports in every other state.
    pub(super) other: u64,
    /// Ports that a new connection cannot have.
    pub(super) occupied: f64,
    /// Connections per second.
    pub(super) rate: f64,
    /// Who has connections there now, at most three.
    pub(super) holders: Vec<Culprit>,
}

/// Every path on which ports of the range are taken by connections that were opened from here.
pub(super) fn paths(case: &Case<'_>, budget: &Budget) -> Vec<Path> {
    let mut rows: BTreeMap<(IpAddr, SocketAddr), Vec<&SocketRow>> = BTreeMap::new();
    for row in &case.last.rows {
        let from_here = (budget.low..=budget.high).contains(&row.flow.local.port())
            && row.state != State::Listen
            && row.flow.remote.port() != 0
            && case.listener(row.flow.local).is_none();
        if from_here {
            let key = (row.flow.local.ip().to_canonical(), canonical(row.flow.remote));
            rows.entry(key).or_default().push(row);
        }
    }
    rows.into_iter().map(|((from, to), rows)| path(case, budget, from, to, &rows)).collect()
}

fn path(case: &Case<'_>, budget: &Budget, from: IpAddr, to: SocketAddr, rows: &[&SocketRow]) -> Path {
    let waiting: Vec<&&SocketRow> = rows.iter().filter(|row| row.state == State::TimeWait).collect();
    let (time_wait, other) = (waiting.len() as u64, (rows.len() - waiting.len()) as u64);
    // Those of the last ten seconds tell today's rate; where ages are not known, all of them the mean.
    let young = |seconds: f64| {
        waiting.iter().filter(|row| row.age.is_some_and(|age| age.as_secs_f64() < seconds)).count() as f64
    };
    let ages_known = waiting.iter().any(|row| row.age.is_some());
    let mean = time_wait as f64 / budget.time_wait_seconds;
    let rate = if ages_known { mean.max(young(10.0) / 10.0) } else { mean };
    let mut path = Path { from, to, time_wait, other, occupied: 0.0, rate, holders: Vec::new() };
    path.occupied = match (budget.nat, budget.reuse_off_why(case, &path)) {
        (true, _) => other as f64 + rate * budget.hold_seconds,
        // A TIME_WAIT that connect() may take over is no obstacle once it is old enough.
        (false, None) if ages_known => other as f64 + young(reuse_delay_seconds(case)),
        (false, None) => other as f64 + rate * reuse_delay_seconds(case),
        (false, Some(_)) => (time_wait + other) as f64,
    };
    let held: Vec<&SocketRow> = rows
        .iter()
        .copied()
        .filter(|row| crate::case::host(row).is_some_and(|host| !host.holders.is_empty()))
        .collect();
    path.holders = case.by_holder(&held).into_keys().take(3).collect();
    path
}

fn reuse_delay_seconds(case: &Case<'_>) -> f64 {
    case.number("net.ipv4.tcp_tw_reuse_delay").map_or(1.0, |ms| ms as f64 / 1000.0).max(0.0)
}
