use super::super::{KnobError, Knobs, absent};
use super::{all, find};
use proptest::prelude::*;

fn after(name: &str, value: &str) -> Result<String, KnobError> {
    let mut knobs = Knobs::default();
    let knob = find(name)?;
    knob.write(&mut knobs, value).inspect_err(|_| assert_eq!(knobs, Knobs::default()))?;
    Ok(knob.read(&knobs))
}

#[test]
fn values_are_read_as_linux_reads_them() {
    for (name, value, read) in [
        ("tcp_fin_timeout", "5 6", "5"),
        ("tcp_fin_timeout", "0x10", "16"),
        ("tcp_fin_timeout", " 010\n", "8"),
        ("tcp_rmem", "5000", "5000\t131072\t33554432"),
        ("tcp_rmem", "5000 4000 3000 2000", "5000\t4000\t3000"),
        ("tcp_syncookies", "3", "3"),
        ("tcp_max_syn_backlog", "-1", "-1"),
        ("tcp_tw_reuse_delay", "60000", "60000"),
        ("ip_local_port_range", "1024 65000", "1024\t65000"),
        ("ip_local_port_range", "2000", "2000\t60999"),
        ("ip_local_reserved_ports", "90-100,80", "80,90-100"),
        ("ip_local_reserved_ports", "", ""),
        ("tcp_fastopen", "0x603", "1539"),
        ("tcp_fastopen_key", "1-2-3-4", "00000001-00000002-00000003-00000004"),
        ("tcp_fastopen_key", " ", ""),
    ] {
        assert_eq!(after(&format!("net.ipv4.{name}"), value), Ok(read.to_owned()), "{name}");
    }
    assert_eq!(after("net/core/somaxconn", "65536"), Ok("65536".to_owned()));
}

/// Every edge as a Linux 6.18 in a fresh network namespace had it: what was written, and what was read then. Left out are
/// numbers beyond 32 bits at tcp_invalid_ratelimit, where it wraps.
#[test]
fn edges_are_linuxs() {
    for line in include_str!("edges.txt").lines() {
        let (written, read) = line.split_once(" -> ").expect("a line of two halves");
        let (name, value) = written.split_once(' ').expect("a name and a value");
        let ours = match after(name, value) {
            Ok(read) => read.replace('\t', " "),
            Err(error) => error.errno().map_or(error.to_string(), |_| "EINVAL".to_owned()),
        };
        assert_eq!(ours, read, "{name} = {value}");
    }
}

/// What is read back is what was written; what counts is what it means.
#[test]
fn a_number_that_means_another_is_read_back() {
    let mut knobs = Knobs::default();
    let write = |knobs: &mut Knobs, name: &str, value| find(name).unwrap().write(knobs, value).unwrap();
    write(&mut knobs, "net.ipv4.tcp_sack", "2");
    write(&mut knobs, "net.ipv4.tcp_fin_timeout", "-1");
    assert_eq!((knobs.tcp_sack, knobs.tcp_fin_timeout), (true, 0));
    let read = |knobs: &Knobs, name: &str| find(name).unwrap().read(knobs);
    assert_eq!(read(&knobs, "net.ipv4.tcp_sack"), "2");
    assert_eq!(read(&knobs, "net.ipv4.tcp_fin_timeout"), "-1");
    knobs.tcp_sack = false;
    assert_eq!(read(&knobs, "net.ipv4.tcp_sack"), "0", "turned by a program");
    write(&mut knobs, "net.ipv4.tcp_fin_timeout", "60");
    write(&mut knobs, "net.ipv4.tcp_sack", "1");
    assert_eq!(knobs, Knobs::default());
}

#[test]
fn what_linux_answers_with_einval_changes_nothing() {
    for (name, value) in [
        ("tcp_fin_timeout", "5a"),
        ("tcp_fin_timeout", ""),
        ("tcp_fin_timeout", "+5"),
        ("tcp_fin_timeout", "4294967296"),
        ("tcp_sack", "256"),
        ("tcp_sack", "-1"),
        ("tcp_rmem", "0 1 2"),
        ("tcp_rmem", "1 2 x"),
        ("tcp_tw_reuse", "3"),
        ("tcp_tw_reuse_delay", "0"),
        ("tcp_tw_reuse_delay", "60001"),
        ("tcp_rto_max_ms", "999"),
        ("tcp_rto_max_ms", "120001"),
        ("tcp_rto_min_us", "0"),
        ("tcp_syn_retries", "0"),
        ("tcp_syn_retries", "128"),
        ("tcp_early_retrans", "5"),
        ("tcp_keepalive_time", "40000000"),
        ("tcp_invalid_ratelimit", "-1"),
        ("ip_local_port_range", "1000 2000"),
        ("ip_local_port_range", "2000 1999"),
        ("ip_local_port_range", "2000 65536"),
        ("ip_local_reserved_ports", "99-90"),
        ("tcp_fastopen_key", "1-2-3-4-abcdef01"),
        ("tcp_fastopen_blackhole_timeout_sec", "-1"),
    ] {
        let error = after(&format!("net.ipv4.{name}"), value).unwrap_err();
        assert!(!error.to_string().contains("abcdef01"), "a key is not told: {error}");
        assert_eq!(error.errno(), Some(22), "{name} = {value}: {error}");
    }
}

/// As a Linux 6.18 answers in a namespace: what does not exist is ENOENT, what is only told EACCES.
#[test]
fn congestion_controls_are_named() {
    let control = "net.ipv4.tcp_congestion_control";
    assert_eq!(after(control, "reno\n"), Ok("reno".to_owned()));
    assert_eq!(after(control, "bbr").unwrap_err().errno(), Some(2));
    for told in ["net.ipv4.tcp_available_congestion_control", "net.ipv4.tcp_allowed_congestion_control"] {
        assert_eq!(after(told, "reno").unwrap_err().errno(), Some(13));
        assert_eq!(find(told).unwrap().read(&Knobs::default()), "reno cubic");
    }
}

#[test]
fn names_that_are_no_knobs_say_what_they_are() {
    let text = |name| find(name).unwrap_err().to_string();
    assert!(text("net.ipv4.tcp_tw_recycle").contains("removed in Linux 4.12"));
    assert!(text("net.ipv4.tcp_plb_enabled").contains("not implemented"));
    assert!(text("fs.file-max").contains("belongs to the machine"));
    assert_eq!(text("net.ipv4.tcp_tw_recycled"), "net.ipv4.tcp_tw_recycled: no such knob");
    assert!(text("tcp_sack").contains("no such knob"));
}

#[test]
fn a_knob_that_is_obeyed_is_not_called_absent() {
    for knob in all() {
        let rest = knob.name.strip_prefix("net.ipv4.tcp_");
        assert!(!rest.is_some_and(|rest| absent::TCP.contains(&rest)), "{}", knob.name);
        assert!(!absent::OTHERS.contains(&knob.name), "{}", knob.name);
        assert!(!knob.doc.is_empty());
    }
}

#[test]
fn what_is_read_can_be_written() {
    let mut knobs = Knobs::default();
    for knob in all() {
        let value = knob.read(&knobs);
        let written = knob.write(&mut knobs, &value);
        assert_eq!(written.is_err(), knob.is_read_only(), "{}: {written:?}", knob.name);
    }
    assert_eq!(knobs, Knobs::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_value_is_taken_or_refused(place in 0_usize..64, value in "[-0-9x ,a\\PC]{0,24}") {
        let knobs_all = all();
        let knob = knobs_all[place % knobs_all.len()];
        let mut knobs = Knobs::default();
        if knob.write(&mut knobs, &value).is_ok() {
            let mut again = Knobs::default();
            knob.write(&mut again, &knob.read(&knobs)).unwrap();
            prop_assert_eq!(again, knobs);
        } else {
            prop_assert_eq!(knobs, Knobs::default());
        }
    }
}
