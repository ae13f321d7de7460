//! Peers that vanish, that do not read, that never got the third segment; and paths that lose much.

use crate::namespace::in_namespace;
use crate::puppet::{Puppet, Role};
use crate::sick::doctor;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

const PEER: &str = "198.18.7.7";
const SERVICE: &str = "198.18.7.7:80";

fn connect(count: u32) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(SERVICE).unwrap()).collect()
}

fn write(streams: &mut [TcpStream]) {
    streams.iter_mut().for_each(|stream| stream.write_all(b"x").unwrap());
}

#[test]
fn a_third_segment_that_got_lost_leaves_one_side_established() {
    in_namespace("a_third_segment_that_got_lost_leaves_one_side_established", || {
        let _stage = Puppet::new().play(Role { syn_acks: 4, ..Role::GOOD });
        let held = connect(1);
        let examined = doctor(&["--for", "1.5"]);
        assert_eq!(examined.ids(), ["LA-ES01"], "{:#}", examined.report);
        examined.assert_blames("LA-ES01", "peer", "peer", SERVICE);
        examined.assert_blames_us("LA-ES01");
        assert_eq!(examined.fact("LA-ES01", "SYNs in ESTABLISHED, answered by a challenge"), 3.0);
        drop(held);
    });
}

#[test]
fn two_repeated_syn_acks_are_nothing_yet() {
    in_namespace("two_repeated_syn_acks_are_nothing_yet", || {
        let _stage = Puppet::new().play(Role { syn_acks: 3, ..Role::GOOD });
        let held = connect(1);
        let examined = doctor(&["--for", "1.5"]);
        assert!(examined.ids().is_empty(), "{:#}", examined.report);
        drop(held);
    });
}

#[test]
fn peers_that_do_not_answer_are_found() {
    in_namespace("peers_that_do_not_answer_are_found", || {
        let _stage = Puppet::new().play(Role { acks: false, ..Role::GOOD });
        let mut held = connect(4);
        write(&mut held);
        thread::sleep(Duration::from_millis(1500));
        let sooner = ["--for", "0.3", "--set", "silent.retransmits=2"];
        let below = doctor(&sooner);
        assert!(below.ids().is_empty(), "{:#}", below.report);
        held.extend(connect(1));
        write(&mut held[4..]);
        thread::sleep(Duration::from_millis(1500));
        let examined = doctor(&sooner);
        assert_eq!(examined.ids(), ["LA-ES02"]);
        examined.assert_blames("LA-ES02", "peer", "peer", PEER);
        examined.assert_blames_us("LA-ES02");
        assert!(doctor(&["--for", "0.3", "--set", "silent.retransmits=9"]).ids().is_empty());
    });
}

#[test]
fn peers_that_do_not_read_are_found() {
    in_namespace("peers_that_do_not_read_are_found", || {
        let _stage = Puppet::new().play(Role { window: 0, ..Role::GOOD });
        let mut held = connect(4);
        write(&mut held);
        thread::sleep(Duration::from_millis(300));
        let below = doctor(&["--for", "0.6"]);
        assert!(below.ids().is_empty(), "{:#}", below.report);
        held.extend(connect(1));
        write(&mut held[4..]);
        thread::sleep(Duration::from_millis(300));
        let examined = doctor(&["--for", "0.6"]);
        assert_eq!(examined.ids(), ["LA-ZW01"], "{:#}", examined.report);
        examined.assert_blames("LA-ZW01", "peer", "peer", PEER);
        assert_eq!(examined.fact("LA-ZW01", "waiting to be sent"), 5.0);
    });
}

#[test]
fn closes_without_an_answer_are_found() {
    in_namespace("closes_without_an_answer_are_found", || {
        let _stage = Puppet::new().play(Role { acks: false, closes: true, ..Role::GOOD });
        let close = |count| {
            for mut stream in connect(count) {
                assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
            }
            thread::sleep(Duration::from_millis(1500));
        };
        close(19);
        let below = doctor(&["--for", "0.3"]);
        assert!(below.ids().is_empty(), "{:#}", below.report);
        close(1);
        let examined = doctor(&["--for", "0.3"]);
        assert_eq!(examined.ids(), ["LA-LA01"]);
        examined.assert_blames("LA-LA01", "peer", "peer", PEER);
        assert_eq!(examined.fact("LA-LA01", "LAST_ACK"), 20.0);
    });
}

#[test]
fn much_that_is_sent_again_is_found_with_its_peer() {
    in_namespace("much_that_is_sent_again_is_found_with_its_peer", || {
        let _stage = Puppet::new().play(Role { acks: false, ..Role::GOOD });
        let mut held = connect(120);
        write(&mut held);
        let examined = doctor(&["--for", "2", "--ignore", "LA-ES02"]);
        assert_eq!(examined.ids(), ["LA-RT01"], "{:#}", examined.report);
        examined.assert_blames("LA-RT01", "peer", "peer", PEER);
        let again = examined.fact("LA-RT01", "sent again");
        assert!(again >= 200.0, "{again}");
    });
}

#[test]
fn a_little_that_is_sent_again_is_nothing() {
    in_namespace("a_little_that_is_sent_again_is_nothing", || {
        let _stage = Puppet::new().play(Role { acks: false, ..Role::GOOD });
        // Few segments, all of them repetitions; then many, few of them repetitions.
        let mut held = connect(20);
        write(&mut held);
        let few = doctor(&["--for", "1", "--ignore", "LA-ES02"]);
        assert!(few.ids().is_empty(), "{:#}", few.report);
        let busy = thread::spawn(|| {
            let listener = std::net::TcpListener::bind("127.0.0.1:80").unwrap();
            let mut client = TcpStream::connect("127.0.0.1:80").unwrap();
            let mut server = listener.accept().unwrap().0;
            client.set_nodelay(true).unwrap();
            for _ in 0..8000 {
                client.write_all(b"x").unwrap();
                server.read_exact(&mut [0; 1]).unwrap();
            }
        });
        let many = doctor(&["--for", "1", "--ignore", "LA-ES02"]);
        busy.join().unwrap();
        assert!(many.ids().is_empty(), "{:#}", many.report);
    });
}
