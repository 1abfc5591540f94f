//! Times that authenticated adverts carry: ours, and whether those of others are fresh.
//!
//! A time is that of a wall clock, which people and programs set. Ours never goes back a little, because whoever heard
//! it would take the next advert for a repeated one; and follows a clock that was put back far, because there the times
//! before were refused as wrong by those whose clock was right.

use core::time::Duration;

use wire::vrrp::Stamp;

/// The times that one router sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps(Stamp);

impl Stamps {
    /// The stamp of the next advert. `unix` is the time since 1970, `window` how far a time may be wrong.
    pub fn advance(&mut self, unix: Duration, window: Duration) -> Stamp {
        let now = stamp(unix);
        let last = self.0;
        let is_past = (now.seconds, now.fraction) <= (last.seconds, last.fraction);
        let behind = time(last).saturating_sub(time(now));
        self.0 = match last.counter.checked_add(1) {
            Some(counter) if is_past && behind <= window => Stamp { counter, ..last },
            // Sixty thousand adverts within one window are more than any router sends.
            Some(_) | None => now,
        };
        self.0
    }
}

/// How far the time of an advert is from ours, where that is too far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

/// What a time says about an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// It is as ours is, nearly.
    Small,
    /// It is more than half a window off: the clocks of the two differ, and will soon be too far apart.
    Notable(Duration),
}

/// Whether an advert with this time is fresh.
///
/// **Errors**: it is more than `window` from `unix`.
pub fn freshness(stamp: Stamp, unix: Duration, window: Duration) -> Result<Skew, Stale> {
    let off = time(stamp).abs_diff(unix);
    if off > window {
        Err(Stale)
    } else if off > window / 2 {
        Ok(Skew::Notable(off))
    } else {
        Ok(Skew::Small)
    }
}

/// Whether a stamp comes after another one, in the serial arithmetic of 64 bits: the seconds begin anew in 2106.
#[must_use]
pub const fn after(number: u64, last: u64) -> bool {
    let ahead = number.wrapping_sub(last);
    ahead != 0 && ahead < 1 << 63
}

/// The time of a stamp as a number of the guard, for whether it still matters.
#[must_use]
pub fn is_within(number: u64, unix: Duration, window: Duration) -> bool {
    let [s0, s1, s2, s3, f0, f1, ..] = number.to_be_bytes();
    let (seconds, fraction) = (u32::from_be_bytes([s0, s1, s2, s3]), u16::from_be_bytes([f0, f1]));
    freshness(Stamp { seconds, fraction, counter: 0 }, unix, window).is_ok()
}

/// A step of the wall clock, as far as it is larger than what a clock is corrected by in passing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps(Option<Duration>);

/// Which way a clock was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// By this much.
    Forward(Duration),
    /// By this much.
    Back(Duration),
}

impl Steps {
    /// Compares the wall clock with `running`, the time of a clock that nobody sets; says how far it was set since.
    pub fn watch(&mut self, unix: Duration, running: Duration) -> Option<Step> {
        // Since when the running clock would have counted: it moves only when the wall clock is set.
        let begun = unix.saturating_sub(running);
        let before = self.0.replace(begun)?;
        let (ahead, behind) = (begun.saturating_sub(before), before.saturating_sub(begun));
        if ahead > WORTH_A_LINE {
            Some(Step::Forward(ahead))
        } else if behind > WORTH_A_LINE {
            Some(Step::Back(behind))
        } else {
            None
        }
    }
}

fn stamp(unix: Duration) -> Stamp {
    let [.., s0, s1, s2, s3] = unix.as_secs().to_be_bytes();
    let fraction = u64::from(unix.subsec_nanos()) * 65_536 / 1_000_000_000;
    Stamp {
        seconds: u32::from_be_bytes([s0, s1, s2, s3]),
        fraction: u16::try_from(fraction).unwrap_or(u16::MAX),
        counter: 0,
    }
}

fn time(stamp: Stamp) -> Duration {
    let nanoseconds = u64::from(stamp.fraction) * 1_000_000_000 / 65_536;
    Duration::new(stamp.seconds.into(), 0) + Duration::from_nanos(nanoseconds)
}

/// A clock that is kept right is moved by less at a time.
const WORTH_A_LINE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(5);

    fn at(milliseconds: u64) -> Duration {
        Duration::from_secs(1_800_000_000) + Duration::from_millis(milliseconds)
    }

    fn fields(stamp: Stamp) -> (u32, u16, u16) {
        (stamp.seconds - 1_800_000_000, stamp.fraction, stamp.counter)
    }

    #[test]
    fn a_stamp_is_the_time_in_parts_of_65536() {
        let mut stamps = Stamps::default();
        assert_eq!(fields(stamps.advance(at(0), WINDOW)), (0, 0, 0));
        assert_eq!(fields(stamps.advance(at(500), WINDOW)), (0, 32_768, 0));
        assert_eq!(fields(stamps.advance(at(1_250), WINDOW)), (1, 16_384, 0));
        let all = Stamp { seconds: 0x0102_0304, fraction: 0x0506, counter: 0x0708 };
        assert_eq!(all.number(), 0x0102_0304_0506_0708);
    }

    #[test]
    fn adverts_of_one_moment_are_counted() {
        let mut stamps = Stamps::default();
        stamps.advance(at(500), WINDOW);
        assert_eq!(fields(stamps.advance(at(500), WINDOW)), (0, 32_768, 1));
        assert_eq!(fields(stamps.advance(at(500), WINDOW)), (0, 32_768, 2));
    }

    #[test]
    fn a_clock_put_back_a_little_is_waited_for() {
        let mut stamps = Stamps::default();
        stamps.advance(at(10_000), WINDOW);
        assert_eq!(fields(stamps.advance(at(5_000), WINDOW)), (10, 0, 1));
        assert_eq!(fields(stamps.advance(at(9_999), WINDOW)), (10, 0, 2));
        assert_eq!(fields(stamps.advance(at(10_500), WINDOW)), (10, 32_768, 0));
    }

    #[test]
    fn a_clock_put_back_far_is_followed() {
        let mut stamps = Stamps::default();
        stamps.advance(at(10_000), WINDOW);
        assert_eq!(fields(stamps.advance(at(4_500), WINDOW)), (4, 32_768, 0));
    }

    #[test]
    fn a_time_is_fresh_within_the_window_on_either_side() {
        let of = |milliseconds| stamp(at(milliseconds));
        let judge = |milliseconds| freshness(of(milliseconds), at(100_000), WINDOW);
        assert_eq!(judge(100_000), Ok(Skew::Small));
        assert_eq!(judge(97_500), Ok(Skew::Small));
        assert_eq!(judge(97_000), Ok(Skew::Notable(Duration::from_secs(3))));
        assert_eq!(judge(105_000), Ok(Skew::Notable(Duration::from_secs(5))));
        assert_eq!(judge(94_500), Err(Stale));
        assert_eq!(judge(105_500), Err(Stale));
    }

    #[test]
    fn stamps_are_compared_in_serial_arithmetic() {
        assert!(after(2, 1) && !after(1, 2) && !after(1, 1));
        assert!(after(0, u64::MAX) && after(5, u64::MAX - 5));
        assert!(!after(1 << 63, 0) && after((1 << 63) - 1, 0));
    }

    #[test]
    fn a_clock_that_is_set_is_noticed_once() {
        let mut steps = Steps::default();
        let running = Duration::from_secs;
        assert_eq!(steps.watch(at(0), running(100)), None);
        assert_eq!(steps.watch(at(1_400), running(101)), None);
        assert_eq!(steps.watch(at(62_400), running(102)), Some(Step::Forward(running(60))));
        assert_eq!(steps.watch(at(63_400), running(103)), None);
        assert_eq!(steps.watch(at(4_400), running(104)), Some(Step::Back(running(60))));
        assert_eq!(steps.watch(at(5_400), running(105)), None);
    }
}
