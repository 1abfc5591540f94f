//! Numbers that look like chance and follow from one, so that a run can be told again.

use std::time::Duration;

use anyhow::{Context, Result};

/// Numbers that look like chance (xorshift; G. Marsaglia, Xorshift RNGs, 2003).
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// Those that follow from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        // A state of zero would stay so.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % sides.max(1)
    }

    /// One of several.
    ///
    /// # Errors
    /// When there are none.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> Result<T> {
        choices.get(self.roll(choices.len())).copied().context("nothing to choose from")
    }

    /// Between half of a time and one and a half.
    pub fn about(&mut self, time: Duration) -> Duration {
        time / 2 + time / 100 * u32::try_from(self.roll(100)).unwrap_or(0)
    }
}
