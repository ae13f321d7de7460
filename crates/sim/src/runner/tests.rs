use super::{draw_text, run_text};
use crate::drawing::Side;

const OPEN: &str = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n\
    +0 < S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1000 ecr 0,nop,wscale 7>\n\
    +0 > S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 100 ecr 1000,nop,wscale 10>\n\
    +0 < . 1:1(0) ack 1 win 65535 <nop,nop,TS val 1001 ecr 100>\n+0 accept(3, ..., ...) = 4\n";

fn failure(script: &str) -> String {
    run_text("test", script).expect_err("this must fail").to_string()
}

fn passes(script: &str) {
    if let Err(failure) = run_text("test", script) {
        panic!("{failure}");
    }
}

#[test]
fn both_sides_are_shown() {
    let text = failure(&format!("{OPEN}+0 write(4, ..., 5) = 5\n+0 > P. 1:6(5) ack 1 win 99 <...>"));
    assert!(text.starts_with("test:9: differs: window\n"), "{text}");
    assert!(text.contains("\n  expected  0.000000  > P. 1:6(5) ack 1 win 99 <...>"), "{text}");
    assert!(
        text.contains("\n  seen      0.000000  > P. 1:6(5) ack 1 win 64 <nop,nop,TS val 100 ecr 1001>"),
        "{text}"
    );
}

#[test]
fn what_no_step_expects_is_a_failure() {
    let text = failure(&format!("{OPEN}+0 write(4, ..., 5) = 5"));
    assert!(text.contains("the stack sent what no step expects"), "{text}");
    let text = failure(&format!("{OPEN}+1 > . 1:1(0) ack 1 <...>"));
    assert!(text.contains("the stack sent nothing"), "{text}");
}

#[test]
fn times_and_waiting_calls_are_checked() {
    let wait = "+0...0.5 read(4, ..., 9) = 5\n";
    let data =
        "+0.5 < P. 1:6(5) ack 1 win 65535 <nop,nop,TS val 1500 ecr 100>\n+0~+0.04 > . 1:1(0) ack 6 <...>\n";
    passes(&format!("{OPEN}{wait}{data}"));
    let text = failure(&format!("{OPEN}{}{data}", wait.replace("0.5", "0.4")));
    assert!(text.contains("test:8: read() returned at the wrong time"), "{text}");
    let text = failure(&format!("{OPEN}+0 read(4, ..., 9) = 5"));
    assert!(text.contains("read() would wait here"), "{text}");
    passes(&format!(
        "{OPEN}+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n+0 read(4, ..., 9) = -1 EAGAIN (Try again)"
    ));
    let text = failure(&format!("{OPEN}+0 write(4, ..., 5) = 5\n+0.5 > P. 1:6(5) ack 1 <...>"));
    assert!(text.contains("time (too early)"), "{text}");
}

#[test]
fn rows_counters_and_asserts_are_checked() {
    passes(&format!("{OPEN}//# state ESTABLISHED off\n+0 %{{ assert tcpi_state == TCP_ESTABLISHED }}%"));
    let text = failure(&format!("{OPEN}//# state CLOSE_WAIT"));
    assert!(text.contains("expected  CLOSE_WAIT") && text.contains("seen      ESTABLISHED off"), "{text}");
    let text = failure(&format!("{OPEN}//# gone"));
    assert!(text.contains("the flow still has a row"), "{text}");
    let text = failure(&format!("{OPEN}//# counters TcpPassiveOpens=2"));
    assert!(text.contains("TcpPassiveOpens=1"), "{text}");
    let text = failure(&format!("{OPEN}%{{ assert tcpi_state == TCP_CLOSE }}%"));
    assert!(text.contains("tcpi_state == 1"), "{text}");
}

#[test]
fn polls_see_what_is_ready() {
    passes(&format!(
        "{OPEN}+0 poll([{{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}}], 1, 0) = 1\n\
         +0 < P. 1:6(5) ack 1 win 65535 <nop,nop,TS val 1001 ecr 100>\n+0~+0.04 > . 1:1(0) ack 6 <...>\n\
         +0 poll([{{fd=4, events=POLLIN, revents=POLLIN}}], 1, 0) = 1\n+0 ioctl(4, SIOCINQ, [5]) = 0"
    ));
}

#[test]
fn ipv6_is_the_same() {
    let script = OPEN.replace("mss 1460,sackOK,TS val 100", "mss 1440,sackOK,TS val 100");
    let script = script.replace("win 65160", "win 64260").replace("win 65160", "");
    let text = run_text(
        "test",
        &format!("--ip_version=ipv6\n{script}+0 write(4, ..., 5) = 5\n+0 > P. 1:6(5) ack 1 <...>"),
    );
    assert!(text.is_ok(), "{}", text.expect_err("it failed"));
}

#[test]
fn urgent_octets_go_apart_as_with_msg_oob() {
    let urgent = "+0 < PU. 1:6(5) ack 1 win 65535 urg 3 <nop,nop,TS val 1002 ecr 100>\n+0~+0.04 > . 1:1(0) ack 6 <...>\n";
    passes(&format!(
        "{OPEN}+0 recv(4, ..., 1, MSG_OOB) = -1 EINVAL (Invalid argument)\n{urgent}+0.1 read(4, ..., 9) = 2\n\
         +0 recv(4, ..., 1, MSG_OOB) = 1\n+0 read(4, ..., 9) = 2\n\
         +0 send(4, ..., 4, MSG_OOB) = 4\n+0 > PU. 1:5(4) ack 6 urg 4 <...>"
    ));
}

#[test]
fn a_drawn_run_ends_as_any_other_and_shows_what_led_to_a_failure() {
    let good = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n\
                +0 < S 0:0(0) win 1000 <mss 1000>\n+0 > S. 0:0(0) ack 1 <...>\n";
    let (result, diagram) = draw_text("good.pkt", good);
    assert_eq!(result.unwrap(), run_text("good.pkt", good).unwrap());
    let diagram = diagram.unwrap();
    assert_eq!(
        diagram.packets.iter().map(|packet| packet.flags.as_str()).collect::<Vec<_>>(),
        ["SYN", "SYN,ACK"]
    );
    assert_eq!(diagram.ends[0], "the script's peer");
    let (result, diagram) = draw_text("bad.pkt", &good.replace("ack 1", "ack 2"));
    assert!(result.is_err());
    assert_eq!(diagram.unwrap().packets.len(), 2);
    assert!(draw_text("unreadable.pkt", "0 <").1.is_none());
}

#[test]
fn who_begins_is_drawn_on_the_left() {
    let script = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n\
                  +0 connect(3, ..., ...) = -1 EINPROGRESS\n+0 > S 0:0(0) <...>\n";
    let (result, diagram) = draw_text("connect.pkt", script);
    result.unwrap();
    let diagram = diagram.unwrap();
    assert_eq!(diagram.ends[0], "the stack");
    assert_eq!(diagram.packets[0].from, Side::Left);
}
