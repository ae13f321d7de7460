//! The opened libraries: `userdata` is a number and no pointer, so that a call after free() is an error and nothing worse.
//!
//! The tool frees the library while its second thread may still be on the way into a call.

use super::U;
use crate::core::Errno;
use crate::world::World;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Those that are open, by number, and the last number given.
static LIVE: Mutex<(BTreeMap<usize, Arc<World>>, usize)> = Mutex::new((BTreeMap::new(), 0));

/// Opens one. Never null, and never the same again.
pub(super) fn enter(world: World) -> U {
    let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    live.1 += 1;
    let number = live.1;
    live.0.insert(number, Arc::new(world));
    std::ptr::without_provenance_mut(number)
}

/// The one behind `userdata`, kept alive for the call.
pub(super) fn world(userdata: U) -> Result<Arc<World>, Errno> {
    let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    live.0.get(&userdata.addr()).cloned().ok_or(libc::EBADF)
}

/// All that are open.
pub(crate) fn all() -> Vec<Arc<World>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner).0.values().cloned().collect()
}

/// It is closed.
pub(super) fn leave(userdata: U) -> Option<Arc<World>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner).0.remove(&userdata.addr())
}
