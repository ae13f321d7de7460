use super::*;

const ADDRESSES: [IpAddr; 1] = [IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1))];

fn tuple(port: u16) -> Tuple {
    Tuple { local: SocketAddr::new(ADDRESSES[0], 80), remote: SocketAddr::from(([10, 0, 0, 2], port)) }
}

fn filled(count: u16) -> SmallTable<u32, 4> {
    let mut table = SmallTable::new();
    for n in 0..count {
        let slot = table.insert(u32::from(n), &tuple(n), 0, n).expect("there is room");
        assert_eq!(slot, u32::from(n));
    }
    table
}

#[test]
fn remembers_tuple_and_tag() {
    let mut table = filled(3);
    assert_eq!(table.tuple(2, &ADDRESSES), Some(tuple(2)));
    assert_eq!(table.remove(2), Some((2, 2)));
    assert_eq!(table.tuple(2, &ADDRESSES), None);
}

#[test]
fn fires_exactly_also_beyond_48_bits() {
    let start = Instant((1 << 48) - 30_000_000_000);
    let mut table = filled(100);
    let minute = Duration::from_secs(60);
    for slot in 0..100 {
        table.restart(slot, start + Duration::from_nanos(u64::from(slot) * 7), minute);
    }
    for slot in [0, 50, 99] {
        table.restart(slot, start + Duration::from_secs(1), Duration::from_secs(2));
    }
    table.remove(1);
    assert_eq!(table.deadline(), Some(start + Duration::from_secs(3)));
    let due = start + Duration::from_secs(3);
    let popped: Vec<u32> = std::iter::from_fn(|| table.pop_due(due)).collect();
    assert_eq!(popped, [0, 50, 99]);
    let second = start + minute + Duration::from_nanos(14);
    assert_eq!(table.deadline(), Some(second));
    assert_eq!(table.deadline_of(98, start), Some(start + minute + Duration::from_nanos(98 * 7)));
    assert_eq!(table.pop_due(Instant(second.0 - 1)), None);
    assert_eq!(table.pop_due(second), Some(2));
    assert_eq!(table.pop_due(second), None);
}

#[test]
fn an_emptied_list_serves_another_delay() {
    let mut table = filled(1);
    for seconds in 1..1000 {
        table.restart(0, Instant::ZERO, Duration::from_secs(seconds));
        assert_eq!(table.deadline(), Some(Instant::ZERO + Duration::from_secs(seconds)));
    }
    assert_eq!(table.lists.len(), 1);
}
