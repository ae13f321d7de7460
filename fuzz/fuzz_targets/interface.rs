//! The C interface under calls, packets and clock steps in any order, with bad descriptors, bad arguments and buffers of just
//! the length that is said. Nothing panics, nothing is written beyond a buffer, nobody waits for ever.
#![no_main]

#[path = "interface/acts.rs"]
mod acts;
mod bent;
#[path = "interface/calls.rs"]
mod calls;
#[path = "interface/library.rs"]
mod library;
mod peer;
#[path = "interface/play.rs"]
mod play;

use acts::Act;
use libfuzzer_sys::fuzz_target;
use play::Play;

/// More acts only make an input slow, not deep.
const ACTS_MAX: usize = 192;

fuzz_target!(|input: (u8, Vec<Act>)| {
    let (mode, acts) = input;
    let mut play = Play::begin(mode);
    for act in acts.into_iter().take(ACTS_MAX) {
        play.act(act);
    }
    play.end();
});
