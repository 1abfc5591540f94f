//! Lines that a reader has not taken yet.
//!
//! A thousand instances move at once in less time than a reader takes to wake up, and a pipe or the queue of syslog holds
//! some hundred lines: what comes then waits here instead of being lost.

use std::borrow::Cow;
use std::collections::VecDeque;

/// What became of a line that was offered to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    /// It was taken.
    Taken,
    /// The reader has no room: the line waits.
    Full,
    /// There is nobody who reads: the line is dropped.
    Nobody,
}

/// The lines of one sink that wait, oldest first.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Each with the number of dropped ones that it tells of.
    lines: VecDeque<(Vec<u8>, u64)>,
    bytes: usize,
    /// Lines that found no room, or nobody who reads, since the last that was taken in.
    dropped: u64,
}

impl Backlog {
    /// Takes in a line, which is told how many before it were dropped; without room it is dropped as well.
    pub(super) fn push(&mut self, write: impl FnOnce(u64) -> Vec<u8>) {
        if self.bytes >= CAPACITY {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let dropped = std::mem::take(&mut self.dropped);
        let line = write(dropped);
        self.bytes += line.len();
        self.lines.push_back((line, dropped));
    }

    /// Offers what waits until the reader has no more room, as many lines together as `longest` bytes hold, and one at
    /// least; says whether anything was taken.
    pub(super) fn drain(
        &mut self,
        longest: usize,
        mut offer: impl FnMut(&[u8]) -> Offered,
    ) -> bool {
        let mut moved = false;
        while !self.lines.is_empty() {
            let (together, count) = self.first_lines(longest);
            let (offered, bytes) = (offer(&together), together.len());
            match offered {
                Offered::Taken => moved = true,
                Offered::Full => return moved,
                Offered::Nobody => {}
            }
            for (_, told) in self.lines.drain(..count) {
                if offered == Offered::Nobody {
                    self.dropped = self.dropped.saturating_add(told + 1);
                }
            }
            self.bytes -= bytes;
        }
        self.lines.shrink_to(FEW);
        moved
    }

    /// The first line, with as many of the next as `longest` bytes hold together; how many these are.
    fn first_lines(&self, longest: usize) -> (Cow<'_, [u8]>, usize) {
        let mut together = Cow::Borrowed([].as_slice());
        let mut count = 0;
        for (line, _) in &self.lines {
            match count {
                0 => together = Cow::Borrowed(line),
                _ if together.len() + line.len() > longest => break,
                _ => together.to_mut().extend_from_slice(line),
            }
            count += 1;
        }
        (together, count)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Bytes that wait at most: all lines of some thousand instances that move at once.
const CAPACITY: usize = 1 << 20;
/// Lines for which room is kept.
const FEW: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> impl FnOnce(u64) -> Vec<u8> {
        move |dropped| format!("{text} {dropped}").into_bytes()
    }

    /// What a reader with room for so many lines takes.
    fn read(backlog: &mut Backlog, mut room: usize) -> Vec<String> {
        let mut taken = Vec::new();
        backlog.drain(0, |line| {
            if room == 0 {
                return Offered::Full;
            }
            room -= 1;
            taken.push(String::from_utf8_lossy(line).into_owned());
            Offered::Taken
        });
        taken
    }

    #[test]
    fn what_finds_no_room_at_the_reader_waits_in_order() {
        let mut backlog = Backlog::default();
        for text in ["a", "b", "c"] {
            backlog.push(line(text));
        }
        assert_eq!(read(&mut backlog, 2), ["a 0", "b 0"]);
        backlog.push(line("d"));
        assert_eq!(read(&mut backlog, 9), ["c 0", "d 0"]);
        assert!(backlog.is_empty());
    }

    #[test]
    fn no_more_waits_than_there_is_room_for_and_the_next_line_says_so() {
        let mut backlog = Backlog::default();
        let long = "x".repeat(CAPACITY / 4);
        for _ in 0..6 {
            backlog.push(line(&long));
        }
        assert_eq!(read(&mut backlog, 9).len(), 4);
        backlog.push(line("after"));
        assert_eq!(read(&mut backlog, 9), ["after 2"]);
        backlog.push(line("later"));
        assert_eq!(read(&mut backlog, 9), ["later 0"]);
    }

    #[test]
    fn lines_go_together_as_far_as_they_fit() {
        let mut backlog = Backlog::default();
        for text in ["a", "b", "c", "longer than that", "d"] {
            backlog.push(line(text));
        }
        let mut taken = Vec::new();
        backlog.drain(7, |lines| {
            taken.push(String::from_utf8_lossy(lines).into_owned());
            Offered::Taken
        });
        assert_eq!(taken, ["a 0b 0", "c 0", "longer than that 0", "d 0"]);
        assert_eq!(backlog.bytes, 0);
    }

    #[test]
    fn what_nobody_reads_is_dropped_at_once() {
        let mut backlog = Backlog::default();
        for text in ["a", "b"] {
            backlog.push(line(text));
        }
        assert!(!backlog.drain(0, |_| Offered::Nobody));
        assert!(backlog.is_empty());
        backlog.push(line("c"));
        // Nobody heard of those that it tells of either.
        backlog.push(line("c"));
        backlog.drain(9, |_| Offered::Nobody);
        backlog.push(line("d"));
        assert_eq!(read(&mut backlog, 1), ["d 4"]);
    }
}
