use super::*;
use crate::options::{Command, Options};
use clap::Parser;
use lastack::observe::{Flow, Negotiated, TcpInfo, TimerKind};
use lastack_explain::Rule;
use std::time::Duration;

fn row(state: State, local: &str, remote: &str) -> SocketRow {
    SocketRow::new(state, Flow { local: local.parse().unwrap(), remote: remote.parse().unwrap() })
}

fn rows() -> Vec<SocketRow> {
    let mut listener = row(State::Listen, "198.18.0.2:80", "0.0.0.0:0");
    listener.send_queue = 1024;
    let mut connection = row(State::Established, "[2001:2::2]:80", "[2001:2::1]:40000");
    connection.recv_queue = 12_345;
    connection.age = Some(Duration::from_secs(75));
    connection.unaccepted = true;
    connection.negotiated =
        Some(Negotiated { timestamps: true, sack: true, ecn: false, window_scale: Some((7, 10)), mss: 1428 });
    let mut wait = row(State::TimeWait, "198.18.0.2:5000", "198.18.0.1:40001");
    wait.timer = TimerKind::Timewait;
    wait.timer_left = Some(Duration::from_secs(59));
    vec![listener, connection, wait]
}

fn options(arguments: &[&str]) -> SsOptions {
    let all = ["lastack", "ss"].iter().chain(arguments);
    match Options::try_parse_from(all).expect("the options are valid").command {
        Command::Ss(options) => options,
        other => panic!("{other:?}"),
    }
}

/// What ss prints for these arguments over [`rows`].
fn printed(arguments: &[&str]) -> String {
    let options = options(arguments);
    let services = Services::parse("http 80/tcp www # the web\nhttp-alt 8080/tcp\ndns 53/udp\nbroken\n");
    let filter = Filter::parse(&options.filter.join(" "), &|name| services.port(name)).unwrap();
    let rows: Vec<SocketRow> = rows().into_iter().filter(|row| passes(row, &options, &filter)).collect();
    let mut out = Vec::new();
    let rules = options.explain.then(|| Rules::UNKNOWN.with(Rule::Somaxconn, 4096));
    print(&rows, &options, (!options.numeric).then_some(&services), rules, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn everything_in_ss_columns() {
    assert_eq!(
        printed(&["-tanoie"]),
        "\
State     Recv-Q Send-Q Local Address:Port Peer Address:Port
LISTEN    0      1024      198.18.0.2:80        0.0.0.0:*
ESTAB     12345  0        [2001:2::2]:80    [2001:2::1]:40000 age:1min15sec unaccepted
\t ts sack wscale:7,10 mss:1428
TIME-WAIT 0      0         198.18.0.2:5000   198.18.0.1:40001 timer:(timewait,59sec,0)
"
    );
}

#[test]
fn a_sentence_stands_below_each_socket() {
    let text = printed(&["-tln", "--explain"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    let said = "\tIt waits for connections, and 0 of at most 1025 wait for accept(); never ends unless the application \
                closes it; governed by listen()'s backlog 1024 (at most somaxconn = 4096).";
    assert_eq!(lines[2], said);
    let json = serde_json::to_value(Told::all(&rows(), Some(&Rules::UNKNOWN))).unwrap();
    assert_eq!(json[2]["ends_in_ms"], 59_000);
    assert_eq!(json[2]["timer_left_ms"], 59_000);
    assert_eq!(json[0].get("ends_in_ms"), None);
    let conflict = Options::try_parse_from(["lastack", "ss", "-s", "--explain"]).unwrap_err();
    assert_eq!(conflict.kind(), clap::error::ErrorKind::ArgumentConflict);
}

#[test]
fn without_options_only_connections_with_names_of_services() {
    assert_eq!(
        printed(&[]),
        "\
State Recv-Q Send-Q Local Address:Port Peer Address:Port
ESTAB 12345  0        [2001:2::2]:http  [2001:2::1]:40000
"
    );
}

#[test]
fn options_and_filters_choose() {
    let locals = |arguments: &[&str]| -> Vec<String> {
        let all: Vec<&str> = ["-H", "-n"].iter().chain(arguments).copied().collect();
        let words = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
        printed(&all).lines().map(words).collect()
    };
    assert_eq!(locals(&["-l"]), ["LISTEN"]);
    assert_eq!(locals(&["-a", "-4"]), ["LISTEN", "TIME-WAIT"]);
    assert_eq!(locals(&["-6"]), ["ESTAB"]);
    assert_eq!(locals(&["state", "time-wait"]), ["TIME-WAIT"]);
    assert_eq!(locals(&["-a", "sport", "=", ":www"]), ["LISTEN", "ESTAB"]);
    assert_eq!(locals(&["-a", "( dport > 1024 and not src 2001:2::/64 )"]), ["TIME-WAIT"]);
}

#[test]
fn sockets_of_other_kinds_are_refused() {
    for option in ["-u", "-x", "-w", "--udp", "-tuln", "--vsock"] {
        let error = run(&options(&["--stack", "none", option])).unwrap_err().to_string();
        assert!(error.starts_with("TCP only"), "{option}: {error}");
    }
}

#[test]
fn the_summary_counts_and_its_json_has_a_schema() {
    let mut census = Census::default();
    census.enter(State::Listen);
    census.enter(State::TimeWait);
    let said = |json| {
        let mut out = Vec::new();
        summarize(&census, json, "web", &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert!(said(false).starts_with("TCP:   2 (estab 0, synrecv 0, orphaned 0, timewait 1, listen 1)\n"));
    let json: serde_json::Value = serde_json::from_str(&said(true)).unwrap();
    assert_eq!((&json["schema"], &json["census"]["TIME_WAIT"]), (&SCHEMA.into(), &1.into()));
}

/// What a stack counts of a connection stands where the kernel's stands.
#[test]
fn info_of_a_stacks_connection() {
    let mut connection = row(State::Established, "198.18.0.2:80", "198.18.0.1:40000");
    connection.congestion = Some("cubic".into());
    connection.info = Some(Box::new(TcpInfo {
        options: 5,
        snd_wscale: 7,
        rcv_wscale: 10,
        rto_us: 204_000,
        rtt_us: 1500,
        rttvar_us: 750,
        snd_cwnd: 10,
        bytes_sent: 3000,
        busy_time_us: 2_000,
        ..TcpInfo::default()
    }));
    let options = options(&["-tin"]);
    let mut out = Vec::new();
    print(&[connection], &options, None, None, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.ends_with("\n\t cubic wscale:7,10 rto:204 rtt:1.5/0.75 cwnd:10 bytes_sent:3000 busy:2ms\n"),
        "{text}"
    );
}
