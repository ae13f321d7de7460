//! A SYN flood against one listener while honest clients come: what each defence leaves of them (RFC 4987).
//!
//! A gate with a listener of backlog 128, clients on a host of their own, a backend behind the gate for the SYN proxy, and
//! forged SYNs from everywhere. Time is virtual and everything follows from the seed. Not here: real packets; those are in
//! the program's own tests, over TUN.

mod run;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

/// The backlog of the listener under attack.
pub const BACKLOG: u32 = 128;
/// Both queues admit one more than the backlog (TIMELINES T20).
pub const HALF_OPEN_MAX: u32 = BACKLOG + 1;
/// What an IPv4 request costs with its place in the tables, at most.
const REQUEST_OCTETS: u32 = 56;
/// Of a thousand clients so many may win a place that falls free, without cookies.
const LUCKY_MAX_PERMILLE: u32 = 30;

/// What stands against the flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defence {
    /// `tcp_syncookies = 1`, the default.
    Cookies,
    /// `tcp_syncookies = 0`.
    Nothing,
    /// A listener with the option `syn_proxy`, and a backend that is dialled after accept().
    SynProxy,
}

impl Defence {
    /// Every kind.
    pub const ALL: [Defence; 3] = [Defence::Cookies, Defence::Nothing, Defence::SynProxy];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Defence::Cookies => "cookies",
            Defence::Nothing => "nothing",
            Defence::SynProxy => "syn-proxy",
        }
    }
}

/// How large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloodOptions {
    /// What stands against it.
    pub defence: Defence,
    /// Forged SYNs.
    pub syns: u32,
    /// Honest clients; they come spread over the time of the flood.
    pub clients: u32,
    /// How long the flood lasts.
    pub length: Duration,
    /// Decides everything.
    pub seed: u64,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloodReport {
    /// What was asked for.
    pub options: FloodOptions,
    /// Clients that were connected and got an answer while the flood went on.
    pub served: u32,
    /// Of their connections, those with timestamps, SACK and window scale.
    pub kept_options: u32,
    /// The most half-open requests at any moment.
    pub half_open_most: u32,
    /// SYNs that reached the backend.
    pub backend_syns: u32,
    /// TcpExtTCPReqQFullDrop.
    pub full_drops: u64,
    /// TcpExtTCPReqQFullDoCookies.
    pub full_cookies: u64,
    /// TcpExtListenDrops.
    pub listen_drops: u64,
    /// TcpExtSyncookiesSent.
    pub cookies_sent: u64,
    /// TcpExtSyncookiesRecv.
    pub cookies_back: u64,
    /// Rows in SYN_RECV that an observer saw at the end of the flood.
    pub rows_half_open: u32,
    /// Events that told of a refused request because the queue was full.
    pub refused_events: u64,
    /// Events that told of a suspected flood, and whether they said that cookies are sent.
    pub suspected: Vec<bool>,
}

impl FloodReport {
    /// What is not as it must be.
    pub fn violations(&self) -> Vec<String> {
        let FloodOptions { defence, syns, clients, .. } = self.options;
        let mut wrong = Vec::new();
        let mut must = |holds: bool, what: &str| {
            if !holds {
                wrong.push(what.to_owned());
            }
        };
        must(self.half_open_most <= HALF_OPEN_MAX, "half-open requests exceed their bound");
        if defence == Defence::Nothing {
            let lucky = clients * LUCKY_MAX_PERMILLE / 1000;
            must(self.served <= lucky, "clients are served though the queue is full");
            must(self.rows_half_open >= BACKLOG / 2, "the rows do not show the full queue");
            must(self.full_drops > u64::from(syns) * 9 / 10, "TCPReqQFullDrop does not count the flood");
            must(self.listen_drops >= self.full_drops, "ListenDrops does not count what was dropped");
            must(self.refused_events == self.full_drops, "not every refusal is told by an event");
            must(self.suspected == [false], "the event of a flood is not told once");
            must(self.cookies_sent == 0, "cookies are sent though they are off");
            return wrong;
        }
        must(self.served == clients, "not every client is served");
        must(self.kept_options == clients, "a client lost window scale, SACK or timestamps");
        must(self.full_drops == 0, "SYNs are dropped");
        must(self.cookies_sent > u64::from(syns) * 9 / 10, "SyncookiesSent does not count the flood");
        if defence == Defence::SynProxy {
            must(self.half_open_most == 0, "the proxy keeps requests");
            must(self.backend_syns == clients, "the backend sees more or less than the clients");
            must(self.cookies_back == u64::from(clients), "not every client was proved by a cookie");
        } else {
            must(self.suspected == [true], "the event of a flood is not told once");
        }
        wrong
    }
}

impl fmt::Display for FloodReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FloodOptions { defence, syns, clients, .. } = self.options;
        write!(f, "{}: {syns} forged SYNs: {} of {clients} clients served", defence.name(), self.served)?;
        write!(f, ", {} with window scale, SACK and timestamps; at most ", self.kept_options)?;
        let octets = self.half_open_most * REQUEST_OCTETS;
        write!(f, "{} half-open of {HALF_OPEN_MAX} ({octets} octets); ", self.half_open_most)?;
        match defence {
            Defence::Nothing => write!(
                f,
                "ss shows {} in SYN_RECV, TCPReqQFullDrop {}, ListenDrops {}, {} refusals told",
                self.rows_half_open, self.full_drops, self.listen_drops, self.refused_events
            )?,
            Defence::Cookies | Defence::SynProxy => {
                write!(f, "SyncookiesSent {}, SyncookiesRecv {}", self.cookies_sent, self.cookies_back)?;
            }
        }
        if defence == Defence::SynProxy {
            write!(f, "; the backend saw {} SYNs", self.backend_syns)?;
        }
        self.violations().iter().try_for_each(|wrong| write!(f, "\n  {wrong}"))
    }
}

/// Runs one flood to its end.
pub fn run_flood(options: FloodOptions) -> FloodReport {
    run::Siege::new(options).run()
}
