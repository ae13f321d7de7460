//! Sequence numbers: 32-bit, compared modulo 2^32 (RFC 9293 section 3.4).

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A TCP sequence number. Comparison is circular, so there is no `Ord`: `a.lt(b)` means "a is before b on the
/// half of the circle that ends at b".
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Seq(pub u32);

impl Seq {
    /// True when `self` comes before `other`.
    pub const fn lt(self, other: Seq) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// True when `self` comes before `other` or is equal to it.
    pub const fn le(self, other: Seq) -> bool {
        (self.0.wrapping_sub(other.0) as i32) <= 0
    }

    /// True when `self` comes after `other`.
    pub const fn gt(self, other: Seq) -> bool {
        other.lt(self)
    }

    /// True when `self` comes after `other` or is equal to it.
    pub const fn ge(self, other: Seq) -> bool {
        other.le(self)
    }

    /// Octets from `self` forward to `later` (modulo 2^32).
    pub const fn distance_to(self, later: Seq) -> u32 {
        later.0.wrapping_sub(self.0)
    }

    /// Octets from `earlier` to `self`, negative when `self` comes first.
    pub const fn since(self, earlier: Seq) -> i32 {
        self.0.wrapping_sub(earlier.0) as i32
    }

    /// The later of two numbers.
    pub const fn max(self, other: Seq) -> Seq {
        if self.lt(other) { other } else { self }
    }

    /// The earlier of two numbers.
    pub const fn min(self, other: Seq) -> Seq {
        if self.lt(other) { self } else { other }
    }
}

impl Add<u32> for Seq {
    type Output = Seq;
    fn add(self, octets: u32) -> Seq {
        Seq(self.0.wrapping_add(octets))
    }
}

impl AddAssign<u32> for Seq {
    fn add_assign(&mut self, octets: u32) {
        *self = *self + octets;
    }
}

impl Sub<u32> for Seq {
    type Output = Seq;
    fn sub(self, octets: u32) -> Seq {
        Seq(self.0.wrapping_sub(octets))
    }
}

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests;
