//! lastack: TCP's whole connection life cycle in user space, with Linux's semantics and Linux's knobs.
//!
//! This library is a thin front: it re-exports what a user needs and holds no logic. Sockets for tokio are in [`net`], the
//! sans-IO engine is [`Stack`], the places packets come from are in [`device`], what can be seen of a stack is in [`observe`].
//! The program of the same name is behind the default feature `cli`; without it (`default-features = false`) only the
//! library is built.

pub use lastack_device as device;
pub use lastack_net as net;
pub use lastack_observe as observe;
pub use lastack_stack as stack;
pub use lastack_stack::Stack;
pub use lastack_tcp::Knobs;
pub use lastack_wire as wire;

/// The README's example must compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
