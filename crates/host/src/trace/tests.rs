use super::page::PageLayout;
use super::record::RecordLayout;
use super::*;
use proptest::prelude::*;

/// One IPv4 connection and one IPv6 connection on loopback, each with its listener, as Linux 6.18 told of them.
const RECORDED: &[u8] = include_bytes!("recorded/page.bin");

fn read(octets: &[u8]) -> (Vec<Change>, bool) {
    let (page, record) =
        (PageLayout::parse(RECORDED_PAGE).unwrap(), RecordLayout::parse(RECORDED_FORMAT).unwrap());
    let mut changes = Vec::new();
    let whole = page.records(octets, &mut |time, octets| changes.extend(record.read(time, octets)));
    (changes, whole)
}

#[test]
fn a_recorded_page_tells_two_lives() {
    let (changes, whole) = read(RECORDED);
    assert!(whole);
    assert!(changes.is_sorted_by_key(|change| change.at));
    let life = |local: &str, remote: &str| -> Vec<String> {
        let flow = Flow { local: local.parse().unwrap(), remote: remote.parse().unwrap() };
        let of = changes.iter().filter(|change| change.flow == flow);
        of.map(|change| format!("{} {}", change.from, change.to)).collect()
    };
    let client = [
        "CLOSE SYN_SENT",
        "SYN_SENT ESTABLISHED",
        "ESTABLISHED FIN_WAIT1",
        "FIN_WAIT1 FIN_WAIT2",
        "FIN_WAIT2 CLOSE",
    ];
    let server = [
        "LISTEN SYN_RECV",
        "SYN_RECV ESTABLISHED",
        "ESTABLISHED CLOSE_WAIT",
        "CLOSE_WAIT LAST_ACK",
        "LAST_ACK CLOSE",
    ];
    for host in ["127.0.0.1", "[::1]"] {
        assert_eq!(life(&format!("{host}:40000"), &format!("{host}:8080")), client);
        assert_eq!(life(&format!("{host}:8080"), &format!("{host}:40000")), server);
    }
    assert_eq!(life("127.0.0.1:8080", "0.0.0.0:0"), ["CLOSE LISTEN", "LISTEN CLOSE"]);
    assert_eq!(life("[::1]:8080", "[::]:0"), ["CLOSE LISTEN", "LISTEN CLOSE"]);
    assert_eq!(changes.len(), 24);
}

/// `head` as the kernel's little-endian machines write it: kind, and time since the record before.
fn head(kind: u32, delta: u32) -> [u8; 4] {
    (if cfg!(target_endian = "big") { kind << 27 | delta } else { kind | delta << 5 }).to_ne_bytes()
}

fn page(records: &[&[u8]]) -> Vec<u8> {
    let data = records.concat();
    let mut octets = 1000_u64.to_ne_bytes().to_vec();
    // Bit 31 says that records were lost before this page.
    octets.extend((data.len() as u64 | 1 << 31).to_ne_bytes());
    octets.extend(data);
    octets
}

#[test]
fn times_and_gaps_between_records_are_understood() {
    let layout = PageLayout::parse(RECORDED_PAGE).unwrap();
    let octets = page(&[
        &head(2, 5),
        &[1; 8],
        // 2^27 more than its 7.
        &head(30, 7),
        &1_u32.to_ne_bytes(),
        // The length stands beside a record that is too long for its head.
        &head(0, 0),
        &10_u32.to_ne_bytes(),
        &[2; 8],
        // Room left out.
        &head(29, 1),
        &8_u32.to_ne_bytes(),
        &[0; 4],
        &head(31, 0),
        &1_u32.to_ne_bytes(),
        &head(1, 3),
        &[3; 4],
        &head(29, 0),
    ]);
    let mut seen = Vec::new();
    let whole = layout.records(&octets, &mut |time, record| seen.push((time, record.len(), record[0])));
    let later = 1000 + 5 + (1 << 27) + 7;
    assert_eq!((whole, seen), (true, vec![(1005, 8, 1), (later, 8, 2), ((1 << 27) + 3, 4, 3)]));
    for broken in [&head(3, 0)[..], &head(0, 0), &head(30, 1), &[1, 2]] {
        assert!(!layout.records(&page(&[broken]), &mut |_, _| panic!("no record is whole")));
    }
}

#[test]
fn formats_that_lack_something_are_not_understood() {
    assert!(RecordLayout::parse(RECORDED_FORMAT).is_some());
    for field in ["oldstate", "newstate", "sport", "family", "daddr_v6", "skaddr", "common_type"] {
        let without = RECORDED_FORMAT.replace(&format!(" {field}"), " other");
        assert_eq!(RecordLayout::parse(&without), None, "{field}");
    }
    let older = RECORDED_FORMAT.replace(" protocol;", " reserved;");
    assert!(RecordLayout::parse(&older).is_some(), "before 5.6 there was no field for the protocol");
    assert_eq!(RecordLayout::parse(""), None);
    assert_eq!(PageLayout::parse("field: u64 timestamp;\toffset:0;\tsize:99999999;"), None);
}

#[test]
fn losses_are_read_from_the_statistics() {
    let stats = "entries: 9\noverrun: 3\ncommit overrun: 1\nbytes: 76\noldest event ts:     1.5\ndropped events: 2\nread events: 7\n";
    assert_eq!(instance::lost(stats), 6);
    assert_eq!(instance::lost("overrun: much\n: 3"), 0);
    assert_eq!(instance::owner("lastack-4711-0"), Some(4711));
    for other in ["lastack-4711", "lastack-x-1", "perf-4711-0", "lastack-1-x"] {
        assert_eq!(instance::owner(other), None, "{other}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_octets_panic(octets in any::<Vec<u8>>()) {
        read_any(&octets);
        read(&octets);
    }

    #[test]
    fn a_damaged_page_does_not_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..16),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut octets = RECORDED.to_vec();
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        octets.truncate(cut.index(octets.len() + 1));
        // No record is shorter than its head.
        prop_assert!(read(&octets).0.len() <= octets.len() / 4);
    }
}
