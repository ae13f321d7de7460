//! Waiting for a device inside a task: tokio's epoll for a descriptor, the device's own wakers otherwise.

#[cfg(test)]
mod tests;

use lastack_device::{Device, Error, Readiness, Sent};
use lastack_wire::{Frame, Packet};
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};
use tokio::io::unix::AsyncFd;

/// What the driver waits on.
#[derive(Debug)]
pub(crate) enum Watch {
    /// A duplicate of the device's descriptor: it is watched as long as it is open, whatever the device does.
    Descriptor(AsyncFd<OwnedFd>),
    Wakers,
}

// tokio's successor of `new` is an unsafe function, because of types that lie about their descriptor. An OwnedFd does not:
// it is open and the same until it is dropped, so the old constructor does here what the new one demands.
#[allow(deprecated)]
fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(fd)
}

/// Whether the descriptor reports an error alone, as TUN does once its interface is deleted: epoll's EPOLLERR without
/// EPOLLIN, which tokio counts as the end of the writing side. When not, the task is woken once it does.
fn broken(fd: &AsyncFd<OwnedFd>, cx: &mut Context<'_>) -> bool {
    while let Poll::Ready(Ok(mut ready)) = fd.poll_write_ready(cx) {
        if ready.ready().is_write_closed() {
            return true;
        }
        // Room to write is no news here. A send that finds the device full asks again after it has failed.
        ready.clear_ready();
    }
    false
}

impl Watch {
    /// Watches `device`; to be called inside a tokio runtime with I/O enabled.
    pub(crate) fn new(device: &impl Device) -> io::Result<Watch> {
        Ok(match device.readiness() {
            Readiness::Descriptor(fd) => Watch::Descriptor(watch(fd.try_clone_to_owned()?)?),
            Readiness::Wakers(_) => Watch::Wakers,
        })
    }

    /// Receives; `None` when nothing more can be there, and then the task is woken once it can. `eager` tries even while
    /// the descriptor is not known to be readable: the runtime asks epoll between polls of its tasks only, and answers to
    /// what this task has just sent are there before that.
    pub(crate) fn receive<D: Device>(
        &self,
        device: &mut D,
        cx: &mut Context<'_>,
        frames_max: usize,
        eager: bool,
        sink: &mut dyn FnMut(Frame),
    ) -> Result<Option<usize>, Error> {
        match self {
            Watch::Descriptor(fd) => {
                let ready = match fd.poll_read_ready(cx) {
                    Poll::Ready(ready) => ready,
                    // When the descriptor is broken the receive says why.
                    Poll::Pending if broken(fd, cx) || eager => {
                        let received = device.receive(frames_max, sink)?;
                        return Ok((received.frames > 0).then_some(received.frames));
                    }
                    Poll::Pending => return Ok(None),
                };
                let received = device.receive(frames_max, sink)?;
                if received.drained
                    && let Ok(mut ready) = ready
                {
                    // The guard is older than the receive: an event that came since is not lost.
                    ready.clear_ready();
                    if received.frames == 0 && fd.poll_read_ready(cx).is_pending() && !broken(fd, cx) {
                        return Ok(None);
                    }
                }
                Ok(Some(received.frames))
            }
            Watch::Wakers => {
                if let Readiness::Wakers(wakers) = device.readiness() {
                    wakers.readable.register(cx.waker());
                }
                let received = device.receive(frames_max, sink)?;
                Ok((received.frames > 0).then_some(received.frames))
            }
        }
    }

    /// Sends. After `Full` the task is woken once there is room.
    pub(crate) fn send<D: Device>(
        &self,
        device: &mut D,
        cx: &mut Context<'_>,
        packet: &Packet,
    ) -> Result<Sent, Error> {
        if device.send(packet)? == Sent::Done {
            return Ok(Sent::Done);
        }
        match self {
            Watch::Descriptor(fd) => {
                while let Poll::Ready(Ok(mut ready)) = fd.poll_write_ready(cx) {
                    if device.send(packet)? == Sent::Done {
                        return Ok(Sent::Done);
                    }
                    if ready.ready().is_write_closed() {
                        break;
                    }
                    ready.clear_ready();
                }
                Ok(Sent::Full)
            }
            Watch::Wakers => {
                if let Readiness::Wakers(wakers) = device.readiness() {
                    wakers.writable.register(cx.waker());
                }
                device.send(packet)
            }
        }
    }
}
