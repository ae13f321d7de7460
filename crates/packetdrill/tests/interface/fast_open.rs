//! MSG_FASTOPEN and TCP_FASTOPEN_CONNECT as calls: what each answers in each state of the socket (Linux 6.18, measured),
//! and what TCP_INFO tells of it.

use crate::pair::{LOCAL, Pair, REMOTE, at, listen};
use crate::tool::{Answer, Peer, Raw, in_thread};
use libc::{c_int, c_long};

const TCP_FASTOPEN_CONNECT: c_int = 30;
/// Places in struct tcp_info.
const OPTIONS: usize = 5;
const BITS: usize = 7;
const SYN_DATA: u8 = 32;

fn client(raw: Raw, nonblocking: bool) -> c_int {
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket") as c_int;
    let flags = if nonblocking { libc::O_NONBLOCK } else { 0 };
    assert_eq!(raw.fcntl(fd, libc::F_SETFL, c_long::from(flags)), Ok(0));
    fd
}

fn send_fast(raw: Raw, fd: c_int, octets: &[u8]) -> Answer {
    let name = Raw::name(at(REMOTE));
    raw.sendto(fd, octets.as_ptr().cast(), octets.len(), libc::MSG_FASTOPEN, name.as_ptr().cast(), 16)
}

/// A client and its peer; `open`: data may go with a SYN though no cookie is known.
fn ready(open: bool) -> (Raw, Peer) {
    let raw = Raw::open(if open {
        "local=192.168.0.1,net.ipv4.tcp_fastopen=5"
    } else {
        "local=192.168.0.1,net.ipv4.tcp_fastopen=1"
    });
    (raw, Peer::new(raw, at(REMOTE), at(LOCAL)))
}

const SYN_ACK: &str = "S. 100:100(0) ack 4 win 9000 <mss 1460>";

#[test]
fn a_socket_that_was_not_told_of_its_connection_is_told_by_a_send() {
    let (raw, mut peer) = ready(true);
    let fd = client(raw, true);
    assert_eq!(send_fast(raw, fd, b"abc"), Ok(3));
    assert_eq!(send_fast(raw, fd, b"abc"), Err(libc::EALREADY));
    peer.expect("S 0:3(3) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 10>");
    peer.send(SYN_ACK);
    peer.expect(". 4:4(0) ack 101");
    assert_eq!(raw.put(fd, 2), Ok(2), "a write tells nothing");
    assert_eq!(send_fast(raw, fd, b"abcd"), Ok(4));
    assert_eq!(send_fast(raw, fd, b"abcd"), Err(libc::EISCONN));
    assert_eq!(raw.send(fd, b"a".as_ptr().cast(), 1, libc::MSG_FASTOPEN), Err(libc::EISCONN));
    raw.free();
}

#[test]
fn refusals() {
    let (raw, _peer) = ready(true);
    let fd = client(raw, true);
    let unspecified = [0_u8; 16];
    let send = |name: &[u8], len| {
        raw.sendto(fd, b"a".as_ptr().cast(), 1, libc::MSG_FASTOPEN, name.as_ptr().cast(), len)
    };
    assert_eq!(send(&unspecified, 16), Err(libc::EOPNOTSUPP));
    assert_eq!(send(&[], 0), Err(libc::EINVAL), "nobody to connect to");
    let listener = listen(raw, LOCAL);
    assert_eq!(send_fast(raw, listener, b"a"), Err(libc::EISCONN));
    raw.free();
    let off = Pair::accepted_with("net.ipv4.tcp_fastopen=2");
    assert_eq!(send_fast(off.raw, off.fd, b"a"), Err(libc::EOPNOTSUPP), "whatever the socket is");
    off.raw.free();
    let on = Pair::accepted();
    assert_eq!(send_fast(on.raw, on.fd, b"a"), Err(libc::EISCONN));
    on.raw.free();
}

#[test]
fn a_refused_syn_is_an_error_whatever_it_carried() {
    let (raw, mut peer) = ready(true);
    let fd = client(raw, false);
    let blocked = in_thread(raw, move |raw| send_fast(raw, fd, &[7; 2000]));
    peer.expect("S 0:1420(1420) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 10>");
    peer.send("R. 0:0(0) ack 1 win 0");
    assert_eq!(blocked.end().0, Err(libc::ECONNREFUSED));
    assert_eq!(raw.info(fd)[OPTIONS] & SYN_DATA, 0);
    raw.free();
}

/// TCP_FASTOPEN_CONNECT: connect() is answered at once, and who asks again learns that there is a connection.
#[test]
fn the_first_write_of_a_deferred_connect() {
    let (raw, mut peer) = ready(true);
    let fd = client(raw, true);
    assert_eq!(raw.set(fd, libc::SOL_TCP, TCP_FASTOPEN_CONNECT, &[1]), Ok(0));
    assert_eq!(raw.connect_to(fd, at(REMOTE)), Ok(0));
    assert_eq!(raw.connect_to(fd, at(REMOTE)), Err(libc::EISCONN));
    assert_eq!(raw.put(fd, 0), Err(libc::EINPROGRESS), "it sends the SYN all the same");
    peer.expect("S 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 10>");
    assert_eq!(raw.connect_to(fd, at(REMOTE)), Err(libc::EALREADY));
    assert_eq!(send_fast(raw, fd, b"abc"), Err(libc::EALREADY));
    assert_eq!(raw.put(fd, 3), Err(libc::EAGAIN));
    peer.send("S. 100:100(0) ack 1 win 9000 <mss 1460>");
    peer.expect(". 1:1(0) ack 101");
    assert_eq!(raw.connect_to(fd, at(REMOTE)), Ok(0), "the news of it");
    assert_eq!(raw.connect_to(fd, at(REMOTE)), Err(libc::EISCONN));
    raw.free();
}

#[test]
fn a_deferred_connect_that_is_refused() {
    let (raw, mut peer) = ready(true);
    let fd = client(raw, false);
    assert_eq!(raw.set(fd, libc::SOL_TCP, TCP_FASTOPEN_CONNECT, &[1]), Ok(0));
    assert_eq!(raw.connect_to(fd, at(REMOTE)), Ok(0));
    let blocked = in_thread(raw, move |raw| raw.put(fd, 2000));
    peer.expect("S 0:1420(1420) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 10>");
    peer.send("R. 0:0(0) ack 1 win 0");
    assert_eq!(blocked.end().0, Err(libc::ECONNREFUSED));
    raw.free();
}

/// TCPI_OPT_SYN_DATA outlives the connection, and tcpi_fastopen_client_fail says why data had to go again.
#[test]
fn tcp_info_of_it() {
    let (raw, mut peer) = ready(true);
    let fd = client(raw, true);
    assert_eq!(send_fast(raw, fd, b"abc"), Ok(3));
    peer.expect("S 0:3(3) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 10>");
    peer.send(SYN_ACK);
    peer.expect(". 4:4(0) ack 101");
    assert_eq!((raw.info(fd)[OPTIONS] & SYN_DATA, raw.info(fd)[BITS] >> 1 & 3), (SYN_DATA, 0));
    peer.send("R. 101:101(0) ack 4 win 0");
    assert_eq!(raw.put(fd, 3), Err(libc::ECONNRESET));
    assert_eq!((raw.info(fd)[0], raw.info(fd)[OPTIONS] & SYN_DATA), (7, SYN_DATA), "closed, and known");
    raw.free();

    for (again, failure) in [(false, 2), (true, 3)] {
        let (raw, mut peer) = ready(true);
        let fd = client(raw, true);
        assert_eq!(send_fast(raw, fd, b"abc"), Ok(3));
        peer.expect("S 0:3(3) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 10>");
        if again {
            peer.expect("S 0:0(0) <mss 1460,sackOK,TS val 1100 ecr 0,nop,wscale 10>");
        }
        peer.send("S. 100:100(0) ack 1 win 9000 <mss 1460>");
        peer.expect("P. 1:4(3) ack 101");
        assert_eq!(raw.info(fd)[BITS] >> 1 & 3, failure);
        raw.free();
    }

    let (raw, mut peer) = ready(false);
    let fd = client(raw, true);
    assert_eq!(send_fast(raw, fd, b"abc"), Err(libc::EINPROGRESS));
    peer.expect("S 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 10,FO,nop,nop>");
    assert_eq!(raw.info(fd)[BITS] >> 1 & 3, 1, "no cookie is known");
    raw.free();
}

/// Commands of a script, which the tool gives to system(): they mean the stack, and are run all the same.
#[test]
fn commands_about_the_kernel_mean_the_stack() {
    let run = |command: &std::ffi::CStr| {
        // SAFETY: a C string.
        unsafe { libc::system(command.as_ptr()) }
    };
    let (raw, mut peer) = ready(false);
    for cookie in [false, true, false] {
        let fd = client(raw, true);
        assert_eq!(send_fast(raw, fd, b"abc"), if cookie { Ok(3) } else { Err(libc::EINPROGRESS) });
        let (len, option) = if cookie { (3, "FO 01020304") } else { (0, "FO") };
        peer.expect(&format!(
            "S 0:{len}({len}) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 10,{option},nop,nop>"
        ));
        peer.send(&format!("S. 100:100(0) ack {} win 9000 <mss 1460,FO 01020304>", len + 1));
        peer.expect(&format!(". {0}:{0}(0) ack 101", len + 1));
        peer = Peer::new(raw, at(REMOTE), at(LOCAL));
        if cookie {
            assert_eq!(run(c"exit 3 # ip tcp_metrics flush all") >> 8, 3);
        }
    }
    let shown =
        c"grep -q 'ActiveOpens' $PROC_NET_SNMP && grep -q 'TCPFastOpenCookieReqd' $PROC_NET_NETSTAT # nstat";
    assert_eq!(run(shown), 0);
    assert_eq!(run(c"test -z \"$PROC_NET_SNMP\""), 0, "only what asks for it is shown it");
    raw.free();
}
