//! What the tap writes is what a wire would carry: tshark finds no malformed packet and no bad checksum.

use crate::namespace::{has_program, in_namespace};
use crate::program::{STACK, Serve};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;

#[test]
fn the_capture_has_no_malformed_packet_and_no_bad_checksum() {
    const TEST: &str = "the_capture_has_no_malformed_packet_and_no_bad_checksum";
    if !has_program(TEST, "tshark") {
        return;
    }
    in_namespace(TEST, || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("serve.pcapng");
        let path = file.to_str().expect("a plain path");
        let serve = Serve::start(&["--pcap", path]);
        exchange(300_000);
        exchange(1);
        // A refused connection is in the capture too.
        assert!(TcpStream::connect((STACK, 4)).is_err());
        assert_eq!(serve.interrupt().code(), Some(0));
        let packets = tshark(path, "tcp");
        assert!(packets.lines().count() > 20, "the capture holds the transfers: {packets}");
        let bad = tshark(path, "_ws.malformed or tcp.checksum.status == 0 or ip.checksum.status == 0");
        assert_eq!(bad, "", "malformed packets or bad checksums");
    });
}

fn exchange(octets: usize) {
    let mut stream = TcpStream::connect((STACK, 7)).expect("serve listens");
    let mut back = Vec::new();
    let mut reader = stream.try_clone().expect("a descriptor is free");
    let received = std::thread::spawn(move || {
        reader.read_to_end(&mut back).expect("echo ends with EOF");
        back
    });
    let sent = vec![b'e'; octets];
    stream.write_all(&sent).expect("echo takes data");
    stream.shutdown(Shutdown::Write).expect("a connected socket can be half closed");
    assert!(received.join().expect("the reader does not panic") == sent);
}

fn tshark(file: &str, filter: &str) -> String {
    let answer = Command::new("tshark")
        .args(["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-r", file, "-Y", filter])
        .output()
        .expect("tshark starts");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    String::from_utf8_lossy(&answer.stdout).into_owned()
}
