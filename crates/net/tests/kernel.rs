//! The kernel's own TCP as the peer, over TUN: std::net sockets as clients and as servers, in a network namespace of each
//! test's own.

#[path = "kernel/fast_open.rs"]
mod fast_open;
mod world;

use lastack_device::tun::{self, Ipv6, Tun};
use lastack_device::{Capabilities, Device, Error, Link, Readiness, Received, Sent};
use lastack_net::stack::Config;
use lastack_net::{Driver, Ended, Handle, TcpListener, TcpStream};
use lastack_wire::{Frame, Packet};
use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use world::{echo, expect_stream, pattern, soon};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1));
const HOST_6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0x18, 0, 0, 0, 0, 0, 1));
const STACK: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 2));
const STACK_6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0x18, 0, 0, 0, 0, 0, 2));
const TRANSFER: usize = 8 << 20;

struct Bench {
    handle: Handle,
    driver: JoinHandle<Result<(), Ended>>,
    ipv6: bool,
}

impl Bench {
    /// (host, stack) of each family that the machine has.
    fn ends(&self) -> Vec<(IpAddr, IpAddr)> {
        let mut ends = vec![(HOST, STACK)];
        if self.ipv6 {
            ends.push((HOST_6, STACK_6));
        } else {
            skipped("IPv6 is disabled on this host");
        }
        ends
    }
}

/// Says so past libtest's capture.
fn skipped(why: &str) {
    let _ = writeln!(io::stderr(), "skipped: kernel as peer: {why}");
}

/// Runs `test` on a thread in a fresh network namespace, with a stack on a TUN interface there.
fn with_kernel<F: Future<Output = ()>>(test: impl FnOnce(Bench) -> F + Send + 'static) {
    with_kernel_through(|tun| tun, test);
}

/// The same with something around the interface.
fn with_kernel_through<D: Device + Unpin + 'static, F: Future<Output = ()>>(
    wrap: impl FnOnce(Tun) -> D + Send + 'static,
    test: impl FnOnce(Bench) -> F + Send + 'static,
) {
    let thread = std::thread::spawn(move || {
        // The successor is unsafe for the sake of descriptors (UnshareFlags::FILES); namespaces are no matter of memory.
        #[allow(deprecated)]
        let entered = rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNET);
        if let Err(error) = entered {
            return skipped(&format!("no network namespace: {error}"));
        }
        if let Err(error) = std::fs::metadata("/dev/net/tun") {
            return skipped(&format!("no /dev/net/tun: {error}"));
        }
        let config =
            tun::Config { name: "lastack0".to_owned(), mtu: 1500, host: vec![(HOST, 24), (HOST_6, 64)] };
        let tun = Tun::create(&config).expect("root in the namespace may make one");
        let ipv6 = tun.ipv6() == Ipv6::Ready;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let config = Config::new(vec![(STACK, 24), (STACK_6, 64)]);
            let (handle, driver) = Driver::spawn(wrap(tun), config).unwrap();
            test(Bench { handle, driver, ipv6 }).await;
        });
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// Runs blocking code of the kernel's side. A thread inherits the namespace of the one that starts it; tokio's pool would do
/// too, but says nothing of that.
async fn kernel<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    let (sender, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = sender.send(work());
    });
    soon(answer).await.expect("the kernel's side does not panic")
}

/// Sends, half closes, and reads to the end, both at once.
fn exchange(stream: std::net::TcpStream, octets: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut write = stream.try_clone()?;
    let writer = std::thread::spawn(move || {
        write.write_all(&octets)?;
        write.shutdown(Shutdown::Write)
    });
    let mut back = Vec::new();
    (&stream).read_to_end(&mut back)?;
    writer.join().expect("no panic")?;
    Ok(back)
}

#[test]
fn the_kernel_connects_and_gets_its_octets_back() {
    with_kernel(|bench| async move {
        for (_, stack) in bench.ends() {
            let listener = soon(TcpListener::bind_on(&bench.handle, (stack, 7))).await.unwrap();
            let server = tokio::spawn(async move { echo(listener.accept().await.unwrap().0).await });
            let octets = pattern(1, TRANSFER);
            let sent = octets.clone();
            let back =
                kernel(move || exchange(std::net::TcpStream::connect((stack, 7))?, sent)).await.unwrap();
            assert!(back == octets, "{stack}: the octets differ");
            assert_eq!(soon(server).await.unwrap().unwrap(), TRANSFER as u64);
        }
    });
}

#[test]
fn the_stack_connects_and_gets_its_octets_back() {
    with_kernel(|bench| async move {
        for (host, _) in bench.ends() {
            let listener = std::net::TcpListener::bind((host, 0)).unwrap();
            let address = listener.local_addr().unwrap();
            std::thread::spawn(move || {
                let (stream, _) = listener.accept().unwrap();
                io::copy(&mut &stream, &mut &stream).unwrap();
            });
            let client = soon(TcpStream::connect_on(&bench.handle, address)).await.unwrap();
            let octets = pattern(2, TRANSFER);
            let (read, mut write) = client.into_split();
            let sent = octets.clone();
            let writer = tokio::spawn(async move {
                write.write_all(&sent).await?;
                write.shutdown().await
            });
            soon(expect_stream(read, &octets)).await;
            writer.await.unwrap().unwrap();
        }
    });
}

/// Notes the largest packet that passed each way.
struct Widest {
    tun: Tun,
    received: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

impl Device for Widest {
    fn name(&self) -> &str {
        self.tun.name()
    }

    fn mtu(&self) -> u16 {
        self.tun.mtu()
    }

    fn capabilities(&self) -> Capabilities {
        self.tun.capabilities()
    }

    fn readiness(&self) -> Readiness<'_> {
        self.tun.readiness()
    }

    fn link(&self) -> Link {
        self.tun.link()
    }

    fn receive(&mut self, frames_max: usize, sink: &mut dyn FnMut(Frame)) -> Result<Received, Error> {
        self.tun.receive(frames_max, &mut |frame| {
            self.received.fetch_max(frame.data.len(), Ordering::Relaxed);
            assert!(frame.pinned >= frame.data.len());
            sink(frame);
        })
    }

    fn send(&mut self, packet: &Packet) -> Result<Sent, Error> {
        self.sent.fetch_max(packet.len(), Ordering::Relaxed);
        self.tun.send(packet)
    }
}

#[test]
fn super_segments_cross_whole_both_ways() {
    let [received, sent] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let largest = (received.clone(), sent.clone());
    with_kernel_through(
        |tun| Widest { tun, received, sent },
        |bench| async move {
            let listener = soon(TcpListener::bind_on(&bench.handle, (STACK, 7))).await.unwrap();
            tokio::spawn(async move { echo(listener.accept().await.unwrap().0).await });
            let octets = pattern(7, TRANSFER);
            kernel(|| exchange(std::net::TcpStream::connect((STACK, 7))?, octets)).await.unwrap();
            let (received, sent) = largest;
            for (way, octets) in [("received", received), ("sent", sent)] {
                let octets = octets.load(Ordering::Relaxed);
                assert!(octets > 32 * 1024, "the largest packet that was {way} had {octets} octets");
            }
        },
    );
}

#[test]
fn closed_ports_refuse_on_both_sides() {
    with_kernel(|bench| async move {
        for (host, stack) in bench.ends() {
            let error = soon(TcpStream::connect_on(&bench.handle, (host, 9))).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            let error = kernel(move || std::net::TcpStream::connect((stack, 9))).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    });
}

#[test]
fn resets_are_seen_on_both_sides() {
    with_kernel(|bench| async move {
        let listener = soon(TcpListener::bind_on(&bench.handle, (STACK, 7))).await.unwrap();
        // The stack closes with octets unread: the kernel's read fails.
        let kernel_side = tokio::spawn(kernel(|| {
            let mut stream = std::net::TcpStream::connect((STACK, 7))?;
            stream.write_all(b"nobody reads this")?;
            stream.read(&mut [0; 8])
        }));
        let (server, _) = soon(listener.accept()).await.unwrap();
        soon(server.readable()).await.unwrap();
        drop(server);
        assert_eq!(kernel_side.await.unwrap().unwrap_err().kind(), ErrorKind::ConnectionReset);

        // The kernel closes with octets unread: the stack's read fails.
        let (sender, ready) = std::sync::mpsc::channel();
        let kernel_side = tokio::spawn(kernel(move || {
            let stream = std::net::TcpStream::connect((STACK, 7)).unwrap();
            ready.recv().unwrap();
            stream.peek(&mut [0; 8]).unwrap();
        }));
        let (mut server, _) = soon(listener.accept()).await.unwrap();
        server.write_all(b"nobody reads this").await.unwrap();
        sender.send(()).unwrap();
        kernel_side.await.unwrap();
        let error = soon(server.read(&mut [0; 8])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn half_close_works_in_both_roles() {
    with_kernel(|bench| async move {
        let listener = soon(TcpListener::bind_on(&bench.handle, (STACK, 7))).await.unwrap();
        let kernel_side = tokio::spawn(kernel(|| {
            let mut stream = std::net::TcpStream::connect((STACK, 7)).unwrap();
            let mut greeting = String::new();
            stream.read_to_string(&mut greeting).unwrap();
            stream.write_all(b"said after your end").unwrap();
            greeting
        }));
        let (mut server, _) = soon(listener.accept()).await.unwrap();
        server.write_all(b"greeting").await.unwrap();
        server.shutdown().await.unwrap();
        soon(expect_stream(server, b"said after your end")).await;
        assert_eq!(kernel_side.await.unwrap(), "greeting");
    });
}

#[test]
fn two_hundred_kernel_clients_are_served() {
    with_kernel(|bench| async move {
        let listener = soon(TcpListener::bind_on(&bench.handle, (STACK, 7))).await.unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(echo(stream));
            }
        });
        let clients = kernel(|| {
            // All are open at once before the first speaks.
            let open = |_| std::net::TcpStream::connect((STACK, 7)).expect("a listener");
            let streams: Vec<_> = (0..200).map(open).collect();
            streams
                .into_iter()
                .map(|stream| exchange(stream, pattern(5, 3000)).expect("an echo"))
                .collect::<Vec<_>>()
        })
        .await;
        assert_eq!(clients.len(), 200);
        assert!(clients.iter().all(|octets| *octets == pattern(5, 3000)));
    });
}

/// A kernel server that speaks only when `count` connections are open at once; each gets octets of its own.
fn serve_together(listener: std::net::TcpListener, count: usize, each: usize) -> io::Result<()> {
    let streams = (0..count).map(|_| Ok(listener.accept()?.0)).collect::<io::Result<Vec<_>>>()?;
    for mut stream in streams {
        let peer = stream.peer_addr()?;
        stream.write_all(&pattern(peer.port() as u8, each))?;
    }
    Ok(())
}

#[test]
fn a_thousand_connections_at_once_fetch_from_a_kernel_server() {
    const CONNECTIONS: usize = 1000;
    const EACH: usize = 20_000;
    with_kernel(|bench| async move {
        if let Err(error) = allow_descriptors(CONNECTIONS as u64 + 200) {
            return skipped(&format!("a thousand connections need more descriptors: {error}"));
        }
        let listener = std::net::TcpListener::bind((HOST, 0)).unwrap();
        // With std's backlog of 128 the kernel sends cookies and then drops third ACKs: those clients are connected to nobody,
        // and wait for ever for a server that speaks first.
        rustix::net::listen(&listener, CONNECTIONS as i32).unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || serve_together(listener, CONNECTIONS, EACH));
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let handle = bench.handle.clone();
                tokio::spawn(async move {
                    let client = TcpStream::connect_on(&handle, address).await.unwrap();
                    let seed = client.local_addr().unwrap().port() as u8;
                    expect_stream(client, &pattern(seed, EACH)).await;
                })
            })
            .collect();
        for client in clients {
            soon(client).await.unwrap();
        }
        server.join().expect("no panic").unwrap();
    });
}

/// Raises this process' soft limit of descriptors to `wanted`, when the hard limit allows it.
fn allow_descriptors(wanted: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })?;
    }
    Ok(())
}

#[test]
fn deleting_the_interface_ends_every_wait() {
    with_kernel(|bench| async move {
        let listener = soon(TcpListener::bind_on(&bench.handle, (STACK, 7))).await.unwrap();
        let _client = kernel(|| std::net::TcpStream::connect((STACK, 7)).unwrap()).await;
        let (mut server, _) = soon(listener.accept()).await.unwrap();
        let deleted = kernel(|| Command::new("ip").args(["link", "del", "lastack0"]).status()).await;
        if !deleted.is_ok_and(|status| status.success()) {
            return skipped("no working ip command");
        }
        let mut buffer = [0; 8];
        let (read, accept) = soon(async { tokio::join!(server.read(&mut buffer), listener.accept()) }).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::NetworkDown);
        assert_eq!(accept.unwrap_err().kind(), ErrorKind::NetworkDown);
        let ended = soon(bench.driver).await.unwrap().unwrap_err();
        assert!(ended.to_string().starts_with("device lastack0 is gone ("), "{ended}");
    });
}

#[test]
fn ports_of_the_kernels_choice_reach_a_socket_address() {
    with_kernel(|bench| async move {
        let listener = soon(TcpListener::bind_on(&bench.handle, (STACK, 0))).await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        assert_ne!(address.port(), 0);
        let local =
            kernel(move || std::net::TcpStream::connect(address).unwrap().local_addr().unwrap()).await;
        let (server, peer) = soon(listener.accept()).await.unwrap();
        assert_eq!(peer, local);
        assert_eq!(server.local_addr().unwrap(), address);
    });
}
