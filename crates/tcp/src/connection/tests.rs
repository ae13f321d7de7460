//! One connection against a scripted peer, as TIMELINES was measured, and two connections against each other.

mod arrivals;
mod buffers;
mod bursts;
mod chaos;
mod closing;
mod compressed;
mod counts;
mod ecn;
mod fast_open;
mod lab;
mod memory;
mod options;
mod pair;
mod scarce;
mod streams;
mod timers;
