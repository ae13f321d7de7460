//! The doctor before a lastack stack: the same rules, the same words.

use crate::namespace::in_namespace;
use crate::program::{STACK, Serve};
use crate::sick::doctor;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// A service that never closes, behind a forward: what its clients close stays in the stack in CLOSE_WAIT.
fn leaking(test: &str) -> (Serve, String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let forward = format!("8080=127.0.0.1:{}", listener.local_addr().unwrap().port());
    let name = format!("{test}{}", std::process::id());
    let serve = Serve::start(&["--name", &name, "--forward", &forward]);
    let service = thread::spawn(move || drop(listener.incoming().flatten().collect::<Vec<_>>()));
    (serve, name, service)
}

fn leave(clients: u32) -> Vec<TcpStream> {
    let one = |_| {
        let client = TcpStream::connect((STACK, 8080)).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        client
    };
    (0..clients).map(one).collect()
}

#[test]
fn a_leak_behind_a_stack_is_found_in_the_stack() {
    in_namespace("a_leak_behind_a_stack_is_found_in_the_stack", || {
        let (_serve, name, _service) = leaking("leak");
        let held = leave(9);
        thread::sleep(Duration::from_millis(200));
        let below = doctor(&["--stack", &name, "--for", "0.5"]);
        assert!(!below.found("LA-CW01"), "{:#}", below.report);
        let more = leave(1);
        thread::sleep(Duration::from_millis(200));
        let growth = thread::spawn(|| {
            (0..20)
                .map(|_| {
                    thread::sleep(Duration::from_millis(50));
                    leave(1)
                })
                .collect::<Vec<_>>()
        });
        let examined = doctor(&["--stack", &name, "--for", "1"]);
        drop(growth.join().unwrap());
        assert_eq!(examined.ids(), ["LA-CW01"], "{:#}", examined.report);
        assert_eq!(examined.code, Some(1));
        examined.assert_blames("LA-CW01", "listener", "local", format!("{STACK}:8080"));
        assert_eq!(examined.report["target"]["stack"]["name"], name.as_str());
        assert_eq!(examined.report["blind"].as_array().map(Vec::len), Some(0), "{:#}", examined.report);
        assert!(examined.said.contains("stack "), "it names its target: {}", examined.said);
        drop((held, more));
    });
}
