//! poll() and epoll: which events a socket has, as Linux's tcp_poll() says, and who waits for them.

use crate::core::{Answer, Core, Errno};
use crate::descriptors::{Descriptor, Interest, Open, placeholder};
use crate::memory::Place;
use crate::world::{Wait, World};
use lastack_stack::observe::State;
use libc::{c_int, epoll_event, pollfd};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Waker};

const IN: u32 = libc::EPOLLIN as u32 | libc::EPOLLRDNORM as u32;
const OUT: u32 = libc::EPOLLOUT as u32 | libc::EPOLLWRNORM as u32;
const ERR: u32 = libc::EPOLLERR as u32;
const HUP: u32 = libc::EPOLLHUP as u32;
const RDHUP: u32 = libc::EPOLLRDHUP as u32;
const PRI: u32 = libc::EPOLLPRI as u32;
/// What is told whether asked for or not.
const ALWAYS: u32 = ERR | HUP;
/// Bits of epoll_event that are no events.
const EDGE: u32 = libc::EPOLLET as u32;
const ONE_SHOT: u32 = libc::EPOLLONESHOT as u32;
const WAKE_UP: u32 = libc::EPOLLWAKEUP as u32;
const EXCLUSIVE: u32 = libc::EPOLLEXCLUSIVE as u32;

/// What an edge-triggered watcher compares: the events, and all that ever happened to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    events: u32,
    happened: Happened,
}

/// The state and calls of shutdown(), which wake who watches; octets that came, or connections to accept; times that a writer who waited was given room; notices on the error queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
struct Happened {
    state: u8,
    shutdowns: u64,
    arrived: u64,
    room_made: u64,
    notices: u64,
}

/// The events of a descriptor now.
fn moment(core: &Core, fd: c_int) -> Option<Moment> {
    match core.table.get(&fd)? {
        Descriptor::Socket(open) => {
            let waiting = match open.listening {
                Some(_) => open.socket.waiting_to_accept(),
                None => open.socket.unread(),
            };
            let happened = Happened {
                state: open.socket.state() as u8,
                shutdowns: open.shutdowns,
                arrived: open.taken + waiting as u64,
                room_made: open.socket.room_made(),
                notices: open.notices.ever,
            };
            Some(Moment { events: events(open), happened })
        }
        Descriptor::Epoll(set) => {
            let any = set.iter().any(|(fd, interest)| told_now(core, *fd, interest).is_some());
            Some(Moment { events: if any { IN } else { 0 }, happened: Happened::default() })
        }
        Descriptor::Pipe | Descriptor::Foreign => {
            Some(Moment { events: poll_pipe(fd), happened: Happened::default() })
        }
    }
}

fn poll_pipe(fd: c_int) -> u32 {
    let events = libc::POLLIN | libc::POLLOUT | libc::POLLRDNORM | libc::POLLWRNORM;
    let mut wish = pollfd { fd, events, revents: 0 };
    // SAFETY: one pollfd of ours, and a timeout of zero.
    let answer = unsafe { libc::poll(&mut wish, 1, 0) };
    if answer > 0 { u32::from(wish.revents.cast_unsigned()) } else { 0 }
}

/// Linux's tcp_poll().
fn events(open: &Open) -> u32 {
    let socket = &open.socket;
    let mut cx = Context::from_waker(Waker::noop());
    if open.listening.is_some() {
        return if socket.poll_acceptable(&mut cx).is_ready() { IN } else { 0 };
    }
    let state = socket.state();
    // A failed connect() leaves a socket that is shut down both ways until somebody hears of it.
    let failed = open.has_failed();
    let read_closed = failed || socket.is_read_closed() || open.shut[0];
    let write_closed = failed || socket.is_write_closed() || open.shut[1];
    let mut events = 0;
    if state == State::Closed || (read_closed && write_closed) {
        events |= HUP;
    }
    if read_closed {
        events |= IN | RDHUP;
    }
    if socket.defers_connect() {
        // The write that sends the SYN would not wait.
        events |= OUT;
    }
    // A Fast Open server's connection is open before its third segment.
    if !matches!(state, State::SynSent | State::SynRecv) || socket.is_open() {
        let connected = socket.peer_addr().is_some();
        // A read ends at an urgent octet, but that alone is no reason to look (Linux's tcp_stream_is_readable).
        let enough = socket.unread() >= socket.receive_low_water() as usize || !socket.has_mark();
        if connected && enough && socket.unread() > 0 && socket.poll_readable(&mut cx).is_ready() {
            events |= IN;
        }
        if write_closed || !connected || socket.is_roomy() {
            events |= OUT;
        } else {
            // Who looks and finds no room is told when there is some.
            socket.await_room();
        }
        if socket.has_urgent() {
            events |= PRI;
        }
    }
    let told = open.error.is_some() || !open.notices.is_empty() || socket.has_icmp_error();
    if told || socket.poll_error(&mut cx).is_ready() {
        events |= ERR;
    }
    events
}

/// poll().
pub(crate) fn poll(world: &World, list: Place<pollfd>, count: usize, timeout_ms: c_int) -> Answer {
    if count > 1 << 16 {
        return Err(libc::EINVAL);
    }
    world.wait(
        |core| {
            if list.is_null() && count > 0 {
                return Err(libc::EFAULT);
            }
            Ok(wait_for(core, timeout_ms))
        },
        move |core| match poll_once(core, list, count, timeout_ms == 0) {
            Ok(0) if timeout_ms != 0 => None,
            answer => Some(answer),
        },
    )
}

fn wait_for(core: &Core, timeout_ms: c_int) -> Wait {
    Wait::Until(core.timeout(timeout_ms), Ok(0))
}

fn poll_once(core: &Core, list: Place<pollfd>, count: usize, _at_once: bool) -> Answer {
    let mut ready = 0;
    for place in (0..count).map(|index| list.at(index)) {
        let mut wish = place.get()?;
        let asked = u32::from(wish.events.cast_unsigned());
        wish.revents = match wish.fd {
            ..0 => 0,
            fd => match moment(core, fd) {
                Some(moment) => (moment.events & (asked | ALWAYS)) as i16,
                None => libc::POLLNVAL,
            },
        };
        ready += i64::from(wish.revents != 0);
        place.set(wish)?;
    }
    Ok(ready)
}

/// epoll_create().
pub(crate) fn create(world: &Arc<World>, size: c_int) -> Answer {
    if size <= 0 {
        return Err(libc::EINVAL);
    }
    let fd = placeholder()?;
    let answer = world.call(|core| {
        core.table.insert(fd, Descriptor::Epoll(BTreeMap::new()));
        Ok(i64::from(fd))
    });
    crate::preload::remember(fd, world);
    answer
}

/// epoll_ctl().
pub(crate) fn control(
    core: &mut Core,
    set: c_int,
    command: c_int,
    fd: c_int,
    event: Place<epoll_event>,
) -> Answer {
    let wish = if command == libc::EPOLL_CTL_DEL { None } else { Some(event.get()?) };
    if !core.table.contains_key(&set) || !core.table.contains_key(&fd) {
        return Err(libc::EBADF);
    }
    let Some(Descriptor::Epoll(interests)) = core.table.get_mut(&set).filter(|_| set != fd) else {
        return Err(libc::EINVAL);
    };
    if let Some(wish) = wish {
        may_be_exclusive(command, wish.events, interests.get(&fd))?;
    }
    let interest =
        wish.map(|wish| Interest { events: wish.events, data: wish.u64, disabled: false, told: None });
    match (command, interest, interests.contains_key(&fd)) {
        (libc::EPOLL_CTL_ADD, _, true) => Err(libc::EEXIST),
        (libc::EPOLL_CTL_ADD, Some(interest), false) | (libc::EPOLL_CTL_MOD, Some(interest), true) => {
            interests.insert(fd, interest);
            Ok(0)
        }
        (libc::EPOLL_CTL_MOD | libc::EPOLL_CTL_DEL, _, false) => Err(libc::ENOENT),
        (libc::EPOLL_CTL_DEL, _, true) => {
            interests.remove(&fd);
            Ok(0)
        }
        _ => Err(libc::EINVAL),
    }
}

/// EPOLLEXCLUSIVE: only when a descriptor is added, never changed afterwards, and not with everything.
fn may_be_exclusive(command: c_int, events: u32, known: Option<&Interest>) -> Result<(), Errno> {
    let together = IN | OUT | ALWAYS | EDGE | WAKE_UP | EXCLUSIVE;
    let bad = match command {
        libc::EPOLL_CTL_ADD => events & EXCLUSIVE != 0 && events & !together != 0,
        libc::EPOLL_CTL_MOD => {
            events & EXCLUSIVE != 0 || known.is_some_and(|known| known.events & EXCLUSIVE != 0)
        }
        _ => false,
    };
    if bad { Err(libc::EINVAL) } else { Ok(()) }
}

/// What a set would tell of one descriptor now.
fn told_now(core: &Core, fd: c_int, interest: &Interest) -> Option<Moment> {
    let now = moment(core, fd).filter(|_| !interest.disabled)?;
    let events = now.events & (interest.events | ALWAYS);
    let edge = interest.events & EDGE != 0;
    let news = match interest.told {
        // Something happened, or an event that was not there. Room alone is nothing new: somebody must have waited for it.
        Some(told) if edge => now.happened != told.happened || now.events & !told.events & events & !OUT != 0,
        _ => true,
    };
    (events != 0 && news).then_some(Moment { events, ..now })
}

/// epoll_wait().
pub(crate) fn wait(
    world: &World,
    set: c_int,
    list: Place<epoll_event>,
    most: c_int,
    timeout_ms: c_int,
) -> Answer {
    let most = usize::try_from(most).unwrap_or(0);
    world.wait(
        |core| match core.table.get(&set) {
            Some(Descriptor::Epoll(_)) if most > 0 => Ok(wait_for(core, timeout_ms)),
            Some(_) => Err(libc::EINVAL),
            None => Err(libc::EBADF),
        },
        move |core| match wait_once(core, set, list, most) {
            Ok(0) if timeout_ms != 0 => None,
            answer => Some(answer),
        },
    )
}

fn wait_once(core: &mut Core, set: c_int, list: Place<epoll_event>, most: usize) -> Answer {
    forget_old_edges(core, set)?;
    let Some(Descriptor::Epoll(interests)) = core.table.get(&set) else { return Err(libc::EBADF) };
    let told: Vec<(c_int, u64, Moment)> = interests
        .iter()
        .filter_map(|(fd, interest)| Some((*fd, interest.data, told_now(core, *fd, interest)?)))
        .take(most)
        .collect();
    for (index, (fd, data, moment)) in told.iter().enumerate() {
        list.at(index).set(epoll_event { events: moment.events, u64: *data })?;
        let whole = crate::ready::moment(core, *fd);
        if let Some(interest) = interest_mut(core, set, *fd) {
            interest.told = whole;
            interest.disabled = interest.events & ONE_SHOT != 0;
        }
    }
    Ok(told.len() as i64)
}

/// An event that went away since it was told is an edge when it comes back.
fn forget_old_edges(core: &mut Core, set: c_int) -> Result<(), Errno> {
    let Some(Descriptor::Epoll(interests)) = core.table.get(&set) else { return Err(libc::EBADF) };
    let fds: Vec<c_int> = interests.keys().copied().collect();
    for fd in fds {
        let now = moment(core, fd);
        if let (Some(now), Some(interest)) = (now, interest_mut(core, set, fd))
            && let Some(told) = &mut interest.told
        {
            told.events &= now.events;
        }
    }
    Ok(())
}

fn interest_mut(core: &mut Core, set: c_int, fd: c_int) -> Option<&mut Interest> {
    match core.table.get_mut(&set) {
        Some(Descriptor::Epoll(interests)) => interests.get_mut(&fd),
        _ => None,
    }
}
