//! `--forward` with the kernel on both sides: nothing is lost, and ends and resets pass through.

use crate::namespace::in_namespace;
use crate::program::{STACK, Serve};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;

const OCTETS: usize = 4 << 20;

/// A listener on loopback, and the option that forwards port 8080 to it.
fn service() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is up");
    let port = listener.local_addr().expect("bound").port();
    (listener, format!("8080=127.0.0.1:{port}"))
}

#[test]
fn a_question_ends_before_its_answer_begins() {
    in_namespace("a_question_ends_before_its_answer_begins", || {
        let (listener, forward) = service();
        let _serve = Serve::start(&["--forward", &forward]);
        let answering = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("serve connects");
            let mut question = Vec::new();
            stream.read_to_end(&mut question).expect("the half close arrives");
            question.reverse();
            stream.write_all(&question).expect("the other half is open");
        });
        let question: Vec<u8> = (0..OCTETS).map(|at| (at ^ (at >> 8)) as u8).collect();
        let mut stream = TcpStream::connect((STACK, 8080)).expect("serve forwards");
        stream.write_all(&question).expect("the stack takes data");
        stream.shutdown(Shutdown::Write).expect("connected");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an orderly end");
        answer.reverse();
        assert!(answer == question, "{} of {OCTETS} octets came back", answer.len());
        answering.join().expect("the service does not panic");
    });
}

#[test]
fn a_service_that_refuses_is_a_reset() {
    in_namespace("a_service_that_refuses_is_a_reset", || {
        let (listener, forward) = service();
        drop(listener);
        let serve = Serve::start(&["--forward", &forward]);
        // The reset may overtake connect() itself.
        if let Ok(mut stream) = TcpStream::connect((STACK, 8080)) {
            let error = stream.read(&mut [0; 1]).expect_err("no empty success");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        let line = serve.wait_for_talk("was reset");
        assert!(line.contains("refused"), "{line}");
    });
}

#[test]
fn a_client_that_goes_away_resets_the_service() {
    in_namespace("a_client_that_goes_away_resets_the_service", || {
        let (listener, forward) = service();
        let _serve = Serve::start(&["--forward", &forward]);
        let client = TcpStream::connect((STACK, 8080)).expect("serve forwards");
        let (mut service, _) = listener.accept().expect("serve connects");
        (&client).write_all(b"x").expect("connected");
        service.write_all(b"never read").expect("connected");
        client.peek(&mut [0; 1]).expect("the answer arrives");
        // Closed with data unread: the kernel sends a reset (RFC 2525 section 2.17).
        drop(client);
        let error = service.read_to_end(&mut Vec::new()).expect_err("no orderly end");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

/// Behind `--syn-proxy` the service meets a client that has proved itself, and the octets are the same.
#[test]
fn a_syn_proxy_lets_clients_through() {
    in_namespace("a_syn_proxy_lets_clients_through", || {
        let (listener, forward) = service();
        let serve = Serve::start(&["--syn-proxy", "--forward", &forward]);
        assert!(serve.printed().iter().any(|line| line.ends_with("behind a SYN proxy")));
        let mut client = TcpStream::connect((STACK, 8080)).expect("serve forwards");
        let (mut service, _) = listener.accept().expect("serve connects");
        client.write_all(b"question").expect("connected");
        service.write_all(b"answer").expect("connected");
        let (mut asked, mut answered) = ([0; 8], [0; 6]);
        service.read_exact(&mut asked).expect("the question arrives");
        client.read_exact(&mut answered).expect("the answer arrives");
        assert_eq!((&asked, &answered), (b"question", b"answer"));
    });
}
