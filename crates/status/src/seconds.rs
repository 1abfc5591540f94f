//! Spans and times of day in seconds.

use core::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span, or a time since 1970-01-01T00:00:00Z.
///
/// **Units**: to people and in JSON seconds, to the microsecond; between our processes whole microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub Duration);

impl Seconds {
    /// How long after `earlier` this is; nothing where it is before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<Duration> for Seconds {
    fn from(span: Duration) -> Self {
        Self(span)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let microseconds = u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX);
        if to.is_human_readable() {
            Duration::from_micros(microseconds).as_secs_f64().serialize(to)
        } else {
            microseconds.serialize(to)
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            let seconds = f64::deserialize(from)?;
            // What was whole microseconds comes back as such.
            let span = Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)?;
            let rounded = span.saturating_add(Duration::from_nanos(500)).as_micros();
            Ok(Self(Duration::from_micros(u64::try_from(rounded).unwrap_or(u64::MAX))))
        } else {
            Ok(Self(Duration::from_micros(u64::deserialize(from)?)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_seconds_to_the_microsecond() {
        let time = Seconds(Duration::from_micros(1_795_264_005_155_648));
        let text = serde_json::to_string(&time).unwrap();
        assert_eq!(text, "1795264005.155648");
        assert_eq!(serde_json::from_str::<Seconds>(&text).unwrap(), time);
        assert!(serde_json::from_str::<Seconds>("-1").is_err());
        assert!(serde_json::from_str::<Seconds>("1e300").is_err());
    }
}
