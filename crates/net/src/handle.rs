//! A handle on a running stack: makes its sockets and asks its driver. Cheap to clone, may be held by any thread.
//!
//! Questions wait in a bounded channel and are answered between two turns of the driver; a long list comes in pages, so
//! that no question holds up the traffic.

use lastack_observe::{Counters, Event, Instant, SocketRow};
use lastack_stack::{Census, Cursor, Family, Knobs, Socket, SocketError, Sockets, Stack};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use tokio::sync::{mpsc, oneshot};

/// Rows that [`Handle::rows`] takes per turn of the driver.
const ROWS_PER_TURN: usize = 256;

type Question = Box<dyn FnOnce(&mut Stack, Instant) + Send>;

pub(crate) enum Request {
    Ask(Question),
    Shutdown,
}

/// What a driver, its handles and its sockets share.
pub(crate) struct Shared {
    sockets: Sockets,
    requests: mpsc::Sender<Request>,
    device: String,
    /// Set before the driver ends every socket: who asks later reads it, who asked before is answered.
    pub(crate) down: AtomicBool,
    pub(crate) lost: LostCounts,
}

/// Packets that the device did not take for good.
#[derive(Debug, Default)]
pub(crate) struct LostCounts {
    pub(crate) link_down: AtomicU64,
    pub(crate) rejected: AtomicU64,
}

/// Packets that the stack sent and the device did not: TCP repairs it as a loss on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Lost {
    /// The interface was down.
    pub link_down: u64,
    /// The device refused the packet.
    pub rejected: u64,
}

impl Shared {
    pub(crate) fn new(sockets: Sockets, requests: mpsc::Sender<Request>, device: String) -> Shared {
        Shared { sockets, requests, device, down: AtomicBool::new(false), lost: LostCounts::default() }
    }

    /// The answer of a socket's poll, unless the stack has ended and nobody will ever answer.
    pub(crate) fn answered<T>(&self, answer: Poll<Result<T, SocketError>>) -> Poll<io::Result<T>> {
        match answer {
            Poll::Pending if self.down.load(Ordering::SeqCst) => {
                Poll::Ready(Err(SocketError::NetworkDown.into()))
            }
            answer => answer.map_err(io::Error::from),
        }
    }
}

/// A running stack.
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("device", &self.shared.device).field("down", &self.is_down()).finish()
    }
}

impl Handle {
    pub(crate) fn socket(&self, family: Family) -> Socket {
        self.shared.sockets.stream(family)
    }

    /// The name of the stack's device.
    pub fn device(&self) -> &str {
        &self.shared.device
    }

    /// Packets that the device did not send.
    pub fn lost(&self) -> Lost {
        let LostCounts { link_down, rejected } = &self.shared.lost;
        Lost { link_down: link_down.load(Ordering::Relaxed), rejected: rejected.load(Ordering::Relaxed) }
    }

    /// True once the driver has ended: by [`Handle::shutdown`], because the device is gone, or because its task was
    /// dropped.
    pub fn is_down(&self) -> bool {
        self.shared.down.load(Ordering::SeqCst)
    }

    /// Ends the stack: every socket's calls end with `NetworkDown`, and the driver's task finishes.
    pub async fn shutdown(&self) {
        // A driver that has ended already takes no request, and none is needed.
        let _ = self.shared.requests.send(Request::Shutdown).await;
    }

    /// The counters.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended; so all the questions below.
    pub async fn counters(&self) -> io::Result<Counters> {
        self.ask(|stack, _| stack.counters().clone()).await
    }

    /// How many flows are in each state.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended.
    pub async fn census(&self) -> io::Result<Census> {
        self.ask(|stack, _| stack.census()).await
    }

    /// The knobs in force.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended.
    pub async fn knobs(&self) -> io::Result<Knobs> {
        self.ask(|stack, _| stack.knobs().clone()).await
    }

    /// Changes knobs, all at once, between two turns of the driver. When `change` fails nothing changes.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended; the inner result is `change`'s own.
    pub async fn change_knobs<E: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Knobs) -> Result<(), E> + Send + 'static,
    ) -> io::Result<Result<(), E>> {
        self.ask(|stack, _| {
            let mut knobs = stack.knobs().clone();
            change(&mut knobs)?;
            stack.set_knobs(knobs);
            Ok(())
        })
        .await
    }

    /// One page of socket rows and where the next begins. Start with the default cursor.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended.
    pub async fn page(
        &self,
        cursor: Cursor,
        rows_max: usize,
    ) -> io::Result<(Vec<SocketRow>, Option<Cursor>)> {
        self.ask(move |stack, now| {
            let mut rows = Vec::new();
            let next = stack.snapshot(now, cursor, rows_max, &mut |row| rows.push(row));
            (rows, next)
        })
        .await
    }

    /// All socket rows, a page per turn of the driver: sockets that come or go meanwhile may or may not be among them.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended.
    pub async fn rows(&self) -> io::Result<Vec<SocketRow>> {
        let mut all = Vec::new();
        let mut cursor = Some(Cursor::default());
        while let Some(at) = cursor {
            let (rows, next) = self.page(at, ROWS_PER_TURN).await?;
            all.extend(rows);
            cursor = next;
        }
        Ok(all)
    }

    /// Keeps the last `events` events for a reader; zero keeps none.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended.
    pub async fn keep_events(&self, events: usize) -> io::Result<()> {
        self.ask(move |stack, _| stack.keep_events(events)).await
    }

    /// Takes the oldest events, at most `events_max`.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended.
    pub async fn take_events(&self, events_max: usize) -> io::Result<Vec<Event>> {
        self.ask(move |stack, _| std::iter::from_fn(|| stack.poll_event()).take(events_max).collect()).await
    }

    /// How many events gave way to later ones before anybody took them, since the start.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended.
    pub async fn events_lost(&self) -> io::Result<u64> {
        self.ask(|stack, _| stack.events_lost()).await
    }

    /// The stack's clock: what [`Event::at`] counts from.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended.
    pub async fn now(&self) -> io::Result<Instant> {
        self.ask(|_, now| now).await
    }

    async fn ask<R: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Stack, Instant) -> R + Send + 'static,
    ) -> io::Result<R> {
        let (sender, answer) = oneshot::channel();
        let ask = Request::Ask(Box::new(move |stack, now| {
            // Nobody waits any more when the asking future was dropped.
            let _ = sender.send(question(stack, now));
        }));
        let down = || io::Error::from(SocketError::NetworkDown);
        self.shared.requests.send(ask).await.map_err(|_| down())?;
        answer.await.map_err(|_| down())
    }
}
