use super::ast::*;
use super::*;
use lastack_wire::tcp::Flags;

fn steps(text: &str) -> Vec<Step> {
    parse("test.pkt", text).unwrap_or_else(|error| panic!("{error}")).steps
}

fn error(text: &str) -> String {
    parse("test.pkt", text).expect_err("this must not parse").to_string()
}

#[test]
fn times_of_every_form() {
    let text = "0 close(3) = 0\n+0.1 close(3) = 0\n+.25 close(3) = 0\n* close(3) = 0\n1~1.5 close(3) = 0\n\
                +0~+0.04 close(3) = 0\nclose(3) = 0";
    let whens: Vec<When> = steps(text).into_iter().map(|step| step.when).collect();
    let expected = [
        When::At(0),
        When::After(100_000),
        When::After(250_000),
        When::Any,
        When::Between(1_000_000, 1_500_000),
        When::AfterBetween(0, 40_000),
        When::After(0),
    ];
    assert_eq!(whens, expected);
}

#[test]
fn a_syn_ack_in_full() {
    let steps = steps("+0 > S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 100 ecr 7,nop,wscale 10>");
    let Action::Expect(segment) = &steps[0].action else { panic!("{steps:?}") };
    assert_eq!(segment.flags, Flags::SYN.with(Flags::ACK));
    assert_eq!((segment.start, segment.len, segment.ack, segment.window), (0, 0, Some(1), Some(65160)));
    let options = vec![Opt::Mss(1460), Opt::SackOk, Opt::Timestamps(100, 7), Opt::Nop, Opt::WindowScale(10)];
    assert_eq!(segment.options, Some(options));
}

#[test]
fn any_options_any_window_no_flags_and_urgent() {
    let steps = steps("+0 > . 1:1(0) ack 1 <...>\n+0 < - 5:5(0) win 9\n+0 < PU. 1:3(2) ack 1 win 9 urg 2");
    assert!(matches!(&steps[0].action, Action::Expect(s) if s.options.is_none() && s.window.is_none()));
    assert!(matches!(&steps[1].action, Action::Send(s) if s.flags == Flags::default()));
    assert!(matches!(&steps[2].action, Action::Send(s) if s.urgent == Some(2)));
}

#[test]
fn icmp_with_its_quote_on_either_side() {
    let want = Icmp { kind: IcmpKind::TooBig(1400), quoted: Some((1, 1000)) };
    for text in [
        "+0 < [1:1001(1000)] icmp unreachable frag_needed mtu 1400",
        "+0 < icmp unreachable frag_needed mtu 1400 [1:1001(1000)]",
    ] {
        assert_eq!(steps(text)[0].action, Action::SendIcmp(want.clone()));
    }
}

#[test]
fn calls_with_results_errors_and_ends() {
    let text = "0.1...0.2 read(4, ..., 1000) = -1 ECONNRESET (Connection reset by peer)\n\
                +0 setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0\n\
                +0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n\
                +0 fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)\n\
                +0 bind(3, {sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr(\"1.2.3.4\")}, ...) = 0";
    let steps = steps(text);
    let Action::Call(read) = &steps[0].action else { panic!() };
    assert_eq!(steps[0].when, When::At(100_000));
    assert_eq!((read.returns, read.result), (Some(When::At(200_000)), Some(-1)));
    assert_eq!(read.errno.as_deref(), Some("ECONNRESET"));
    let Action::Call(linger) = &steps[1].action else { panic!() };
    let fields = vec![("onoff".to_owned(), Value::Number(1)), ("linger".to_owned(), Value::Number(0))];
    assert_eq!(linger.arguments[3], Value::Fields(fields));
    let Action::Call(flags) = &steps[2].action else { panic!() };
    assert_eq!(flags.arguments[2], Value::Words(vec!["O_RDWR".to_owned(), "O_NONBLOCK".to_owned()]));
    assert!(matches!(&steps[3].action, Action::Call(call) if call.result == Some(2)));
    let Action::Call(bind) = &steps[4].action else { panic!() };
    assert!(matches!(&bind.arguments[1], Value::Fields(fields) if fields.len() == 3));
}

#[test]
fn preambles_become_knobs_and_nothing_else() {
    let text = "--tolerance_usecs=9000\n`../common/set_sysctls.py /proc/sys/net/ipv4/tcp_sack=0 \
                /proc/sys/net/ipv4/tcp_rmem=4096,5,6`\n0 `sysctl -q net.ipv4.tcp_fin_timeout=10`\n0 close(3) = 0";
    let script = parse("t", text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(script.tolerance_usecs, Some(9000));
    let sysctls: Vec<(&str, &str)> =
        script.sysctls.iter().map(|s| (s.name.as_str(), s.value.as_str())).collect();
    let want =
        [("net.ipv4.tcp_sack", "0"), ("net.ipv4.tcp_rmem", "4096,5,6"), ("net.ipv4.tcp_fin_timeout", "10")];
    assert_eq!(sysctls, want);
    // Others are read as they stand, and refused by who cannot obey them.
    let other = steps("`reboot --force`");
    assert_eq!(other[0].action, Action::Shell("reboot --force".to_owned()));
    let why = crate::runner::run_text("t", "`reboot --force`").expect_err("nothing is executed").to_string();
    assert!(why.contains("no command is executed"), "{why}");
}

#[test]
fn comments_of_three_kinds_and_ours() {
    let text = "// one\n# two\n/* three\n over lines */ 0 close(3) = 0 // four\n//# state TIME_WAIT timewait 59.9\n\
                //# +0.5 gone\n//# counters TCPTimeouts=3 TcpOutRsts=0\n%{ assert tcpi_state == TCP_CLOSE_WAIT, 'no' }%";
    // The message of an assert is a text in double quotes in our subset.
    let text = text.replace("'no'", "\"no\"");
    let steps = steps(&text);
    let row =
        Check::Row { state: "TIME_WAIT".to_owned(), timer: Some(("timewait".to_owned(), Some(59_900_000))) };
    assert_eq!(steps[1].action, Action::Check(row));
    assert_eq!((steps[2].when, &steps[2].action), (When::After(500_000), &Action::Check(Check::Gone)));
    let counters = vec![("TCPTimeouts".to_owned(), 3), ("TcpOutRsts".to_owned(), 0)];
    assert_eq!(steps[3].action, Action::Check(Check::Counters(counters)));
    assert!(matches!(&steps[4].action, Action::Code(_, Some(Check::Info(name, _))) if name == "tcpi_state"));
}

#[test]
fn errors_show_the_place() {
    let text = "0 close(3) = 0\n+0 > S. 0:5(4) ack 1";
    let error = error(text);
    assert!(error.contains("test.pkt:2:11: 0 and 4 octets make 4, not 5"), "{error}");
    assert!(error.contains("  | +0 > S. 0:5(4) ack 1\n  |           ^"), "{error}");
    assert!(self::error("+0 < . 1:1(0) ack 1").contains("needs its window"));
    assert!(self::error("+0 > X 1:1(0)").contains("flags are letters"));
    assert!(self::error("+0 > S 0:0(0) <mms 1460>").contains("`mms` is no TCP option"));
    assert!(self::error("+0 < S 0:0(0) win 70000").contains("of the size this field has"));
    let code = crate::runner::run_text("t", "0 %{ print(1) }%").expect_err("this needs Python").to_string();
    assert!(code.contains("this code needs Python"), "{code}");
    assert!(self::error("+0 §").contains("begins no word"));
}

#[test]
fn every_expected_number_can_be_changed() {
    let text = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 < S 0:0(0) win 5\n\
                +0 > S. 0:0(0) ack 1 win 5 <mss 1460,TS val 5 ecr 6>\n+1 > . 1:1(0) ack 1 win 7 <TS val 8 ecr 9>\n\
                //# state TIME_WAIT timewait 60\n//# counters TCPTimeouts=1";
    let script = parse("t", text).unwrap_or_else(|error| panic!("{error}"));
    let all = expectations(&script);
    // SYN-ACK: time, length, ack, win, mss, ecr; ACK: time, seq, length, ack, win, val, ecr; timer; counter.
    assert_eq!(all.len(), 15, "{all:?}");
    for (index, number) in all.iter().enumerate() {
        for by in [0, 7, 4_000_000_000] {
            let changed = mutate(&script, index, by);
            assert_ne!(changed, script, "{number:?}");
            let different = changed.steps.iter().zip(&script.steps).filter(|(a, b)| a != b).count();
            assert_eq!(different, 1);
        }
    }
    assert_eq!(mutate(&script, all.len(), 1), script);
}

#[test]
fn the_public_language_beyond_our_own() {
    let text = "--mtu=1520\n--define=CC=\"reno\"\n--tolerance_percent=1.5\n`./defaults.sh\n sysctl -qw net.ipv4.tcp_ecn=\"2\"`\n\
                0 `echo 3 > /proc/sys/net/ipv4/tcp_reordering`\n\
                +0 < [ect0] (50 > 60) SA.5 1:1(0) win 9 <md5 00ff,ECN e1b 1 ceb 0>\n+0 > (ttl 7) P. 1:2(1) ack 2\n\
                +0 setsockopt(3, SOL_TCP, TCP_CONGESTION, CC, 4) = 0\n\
                +0 send(3, ..., 0x10, MSG_MORE|0x1) = POLLIN|POLLOUT\n\
                +0 recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 5}], msg_flags=0}, 0) = 5\n\
                +0 > udp (5)\n+0 < icmp time_exceeded [1:2(1)]\n+0 `true`";
    let script = parse("t", text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((script.settings.mtu, script.settings.tolerance_milli_percent), (Some(1520), Some(1500)));
    assert_eq!(script.defaults.as_deref(), Some("./defaults.sh"));
    let sysctls: Vec<(&str, &str)> =
        script.sysctls.iter().map(|s| (s.name.as_str(), s.value.as_str())).collect();
    assert_eq!(sysctls, [("net.ipv4.tcp_ecn", "2"), ("net.ipv4.tcp_reordering", "3")]);
    let actions: Vec<&Action> = script.steps.iter().map(|step| &step.action).collect();
    let Action::Send(sent) = actions[0] else { panic!("{actions:?}") };
    assert_eq!(sent.marks.tos, Tos::Ecn(2));
    assert_eq!((sent.marks.ports, sent.marks.ace, sent.marks.ae), ((50, 60), Some(5), true));
    assert!(sent.flags.contains(Flags::ECE) && !sent.flags.contains(Flags::CWR));
    assert_eq!(sent.options, Some(vec![Opt::Md5(vec![0, 255]), Opt::AccEcn(true, vec![1, 0])]));
    assert!(matches!(actions[1], Action::Expect(seen) if seen.marks.ttl == 7));
    assert!(matches!(actions[2], Action::Call(call) if call.arguments[3] == Value::Text("reno".to_owned())));
    let Action::Call(send) = actions[3] else { panic!("{actions:?}") };
    assert_eq!(send.arguments[3], Value::Words(vec!["MSG_MORE".to_owned(), "1".to_owned()]));
    assert!(matches!(&send.outcome, Some(Value::Words(words)) if words.len() == 2));
    let Action::Call(receive) = actions[4] else { panic!("{actions:?}") };
    let Value::Fields(fields) = &receive.arguments[1] else { panic!("{receive:?}") };
    assert_eq!(
        fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["msg_name", "msg_iov", "msg_flags"]
    );
    assert_eq!(actions[5], &Action::Foreign("UDP".to_owned()));
    assert!(matches!(actions[6], Action::SendIcmp(Icmp { kind: IcmpKind::Other(11, 0), .. })));
    assert_eq!(actions.len(), 7);
}
