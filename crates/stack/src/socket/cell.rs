//! The place where an application and a shard meet: byte queues, requests, answers and wakers of one socket.
//!
//! No protocol here. The application's side writes requests and bytes and marks the cell dirty; the shard alone
//! applies them (`handle_sockets`) and writes answers. The lock is held for moves of pointers only, never over a call.

use super::room::SendSpace;
use super::urgent::Mark;
use super::{IcmpError, Notify, SocketError};
use crate::bind::Claim;
use crate::flows::FlowRef;
use bytes::Bytes;
use lastack_observe::{State, TcpInfo};
use lastack_tcp::knobs::{BufferBounds, SocketOptions};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// What every socket of one shard shares: the list of sockets that the shard must look at.
pub(crate) struct Dirty {
    list: Mutex<VecDeque<Arc<Cell>>>,
    notify: Mutex<Option<Notify>>,
    /// What the shard's knobs allow socket options to be.
    bounds: Mutex<BufferBounds>,
    /// The shard is gone: nobody will look.
    gone: AtomicBool,
}

impl Dirty {
    pub(crate) fn new(bounds: BufferBounds) -> Dirty {
        Dirty {
            list: Mutex::default(),
            notify: Mutex::default(),
            bounds: Mutex::new(bounds),
            gone: AtomicBool::new(false),
        }
    }

    pub(crate) fn set_bounds(&self, bounds: BufferBounds) {
        *lock(&self.bounds) = bounds;
    }

    pub(crate) fn set_notify(&self, notify: Notify) {
        *lock(&self.notify) = Some(notify);
    }

    pub(crate) fn pop(&self) -> Option<Arc<Cell>> {
        let cell = lock(&self.list).pop_front()?;
        cell.dirty.store(false, Ordering::Release);
        Some(cell)
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.list).len()
    }

    /// The shard goes. Sockets may stay: they and the list must not hold each other.
    pub(crate) fn retire(&self) {
        self.gone.store(true, Ordering::Release);
        drop(std::mem::take(&mut *lock(&self.list)));
        *lock(&self.notify) = None;
    }

    fn push(&self, cell: Arc<Cell>) {
        let first = {
            let mut list = lock(&self.list);
            if self.gone.load(Ordering::Acquire) {
                return;
            }
            list.push_back(cell);
            list.len() == 1
        };
        if first {
            let notify = lock(&self.notify).clone();
            if let Some(notify) = notify {
                notify();
            }
        }
    }
}

/// A poisoned lock means a panic in a caller's waker or allocator, never a half-done change of ours: go on.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One socket.
pub(crate) struct Cell {
    /// The list of the shard where the socket lives.
    shared: Mutex<Arc<Dirty>>,
    dirty: AtomicBool,
    inner: Mutex<Inner>,
}

impl Cell {
    pub(crate) fn new(shared: Arc<Dirty>, inner: Inner) -> Arc<Cell> {
        Arc::new(Cell { shared: Mutex::new(shared), dirty: AtomicBool::new(false), inner: Mutex::new(inner) })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// Puts the cell on the shard's list, once.
    pub(crate) fn mark(self: &Arc<Cell>) {
        if !self.dirty.swap(true, Ordering::AcqRel) {
            let shared = lock(&self.shared).clone();
            shared.push(self.clone());
        }
    }

    /// What the knobs of its shard allow.
    pub(crate) fn bounds(&self) -> BufferBounds {
        let shared = lock(&self.shared).clone();
        *lock(&shared.bounds)
    }

    /// True when the socket lives on the shard with this list.
    pub(crate) fn is_of(&self, shared: &Arc<Dirty>) -> bool {
        Arc::ptr_eq(&lock(&self.shared), shared)
    }

    /// The socket lives on the shard with this list from now on.
    pub(crate) fn move_to(&self, shared: &Arc<Dirty>) {
        *lock(&self.shared) = shared.clone();
    }

    /// Changes the cell under its lock, then wakes whom the change concerns.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut Inner, &mut Wakes) -> R) -> R {
        let mut wakes = Wakes::default();
        let (result, woken) = {
            let mut inner = self.lock();
            let result = change(&mut inner, &mut wakes);
            (result, wakes.take(&mut inner))
        };
        woken.into_iter().flatten().for_each(Waker::wake);
        result
    }
}

/// Which waiting tasks a change concerns.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wakes {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) control: bool,
}

impl Wakes {
    pub(crate) fn all(&mut self) {
        *self = Wakes { read: true, write: true, control: true };
    }

    fn take(self, inner: &mut Inner) -> [Vec<Waker>; 3] {
        let mut pick = |yes: bool, list: fn(&mut Inner) -> &mut Vec<Waker>| {
            if yes { std::mem::take(list(inner)) } else { Vec::new() }
        };
        [
            pick(self.read, |i| &mut i.readers),
            pick(self.write, |i| &mut i.writers),
            pick(self.control, |i| &mut i.controllers),
        ]
    }
}

/// What the socket is, as far as calls on it must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Made, perhaps bound.
    Fresh,
    /// listen() was called.
    Listening,
    /// connect() was called and has no answer yet.
    Connecting,
    /// Connected once; the flow may be gone since.
    Connected,
}

/// What the shard said to a request, as far as it was asked. A request is awaited from the call on until its answer, also
/// while the shard works on it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer<T> {
    /// Nobody asked.
    Unasked,
    /// The request waits, or is worked on.
    Awaited,
    /// The answer.
    Given(Result<T, SocketError>),
}

/// Calls that wait for the shard.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    pub(crate) bind: Option<SocketAddr>,
    pub(crate) listen: Option<u32>,
    pub(crate) connect: Option<SocketAddr>,
    pub(crate) options: bool,
    pub(crate) push: bool,
    pub(crate) end_write: bool,
    pub(crate) shutdown_read: bool,
    pub(crate) shutdown_write: bool,
    /// shutdown() before the peer answered.
    pub(crate) give_up: bool,
    pub(crate) close: bool,
    pub(crate) abort: bool,
}

/// Octets of a write, or of a part of one.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) octets: Bytes,
    /// Its end: the peer may be asked to hurry.
    pub(crate) ends: bool,
}

/// An established connection that waits for accept().
pub(crate) struct Accepted {
    pub(crate) cell: Arc<Cell>,
    pub(crate) peer: SocketAddr,
}

/// Everything under the lock.
pub(crate) struct Inner {
    pub(crate) v6: bool,
    pub(crate) phase: Phase,
    pub(crate) requests: Requests,
    pub(crate) options: SocketOptions,
    /// Answer to bind().
    pub(crate) bound: Answer<SocketAddr>,
    /// Answer to listen().
    pub(crate) listening: Answer<()>,
    /// Answer to connect(), until asked for.
    pub(crate) connected: Option<Result<(), SocketError>>,
    /// A write waits for connect() to end.
    pub(crate) write_waits: bool,
    /// SO_ERROR.
    pub(crate) error: Option<SocketError>,
    /// The ICMP error that ended connect().
    pub(crate) icmp_error: Option<IcmpError>,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) state: State,
    /// In-order octets that nobody has read.
    pub(crate) received: VecDeque<Bytes>,
    pub(crate) received_len: usize,
    /// The window is nearly closed, or memory is short: a reader must not wait for its low-water mark.
    pub(crate) pressed: bool,
    /// The urgent octet that the reader has not passed.
    pub(crate) urgent: Option<Mark>,
    /// The peer announced an urgent octet that did not arrive yet.
    pub(crate) urgent_announced: bool,
    /// Octets read since the shard looked last.
    pub(crate) consumed: usize,
    /// No more octets will come (FIN, or the end of the flow).
    pub(crate) end_of_stream: bool,
    /// The peer's FIN came: reading ends without an error whatever comes later.
    pub(crate) peer_finished: bool,
    /// The application was told that nothing more comes.
    pub(crate) end_was_read: bool,
    pub(crate) read_shutdown: bool,
    pub(crate) write_shutdown: bool,
    /// What MSG_FASTOPEN wants the SYN to carry.
    pub(crate) with_syn: Option<Bytes>,
    /// Answer to MSG_FASTOPEN: octets that the SYN carries.
    pub(crate) sent_with_syn: Answer<usize>,
    /// connect() was answered though the SYN waits for the first write, of so many octets at most (TCP_FASTOPEN_CONNECT);
    /// zero: it has been written.
    pub(crate) syn_room: Option<usize>,
    /// Octets that the shard has not taken yet.
    pub(crate) sending: VecDeque<Written>,
    pub(crate) sending_len: usize,
    /// Octets of `sending` up to the end of the urgent one, which ends a chunk.
    pub(crate) sending_urgent: Option<usize>,
    /// Octets that the shard has taken and the peer has not acknowledged.
    pub(crate) in_flight: usize,
    /// A writer found no room, or not enough (Linux's SOCK_NOSPACE).
    pub(crate) writer_waits: bool,
    /// A write was taken in part, and nobody said yet that it ends there.
    pub(crate) write_goes_on: bool,
    /// How often a writer that waited was told of room: an edge for who watches.
    pub(crate) room_made: u64,
    /// What bounds `sending_len + in_flight`.
    pub(crate) send_space: SendSpace,
    /// Memory that the connection receives into, and its segment size, once there is one.
    pub(crate) receive_memory: Option<u32>,
    pub(crate) segment_max: Option<u16>,
    pub(crate) accept_queue: VecDeque<Accepted>,
    /// Connections of other shards that are on their way into the queue.
    pub(crate) accept_reserved: usize,
    /// accept() has returned it, or connect() made it.
    pub(crate) owned: bool,
    /// close() was called and the flow ended, or lingering ended.
    pub(crate) closed: bool,
    /// The shard's own: the flow behind the cell.
    pub(crate) flow: Option<FlowRef>,
    /// The shard's own: what TCP_INFO said when the flow ended.
    pub(crate) last_info: Option<Box<TcpInfo>>,
    /// The shard's own: the listener behind the cell.
    pub(crate) listener: Option<u16>,
    /// The shard's own: the hold on a port of a socket that neither listens nor is connected.
    pub(crate) claim: Option<Claim>,
    pub(crate) readers: Vec<Waker>,
    pub(crate) writers: Vec<Waker>,
    pub(crate) controllers: Vec<Waker>,
}

impl Inner {
    pub(crate) fn new(v6: bool) -> Inner {
        Inner {
            v6,
            phase: Phase::Fresh,
            requests: Requests::default(),
            options: SocketOptions::default(),
            bound: Answer::Unasked,
            listening: Answer::Unasked,
            connected: None,
            write_waits: false,
            error: None,
            icmp_error: None,
            local: None,
            peer: None,
            state: State::Closed,
            received: VecDeque::new(),
            received_len: 0,
            pressed: false,
            urgent: None,
            urgent_announced: false,
            consumed: 0,
            end_of_stream: false,
            peer_finished: false,
            end_was_read: false,
            read_shutdown: false,
            write_shutdown: false,
            with_syn: None,
            sent_with_syn: Answer::Unasked,
            syn_room: None,
            sending: VecDeque::new(),
            sending_len: 0,
            sending_urgent: None,
            in_flight: 0,
            writer_waits: false,
            write_goes_on: false,
            room_made: 0,
            send_space: SendSpace::default(),
            receive_memory: None,
            segment_max: None,
            accept_queue: VecDeque::new(),
            accept_reserved: 0,
            owned: true,
            closed: false,
            flow: None,
            last_info: None,
            listener: None,
            claim: None,
            readers: Vec::new(),
            writers: Vec::new(),
            controllers: Vec::new(),
        }
    }

    pub(crate) fn wait_read(&mut self, waker: &Waker) {
        register(&mut self.readers, waker);
    }

    pub(crate) fn wait_write(&mut self, waker: &Waker) {
        register(&mut self.writers, waker);
    }

    pub(crate) fn wait_control(&mut self, waker: &Waker) {
        register(&mut self.controllers, waker);
    }

    /// Takes SO_ERROR. That the network is down is told to everyone who asks.
    pub(crate) fn take_error(&mut self) -> Option<SocketError> {
        if self.error == Some(SocketError::NetworkDown) {
            return self.error;
        }
        let error = self.error.take();
        // It is told once: not by connect() as well.
        if error.is_some() && self.connected == error.map(Err) {
            self.connected = None;
        }
        error
    }

    /// What the shard must hear of a writer that finds no room: that it waits, and that its write ends there; each once.
    pub(super) fn known_of_writer(&self) -> (bool, bool) {
        (self.writer_waits, self.write_goes_on)
    }

    /// True when a reader need not wait for more octets: the low-water mark is reached, or will not be.
    pub(crate) fn has_enough_to_read(&self) -> bool {
        let ended = self.end_of_stream
            || self.read_shutdown
            || self.error.is_some()
            || self.pressed
            || self.urgent.is_some();
        let least = if ended { 1 } else { self.options.rcvlowat.unwrap_or(1).max(1) };
        self.received_len >= least as usize
    }
}

fn register(list: &mut Vec<Waker>, waker: &Waker) {
    if !list.iter().any(|known| known.will_wake(waker)) {
        list.push(waker.clone());
    }
}
