//! Skew_Time and Active_Down_Interval in whole nanoseconds: multiply first, divide last.

use core::time::Duration;

use wire::{Priority, Version};

/// Time by which a router of `priority` waits longer than one of priority 256.
///
/// **Source**: v3 `interval * (256 - priority) / 256`, RFC 9568 §6.1; v2 `(256 - priority) / 256` seconds
/// whatever the interval is, RFC 3768 §6.1.
#[must_use]
pub fn skew_time(version: Version, interval: Duration, priority: Priority) -> Duration {
    let base = match version {
        Version::V2 => Duration::from_secs(1),
        Version::V3 => sane(interval),
    };
    let nanoseconds = base.as_nanos().saturating_mul(256 - u128::from(priority.0)) / 256;
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// Silence of the Active router after which it counts as down: `adverts * interval + skew`.
///
/// **Source**: RFC 9568 §6.1 with `adverts` = 3. Incumbent: `down_timer_adverts` sets another factor.
#[must_use]
pub fn active_down_interval(
    version: Version,
    interval: Duration,
    priority: Priority,
    adverts: u8,
) -> Duration {
    sane(interval)
        .saturating_mul(u32::from(adverts.max(1)))
        .saturating_add(skew_time(version, interval, priority))
}

/// `interval`, but never so short that a router would do nothing but send.
pub(crate) fn sane(interval: Duration) -> Duration {
    interval.max(SHORTEST)
}

/// One unit of VRRPv3's field.
const SHORTEST: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    // covers: RFC9568-6.1-skew
    #[test]
    fn skew_is_exact_in_nanoseconds_and_scales_with_the_interval_in_v3_only() {
        let rows = [
            (Version::V3, 1_000, 100, 609_375_000),
            (Version::V3, 1_000, 150, 414_062_500),
            (Version::V3, 1_000, 255, 3_906_250),
            (Version::V3, 1_000, 1, 996_093_750),
            (Version::V3, 10, 254, 78_125),
            (Version::V3, 10, 100, 6_093_750),
            (Version::V3, 40_950, 1, 40_790_039_062),
            (Version::V2, 1_000, 100, 609_375_000),
            (Version::V2, 255_000, 100, 609_375_000),
            (Version::V2, 5_000, 254, 7_812_500),
        ];
        for (version, interval, priority, expected) in rows {
            let skew = skew_time(version, Duration::from_millis(interval), Priority(priority));
            assert_eq!(
                skew,
                Duration::from_nanos(expected),
                "{version:?} {interval} ms priority {priority}"
            );
        }
    }

    // covers: RFC9568-6.1-active-down-interval
    #[test]
    fn active_down_interval_is_adverts_times_interval_plus_skew() {
        let rows = [
            (Version::V3, 1_000, 100, 3, 3_609_375_000),
            (Version::V3, 4_000, 100, 3, 14_437_500_000),
            (Version::V2, 4_000, 100, 3, 12_609_375_000),
            (Version::V3, 1_000, 254, 1, 1_007_812_500),
            (Version::V3, 100, 200, 10, 1_021_875_000),
        ];
        for (version, interval, priority, adverts, expected) in rows {
            let down = active_down_interval(
                version,
                Duration::from_millis(interval),
                Priority(priority),
                adverts,
            );
            assert_eq!(down, Duration::from_nanos(expected));
        }
    }

    #[test]
    fn no_interval_is_too_long_or_too_short_to_compute_with() {
        let long = active_down_interval(Version::V3, Duration::MAX, Priority(1), 100);
        assert_eq!(long, Duration::MAX);
        let short = active_down_interval(Version::V3, Duration::ZERO, Priority(255), 0);
        assert_eq!(short, Duration::from_nanos(10_039_062));
    }
}
