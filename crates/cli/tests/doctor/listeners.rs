//! Slow accept loops, bursts, and backlogs that are capped.

use crate::namespace::in_namespace;
use crate::sick::{doctor, listener, set_sysctl};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

const LOCAL: &str = "127.0.0.1:80";

/// Clients that wait, each on a thread of its own.
fn clients(count: u32) {
    for _ in 0..count {
        thread::spawn(|| {
            let client = TcpStream::connect(LOCAL);
            thread::sleep(Duration::from_secs(60));
            drop(client);
        });
    }
    thread::sleep(Duration::from_millis(200));
}

#[test]
fn a_program_that_does_not_accept_is_found() {
    in_namespace("a_program_that_does_not_accept_is_found", || {
        let listener = listener(LOCAL, 15);
        // There is room for 16.
        clients(11);
        let below = doctor(&["--for", "0.5"]);
        assert!(below.ids().is_empty(), "{:#}", below.report);
        clients(1);
        let full = doctor(&["--for", "0.5"]);
        assert_eq!(full.ids(), ["LA-AQ01"]);
        assert_eq!(full.finding("LA-AQ01")["severity"], "warn", "nobody is refused yet");
        full.assert_blames_us("LA-AQ01");
        full.assert_blames("LA-AQ01", "listener", "local", LOCAL);
        clients(4);
        thread::spawn(|| {
            thread::sleep(Duration::from_millis(500));
            clients(3);
        });
        let refusing = doctor(&["--for", "1.5"]);
        assert_eq!(refusing.ids(), ["LA-AQ01"]);
        assert_eq!(refusing.finding("LA-AQ01")["severity"], "critical");
        assert!(refusing.fact("LA-AQ01", "refused") >= 3.0);
        let what = refusing.finding("LA-AQ01")["what"].as_str().unwrap();
        assert!(what.contains("accepts nothing"), "{what}");
        drop(listener);
    });
}

#[test]
fn a_slow_accept_loop_is_told_from_one_that_stands() {
    in_namespace("a_slow_accept_loop_is_told_from_one_that_stands", || {
        let listener = listener(LOCAL, 15);
        clients(20);
        thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                held.push(stream);
                thread::sleep(Duration::from_millis(500));
            }
        });
        let examined = doctor(&["--for", "1.5"]);
        let what = examined.finding("LA-AQ01")["what"].as_str().unwrap();
        assert!(what.contains("accepts too slowly"), "{what}");
        examined.assert_blames_us("LA-AQ01");
    });
}

/// A burst of clients meets a program that then accepts all at once: between the looks the queue overflows, at them it is empty.
fn burst(clients_at_once: u32) {
    let listener = listener(LOCAL, 15);
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(500));
        clients(clients_at_once);
        let mut held = Vec::new();
        for stream in listener.incoming() {
            held.push(stream);
        }
    });
}

#[test]
fn a_burst_that_overflows_asks_for_a_larger_backlog() {
    in_namespace("a_burst_that_overflows_asks_for_a_larger_backlog", || {
        burst(18);
        let examined = doctor(&["--for", "2"]);
        assert_eq!(examined.ids(), ["LA-AQ02"], "{:#}", examined.report);
        examined.assert_blames_us("LA-AQ02");
        assert_eq!(examined.fact("LA-AQ02", "backlog"), 15.0);
    });
}

#[test]
fn a_burst_that_fits_is_nothing() {
    in_namespace("a_burst_that_fits_is_nothing", || {
        burst(16);
        let examined = doctor(&["--for", "2"]);
        assert!(examined.ids().is_empty(), "{:#}", examined.report);
    });
}

#[test]
fn a_backlog_that_somaxconn_caps_is_found_by_its_drops() {
    in_namespace("a_backlog_that_somaxconn_caps_is_found_by_its_drops", || {
        set_sysctl("net.core.somaxconn", "15");
        burst(18);
        let examined = doctor(&["--for", "2"]);
        assert_eq!(examined.ids(), ["LA-AQ03"], "{:#}", examined.report);
        examined.assert_blames("LA-AQ03", "sysctl", "name", "net.core.somaxconn");
        examined.assert_blames_us("LA-AQ03");
    });
}
