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
        notices.wrote(true);
    }
    notices.count(1000);
    notices.wrote(false);
    notices.move_on(at(4000, 2000));
    assert_eq!(notices.ever, 2);
    let (controls, cut) = notices.take(false).unwrap();
    let (level, kind, data) = &controls[0];
    assert_eq!((*level, *kind, data.len(), cut), (0, 11, 32, false));
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
    notices.wrote(false);
    let flags = TX_SOFTWARE | TX_SCHED | TX_ACK | REPORT_SOFTWARE | OPT_ID;
    assert_eq!(notices.set_timestamping(flags, None), None, "no connection to count in");
    assert_eq!(notices.set_timestamping(flags, Some(100)), Some(()));
    notices.count(50);
    notices.wrote(false);
    notices.move_on(at(149, 100));
    assert!(notices.is_empty());
    notices.move_on(at(150, 100));
    notices.move_on(at(150, 150));
    let told: Vec<(u32, u32)> = std::iter::from_fn(|| notices.take(false))
        .map(|(controls, cut)| {
            assert!(
                cut && controls[0].1 == libc::SCM_TIMESTAMPING && controls[0].2[..8] == 5_i64.to_ne_bytes()
            );
            (word(&controls[1].2, 8), word(&controls[1].2, 12))
        })
        .collect();
    assert_eq!(told, [(SCHEDULED, 49), (SENT, 49), (ACKNOWLEDGED, 49)]);
}
