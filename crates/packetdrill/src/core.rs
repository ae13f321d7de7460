//! The stack, its clock, its packets and its descriptors: everything under the one lock.
//!
//! Moves the stack and the waiting attempts until nothing happens any more. Not here: sleeping, which is `world`'s.

use crate::descriptors::{Descriptor, Open, is_file};
use crate::flags::Flags;
use crate::notices::Progress;
use crate::saved_syn::SavedSyns;
use crate::sysctl::Source;
use bytes::Bytes;
use lastack_stack::wire::Frame;
use lastack_stack::{Config, Instant, Secrets, SocketError, Sockets, Stack};
use libc::c_int;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::thread::ThreadId;
use std::time::Duration;

/// Linux's number of an error.
pub(crate) type Errno = c_int;
/// What a call answers.
pub(crate) type Answer = Result<i64, Errno>;
/// A call that may have to wait: asked again after each move of the stack; `None` is "not yet".
pub(crate) type Attempt = Box<dyn FnMut(&mut Core) -> Option<Answer> + Send>;

/// Where the virtual clock begins, on the stack's clock and on gettimeofday()'s.
const START: Instant = Instant::from_millis(1_000_000);
const START_WALL_USECS: u64 = 1_700_000_000_000_000;

/// The addresses that the tool gives the stack when its command line says nothing.
const DEFAULT_V4: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 1);
const DEFAULT_V6: Ipv6Addr = Ipv6Addr::new(0xfd3d, 0x0a0b, 0x17d6, 0, 0, 0, 0, 1);

struct Waiter {
    number: u64,
    attempt: Attempt,
    until: Option<Instant>,
    /// What it answers when the time is over.
    late: Answer,
    thread: ThreadId,
}

/// Everything under the lock.
pub(crate) struct Core {
    pub(crate) stack: Stack,
    pub(crate) sockets: Sockets,
    pub(crate) table: BTreeMap<c_int, Descriptor>,
    pub(crate) now: Instant,
    /// What the stack sent and nobody has received, with the time it left.
    pub(crate) sent: VecDeque<(Instant, Bytes)>,
    /// Threads that are between a call and the gettimeofday() after it: the virtual clock stands still for them.
    pub(crate) busy: Vec<ThreadId>,
    /// When the last of them read the clock, in real time.
    pub(crate) released: Option<std::time::Instant>,
    /// Answers of attempts that waited, by number.
    answers: BTreeMap<u64, Answer>,
    pub(crate) closed: bool,
    /// How often the thread that opened the library came in.
    pub(crate) visits: u64,
    /// The attempt that is asked now is asked for the last time: a part of what was wanted must do.
    pub(crate) late: bool,
    waiters: Vec<Waiter>,
    next_number: u64,
    rng: ChaCha8Rng,
    /// The real clock's beginning; `None`: the clock is virtual.
    started: Option<(std::time::Instant, u64)>,
    /// The families with an address of which the library knows.
    known: [bool; 2],
    /// What TCP_SAVE_SYN keeps until accept().
    pub(crate) syns: SavedSyns,
    source: Source,
}

impl Core {
    pub(crate) fn new(flags: &Flags) -> Core {
        let mut rng = ChaCha8Rng::seed_from_u64(flags.seed);
        let secrets = Secrets::from_rng(&mut rng);
        let mut config = Config::new(flags.local.clone());
        // Who embeds the library has a command line of its own, which may say nothing or something else.
        config.mtu = flags.mtu(std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()));
        let source = Source::new(flags);
        config.knobs = source.knobs();
        let known = [false, true].map(|v6| flags.local.iter().any(|(ip, _)| ip.is_ipv6() == v6));
        let stack = Stack::new(config, secrets);
        let wall = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Core {
            sockets: stack.sockets(),
            stack,
            table: BTreeMap::new(),
            now: START,
            sent: VecDeque::new(),
            busy: Vec::new(),
            released: None,
            answers: BTreeMap::new(),
            closed: false,
            visits: 0,
            late: false,
            waiters: Vec::new(),
            next_number: 0,
            rng,
            started: flags.real_clock.then(|| (std::time::Instant::now(), wall.as_micros() as u64)),
            known,
            syns: SavedSyns::default(),
            source,
        }
    }

    /// Knobs that were set since take effect.
    pub(crate) fn read_knobs(&mut self) {
        if self.source.can_change() {
            let knobs = self.source.knobs();
            if knobs != *self.stack.knobs() {
                self.stack.set_knobs(knobs);
            }
        }
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.started.is_none()
    }

    /// With the real clock: lets the time pass that has passed.
    pub(crate) fn catch_up(&mut self) {
        if let Some((started, _)) = self.started {
            let now = START + started.elapsed();
            while self.step_to(now) {
                self.settle();
            }
        }
        self.settle();
    }

    /// gettimeofday(), in microseconds.
    pub(crate) fn wall_usecs(&self, at: Instant) -> u64 {
        let base = self.started.map_or(START_WALL_USECS, |(_, wall)| wall);
        base + at.since(START).as_micros() as u64
    }

    /// The next moment at which something happens by itself.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let waiters = self.waiters.iter().filter_map(|waiter| waiter.until);
        waiters.chain(self.stack.deadline()).min()
    }

    /// Lets time pass to the next deadline but not beyond `limit`; false when `limit` came first.
    pub(crate) fn step_to(&mut self, limit: Instant) -> bool {
        match self.deadline() {
            Some(deadline) if deadline <= limit => {
                self.now = self.now.max(deadline);
                self.stack.handle_timeout(self.now, &mut self.rng);
                true
            }
            _ => {
                self.now = self.now.max(limit);
                false
            }
        }
    }

    /// Lets the stack come to rest: what applications asked for is answered, what may be sent is sent.
    pub(crate) fn turn(&mut self) {
        for _ in 0..10_000 {
            let dirty = self.sockets.is_dirty();
            let more = self.stack.handle_sockets(self.now, &mut self.rng);
            let (now, sent) = (self.now, &mut self.sent);
            let packets = self.stack.poll_transmit(now, 64, &mut |packet| {
                sent.push_back((now, packet.to_frame().data));
            });
            if !(dirty || more || packets > 0) {
                return;
            }
        }
    }

    /// Error queues learn how far the stack has come with what was written.
    fn notice(&mut self) {
        let (now, now_usecs) = (self.now, self.wall_usecs(self.now));
        let Core { stack, table, .. } = self;
        for descriptor in table.values_mut() {
            let Descriptor::Socket(open) = descriptor else { continue };
            if open.arrivals.is_wanted() {
                open.arrivals.came(open.taken + open.socket.unread() as u64, now_usecs);
            }
            if !open.notices.waits() {
                continue;
            }
            let (written, held) = (open.notices.written(), open.socket.unsent() as u64);
            let info = stack.connection_info(&open.socket, now);
            // A FIN that waits counts as an octet in both.
            let unsent = info.as_ref().map_or(0, |info| u64::from(info.notsent_bytes));
            let progress = Progress {
                sent: written.saturating_sub(unsent),
                acknowledged: written.saturating_sub(held),
                ended: info.is_none(),
                now_usecs,
            };
            open.notices.move_on(progress);
        }
    }

    /// The stack and all attempts that wait come to rest.
    pub(crate) fn settle(&mut self) {
        self.turn();
        self.notice();
        while self.ask_waiters() {
            self.turn();
        }
    }

    fn ask_waiters(&mut self) -> bool {
        let mut answered = false;
        for mut waiter in std::mem::take(&mut self.waiters) {
            let late = waiter.until.is_some_and(|until| until <= self.now);
            self.late = late;
            let answer = (waiter.attempt)(self).or_else(|| late.then_some(waiter.late));
            self.late = false;
            match answer {
                None => self.waiters.push(waiter),
                Some(answer) => {
                    answered = true;
                    self.answers.insert(waiter.number, answer);
                    self.set_busy(waiter.thread);
                }
            }
        }
        answered
    }

    /// Leaves an attempt to whoever moves the stack; the number finds its answer.
    pub(crate) fn wait(&mut self, attempt: Attempt, until: Option<Instant>, late: Answer) -> u64 {
        let thread = std::thread::current().id();
        self.busy.retain(|busy| *busy != thread);
        self.next_number += 1;
        self.waiters.push(Waiter { number: self.next_number, attempt, until, late, thread });
        self.next_number
    }

    /// The answer of an attempt that waited, once.
    pub(crate) fn take_answer(&mut self, number: u64) -> Option<Answer> {
        self.answers.remove(&number)
    }

    /// True when this attempt has its answer.
    pub(crate) fn is_answered(&self, number: u64) -> bool {
        self.answers.contains_key(&number)
    }

    /// Some attempt has an answer that its thread did not take yet.
    pub(crate) fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// The caller of this attempt waits no more: as if a signal came.
    pub(crate) fn give_up(&mut self, number: u64) -> Answer {
        self.waiters.retain(|waiter| waiter.number != number);
        Err(libc::EINTR)
    }

    /// The library is closed: nobody waits any more.
    pub(crate) fn dismiss_waiters(&mut self) {
        for waiter in std::mem::take(&mut self.waiters) {
            self.answers.insert(waiter.number, Err(libc::EINTR));
        }
    }

    pub(crate) fn set_busy(&mut self, thread: ThreadId) {
        if self.is_virtual() && !self.busy.contains(&thread) {
            self.busy.push(thread);
        }
    }

    /// A packet from the tool's network.
    pub(crate) fn deliver(&mut self, packet: Vec<u8>) {
        if let Some(address) = destination(&packet) {
            self.learn(address);
        }
        self.save_syn(&packet);
        self.stack.handle_frame(self.now, &mut self.rng, Frame::plain(packet));
        self.settle();
    }

    fn save_syn(&mut self, packet: &[u8]) {
        let Core { syns, table, .. } = self;
        let saves = |open: &Open| open.listening.is_some() && open.saves_syns();
        syns.keep(packet, |port| {
            let mut sockets = table.values().filter_map(Descriptor::socket);
            sockets
                .any(|open| saves(open) && open.socket.local_addr().is_some_and(|ours| ours.port() == port))
        });
    }

    /// An address that must be ours, as a packet came for it or a program bound it.
    pub(crate) fn learn(&mut self, address: IpAddr) {
        let address = address.to_canonical();
        let unicast = match address {
            IpAddr::V4(ip) => !ip.is_broadcast(),
            IpAddr::V6(_) => true,
        };
        if unicast && !address.is_unspecified() && !address.is_multicast() && !address.is_loopback() {
            self.known[usize::from(address.is_ipv6())] = true;
            self.stack.add_address(address, if address.is_ipv4() { 24 } else { 64 });
        }
    }

    /// True when an address of this family is known.
    pub(crate) fn knows(&self, v6: bool) -> bool {
        self.known[usize::from(v6)]
    }

    /// Before a connect() without bind(): we need an address, and the tool's default is the best guess.
    pub(crate) fn need_address(&mut self, v6: bool) {
        if !self.knows(v6) {
            self.learn(if v6 { DEFAULT_V6.into() } else { DEFAULT_V4.into() });
        }
    }

    /// Knows a file that the tool opened with libc: scripts read, write, splice and close such with calls of the interface.
    pub(crate) fn adopt(&mut self, fd: c_int) {
        if !self.table.contains_key(&fd) && is_file(fd) {
            self.table.insert(fd, Descriptor::Foreign);
        }
    }

    pub(crate) fn open(&mut self, fd: c_int) -> Result<&mut Open, Errno> {
        match self.table.get_mut(&fd) {
            Some(Descriptor::Socket(open)) => Ok(open),
            Some(_) => Err(libc::ENOTSOCK),
            None => Err(libc::EBADF),
        }
    }

    /// The moment a timeout of this many milliseconds ends; negative is never.
    pub(crate) fn timeout(&self, milliseconds: c_int) -> Option<Instant> {
        u64::try_from(milliseconds).ok().map(|ms| self.now + Duration::from_millis(ms))
    }
}

fn destination(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => Some(<[u8; 4]>::try_from(packet.get(16..20)?).ok()?.into()),
        6 => Some(<[u8; 16]>::try_from(packet.get(24..40)?).ok()?.into()),
        _ => None,
    }
}

/// Linux's number of what the stack answered.
pub(crate) fn errno(error: SocketError) -> Errno {
    error.errno()
}
