//! Socket options of [`TcpSocket`](crate::TcpSocket) and [`TcpStream`](crate::TcpStream): tokio's names where tokio has the
//! option, Linux's bounds everywhere. [`set_options`](crate::TcpStream::set_options) reaches those without a method.
//!
//! An option acts at the driver's next turn; what is read back is what was set, as Linux keeps it.

use lastack_stack::Linger;
use std::io;
use std::time::Duration;

/// When an idle connection is probed. `None` leaves it to the stack's knobs (`tcp_keepalive_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Keepalive {
    /// TCP_KEEPIDLE: idleness before the first probe, 1 to 32767 s.
    pub time: Option<Duration>,
    /// TCP_KEEPINTVL: time between probes, 1 to 32767 s.
    pub interval: Option<Duration>,
    /// TCP_KEEPCNT: unanswered probes before the connection ends with `TimedOut`, 1 to 127.
    pub retries: Option<u8>,
}

impl Keepalive {
    /// Linux's bounds.
    pub(crate) fn check(&self) -> io::Result<()> {
        let seconds = |time: Option<Duration>| time.is_none_or(|time| (1..=32_767).contains(&time.as_secs()));
        let sound = seconds(self.time)
            && seconds(self.interval)
            && self.retries.is_none_or(|retries| (1..=127).contains(&retries));
        let refuse = "keepalive: times are 1 to 32767 s, probes 1 to 127";
        if sound { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, refuse)) }
    }
}

pub(crate) fn linger_of(time: Option<Duration>) -> Linger {
    match time {
        None => Linger::Off,
        Some(Duration::ZERO) => Linger::Reset,
        Some(time) => Linger::Wait(time),
    }
}

pub(crate) fn linger_time(linger: Linger) -> Option<Duration> {
    match linger {
        Linger::Off => None,
        Linger::Reset => Some(Duration::ZERO),
        Linger::Wait(time) => Some(time),
    }
}

/// IP_TTL's bounds.
pub(crate) fn ttl_of(ttl: u32) -> io::Result<u8> {
    let refuse = || io::Error::new(io::ErrorKind::InvalidInput, "a TTL is 1 to 255");
    u8::try_from(ttl).ok().filter(|&ttl| ttl > 0).ok_or_else(refuse)
}

/// The options that a socket has before and after it is connected. The type has a field `socket`.
macro_rules! socket_options {
    ($socket:ty) => {
        impl $socket {
            /// The options as last set.
            pub fn options(&self) -> SocketOptions {
                self.socket.options()
            }

            /// Changes any option, without bounds. The stack obeys what it can.
            pub fn set_options(&self, change: impl FnOnce(&mut SocketOptions)) {
                self.socket.set_options(change);
            }

            /// Takes SO_ERROR.
            ///
            /// # Errors
            /// None; the signature is tokio's, as in the options below.
            pub fn take_error(&self) -> io::Result<Option<io::Error>> {
                Ok(self.socket.take_error().map(io::Error::from))
            }

            /// TCP_NODELAY.
            ///
            /// # Errors
            /// None.
            pub fn nodelay(&self) -> io::Result<bool> {
                Ok(self.socket.options().nodelay)
            }

            /// TCP_NODELAY: small segments leave at once.
            ///
            /// # Errors
            /// None.
            pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
                self.socket.set_options(|options| options.nodelay = nodelay);
                Ok(())
            }

            /// SO_LINGER.
            ///
            /// # Errors
            /// None.
            pub fn linger(&self) -> io::Result<Option<Duration>> {
                Ok(crate::options::linger_time(self.socket.options().linger))
            }

            /// SO_LINGER: `None` closes in the background, zero resets on drop. Drop never waits; with any other time
            /// [`TcpStream::close`](crate::TcpStream::close) waits that long for the peer's acknowledgment.
            ///
            /// # Errors
            /// None.
            pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
                self.socket.set_options(|options| options.linger = crate::options::linger_of(linger));
                Ok(())
            }

            /// SO_LINGER with zero: drop resets.
            ///
            /// # Errors
            /// None.
            pub fn set_zero_linger(&self) -> io::Result<()> {
                self.set_linger(Some(Duration::ZERO))
            }

            /// SO_KEEPALIVE.
            ///
            /// # Errors
            /// None.
            pub fn keepalive(&self) -> io::Result<bool> {
                Ok(self.socket.options().keepalive)
            }

            /// SO_KEEPALIVE, with the times that were set or the stack's.
            ///
            /// # Errors
            /// None.
            pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
                self.socket.set_options(|options| options.keepalive = keepalive);
                Ok(())
            }

            /// SO_KEEPALIVE on, with these times.
            ///
            /// # Errors
            /// `InvalidInput` for a time or a number that Linux refuses.
            pub fn set_tcp_keepalive(&self, times: Keepalive) -> io::Result<()> {
                times.check()?;
                let seconds = |time: Duration| Duration::from_secs(time.as_secs());
                self.socket.set_options(|options| {
                    options.keepalive = true;
                    options.keepidle = times.time.map(seconds);
                    options.keepintvl = times.interval.map(seconds);
                    options.keepcnt = times.retries;
                });
                Ok(())
            }

            /// TCP_USER_TIMEOUT.
            ///
            /// # Errors
            /// None.
            pub fn user_timeout(&self) -> io::Result<Option<Duration>> {
                Ok(self.socket.options().user_timeout)
            }

            /// TCP_USER_TIMEOUT: how long octets may stay unacknowledged before the connection ends with `TimedOut`.
            ///
            /// # Errors
            /// None.
            pub fn set_user_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                let timeout = timeout.filter(|timeout| !timeout.is_zero());
                self.socket.set_options(|options| options.user_timeout = timeout);
                Ok(())
            }

            /// SO_SNDBUF as Linux tells it: twice what was set, or what the buffer has grown to.
            ///
            /// # Errors
            /// None.
            pub fn send_buffer_size(&self) -> io::Result<u32> {
                Ok(self.socket.send_buffer())
            }

            /// SO_SNDBUF: doubled, at most `wmem_max` doubled, at least 4608. The buffer grows by itself no more.
            ///
            /// # Errors
            /// None.
            pub fn set_send_buffer_size(&self, octets: u32) -> io::Result<()> {
                self.socket.set_send_buffer(octets);
                Ok(())
            }

            /// SO_RCVBUF as Linux tells it: twice what was set, or what the buffer has grown to.
            ///
            /// # Errors
            /// None.
            pub fn recv_buffer_size(&self) -> io::Result<u32> {
                Ok(self.socket.receive_buffer())
            }

            /// SO_RCVBUF: doubled, at most `rmem_max` doubled, at least 2304. Half of it is offered as window, and it
            /// grows by itself no more.
            ///
            /// # Errors
            /// None.
            pub fn set_recv_buffer_size(&self, octets: u32) -> io::Result<()> {
                self.socket.set_receive_buffer(octets);
                Ok(())
            }

            /// SO_RCVLOWAT.
            ///
            /// # Errors
            /// None.
            pub fn recv_low_water(&self) -> io::Result<u32> {
                Ok(self.socket.receive_low_water())
            }

            /// SO_RCVLOWAT: whoever waits to read waits until so many octets are there, or no more can come. The `try_`
            /// forms take what there is.
            ///
            /// # Errors
            /// None.
            pub fn set_recv_low_water(&self, octets: u32) -> io::Result<()> {
                self.socket.set_receive_low_water(octets);
                Ok(())
            }

            /// TCP_MAXSEG: payload of a full segment of the connection; what was set before there is one.
            ///
            /// # Errors
            /// None.
            pub fn max_segment(&self) -> io::Result<u16> {
                Ok(self.socket.segment_max())
            }

            /// TCP_MAXSEG for the handshake to come: 88 to 32767 octets, zero lifts it.
            ///
            /// # Errors
            /// `InvalidInput` for another number.
            pub fn set_max_segment(&self, octets: u16) -> io::Result<()> {
                Ok(self.socket.set_segment_max(octets)?)
            }

            /// TCP_WINDOW_CLAMP.
            ///
            /// # Errors
            /// None.
            pub fn window_clamp(&self) -> io::Result<Option<u32>> {
                Ok(self.socket.options().window_clamp)
            }

            /// TCP_WINDOW_CLAMP: no window beyond it is offered, 1152 octets at least; zero lifts it.
            ///
            /// # Errors
            /// `InvalidInput` for zero once the socket is connecting, connected or listening.
            pub fn set_window_clamp(&self, octets: u32) -> io::Result<()> {
                Ok(self.socket.set_window_clamp(octets)?)
            }

            /// TCP_QUICKACK as last set; a fresh connection acknowledges quickly.
            ///
            /// # Errors
            /// None.
            pub fn quickack(&self) -> io::Result<bool> {
                Ok(self.socket.options().quickack.unwrap_or(true))
            }

            /// TCP_QUICKACK: acknowledge at once, or wait for data to ride on.
            ///
            /// # Errors
            /// None.
            pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
                self.socket.set_options(|options| options.quickack = Some(quickack));
                Ok(())
            }

            /// IP_TTL, or the hop limit.
            ///
            /// # Errors
            /// None.
            pub fn ttl(&self) -> io::Result<u32> {
                Ok(self.socket.options().ttl.map_or(64, u32::from))
            }

            /// IP_TTL, or the hop limit: 1 to 255.
            ///
            /// # Errors
            /// `InvalidInput` for another number.
            pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
                let ttl = crate::options::ttl_of(ttl)?;
                self.socket.set_options(|options| options.ttl = Some(ttl));
                Ok(())
            }
        }
    };
}

pub(crate) use socket_options;
