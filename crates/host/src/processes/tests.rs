use super::pass::inode;
use super::*;
use proptest::prelude::*;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

#[test]
fn a_socket_of_this_process_is_found_with_every_descriptor() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let second = listener.try_clone().unwrap();
    let link = format!("/proc/self/fd/{}", listener.as_raw_fd());
    let socket = u32::try_from(fs::metadata(link).unwrap().ino()).unwrap();
    let processes = Processes::read().unwrap();
    let mut holders = Vec::new();
    processes.holders(socket, &mut holders);
    holders.sort_by_key(|holder| holder.fd);
    let mut expected = [listener.as_raw_fd(), second.as_raw_fd()].map(|fd| fd as u32);
    expected.sort_unstable();
    assert_eq!(holders.iter().map(|holder| holder.fd).collect::<Vec<_>>(), expected);
    assert!(holders.iter().all(|holder| holder.pid == std::process::id() && !holder.name.is_empty()));
    let own = processes.iter().find(|process| process.pid == std::process::id()).unwrap();
    assert!(own.sockets >= 2 && own.descriptors > own.sockets);
    assert_eq!(processes.of(0).count(), 0);
}

#[test]
fn a_limit_is_read() {
    let limit = descriptor_limit(std::process::id()).unwrap();
    assert!(limit.soft.is_none_or(|soft| soft > 0));
    let text = "Limit    Soft  Hard\nMax open files   1024     unlimited  files\n";
    assert_eq!(parse_limits(text), Some(DescriptorLimit { soft: Some(1024), hard: None }));
    assert_eq!(parse_limits("Max open files 12"), None);
    assert_eq!(descriptor_limit(u32::MAX), None);
}

#[test]
fn only_sockets_have_inodes() {
    assert_eq!(inode(b"socket:[4711]"), Some(4711));
    for other in ["pipe:[4711]", "socket:[]", "socket:[4x]", "socket:[99999999999]", "/socket:[1]", ""] {
        assert_eq!(inode(other.as_bytes()), None, "{other}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), octets in any::<Vec<u8>>()) {
        parse_limits(&text);
        parse_limits(&format!("Max open files{text}"));
        inode(&octets);
        files::plain(&text);
    }
}
