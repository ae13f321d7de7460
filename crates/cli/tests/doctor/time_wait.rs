//! A crawler that runs out of ports, a server that only looks like it, and a full table. All at default thresholds.

use crate::namespace::in_namespace;
use crate::neighbour::Neighbour;
use crate::sick::{doctor, set_sysctl};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// A server there that closes after its client.
fn serve(neighbour: &Neighbour) {
    let listener = neighbour.run(|| TcpListener::bind("10.9.0.2:80").unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 16]);
        }
    });
}

/// A FIN that is repeated because the machine is busy can meet a server that is done already, and its RST would end a TIME_WAIT
/// (RFC 1337). That would be one less than the test counts.
fn keep_every_time_wait() {
    set_sysctl("net.ipv4.tcp_rfc1337", "1");
}

fn crawl(pages: u32) {
    for _ in 0..pages {
        drop(TcpStream::connect("10.9.0.2:80").unwrap());
    }
    thread::sleep(Duration::from_millis(200));
}

#[test]
fn a_crawler_that_runs_out_of_ports_is_told_the_budget() {
    in_namespace("a_crawler_that_runs_out_of_ports_is_told_the_budget", || {
        keep_every_time_wait();
        let neighbour = Neighbour::new();
        serve(&neighbour);
        set_sysctl("net.ipv4.ip_local_port_range", "40000 40099");
        crawl(69);
        let below = doctor(&["--for", "0.5"]);
        assert!(below.ids().is_empty(), "{:#}", below.report);
        crawl(1);
        let examined = doctor(&["--for", "0.5"]);
        assert_eq!(
            examined.ids(),
            ["LA-TW01"],
            "{:#}",
            doctor(&["--for", "0.5", "--set", "ports.warn=1"]).report
        );
        assert_eq!(examined.finding("LA-TW01")["severity"], "warn");
        examined.assert_blames("LA-TW01", "path", "to", "10.9.0.2:80");
        examined.assert_blames("LA-TW01", "path", "from", "10.9.0.1");
        assert_eq!(examined.fact("LA-TW01", "of"), 100.0);
        assert!((examined.fact("LA-TW01", "so at most") - 100.0 / 60.0).abs() < 0.01);
        crawl(20);
        assert_eq!(doctor(&["--for", "0.5"]).finding("LA-TW01")["severity"], "critical");
        // connect() takes them over, so nothing is wrong any more; but a translator on the way knows nothing of that.
        set_sysctl("net.ipv4.tcp_tw_reuse", "1");
        thread::sleep(Duration::from_millis(1100));
        assert!(doctor(&["--for", "0.5"]).ids().is_empty());
        assert_eq!(doctor(&["--for", "0.5", "--nat-hold", "120"]).ids(), ["LA-TW01"]);
        set_sysctl("net.ipv4.tcp_timestamps", "0");
        assert!(doctor(&["--for", "0.5"]).found("LA-TW01"), "without timestamps nothing is taken over");
    });
}

#[test]
fn a_servers_time_waits_are_said_to_be_harmless() {
    in_namespace("a_servers_time_waits_are_said_to_be_harmless", || {
        keep_every_time_wait();
        let listener = TcpListener::bind("127.0.0.1:80").unwrap();
        let visit = || {
            let mut client = TcpStream::connect("127.0.0.1:80").unwrap();
            drop(listener.accept().unwrap());
            assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        };
        (0..999).for_each(|_| visit());
        thread::sleep(Duration::from_millis(100));
        let below = doctor(&["--for", "0.5"]);
        assert!(below.ids().is_empty(), "{:#}", below.report);
        visit();
        thread::sleep(Duration::from_millis(100));
        let examined = doctor(&["--for", "0.5"]);
        assert_eq!(examined.ids(), ["LA-TW02"]);
        assert_eq!(examined.finding("LA-TW02")["severity"], "info");
        examined.assert_blames("LA-TW02", "listener", "local", "127.0.0.1:80");
        assert_eq!(doctor(&["--for", "0.5", "--fail-on", "info"]).code, Some(1));
        assert_ne!(examined.code, Some(1), "info is no failure by default");
    });
}

#[test]
fn a_full_table_is_found() {
    in_namespace("a_full_table_is_found", || {
        keep_every_time_wait();
        let neighbour = Neighbour::new();
        serve(&neighbour);
        set_sysctl("net.ipv4.tcp_max_tw_buckets", "50");
        crawl(44);
        let below = doctor(&["--for", "0.5", "--ignore", "LA-SC02"]);
        assert!(below.ids().is_empty(), "{:#}", below.report);
        crawl(1);
        assert_eq!(doctor(&["--for", "0.5", "--ignore", "LA-SC02"]).ids(), ["LA-TW03"]);
        let crawler = thread::spawn(|| {
            thread::sleep(Duration::from_millis(500));
            crawl(20);
        });
        let examined = doctor(&["--for", "1.5", "--ignore", "LA-SC02"]);
        crawler.join().unwrap();
        assert_eq!(examined.ids(), ["LA-TW03"]);
        assert!(examined.fact("LA-TW03", "ended without") >= 10.0);
        examined.assert_blames("LA-TW03", "sysctl", "name", "net.ipv4.tcp_max_tw_buckets");
    });
}
