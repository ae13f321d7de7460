//! The task that owns a stack and its device. One turn: requests, frames in, sockets, timers, packets out; each with a
//! budget, so that no one starves another and the runtime's other tasks get their share.
//!
//! The stack is never shared: sockets and handles leave requests and ring a bell.

use crate::Handle;
use crate::handle::{LostCounts, Request, Shared};
use crate::readiness::Watch;
use atomic_waker::AtomicWaker;
use lastack_device::{Device, Error, Sent};
use lastack_observe::Instant;
use lastack_stack::{Capabilities, Config, Secrets, Stack};
use lastack_wire::Packet;
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tokio::time::Sleep;

/// Frames taken in one turn.
const FRAMES_PER_TURN: usize = 64;
/// Packets sent in one turn.
const PACKETS_PER_TURN: usize = 64;
/// Requests of handles answered in one turn.
const REQUESTS_PER_TURN: usize = 16;
/// Turns before the runtime's other tasks are let in.
const TURNS_PER_POLL: usize = 8;
/// Requests of handles that wait; a further one makes its caller wait.
const REQUESTS_MAX: usize = 64;

/// Why a driver ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The device ceased to exist. Every socket has ended with `NetworkDown`.
    #[error(transparent)]
    Device(#[from] Error),
}

/// Drives one stack over one device. A future: spawn it, or await it. Dropping it ends every socket.
#[must_use = "a stack only lives while its driver is polled"]
pub struct Driver<D: Device> {
    stack: Stack,
    shared: Arc<Shared>,
    requests: mpsc::Receiver<Request>,
    bell: Arc<AtomicWaker>,
    rng: Box<dyn Rng + Send>,
    clock: tokio::time::Instant,
    sleep: Pin<Box<Sleep>>,
    sleeps_until: Option<Instant>,
    unsent: VecDeque<Packet>,
    /// Packets went out since the last look for frames.
    expects_answers: bool,
    watch: Watch,
    device: D,
}

/// What a turn found.
enum Turn {
    Busy,
    Idle,
    Shutdown,
}

impl<D: Device + Unpin + 'static> Driver<D> {
    /// A stack over `device`, with randomness from the operating system. MTU and offloads are the device's, whatever
    /// `config` says. To be called inside a tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    /// When the runtime cannot watch the device.
    pub fn new(device: D, config: Config) -> io::Result<(Driver<D>, Handle)> {
        Driver::with_rng(device, config, Box::new(rand::make_rng::<StdRng>()))
    }

    /// [`Driver::new`] with the caller's generator.
    ///
    /// # Errors
    /// When the runtime cannot watch the device.
    pub fn with_rng(
        device: D,
        mut config: Config,
        mut rng: Box<dyn Rng + Send>,
    ) -> io::Result<(Driver<D>, Handle)> {
        let watch = Watch::new(&device)?;
        let capabilities = device.capabilities();
        config.mtu = device.mtu();
        config.device =
            Capabilities { tso: capabilities.tso, checksum_offload: capabilities.checksum_offload };
        let secrets = Secrets::from_rng(&mut *rng);
        let stack = Stack::new(config, secrets);
        let bell = Arc::new(AtomicWaker::new());
        let ring = bell.clone();
        stack.sockets().set_notify(Arc::new(move || ring.wake()));
        let (sender, requests) = mpsc::channel(REQUESTS_MAX);
        let shared = Arc::new(Shared::new(stack.sockets(), sender, device.name().to_owned()));
        let handle = Handle { shared: shared.clone() };
        let driver = Driver {
            stack,
            shared,
            requests,
            bell,
            rng,
            clock: tokio::time::Instant::now(),
            sleep: Box::pin(tokio::time::sleep_until(tokio::time::Instant::now())),
            sleeps_until: None,
            unsent: VecDeque::new(),
            expects_answers: false,
            watch,
            device,
        };
        Ok((driver, handle))
    }

    /// [`Driver::new`], spawned on the current runtime. The task's result says why the stack ended.
    ///
    /// # Errors
    /// When the runtime cannot watch the device.
    pub fn spawn(
        device: D,
        config: Config,
    ) -> io::Result<(Handle, tokio::task::JoinHandle<Result<(), Ended>>)> {
        let (driver, handle) = Driver::new(device, config)?;
        Ok((handle, tokio::spawn(driver)))
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Result<Turn, Error> {
        self.bell.register(cx.waker());
        let mut busy = match self.answer_requests(cx) {
            Turn::Shutdown => return Ok(Turn::Shutdown),
            turn => matches!(turn, Turn::Busy),
        };
        busy |= self.take_frames(cx)?;
        let now = self.now();
        busy |= self.stack.handle_sockets(now, &mut *self.rng);
        busy |= self.fire_timers(cx);
        busy |= self.send_packets(cx)?;
        // What was sent may have moved the next deadline.
        busy |= self.fire_timers(cx);
        Ok(if busy { Turn::Busy } else { Turn::Idle })
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.clock.elapsed()
    }

    fn answer_requests(&mut self, cx: &mut Context<'_>) -> Turn {
        for _ in 0..REQUESTS_PER_TURN {
            match self.requests.poll_recv(cx) {
                Poll::Ready(Some(Request::Ask(ask))) => {
                    let now = self.now();
                    ask(&mut self.stack, now);
                }
                Poll::Ready(Some(Request::Shutdown)) => return Turn::Shutdown,
                // The sender is in `shared`, which this driver holds: the channel is never closed.
                Poll::Ready(None) | Poll::Pending => return Turn::Idle,
            }
        }
        Turn::Busy
    }

    fn take_frames(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        let now = Instant::ZERO + self.clock.elapsed();
        let (stack, rng) = (&mut self.stack, &mut *self.rng);
        let mut sink = |frame| stack.handle_frame(now, rng, frame);
        let eager = std::mem::take(&mut self.expects_answers);
        let received = self.watch.receive(&mut self.device, cx, FRAMES_PER_TURN, eager, &mut sink)?;
        Ok(received.is_some())
    }

    /// Fires what is due and sleeps until the next deadline. True when something fired.
    fn fire_timers(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.stack.deadline() else {
            self.sleeps_until = None;
            return false;
        };
        let now = self.now();
        if deadline <= now {
            self.stack.handle_timeout(now, &mut *self.rng);
            return true;
        }
        if self.sleeps_until != Some(deadline) {
            self.sleep.as_mut().reset(self.clock + deadline.since(Instant::ZERO));
            self.sleeps_until = Some(deadline);
        }
        self.sleep.as_mut().poll(cx).is_ready()
    }

    /// Sends until the stack has nothing more, the budget is used or the device is full. True when there may be more at
    /// once.
    fn send_packets(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        while let Some(packet) = self.unsent.front() {
            if send_one(&self.watch, &mut self.device, &self.shared.lost, cx, packet)? == Sent::Full {
                return Ok(false);
            }
            self.unsent.pop_front();
        }
        let now = self.now();
        let Driver { stack, watch, device, unsent, shared, .. } = self;
        let mut outcome = Ok(Sent::Done);
        let polled = stack.poll_transmit(now, PACKETS_PER_TURN, &mut |packet| {
            // What the stack hands out after the device is full waits here: never more than the budget.
            if matches!(outcome, Ok(Sent::Done)) {
                outcome = send_one(watch, device, &shared.lost, cx, &packet);
            }
            if matches!(outcome, Ok(Sent::Full)) {
                unsent.push_back(packet);
            }
        });
        self.expects_answers |= polled > 0;
        Ok(outcome? == Sent::Done && (polled == PACKETS_PER_TURN || self.stack.holds_back()))
    }
}

/// Sends one packet. One that the device loses or refuses is counted and counts as sent: TCP repairs a loss.
fn send_one<D: Device>(
    watch: &Watch,
    device: &mut D,
    lost: &LostCounts,
    cx: &mut Context<'_>,
    packet: &Packet,
) -> Result<Sent, Error> {
    let count = match watch.send(device, cx, packet) {
        Err(Error::Down { .. }) => &lost.link_down,
        Err(error) if !error.is_gone() => &lost.rejected,
        outcome => return outcome,
    };
    count.fetch_add(1, Ordering::Relaxed);
    Ok(Sent::Done)
}

impl<D: Device> Driver<D> {
    /// Ends every socket. Sockets that are used afterwards find the flag.
    fn end(&mut self) {
        self.shared.down.store(true, Ordering::SeqCst);
        let now = Instant::ZERO + self.clock.elapsed();
        self.stack.device_lost(now);
        while self.stack.handle_sockets(now, &mut *self.rng) {}
    }
}

impl<D: Device + Unpin + 'static> Future for Driver<D> {
    type Output = Result<(), Ended>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let driver = self.get_mut();
        for _ in 0..TURNS_PER_POLL {
            match driver.turn(cx) {
                Ok(Turn::Busy) => {}
                Ok(Turn::Idle) => return Poll::Pending,
                Ok(Turn::Shutdown) => {
                    driver.end();
                    return Poll::Ready(Ok(()));
                }
                Err(error) => {
                    driver.end();
                    return Poll::Ready(Err(Ended::Device(error)));
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<D: Device> Drop for Driver<D> {
    fn drop(&mut self) {
        if !self.shared.down.load(Ordering::SeqCst) {
            self.end();
        }
    }
}
