use super::*;
use proptest::prelude::*;
use std::time::Duration;

fn read(text: &str) -> Pasted {
    parse(text).expect("something was told")
}

/// One row's ends, as a reader sees them.
fn ends(row: &SocketRow) -> (String, String) {
    (row.flow.local.to_string(), row.flow.remote.to_string())
}

const SS: &str = "\
State      Recv-Q Send-Q   Local Address:Port     Peer Address:Port Process
LISTEN     3      128            0.0.0.0:80            0.0.0.0:*     users:((\"nginx: master\",pid=7,fd=6),(\"nginx\",pid=8,fd=6)) ino:2258 sk:1de cgroup:/ <->
\t skmem:(r0,rb131072,t0,tb16384,f0,w0,o0,bl0,d3) cubic cwnd:10
ESTAB      0      36      [::ffff:10.0.0.1]:22  [::ffff:10.0.0.9]:4000  users:((\"sshd\",pid=25,fd=3)) timer:(on,1.204ms,2) ino:9 sk:2 <->
\t cubic wscale:7,10 rto:1672 backoff:3 rtt:36.17/3.2 mss:1448 cwnd:1 ssthresh:2 unacked:1 retrans:1/7 lost:1 lastsnd:508 bytes_acked:77
TIME-WAIT  0      0       [fe80::1]%eth0:443       [fe80::2]:999        timer:(timewait,59sec,0)
CLOSE-WAIT 1      0       127.0.0.1%lo:53          127.0.0.1:4001       users:((\"a b\",pid=4,fd=9))
FIN-WAIT-2 0      0       10.0.0.1:80              10.0.0.9:4002        timer:(timewait,1min20sec,0) ino:0 sk:0
ESTAB      0      0       10.0.0.1:80              10.0.0.9:4003        ino:0 sk:77 <->
";

#[test]
fn ss_with_all_its_options() {
    let pasted = read(SS);
    assert_eq!((pasted.rows.len(), pasted.unread, pasted.counts), (6, 0, None));
    assert_eq!(pasted.has, Has { processes: true, timers: true, info: true, listeners: true });
    let rows = &pasted.rows;

    let listener = rows[0].host.as_ref().unwrap();
    assert_eq!((rows[0].state, rows[0].recv_queue, rows[0].send_queue), (State::Listen, 3, 128));
    assert_eq!(ends(&rows[0]), ("0.0.0.0:80".into(), "0.0.0.0:0".into()));
    let holders: Vec<_> = listener.holders.iter().map(|h| (h.name.as_str(), h.pid, h.fd)).collect();
    assert_eq!(holders, [("nginx: master", 7, 6), ("nginx", 8, 6)]);
    assert_eq!((listener.inode, listener.cookie), (2258, 0x1de));
    let memory = listener.memory.unwrap();
    assert_eq!((memory.receive_max, memory.send_max, memory.drops), (131_072, 16_384, 3));

    assert_eq!((rows[1].timer, rows[1].retransmits), (TimerKind::On, 2));
    assert_eq!(rows[1].timer_left, Some(Duration::from_millis(1204)));
    let info = rows[1].host.as_ref().unwrap().info.unwrap();
    assert_eq!((info.rto_us, info.rtt_us, info.rttvar_us), (1_672_000, 36_170, 3_200));
    assert_eq!((info.unacked, info.retrans, info.total_retrans, info.lost), (1, 1, 7, 1));
    assert_eq!((info.backoff, info.last_data_sent_ms, info.bytes_acked), (3, 508, 77));

    assert_eq!(ends(&rows[2]), ("[fe80::1]:443".into(), "[fe80::2]:999".into()));
    assert_eq!(rows[2].timer_left, Some(Duration::from_secs(59)));
    assert_eq!(rows[3].host.as_ref().unwrap().holders[0].name, "a b");
    assert!(rows[4].orphan);
    assert_eq!(rows[4].timer_left, Some(Duration::from_secs(80)));
    assert!(rows[5].unaccepted && !rows[1].unaccepted);
}

const NETSTAT: &str = "\
root@web:~# netstat -anpo
Active Internet connections (servers and established)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name     Timer
tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN      812/sshd: /usr/sbin  off (0.00/0/0)
tcp        0     52 10.0.0.1:22             10.0.0.9:50000          ESTABLISHED 900/sshd: root@pts   on (0.20/3/0)
tcp        0      0 10.0.0.1:80             10.0.0.9:50001          TIME_WAIT   -                    timewait (31.50/0/0)
tcp6       0      0 :::80                   :::*                    LISTEN      25074/nginx          off (0.00/0/0)
tcp6       1      0 ::1:80                  ::1:40022               CLOSE_WAIT  25074/nginx          keepalive (7190.01/0/2)
tcp6       0      0 2001:db8:1234:5678:9abc:443 2001:db8:1234:5678:9:51 ESTABLISHED -
udp        0      0 0.0.0.0:68              0.0.0.0:*                           1/dhclient           off (0.00/0/0)
unix  3      [ ]         STREAM     CONNECTED     12345
";

#[test]
fn netstat_with_all_its_options() {
    let pasted = read(NETSTAT);
    assert_eq!((pasted.rows.len(), pasted.unread), (5, 1));
    assert!(pasted.first_unread.as_ref().is_some_and(|line| line.contains("2001:db8:1234:5678:9abc:443")));
    assert_eq!(pasted.has, Has { processes: true, timers: true, info: false, listeners: true });
    let rows = &pasted.rows;
    assert_eq!((rows[1].timer, rows[1].timer_left), (TimerKind::On, Some(Duration::from_millis(200))));
    assert_eq!((rows[1].retransmits, rows[1].send_queue), (3, 52));
    assert_eq!(rows[1].host.as_ref().unwrap().holders[0].pid, 900);
    assert_eq!((rows[2].state, rows[2].timer), (State::TimeWait, TimerKind::Timewait));
    assert_eq!(rows[2].host, None);
    assert_eq!(ends(&rows[3]), ("[::]:80".into(), "[::]:0".into()));
    assert_eq!(ends(&rows[4]), ("[::1]:80".into(), "[::1]:40022".into()));
    assert_eq!(rows[4].host.as_ref().unwrap().holders[0].name, "nginx");
}

#[test]
fn a_short_text_says_what_it_lacks() {
    let pasted = read("tcp        0      0 127.0.0.1:9000          127.0.0.1:40022         ESTABLISHED");
    assert_eq!(pasted.has, Has::default());
    assert_eq!(pasted.rows[0].timer, TimerKind::Off);
}

#[test]
fn ss_of_all_protocols_gives_its_tcp() {
    let text = "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port\n\
        udp   UNCONN 0 0 0.0.0.0:68 0.0.0.0:*\n\
        tcp   LISTEN 0 4096 *:8080 *:*\n\
        u_str ESTAB  0 0 * 123 * 456\n";
    let pasted = read(text);
    assert_eq!((pasted.rows.len(), pasted.unread), (1, 0));
    assert_eq!(ends(&pasted.rows[0]), ("[::]:8080".into(), "[::]:0".into()));
}

#[test]
fn counts_in_every_order() {
    for text in [
        "TIME_WAIT 814\nCLOSE_WAIT 1\nESTABLISHED 634\n",
        "TIME_WAIT: 814\nCLOSE_WAIT: 1,\nESTABLISHED: 634\n",
        "    814 TIME_WAIT\n      1 CLOSE_WAIT\n    634 ESTABLISHED\n",
        "ESTABLISHED 41\nTIME_WAIT 1\n$ netstat -n | awk ...\nTIME_WAIT 814\nCLOSE_WAIT 1\nESTABLISHED 634\n",
    ] {
        let pasted = read(text);
        let counts = pasted.counts.unwrap();
        assert_eq!(counts.count(State::TimeWait), 814, "{text}");
        assert_eq!((counts.count(State::CloseWait), counts.count(State::Established)), (1, 634));
        assert_eq!((counts.total(), pasted.unread, pasted.rows.len()), (1449, 0, 0));
    }
}

#[test]
fn names_instead_of_numbers_are_counted_as_unread() {
    let pasted = read("ESTAB 0 0 web:http client:50000\nESTAB 0 0 10.0.0.1:80 10.0.0.2:5\n");
    assert_eq!((pasted.rows.len(), pasted.unread), (1, 1));
    assert_eq!(pasted.first_unread.as_deref(), Some("ESTAB 0 0 web:http client:50000"));
}

#[test]
fn what_tells_nothing_is_none() {
    assert!(parse("").is_none());
    assert!(parse("hello world\n\n{\"a\": 1}\nls: no such file\n").is_none());
}

#[test]
fn times_as_ss_prints_them() {
    let cases = [("204ms", 204), ("1.204ms", 1_204), ("59sec", 59_000), ("1min20sec", 80_000)];
    for (text, millis) in cases {
        assert_eq!(ss::time(text), Some(Duration::from_millis(millis)), "{text}");
    }
    for text in ["", "ms", "5", "5parsecs", "99999999999sec", "1.2sec", "-1sec"] {
        assert_eq!(ss::time(text), None, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// What our own rows print is read back.
    #[test]
    fn a_printed_row_is_read_back(
        state in 0..11usize, recv in any::<u32>(), send in any::<u32>(), port in 1..=u16::MAX, v6 in any::<bool>(),
    ) {
        let local = if v6 { "[2001:db8::1]:80" } else { "10.0.0.1:80" };
        let remote = if v6 { format!("[2001:db8::2]:{port}") } else { format!("10.0.0.2:{port}") };
        let flow = lastack_observe::Flow { local: local.parse().unwrap(), remote: remote.parse().unwrap() };
        let mut row = SocketRow::new(State::ALL[state], flow);
        (row.recv_queue, row.send_queue) = (recv, send);
        let again = parse(&row.to_string()).unwrap().rows.remove(0);
        prop_assert_eq!(
            (again.state, again.recv_queue, again.send_queue, again.flow),
            (row.state, recv, send, flow)
        );
    }

    /// Words of real outputs in any order: nothing panics, and nothing is counted twice.
    #[test]
    fn shuffled_words_are_harmless(words in proptest::collection::vec(word(), 0..60)) {
        let text = words.concat();
        let lines = text.lines().count();
        if let Some(pasted) = parse(&text) {
            prop_assert!(pasted.rows.len() + pasted.unread <= lines);
        }
    }
}

fn word() -> impl Strategy<Value = String> {
    let known = [
        "tcp ",
        "tcp6 ",
        "ESTAB ",
        "TIME_WAIT ",
        "0 ",
        "814 ",
        "99999999999 ",
        "10.0.0.1:80 ",
        ":::80 ",
        "[::1]:5 ",
        "[:* ",
        "users:((\"a\",pid=1,fd=2)) ",
        "users:((",
        "))",
        "timer:(on,1.2ms,3) ",
        "timer:(",
        "on (1e400/1/1) ",
        "on (-1/1/1) ",
        "skmem:(r0,rbé) ",
        "rtt:1/2 ",
        "rto:1e99 ",
        "retrans:1 ",
        "\n",
        "\n\t",
        "é",
        "1/x ",
        "- ",
    ];
    prop_oneof![8 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,8}"]
}
