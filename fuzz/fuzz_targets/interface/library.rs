//! The table of functions in safe clothes: every buffer is an allocation of its own and of just the length that is told, so that
//! the address sanitizer sees each octet beyond it.

use lastack_packetdrill::{Interface, packetdrill_interface_init};
use libc::{c_int, c_void};
use std::ffi::CString;
use std::ptr::null_mut;

/// One opened library; shared with the thread that makes the waiting calls.
#[derive(Clone)]
pub struct Library(Interface);

// SAFETY: the interface is made to be called from two threads.
unsafe impl Send for Library {}

impl Library {
    pub fn open(flags: &str) -> Library {
        let flags = CString::new(flags).expect("flags have no zero");
        let mut table = std::mem::MaybeUninit::<Interface>::uninit();
        // SAFETY: a C string and room for the table; init fills all of it.
        let table = unsafe {
            packetdrill_interface_init(flags.as_ptr(), table.as_mut_ptr());
            table.assume_init()
        };
        Library(table)
    }

    /// Frees it. A thread that waits in a call is woken; calls that come later are errors.
    pub fn free(&self) {
        // SAFETY: free() takes a number.
        unsafe { (self.0.free)(self.0.userdata) }
    }

    pub fn clock(&self) {
        let mut time = libc::timeval { tv_sec: 0, tv_usec: 0 };
        // SAFETY: a local to fill.
        unsafe { (self.0.gettimeofday)(self.0.userdata, &mut time, null_mut()) };
    }

    /// The next packet of the stack, if one comes.
    pub fn receive(&self, room: usize) -> Vec<u8> {
        let mut packet = vec![0; room];
        let (mut len, mut at) = (room, 0);
        // SAFETY: locals to fill, and the length of the buffer.
        unsafe { (self.0.netdev_receive)(self.0.userdata, packet.as_mut_ptr().cast(), &mut len, &mut at) };
        assert!(len <= room);
        packet.truncate(len);
        packet
    }
}

macro_rules! calls {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {
        impl Library {
            $(pub fn $name(&self, $($argument: $kind),*) -> i64 {
                // SAFETY: pointers are null or to locals of the callers, as long as their lengths say.
                unsafe { (self.0.$name)(self.0.userdata, $($argument),*) as i64 }
            })*
        }
    };
}

calls! {
    socket(domain: c_int, kind: c_int, protocol: c_int);
    bind(fd: c_int, name: *const libc::sockaddr, len: libc::socklen_t);
    listen(fd: c_int, backlog: c_int);
    accept(fd: c_int, name: *mut libc::sockaddr, len: *mut libc::socklen_t);
    connect(fd: c_int, name: *const libc::sockaddr, len: libc::socklen_t);
    read(fd: c_int, to: *mut c_void, len: usize);
    readv(fd: c_int, vector: *const libc::iovec, count: c_int);
    recv(fd: c_int, to: *mut c_void, len: usize, flags: c_int);
    recvfrom(fd: c_int, to: *mut c_void, len: usize, flags: c_int, name: *mut libc::sockaddr, room: *mut libc::socklen_t);
    recvmsg(fd: c_int, message: *mut libc::msghdr, flags: c_int);
    write(fd: c_int, from: *const c_void, len: usize);
    writev(fd: c_int, vector: *const libc::iovec, count: c_int);
    send(fd: c_int, from: *const c_void, len: usize, flags: c_int);
    sendto(fd: c_int, from: *const c_void, len: usize, flags: c_int, name: *const libc::sockaddr, room: libc::socklen_t);
    sendmsg(fd: c_int, message: *const libc::msghdr, flags: c_int);
    fcntl(fd: c_int, command: c_int, argument: libc::c_long);
    ioctl(fd: c_int, request: libc::c_ulong, argument: *mut c_void);
    close(fd: c_int);
    shutdown(fd: c_int, how: c_int);
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

/// A write into a pipe that nobody reads must be an error, as in a Rust program.
pub fn ignore_broken_pipes() {
    // SAFETY: no handler of ours runs.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// A message without anything.
pub fn empty_message() -> libc::msghdr {
    // SAFETY: all of its fields may be zero.
    unsafe { std::mem::zeroed() }
}

/// The preloaded sendfile(); `at` is null or points to an offset that lives.
pub fn send_file(to: c_int, from: c_int, at: *mut i64, len: usize) {
    // SAFETY: see above.
    unsafe { lastack_packetdrill::sendfile(to, from, at, len) };
}
