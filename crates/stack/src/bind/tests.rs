use super::*;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

struct Counting(u64);

impl rand_core::TryRng for Counting {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.0 += 1;
        Ok((self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from(self.try_next_u32()?))
    }
    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
        dst.fill(7);
        Ok(())
    }
}

const PLAIN: Owner = Owner::new(false, false);
const REUSEADDR: Owner = Owner::new(true, false);
const REUSEPORT: Owner = Owner::new(false, true);

fn place(address: &str) -> Place {
    Place::new(address.parse().expect("an address"), false)
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), port))
}

#[test]
fn addresses_overlap_as_linux_has_it() {
    let v6only = Place::new(Ipv6Addr::UNSPECIFIED.into(), true);
    let places = [
        place("0.0.0.0"),
        place("10.0.0.1"),
        place("10.0.0.2"),
        place("::"),
        v6only,
        place("2001:db8::1"),
        place("2001:db8::2"),
        place("::ffff:10.0.0.1"),
    ];
    #[rustfmt::skip]
    let overlap = [
        // 0.0.0.0 .1     .2     ::     ::only ::1    ::2    ::ffff:.1
        [true,  true,  true,  true,  false, false, false, true ],
        [true,  true,  false, true,  false, false, false, true ],
        [true,  false, true,  true,  false, false, false, false],
        [true,  true,  true,  true,  true,  true,  true,  true ],
        [false, false, false, true,  true,  true,  true,  false],
        [false, false, false, true,  true,  true,  false, false],
        [false, false, false, true,  true,  false, true,  false],
        [true,  true,  false, true,  false, false, false, true ],
    ];
    for (first, row) in places.into_iter().zip(overlap) {
        for (second, conflict) in places.into_iter().zip(row) {
            let mut table = BindTable::default();
            table.bind(first, 80, PLAIN).expect("an empty table");
            assert_eq!(table.bind(second, 80, PLAIN).is_err(), conflict, "{first:?} then {second:?}");
            assert!(table.bind(second, 81, PLAIN).is_ok(), "another port");
        }
    }
}

#[test]
fn t38_time_wait_of_a_server_needs_reuseaddr_on_both_sides() {
    for (old, new, ok) in [
        (PLAIN, PLAIN, false),
        (PLAIN, REUSEADDR, false),
        (REUSEADDR, PLAIN, false),
        (REUSEADDR, REUSEADDR, true),
    ] {
        let mut table = BindTable::default();
        let mut listener = table.bind(Place::AnyIpv4, 80, old).expect("free");
        table.listen(&mut listener).expect("alone");
        let time_wait = table.inherit(&listener, local(80));
        table.release(listener);
        let bound = table.bind(Place::AnyIpv4, 80, new);
        assert_eq!(bound.is_ok(), ok, "{old:?} then {new:?}");
        if let Ok(mut claim) = bound {
            table.listen(&mut claim).expect("bind said yes");
        } else {
            table.release(time_wait);
            table.bind(Place::AnyIpv4, 80, new).expect("free after 60 s");
        }
    }
}

#[test]
fn t23_a_port_that_connect_took_refuses_bind_even_with_reuseaddr() {
    let mut table = BindTable::default();
    let time_wait = table.connect(local(40500), PLAIN);
    assert_eq!(table.bind(place("10.0.0.1"), 40500, PLAIN), Err(InUse));
    assert_eq!(table.bind(place("10.0.0.1"), 40500, REUSEADDR), Err(InUse));
    assert!(table.bind(place("10.0.0.2"), 40500, PLAIN).is_ok(), "another address");
    table.release(time_wait);
    assert!(table.bind(place("10.0.0.1"), 40500, PLAIN).is_ok());
}

#[test]
fn reuseaddr_lets_two_bind_and_one_listen() {
    let mut table = BindTable::default();
    let mut one = table.bind(Place::AnyIpv4, 80, REUSEADDR).expect("free");
    let mut two = table.bind(Place::AnyIpv4, 80, REUSEADDR).expect("both set it");
    table.listen(&mut one).expect("nobody listens");
    assert_eq!(table.listen(&mut two), Err(InUse));
    assert_eq!(table.bind(Place::AnyIpv4, 80, REUSEADDR), Err(InUse));
    table.release(one);
    table.listen(&mut two).expect("the other is gone");
}

/// Measured on Linux 6.18: rows are holders (SO_REUSEADDR, SO_REUSEPORT, LISTEN), columns newcomers without, with
/// SO_REUSEPORT, with SO_REUSEADDR, with both. The overlaps above were measured there, too.
#[test]
fn options_tolerate_each_other_as_on_linux() {
    let rows = [
        ((false, false, false), [false, false, false, false]),
        ((false, false, true), [false, false, false, false]),
        ((false, true, false), [false, true, false, true]),
        ((false, true, true), [false, true, false, true]),
        ((true, false, false), [false, false, true, true]),
        ((true, false, true), [false, false, false, false]),
        ((true, true, false), [false, true, true, true]),
        ((true, true, true), [false, true, false, true]),
    ];
    let newcomers = [PLAIN, REUSEPORT, REUSEADDR, Owner::new(true, true)];
    for ((reuseaddr, reuseport, listens), row) in rows {
        for (newcomer, ok) in newcomers.into_iter().zip(row) {
            let mut table = BindTable::default();
            let holder = Owner::new(reuseaddr, reuseport);
            let mut claim = table.bind(Place::AnyIpv4, 80, holder).expect("an empty table");
            if listens {
                table.listen(&mut claim).expect("alone");
            }
            let joined = table.bind(Place::AnyIpv4, 80, newcomer).is_ok();
            assert_eq!(joined, ok, "{claim:?}, then {newcomer:?}");
        }
    }
}

#[test]
fn reuseport_is_for_all_or_none() {
    let mut table = BindTable::default();
    let mut one = table.bind(Place::AnyIpv4, 80, REUSEPORT).expect("free");
    table.listen(&mut one).expect("alone");
    let mut two = table.bind(Place::AnyIpv4, 80, REUSEPORT).expect("both set it");
    table.listen(&mut two).expect("both set it");
    assert_eq!(table.bind(Place::AnyIpv4, 80, REUSEADDR), Err(InUse));
    assert_eq!(table.bind(Place::AnyIpv4, 80, PLAIN), Err(InUse));
    table.release(one);
    assert_eq!(table.bind(Place::AnyIpv4, 80, PLAIN), Err(InUse));
    table.release(two);
    assert!(table.bind(Place::AnyIpv4, 80, PLAIN).is_ok());
}

#[test]
fn options_set_after_bind_count_for_who_comes_later() {
    let mut table = BindTable::default();
    let mut one = table.bind(Place::AnyIpv4, 80, PLAIN).expect("free");
    assert_eq!(table.bind(Place::AnyIpv4, 80, REUSEADDR), Err(InUse));
    table.set_options(&mut one, true, false);
    assert!(table.bind(Place::AnyIpv4, 80, REUSEADDR).is_ok());
}

#[test]
fn connect_shares_a_port_with_connections_only() {
    let mut table = BindTable::default();
    assert!(table.open_to_connect(40000));
    let connected = table.connect(local(40000), PLAIN);
    assert!(table.open_to_connect(40000));
    table.release(connected);
    let bound = table.bind(Place::AnyIpv4, 40000, PLAIN).expect("free");
    assert!(!table.open_to_connect(40000));
    let child = table.inherit(&bound, local(40000));
    table.release(bound);
    assert!(!table.open_to_connect(40000), "an accepted connection keeps the port its listener's");
    table.release(child);
    assert!(table.open_to_connect(40000));
}

#[test]
fn a_wildcard_that_connects_leaves_other_addresses_free() {
    let mut table = BindTable::default();
    let mut claim = table.bind(Place::AnyIpv4, 5000, PLAIN).expect("free");
    assert_eq!(table.bind(place("10.0.0.2"), 5000, PLAIN), Err(InUse));
    table.narrow(&mut claim, local(0).ip());
    assert!(table.bind(place("10.0.0.2"), 5000, PLAIN).is_ok());
    assert_eq!(table.bind(place("10.0.0.1"), 5000, PLAIN), Err(InUse));
}

#[test]
fn port_zero_takes_each_port_once_and_the_odd_distances_first() {
    let mut table = BindTable::default();
    let mut rng = Counting(1);
    let range = [40000, 40010];
    let mut taken = Vec::new();
    while let Ok(claim) = table.bind_ephemeral(Place::AnyIpv4, PLAIN, range, &mut rng, |_| true) {
        taken.push(claim.port);
    }
    assert!(taken[..5].iter().all(|port| port % 2 == 1), "{taken:?}");
    taken.sort_unstable();
    assert_eq!(taken, (40000..=40010).collect::<Vec<_>>());
}

#[test]
fn port_zero_never_shares_whatever_is_tolerated() {
    let mut table = BindTable::default();
    let mut rng = Counting(1);
    let range = [40000, 40003];
    for port in 40000..=40003 {
        table.connect(local(port), REUSEADDR);
    }
    let both = Owner::new(true, true);
    assert_eq!(table.bind_ephemeral(Place::AnyIpv4, both, range, &mut rng, |_| true), Err(InUse));
    assert!(table.bind_ephemeral(place("10.0.0.2"), both, range, &mut rng, |_| true).is_ok());
    assert_eq!(table.bind_ephemeral(place("10.0.0.3"), both, range, &mut rng, |_| false), Err(InUse));
}

#[test]
fn reuseaddr_and_port_zero_fill_the_lower_half_first() {
    let mut table = BindTable::default();
    let mut rng = Counting(3);
    let mut next = || table.bind_ephemeral(Place::AnyIpv4, REUSEADDR, [40000, 40007], &mut rng, |_| true);
    let ports: Vec<u16> = std::iter::from_fn(|| next().ok()).map(|claim| claim.port).collect();
    assert!(ports[..4].iter().all(|&port| port < 40004), "{ports:?}");
    assert_eq!(ports.len(), 8);
}

#[test]
fn an_odd_range_a_single_port_and_an_empty_range() {
    let every = |low, end| {
        let mut asked = Vec::new();
        assert_eq!(scan(low, end, 0, 12345, |port| (asked.push(port), false).1), None);
        asked.sort_unstable();
        asked
    };
    assert_eq!(every(10, 11), [10]);
    assert_eq!(every(10, 15), [10, 11, 12, 13, 14]);
    assert_eq!(every(11, 15), [11, 12, 13, 14]);
    assert_eq!(every(65535, 65536), [65535]);
    assert_eq!(every(11, 11), []);
    assert_eq!(every(12, 11), []);
}

#[test]
fn nothing_is_left_when_all_is_released() {
    let mut table = BindTable::default();
    let mut claims = Vec::new();
    let mut listener = table.bind(Place::AnyDual, 80, REUSEADDR).expect("free");
    table.listen(&mut listener).expect("alone");
    for host in 0..100 {
        claims.push(table.inherit(&listener, SocketAddr::from((Ipv4Addr::new(10, 0, 0, host), 80))));
    }
    assert_eq!(table.ports[&80].holders, 101);
    claims.push(listener);
    claims.into_iter().for_each(|claim| table.release(claim));
    assert!(table.ports.is_empty() && table.ones.is_empty());
}
