use super::*;
use std::net::{TcpListener, TcpStream};

#[test]
fn a_look_names_this_process_as_the_holder_of_its_sockets() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let client = TcpStream::connect(local).unwrap();
    let server = listener.accept().unwrap().0;
    let snapshot = take(&Machine::read(), None, true).unwrap();
    let row = snapshot.rows.iter().find(|row| row.flow.local == client.local_addr().unwrap()).unwrap();
    let host = row.host.as_ref().unwrap();
    assert_eq!(host.holders[0].pid, std::process::id());
    assert!(host.info.is_some() && host.memory.is_some());
    let facts = snapshot.listeners.iter().find(|listener| listener.local == local).unwrap();
    assert_eq!((facts.sockets, facts.flows.count(State::Established)), (1, 1));
    assert_eq!(facts.holders[0].pid, std::process::id());
    let me = snapshot.processes.iter().find(|process| process.pid == std::process::id()).unwrap();
    assert!(me.descriptors > 3 && me.descriptors_max.is_some_and(|max| max > 3));
    assert_eq!(snapshot.census.total() as usize, snapshot.rows.len());
    assert!(snapshot.counters.contains_key("TcpActiveOpens") && snapshot.socket_use.is_some());
    assert!(snapshot.sysctls.contains_key("net.ipv4.ip_local_port_range"));
    drop(server);
}
