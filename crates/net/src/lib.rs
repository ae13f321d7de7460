//! tokio sockets over a lastack stack, and the task that drives it: a device and a clock become calls on
//! [`lastack_stack::Stack`].
//!
//! [`TcpListener`] and [`TcpStream`] have the signatures of tokio's. Which stack they belong to says a guard, as with
//! tokio's own runtime ([`Handle::enter`]), or an argument ([`TcpListener::bind_on`], [`TcpStream::connect_on`]).
//!
//! Not here: decisions about the protocol, all of which the engine takes.
//!
//! # As tokio's, and not
//!
//! One file of tests runs against `tokio::net` and against this crate (`tests/parity.rs`). What differs:
//!
//! - There is no file descriptor: no `AsFd`, `AsRawFd`, `from_std`, `into_std`, `from_std_stream`, nor `SockRef` over them. The
//!   options that one sets that way have methods here ([`TcpStream::set_tcp_keepalive`], [`TcpStream::set_user_timeout`], ...) or are
//!   reached by [`TcpStream::set_options`].
//! - A stack has one device: no `bind_device`.
//! - The stack answers `bind` and `listen` at the driver's next turn. [`TcpListener::bind`] waits for that;
//!   [`TcpSocket::bind`] cannot, so [`TcpSocket::bound`] or the next call tells of an address that is taken.
//! - [`TcpStream::async_io`] and `try_io` never report readiness that is not there.
//!
//! # Cancellation
//!
//! Every waiting call here may be dropped at any time, as in a losing branch of `select!`: it takes nothing before it is
//! ready. An abandoned `accept` leaves the connection in the queue, an abandoned `read`, `peek`, `read_bytes` or `readable`
//! leaves the octets, an abandoned `write` or `write_bytes` was not made, and what an abandoned
//! [`write_all_bytes`](TcpStream::write_all_bytes) has not handed over is still in the caller's chunk. An abandoned `connect` gives
//! the attempt up, an abandoned [`close`](TcpStream::close) only the waiting. Not so tokio's own `read_exact`, `read_to_end` and
//! `write_all`: their progress is in the future, as with any stream.
//!
//! # Ends
//!
//! [`Handle::shutdown`], the loss of the device and dropping the [`Driver`] end every waiting call with `NetworkDown`, and every
//! later one at once. A clock that jumps forward, as after a machine's sleep, ends what has waited too long with `TimedOut`
//! as soon as the timers fire.
//!
//! # Frameworks
//!
//! hyper and tokio-rustls take [`TcpStream`] as it is. `axum::serve` takes a [`TcpListener`] in a type of one's own with three
//! lines of `axum::serve::Listener`; `tests/axum.rs` shows them.

mod current;
mod driver;
mod handle;
mod listener;
mod options;
mod readiness;
mod socket;
mod stream;

pub use current::{EnterGuard, NoStack};
pub use driver::{Driver, Ended};
pub use handle::{Handle, Lost};
pub use listener::TcpListener;
pub use options::Keepalive;
pub use socket::TcpSocket;
pub use stream::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, TcpStream, WriteHalf};

pub use lastack_device as device;
pub use lastack_stack as stack;
