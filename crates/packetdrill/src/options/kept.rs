//! Options that Linux has and that nothing here obeys: they are checked, kept and told as Linux 6.18 does, and no more.
//!
//! One row each: level, name, what getsockopt() tells before anybody set it, and which numbers setsockopt() takes. Measured.

use crate::core::{Answer, Errno};
use crate::descriptors::Open;
use libc::{IPPROTO_IP as IP, IPPROTO_IPV6 as IPV6, IPPROTO_TCP as TCP, SOL_SOCKET as SOCKET, c_int};

/// Which numbers setsockopt() takes, and what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// All that is not zero is one.
    Flag,
    Any,
    /// From zero up to this.
    Upto(i32),
    /// Zero, one, or -1 for the default.
    Chosen,
    /// Taken and forgotten, from zero up to this.
    Ignored(i32),
    /// Only getsockopt() knows it.
    ReadOnly,
    /// This answer to both.
    Refused(Errno),
    /// What a socket that is not privileged hears; and what getsockopt() answers.
    Privileged(Errno),
}

use Rule::{Any, Chosen, Flag, Ignored, Privileged, ReadOnly, Refused, Upto};

const MOST: Rule = Upto(i32::MAX);
/// libc has no names for these (include/uapi/asm-generic/socket.h, linux/tcp.h, linux/in.h).
const SO_PASSPIDFD: c_int = 76;
const SO_PASSRIGHTS: c_int = 83;
const SO_RCVPRIORITY: c_int = 82;
const SO_RCVMARK: c_int = 75;
const SO_TXREHASH: c_int = 74;
const TCP_TX_DELAY: c_int = 37;
const TCP_SAVED_SYN: c_int = 28;
const IP_RECVERR_RFC4884: c_int = 26;

const ROWS: &[(c_int, c_int, i32, Rule)] = &[
    (SOCKET, libc::SO_DEBUG, 0, Flag),
    (SOCKET, libc::SO_DONTROUTE, 0, Flag),
    (SOCKET, libc::SO_BROADCAST, 0, Flag),
    (SOCKET, libc::SO_NO_CHECK, 0, Flag),
    (SOCKET, libc::SO_PRIORITY, 0, Any),
    (SOCKET, libc::SO_BSDCOMPAT, 0, Rule::Ignored(-1)),
    (SOCKET, libc::SO_PASSCRED, 0, Refused(libc::EOPNOTSUPP)),
    (SOCKET, libc::SO_PEERCRED, 0, ReadOnly),
    (SOCKET, libc::SO_PASSSEC, 0, Refused(libc::EOPNOTSUPP)),
    (SOCKET, libc::SO_MARK, 0, Any),
    (SOCKET, libc::SO_RXQ_OVFL, 0, Flag),
    (SOCKET, libc::SO_WIFI_STATUS, 0, Flag),
    (SOCKET, libc::SO_NOFCS, 0, Flag),
    (SOCKET, libc::SO_LOCK_FILTER, 0, Flag),
    (SOCKET, libc::SO_SELECT_ERR_QUEUE, 0, Flag),
    (SOCKET, libc::SO_BUSY_POLL, 0, MOST),
    (SOCKET, libc::SO_BPF_EXTENSIONS, 64, ReadOnly),
    (SOCKET, libc::SO_INCOMING_CPU, -1, Any),
    (SOCKET, libc::SO_INCOMING_NAPI_ID, 0, ReadOnly),
    (SOCKET, libc::SO_BINDTOIFINDEX, 0, MOST),
    (SOCKET, libc::SO_PREFER_BUSY_POLL, 0, Flag),
    (SOCKET, SO_TXREHASH, 1, Chosen),
    (SOCKET, SO_RCVMARK, 0, Flag),
    (SOCKET, SO_PASSPIDFD, 0, Refused(libc::EOPNOTSUPP)),
    (SOCKET, SO_RCVPRIORITY, 0, Flag),
    (SOCKET, SO_PASSRIGHTS, 0, Refused(libc::EOPNOTSUPP)),
    (TCP, libc::TCP_THIN_LINEAR_TIMEOUTS, 0, Upto(1)),
    (TCP, libc::TCP_THIN_DUPACK, 0, Ignored(1)),
    (TCP, libc::TCP_REPAIR, 0, Privileged(0)),
    (TCP, libc::TCP_REPAIR_QUEUE, 0, Privileged(libc::EINVAL)),
    (TCP, libc::TCP_QUEUE_SEQ, 0, Privileged(libc::EINVAL)),
    (TCP, libc::TCP_SAVE_SYN, 0, Upto(2)),
    (TCP, TCP_SAVED_SYN, 0, ReadOnly),
    (TCP, libc::TCP_REPAIR_WINDOW, 0, Privileged(libc::EINVAL)),
    (TCP, TCP_TX_DELAY, 0, Upto((1 << 28) - 1)),
    (IP, libc::IP_HDRINCL, 0, ReadOnly),
    (IP, libc::IP_PKTINFO, 0, Flag),
    (IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_WANT, Upto(5)),
    (IP, libc::IP_RECVERR, 0, Flag),
    (IP, libc::IP_RECVTTL, 0, Flag),
    (IP, libc::IP_RECVTOS, 0, Flag),
    (IP, libc::IP_FREEBIND, 0, Flag),
    (IP, libc::IP_PASSSEC, 0, Flag),
    (IP, libc::IP_TRANSPARENT, 0, Flag),
    (IP, libc::IP_ORIGDSTADDR, 0, Flag),
    (IP, libc::IP_MINTTL, 0, Upto(255)),
    (IP, libc::IP_NODEFRAG, 0, ReadOnly),
    (IP, libc::IP_CHECKSUM, 0, Flag),
    (IP, libc::IP_BIND_ADDRESS_NO_PORT, 0, Flag),
    (IP, IP_RECVERR_RFC4884, 0, Upto(1)),
    (IPV6, libc::IPV6_2292PKTINFO, 0, Flag),
    (IPV6, libc::IPV6_2292HOPOPTS, 0, Flag),
    (IPV6, libc::IPV6_2292DSTOPTS, 0, Flag),
    (IPV6, libc::IPV6_2292RTHDR, 0, Flag),
    (IPV6, libc::IPV6_2292HOPLIMIT, 0, Flag),
    (IPV6, libc::IPV6_FLOWINFO, 0, Flag),
    (IPV6, libc::IPV6_MULTICAST_IF, 0, ReadOnly),
    (IPV6, libc::IPV6_MULTICAST_HOPS, 1, ReadOnly),
    (IPV6, libc::IPV6_MULTICAST_LOOP, 1, Upto(1)),
    (IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_WANT, Upto(5)),
    (IPV6, libc::IPV6_RECVERR, 0, Flag),
    (IPV6, libc::IPV6_FLOWINFO_SEND, 0, Flag),
    (IPV6, libc::IPV6_RECVPKTINFO, 0, Flag),
    (IPV6, libc::IPV6_RECVHOPLIMIT, 0, Flag),
    (IPV6, libc::IPV6_RECVHOPOPTS, 0, Flag),
    (IPV6, libc::IPV6_RECVRTHDR, 0, Flag),
    (IPV6, libc::IPV6_RECVDSTOPTS, 0, Flag),
    (IPV6, libc::IPV6_RECVPATHMTU, 0, Flag),
    (IPV6, libc::IPV6_DONTFRAG, 0, Flag),
    (IPV6, libc::IPV6_RECVTCLASS, 0, Flag),
    (IPV6, libc::IPV6_AUTOFLOWLABEL, 1, Flag),
    (IPV6, libc::IPV6_MINHOPCOUNT, 0, Upto(255)),
    (IPV6, libc::IPV6_RECVORIGDSTADDR, 0, Flag),
    (IPV6, libc::IPV6_TRANSPARENT, 0, Flag),
    (IPV6, libc::IPV6_FREEBIND, 0, Flag),
];

fn row(level: c_int, name: c_int) -> Result<(i32, Rule), Errno> {
    let row = ROWS.iter().find(|(l, n, ..)| (*l, *n) == (level, name)).ok_or(libc::ENOPROTOOPT)?;
    Ok((row.2, row.3))
}

/// getsockopt() of a number that is only kept.
pub(super) fn get(open: &Open, level: c_int, name: c_int) -> Result<i32, Errno> {
    let (default, rule) = row(level, name)?;
    match rule {
        Refused(error) => return Err(error),
        Privileged(error) if error != 0 => return Err(error),
        _ => {}
    }
    let set = open.kept.get(&(level, name)).and_then(|octets| octets.first_chunk::<4>());
    Ok(set.map_or(default, |octets| i32::from_ne_bytes(*octets)))
}

/// setsockopt() of a number that is only kept.
pub(super) fn set(open: &mut Open, level: c_int, name: c_int, number: i32) -> Answer {
    let (default, rule) = row(level, name)?;
    let number = match rule {
        Flag => i32::from(number != 0),
        Any => number,
        Upto(most) if (0..=most).contains(&number) => number,
        Chosen if number == -1 => default,
        Chosen if matches!(number, 0 | 1) => number,
        Ignored(most) if most < 0 || (0..=most).contains(&number) => return Ok(0),
        Upto(_) | Chosen | Ignored(_) => return Err(libc::EINVAL),
        ReadOnly => return Err(libc::ENOPROTOOPT),
        Refused(error) => return Err(error),
        Privileged(_) => return Err(libc::EPERM),
    };
    open.kept.insert((level, name), number.to_ne_bytes().to_vec());
    Ok(0)
}
