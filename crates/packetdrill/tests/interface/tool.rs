//! The table of functions in safe clothes: what a test calls where the public tool calls C.

use lastack_packetdrill::{Interface, packetdrill_interface_init};
use lastack_sim::octets::{self, Ends};
use lastack_sim::runner::differences;
use lastack_sim::runner::numbers::Numbers;
use lastack_sim::script::ast::{Action, IcmpKind, Segment, Step};
use libc::{c_int, c_void};
use std::ffi::CString;
use std::net::SocketAddr;
use std::ptr::null_mut;
use std::sync::mpsc;
use std::time::Duration;

pub(crate) const WAITS: &str = "the call waits";

/// One opened library. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Raw(pub(crate) Interface);

// SAFETY: the interface is made to be called from two threads.
unsafe impl Send for Raw {}

/// A number, or an errno as `Err`.
pub(crate) type Answer = Result<i64, c_int>;

fn answer(number: i64) -> Answer {
    if number >= 0 { Ok(number) } else { Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)) }
}

impl Raw {
    pub(crate) fn open(flags: &str) -> Raw {
        Raw::open_with(packetdrill_interface_init, flags)
    }

    pub(crate) fn open_with(
        init: unsafe extern "C" fn(*const libc::c_char, *mut Interface),
        flags: &str,
    ) -> Raw {
        let flags = CString::new(flags).expect("flags have no zero");
        let mut table = std::mem::MaybeUninit::<Interface>::uninit();
        // SAFETY: a C string and room for the table; init fills all of it.
        Raw(unsafe {
            init(flags.as_ptr(), table.as_mut_ptr());
            table.assume_init()
        })
    }

    pub(crate) fn free(self) {
        // SAFETY: called once, at the end of a test.
        unsafe { (self.0.free)(self.0.userdata) }
    }
}

macro_rules! calls {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {
        impl Raw {
            $(pub(crate) fn $name(self, $($argument: $kind),*) -> Answer {
                // SAFETY: pointers are to locals of the tests, as long as their lengths say.
                answer(unsafe { (self.0.$name)(self.0.userdata, $($argument),*) } as i64)
            })*
        }
    };
}

calls! {
    socket(domain: c_int, kind: c_int, protocol: c_int);
    listen(fd: c_int, backlog: c_int);
    readv(fd: c_int, vector: *const libc::iovec, count: c_int);
    recv(fd: c_int, to: *mut c_void, len: usize, flags: c_int);
    recvmsg(fd: c_int, message: *mut libc::msghdr, flags: c_int);
    write(fd: c_int, from: *const c_void, len: usize);
    writev(fd: c_int, vector: *const libc::iovec, count: c_int);
    send(fd: c_int, from: *const c_void, len: usize, flags: c_int);
    sendto(
        fd: c_int,
        from: *const c_void,
        len: usize,
        flags: c_int,
        name: *const libc::sockaddr,
        name_len: libc::socklen_t
    );
    fcntl(fd: c_int, command: c_int, argument: libc::c_long);
    ioctl(fd: c_int, request: libc::c_ulong, argument: *mut c_void);
    close(fd: c_int);
    shutdown(fd: c_int, how: c_int);
    bind(fd: c_int, name: *const libc::sockaddr, len: libc::socklen_t);
    connect(fd: c_int, name: *const libc::sockaddr, len: libc::socklen_t);
    accept(fd: c_int, name: *mut libc::sockaddr, len: *mut libc::socklen_t);
    getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, len: *mut libc::socklen_t);
    setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: libc::socklen_t);
    poll(list: *mut libc::pollfd, count: libc::nfds_t, timeout: c_int);
    netdev_send(packet: *const c_void, len: usize);
    usleep(usecs: u32);
    epoll_create(size: c_int);
    epoll_ctl(set: c_int, command: c_int, fd: c_int, event: *mut libc::epoll_event);
    epoll_wait(set: c_int, list: *mut libc::epoll_event, most: c_int, timeout: c_int);
    pipe(ends: *mut c_int);
    splice(from: c_int, a: *mut i64, to: c_int, b: *mut i64, len: usize, flags: u32);
}

impl Raw {
    /// gettimeofday(), in microseconds.
    pub(crate) fn clock(self) -> i64 {
        let mut time = libc::timeval { tv_sec: 0, tv_usec: 0 };
        // SAFETY: a local to fill.
        unsafe { (self.0.gettimeofday)(self.0.userdata, &mut time, null_mut()) };
        time.tv_sec * 1_000_000 + time.tv_usec
    }

    /// netdev_receive(): when, and what; `None`: nothing will come.
    pub(crate) fn receive(self) -> Option<(i64, Vec<u8>)> {
        let mut packet = vec![0; 65_536];
        let (mut len, mut at) = (packet.len(), 0);
        // SAFETY: locals to fill, and the length of the buffer.
        let status = unsafe {
            (self.0.netdev_receive)(self.0.userdata, packet.as_mut_ptr().cast(), &mut len, &mut at)
        };
        assert_eq!(status, 0);
        packet.truncate(len);
        (len > 0).then_some((at, packet))
    }

    pub(crate) fn name(address: SocketAddr) -> Vec<u8> {
        let mut name = Vec::new();
        let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 } as u16;
        name.extend_from_slice(&family.to_ne_bytes());
        name.extend_from_slice(&address.port().to_be_bytes());
        match address {
            SocketAddr::V4(v4) => {
                name.extend_from_slice(&v4.ip().octets());
                name.extend_from_slice(&[0; 8]);
            }
            SocketAddr::V6(v6) => {
                name.extend_from_slice(&[0; 4]);
                name.extend_from_slice(&v6.ip().octets());
                name.extend_from_slice(&[0; 4]);
            }
        }
        name
    }

    pub(crate) fn bind_to(self, fd: c_int, address: SocketAddr) -> Answer {
        let name = Raw::name(address);
        self.bind(fd, name.as_ptr().cast(), name.len() as u32)
    }

    pub(crate) fn connect_to(self, fd: c_int, address: SocketAddr) -> Answer {
        let name = Raw::name(address);
        self.connect(fd, name.as_ptr().cast(), name.len() as u32)
    }

    pub(crate) fn set(self, fd: c_int, level: c_int, name: c_int, value: &[i32]) -> Answer {
        self.setsockopt(fd, level, name, value.as_ptr().cast(), size_of_val(value) as u32)
    }

    pub(crate) fn option(self, fd: c_int, level: c_int, name: c_int) -> Answer {
        let (mut value, mut len) = (0_i32, 4);
        self.getsockopt(fd, level, name, (&raw mut value).cast(), &mut len).map(|_| i64::from(value))
    }

    /// TCP_INFO in whole.
    pub(crate) fn info(self, fd: c_int) -> Vec<u8> {
        let mut value = vec![0xee; 400];
        let mut len = 400;
        let told = self.getsockopt(fd, libc::IPPROTO_TCP, 11, value.as_mut_ptr().cast(), &mut len);
        assert_eq!(told, Ok(0));
        value.truncate(len as usize);
        value
    }

    /// recv() into a buffer of this length, and what came.
    pub(crate) fn take(self, fd: c_int, len: usize, flags: c_int) -> Result<Vec<u8>, c_int> {
        let mut buffer = vec![0; len];
        let got = self.recv(fd, buffer.as_mut_ptr().cast(), len, flags)?;
        buffer.truncate(got as usize);
        Ok(buffer)
    }

    /// write() of so many octets.
    pub(crate) fn put(self, fd: c_int, len: usize) -> Answer {
        let octets: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        self.write(fd, octets.as_ptr().cast(), len)
    }

    /// The events that poll() tells of one descriptor at once.
    pub(crate) fn events(self, fd: c_int, wish: i16) -> i16 {
        let mut list = libc::pollfd { fd, events: wish, revents: 0 };
        self.poll(&mut list, 1, 0).expect("poll");
        list.revents
    }
}

/// A call on the second thread, as the tool makes those with `...`.
pub(crate) struct Blocked<T> {
    result: mpsc::Receiver<(T, i64)>,
    task: libc::pid_t,
}

/// Begins a call on another thread and returns when it sleeps in the kernel or is done.
pub(crate) fn in_thread<T: Send + 'static>(
    raw: Raw,
    call: impl FnOnce(Raw) -> T + Send + 'static,
) -> Blocked<T> {
    let (begun, task) = mpsc::channel();
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || {
        // SAFETY: the system call takes nothing and returns a number.
        let _ = begun.send(unsafe { libc::syscall(libc::SYS_gettid) } as libc::pid_t);
        let outcome = call(raw);
        let _ = done.send((outcome, raw.clock()));
    });
    let task = task.recv().expect("the thread begins");
    for _ in 0..2000 {
        if is_asleep(task) {
            break;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Blocked { result, task }
}

fn is_asleep(task: libc::pid_t) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{task}/stat")).unwrap_or_default();
    // A thread that is gone has no file.
    stat.rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.trim_start().starts_with('S'))
}

impl<T> Blocked<T> {
    /// What the call returned, and when on the library's clock.
    pub(crate) fn end(self) -> (T, i64) {
        self.result.recv_timeout(Duration::from_secs(20)).expect("the call returns")
    }

    pub(crate) fn still_waits(&self) -> bool {
        // A thread that was preempted on its way to sleep is given time to arrive.
        let arrives = (0..2000).any(|_| {
            std::thread::sleep(Duration::from_micros(100));
            is_asleep(self.task)
        });
        arrives && self.result.try_recv().is_err()
    }
}

/// The peer's side of one flow: segments in the words of scripts.
pub(crate) struct Peer {
    pub(crate) raw: Raw,
    pub(crate) ends: Ends,
    pub(crate) numbers: Numbers,
}

pub(crate) fn segment(text: &str) -> Segment {
    let script = lastack_sim::script::parse("segment", &format!("+0 < {text}\n")).expect("a segment");
    match script.steps.into_iter().next() {
        Some(Step { action: Action::Send(segment), .. }) => segment,
        other => panic!("`{text}` is no segment: {other:?}"),
    }
}

impl Peer {
    pub(crate) fn new(raw: Raw, peer: SocketAddr, stack: SocketAddr) -> Peer {
        Peer { raw, ends: Ends { from: peer, to: stack }, numbers: Numbers::default() }
    }

    pub(crate) fn send(&mut self, text: &str) {
        let live = self.numbers.to_live(&segment(text));
        self.numbers.peer_sent(&live);
        let packet = octets::encode(self.ends, &live);
        assert_eq!(self.raw.netdev_send(packet.as_ptr().cast(), packet.len()), Ok(0));
    }

    /// A router says that the segment of `len` octets from `start` on was too big.
    pub(crate) fn fragmentation_needed(&mut self, start: u32, len: u32, mtu: u16) {
        let quoted = Ends { from: self.ends.to, to: self.ends.from };
        let kind = IcmpKind::TooBig(u32::from(mtu));
        let packet = octets::icmp_error(quoted, kind, self.numbers.stack_to_live(start), len);
        assert_eq!(self.raw.netdev_send(packet.as_ptr().cast(), packet.len()), Ok(0));
    }

    /// The next packet must be this one; returns when it left.
    pub(crate) fn expect(&mut self, text: &str) -> i64 {
        let wanted = lastack_sim::script::parse("segment", &format!("+0 > {text}\n")).expect("a segment");
        let Action::Expect(wanted) = &wanted.steps[0].action else { panic!("`{text}` is no segment") };
        let (at, packet) = self.raw.receive().unwrap_or_else(|| panic!("nothing came, not `{text}`"));
        let seen = octets::decode(&packet).expect("a good packet").expect("TCP");
        if seen.segment.flags.syn() {
            self.ends = Ends { from: seen.ends.to, to: seen.ends.from };
        }
        assert_eq!((seen.ends.from, seen.ends.to), (self.ends.to, self.ends.from));
        let seen = self.numbers.in_script(&seen.segment, wanted);
        let wrong = differences(wanted, &seen, 5);
        assert!(wrong.is_empty(), "{wrong:?}\n  expected > {wanted}\n  seen     > {seen}");
        at
    }
}
