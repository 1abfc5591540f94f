//! When a reload is to happen: what a file says, and which moment that is.
//!
//! A time alone is its next occurrence, a time with a date that moment only. Times are those of the host's clocks, or of
//! UTC with a `Z` behind. Where clocks are put forward, a time that does not exist is an hour later; where they are put
//! back, one that exists twice is one of the two.

/// A moment by clock and calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appointment {
    date: Option<Date>,
    /// Seconds since midnight.
    time: i64,
    is_utc: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Appointment {
    /// Reads `HH:MM:SS`, with `YYYY-MM-DD ` or `YY-MM-DD ` before it and `Z` behind it, where these are. One end of a
    /// line may follow. Nothing for all else.
    #[must_use]
    pub fn parse(content: &[u8]) -> Option<Self> {
        let text = str::from_utf8(content).ok()?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let (text, is_utc) = text.strip_suffix('Z').map_or((text, false), |text| (text, true));
        let (date, time) = match text.split_once(' ') {
            Some((date, time)) => (Some(Date::parse(date)?), time),
            None => (None, text),
        };
        let [hour, minute, second] = fields(time, ':')?;
        let are_two = time.split(':').all(|field| field.len() == 2);
        let is_time = are_two && hour < 24 && minute < 60 && second < 60;
        is_time.then_some(Self { date, time: hour * 3600 + minute * 60 + second, is_utc })
    }

    /// The moment, in seconds since 1970; none where it is over. `east` tells how far the host's clocks are ahead of UTC
    /// at a moment, in seconds.
    #[must_use]
    pub fn next(&self, now: i64, east: impl Fn(i64) -> i64) -> Option<i64> {
        let east = |at| if self.is_utc { 0 } else { east(at) };
        // What clocks show, as if they were those of UTC, and the moment when they do.
        let moment = |shown: i64| {
            let guess = shown - east(shown - east(now));
            shown - east(guess)
        };
        let at = match self.date {
            Some(date) => moment(date.days() * DAY + self.time),
            None => {
                let midnight = (now + east(now)).div_euclid(DAY) * DAY;
                let today = moment(midnight + self.time);
                if today > now { today } else { moment(midnight + DAY + self.time) }
            }
        };
        (at > now).then_some(at)
    }

    /// Whether it comes again each day.
    #[must_use]
    pub const fn is_daily(&self) -> bool {
        self.date.is_none()
    }
}

impl Date {
    fn parse(text: &str) -> Option<Self> {
        let [year, month, day] = fields(text, '-')?;
        let lengths: Vec<usize> = text.split('-').map(str::len).collect();
        let year = match lengths.as_slice() {
            [4, 2, 2] => year,
            [2, 2, 2] => 2000 + year,
            _ => return None,
        };
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let is_date = (1..=12).contains(&month) && (1..=last).contains(&day);
        is_date.then_some(Self { year, month, day })
    }

    /// Days since the first of January 1970, by the Gregorian calendar.
    const fn days(self) -> i64 {
        // Years that begin in March, so that a leap day is the last of one.
        let year = if self.month > 2 { self.year } else { self.year - 1 };
        let month = (self.month + 9) % 12;
        let before = (153 * month + 2) / 5 + self.day - 1;
        year * 365 + year / 4 - year / 100 + year / 400 + before - 719_468
    }
}

/// Three whole numbers.
fn fields(text: &str, between: char) -> Option<[i64; 3]> {
    let is_number = |field: &str| field.bytes().all(|byte| byte.is_ascii_digit());
    let mut fields =
        text.split(between).map(|field| field.parse().ok().filter(|_| is_number(field)));
    let three = [fields.next()??, fields.next()??, fields.next()??];
    fields.next().is_none().then_some(three)
}

const DAY: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    /// Friday, 20 November 2026, 23:30:00 UTC.
    const NOW: i64 = 1_795_217_400;

    fn next(text: &str, east: i64) -> Option<i64> {
        Appointment::parse(text.as_bytes()).unwrap().next(NOW, |_| east)
    }

    #[test]
    fn a_time_is_its_next_occurrence() {
        assert_eq!(next("23:30:01", 0), Some(NOW + 1));
        assert_eq!(next("23:30:00", 0), Some(NOW + 86_400), "now is over");
        assert_eq!(next("00:00:00\n", 0), Some(NOW + 1800));
        // It is half past midnight there already.
        assert_eq!(next("00:30:05", 3600), Some(NOW + 5));
        assert_eq!(next("23:30:05Z", 3600), Some(NOW + 5));
        assert_eq!(next("18:30:05", -18_000), Some(NOW + 5));
    }

    #[test]
    fn a_time_with_a_date_is_one_moment() {
        for text in ["2026-11-21 00:00:00", "26-11-21 00:00:00", "2026-11-21 00:00:00Z\n"] {
            assert_eq!(next(text, 0), Some(NOW + 1800), "{text}");
        }
        assert_eq!(next("2026-11-20 23:30:00", 0), None);
        assert_eq!(next("2028-02-29 23:30:00", 0), Some(NOW + 466 * 86_400));
        let daily = |text: &str| Appointment::parse(text.as_bytes()).unwrap().is_daily();
        assert!(daily("12:00:00") && !daily("2027-01-01 12:00:00"));
    }

    #[test]
    fn clocks_that_are_put_forward_or_back_meanwhile_are_thought_of() {
        // At midnight UTC from one hour ahead to none.
        let back = |at: i64| if at < NOW + 1800 { 3600 } else { 0 };
        let at = |text: &str, east: &dyn Fn(i64) -> i64| {
            Appointment::parse(text.as_bytes()).unwrap().next(NOW, east)
        };
        assert_eq!(at("2026-11-21 02:00:00", &back), Some(NOW + 1800 + 7200));
        let forward = |at: i64| if at < NOW + 1800 { 0 } else { 3600 };
        assert_eq!(at("2026-11-21 02:00:00", &forward), Some(NOW + 1800 + 3600));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "\n",
            "nonsense",
            "25:00:00",
            "23:60:00",
            "23:00:60",
            "1:00:00",
            "23:00",
            "23:00:00 junk",
            " 23:00:00",
            "23:00:00\n\n",
            "2026-11-21T00:00:00",
            "2026-02-29 00:00:00",
            "2026-13-01 00:00:00",
            "2026-00-01 00:00:00",
            "026-01-01 00:00:00",
            "2026-1-1 00:00:00",
            "+1:00:00",
            "23:00:-1",
            "23:00:00z",
            "2026-11-21  00:00:00",
        ] {
            assert_eq!(Appointment::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Appointment::parse(&[0xff, b':']), None);
    }
}
