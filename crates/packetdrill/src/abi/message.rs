//! `struct msghdr` both ways: names, scattered octets, control messages (cmsg(3)), with Linux's checks in Linux's order.

use crate::calls::stream;
use crate::core::{Answer, Errno};
use crate::memory::{Place, Scatter, Span};
use crate::notices::{Control, RECORDED};
use crate::options::TCP_INQ;
use crate::world::World;
use libc::{c_int, msghdr};

/// `struct sockaddr_storage`.
pub(super) const NAME_MAX: u32 = 128;
/// `struct cmsghdr`, and what messages are aligned to.
const HEAD: usize = 16;
const WORD: usize = 8;
/// More stretches than this are too many (UIO_MAXIOV).
const STRETCHES_MAX: usize = 1024;
const SO_TIMESTAMPING_NEW: c_int = 65;

/// The name that a sender gives, if any; EINVAL when it cannot be one. It is only read where it is needed.
pub(super) fn name(at: *const u8, len: u32, longest: u32) -> Result<Option<Span>, Errno> {
    if at.is_null() {
        return Ok(None);
    }
    if len > longest {
        return Err(libc::EINVAL);
    }
    Ok(Some(Span::new(at, len.min(NAME_MAX) as usize)))
}

/// The octets' places; EMSGSIZE when they are too many.
pub(super) fn scatter(header: &msghdr) -> Result<Scatter, Errno> {
    if header.msg_iovlen > STRETCHES_MAX {
        return Err(libc::EMSGSIZE);
    }
    Scatter::new(header.msg_iov, header.msg_iovlen as c_int)
}

/// recvmsg().
pub(super) fn receive(world: &World, fd: c_int, place: Place<msghdr>, flags: c_int) -> Answer {
    let mut header = place.get()?;
    if !header.msg_name.is_null() && header.msg_namelen.cast_signed() < 0 {
        return Err(libc::EINVAL);
    }
    let to = scatter(&header)?;
    let (got, controls) = if flags & libc::MSG_ERRQUEUE != 0 {
        let mut told = Ok((Vec::new(), 0));
        world.call(|core| {
            told = stream::error_queue(core, fd);
            Ok(0)
        })?;
        let (controls, packet) = told?;
        header.msg_flags = libc::MSG_ERRQUEUE | if packet > to.len() { libc::MSG_TRUNC } else { 0 };
        (give_packet(&to, packet)?, controls)
    } else {
        let empty = to.len() == 0;
        let got = stream::receive(world, fd, to, flags)?;
        let urgent = flags & libc::MSG_OOB != 0;
        header.msg_flags = if urgent { libc::MSG_OOB } else { 0 };
        if urgent && empty {
            header.msg_flags |= libc::MSG_TRUNC;
        }
        (got, beside(world, fd)?)
    };
    put_controls(&mut header, &controls)?;
    // A stream does not name the peer.
    if !header.msg_name.is_null() {
        header.msg_namelen = 0;
    }
    place.set(header)?;
    Ok(got)
}

/// The packet that an error is about, as far as there is room. Its octets are not kept: zeros stand for them.
pub(super) fn give_packet(to: &Scatter, octets: usize) -> Answer {
    let given = octets.min(to.len());
    to.write(0, &vec![0; given])?;
    i64::try_from(given).map_err(|_| libc::EINVAL)
}

/// What is told beside octets: when they came (SO_TIMESTAMP, SO_TIMESTAMPING), and how many are left (TCP_INQ).
fn beside(world: &World, fd: c_int) -> Result<Vec<Control>, Errno> {
    let mut controls = Vec::new();
    world.call(|core| {
        let open = core.open(fd)?;
        controls = open.arrivals.controls();
        if let Some(left) = stream::left_to_read(open) {
            controls.push((libc::SOL_TCP, TCP_INQ, left.to_ne_bytes().to_vec()));
        }
        Ok(0)
    })?;
    Ok(controls)
}

/// Control messages into the caller's room; MSG_CTRUNC when they do not fit (cmsg(3)).
fn put_controls(header: &mut msghdr, controls: &[Control]) -> Result<(), Errno> {
    let room = Span::new(header.msg_control, header.msg_controllen);
    let mut used = 0;
    for (level, kind, data) in controls {
        let left = room.len().saturating_sub(used);
        if room.is_null() || left < HEAD {
            header.msg_flags |= libc::MSG_CTRUNC;
            continue;
        }
        let len = (HEAD + data.len()).min(left);
        if len < HEAD + data.len() {
            header.msg_flags |= libc::MSG_CTRUNC;
        }
        let mut octets = len.to_ne_bytes().to_vec();
        octets.extend_from_slice(&level.to_ne_bytes());
        octets.extend_from_slice(&kind.to_ne_bytes());
        octets.extend_from_slice(data);
        room.write(used, &octets[..len])?;
        used += len.next_multiple_of(WORD).min(left);
    }
    header.msg_controllen = used;
    Ok(())
}

/// What a sender's control messages ask for: timestamps of this call (SO_TIMESTAMPING), if they say so. EINVAL for what
/// cannot be one, or what Linux's sockets do not know; messages of other levels are not looked at.
pub(super) fn controls_to_send(header: &msghdr) -> Result<Option<u32>, Errno> {
    if i32::try_from(header.msg_controllen).is_err() {
        return Err(libc::ENOBUFS);
    }
    let octets = Span::new(header.msg_control, header.msg_controllen).read()?;
    let mut rest = octets.as_slice();
    let mut stamps = None;
    while let Some(head) = rest.first_chunk::<HEAD>() {
        let word = |at: usize| c_int::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (level, kind) = (word(8), word(12));
        let len =
            usize::from_ne_bytes([head[0], head[1], head[2], head[3], head[4], head[5], head[6], head[7]]);
        let data = rest.get(HEAD..len).ok_or(libc::EINVAL)?;
        if level == libc::SOL_SOCKET {
            stamps = control_to_send(kind, data)?.or(stamps);
        }
        rest = rest.get(len.next_multiple_of(WORD)..).unwrap_or(&[]);
    }
    Ok(stamps)
}

fn control_to_send(kind: c_int, data: &[u8]) -> Result<Option<u32>, Errno> {
    let number = || <[u8; 4]>::try_from(data).map(u32::from_ne_bytes).map_err(|_| libc::EINVAL);
    match kind {
        libc::SCM_RIGHTS | libc::SCM_CREDENTIALS => Ok(None),
        libc::SO_MARK | libc::SO_PRIORITY => number().map(|_| None),
        libc::SO_TIMESTAMPING | SO_TIMESTAMPING_NEW => number()
            .and_then(|flags| if flags & !RECORDED == 0 { Ok(Some(flags)) } else { Err(libc::EINVAL) }),
        _ => Err(libc::EINVAL),
    }
}
