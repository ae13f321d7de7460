//! A stack under segments, calls and time in any order. Nothing panics, nothing loops, every packet out is sound, and when
//! every application has gone, every flow goes too.
#![no_main]

mod bent;
mod peer;
mod step;
mod world;

use libfuzzer_sys::fuzz_target;
use step::Step;
use world::World;

/// More steps only make an input slow, not deep.
const STEPS_MAX: usize = 256;

fuzz_target!(|input: (u64, Vec<Step>)| {
    let (seed, steps) = input;
    let mut world = World::new(seed);
    for step in steps.into_iter().take(STEPS_MAX) {
        world.apply(step);
    }
    world.end();
});
