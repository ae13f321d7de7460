//! Which stack `TcpListener::bind` and `TcpStream::connect` mean: a stack of handles per thread.
//!
//! Not a global: a thread that entered no stack has none, and says so.

use crate::Handle;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::marker::PhantomData;
use std::pin::pin;

thread_local! {
    static ENTERED: RefCell<Vec<Handle>> = const { RefCell::new(Vec::new()) };
}

/// No stack is entered on this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no lastack stack is entered on this thread: use Handle::enter or Handle::scope, or name the stack: bind_on, connect_on"
)]
pub struct NoStack;

impl From<NoStack> for io::Error {
    fn from(error: NoStack) -> io::Error {
        io::Error::other(error)
    }
}

/// Makes a stack the thread's current one until it is dropped. Guards are dropped in the reverse order of entering.
#[derive(Debug)]
#[must_use = "the stack is left when the guard is dropped"]
pub struct EnterGuard<'a> {
    depth: usize,
    // Not Send: the guard belongs to the thread that entered.
    handle: PhantomData<(&'a Handle, *const ())>,
}

impl Drop for EnterGuard<'_> {
    fn drop(&mut self) {
        ENTERED.with_borrow_mut(|entered| entered.truncate(self.depth));
    }
}

impl Handle {
    /// The stack that this thread entered last.
    ///
    /// # Errors
    /// [`NoStack`] when it entered none.
    pub fn try_current() -> Result<Handle, NoStack> {
        ENTERED.with_borrow(|entered| entered.last().cloned()).ok_or(NoStack)
    }

    /// Makes this stack the thread's current one. The guard cannot be held over an `.await` of a task that may change
    /// its thread: [`Handle::scope`] can.
    pub fn enter(&self) -> EnterGuard<'_> {
        let depth = ENTERED.with_borrow_mut(|entered| {
            entered.push(self.clone());
            entered.len() - 1
        });
        EnterGuard { depth, handle: PhantomData }
    }

    /// Runs a future with this stack as the current one, on whichever thread it is polled. Tasks that it spawns do not
    /// inherit it.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let _entered = self.enter();
            future.as_mut().poll(cx)
        })
        .await
    }
}
