//! Intervals are shortened by up to a quarter, so that sessions do not fall into step (RFC 5880 §6.8.7).

use core::num::NonZeroU8;
use core::time::Duration;

/// A sequence of numbers from a seed (SplitMix64), of which one counts until the next is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Jitter {
    seed: u64,
    drawn: u64,
}

impl Jitter {
    pub(crate) const fn new(seed: u64) -> Self {
        let mut jitter = Self { seed, drawn: 0 };
        jitter.draw();
        jitter
    }

    /// Draws the number for the interval that begins. Within one it stays: of several drawn, the smallest would win.
    pub(crate) const fn draw(&mut self) {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.drawn = mixed ^ (mixed >> 31);
    }

    /// 75 % to 100 % of an interval; to 90 % where a single packet that is late ends the session.
    pub(crate) fn shorten(&self, interval: Duration, multiplier: NonZeroU8) -> Duration {
        let most = if multiplier == NonZeroU8::MIN { 900 } else { 1000 };
        let share = 750 + self.drawn % (most - 749);
        let nanoseconds = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(nanoseconds / 1000 * share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(multiplier: u8) -> (u128, u128) {
        let mut jitter = Jitter::new(7);
        let second = Duration::from_secs(1);
        let multiplier = NonZeroU8::new(multiplier).unwrap();
        let spans = (0..10_000).map(|_| {
            jitter.draw();
            jitter.shorten(second, multiplier).as_millis()
        });
        spans.fold((u128::MAX, 0), |(least, most), span| (least.min(span), most.max(span)))
    }

    #[test]
    fn an_interval_loses_up_to_a_quarter_and_a_tenth_at_least_where_one_packet_counts() {
        assert_eq!(bounds(3), (750, 1000));
        assert_eq!(bounds(1), (750, 900));
    }
}
