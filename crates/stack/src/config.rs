//! What a stack is given when it is made: addresses, knobs, limits, secrets, its place among the shards.
//!
//! Not here: what changes while it runs (`Stack::set_knobs`).

use lastack_tcp::Knobs;
use rand_core::Rng;
use std::fmt;
use std::net::IpAddr;

/// Which shard this is, and of how many. Shards of one stack share addresses, [`Secrets`] and a [`Budget`](crate::Budget).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its number, from zero.
    pub index: u16,
    /// How many there are, at least one.
    pub count: u16,
}

/// The number of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub u16);

impl Shard {
    /// The only shard.
    pub const ONE: Shard = Shard { index: 0, count: 1 };
}

/// What the device does for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// It takes super-segments of up to 64 KiB and cuts them.
    pub tso: bool,
    /// It finishes partial checksums.
    pub checksum_offload: bool,
}

/// Bounds of one shard that are no Linux sysctl. Each says what gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections and active opens: a further connect() gets ENOBUFS, a further third ACK is ignored.
    pub connections: u32,
    /// Half-open requests of all listeners: a further SYN is answered with a cookie, or dropped when `tcp_syncookies` is 0.
    pub half_open: u32,
    /// Replies that wait for the device: a further one is dropped.
    pub replies: usize,
    /// Packets for ourselves that wait: a further one is dropped.
    pub loopback: usize,
    /// Messages to one of the other shards that wait: a further one is dropped.
    pub mailbox: usize,
    /// Events kept for a reader: the oldest gives way; zero keeps none.
    pub events: usize,
    /// Octets of fragments that wait for the rest of their packet: the oldest give way.
    pub fragments: usize,
    /// Servers whose Fast Open cookies are remembered: the one heard of longest ago gives way.
    pub fast_open_cookies: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 1 << 20,
            half_open: 1 << 18,
            replies: 4096,
            loopback: 1024,
            mailbox: 4096,
            events: 0,
            fragments: 4 << 20,
            fast_open_cookies: 1024,
        }
    }
}

/// What a stack is made from.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our addresses with the length of their network prefix.
    pub addresses: Vec<(IpAddr, u8)>,
    /// The largest IP packet the device takes, in octets.
    pub mtu: u16,
    /// The knobs to start with.
    pub knobs: Knobs,
    /// Bounds.
    pub limits: Limits,
    /// What the device does for us.
    pub device: Capabilities,
    /// Our place among the shards.
    pub shard: Shard,
}

impl Config {
    /// The same with the knobs that depend on memory as Linux sets them on a machine with so many octets of it
    /// ([`Knobs::for_memory`]).
    pub fn with_memory(self, octets: u64) -> Config {
        let Knobs { tcp_mem, tcp_rmem, tcp_wmem, .. } = Knobs::for_memory(octets);
        Config { knobs: Knobs { tcp_mem, tcp_rmem, tcp_wmem, ..self.knobs }, ..self }
    }

    /// A single shard with Linux's default knobs, an MTU of 1500 octets and a device without offloads.
    pub fn new(addresses: Vec<(IpAddr, u8)>) -> Config {
        Config {
            addresses,
            mtu: 1500,
            knobs: Knobs::default(),
            limits: Limits::default(),
            device: Capabilities::default(),
            shard: Shard::ONE,
        }
    }
}

/// The keys of hashes that nobody outside may guess. Shards of one stack share them.
#[derive(Clone)]
pub struct Secrets {
    pub(crate) isn: [u64; 2],
    pub(crate) table: [u64; 2],
    pub(crate) ports: [u64; 2],
    pub(crate) shard: [u64; 2],
    pub(crate) fragments: [u64; 2],
    pub(crate) cookies: [u64; 2],
}

impl Secrets {
    /// Draws all keys.
    pub fn from_rng(rng: &mut dyn Rng) -> Secrets {
        let mut key = || [rng.next_u64(), rng.next_u64()];
        Secrets { isn: key(), table: key(), ports: key(), shard: key(), fragments: key(), cookies: key() }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}
