use super::*;

fn at(sent: u64, acknowledged: u64) -> Progress {
    Progress { sent, acknowledged, ended: false, now_usecs: 5_000_007 }
}

fn word(octets: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(octets[at..at + 4].try_into().unwrap())
}

#[test]
fn copies_in_a_row_are_one_notice() {
    let mut notices = Notices { zero_copy: true, ..Notices::default() };
    for _ in 0..3 {
        notices.count(1000);
        notices.wrote(1000, Wrote { zero_copy: true, ..Wrote::default() });
    }
    notices.count(1000);
    notices.wrote(1000, Wrote::default());
    notices.move_on(at(4000, 2000));
    assert_eq!(notices.ever, 2);
    let (controls, cut) = notices.take(false).unwrap();
    let (level, kind, data) = &controls[0];
    assert_eq!((*level, *kind, data.len(), cut), (0, 11, 32, 0));
    assert_eq!((word(data, 0), data[4], data[6], word(data, 8), word(data, 12)), (0, 5, 1, 0, 1));
    notices.move_on(Progress { ended: true, ..at(4000, 2000) });
    let (controls, _) = notices.take(true).unwrap();
    assert_eq!(
        (controls[0].0, controls[0].2.len(), word(&controls[0].2, 8)),
        (41, 44, 2),
        "freed with the connection"
    );
    assert!(notices.take(false).is_none() && !notices.waits());
}

#[test]
fn timestamps_are_of_the_last_octet() {
    let mut notices = Notices::default();
    notices.count(100);
    notices.wrote(100, Wrote::default());
    let flags = TX_SOFTWARE | TX_SCHED | TX_ACK | REPORT_SOFTWARE | OPT_ID;
    assert_eq!(notices.set_timestamping(flags, None), None, "no connection to count in");
    assert_eq!(notices.set_timestamping(flags, Some(100)), Some(()));
    notices.count(50);
    notices.wrote(50, Wrote::default());
    notices.move_on(at(149, 100));
    assert!(notices.is_empty());
    notices.move_on(at(150, 100));
    notices.move_on(at(150, 150));
    let told: Vec<(u32, u32)> = std::iter::from_fn(|| notices.take(false))
        .map(|(controls, cut)| {
            assert!(
                cut >= 50
                    && controls[0].1 == libc::SCM_TIMESTAMPING
                    && controls[0].2[..8] == 5_i64.to_ne_bytes()
            );
            (word(&controls[1].2, 8), word(&controls[1].2, 12))
        })
        .collect();
    assert_eq!(told, [(SCHEDULED, 49), (SENT, 49), (ACKNOWLEDGED, 49)]);
}

#[test]
fn a_write_that_joins_an_unsent_one_takes_its_place() {
    let mut notices = Notices::default();
    let flags = TX_ACK | REPORT_SOFTWARE | OPT_ID;
    assert_eq!(notices.set_timestamping(flags, Some(-1)), Some(()), "before the SYN was acknowledged");
    let mut write = |octets: u64, sealed| {
        notices.count(octets as usize);
        notices.wrote(octets, Wrote { sealed, ..Wrote::default() });
        notices.pending.len()
    };
    assert_eq!((write(10, false), write(10, true), write(10, false)), (1, 1, 2));
    notices.move_on(at(30, 30));
    let keys: Vec<u32> =
        std::iter::from_fn(|| notices.take(false)).map(|(told, _)| word(&told[1].2, 12)).collect();
    assert_eq!(keys, [20, 30], "the SYN counts as one");
}

#[test]
fn one_call_may_have_timestamps_of_its_own() {
    let mut notices = Notices::default();
    assert_eq!(notices.set_timestamping(REPORT_SOFTWARE | OPT_ID, Some(0)), Some(()));
    notices.count(5);
    notices.wrote(5, Wrote::default());
    notices.count(5);
    notices.wrote(5, Wrote { stamps: Some(TX_ACK), ..Wrote::default() });
    notices.move_on(at(10, 10));
    let (told, _) = notices.take(false).unwrap();
    assert_eq!((word(&told[1].2, 8), word(&told[1].2, 12)), (ACKNOWLEDGED, 9));
    assert!(notices.take(false).is_none());
    assert_eq!(notices.set_timestamping(OPT_STATS, None), None, "statistics only without the packet");
}
