//! TUN against the kernel, in a network namespace of the test's own; the header by itself.

use super::*;
use lastack_wire::{Checksum, Offload, Payload, checksum};
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

/// Runs `test` on a thread in a fresh network namespace; false (and a line that says why) when there can be none.
fn in_namespace(test: fn()) -> bool {
    let entered = std::thread::spawn(move || {
        // SAFETY: unshare concerns this fresh thread alone and takes no pointers.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            return Err(format!("no network namespace: {}", io::Error::last_os_error()));
        }
        std::fs::metadata("/dev/net/tun").map_err(|error| format!("no /dev/net/tun: {error}"))?;
        test();
        Ok(())
    });
    match entered.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
        Ok(()) => true,
        Err(why) => {
            skipped(&why);
            false
        }
    }
}

/// Says so past libtest's capture.
fn skipped(why: &str) {
    let _ = writeln!(io::stderr(), "skipped: TUN: {why}");
}

fn config(name: &str) -> Config {
    Config {
        name: name.to_owned(),
        mtu: 1500,
        host: vec![
            (IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1)), 24),
            (IpAddr::V6(Ipv6Addr::new(0xfd00, 0x18, 0, 0, 0, 0, 0, 1)), 64),
        ],
    }
}

/// Polls until a frame satisfies `wanted`; others (the kernel's own multicast) are passed over.
fn await_frame(tun: &mut Tun, wanted: impl Fn(&Frame) -> bool) -> Frame {
    let end = Instant::now() + Duration::from_secs(5);
    let mut found = None;
    while found.is_none() && Instant::now() < end {
        tun.receive(8, &mut |frame| {
            if wanted(&frame) {
                found.get_or_insert(frame);
            }
        })
        .expect("the interface is there");
        std::thread::sleep(Duration::from_millis(1));
    }
    found.expect("the frame arrives within five seconds")
}

/// A UDP datagram over IPv4 from .2 to .1, checksum left to the device.
fn datagram(port: u16, chunks: &[&[u8]]) -> Packet {
    let mut payload = Payload::empty();
    chunks.iter().for_each(|chunk| payload.push(Bytes::copy_from_slice(chunk)));
    let length = (8 + payload.len()) as u16;
    let mut head: SmallVec<[u8; 128]> = SmallVec::from_slice(&[0; 28]);
    head[0] = 0x45;
    head[2..4].copy_from_slice(&(20 + length).to_be_bytes());
    head[8] = 64;
    head[9] = 17;
    head[12..20].copy_from_slice(&[198, 18, 0, 2, 198, 18, 0, 1]);
    let header_sum = !checksum::sum(&head[..20]);
    head[10..12].copy_from_slice(&header_sum.to_be_bytes());
    head[20..22].copy_from_slice(&9u16.to_be_bytes());
    head[22..24].copy_from_slice(&port.to_be_bytes());
    head[24..26].copy_from_slice(&length.to_be_bytes());
    let mut pseudo = head[12..20].to_vec();
    pseudo.extend([0, 17]);
    pseudo.extend(length.to_be_bytes());
    head[26..28].copy_from_slice(&checksum::sum(&pseudo).to_be_bytes());
    let offload = Offload { checksum: Checksum::Partial { start: 20, offset: 6 }, gso: None };
    Packet { head, payload, offload }
}

#[test]
fn packets_cross_both_ways_and_the_interface_goes_with_its_owner() {
    in_namespace(|| {
        let mut tun = Tun::create(&config("test0")).expect("a TUN interface");
        assert_eq!(tun.link(), Link::Up);
        let socket = UdpSocket::bind("198.18.0.1:0").expect("the address is set");
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();

        let port = socket.local_addr().unwrap().port();
        assert_eq!(tun.send(&datagram(port, &[b"three ", b"pieces ", b"arrive"])).unwrap(), Sent::Done);
        let mut buffer = [0; 64];
        let (len, from) = socket.recv_from(&mut buffer).expect("the kernel accepts head and checksum");
        assert_eq!(&buffer[..len], b"three pieces arrive");
        assert_eq!(from.to_string(), "198.18.0.2:9");

        socket.send_to(b"hello", "198.18.0.2:7").unwrap();
        let frame = await_frame(&mut tun, |frame| frame.data[0] >> 4 == 4 && frame.data[9] == 17);
        assert_eq!(&frame.data[28..], b"hello");
        assert_eq!(frame.pinned, frame.data.len());

        drop(tun);
        assert!(
            std::fs::read_to_string("/proc/thread-self/net/dev").is_ok_and(|list| !list.contains("test0"))
        );
    });
}

#[test]
fn ipv6_is_ready_or_said_to_be_disabled() {
    in_namespace(|| {
        let Ok(socket) = UdpSocket::bind("[::]:0") else {
            skipped("the kernel has no IPv6");
            return;
        };
        let mut tun = Tun::create(&config("test0")).expect("a TUN interface");
        if tun.ipv6() == Ipv6::Disabled {
            skipped("IPv6 is disabled on this host");
            return;
        }
        assert_eq!(tun.ipv6(), Ipv6::Ready);
        socket
            .send_to(b"hello six", "[fd00:18::2]:7")
            .expect("a route without waiting for address detection");
        let frame = await_frame(&mut tun, |frame| frame.data[0] >> 4 == 6 && frame.data[6] == 17);
        assert_eq!(&frame.data[48..], b"hello six");
        drop(tun);

        std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").expect("own namespace");
        let tun = Tun::create(&config("test1")).expect("IPv4 goes on");
        assert_eq!(tun.ipv6(), Ipv6::Disabled);
    });
}

#[test]
fn link_down_and_deletion_are_told_apart() {
    in_namespace(|| {
        let mut tun = Tun::create(&config("test0")).expect("a TUN interface");
        let ip = |arguments: &[&str]| {
            let done = Command::new("ip").args(arguments).status().is_ok_and(|status| status.success());
            if !done {
                skipped("no working ip command");
            }
            done
        };
        if !ip(&["link", "set", "test0", "down"]) {
            return;
        }
        assert_eq!(tun.link(), Link::Down);
        let down = tun.send(&datagram(9, &[b"x"])).unwrap_err();
        assert!(!down.is_gone());
        assert_eq!(
            down.to_string(),
            "sending on test0: the link is down: `ip link set test0 up` brings it back"
        );
        assert!(tun.receive(8, &mut |_| ()).unwrap().drained);
        assert!(ip(&["link", "set", "test0", "up"]));
        assert_eq!(tun.send(&datagram(9, &[b"x"])).unwrap(), Sent::Done);
        assert!(ip(&["link", "del", "test0"]));
        assert!(tun.receive(8, &mut |_| ()).unwrap_err().is_gone());
        assert!(tun.send(&datagram(9, &[b"x"])).unwrap_err().is_gone());
        assert_eq!(tun.link(), Link::Gone);
    });
}

#[test]
fn setup_errors_say_what_to_do() {
    in_namespace(|| {
        let _first = Tun::create(&config("test0")).expect("a TUN interface");
        let busy = Tun::create(&config("test0")).unwrap_err();
        assert_eq!(
            busy.to_string(),
            "creating the TUN interface test0: resource busy: another program uses this interface: end it or choose \
             another name"
        );
        let long = Tun::create(&config("a-name-of-sixteen")).unwrap_err();
        assert!(
            long.to_string().ends_with("choose a name of 1 to 15 octets without '/' or blanks"),
            "{long}"
        );
        let prefix =
            Tun::create(&Config { host: vec![(IpAddr::V4(Ipv4Addr::LOCALHOST), 33)], ..config("test1") });
        assert!(prefix.unwrap_err().to_string().contains("127.0.0.1/33"));
    });
    let denied = opening(io::Error::from_raw_os_error(libc::EACCES));
    assert_eq!(
        denied.to_string(),
        "opening /dev/net/tun: permission denied: run as root or with CAP_NET_ADMIN"
    );
}
