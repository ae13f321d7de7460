//! getsockopt(), close() and sendfile() for who preloads this library: the tool calls them past the interface.
//!
//! They answer for descriptors of ours and pass all others on to libc. Which those are is the one thing that outlives a
//! call: a table from descriptor to the library's instance. Its lock is never held over a call.

use crate::abi::{hand_over, int};
use crate::descriptors::close_real;
use crate::memory::{Place, Span};
use crate::world::World;
use libc::{c_char, c_int, c_void, off_t, size_t, socklen_t, ssize_t};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

static OURS: Mutex<BTreeMap<c_int, Weak<World>>> = Mutex::new(BTreeMap::new());

/// From now on this descriptor is ours.
pub(crate) fn remember(fd: c_int, world: &Arc<World>) {
    OURS.lock().unwrap_or_else(PoisonError::into_inner).insert(fd, Arc::downgrade(world));
}

/// It is closed.
pub(crate) fn forget(fd: c_int) {
    OURS.lock().unwrap_or_else(PoisonError::into_inner).remove(&fd);
}

fn owner(fd: c_int) -> Option<Arc<World>> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner).get(&fd)?.upgrade()
}

/// The function of this name in the libraries behind this one.
pub(crate) fn next(name: *const c_char) -> Option<*mut c_void> {
    // SAFETY: the names given are C strings that live for ever; dlsym() has no other demands.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name) };
    (!found.is_null()).then_some(found)
}

/// getsockopt(2).
///
/// # Safety
/// As the system call: `value` has `*len` octets of room, and `len` points to a length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    if let Some(world) = owner(fd) {
        let (to, len) = (Span::new(value.cast::<u8>(), 0), Place::new(len));
        return int(hand_over(|| world.call(|core| crate::options::get(core, fd, level, name, to, len))));
    }
    type Real = unsafe extern "C" fn(c_int, c_int, c_int, *mut c_void, *mut socklen_t) -> c_int;
    match next(c"getsockopt".as_ptr()) {
        // SAFETY: libc's getsockopt() has this type, and the caller's promises are handed on as they are.
        Some(real) => unsafe { std::mem::transmute::<*mut c_void, Real>(real)(fd, level, name, value, len) },
        // SAFETY: the system call itself, with the caller's promises.
        None => unsafe { libc::syscall(libc::SYS_getsockopt, fd, level, name, value, len) as c_int },
    }
}

/// close(2).
///
/// # Safety
/// As the system call: the descriptor is the caller's to close.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn close(fd: c_int) -> c_int {
    match owner(fd) {
        Some(world) => int(hand_over(|| crate::calls::close(&world, fd))),
        None => int(close_real(fd)),
    }
}

/// The close() behind ours: libc's, or that of another library which was preloaded as well.
pub(crate) fn close_next(fd: c_int) -> c_int {
    type Real = unsafe extern "C" fn(c_int) -> c_int;
    match next(c"close".as_ptr()) {
        // SAFETY: close() has this type, takes a number, and the callers own the descriptor.
        Some(real) => unsafe { std::mem::transmute::<*mut c_void, Real>(real)(fd) },
        // SAFETY: the system call itself.
        None => unsafe { libc::syscall(libc::SYS_close, fd) as c_int },
    }
}

/// sendfile(2).
///
/// # Safety
/// As the system call: `offset` is null or points to an offset.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendfile(to: c_int, from: c_int, offset: *mut off_t, count: size_t) -> ssize_t {
    if let Some(world) = owner(to) {
        let place = Place::new(offset);
        return hand_over(|| crate::calls::pipes::send_file(&world, to, from, place, count)) as ssize_t;
    }
    type Real = unsafe extern "C" fn(c_int, c_int, *mut off_t, size_t) -> ssize_t;
    match next(c"sendfile".as_ptr()) {
        // SAFETY: libc's sendfile() has this type, and the caller's promises are handed on as they are.
        Some(real) => unsafe { std::mem::transmute::<*mut c_void, Real>(real)(to, from, offset, count) },
        // SAFETY: the system call itself, with the caller's promises.
        None => unsafe { libc::syscall(libc::SYS_sendfile, to, from, offset, count) as ssize_t },
    }
}

/// sendfile(2) by the name that it has where offsets are always long.
///
/// # Safety
/// As [`sendfile`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendfile64(to: c_int, from: c_int, offset: *mut off_t, count: size_t) -> ssize_t {
    // SAFETY: the caller's promises are handed on as they are; on 64 bits both are the same function.
    unsafe { sendfile(to, from, offset, count) }
}
