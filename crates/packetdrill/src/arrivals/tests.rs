use super::*;

fn seconds(controls: &[Control]) -> Vec<(c_int, i64, i64)> {
    let part = |data: &[u8], at: usize| i64::from_ne_bytes(data[at..at + 8].try_into().unwrap());
    controls.iter().map(|(_, kind, data)| (*kind, part(data, 0), part(data, 8))).collect()
}

#[test]
fn a_read_tells_the_time_of_its_last_octet() {
    let mut arrivals = Arrivals::default();
    arrivals.set_plain(libc::SO_TIMESTAMPNS, true);
    arrivals.came(100, 3_000_001);
    arrivals.came(200, 4_000_002);
    arrivals.read_to(50);
    assert_eq!(seconds(&arrivals.controls()), [(libc::SO_TIMESTAMPNS, 3, 1000)]);
    arrivals.read_to(101);
    assert_eq!(seconds(&arrivals.controls()), [(libc::SO_TIMESTAMPNS, 4, 2000)]);
    arrivals.forget();
    assert!(arrivals.controls().is_empty());
}

#[test]
fn both_kinds_are_told_together_and_the_list_is_bounded() {
    let mut arrivals = Arrivals::default();
    arrivals.set_plain(libc::SO_TIMESTAMP, true);
    arrivals.set_timestamping(RX_SOFTWARE | REPORT_SOFTWARE, false);
    for octet in 1..5000 {
        arrivals.came(octet, 7_000_000 + octet);
    }
    assert_eq!(arrivals.marks.len(), MARKS_MAX);
    arrivals.peeked_to(5000);
    assert_eq!(
        seconds(&arrivals.controls()),
        [(libc::SO_TIMESTAMP, 7, 1024), (libc::SO_TIMESTAMPING, 7, 1_024_000)]
    );
}
