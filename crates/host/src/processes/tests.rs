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
fn what_vanishes_in_mid_read_is_counted_and_no_error() {
    let child = std::process::Command::new("true").spawn().unwrap();
    let (own, dead) = (std::process::id(), child.id());
    // It is listed, and gone when its turn comes.
    let mut child = Some(child);
    let pids = [own, dead, own].into_iter().inspect(|pid| {
        if *pid == dead
            && let Some(mut child) = child.take()
        {
            child.wait().unwrap();
        }
    });
    let part = pass::read(pids);
    assert_eq!((part.vanished, part.unreadable, part.processes.len()), (1, 0, 2));
    // Descriptors that come and go while they are read.
    let stop = std::sync::atomic::AtomicBool::new(false);
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(relaxed) {
                let held: Vec<TcpListener> =
                    (0..64).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
                drop(held);
            }
        });
        let mut vanished = 0;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while vanished == 0 && std::time::Instant::now() < deadline {
            let part = pass::read([own].into_iter());
            assert_eq!((part.unreadable, part.hidden, part.processes.len()), (0, 0, 1));
            vanished += part.vanished;
        }
        stop.store(true, relaxed);
        assert!(vanished > 0, "nothing vanished in 20 s");
    });
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
