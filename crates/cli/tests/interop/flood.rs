//! A real SYN flood, written into the stack's device, while curl asks a service behind `--forward`: with cookies, without,
//! and behind `--syn-proxy`.
//!
//! Everything stays in the test's namespace: the forged sources have no route there, so nobody ever gets an answer.
//! `LASTACK_FLOOD=large` makes it as large as the acceptance wants it.

use crate::namespace::{has_program, in_namespace};
use crate::program::{STACK, Serve};
use lastack::wire::packet::{self, BuildOptions};
use lastack::wire::tcp::{Flags, Header, Options};
use lastack::wire::{Payload, Seq};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket,
};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const PORT: u16 = 8080;
/// Forged SYNs of one burst, and the time between bursts: 20,000 a second.
const BURST: u32 = 20;
const PAUSE: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(20);
/// The limit of the queue of half-open requests: `somaxconn` and one.
const HALF_OPEN_MAX: usize = 129;

/// How much is done.
#[derive(Clone, Copy)]
struct Size {
    /// Forged SYNs at most.
    syns: u32,
    /// So many of them before the first client comes.
    before: u32,
    /// curl in all, and at a time.
    clients: u32,
    parallel: u32,
    /// Patience of a curl that will not be served, seconds.
    locked_out: u32,
}

const LARGE: Size = Size { syns: 3_000_000, before: 100_000, clients: 100, parallel: 100, locked_out: 5 };
const SMALL: Size = Size { syns: 500_000, before: 1_000, clients: 12, parallel: 12, locked_out: 1 };

fn size() -> Size {
    let large = std::env::var("LASTACK_FLOOD").is_ok_and(|size| size == "large");
    if large { LARGE } else { SMALL }
}

/// The flood: a raw socket that sends SYNs from 10.0.0.0/8, until it is stopped or has sent all.
struct Flood {
    sent: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Flood {
    /// The raw socket belongs to the caller's namespace.
    fn begin(size: Size) -> Flood {
        let raw = socket(AddressFamily::Inet, SockType::Raw, SockFlag::empty(), SockProtocol::Raw)
            .expect("a raw socket, as root");
        let (sent, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, stopped) = (sent.clone(), stop.clone());
        let thread = thread::spawn(move || {
            let to = SockaddrIn::from(SocketAddrV4::new(STACK, 0));
            for number in 0..size.syns {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let octets = forged(number);
                // A full device queue is no failure: what is lost there is a SYN less.
                let written = sendto(raw.as_raw_fd(), &octets, &to, MsgFlags::empty()).is_ok();
                count.fetch_add(u32::from(written), Ordering::Relaxed);
                if number % BURST == 0 {
                    thread::sleep(PAUSE);
                }
            }
        });
        let flood = Flood { sent, stop, thread };
        until("the flood begins", || flood.sent.load(Ordering::Relaxed) >= size.before);
        flood
    }

    /// Ends it; says how many were sent, and that it had not run dry before.
    fn end(self) -> u32 {
        assert!(!self.thread.is_finished(), "all SYNs were sent before the clients were done");
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the flood does not panic");
        self.sent.load(Ordering::Relaxed)
    }
}

/// A SYN from an address and a port of nobody.
fn forged(number: u32) -> Vec<u8> {
    let mixed = number.wrapping_mul(0x9e37_79b1);
    let [a, b, c, d] = mixed.to_be_bytes();
    let from = SocketAddr::from(([10, a, b, c], 1024 + u16::from(d) * 200));
    let options = Options { mss: Some(1460), ..Options::default() };
    let header = Header { seq: Seq(mixed), flags: Flags::SYN, window: 64240, options, ..Header::default() };
    let to = SocketAddr::from((STACK, PORT));
    packet::tcp(from, to, &header, Payload::empty(), BuildOptions::default()).to_frame().data.to_vec()
}

/// A service of the kernel's TCP that answers every connection; how many it met.
fn backend() -> (u16, Arc<AtomicU32>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is up");
    let port = listener.local_addr().expect("bound").port();
    let met = Arc::new(AtomicU32::new(0));
    let count = met.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            count.fetch_add(1, Ordering::Relaxed);
            thread::spawn(move || answer(stream));
        }
    });
    (port, met)
}

fn answer(mut stream: TcpStream) {
    let mut question = [0; 1024];
    // A client that goes away is no failure of the service.
    if stream.read(&mut question).is_ok_and(|read| read > 0) {
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n");
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn lastack(arguments: &[&str]) -> String {
    printed(env!("CARGO_BIN_EXE_lastack"), arguments)
}

fn half_open(stack: &str) -> usize {
    lastack(&["ss", "--stack", stack, "-tnH", "state", "syn-recv"]).lines().count()
}

/// Runs the clients beside the flood; how many got their answer, and the most half-open requests.
fn besiege(stack: &str, size: Size, seconds: u32) -> (u32, usize) {
    let Size { clients, parallel, .. } = size;
    let script = format!(
        "seq {clients} | xargs -P {parallel} -I@ curl --silent --max-time {seconds} --output /dev/null \
         --write-out '%{{http_code}}\\n' http://{STACK}:{PORT}/; true"
    );
    let mut curls = Command::new("sh")
        .args(["-c", &script])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("sh starts");
    let mut most = 0;
    while curls.try_wait().expect("a child").is_none() {
        most = most.max(half_open(stack));
        thread::sleep(Duration::from_millis(50));
    }
    let codes = std::io::read_to_string(curls.stdout.take().expect("a pipe")).expect("text");
    (codes.lines().filter(|code| *code == "200").count() as u32, most)
}

/// The value of a counter on the page.
fn counter(name: &str) -> u64 {
    let page = printed("curl", &["--silent", "--max-time", "20", &format!("http://{STACK}/metrics")]);
    let line = page.lines().find(|line| line.contains(&format!("\"{name}\"")));
    let value = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    value.unwrap_or_else(|| panic!("no {name} in {page}")) as u64
}

fn name(kind: &str) -> String {
    format!("flood-{kind}-{}", std::process::id())
}

/// Serves a forward to a service, under a flood.
fn scene(kind: &str, more: &[&str]) -> (Serve, String, Arc<AtomicU32>) {
    let (port, met) = backend();
    let (forward, stack) = (format!("{PORT}=127.0.0.1:{port}"), name(kind));
    let usual = ["--name", &stack, "--allow", "10.0.0.0/8", "--forward", &forward];
    let serve = Serve::start(&[&usual, more].concat());
    lastack(&["sysctl", "--stack", &stack, "-w", "net.core.somaxconn=128"]);
    (serve, stack, met)
}

#[test]
fn with_cookies_everybody_is_served() {
    const TEST: &str = "flood::with_cookies_everybody_is_served";
    if !has_program(TEST, "curl") {
        return;
    }
    in_namespace(TEST, || {
        let (size, clients) = (size(), size().clients);
        let (_serve, stack, met) = scene("cookies", &[]);
        let flood = Flood::begin(size);
        until("the queue is full", || half_open(&stack) == HALF_OPEN_MAX);
        let kept = TcpStream::connect((STACK, PORT)).expect("a cookie lets in");
        let (served, most) = besiege(&stack, size, 30);
        let rows = lastack(&["ss", "--stack", &stack, "-tinoH", "state", "established"]);
        assert!(rows.contains(" ts sack ") && rows.contains(" wscale:"), "{rows}");
        drop(kept);
        let sent = flood.end();
        let (cookies, back) = (counter("TcpExtSyncookiesSent"), counter("TcpExtSyncookiesRecv"));
        assert_eq!((served, met.load(Ordering::Relaxed)), (clients, clients + 1), "{sent} SYNs sent");
        assert!(most <= HALF_OPEN_MAX && back > u64::from(clients) / 2, "{most} half-open, {back} came back");
        println!(
            "measured: cookies: {sent} forged SYNs over TUN: {served} of {clients} curl served, window scale and SACK kept; \
             at most {most} half-open of {HALF_OPEN_MAX}; SyncookiesSent {cookies}, SyncookiesRecv {back}; the service met \
             nobody else"
        );
    });
}

#[test]
fn without_cookies_nobody_gets_in_and_it_is_said() {
    const TEST: &str = "flood::without_cookies_nobody_gets_in_and_it_is_said";
    if !has_program(TEST, "curl") {
        return;
    }
    in_namespace(TEST, || {
        let (size, clients) = (size(), size().clients);
        let (serve, stack, met) = scene("nothing", &[]);
        lastack(&["sysctl", "--stack", &stack, "-w", "net.ipv4.tcp_syncookies=0"]);
        let flood = Flood::begin(size);
        until("the queue is full", || half_open(&stack) == HALF_OPEN_MAX);
        let (served, most) = besiege(&stack, size, size.locked_out);
        let rows = half_open(&stack);
        let sent = flood.end();
        let (full, drops) = (counter("TcpExtTCPReqQFullDrop"), counter("TcpExtListenDrops"));
        let line = serve.wait_for_talk("refused: the half-open queue is full");
        assert!(line.contains(&format!("{STACK}:{PORT}")), "{line}");
        assert!(served <= clients.div_ceil(10), "{served} of {clients} got in");
        assert!(met.load(Ordering::Relaxed) <= served + 1, "the service met only who got in");
        assert!(most == HALF_OPEN_MAX && full > 1000 && drops >= full, "{most}, {full}, {drops}");
        println!(
            "measured: nothing: {sent} forged SYNs over TUN: {served} of {clients} curl served; ss shows {rows} in SYN_RECV; \
             TCPReqQFullDrop {full}, ListenDrops {drops}; the log says: {line}"
        );
    });
}

#[test]
fn behind_a_syn_proxy_the_service_sees_nothing_of_it() {
    const TEST: &str = "flood::behind_a_syn_proxy_the_service_sees_nothing_of_it";
    if !has_program(TEST, "curl") {
        return;
    }
    in_namespace(TEST, || {
        let (size, clients) = (size(), size().clients);
        let (_serve, stack, met) = scene("proxy", &["--syn-proxy"]);
        let flood = Flood::begin(size);
        let (served, most) = besiege(&stack, size, 30);
        let sent = flood.end();
        let cookies = counter("TcpExtSyncookiesSent");
        assert_eq!((served, most), (clients, 0), "{sent} SYNs sent");
        assert_eq!(met.load(Ordering::Relaxed), clients, "the service met clients only");
        assert!(cookies > 1000, "{cookies} of {sent} SYNs were answered");
        println!(
            "measured: syn-proxy: {sent} forged SYNs over TUN: {served} of {clients} curl served; {most} half-open; \
             SyncookiesSent {cookies}; the service met {} clients and nothing of the flood",
            met.load(Ordering::Relaxed)
        );
    });
}
