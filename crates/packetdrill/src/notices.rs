//! The error queue of a socket: what MSG_ERRQUEUE reads. Notices that octets of MSG_ZEROCOPY are the caller's again, and
//! timestamps of octets that were sent or acknowledged (SO_TIMESTAMPING).
//!
//! The stack copies all it is given, so each zero-copy notice says so, as Linux's do on loopback and TUN. Octets are counted
//! from the first that was written. Times of octets that came are in `arrivals`; ICMP errors wait in the stack's sockets.

use lastack_stack::IcmpError;
use libc::c_int;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Flags of SO_TIMESTAMPING that are obeyed (linux/net_tstamp.h); others are kept and told.
const TX_SOFTWARE: u32 = 1 << 1;
const REPORT_SOFTWARE: u32 = 1 << 4;
const OPT_ID: u32 = 1 << 7;
const TX_SCHED: u32 = 1 << 8;
const TX_ACK: u32 = 1 << 9;
const OPT_TSONLY: u32 = 1 << 11;
const OPT_ID_TCP: u32 = 1 << 16;
const OPT_STATS: u32 = 1 << 12;
/// All that Linux 6.18 knows.
const ALL_FLAGS: u32 = (1 << 19) - 1;
/// What one call may ask for with a control message: timestamps of hardware, software, scheduling, acknowledgment and
/// completion.
pub(crate) const RECORDED: u32 = 1 | TX_SOFTWARE | TX_SCHED | TX_ACK | 1 << 18;
/// A write that waits in an unsent segment shares it with the next one up to here, and then its timestamps (Linux's
/// largest super-segment).
const SHARED_MAX: u64 = 65_535;

/// Octets of IP's and TCP's headers on a packet that leaves, at least.
const HEADERS: usize = 40;
/// SCM_TSTAMP_SND, SCM_TSTAMP_SCHED, SCM_TSTAMP_ACK.
const SENT: u32 = 0;
const SCHEDULED: u32 = 1;
const ACKNOWLEDGED: u32 = 2;
/// SO_EE_ORIGIN_TIMESTAMPING, SO_EE_ORIGIN_ZEROCOPY, SO_EE_CODE_ZEROCOPY_COPIED.
const ORIGIN_TIMESTAMPING: u8 = 4;
const ORIGIN_ZEROCOPY: u8 = 5;
const CODE_COPIED: u8 = 1;
/// Notices that wait at most; the oldest stay, as in a full receive buffer.
const QUEUE_MAX: usize = 256;

/// What waits for the network.
#[derive(Clone, Copy, Debug)]
struct Pending {
    /// The number of octets written when the call ended.
    end: u64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// The number of the zero-copy call.
    ZeroCopy(u32),
    /// Which timestamps are wanted, and whether those of sending were told.
    Stamp { flags: u32, key: u32, sent: bool, octets: usize },
}

/// What is on the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    ZeroCopy {
        first: u32,
        last: u32,
    },
    /// `packet`: octets of the packet that comes with it.
    Stamp {
        kind: u32,
        key: u32,
        at_usecs: u64,
        packet: usize,
    },
}

/// How far the stack has come with the octets written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    /// The connection is over: nobody will acknowledge.
    pub(crate) ended: bool,
    /// gettimeofday() in microseconds.
    pub(crate) now_usecs: u64,
}

/// How a call wrote.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wrote {
    /// MSG_ZEROCOPY.
    pub(crate) zero_copy: bool,
    /// MSG_EOR.
    pub(crate) sealed: bool,
    /// Which timestamps a control message asks for.
    pub(crate) stamps: Option<u32>,
}

/// One control message: level, type, data.
pub(crate) type Control = (c_int, c_int, Vec<u8>);

/// The queue of one socket and what leads to it.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    /// SO_ZEROCOPY.
    pub(crate) zero_copy: bool,
    /// SO_TIMESTAMPING.
    flags: u32,
    /// The number of the next zero-copy call.
    next: u32,
    /// Octets that calls have written.
    written: u64,
    /// What OPT_ID counts from: the octet's number, and one less when the SYN was not acknowledged then.
    base: i64,
    /// The last write may not be joined by the next (MSG_EOR).
    sealed: bool,
    pending: VecDeque<Pending>,
    queue: VecDeque<Notice>,
    /// Notices ever queued: an edge for epoll.
    pub(crate) ever: u64,
}

impl Notices {
    /// The settings that accept() hands on.
    pub(crate) fn inherited(&self) -> Notices {
        Notices { zero_copy: self.zero_copy, flags: self.flags, ..Notices::default() }
    }

    /// SO_TIMESTAMPING: `None` for what Linux refuses. `acknowledged`: octets, -1 before the SYN is; `None` without a
    /// connection.
    pub(crate) fn set_timestamping(&mut self, flags: u32, acknowledged: Option<i64>) -> Option<()> {
        let refused = flags & !ALL_FLAGS != 0
            || (flags & OPT_ID_TCP != 0 && flags & OPT_ID == 0)
            || (flags & OPT_STATS != 0 && flags & OPT_TSONLY == 0);
        if refused {
            return None;
        }
        if flags & OPT_ID != 0 && self.flags & OPT_ID == 0 {
            let acknowledged = acknowledged?;
            self.base = if flags & OPT_ID_TCP != 0 { self.written as i64 } else { acknowledged };
        }
        self.flags = flags;
        Some(())
    }

    pub(crate) fn timestamping(&self) -> u32 {
        self.flags
    }

    /// Octets that calls have written.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// The socket took so many octets.
    pub(crate) fn count(&mut self, octets: usize) {
        self.written += octets as u64;
    }

    /// A call ends that wrote so many octets; `stamps` are its own, from a control message.
    pub(crate) fn wrote(&mut self, octets: u64, how: Wrote) {
        let end = self.written;
        let flags = how.stamps.map_or(self.flags, |stamps| self.flags & !RECORDED | stamps);
        if flags & (TX_SOFTWARE | TX_SCHED | TX_ACK) != 0 {
            self.stamp_write(flags, end, octets);
        }
        if how.zero_copy && self.zero_copy && self.pending.len() < QUEUE_MAX {
            self.pending.push_back(Pending { end, kind: Kind::ZeroCopy(self.next) });
            self.next = self.next.wrapping_add(1);
        }
        self.sealed = how.sealed;
    }

    /// A segment has one key: a write that joins an unsent one takes its place.
    fn stamp_write(&mut self, mut flags: u32, end: u64, octets: u64) {
        let sealed = self.sealed;
        let joined = self.pending.iter().position(|pending| match pending.kind {
            Kind::Stamp { sent, .. } => {
                !sent && !sealed && pending.end + octets == end && octets < SHARED_MAX
            }
            Kind::ZeroCopy(_) => false,
        });
        if let Some(Pending { kind: Kind::Stamp { flags: before, .. }, .. }) =
            joined.and_then(|index| self.pending.remove(index))
        {
            flags |= before & RECORDED;
        }
        if self.pending.len() < QUEUE_MAX {
            let key = if flags & OPT_ID != 0 { (end as i64 - 1 - self.base) as u32 } else { 0 };
            self.pending.push_back(Pending {
                end,
                kind: Kind::Stamp { flags, key, sent: false, octets: octets as usize },
            });
        }
    }

    pub(crate) fn waits(&self) -> bool {
        !self.pending.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The stack has moved on.
    pub(crate) fn move_on(&mut self, progress: Progress) {
        let Progress { sent, acknowledged, ended, now_usecs } = progress;
        for mut pending in std::mem::take(&mut self.pending) {
            let done = match &mut pending.kind {
                Kind::ZeroCopy(number) => {
                    let done = ended || acknowledged >= pending.end;
                    if done {
                        self.tell_copied(*number);
                    }
                    done
                }
                Kind::Stamp { flags, key, sent: told, octets } => {
                    let (flags, key, octets) = (*flags, *key, *octets);
                    let packet = HEADERS + octets;
                    if !*told && sent >= pending.end {
                        *told = true;
                        self.stamp([flags, TX_SCHED, SCHEDULED, key], packet, now_usecs);
                        self.stamp([flags, TX_SOFTWARE, SENT, key], packet, now_usecs);
                    }
                    let arrived = !ended && acknowledged >= pending.end;
                    if arrived {
                        self.stamp([flags, TX_ACK, ACKNOWLEDGED, key], octets, now_usecs);
                    }
                    arrived || ended || (*told && flags & TX_ACK == 0)
                }
            };
            if !done {
                self.pending.push_back(pending);
            }
        }
    }

    fn stamp(&mut self, [flags, wanted, kind, key]: [u32; 4], packet: usize, at_usecs: u64) {
        if flags & wanted != 0 {
            let packet = if flags & OPT_TSONLY == 0 { packet } else { 0 };
            self.put(Notice::Stamp { kind, key, at_usecs, packet });
        }
    }

    /// Calls in a row share one notice while nobody has read it.
    fn tell_copied(&mut self, number: u32) {
        if let Some(Notice::ZeroCopy { last, .. }) = self.queue.back_mut()
            && last.wrapping_add(1) == number
        {
            *last = number;
            self.ever += 1;
            return;
        }
        self.put(Notice::ZeroCopy { first: number, last: number });
    }

    fn put(&mut self, notice: Notice) {
        if self.queue.len() < QUEUE_MAX {
            self.queue.push_back(notice);
            self.ever += 1;
        }
    }

    /// The oldest notice as control messages, and the octets of the packet that comes with it.
    pub(crate) fn take(&mut self, v6: bool) -> Option<(Vec<Control>, usize)> {
        let notice = self.queue.pop_front()?;
        Some(match notice {
            Notice::ZeroCopy { first, last } => {
                let error = extended(0, ORIGIN_ZEROCOPY, CODE_COPIED, [first, last], v6);
                (vec![error], 0)
            }
            Notice::Stamp { kind, key, at_usecs, packet } => {
                let error = extended(libc::ENOMSG, ORIGIN_TIMESTAMPING, 0, [kind, key], v6);
                let (seconds, nanos) = ((at_usecs / 1_000_000) as i64, (at_usecs % 1_000_000 * 1000) as i64);
                // The software time; the other two are the hardware's.
                let times: Vec<u8> =
                    [seconds, nanos, 0, 0, 0, 0].iter().flat_map(|part| part.to_ne_bytes()).collect();
                // Who wants no times of software is told that it happened.
                let times = (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING, times);
                let shown = self.flags & REPORT_SOFTWARE != 0;
                (shown.then_some(times).into_iter().chain([error]).collect(), packet)
            }
        })
    }
}

/// `struct sock_extended_err` of an ICMP error, and who sent it. A socket of IPv6 hears of both families in its own words.
pub(crate) fn of_icmp(error: IcmpError, v6: bool) -> Control {
    const ORIGIN_ICMP: u8 = 2;
    const ORIGIN_ICMP6: u8 = 3;
    let origin = if error.peer.is_ipv4() { ORIGIN_ICMP } else { ORIGIN_ICMP6 };
    let (kind, code) = error.type_and_code();
    let (level, name, mut octets) = extended(error.error.errno(), origin, code, [0, 0], v6);
    octets[5] = kind;
    let family = if v6 { lastack_stack::Family::V6 } else { lastack_stack::Family::V4 };
    let offender = crate::address::write(SocketAddr::new(error.offender, 0), family);
    octets[16..16 + offender.len()].copy_from_slice(&offender);
    (level, name, octets)
}

/// `struct sock_extended_err` and the room for an offender, who is nobody.
fn extended(errno: c_int, origin: u8, code: u8, [info, data]: [u32; 2], v6: bool) -> Control {
    let mut octets = errno.to_ne_bytes().to_vec();
    octets.extend_from_slice(&[origin, 0, code, 0]);
    octets.extend_from_slice(&info.to_ne_bytes());
    octets.extend_from_slice(&data.to_ne_bytes());
    if v6 {
        octets.extend_from_slice(&[0; 28]);
        (libc::SOL_IPV6, libc::IPV6_RECVERR, octets)
    } else {
        octets.extend_from_slice(&[0; 16]);
        (libc::SOL_IP, libc::IP_RECVERR, octets)
    }
}

#[cfg(test)]
mod tests;
