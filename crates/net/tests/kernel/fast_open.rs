//! Fast Open with the kernel at the other end, as client and as server. `tcp_fastopen` is set in the test's own network
//! namespace only.

use super::{Bench, HOST, STACK, exchange, kernel, skipped, with_kernel};
use lastack_net::stack::Family;
use lastack_net::{Handle, TcpSocket};
use lastack_observe::Counter;
use rustix::net::{SendFlags, SocketFlags, SocketType, sendto, socket_with};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream as KernelStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::world::soon;

/// Clients, servers, and every listener without asking.
const ALL: &str = "1027";
/// MSG_FASTOPEN, for which rustix has no name.
const FAST_OPEN: SendFlags = SendFlags::from_bits_retain(0x2000_0000);

/// False, and said so, when the kernel does not let us.
fn kernel_fast_opens() -> bool {
    let set = std::fs::write("/proc/sys/net/ipv4/tcp_fastopen", ALL);
    if let Err(error) = &set {
        skipped(&format!("net.ipv4.tcp_fastopen: {error}"));
    }
    set.is_ok()
}

/// One of the kernel's counters, of the thread's namespace.
fn kernel_counter(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/net/netstat").expect("the kernel's counters");
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let found = names.split_whitespace().zip(values.split_whitespace()).find(|(known, _)| *known == name);
    found.and_then(|(_, value)| value.parse().ok()).expect("the kernel has this counter")
}

async fn counted(handle: &Handle, counter: Counter) -> u64 {
    soon(handle.counters()).await.unwrap().value(counter)
}

/// The kernel connects with data in its SYN, sends some more, half closes and reads to the end.
fn kernel_sends(to: SocketAddr, request: &[u8]) -> Vec<u8> {
    let socket =
        socket_with(rustix::net::AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    let socket = socket.expect("a socket");
    let sent = sendto(&socket, request, FAST_OPEN, &to).expect("it connects and sends");
    let stream = KernelStream::from(socket);
    let rest = request[sent..].to_vec();
    exchange(stream, rest).expect("an answer")
}

#[test]
fn a_kernel_client_sends_data_in_its_syn() {
    with_kernel(|Bench { handle, .. }| async move {
        if !kernel_fast_opens() {
            return;
        }
        let allow = |knobs: &mut lastack_net::stack::Knobs| -> Result<(), ()> {
            knobs.tcp_fastopen = 3;
            Ok(())
        };
        soon(handle.change_knobs(allow)).await.unwrap().unwrap();
        let socket = TcpSocket::on(&handle, Family::V4);
        socket.set_fastopen(16).unwrap();
        let address = SocketAddr::new(STACK, 80);
        socket.bind(address).unwrap();
        let listener = socket.listen(16).unwrap();
        soon(listener.listening()).await.unwrap();
        let server = tokio::spawn(async move {
            for _ in 0..3 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                stream.read_to_end(&mut request).await.unwrap();
                request.reverse();
                stream.write_all(&request).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        // The first one asks for the cookie, the others bring it.
        for (opened, size) in [(0, 100), (1, 100), (2, 20_000)] {
            let request: Vec<u8> = (0..size).map(|at: u32| (at % 251) as u8).collect();
            let expected: Vec<u8> = request.iter().rev().copied().collect();
            let back = kernel(move || kernel_sends(address, &request)).await;
            assert!(back == expected, "{size} octets came back changed");
            assert_eq!(counted(&handle, Counter::FastOpenPassive).await, opened);
        }
        assert_eq!(counted(&handle, Counter::FastOpenCookieReqd).await, 1);
        assert_eq!(counted(&handle, Counter::FastOpenPassiveFail).await, 0);
        assert_eq!(kernel(|| kernel_counter("TCPFastOpenActive")).await, 2);
        assert_eq!(kernel(|| kernel_counter("TCPFastOpenActiveFail")).await, 0);
        soon(server).await.unwrap();
    });
}

#[test]
fn a_kernel_server_takes_data_from_our_syn() {
    with_kernel(|Bench { handle, .. }| async move {
        if !kernel_fast_opens() {
            return;
        }
        let listener = std::net::TcpListener::bind((HOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut request = Vec::new();
                stream.read_to_end(&mut request).expect("a request");
                request.reverse();
                stream.write_all(&request).expect("an answer");
                stream.shutdown(Shutdown::Write).expect("a FIN");
            }
        });
        for (round, size) in [(0_u64, 100), (1, 100), (2, 20_000)] {
            let request: Vec<u8> = (0..size).map(|at: u32| (at % 251) as u8).collect();
            let socket = TcpSocket::on(&handle, Family::V4);
            let (mut stream, sent) = soon(socket.connect_with(address, &request)).await.unwrap();
            assert_eq!(sent > 0, round > 0, "a cookie is known from the second time on");
            stream.write_all(&request[sent..]).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut back = Vec::new();
            soon(stream.read_to_end(&mut back)).await.unwrap();
            back.reverse();
            assert!(back == request, "{size} octets came back changed");
            assert_eq!(counted(&handle, Counter::FastOpenActive).await, round);
        }
        // TCP_FASTOPEN_CONNECT: connect() returns before anything was sent.
        let socket = TcpSocket::on(&handle, Family::V4);
        socket.set_fastopen_connect(true).unwrap();
        let mut stream = soon(socket.connect(address)).await.unwrap();
        stream.write_all(b"abc").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut back = Vec::new();
        soon(stream.read_to_end(&mut back)).await.unwrap();
        assert_eq!(back, b"cba");
        assert_eq!(counted(&handle, Counter::FastOpenActive).await, 3);
        assert_eq!(counted(&handle, Counter::FastOpenActiveFail).await, 0);
        assert_eq!(kernel(|| kernel_counter("TCPFastOpenPassive")).await, 3);
        assert_eq!(kernel(|| kernel_counter("TCPFastOpenCookieReqd")).await, 1);
    });
}
