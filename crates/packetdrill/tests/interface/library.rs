//! The built library itself: loaded by name as the tool does it, and its functions for who preloads it.

use crate::pair::{LOCAL, Pair, REMOTE, at, handshake, listen};
use crate::tool::{Peer, Raw};
use lastack_packetdrill::Interface;
use libc::{c_char, c_int};
use std::ffi::CString;
use std::path::PathBuf;

/// Cargo builds the library beside the test, or one folder above.
fn built() -> PathBuf {
    let name = "liblastack_packetdrill.so";
    let test = std::env::current_exe().expect("our own path");
    let folders = test.ancestors().skip(1).take(2);
    folders.map(|folder| folder.join(name)).find(|path| path.exists()).expect("cargo built the library")
}

#[test]
fn the_library_loads_and_serves() {
    let path = CString::new(built().into_os_string().into_encoded_bytes()).expect("a path without a zero");
    type Init = unsafe extern "C" fn(*const c_char, *mut Interface);
    // SAFETY: the library is ours and its initialisers do nothing; the symbol has this type.
    let init = unsafe {
        let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        assert!(!library.is_null(), "{path:?}");
        let found = libc::dlsym(library, c"packetdrill_interface_init".as_ptr());
        assert!(!found.is_null());
        std::mem::transmute::<*mut libc::c_void, Init>(found)
    };
    let raw = Raw::open_with(init, "");
    let fd = listen(raw, LOCAL);
    let mut peer = Peer::new(raw, at(REMOTE), at(LOCAL));
    handshake(&mut peer, 1460);
    let fd = raw.accept(fd, std::ptr::null_mut(), std::ptr::null_mut()).expect("accept") as c_int;
    assert_eq!(raw.put(fd, 3), Ok(3));
    peer.expect("P. 1:4(3) ack 1 <...>");
    raw.free();
}

#[test]
fn getsockopt_and_close_answer_for_ours_and_pass_others_on() {
    let pair = Pair::accepted();
    let (mut state, mut len) = (0_u8, 1_u32);
    // SAFETY: locals of the lengths given.
    let told = unsafe { lastack_packetdrill::getsockopt(pair.fd, 6, 11, (&raw mut state).cast(), &mut len) };
    assert_eq!((told, state), (0, 1));
    // SAFETY: the descriptor is ours to close, once.
    assert_eq!(unsafe { lastack_packetdrill::close(pair.fd) }, 0);
    assert_eq!(pair.raw.close(pair.fd), Err(libc::EBADF));
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket of the kernel");
    let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
    let (mut kind, mut len) = (0_i32, 4_u32);
    // SAFETY: as above.
    let told =
        unsafe { lastack_packetdrill::getsockopt(fd, 1, libc::SO_TYPE, (&raw mut kind).cast(), &mut len) };
    assert_eq!((told, kind), (0, libc::SOCK_DGRAM));
    pair.raw.free();
}

#[test]
fn sendfile_writes_a_file() {
    let mut pair = Pair::accepted();
    let file = std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("a file");
    let mut offset: libc::off_t = 4;
    let from = std::os::fd::AsRawFd::as_raw_fd(&file);
    // SAFETY: a local offset; both descriptors are open.
    let sent = unsafe { lastack_packetdrill::sendfile(pair.fd, from, &mut offset, 10) };
    assert_eq!((sent, offset), (10, 14));
    pair.peer.expect("P. 1:11(10) ack 1 <...>");
    pair.raw.free();
}

#[test]
fn sendfile_moves_a_file_by_what_was_sent() {
    let mut pair = Pair::accepted();
    let file = std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("a file");
    let from = std::os::fd::AsRawFd::as_raw_fd(&file);
    // SAFETY: no offset; both descriptors are open.
    let send = |fd| unsafe { lastack_packetdrill::sendfile(fd, from, std::ptr::null_mut(), 7) };
    let position = || std::io::Seek::stream_position(&mut &file).expect("a position");
    assert_eq!((send(pair.fd), position()), (7, 7));
    pair.peer.expect("P. 1:8(7) ack 1 <...>");
    assert_eq!(pair.raw.shutdown(pair.fd, libc::SHUT_WR), Ok(0));
    assert_eq!((send(pair.fd), position()), (-1, 7));
    pair.raw.free();
}

#[test]
fn a_call_after_free_is_an_error() {
    let pair = Pair::accepted();
    pair.raw.free();
    assert_eq!(pair.raw.put(pair.fd, 1), Err(libc::EBADF));
    assert_eq!(pair.raw.close(pair.fd), Err(libc::EBADF));
    pair.raw.free();
}
