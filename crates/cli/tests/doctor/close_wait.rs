//! Programs that leak connections in CLOSE_WAIT, and programs that only look like it. All at default thresholds.

use crate::namespace::in_namespace;
use crate::sick::doctor;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// A server that keeps each connection for `keep` after its peer has closed (for ever: as long as it runs).
struct Server {
    local: SocketAddr,
}

impl Server {
    fn new(keep: Option<Duration>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut leaked = Vec::new();
            for stream in listener.incoming().flatten() {
                match keep {
                    None => leaked.push(stream),
                    Some(keep) => drop(thread::spawn(move || {
                        thread::sleep(keep);
                        drop(stream);
                    })),
                }
            }
        });
        Server { local }
    }

    /// Clients that come and go.
    fn visit(&self, clients: u32) {
        for _ in 0..clients {
            drop(TcpStream::connect(self.local).unwrap());
        }
    }

    /// The same, again and again, until it is told to stop.
    fn visit_on(&self, pause: Duration) -> Arc<AtomicBool> {
        let (stop, local) = (Arc::new(AtomicBool::new(false)), self.local);
        let told = stop.clone();
        thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                drop(TcpStream::connect(local).unwrap());
                thread::sleep(pause);
            }
        });
        stop
    }
}

#[test]
fn a_leak_is_found_with_its_process_and_listener() {
    in_namespace("a_leak_is_found_with_its_process_and_listener", || {
        let server = Server::new(None);
        server.visit(10);
        let stop = server.visit_on(Duration::from_millis(100));
        thread::sleep(Duration::from_millis(100));
        let examined = doctor(&["--for", "2"]);
        stop.store(true, Ordering::Relaxed);
        assert_eq!(examined.code, Some(1), "{:#}", examined.report);
        examined.assert_blames_us("LA-CW01");
        examined.assert_blames("LA-CW01", "listener", "local", server.local.to_string());
        examined.assert_blames("LA-CW01", "peer", "peer", "127.0.0.1");
        assert!(examined.fact("LA-CW01", "stay in CLOSE_WAIT") >= 10.0);
        assert!(examined.fact("LA-CW01", "growth") > 3.0);
        assert!(!examined.found("LA-CW02"));
    });
}

#[test]
fn nine_that_stay_are_no_leak_yet() {
    in_namespace("nine_that_stay_are_no_leak_yet", || {
        let server = Server::new(None);
        server.visit(9);
        thread::sleep(Duration::from_millis(100));
        // The growth comes after the first look.
        let (local, quiet) = (server.local, Duration::from_millis(500));
        let growth = thread::spawn(move || {
            thread::sleep(quiet);
            (0..5).map(|_| TcpStream::connect(local).map(drop).unwrap()).count()
        });
        let examined = doctor(&["--for", "2"]);
        assert_eq!(growth.join().unwrap(), 5);
        assert!(examined.ids().is_empty(), "{:#}", examined.report);
    });
}

#[test]
fn churn_never_fires() {
    in_namespace("churn_never_fires", || {
        let server = Server::new(Some(Duration::from_millis(700)));
        let stop = server.visit_on(Duration::from_millis(15));
        thread::sleep(Duration::from_millis(300));
        // At any time dozens are in CLOSE_WAIT, and their number grows at first.
        let examined = doctor(&["--for", "3"]);
        stop.store(true, Ordering::Relaxed);
        assert!(examined.ids().is_empty(), "{:#}", examined.report);
    });
}

#[test]
fn a_pile_that_stands_still_is_no_leak_until_it_is_old() {
    in_namespace("a_pile_that_stands_still_is_no_leak_until_it_is_old", || {
        let server = Server::new(None);
        server.visit(100);
        thread::sleep(Duration::from_millis(1200));
        assert!(doctor(&["--for", "0.5"]).ids().is_empty(), "young");
        let old = doctor(&["--for", "0.5", "--set", "close_wait.age=1"]);
        assert_eq!(old.ids(), ["LA-CW02"]);
        old.assert_blames_us("LA-CW02");
        assert!(
            doctor(&["--for", "0.5", "--set", "close_wait.age=1", "--set", "close_wait.pile=101"])
                .ids()
                .is_empty()
        );
        assert!(
            doctor(&["--for", "0.5", "--set", "close_wait.age=1", "--ignore", "LA-CW02"]).ids().is_empty()
        );
    });
}
