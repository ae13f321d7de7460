//! The library's table of functions in safe clothes, and calls on a second thread as the public tool makes them.

use lastack_packetdrill::{Interface, packetdrill_interface_init};
use libc::{c_int, c_void};
use std::ffi::CString;
use std::net::SocketAddr;
use std::ptr::null_mut;
use std::sync::mpsc;
use std::time::Duration;

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
    read(fd: c_int, to: *mut c_void, len: usize);
    recvfrom(
        fd: c_int,
        to: *mut c_void,
        len: usize,
        flags: c_int,
        name: *mut libc::sockaddr,
        name_len: *mut libc::socklen_t
    );
    sendmsg(fd: c_int, message: *const libc::msghdr, flags: c_int);
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
}

/// A call on the second thread, as the tool makes those with `...`.
pub(crate) struct Blocked<T> {
    pub(crate) result: mpsc::Receiver<(T, i64)>,
    pub(crate) task: libc::pid_t,
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

pub(crate) fn is_asleep(task: libc::pid_t) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{task}/stat")).unwrap_or_default();
    // A thread that is gone has no file.
    stat.rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.trim_start().starts_with('S'))
}

impl<T> Blocked<T> {
    /// What the call returned and when, if it has. `patient`: a thread that is not seen to sleep is given a second.
    pub(crate) fn poll(&self, patient: bool) -> Option<(T, i64)> {
        for _ in 0..if patient { 1000 } else { 20 } {
            if let Ok(done) = self.result.try_recv() {
                return Some(done);
            }
            if is_asleep(self.task) && !patient {
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        None
    }
}
