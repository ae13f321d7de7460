//! TIME_WAIT by the ten thousands: connections whose client closes first.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

/// Each address has ports for some twenty thousand.
const ADDRESSES: u8 = 8;
const PORT: u16 = 4712;

pub(super) struct TimeWaits {
    wanted: u32,
    listeners: Vec<TcpListener>,
}

impl TimeWaits {
    pub(super) fn new(wanted: u32) -> Result<TimeWaits, String> {
        // In the namespace of this benchmark alone.
        let knob = "/proc/sys/net/ipv4/tcp_max_tw_buckets";
        let most: u32 = fs::read_to_string(knob).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        if most < wanted * 2 {
            fs::write(knob, (wanted * 2).to_string()).map_err(|error| format!("{knob}: {error}"))?;
        }
        let listen = |last| TcpListener::bind(SocketAddr::from((Ipv4Addr::new(127, 0, 2, last), PORT)));
        let listeners: Result<Vec<TcpListener>, _> = (1..=ADDRESSES).map(listen).collect();
        let listeners = listeners.map_err(|error| format!("listening for TIME_WAIT: {error}"))?;
        Ok(TimeWaits { wanted, listeners })
    }

    /// Makes those that are missing.
    pub(super) fn fill(&mut self) -> Result<(), String> {
        let there = count().ok_or("/proc/self/net/sockstat tells no count of TIME_WAIT")?;
        let missing = self.wanted.saturating_sub(there);
        for (_, listener) in (0..missing).zip(self.listeners.iter().cycle()) {
            one(listener).map_err(|error| format!("making TIME_WAIT: {error}"))?;
        }
        Ok(())
    }
}

fn one(listener: &TcpListener) -> std::io::Result<()> {
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    drop(client);
    drop(server);
    Ok(())
}

fn count() -> Option<u32> {
    let text = fs::read_to_string("/proc/self/net/sockstat").ok()?;
    let mut words = text.lines().find(|line| line.starts_with("TCP:"))?.split_whitespace();
    words.find(|word| *word == "tw")?;
    words.next()?.parse().ok()
}
