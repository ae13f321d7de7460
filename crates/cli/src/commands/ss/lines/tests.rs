use super::numbers::{bits, general};
use super::*;
use crate::options::{Command, Options};
use clap::Parser;
use lastack::observe::{Bbr, Flow, SocketMemory, TcpInfo};

fn options(words: &[&str]) -> SsOptions {
    match Options::try_parse_from(["lastack", "ss"].iter().chain(words)).unwrap().command {
        Command::Ss(options) => options,
        other => panic!("{other:?}"),
    }
}

fn row() -> SocketRow {
    let info = TcpInfo {
        options: 7,
        snd_wscale: 10,
        rcv_wscale: 7,
        rto_us: 204_000,
        rtt_us: 18,
        rttvar_us: 9,
        snd_mss: 1448,
        snd_cwnd: 10,
        snd_ssthresh: u32::MAX,
        reordering: 3,
        busy_time_us: 44_000,
        rwnd_limited_us: 11_000,
        total_retrans: 1,
        min_rtt_us: 18,
        ..TcpInfo::default()
    };
    let bbr = Bbr { bandwidth: 0, min_rtt_us: 20, pacing_gain: 739, cwnd_gain: 0 };
    SocketRow {
        send_queue: 3,
        timer: TimerKind::Keepalive,
        timer_left: Some(Duration::from_secs(59)),
        age: Some(Duration::from_secs(7)),
        host: Some(Box::new(HostFacts {
            uid: 1000,
            inode: 4711,
            cookie: 0x2b,
            shutdown: Some(1),
            age_is_least: true,
            congestion: Some("bbr".to_owned()),
            bbr: Some(bbr),
            memory: Some(SocketMemory { drops: 9, ..SocketMemory::default() }),
            info: Some(info),
            ..HostFacts::default()
        })),
        ..SocketRow::new(
            State::CloseWait,
            Flow { local: "[::1]:80".parse().unwrap(), remote: "[fd00::2]:40000".parse().unwrap() },
        )
    }
}

fn printed(words: &[&str], row: SocketRow) -> String {
    let (options, services) = (options(words), Services::parse("http 80/tcp\n"));
    let mut out = Vec::new();
    let mut lines = Lines::of_kernel(&options, (!options.numeric).then_some(&services), None);
    lines.print(&row, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_line_has_what_was_asked_for() {
    let start = "CLOSE-WAIT 0      3                [::1]:80          [fd00::2]:40000";
    assert_eq!(printed(&["-n"], row()), format!("{start}\n"));
    assert!(printed(&[], row()).contains("[::1]:http "));
    assert_eq!(printed(&["-no"], row()), format!("{start} timer:(keepalive,59sec,0)\n"));
    assert_eq!(
        printed(&["-ne"], row()),
        format!("{start} timer:(keepalive,59sec,0) uid:1000 ino:4711 sk:2b -->\n")
    );
    assert_eq!(printed(&["-n", "--age"], row()), format!("{start} age:>=7sec\n"));
    assert_eq!(printed(&["-nm"], row()), format!("{start}\n\t skmem:(r0,rb0,t0,tb0,f0,w0,o0,bl0,d9)\n"));
    let expected = " bbr wscale:10,7 rto:204 rtt:0.018/0.009 mss:1448 cwnd:10 bbr:(bw:0bps,mrtt:0.02,pacing_gain:2.88672) \
        send 6435555556bps busy:44ms rwnd_limited:11ms(25.0%) retrans:0/1 minrtt:0.018";
    assert_eq!(printed(&["-ni"], row()), format!("{start}\n\t{expected}\n"));
    assert!(printed(&["-nio"], row()).contains("\n\t ts sack bbr "));
    assert!(printed(&["-i"], row()).contains(" send 6.44Gbps "));
}

#[test]
fn an_age_that_is_not_known_is_a_dash() {
    let unknown = SocketRow { age: None, unaccepted: true, ..row() };
    assert!(printed(&["-n", "--age"], unknown).ends_with(" age:- unaccepted\n"));
}

#[test]
fn a_listener_of_both_families_is_a_star() {
    let flow = Flow { local: "[::]:80".parse().unwrap(), remote: "[::]:0".parse().unwrap() };
    let mut row = SocketRow { flow, state: State::Listen, ..row() };
    assert!(printed(&["-n"], row.clone()).contains(" *:80 "));
    row.host.as_mut().unwrap().v6only = Some(true);
    assert!(printed(&["-n"], row).contains(" [::]:80 "));
}

#[test]
fn numbers_read_as_printf_writes_them() {
    let general: Vec<String> =
        [0.0, 204.0, 0.018, 5.399, 120_000.0, 1_234_567.0, 0.00001].map(general).into();
    assert_eq!(general, ["0", "204", "0.018", "5.399", "120000", "1.23457e+06", "1e-05"]);
    let rates: Vec<String> =
        [0.0, 999.0, 1000.0, 26_829_064.0, 987_774_032.0, 1.2476e12].map(|value| bits(value, false)).into();
    assert_eq!(rates, ["0", "999", "1K", "26.8M", "988M", "1.25T"]);
    assert_eq!(bits(987_774_032.4, true), "987774032");
}
