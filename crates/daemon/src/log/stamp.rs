//! The time of day as log lines carry it.
//!
//! **Shape**: syslog `Nov 20 22:26:06` (RFC 3164 §4.1.2), console `Fri Nov 20 22:26:06 2026`, e-mail
//! `Fri, 20 Nov 2026 22:26:06 +0100` (RFC 5322 §3.3). Local time, by the
//! C library, which knows the time zone.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A broken-down local time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    seconds: i64,
    nanoseconds: u32,
}

impl Stamp {
    /// Now.
    pub(crate) fn now() -> Self {
        Self::of(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// The time that is this long after 1970-01-01T00:00:00Z.
    pub(super) fn of(since: Duration) -> Self {
        Self {
            seconds: i64::try_from(since.as_secs()).unwrap_or(0),
            nanoseconds: since.subsec_nanos(),
        }
    }

    /// `Nov 20 22:26:06`.
    pub(super) fn syslog(self) -> String {
        let time = kernel::local_time(self.seconds);
        format!(
            "{} {:2} {:02}:{:02}:{:02}",
            month(time.month),
            time.day,
            time.hour,
            time.minute,
            time.second
        )
    }

    /// `Fri Nov 20 22:26:06 2026`.
    pub(super) fn console(self) -> String {
        let time = kernel::local_time(self.seconds);
        format!("{} {} {}", weekday(time.weekday), self.syslog(), time.year)
    }

    /// `Fri Nov 20 22:26:06.123456 2026`.
    pub(super) fn precise(self) -> String {
        let (time, microseconds) = (kernel::local_time(self.seconds), self.nanoseconds / 1000);
        format!("{} {}.{microseconds:06} {}", weekday(time.weekday), self.syslog(), time.year)
    }

    /// `Fri Nov 20 22:26:06.123456789 2026`.
    pub(super) fn file(self) -> String {
        let time = kernel::local_time(self.seconds);
        format!("{} {}.{:09} {}", weekday(time.weekday), self.syslog(), self.nanoseconds, time.year)
    }

    /// `Fri, 20 Nov 2026 22:26:06 +0100`.
    pub(crate) fn mail(self) -> String {
        let time = kernel::local_time(self.seconds);
        let minutes = time.east_of_utc.unsigned_abs() / 60;
        let sign = if time.east_of_utc < 0 { '-' } else { '+' };
        format!(
            "{}, {:02} {} {} {:02}:{:02}:{:02} {sign}{:02}{:02}",
            weekday(time.weekday),
            time.day,
            month(time.month),
            time.year,
            time.hour,
            time.minute,
            time.second,
            minutes / 60,
            minutes % 60,
        )
    }
}

fn month(index: usize) -> &'static str {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES.get(index).copied().unwrap_or("???")
}

fn weekday(index: usize) -> &'static str {
    const NAMES: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    NAMES.get(index).copied().unwrap_or("???")
}
