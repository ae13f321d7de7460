//! Making and configuring an interface: the ioctls of TUN (linux/if_tun.h) and of interfaces (netdevice(7)).
//!
//! Plain ioctls and not rtnetlink: five requests, no event loop, no further dependency.

use super::Ipv6;
use crate::Error;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

const ROOT: &str = "run as root or with CAP_NET_ADMIN";

/// What is asked of the TUN driver.
pub(super) struct Features {
    flags: libc::c_int,
    offload: libc::c_uint,
}

impl Features {
    /// Bare IP packets behind a virtio-net header, with TCP segmentation and checksum offload.
    pub(super) const WITH_OFFLOAD: Features = Features {
        flags: libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR,
        offload: libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6,
    };
}

/// Ties a fresh /dev/net/tun to an interface of this name; answers with the name that the kernel gave.
pub(super) fn attach(file: &File, name: &str, features: Features) -> Result<String, Error> {
    let tried = || format!("creating the TUN interface {name}");
    let mut request = request(name).map_err(|source| Error::Setup {
        tried: tried(),
        source,
        advice: "choose a name of 1 to 15 octets without '/' or blanks",
    })?;
    request.ifr_ifru.ifru_flags = features.flags as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which lives on this stack frame.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &mut request) };
    check(answer).map_err(|source| {
        let advice = match source.raw_os_error() {
            Some(libc::EBUSY) => "another program uses this interface: end it or choose another name",
            Some(libc::EINVAL) => "an interface of another kind has this name: choose another one",
            _ => ROOT,
        };
        Error::Setup { tried: tried(), source, advice }
    })?;
    let length = lastack_wire::virtio::LEN as libc::c_int;
    // SAFETY: TUNSETVNETHDRSZ reads one int, which lives on this stack frame.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETVNETHDRSZ, &length) };
    let offload = |source| Error::Setup {
        tried: format!("switching segmentation offload on for {name}"),
        source,
        advice: "lastack needs a kernel of 4.0 or later",
    };
    check(answer).map_err(offload)?;
    // SAFETY: TUNSETOFFLOAD takes its bits as the argument itself; nothing is dereferenced.
    let answer =
        unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETOFFLOAD, libc::c_ulong::from(features.offload)) };
    check(answer).map_err(offload)?;
    Ok(name_of(&request))
}

/// A socket that interface requests go through. It belongs to the network namespace it was opened in, and so do they.
#[derive(Debug)]
pub(super) struct Control {
    ipv4: OwnedFd,
}

impl Control {
    pub(super) fn open() -> Result<Control, Error> {
        let ipv4 = socket(libc::AF_INET).map_err(|source| Error::Setup {
            tried: "opening a socket to configure the interface".to_owned(),
            source,
            advice: "the kernel must have IPv4",
        })?;
        Ok(Control { ipv4 })
    }

    pub(super) fn set_mtu(&self, name: &str, mtu: u16) -> Result<(), Error> {
        self.set(name, libc::SIOCSIFMTU as libc::Ioctl, |request| {
            request.ifr_ifru.ifru_mtu = libc::c_int::from(mtu)
        })
        .map_err(|source| Error::Setup {
            tried: format!("setting the MTU of {name} to {mtu}"),
            source,
            advice: "use a value from 68 to 65535, and 1280 or more for IPv6",
        })
    }

    pub(super) fn bring_up(&self, name: &str) -> Result<(), Error> {
        let flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        self.set(name, libc::SIOCSIFFLAGS as libc::Ioctl, |request| request.ifr_ifru.ifru_flags = flags)
            .map_err(|source| Error::Setup { tried: format!("bringing {name} up"), source, advice: ROOT })
    }

    pub(super) fn is_up(&self, name: &str) -> io::Result<bool> {
        let mut request = request(name)?;
        // SAFETY: SIOCGIFFLAGS reads and writes one ifreq, which lives on this stack frame.
        check(unsafe {
            libc::ioctl(self.ipv4.as_raw_fd(), libc::SIOCGIFFLAGS as libc::Ioctl, &mut request)
        })?;
        // SAFETY: the request succeeded, so the kernel has written the union's flags.
        let flags = unsafe { request.ifr_ifru.ifru_flags };
        Ok(libc::c_int::from(flags) & libc::IFF_UP != 0)
    }

    pub(super) fn add_ipv4(&self, name: &str, address: Ipv4Addr, prefix: u8) -> Result<(), Error> {
        let failed = |source| Error::Setup {
            tried: format!("giving {name} the address {address}/{prefix}"),
            source,
            advice: "choose an address that no other interface has, with a prefix of 0 to 32",
        };
        if prefix > 32 {
            return Err(failed(io::Error::from_raw_os_error(libc::EINVAL)));
        }
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
        self.set(name, libc::SIOCSIFADDR as libc::Ioctl, |request| {
            request.ifr_ifru.ifru_addr = sockaddr(address)
        })
        .map_err(failed)?;
        self.set(name, libc::SIOCSIFNETMASK as libc::Ioctl, |request| {
            request.ifr_ifru.ifru_netmask = sockaddr(mask.into())
        })
        .map_err(failed)
    }

    pub(super) fn add_ipv6(&self, name: &str, address: Ipv6Addr, prefix: u8) -> Result<Ipv6, Error> {
        let failed = |source| Error::Setup {
            tried: format!("giving {name} the address {address}/{prefix}"),
            source,
            advice: "choose an address that no other interface has, with a prefix of 0 to 128 and an MTU of at least 1280",
        };
        let ipv6 = match socket(libc::AF_INET6) {
            Ok(socket) => socket,
            Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => return Ok(Ipv6::Disabled),
            Err(error) => return Err(failed(error)),
        };
        let index = self.index(name).map_err(failed)?;
        let request = libc::in6_ifreq {
            ifr6_addr: libc::in6_addr { s6_addr: address.octets() },
            ifr6_prefixlen: u32::from(prefix),
            ifr6_ifindex: index,
        };
        // SAFETY: on an AF_INET6 socket SIOCSIFADDR reads one in6_ifreq, which lives on this stack frame.
        let answer = unsafe { libc::ioctl(ipv6.as_raw_fd(), libc::SIOCSIFADDR as libc::Ioctl, &request) };
        match check(answer) {
            Ok(()) => await_usable(address).map(|()| Ipv6::Ready).map_err(failed),
            // EACCES is Linux's answer while disable_ipv6 is set; missing rights would be EPERM.
            Err(error) if error.raw_os_error() == Some(libc::EACCES) => Ok(Ipv6::Disabled),
            Err(error) => Err(failed(error)),
        }
    }

    fn index(&self, name: &str) -> io::Result<libc::c_int> {
        let mut request = request(name)?;
        // SAFETY: SIOCGIFINDEX reads and writes one ifreq, which lives on this stack frame.
        check(unsafe {
            libc::ioctl(self.ipv4.as_raw_fd(), libc::SIOCGIFINDEX as libc::Ioctl, &mut request)
        })?;
        // SAFETY: the request succeeded, so the kernel has written the union's index.
        Ok(unsafe { request.ifr_ifru.ifru_ifindex })
    }

    /// `code` in the C library's own type: it is an int with musl, a long with glibc.
    fn set(&self, name: &str, code: libc::Ioctl, fill: impl FnOnce(&mut libc::ifreq)) -> io::Result<()> {
        let mut request = request(name)?;
        fill(&mut request);
        // SAFETY: every request passed here reads one ifreq, which lives on this stack frame.
        check(unsafe { libc::ioctl(self.ipv4.as_raw_fd(), code, &mut request) })
    }
}

/// Waits until the kernel's worker has cleared the address: there is no duplicate detection on a link without neighbours,
/// but for some milliseconds the address is tentative all the same, and nobody can bind it.
fn await_usable(address: Ipv6Addr) -> io::Result<()> {
    let mut left = 1000;
    loop {
        match UdpSocket::bind((address, 0)) {
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable && left > 0 => {
                left -= 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            answer => return answer.map(drop),
        }
    }
}

fn socket(family: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: no pointers; the answer is checked before use.
    let fd: RawFd = unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    check(fd)?;
    // SAFETY: the descriptor is fresh, valid and owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn check(answer: libc::c_int) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn request(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: ifreq is plain C data, for which all zeroes is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.is_empty() || name.len() >= request.ifr_name.len() || name.bytes().any(|octet| octet == 0) {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    Ok(request)
}

fn name_of(request: &libc::ifreq) -> String {
    let octets: Vec<u8> = request.ifr_name.iter().map(|c| *c as u8).take_while(|octet| *octet != 0).collect();
    String::from_utf8_lossy(&octets).into_owned()
}

fn sockaddr(address: Ipv4Addr) -> libc::sockaddr {
    let mut data = [0 as libc::c_char; 14];
    for (to, from) in data[2..6].iter_mut().zip(address.octets()) {
        *to = from as libc::c_char;
    }
    libc::sockaddr { sa_family: libc::AF_INET as libc::sa_family_t, sa_data: data }
}
