//! ECN with the kernel's TCP: it asks, the stack agrees, and data passes with its marks in both directions.

use crate::namespace::in_namespace;
use crate::program::{STACK, Serve};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;

const ECHO: u16 = 7;
const OCTETS: usize = 1 << 20;

fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_kernel_asks_and_the_stack_agrees() {
    in_namespace("the_kernel_asks_and_the_stack_agrees", || {
        // The namespace's own value.
        fs::write("/proc/sys/net/ipv4/tcp_ecn", "1").expect("as root in a namespace of one's own");
        let name = format!("ecn-{}", std::process::id());
        let _serve = Serve::start(&["--name", &name]);
        let stream = TcpStream::connect((STACK, ECHO)).expect("serve echoes");
        let mut reader = stream.try_clone().expect("a second handle");
        let reading = thread::spawn(move || {
            let mut echo = vec![0; OCTETS];
            reader.read_exact(&mut echo).expect("everything comes back");
            echo.iter().all(|&octet| octet == b'x')
        });
        (&stream).write_all(&vec![b'x'; OCTETS]).expect("the stack takes data");
        assert!(reading.join().expect("the reader does not panic"));
        let ours = printed(
            env!("CARGO_BIN_EXE_lastack"),
            &["ss", "--stack", &name, "-tinoH", "state", "established"],
        );
        assert!(ours.contains(" sack ecn "), "{ours}");
        let kernel = printed("ss", &["-tionH", "dport", "=", &ECHO.to_string()]);
        assert!(kernel.contains(" ecn ") && kernel.contains(" ecnseen "), "our data is marked: {kernel}");
    });
}
