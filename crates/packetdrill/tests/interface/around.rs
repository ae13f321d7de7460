//! What the tool does around the table: files that it opens itself, null pointers as it hands them over, sysctls between the
//! steps, a script that ends while a call waits.

use crate::pair::Pair;
use crate::tool::{Raw, in_thread};
use std::ffi::CString;
use std::io::Write;
use std::ptr::null_mut;

/// A file of a hundred octets, and a descriptor that nobody but libc knows of.
fn file(name: &str) -> (std::path::PathBuf, libc::c_int) {
    let path = std::env::temp_dir().join(format!("lastack-around-{name}-{}", std::process::id()));
    std::fs::File::create(&path).and_then(|mut file| file.write_all(&[0; 100])).expect("a file");
    let name = CString::new(path.to_string_lossy().into_owned()).expect("a name");
    // SAFETY: a C string.
    let fd = unsafe { libc::open(name.as_ptr(), libc::O_RDONLY) };
    assert!(fd >= 0);
    (path, fd)
}

#[test]
fn files_of_the_tool_are_read_spliced_and_closed() {
    let mut pair = Pair::accepted();
    let (path, fd) = file("spliced");
    let mut ends = [0; 2];
    assert_eq!(pair.raw.pipe(ends.as_mut_ptr()), Ok(0));
    let mut ten = [1_u8; 10];
    assert_eq!(pair.raw.read(fd, ten.as_mut_ptr().cast(), 10), Ok(10));
    // The rest of the file through the pipe to the peer.
    assert_eq!(pair.raw.splice(fd, null_mut(), ends[1], null_mut(), 1000, 0), Ok(90));
    assert_eq!(pair.raw.splice(fd, null_mut(), pair.fd, null_mut(), 1000, 0), Err(libc::EINVAL));
    assert_eq!(pair.raw.splice(ends[0], null_mut(), pair.fd, null_mut(), 1000, 0), Ok(90));
    pair.peer.expect("P. 1:91(90) ack 1 <...>");
    assert_eq!(pair.raw.close(fd), Ok(0));
    std::fs::remove_file(path).expect("it was there");
    pair.raw.free();
}

#[test]
fn a_null_pointer_of_the_script_arrives_as_a_place_that_holds_zero() {
    let mut pair = Pair::accepted();
    let mut ends = [0; 2];
    assert_eq!(pair.raw.pipe(ends.as_mut_ptr()), Ok(0));
    pair.data(1, 6);
    let (mut none, mut some) = (0_i64, 8_i64);
    let raw = pair.raw;
    assert_eq!(raw.splice(pair.fd, &mut some, ends[1], &mut none, 5, 0), Err(libc::ESPIPE));
    assert_eq!(raw.splice(pair.fd, &mut none, ends[1], &mut none, 5, 0), Ok(5));
    raw.free();
}

#[test]
fn a_call_ends_by_itself_when_the_tool_has_left() {
    let pair = Pair::accepted();
    let limit = [0_i64, 300_000];
    let set = pair.raw.setsockopt(pair.fd, libc::SOL_SOCKET, libc::SO_RCVTIMEO, limit.as_ptr().cast(), 16);
    assert_eq!(set, Ok(0));
    let (fd, begun) = (pair.fd, pair.raw.clock());
    let waiting = in_thread(pair.raw, move |raw| raw.take(fd, 10, 0).map(|got| got.len()));
    // Nobody usleep()s here: the tool sleeps for up to a second outside.
    let (answer, ended) = waiting.end();
    assert_eq!(answer, Err(libc::EAGAIN));
    assert!((ended - begun - 300_000).abs() < 1_000, "{}", ended - begun);
    pair.raw.free();
}

#[test]
fn knobs_are_read_again_before_each_call() {
    let folder = std::env::temp_dir().join(format!("lastack-knobs-{}", std::process::id()));
    let net = folder.join("net/ipv4");
    std::fs::create_dir_all(&net).expect("a folder");
    let raw = Raw::open(&format!("sysctl={}", folder.display()));
    let options = |knob: &str, options: &str| {
        std::fs::write(net.join("tcp_sack"), knob).expect("a knob");
        let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0).expect("socket");
        let mut peer = crate::tool::Peer::new(
            raw,
            "192.0.2.1:8080".parse().expect("an address"),
            crate::pair::at(crate::pair::LOCAL),
        );
        assert_eq!(raw.connect_to(fd as libc::c_int, peer.ends.from), Err(libc::EINPROGRESS));
        peer.expect(&format!("S 0:0(0) <mss 1460,{options},nop,wscale 10>"));
        assert_eq!(raw.close(fd as libc::c_int), Ok(0));
    };
    options("0\n", "nop,nop,TS val 1 ecr 0");
    options("1\n", "sackOK,TS val 1 ecr 0");
    std::fs::remove_dir_all(folder).expect("it was there");
    raw.free();
}

#[test]
fn without_flags_the_knobs_are_those_of_the_namespace() {
    type Init = unsafe extern "C" fn(*const libc::c_char, *mut lastack_packetdrill::Interface);
    unsafe extern "C" fn null(_: *const libc::c_char, out: *mut lastack_packetdrill::Interface) {
        // SAFETY: null is allowed, and the room is the caller's.
        unsafe { lastack_packetdrill::packetdrill_interface_init(std::ptr::null(), out) }
    }
    let raw = Raw::open_with(null as Init, "");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket") as libc::c_int;
    let namespace = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_rmem").expect("a kernel with TCP");
    let second: i64 =
        namespace.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number");
    assert_eq!(raw.option(fd, libc::SOL_SOCKET, libc::SO_RCVBUF), Ok(second));
    raw.free();
}
