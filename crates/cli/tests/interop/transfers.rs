//! Many octets through echo, discard and chargen, each compared with what it must be; and a half close.

use crate::namespace::{has_program, in_namespace};
use crate::program::{STACK, Serve};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

const CHUNK: usize = 64 * 1024;
/// One line of RFC 864's pattern: 72 characters and CR LF.
const CHARGEN_LINE: usize = 74;

fn transfer_octets() -> u64 {
    let mib = std::env::var("LASTACK_INTEROP_MIB").ok().and_then(|text| text.parse().ok());
    mib.unwrap_or(16_u64) << 20
}

fn connect(port: u16) -> TcpStream {
    TcpStream::connect((STACK, port)).expect("serve listens")
}

/// Writes `total` seeded octets and closes the sending side; returns their SHA-256.
fn pour(mut stream: &TcpStream, total: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut sum = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut left = total;
    while left > 0 {
        rng.fill_bytes(&mut chunk);
        let part = &chunk[..CHUNK.min(left as usize)];
        stream.write_all(part).expect("the stack takes data");
        sum.update(part);
        left -= part.len() as u64;
    }
    stream.shutdown(Shutdown::Write).expect("a connected socket can be half closed");
    sum.finalize().to_vec()
}

/// Reads to the end; returns how much there was, and its SHA-256.
fn drain(mut stream: &TcpStream) -> (u64, Vec<u8>) {
    let mut sum = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut octets = 0;
    loop {
        let length = stream.read(&mut chunk).expect("echo ends with EOF");
        if length == 0 {
            return (octets, sum.finalize().to_vec());
        }
        sum.update(&chunk[..length]);
        octets += length as u64;
    }
}

#[test]
fn echo_gives_every_octet_back() {
    in_namespace("echo_gives_every_octet_back", || {
        let serve = Serve::start(&[]);
        let stream = connect(7);
        let reader = stream.try_clone().expect("a descriptor is free");
        let received = thread::spawn(move || drain(&reader));
        let total = transfer_octets();
        let sent = pour(&stream, total);
        let (octets, sum) = received.join().expect("the reader does not panic");
        assert_eq!((octets, sum), (total, sent));
        writeln!(std::io::stderr(), "echo: {total} octets there and back, SHA-256 equal")
            .expect("stderr is open");
        drop(serve);
    });
}

#[test]
fn discard_counts_what_was_sent() {
    in_namespace("discard_counts_what_was_sent", || {
        let serve = Serve::start(&[]);
        let total = transfer_octets();
        let mut stream = connect(9);
        pour(&stream, total);
        assert_eq!(stream.read(&mut [0; 1]).expect("discard closes after us"), 0);
        let line = serve.wait_for_talk("discard");
        assert!(line.contains(&format!("{total} octets in")), "{line}");
        writeln!(std::io::stderr(), "discard: {line}").expect("stderr is open");
    });
}

#[test]
fn chargen_sends_the_pattern_of_rfc_864() {
    in_namespace("chargen_sends_the_pattern_of_rfc_864", || {
        let _serve = Serve::start(&[]);
        let total = transfer_octets();
        let mut stream = connect(19);
        let mut chunk = vec![0; CHUNK];
        let mut position = 0_u64;
        while position < total {
            let length = stream.read(&mut chunk).expect("chargen sends for ever");
            assert_ne!(length, 0, "chargen ended after {position} octets");
            for &octet in &chunk[..length] {
                assert_eq!(octet, chargen_octet(position), "octet {position}");
                position += 1;
            }
        }
        writeln!(std::io::stderr(), "chargen: {position} octets as RFC 864 has them")
            .expect("stderr is open");
    });
}

/// The octet at `position` of RFC 864's pattern: lines of 72 of the 95 printable characters, each line one further.
fn chargen_octet(position: u64) -> u8 {
    let (line, column) = (position / CHARGEN_LINE as u64, (position % CHARGEN_LINE as u64) as usize);
    match column {
        72 => b'\r',
        73 => b'\n',
        _ => b' ' + ((line + column as u64) % 95) as u8,
    }
}

#[test]
fn a_half_close_is_answered() {
    const TEST: &str = "a_half_close_is_answered";
    if !has_program(TEST, "nc") {
        return;
    }
    in_namespace(TEST, || {
        let _serve = Serve::start(&[]);
        let mut nc = Command::new("nc")
            .args(["-N", "-w", "10", &STACK.to_string(), "7"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nc starts");
        nc.stdin.take().expect("a pipe").write_all(b"x").expect("nc reads");
        let answer = nc.wait_with_output().expect("nc ends");
        assert!(answer.status.success(), "{answer:?}");
        assert_eq!(answer.stdout, b"x");
    });
}
