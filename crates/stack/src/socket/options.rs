//! Socket options whose numbers Linux changes before it keeps them, and the options as a whole.
//!
//! What the numbers become is decided in `tcp` ([`BufferBounds`](lastack_tcp::knobs::BufferBounds)).

use super::cell::Phase;
use super::{Socket, SocketError};
use lastack_tcp::knobs::SocketOptions;

/// TCP_MAXSEG of a socket that has no connection and was given none (RFC 9293 section 3.7.1).
const SEGMENT_DEFAULT: u16 = 536;

impl Socket {
    /// The options as last set.
    pub fn options(&self) -> SocketOptions {
        self.cell.lock().options.clone()
    }

    /// Changes options. A listener hands them to the connections it accepts.
    pub fn set_options(&self, change: impl FnOnce(&mut SocketOptions)) {
        self.cell.update(|inner, wakes| {
            change(&mut inner.options);
            inner.requests.options = true;
            // Who waits for a low-water mark looks again.
            wakes.read = true;
        });
        self.cell.mark();
    }

    /// TCP_NODELAY was set, be it again: what is queued goes out now, even from behind a cork.
    pub fn push(&self) {
        self.cell.lock().requests.push = true;
        self.cell.mark();
    }

    /// SO_RCVBUF: `octets` are doubled and bounded (`rmem_max`), as Linux does.
    pub fn set_receive_buffer(&self, octets: u32) {
        let bounds = self.cell.bounds();
        self.set_options(|options| options.rcvbuf = Some(bounds.rcvbuf(octets)));
    }

    /// SO_RCVBUF as Linux tells it: doubled when it was set; else what the buffer has grown to.
    pub fn receive_buffer(&self) -> u32 {
        let bounds = self.cell.bounds();
        let inner = self.cell.lock();
        match inner.options.rcvbuf {
            Some(rcvbuf) => rcvbuf,
            None => inner.receive_memory.unwrap_or_else(|| bounds.receive_memory(&inner.options)),
        }
    }

    /// SO_SNDBUF: `octets` are doubled and bounded (`wmem_max`), as Linux does.
    pub fn set_send_buffer(&self, octets: u32) {
        let bounds = self.cell.bounds();
        self.set_options(|options| options.sndbuf = Some(bounds.sndbuf(octets)));
    }

    /// SO_SNDBUF as Linux tells it: doubled when it was set; else what the buffer has grown to.
    pub fn send_buffer(&self) -> u32 {
        let bounds = self.cell.bounds();
        let inner = self.cell.lock();
        let grown = u32::try_from(inner.send_space.memory).unwrap_or(u32::MAX);
        inner.options.sndbuf.unwrap_or_else(|| bounds.send_memory(&inner.options).max(grown))
    }

    /// SO_RCVLOWAT: a reader waits until so many octets are there. What `try_read` finds it takes all the same.
    pub fn set_receive_low_water(&self, octets: u32) {
        let bounds = self.cell.bounds();
        self.set_options(|options| options.rcvlowat = Some(bounds.rcvlowat(octets, options)));
    }

    /// SO_RCVLOWAT.
    pub fn receive_low_water(&self) -> u32 {
        self.cell.lock().options.rcvlowat.unwrap_or(1)
    }

    /// TCP_WINDOW_CLAMP: no window beyond it is offered, 1152 octets at least; zero lifts it.
    ///
    /// # Errors
    /// `Invalid` for zero once the socket is connecting, connected or listening.
    pub fn set_window_clamp(&self, octets: u32) -> Result<(), SocketError> {
        if octets == 0 && self.cell.lock().phase != Phase::Fresh {
            return Err(SocketError::Invalid);
        }
        let clamp = self.cell.bounds().window_clamp(octets);
        self.set_options(|options| options.window_clamp = clamp);
        Ok(())
    }

    /// TCP_MAXSEG: the largest segment that either side sends, 88 to 32767 octets; zero lifts it. A connection keeps what
    /// its handshake agreed on.
    ///
    /// # Errors
    /// `Invalid` for another number.
    pub fn set_segment_max(&self, octets: u16) -> Result<(), SocketError> {
        let maxseg = self.cell.bounds().maxseg(octets).ok_or(SocketError::Invalid)?;
        self.set_options(|options| options.maxseg = maxseg);
        Ok(())
    }

    /// TCP_MAXSEG: the payload of a full segment of the connection, or what was set before there is one.
    pub fn segment_max(&self) -> u16 {
        let inner = self.cell.lock();
        inner.segment_max.or(inner.options.maxseg).unwrap_or(SEGMENT_DEFAULT)
    }
}
