//! Every random choice of a world comes from here, and so from its seed alone.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::time::Duration;

/// A seeded generator with the few questions that a world asks.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The same seed always answers the same.
    pub fn new(seed: u64) -> Dice {
        Dice(ChaCha8Rng::seed_from_u64(seed))
    }

    /// The generator itself, as the stack wants it.
    pub fn rng(&mut self) -> &mut dyn Rng {
        &mut self.0
    }

    /// A number from zero up to and without `bound`, which is not zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of a remainder does not matter for picking tests.
        self.0.next_u64() % bound.max(1)
    }

    /// A number of a range, both ends included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// True in so many cases of a thousand.
    pub fn chance(&mut self, permille: u32) -> bool {
        permille > 0 && self.below(1000) < u64::from(permille)
    }

    /// A time of a range of microseconds, both ends included.
    pub fn micros(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_micros(self.between(least, most))
    }

    /// A size with small ones more likely: evenly spread over the number of its bits, at most `most`.
    pub fn size(&mut self, most: u64) -> u64 {
        let bits = self.below(u64::from(u64::BITS - most.leading_zeros()) + 1) as u32;
        let mask = 1u64.checked_shl(bits).map_or(u64::MAX, |bit| bit - 1);
        (self.0.next_u64() & mask).min(most)
    }

    /// One of several.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}
