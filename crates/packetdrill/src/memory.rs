//! The caller's memory: pointers that came over the C interface, read and written in one place.
//!
//! Every function here trusts what C callers promise: a pointer is null, or good for the length that came with it until the
//! call returns. Nothing is kept beyond the call: an attempt that waits ends before its caller's call does.

use crate::core::Errno;
use libc::{c_int, iovec, socklen_t};

/// A stretch of the caller's memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    at: *mut u8,
    len: usize,
}

// SAFETY: a span is only used while the call that brought it is on (see the module), by whoever holds the world's lock; the
// calling thread sleeps meanwhile and does not touch the memory.
unsafe impl Send for Span {}

impl Span {
    pub(crate) fn new<T>(at: *const T, len: usize) -> Span {
        Span { at: at.cast_mut().cast(), len }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_null(&self) -> bool {
        self.at.is_null()
    }

    /// The same place with the length that the caller wrote beside it; EINVAL when that is negative.
    pub(crate) fn with_room(&self, len: Place<socklen_t>) -> Result<Span, Errno> {
        let room = usize::try_from(len.get()?.cast_signed()).map_err(|_| libc::EINVAL)?;
        Ok(Span { at: self.at, len: room })
    }

    /// A copy of what stands there; EFAULT for a null pointer with a length, or a length that no object has.
    pub(crate) fn read(&self) -> Result<Vec<u8>, Errno> {
        if self.len == 0 {
            return Ok(Vec::new());
        }
        if self.at.is_null() || isize::try_from(self.len).is_err() {
            return Err(libc::EFAULT);
        }
        // SAFETY: not null, and the caller promised `len` octets (see the module).
        Ok(unsafe { std::slice::from_raw_parts(self.at, self.len) }.to_vec())
    }

    /// Writes as much as there is room for, from an offset on.
    pub(crate) fn write(&self, offset: usize, octets: &[u8]) -> Result<(), Errno> {
        let count = octets.len().min(self.len.saturating_sub(offset));
        if count == 0 {
            return Ok(());
        }
        if self.at.is_null() {
            return Err(libc::EFAULT);
        }
        // SAFETY: not null, and `offset + count` is within the length that the caller promised (see the module); our own
        // octets cannot overlap with the caller's buffer.
        unsafe { std::ptr::copy_nonoverlapping(octets.as_ptr(), self.at.add(offset), count) };
        Ok(())
    }
}

/// A plain value behind a pointer of the caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<T>(*mut T);

// SAFETY: as for `Span`.
unsafe impl<T> Send for Place<T> {}

impl<T: Copy> Place<T> {
    pub(crate) fn new(at: *mut T) -> Place<T> {
        Place(at)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    pub(crate) fn get(&self) -> Result<T, Errno> {
        if self.0.is_null() {
            return Err(libc::EFAULT);
        }
        // SAFETY: not null, and the caller promised a value there (see the module); C does not promise its alignment.
        Ok(unsafe { self.0.read_unaligned() })
    }

    pub(crate) fn set(&self, value: T) -> Result<(), Errno> {
        if self.0.is_null() {
            return Err(libc::EFAULT);
        }
        // SAFETY: as in `get`.
        unsafe { self.0.write_unaligned(value) };
        Ok(())
    }

    /// The value `index` places behind the first.
    pub(crate) fn at(&self, index: usize) -> Place<T> {
        Place(self.0.wrapping_add(index))
    }
}

/// Several stretches that are filled and read one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Scatter(Vec<Span>);

impl From<Span> for Scatter {
    fn from(span: Span) -> Scatter {
        Scatter(vec![span])
    }
}

impl Scatter {
    /// Reads the vector itself; EINVAL for a length that is negative or beyond IOV_MAX, as Linux.
    pub(crate) fn new(vector: *const iovec, count: c_int) -> Result<Scatter, Errno> {
        let count = usize::try_from(count).ok().filter(|&count| count <= 1024).ok_or(libc::EINVAL)?;
        let place = Place::new(vector.cast_mut());
        let spans: Result<Vec<Span>, Errno> = (0..count)
            .map(|index| place.at(index).get())
            .map(|entry| entry.map(|entry| Span::new(entry.iov_base.cast::<u8>(), entry.iov_len)))
            .collect();
        let spans = spans?;
        if spans.iter().any(|span| isize::try_from(span.len()).is_err()) {
            return Err(libc::EINVAL);
        }
        Ok(Scatter(spans))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().fold(0, |sum, span| sum.saturating_add(span.len()))
    }

    pub(crate) fn read(&self) -> Result<Vec<u8>, Errno> {
        let mut all = Vec::new();
        for span in &self.0 {
            all.extend_from_slice(&span.read()?);
        }
        Ok(all)
    }

    /// The stretches that are not empty, so many together.
    pub(crate) fn pieces(&self, most: usize) -> Vec<Scatter> {
        let real: Vec<Span> = self.0.iter().filter(|span| span.len() > 0).copied().collect();
        real.chunks(most).map(|spans| Scatter(spans.to_vec())).collect()
    }

    /// True when so many octets from an offset on have a place.
    pub(crate) fn is_real(&self, offset: usize, count: usize) -> bool {
        let mut at = 0_usize;
        self.0.iter().all(|span| {
            let begin = at;
            at = at.saturating_add(span.len());
            !span.is_null() || at == begin || at <= offset || begin >= offset.saturating_add(count)
        })
    }

    pub(crate) fn write(&self, mut offset: usize, mut octets: &[u8]) -> Result<(), Errno> {
        for span in &self.0 {
            if offset >= span.len() {
                offset -= span.len();
                continue;
            }
            let count = octets.len().min(span.len() - offset);
            span.write(offset, &octets[..count])?;
            octets = &octets[count..];
            offset = 0;
        }
        Ok(())
    }
}

/// Writes a result of getsockopt() or accept() into the caller's buffer: as much as fits, and the length that it has
/// (`tell_whole`) or that was written.
pub(crate) fn give(value: &[u8], to: Span, len: Place<socklen_t>, tell_whole: bool) -> Result<(), Errno> {
    let count = value.len().min(to.len());
    to.write(0, &value[..count])?;
    len.set(if tell_whole { value.len() } else { count } as socklen_t)
}
