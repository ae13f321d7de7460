use super::*;
use lastack_observe::{Flow, HostFacts, SocketMemory};

fn listen(listeners: &mut Listeners, local: &str, v6only: Option<bool>, queue: u32) {
    let local: SocketAddr = local.parse().unwrap();
    let remote = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    let memory = Some(SocketMemory { drops: 2, ..SocketMemory::default() });
    let host = HostFacts { v6only, memory, inode: 7, ..HostFacts::default() };
    listeners.add(&SocketRow {
        recv_queue: queue,
        send_queue: 128,
        host: Some(Box::new(host)),
        ..SocketRow::new(State::Listen, Flow { local, remote })
    });
}

#[test]
fn a_flow_belongs_to_the_closest_listener() {
    let mut listeners = Listeners::default();
    for (local, v6only) in [
        ("0.0.0.0:80", None),
        ("10.0.0.1:80", None),
        ("[::]:80", Some(true)),
        ("[::]:81", Some(false)),
        ("[::]:82", Some(true)),
    ] {
        listen(&mut listeners, local, v6only, 0);
    }
    let of = |local: &str| listeners.of(local.parse().unwrap());
    assert_eq!(of("10.0.0.1:80"), Some(1));
    assert_eq!(of("10.0.0.2:80"), Some(0));
    assert_eq!(of("[fd00::1]:80"), Some(2));
    assert_eq!(of("[fd00::1]:81"), Some(3));
    assert_eq!(of("[::ffff:10.0.0.1]:81"), Some(3));
    assert_eq!(of("10.0.0.1:81"), Some(3));
    assert_eq!(of("10.0.0.1:82"), None);
    assert_eq!(of("[::ffff:10.0.0.1]:82"), None);
    assert_eq!(of("10.0.0.1:83"), None);
}

#[test]
fn sockets_of_one_end_are_one_listener_and_counts_add_up() {
    let mut listeners = Listeners::default();
    listen(&mut listeners, "0.0.0.0:80", None, 3);
    listen(&mut listeners, "0.0.0.0:80", None, 4);
    listeners.count("10.0.0.1:80".parse().unwrap(), State::SynRecv);
    listeners.count("10.0.0.1:9".parse().unwrap(), State::TimeWait);
    let only = listeners.iter().next().unwrap();
    assert_eq!((only.sockets, only.queue, only.backlog, only.drops), (2, 7, 256, 4));
    assert_eq!((only.flows.count(State::SynRecv), only.flows.count(State::Listen)), (1, 2));
    let total = listeners.total();
    assert_eq!((total.total(), total.count(State::TimeWait)), (4, 1));
}
