//! A Linux TUN interface: IP packets without link layer, each with a virtio-net header that carries the offload facts.
//!
//! Super-frames of up to 64 KiB cross in one system call each, both ways, and are never copied together. The interface is
//! not persistent: it goes when the [`Tun`] is dropped.
#![allow(unsafe_code)]

mod interface;
#[cfg(test)]
mod tests;

use crate::{Capabilities, Device, Error, Link, PACKET_MAX, Readiness, Received, Sent};
use bytes::{Bytes, BytesMut};
use interface::{Control, Features};
use lastack_wire::virtio::{self, NetHeader};
use lastack_wire::{Frame, Packet};
use smallvec::SmallVec;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;

/// Frames of at least this many octets keep the buffer they were read into; smaller ones are copied out, so that a
/// frame never pins more than about twice its size.
const KEEP_FROM: usize = PACKET_MAX / 2;

/// Chunks of one packet that cross without a copy; Linux takes 1024 pieces per call, and two are headers.
const CHUNKS_MAX: usize = 1022;

/// How the interface is made.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its name, up to 15 octets; `%d` in it lets the kernel choose a number.
    pub name: String,
    /// Largest packet, in octets.
    pub mtu: u16,
    /// The host's addresses on it, each with its prefix length. The host gets a route to each prefix.
    pub host: Vec<(IpAddr, u8)>,
}

/// What became of IPv6 on the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipv6 {
    /// No IPv6 address was asked for.
    NotAsked,
    /// The addresses are set.
    Ready,
    /// The host has IPv6 switched off (`disable_ipv6` or no IPv6 in the kernel): the interface speaks IPv4 only.
    Disabled,
}

/// A TUN interface that is up.
#[derive(Debug)]
pub struct Tun {
    file: File,
    name: String,
    mtu: u16,
    ipv6: Ipv6,
    control: Control,
    buffer: BytesMut,
}

impl Tun {
    /// Makes the interface, gives it MTU and addresses, and brings it up.
    ///
    /// # Errors
    /// [`Error::Setup`]: which step failed, why, and what to do. Nothing is left behind. IPv6 that is switched off is no
    /// error: see [`Tun::ipv6`].
    pub fn create(config: &Config) -> Result<Tun, Error> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open("/dev/net/tun")
            .map_err(opening)?;
        let name = interface::attach(&file, &config.name, Features::WITH_OFFLOAD)?;
        let control = Control::open()?;
        control.set_mtu(&name, config.mtu)?;
        for (address, prefix) in &config.host {
            if let IpAddr::V4(address) = address {
                control.add_ipv4(&name, *address, *prefix)?;
            }
        }
        control.bring_up(&name)?;
        let mut ipv6 = Ipv6::NotAsked;
        for (address, prefix) in &config.host {
            if let IpAddr::V6(address) = address {
                ipv6 = control.add_ipv6(&name, *address, *prefix)?;
                if ipv6 == Ipv6::Disabled {
                    break;
                }
            }
        }
        Ok(Tun { file, name, mtu: config.mtu, ipv6, control, buffer: BytesMut::with_capacity(PACKET_MAX) })
    }

    /// What became of IPv6.
    pub fn ipv6(&self) -> Ipv6 {
        self.ipv6
    }

    /// Reads one packet.
    fn read(&mut self) -> io::Result<Option<Frame>> {
        self.buffer.clear();
        let mut head = [0u8; virtio::LEN];
        let spare = self.buffer.spare_capacity_mut();
        let pieces = [
            libc::iovec { iov_base: head.as_mut_ptr().cast(), iov_len: head.len() },
            libc::iovec { iov_base: spare.as_mut_ptr().cast(), iov_len: spare.len() },
        ];
        // SAFETY: both pieces point into memory that this function borrows mutably for the whole call, with their true
        // lengths; the kernel only writes into them, so `spare` need not be initialised.
        let read = unsafe { libc::readv(self.file.as_raw_fd(), pieces.as_ptr(), 2) };
        let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
        let Some(len) = read.checked_sub(virtio::LEN).filter(|len| *len > 0) else { return Ok(None) };
        // SAFETY: the kernel wrote `len` octets into the spare capacity, which starts at the buffer's length, zero.
        unsafe { self.buffer.set_len(len) };
        // A header that makes no sense is the kernel's own fault; the packet is passed over like a damaged one.
        let Ok(offload) = NetHeader::parse(&head).and_then(|head| head.offload(len)) else { return Ok(None) };
        if len < KEEP_FROM {
            let data = Bytes::copy_from_slice(&self.buffer);
            return Ok(Some(Frame { pinned: len, data, offload }));
        }
        let data = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(PACKET_MAX));
        Ok(Some(Frame { pinned: data.capacity(), data: data.freeze(), offload }))
    }

    fn write(&self, packet: &Packet) -> io::Result<()> {
        let joined;
        let chunks = match packet.payload.chunks() {
            few if few.len() <= CHUNKS_MAX => few,
            _ => {
                joined = [packet.payload.to_bytes()];
                &joined
            }
        };
        let head = NetHeader::for_packet(packet).emit();
        let pieces: SmallVec<[libc::iovec; 8]> = [head.as_slice(), &packet.head]
            .into_iter()
            .chain(chunks.iter().map(|chunk| &chunk[..]))
            .map(|piece| libc::iovec { iov_base: piece.as_ptr().cast_mut().cast(), iov_len: piece.len() })
            .collect();
        // SAFETY: each piece is a live slice with its true length, borrowed until after the call; writev reads only. The
        // count fits: it is at most CHUNKS_MAX + 2.
        let written =
            unsafe { libc::writev(self.file.as_raw_fd(), pieces.as_ptr(), pieces.len() as libc::c_int) };
        if written < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Tells a lost device from a passing trouble.
    fn failed(&self, error: &io::Error) -> Option<Error> {
        match error.raw_os_error() {
            // The queue was detached: the interface was deleted under us.
            Some(libc::EBADFD | libc::EBADF | libc::ENODEV | libc::ENXIO) => {
                Some(Error::Gone { name: self.name.clone(), why: error.to_string() })
            }
            _ => None,
        }
    }
}

fn opening(error: io::Error) -> Error {
    let advice = match error.kind() {
        io::ErrorKind::NotFound => "load the module with `modprobe tun`, or give the container /dev/net/tun",
        _ => "run as root or with CAP_NET_ADMIN",
    };
    Error::Setup { tried: "opening /dev/net/tun".to_owned(), source: error, advice }
}

impl Device for Tun {
    fn name(&self) -> &str {
        &self.name
    }

    fn mtu(&self) -> u16 {
        self.mtu
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { tso: true, checksum_offload: true }
    }

    fn readiness(&self) -> Readiness<'_> {
        Readiness::Descriptor(self.file.as_fd())
    }

    fn link(&self) -> Link {
        match self.control.is_up(&self.name) {
            Ok(true) => Link::Up,
            Ok(false) => Link::Down,
            Err(_) => Link::Gone,
        }
    }

    fn receive(&mut self, frames_max: usize, sink: &mut dyn FnMut(Frame)) -> Result<Received, Error> {
        let mut frames = 0;
        while frames < frames_max {
            match self.read() {
                Ok(Some(frame)) => {
                    frames += 1;
                    sink(frame);
                }
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => match self.failed(&error) {
                    Some(gone) => return Err(gone),
                    None => return Ok(Received { frames, drained: true }),
                },
            }
        }
        Ok(Received { frames, drained: false })
    }

    fn send(&mut self, packet: &Packet) -> Result<Sent, Error> {
        let error = loop {
            match self.write(packet) {
                Ok(()) => return Ok(Sent::Done),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break error,
            }
        };
        if error.kind() == io::ErrorKind::WouldBlock {
            return Ok(Sent::Full);
        }
        if let Some(gone) = self.failed(&error) {
            return Err(gone);
        }
        // EIO is what the driver answers while IFF_UP is off, and while the interface is being deleted.
        if error.raw_os_error() == Some(libc::EIO) {
            return Err(match self.link() {
                Link::Gone => Error::Gone { name: self.name.clone(), why: error.to_string() },
                _ => Error::Down { name: self.name.clone() },
            });
        }
        Err(Error::Rejected { name: self.name.clone(), octets: packet.len(), why: error.to_string() })
    }
}
