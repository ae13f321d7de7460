use super::*;

fn row() -> SocketRow {
    SocketRow {
        state: State::Established,
        recv_queue: 0,
        send_queue: 10,
        flow: Flow { local: "10.9.0.1:80".parse().unwrap(), remote: "10.9.0.2:40000".parse().unwrap() },
        timer: TimerKind::On,
        timer_left: Some(Duration::from_millis(204)),
        retransmits: 2,
        rto: Some(Duration::from_millis(816)),
        age: None,
        orphan: false,
        unaccepted: true,
        negotiated: Some(Negotiated {
            timestamps: true,
            sack: true,
            ecn: false,
            window_scale: Some((7, 10)),
            mss: 1448,
        }),
        info: None,
        congestion: None,
        host: None,
    }
}

#[test]
fn a_row_is_a_line_of_ss() {
    assert_eq!(
        SocketRow::header(),
        "State      Recv-Q Send-Q     Local Address:Port      Peer Address:Port Process"
    );
    assert_eq!(
        row().to_string(),
        "ESTAB      0      10                10.9.0.1:80         10.9.0.2:40000 timer:(on,204ms,2) unaccepted"
    );
}

#[test]
fn a_listener_waits_for_anyone() {
    let listener = SocketRow {
        state: State::Listen,
        flow: Flow { local: "[::]:80".parse().unwrap(), remote: "0.0.0.0:0".parse().unwrap() },
        timer: TimerKind::Off,
        unaccepted: false,
        ..row()
    };
    let line = listener.to_string();
    assert!(
        line.starts_with("LISTEN ") && line.contains(" [::]:80 ") && line.ends_with(" 0.0.0.0:*"),
        "{line}"
    );
}

#[test]
fn an_orphan_says_so() {
    let orphan = SocketRow { state: State::FinWait2, timer: TimerKind::Timewait, orphan: true, ..row() };
    assert!(orphan.to_string().starts_with("FIN-WAIT-2 "));
    assert!(orphan.to_string().contains("timer:(timewait,204ms,2) orphan"));
}

#[test]
fn timers_read_as_ss_prints_them() {
    let printed: Vec<String> = [4, 204, 1204, 2000, 9999, 12_345, 59_996, 60_000, 80_500, 7_199_000]
        .map(|ms| Millis(Duration::from_millis(ms)).to_string())
        .into();
    let expected =
        ["004ms", "204ms", "1.204ms", "2sec", "9.999ms", "12sec", "59sec", "1min", "1min20sec", "119min"];
    assert_eq!(printed, expected);
}

#[test]
fn a_row_reads_back_from_json() {
    let json = serde_json::to_string(&row()).unwrap();
    assert!(json.contains("\"timer_left_ms\":204") && json.contains("\"age_ms\":null"), "{json}");
    assert_eq!(serde_json::from_str::<SocketRow>(&json).unwrap(), row());
}
