use super::*;
use proptest::prelude::*;

const TEXT: &str =
    "Tcp: RtoAlgorithm MaxConn ActiveOpens\nTcp: 1 -1 17\nTcpExt: ListenDrops New\nTcpExt: 3 4\n";

#[test]
fn names_stand_above_values() {
    let mut counters = KernelCounters::default();
    counters.add_text(TEXT);
    assert_eq!(counters.value("TcpActiveOpens"), Some(17));
    assert_eq!(counters.value("TcpExtNew"), Some(4));
    assert_eq!(counters.value("TcpMaxConn"), None);
    assert_eq!(counters.known().value(Counter::ListenDrops), 3);
    let mut later = counters.clone();
    later.add_text("TcpExt: ListenDrops New\nTcpExt: 9 4\n");
    assert_eq!(later.since(&counters), [("TcpExtListenDrops", 6)]);
}

#[test]
fn socket_use_is_read_from_both_files() {
    let text =
        "sockets: used 12\nTCP: inuse 5 orphan 1 tw 2 alloc 7 mem 3\nUDP: inuse 1 mem 0\nTCP6: inuse 4\n";
    let expected = SocketUse {
        sockets: 12,
        inuse: 5,
        inuse6: 4,
        time_wait: 2,
        orphans: 1,
        allocated: 7,
        memory_pages: 3,
    };
    assert_eq!(parse_socket_use(text), expected);
    assert_eq!(parse_socket_use("TCP: inuse"), SocketUse::default());
}

#[test]
fn this_kernel_counts() {
    let counters = KernelCounters::read().unwrap();
    assert!(counters.value("TcpActiveOpens").is_some() && counters.value("TcpExtListenDrops").is_some());
    socket_use().unwrap();
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), cut in 0..TEXT.len()) {
        let mut counters = KernelCounters::default();
        counters.add_text(&text);
        counters.add_text(&TEXT[..cut]);
        parse_socket_use(&text);
    }
}
