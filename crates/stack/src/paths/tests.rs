use super::{MEMORY, PEERS_MAX, Paths};
use lastack_observe::Instant;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

fn peer(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(number).into()
}

#[test]
fn the_narrowest_router_is_believed_for_ten_minutes() {
    let (mut paths, start) = (Paths::default(), Instant::from_millis(5));
    assert_eq!(paths.mtu_to(peer(1), start), None);
    paths.learn(peer(1), 1200, start);
    paths.learn(peer(1), 1400, start + Duration::from_secs(1));
    assert_eq!(paths.mtu_to(peer(1), start + MEMORY - Duration::from_nanos(1)), Some(1200));
    assert_eq!(paths.mtu_to(peer(1), start + MEMORY), None);
    paths.learn(peer(1), 1400, start + MEMORY);
    assert_eq!(paths.mtu_to(peer(1), start + MEMORY), Some(1400));
    paths.learn(peer(1), 1300, start + MEMORY);
    assert_eq!((paths.mtu_to(peer(1), start + MEMORY), paths.mtu_to(peer(2), start)), (Some(1300), None));
}

#[test]
fn what_expires_first_gives_way() {
    let (mut paths, start) = (Paths::default(), Instant::from_millis(5));
    let at = |number: u32| start + Duration::from_millis(u64::from(number));
    (0..PEERS_MAX as u32).for_each(|number| paths.learn(peer(number), 1000, at(number)));
    let now = at(PEERS_MAX as u32);
    paths.learn(peer(0), 900, now);
    paths.learn(peer(u32::MAX), 1000, now);
    assert_eq!((paths.peers.len(), paths.order.len()), (PEERS_MAX, PEERS_MAX));
    assert_eq!(paths.mtu_to(peer(0), now), Some(900));
    assert_eq!(paths.mtu_to(peer(1), now), None);
    assert_eq!(paths.mtu_to(peer(u32::MAX), now), Some(1000));
}
