//! What a client remembers of the servers it used Fast Open with (RFC 7413 section 4.1.3): cookie, MSS, and which form of
//! the option they know. Bounded; the server that was heard of longest ago gives way.

use lastack_tcp::active_open::FastOpenNews;
use lastack_wire::tcp::{FastOpen, FastOpenCookie};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Our address and the server's: a cookie holds for both.
type Pair = (IpAddr, IpAddr);

/// What is known of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The MSS it told last.
    pub(crate) mss: u16,
    /// The option of the next SYN: the cookie, or the wish for one.
    pub(crate) option: FastOpen,
}

struct Entry {
    mss: u16,
    cookie: Option<FastOpen>,
    /// How often the wish was passed over: after the first time the experiment's form is tried, after the second never again.
    passed_over: u8,
    heard: u64,
}

/// See the module.
pub(crate) struct CookieCache {
    servers: BTreeMap<Pair, Entry>,
    /// The same, by when they were heard of.
    order: BTreeMap<u64, Pair>,
    next: u64,
    max: usize,
}

impl CookieCache {
    /// Keeps at most `max` servers.
    pub(crate) fn new(max: usize) -> CookieCache {
        CookieCache { servers: BTreeMap::new(), order: BTreeMap::new(), next: 0, max }
    }

    /// What is known of a server; `None`: nothing.
    pub(crate) fn known(&self, local: IpAddr, remote: IpAddr) -> Option<Known> {
        let entry = self.servers.get(&(local, remote))?;
        let wish = FastOpen { cookie: FastOpenCookie::NONE, experimental: entry.passed_over == 1 };
        Some(Known { mss: entry.mss, option: entry.cookie.unwrap_or(wish) })
    }

    /// A handshake that asked for Fast Open is done.
    pub(crate) fn learn(&mut self, local: IpAddr, remote: IpAddr, news: FastOpenNews) {
        if self.max == 0 {
            return;
        }
        let pair = (local, remote);
        if !self.servers.contains_key(&pair) && self.servers.len() >= self.max {
            self.forget_oldest();
        }
        let heard = self.next;
        self.next += 1;
        let fresh = Entry { mss: news.mss, cookie: None, passed_over: 0, heard };
        let entry = self.servers.entry(pair).or_insert(fresh);
        self.order.remove(&std::mem::replace(&mut entry.heard, heard));
        self.order.insert(heard, pair);
        entry.mss = news.mss;
        if news.cookie.is_some() {
            entry.cookie = news.cookie;
        } else if let Some(experimental) = news.ignored.filter(|_| entry.cookie.is_none()) {
            entry.passed_over = entry.passed_over.max(if experimental { 2 } else { 1 });
        }
    }

    /// Forgets every server.
    pub(crate) fn clear(&mut self) {
        self.servers.clear();
        self.order.clear();
    }

    fn forget_oldest(&mut self) {
        if let Some((_, pair)) = self.order.pop_first() {
            self.servers.remove(&pair);
        }
    }
}

#[cfg(test)]
mod tests;
