//! tokio sockets over a lastack stack, and the task that drives it: a device and a clock become calls on
//! [`lastack_stack::Stack`].
//!
//! [`TcpListener`] and [`TcpStream`] have the signatures of tokio's. Which stack they belong to says a guard, as with
//! tokio's own runtime ([`Handle::enter`]), or an argument ([`TcpListener::bind_on`], [`TcpStream::connect_on`]).
//!
//! Not here: decisions about the protocol, all of which the engine takes.

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
