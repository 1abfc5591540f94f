//! The live time line: what happens, when, and where.

use clock::Instant;

use crate::terminal;

/// Writes a line as soon as something happens.
#[derive(Debug)]
pub(super) struct Timeline {
    begun: Instant,
    /// Standard output is for the JSON document.
    to_stderr: bool,
}

impl Timeline {
    /// A time line that begins now.
    pub(super) const fn new(begun: Instant, to_stderr: bool) -> Self {
        Self { begun, to_stderr }
    }

    /// When it began.
    pub(super) const fn begun(&self) -> Instant {
        self.begun
    }

    /// Something happened at `now`: where (`a`, `client`, ...), and what.
    pub(super) fn note(&self, now: Instant, place: &str, what: &str) {
        self.write(&format!("{}  {place:<6}  {what}\n", seconds(now, self.begun)));
    }

    /// Writes a heading or a note that belongs to no moment.
    pub(super) fn write(&self, text: &str) {
        if self.to_stderr { terminal::eprint(text) } else { terminal::print(text) }
    }
}

/// Seconds since `begun`, to the millisecond.
fn seconds(now: Instant, begun: Instant) -> String {
    let milliseconds = now.since(begun).as_millis();
    format!("{:>4}.{:03} s", milliseconds / 1000, milliseconds % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_line_up_to_the_millisecond() {
        let begun = Instant::from_nanos(7_000_000_000);
        assert_eq!(seconds(begun, begun), "   0.000 s");
        assert_eq!(seconds(Instant::from_nanos(30_614_900_000), begun), "  23.614 s");
    }
}
