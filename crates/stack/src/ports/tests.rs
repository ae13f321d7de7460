use super::*;
use std::collections::HashSet;
use std::net::Ipv4Addr;

struct Zero;

impl rand_core::TryRng for Zero {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0)
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0)
    }
    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
        dst.fill(0);
        Ok(())
    }
}

const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

fn destination(host: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 1, host), 80))
}

fn next(ports: &mut Ports, host: u8, range: [u16; 2], taken: &HashSet<u16>) -> Option<u16> {
    ports.choose(SOURCE, destination(host), range, &mut Zero, |_| true, |port| !taken.contains(&port))
}

#[test]
fn every_port_is_found_even_distances_first() {
    let mut ports = Ports::new([1, 2]);
    let mut taken = HashSet::new();
    for round in 0..1000 {
        let port = next(&mut ports, 1, [40000, 40999], &taken).expect("a port is free");
        assert_eq!(port.is_multiple_of(2), round < 500, "port {port} in round {round}");
        assert!((40000..=40999).contains(&port));
        assert!(taken.insert(port), "{port} was taken");
    }
    assert_eq!(next(&mut ports, 1, [40000, 40999], &taken), None);
}

#[test]
fn a_port_that_becomes_free_comes_back_late() {
    let mut ports = Ports::new([1, 2]);
    let taken = HashSet::new();
    let first = next(&mut ports, 1, [40000, 40999], &taken).expect("free");
    let until = (1..).find(|_| next(&mut ports, 1, [40000, 40999], &taken) == Some(first));
    assert_eq!(until, Some(500));
}

#[test]
fn each_destination_and_each_secret_has_its_own_place() {
    let taken = HashSet::new();
    let starts = |key| -> HashSet<u16> {
        let mut ports = Ports::new(key);
        (0..64).filter_map(|host| next(&mut ports, host, [32768, 60999], &taken)).collect()
    };
    assert!(starts([1, 2]).len() > 60);
    assert_ne!(starts([1, 2]), starts([3, 4]));
}

#[test]
fn only_ports_whose_replies_come_home_are_taken() {
    let mut ports = Ports::new([1, 2]);
    let mut taken = HashSet::new();
    while let Some(port) = ports.choose(
        SOURCE,
        destination(1),
        [40000, 40099],
        &mut Zero,
        |port| port % 3 == 0,
        |port| !taken.contains(&port),
    ) {
        taken.insert(port);
    }
    assert_eq!(taken, (40000..=40099).filter(|port| port % 3 == 0).collect());
}

#[test]
fn an_exhausted_range_is_searched_once_and_no_more() {
    let mut ports = Ports::new([1, 2]);
    let mut looked_at = 0;
    let port = ports.choose(
        SOURCE,
        destination(1),
        [32768, 60999],
        &mut Zero,
        |_| true,
        |_| {
            looked_at += 1;
            false
        },
    );
    assert_eq!((port, looked_at), (None, 28232));
}

#[test]
fn a_range_of_one_port_and_one_upside_down() {
    let mut ports = Ports::new([1, 2]);
    let mut taken = HashSet::new();
    assert_eq!(next(&mut ports, 1, [40000, 40000], &taken), Some(40000));
    taken.insert(40000);
    assert_eq!(next(&mut ports, 1, [40000, 40000], &taken), None);
    assert_eq!(next(&mut ports, 1, [40001, 40000], &taken), None);
}
