//! SYN floods, written into a TUN, and crowds of real clients that only look like one.

use crate::namespace::in_namespace;
use crate::puppet::{HOST, Puppet};
use crate::sick::{Examined, doctor, listener, set_sysctl};
use lastack::wire::Seq;
use lastack::wire::tcp::Flags;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const BACKLOG: u32 = 16;

fn at_host() -> String {
    format!("{HOST}:80")
}

/// Sources that are all different.
fn forged(number: u32) -> SocketAddr {
    let [_, _, a, b] = (number.wrapping_mul(2_654_435_761) >> 3).to_be_bytes();
    format!("198.19.{a}.{b}:{}", 1024 + number).parse().unwrap()
}

/// The doctor looks while so many SYNs come.
fn flooded(syns: u32) -> Examined {
    let _listener = listener(&at_host(), BACKLOG as i32);
    let mut puppet = Puppet::new();
    let flood = thread::spawn(move || {
        thread::sleep(Duration::from_millis(500));
        let aim = at_host().parse().unwrap();
        for number in 0..syns {
            puppet.syn(forged(number), aim);
        }
        puppet
    });
    let examined = doctor(&["--for", "1.5"]);
    drop(flood.join().unwrap());
    examined
}

/// The queue admits one more than the backlog.
const ADMITTED: u32 = BACKLOG + 1;

#[test]
fn a_flood_is_found_while_cookies_hold() {
    in_namespace("a_flood_is_found_while_cookies_hold", || {
        let examined = flooded(ADMITTED + 100);
        assert_eq!(examined.ids(), ["LA-SY01"], "{:#}", examined.report);
        assert_eq!(examined.finding("LA-SY01")["severity"], "warn");
        examined.assert_blames("LA-SY01", "listener", "local", at_host());
        assert_eq!(examined.fact("LA-SY01", "cookies sent"), 100.0);
        assert!(examined.fact("LA-SY01", "sources that differ") > 90.0);
    });
}

#[test]
fn ninety_nine_are_no_flood_yet() {
    in_namespace("ninety_nine_are_no_flood_yet", || {
        let examined = flooded(ADMITTED + 99);
        assert!(examined.ids().is_empty(), "{:#}", examined.report);
    });
}

#[test]
fn without_cookies_a_flood_shuts_the_service() {
    in_namespace("without_cookies_a_flood_shuts_the_service", || {
        set_sysctl("net.ipv4.tcp_syncookies", "0");
        let examined = flooded(ADMITTED + 100);
        assert_eq!(examined.ids(), ["LA-SY01", "LA-SC04"], "{:#}", examined.report);
        assert_eq!(examined.finding("LA-SY01")["severity"], "critical");
        assert_eq!(examined.fact("LA-SY01", "SYNs dropped"), 100.0);
    });
}

/// Clients that answer, all at once: more within a round trip than the queue holds. Their answers come no faster than the server
/// accepts, so that only the half-open queue is too small.
fn crowd(mut puppet: Puppet, clients: u16, accepted: &AtomicUsize) -> Puppet {
    let aim: SocketAddr = at_host().parse().unwrap();
    for client in 0..clients {
        puppet.syn(SocketAddr::new("198.18.7.7".parse().unwrap(), 10_000 + client), aim);
    }
    let mut answered = 0;
    let until = Instant::now() + Duration::from_millis(800);
    while Instant::now() < until {
        for segment in puppet.take() {
            if !segment.flags.syn() {
                continue;
            }
            while answered > accepted.load(Ordering::Relaxed) + 4 && Instant::now() < until {
                thread::sleep(Duration::from_millis(1));
            }
            let ack = Seq(segment.seq.0.wrapping_add(1));
            puppet.send(segment.to, segment.from, Flags::ACK, Seq(1001), ack, 65_535);
            answered += 1;
        }
    }
    puppet
}

fn crowded(clients: u16) -> Examined {
    let listener: TcpListener = listener(&at_host(), BACKLOG as i32);
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = accepted.clone();
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming().flatten() {
            held.push(stream);
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let puppet = Puppet::new();
    let crowd = thread::spawn(move || {
        thread::sleep(Duration::from_millis(500));
        crowd(puppet, clients, &accepted)
    });
    let examined = doctor(&["--for", "2"]);
    drop(crowd.join().unwrap());
    examined
}

#[test]
fn a_crowd_of_real_clients_is_told_from_a_flood() {
    in_namespace("a_crowd_of_real_clients_is_told_from_a_flood", || {
        let examined = crowded(ADMITTED as u16 + 100);
        assert_eq!(examined.ids(), ["LA-SY02"], "{:#}", examined.report);
        examined.assert_blames_us("LA-SY02");
        assert_eq!(examined.fact("LA-SY02", "backlog"), f64::from(BACKLOG));
        assert!(examined.fact("LA-SY02", "completed") > 90.0);
    });
}

#[test]
fn a_crowd_just_below_is_nothing() {
    in_namespace("a_crowd_just_below_is_nothing", || {
        let examined = crowded(ADMITTED as u16 + 99);
        assert!(examined.ids().is_empty(), "{:#}", examined.report);
    });
}
