//! Who holds which local port, and who may join: Linux's rules for bind(), listen() and port 0.
//!
//! Theory: whether a newcomer is in the way of a holder depends only on the holder's address and three facts about it
//! (SO_REUSEADDR, SO_REUSEPORT, LISTEN). So a port keeps no list of holders but counts, per address and combination of
//! facts, and every question costs the same with one holder or a million. Connections and TIME_WAITs hold their port
//! like any other socket, with what their listener had set (TIMELINES T38, T23).
//! Not here: the four-tuples themselves (the table has them) and ports for connect() (`ports`).

use std::net::IpAddr;

use hashbrown::HashMap;
use rand_core::Rng;
use std::hash::BuildHasherDefault;

/// Local addresses and ports are ours to choose, so nobody can flood these maps, and the hash needs no secret.
type Fixed = BuildHasherDefault<siphasher::sip::SipHasher13>;

/// The port is taken (EADDRINUSE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InUse;

/// Facts about a holder, in one octet so that a TIME_WAIT can carry them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Owner(u8);

impl Owner {
    const REUSEADDR: u8 = 1;
    const REUSEPORT: u8 = 2;
    const LISTEN: u8 = 4;
    const CONNECT: u8 = 8;
    /// Combinations that matter for conflicts.
    const KINDS: usize = 8;

    /// A socket before bind(), with its options.
    pub(crate) const fn new(reuseaddr: bool, reuseport: bool) -> Owner {
        Owner((reuseaddr as u8 * Owner::REUSEADDR) | (reuseport as u8 * Owner::REUSEPORT))
    }

    /// The same socket when connect() and not bind() gave it its port.
    pub(crate) const fn by_connect(self) -> Owner {
        Owner(self.0 | Owner::CONNECT)
    }

    /// The facts as one octet, and back.
    pub(crate) const fn to_bits(self) -> u8 {
        self.0
    }

    /// The inverse of [`Owner::to_bits`].
    pub(crate) const fn from_bits(bits: u8) -> Owner {
        Owner(bits)
    }

    const fn listening(self, yes: bool) -> Owner {
        Owner(if yes { self.0 | Owner::LISTEN } else { self.0 & !Owner::LISTEN })
    }

    pub(crate) const fn is_explicit(self) -> bool {
        self.0 & Owner::CONNECT == 0
    }

    const fn kind(self) -> usize {
        self.0 as usize & (Owner::KINDS - 1)
    }

    /// True when both may hold one port with addresses that overlap: SO_REUSEADDR on both and the holder not in LISTEN,
    /// or SO_REUSEPORT on both.
    const fn tolerates(self, holder: Owner) -> bool {
        let both = self.0 & holder.0;
        both & Owner::REUSEPORT != 0 || (both & Owner::REUSEADDR != 0 && holder.0 & Owner::LISTEN == 0)
    }
}

/// The local address of a holder, as far as overlapping goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// 0.0.0.0
    AnyIpv4,
    /// `::` without IPV6_V6ONLY: overlaps with everything.
    AnyDual,
    /// `::` with IPV6_V6ONLY.
    AnyIpv6,
    /// One address; IPv4-mapped ones are IPv4.
    One(IpAddr),
}

impl Place {
    /// Where bind() to `address` puts a socket.
    pub(crate) fn new(address: IpAddr, v6only: bool) -> Place {
        match address.to_canonical() {
            IpAddr::V4(address) if address.is_unspecified() => Place::AnyIpv4,
            IpAddr::V6(address) if address.is_unspecified() && v6only => Place::AnyIpv6,
            IpAddr::V6(address) if address.is_unspecified() => Place::AnyDual,
            one => Place::One(one),
        }
    }
}

/// One holder's claim. Give it back with [`BindTable::release`]; a flow can make it again from its local address and its
/// [`Owner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The address.
    pub(crate) place: Place,
    /// The port.
    pub(crate) port: u16,
    /// The facts.
    pub(crate) owner: Owner,
}

impl Claim {
    /// What a connection or TIME_WAIT holds: its own address, never a wildcard.
    pub(crate) fn of_flow(local: std::net::SocketAddr, owner: Owner) -> Claim {
        Claim { place: Place::One(local.ip().to_canonical()), port: local.port(), owner }
    }
}

/// Holders by combination of facts.
#[derive(Clone, Copy, Debug, Default)]
struct Counts([u32; Owner::KINDS]);

impl Counts {
    fn conflicts_with(&self, newcomer: Owner) -> bool {
        (0_u8..).zip(self.0).any(|(kind, count)| count > 0 && !newcomer.tolerates(Owner(kind)))
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|&count| count == 0)
    }
}

/// All holders of one port.
#[derive(Clone, Copy, Debug, Default)]
struct Port {
    any_ipv4: Counts,
    any_dual: Counts,
    any_ipv6: Counts,
    /// Sums over single addresses; the single counts are in `BindTable::ones`.
    ones_ipv4: Counts,
    ones_ipv6: Counts,
    holders: u32,
    /// Holders that did not get here by connect().
    explicit: u32,
}

/// The table of one stack.
#[derive(Debug, Default)]
pub(crate) struct BindTable {
    ports: HashMap<u16, Port, Fixed>,
    ones: HashMap<(u16, IpAddr), Counts, Fixed>,
}

impl BindTable {
    /// bind() to a port that the application named.
    pub(crate) fn bind(&mut self, place: Place, port: u16, owner: Owner) -> Result<Claim, InUse> {
        let claim = Claim { place, port, owner };
        if self.any_overlapping(claim, |counts| counts.conflicts_with(owner)) {
            return Err(InUse);
        }
        self.hold(claim);
        Ok(claim)
    }

    /// bind() to port 0: any port of `range` that nobody holds on an overlapping address, whatever they tolerate.
    ///
    /// As Linux: ports of the parity that connect() tries last come first; with SO_REUSEADDR the lower half of the range
    /// comes before the upper one. Looks at each port of the range at most once.
    pub(crate) fn bind_ephemeral(
        &mut self,
        place: Place,
        owner: Owner,
        range: [u16; 2],
        rng: &mut dyn Rng,
        mut serves: impl FnMut(u16) -> bool,
    ) -> Result<Claim, InUse> {
        let (low, end) = (u32::from(range[0]), u32::from(range[1]) + 1);
        let middle = low + (end.saturating_sub(low) / 4) * 2;
        let parts = if owner.0 & Owner::REUSEADDR != 0 {
            [(low, middle), (middle, end)]
        } else {
            [(low, end), (end, end)]
        };
        for (low, end) in parts {
            let free = |port: u16| {
                let claim = Claim { place, port, owner };
                serves(port) && !self.any_overlapping(claim, |counts| !counts.is_empty())
            };
            if let Some(port) = scan(low, end, 1, rng.next_u32(), free) {
                let claim = Claim { place, port, owner };
                self.hold(claim);
                return Ok(claim);
            }
        }
        Err(InUse)
    }

    /// listen(): the claim is judged again, because from now on SO_REUSEADDR does not help others, and another socket that
    /// was bound beside it may have begun to listen first.
    pub(crate) fn listen(&mut self, claim: &mut Claim) -> Result<(), InUse> {
        self.release(*claim);
        let conflict = self.any_overlapping(*claim, |counts| counts.conflicts_with(claim.owner));
        if !conflict {
            claim.owner = claim.owner.listening(true);
        }
        self.hold(*claim);
        if conflict { Err(InUse) } else { Ok(()) }
    }

    /// The claim of a connection that a listener with `listener` brings forth on `local`: same port, its options, its own
    /// address. Never refused.
    pub(crate) fn inherit(&mut self, listener: &Claim, local: std::net::SocketAddr) -> Claim {
        let claim = Claim::of_flow(local, listener.owner.listening(false));
        self.hold(claim);
        claim
    }

    /// A socket bound to a wildcard connects: from now on it holds one address only.
    pub(crate) fn narrow(&mut self, claim: &mut Claim, local: IpAddr) {
        self.release(*claim);
        claim.place = Place::One(local.to_canonical());
        self.hold(*claim);
    }

    /// connect() took a port with [`BindTable::open_to_connect`] for itself.
    pub(crate) fn connect(&mut self, local: std::net::SocketAddr, owner: Owner) -> Claim {
        let claim = Claim::of_flow(local, owner.by_connect());
        self.hold(claim);
        claim
    }

    /// True when connect() may choose this port: nobody holds it, or only others that connect() brought here, so that free
    /// four-tuples are all that counts (TIMELINES T23: another destination still works).
    pub(crate) fn open_to_connect(&self, port: u16) -> bool {
        self.ports.get(&port).is_none_or(|port| port.explicit == 0)
    }

    /// SO_REUSEADDR or SO_REUSEPORT were set on a socket that is bound already: later binds see the new value.
    pub(crate) fn set_options(&mut self, claim: &mut Claim, reuseaddr: bool, reuseport: bool) {
        self.release(*claim);
        let kept = claim.owner.0 & (Owner::LISTEN | Owner::CONNECT);
        claim.owner = Owner(Owner::new(reuseaddr, reuseport).0 | kept);
        self.hold(*claim);
    }

    /// The holder is gone.
    pub(crate) fn release(&mut self, claim: Claim) {
        self.change(claim, u32::wrapping_sub);
        if self.ports.get(&claim.port).is_some_and(|port| port.holders == 0) {
            self.ports.remove(&claim.port);
        }
    }

    fn hold(&mut self, claim: Claim) {
        self.change(claim, u32::wrapping_add);
    }

    fn change(&mut self, claim: Claim, by: fn(u32, u32) -> u32) {
        let Claim { place, port: number, owner } = claim;
        let port = self.ports.entry(number).or_default();
        port.holders = by(port.holders, 1);
        port.explicit = by(port.explicit, u32::from(owner.is_explicit()));
        let counts = match place {
            Place::AnyIpv4 => &mut port.any_ipv4,
            Place::AnyDual => &mut port.any_dual,
            Place::AnyIpv6 => &mut port.any_ipv6,
            Place::One(IpAddr::V4(_)) => &mut port.ones_ipv4,
            Place::One(IpAddr::V6(_)) => &mut port.ones_ipv6,
        };
        let sum = &mut counts.0[owner.kind()];
        *sum = by(*sum, 1);
        debug_assert!(*sum < u32::MAX, "a claim on port {number} was released that nobody held");
        if let Place::One(address) = place {
            let one = self.ones.entry((number, address)).or_default();
            one.0[owner.kind()] = by(one.0[owner.kind()], 1);
            if one.is_empty() {
                self.ones.remove(&(number, address));
            }
        }
    }

    /// Asks about the holders of the claim's port whose addresses overlap with it.
    fn any_overlapping(&self, claim: Claim, asks: impl Fn(&Counts) -> bool) -> bool {
        let Some(port) = self.ports.get(&claim.port) else { return false };
        let one = |address| self.ones.get(&(claim.port, address)).is_some_and(&asks);
        match claim.place {
            Place::AnyIpv4 => [&port.any_ipv4, &port.ones_ipv4, &port.any_dual].into_iter().any(asks),
            Place::AnyIpv6 => [&port.any_ipv6, &port.ones_ipv6, &port.any_dual].into_iter().any(asks),
            Place::AnyDual => {
                [&port.any_ipv4, &port.ones_ipv4, &port.any_dual, &port.any_ipv6, &port.ones_ipv6]
                    .into_iter()
                    .any(asks)
            }
            Place::One(address @ IpAddr::V4(_)) => {
                asks(&port.any_ipv4) || asks(&port.any_dual) || one(address)
            }
            Place::One(address @ IpAddr::V6(_)) => {
                asks(&port.any_ipv6) || asks(&port.any_dual) || one(address)
            }
        }
    }
}

/// The first port of `low..end` that `accepts`, from a place given by `offset` on, all ports of one parity before those
/// of the other. `parity` is that of the distance from `low` that comes first. Each port is asked at most once.
pub(crate) fn scan(
    low: u32,
    end: u32,
    parity: u32,
    offset: u32,
    mut accepts: impl FnMut(u16) -> bool,
) -> Option<u16> {
    let count = end.saturating_sub(low);
    for parity in [parity & 1, !parity & 1] {
        // Ports at this parity: low + parity, low + parity + 2, ...
        let steps = (count + 1).saturating_sub(parity) / 2;
        if steps == 0 {
            continue;
        }
        let first = (offset % count) / 2 % steps;
        let mut ports = (first..steps).chain(0..first).map(|step| (low + parity + 2 * step) as u16);
        if let Some(port) = ports.find(|&port| accepts(port)) {
            return Some(port);
        }
    }
    None
}

#[cfg(test)]
mod tests;
