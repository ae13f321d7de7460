//! The kernel behind the same table: its sockets, and a TUN of a network namespace of our own where the tool's packets go.
//!
//! So a script that fails on lastack is asked of Linux by the very same rules. Real time; root, and `ip` and `tc` of iproute2.

use super::Place;
use lastack_packetdrill::Interface;
use libc::{
    c_int, c_long, c_uint, c_ulong, c_void, epoll_event, iovec, loff_t, msghdr, nfds_t, pollfd, sockaddr,
    socklen_t, ssize_t, timeval, timezone, useconds_t,
};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// How long nothing may come before netdev_receive() says so: no script waits for a timer of more than half a minute.
const RECEIVE_MS: c_int = 35_000;

/// `_IOW('T', 208, unsigned int)`.
const TUNSETOFFLOAD: c_ulong = 0x4004_54d0;
/// Checksums, and segmentation of both IP versions with and without ECN: the tool sees what TCP handed down in one.
const OFFLOADS: u32 = 0b1111;
/// Octets of `struct virtio_net_hdr`, which stands before each packet.
const HEADER: usize = 10;

type U = *mut c_void;

/// Moves the calling thread to a fresh namespace with the addresses of this run, and opens its TUN.
pub(super) fn open(place: &Place) -> Result<Interface, String> {
    // SAFETY: unshare() of the network takes nothing from memory.
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
        return Err(format!("no network namespace: {}", std::io::Error::last_os_error()));
    }
    be_prompt();
    set_congestion("cubic");
    let tun = tun()?;
    let (prefix, route) = if place.local.is_ipv4() { (16, 24) } else { (48, 64) };
    let commands = [
        "ip link set lo up".to_owned(),
        format!("ip link set tun0 mtu {} up", place.mtu),
        format!("ip addr add {}/{prefix} dev tun0{}", place.local, if prefix == 48 { " nodad" } else { "" }),
        format!("ip route add {}/{route} dev tun0", network(place.remote, route)),
        "tc qdisc replace dev tun0 root pfifo".to_owned(),
    ];
    commands.iter().try_for_each(|command| run(command))?;
    Ok(table(tun))
}

/// As the tool does: real time is only real for who need not queue for the processor. Without the right to it, it must do so.
fn be_prompt() {
    // SAFETY: a local that says the lowest priority of all that are in real time.
    unsafe {
        let first = libc::sched_param { sched_priority: libc::sched_get_priority_min(libc::SCHED_RR) };
        libc::sched_setscheduler(0, libc::SCHED_RR, &first);
    }
}

fn network(ip: std::net::IpAddr, bits: u8) -> std::net::IpAddr {
    match ip {
        std::net::IpAddr::V4(v4) => {
            std::net::Ipv4Addr::from(u32::from(v4) >> (32 - bits) << (32 - bits)).into()
        }
        std::net::IpAddr::V6(v6) => {
            std::net::Ipv6Addr::from(u128::from(v6) >> (128 - bits) << (128 - bits)).into()
        }
    }
}

fn run(command: &str) -> Result<(), String> {
    let mut words = command.split(' ');
    let program = words.next().unwrap_or_default();
    let ran = Command::new(program).args(words).output().map_err(|error| format!("{command}: {error}"))?;
    let said = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
    if ran.status.success() { Ok(()) } else { Err(format!("{command}: {said}")) }
}

/// A TUN named `tun0`, which goes away with the descriptor.
fn tun() -> Result<c_int, String> {
    let failed = |what: &str| format!("{what}: {}", std::io::Error::last_os_error());
    // SAFETY: a C string that lives for ever.
    let fd = unsafe { libc::open(c"/dev/net/tun".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
    if fd < 0 {
        return Err(failed("/dev/net/tun"));
    }
    // SAFETY: all zeros are a request; the name is shorter than its field.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, octet) in request.ifr_name.iter_mut().zip(b"tun0") {
        *place = (*octet).cast_signed();
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as i16;
    // SAFETY: TUNSETIFF reads and writes one request, TUNSETOFFLOAD takes a number.
    let done = unsafe {
        libc::ioctl(fd, libc::TUNSETIFF, &mut request) == 0
            && libc::ioctl(fd, TUNSETOFFLOAD, libc::c_ulong::from(OFFLOADS)) == 0
    };
    if done { Ok(fd) } else { Err(failed("tun0")) }
}

macro_rules! calls {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        $(unsafe extern "C" fn $name(_: U, $($argument: $kind),*) -> $result {
            // SAFETY: the system call itself, with the promises of who calls the table.
            unsafe { libc::$name($($argument),*) }
        })*
    };
}

calls! {
    bind(fd: c_int, name: *const sockaddr, len: socklen_t) -> c_int;
    listen(fd: c_int, backlog: c_int) -> c_int;
    accept(fd: c_int, name: *mut sockaddr, len: *mut socklen_t) -> c_int;
    connect(fd: c_int, name: *const sockaddr, len: socklen_t) -> c_int;
    read(fd: c_int, to: *mut c_void, len: usize) -> ssize_t;
    readv(fd: c_int, vector: *const iovec, count: c_int) -> ssize_t;
    recv(fd: c_int, to: *mut c_void, len: usize, flags: c_int) -> ssize_t;
    recvfrom(
        fd: c_int,
        to: *mut c_void,
        len: usize,
        flags: c_int,
        name: *mut sockaddr,
        name_len: *mut socklen_t
    ) -> ssize_t;
    recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t;
    write(fd: c_int, from: *const c_void, len: usize) -> ssize_t;
    writev(fd: c_int, vector: *const iovec, count: c_int) -> ssize_t;
    send(fd: c_int, from: *const c_void, len: usize, flags: c_int) -> ssize_t;
    sendto(
        fd: c_int,
        from: *const c_void,
        len: usize,
        flags: c_int,
        name: *const sockaddr,
        name_len: socklen_t
    ) -> ssize_t;
    sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t;
    fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int;
    ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int;
    close(fd: c_int) -> c_int;
    shutdown(fd: c_int, how: c_int) -> c_int;
    getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, len: *mut socklen_t) -> c_int;
    setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: socklen_t) -> c_int;
    poll(list: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int;
    usleep(usecs: useconds_t) -> c_int;
    epoll_create(size: c_int) -> c_int;
    epoll_ctl(set: c_int, command: c_int, fd: c_int, event: *mut epoll_event) -> c_int;
    epoll_wait(set: c_int, list: *mut epoll_event, most: c_int, timeout: c_int) -> c_int;
    pipe(ends: *mut c_int) -> c_int;
}

/// The congestion control of new sockets: a namespace may not have one as its default that the host does not allow to all.
static CONGESTION: Mutex<String> = Mutex::new(String::new());

/// What `net.ipv4.tcp_congestion_control` is set to.
pub(super) fn set_congestion(name: &str) {
    name.clone_into(&mut CONGESTION.lock().unwrap_or_else(PoisonError::into_inner));
}

unsafe extern "C" fn socket(_: U, domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    // SAFETY: socket() takes numbers.
    let fd = unsafe { libc::socket(domain, kind, protocol) };
    let name = CONGESTION.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if fd >= 0 && !name.is_empty() {
        let len = name.len() as socklen_t;
        // SAFETY: the name is as long as said.
        unsafe { libc::setsockopt(fd, libc::SOL_TCP, libc::TCP_CONGESTION, name.as_ptr().cast(), len) };
    }
    fd
}

unsafe extern "C" fn gettimeofday(_: U, time: *mut timeval, _: *mut timezone) -> c_int {
    // SAFETY: the caller has room for the time.
    unsafe { libc::gettimeofday(time, std::ptr::null_mut()) }
}

unsafe extern "C" fn netdev_send(tun: U, packet: *const c_void, len: usize) -> c_int {
    let mut header = [0_u8; HEADER];
    let parts = [
        iovec { iov_base: header.as_mut_ptr().cast(), iov_len: HEADER },
        iovec { iov_base: packet.cast_mut(), iov_len: len },
    ];
    // SAFETY: the header is a local, the packet as long as said.
    let sent = unsafe { libc::writev(tun.addr() as c_int, parts.as_ptr(), 2) };
    if sent < 0 { -1 } else { 0 }
}

unsafe extern "C" fn netdev_receive(tun: U, packet: *mut c_void, len: *mut usize, usecs: *mut i64) -> c_int {
    let mut wish = pollfd { fd: tun.addr() as c_int, events: libc::POLLIN, revents: 0 };
    let mut time = timeval { tv_sec: 0, tv_usec: 0 };
    let mut frame = vec![0_u8; HEADER + 65_536];
    // SAFETY: locals.
    let got = unsafe {
        libc::poll(&mut wish, 1, RECEIVE_MS);
        libc::gettimeofday(&mut time, std::ptr::null_mut());
        if wish.revents == 0 { 0 } else { libc::read(wish.fd, frame.as_mut_ptr().cast(), frame.len()) }
    };
    frame.truncate(usize::try_from(got).unwrap_or(0));
    let whole = finish(&mut frame);
    // SAFETY: the caller's buffer has room for `*len`, and its places are its own.
    unsafe {
        let fits = whole.len().min(*len);
        std::ptr::copy_nonoverlapping(whole.as_ptr(), packet.cast(), fits);
        *len = fits;
        *usecs = time.tv_sec * 1_000_000 + time.tv_usec;
    }
    0
}

/// The packet behind its header, with the checksum that a device was to finish.
fn finish(frame: &mut [u8]) -> &[u8] {
    let Some((header, packet)) = frame.split_at_mut_checked(HEADER) else { return &[] };
    let word = |at: usize| usize::from(u16::from_ne_bytes([header[at], header[at + 1]]));
    let (needs, start, place) = (header[0] & 1 != 0, word(6), word(6) + word(8));
    if needs && place + 2 <= packet.len() {
        // Where the sum goes, that of the pseudo header stands already.
        let mut sum: u64 = packet[start..]
            .chunks(2)
            .map(|pair| u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])))
            .sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        packet[place..place + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    }
    packet
}

/// The places hold what the script's pointers are.
unsafe extern "C" fn splice(
    _: U,
    from: c_int,
    before: *mut loff_t,
    to: c_int,
    after: *mut loff_t,
    len: usize,
    flags: c_uint,
) -> c_int {
    // SAFETY: the caller's places hold numbers; what is not zero among them is an address of nothing, as in the tool.
    unsafe {
        let [before, after] = [*before, *after].map(|at| std::ptr::without_provenance_mut(at as usize));
        libc::splice(from, before, to, after, len, flags) as c_int
    }
}

/// The tool closes all that is left before.
unsafe extern "C" fn free(tun: U) {
    // SAFETY: the descriptor is of `tun`, and is closed once.
    unsafe { libc::close(tun.addr() as c_int) };
}

fn table(tun: c_int) -> Interface {
    Interface {
        userdata: std::ptr::without_provenance_mut(tun as usize),
        free,
        socket,
        bind,
        listen,
        accept,
        connect,
        read,
        readv,
        recv,
        recvfrom,
        recvmsg,
        write,
        writev,
        send,
        sendto,
        sendmsg,
        fcntl,
        ioctl,
        close,
        shutdown,
        getsockopt,
        setsockopt,
        poll,
        netdev_send,
        netdev_receive,
        usleep,
        gettimeofday,
        epoll_create,
        epoll_ctl,
        epoll_wait,
        pipe,
        splice,
    }
}
