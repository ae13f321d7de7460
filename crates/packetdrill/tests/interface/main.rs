//! The library through its C interface: scenarios as the public tool would play them, and the scripts of tests/pkt.
#![allow(unsafe_code)]

mod ancillary;
mod around;
mod buffers;
mod errors;
mod fast_open;
mod info;
mod language;
mod library;
mod options;
mod pair;
#[path = "../../examples/scripts/player/mod.rs"]
mod player;
mod readiness;
mod scripts;
mod streams;
mod tool;
mod waiting;
