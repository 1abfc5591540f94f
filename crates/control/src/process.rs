//! Which processes count for a tracked one, and what their number means.
//!
//! A process is known by its name (`comm`, at most 15 bytes) or the first word of its command line, and by what
//! follows there. Their number is well from `least` to `most`; a change of that is waited for, so that a restart is
//! nobody's fault (keepalived: `vrrp_track_process`).

use std::time::Duration;

use clock::Instant;

use crate::Verdict;

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// Name of the process, or first word of its command line.
    pub name: String,
    /// Whether the name is that of the command line.
    pub full_command: bool,
    /// What follows the name.
    pub parameters: Vec<String>,
    /// How that is compared.
    pub comparison: Comparison,
}

/// How the parameters of a process are compared with those that are sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Not at all.
    Any,
    /// They are the same.
    Exact,
    /// They begin with those.
    Partial,
    /// They are the same, but that the last may go on.
    Initial,
}

impl Sought {
    /// Whether the command line is needed to tell.
    #[must_use]
    pub fn needs_command(&self) -> bool {
        self.full_command || self.comparison != Comparison::Any
    }

    /// Whether a process of this name could be one of those: its command line then tells.
    #[must_use]
    pub fn may_be(&self, comm: &[u8]) -> bool {
        // The kernel cuts a name to 15 bytes.
        let name = self.name.as_bytes();
        self.full_command || comm == name.get(..COMM_MAX).unwrap_or(name)
    }

    /// Whether a command line, words ended by NUL, is that of one of those.
    #[must_use]
    pub fn is(&self, command: &[u8]) -> bool {
        let command = command.strip_suffix(b"\0").unwrap_or(command);
        let mut words = command.split(|byte| *byte == 0);
        let first = words.next().unwrap_or_default();
        if self.full_command && first != self.name.as_bytes() {
            return false;
        }
        let words: Vec<&[u8]> = words.collect();
        let sought = || self.parameters.iter().map(String::as_bytes);
        let same = |count: usize| words.iter().take(count).copied().eq(sought().take(count));
        let count = self.parameters.len();
        match self.comparison {
            Comparison::Any => true,
            Comparison::Exact => words.len() == count && same(count),
            Comparison::Partial => words.len() >= count && same(count),
            Comparison::Initial => {
                let last = self.parameters.last().map_or(&b""[..], |sought| sought.as_bytes());
                let begins = words.last().is_none_or(|word| word.starts_with(last));
                words.len() == count && begins && same(count.saturating_sub(1))
            }
        }
    }
}

/// How many there shall be, and how long a change is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// As many must run.
    pub least: u32,
    /// More must not.
    pub most: Option<u32>,
    /// How long a change by new processes is waited for.
    pub fork_delay: Duration,
    /// How long a change by processes that ended is waited for.
    pub terminate_delay: Duration,
}

/// The number of processes of one kind, and its meaning.
#[derive(Debug)]
pub struct QuorumWatch {
    quorum: Quorum,
    count: u32,
    verdict: Option<Verdict>,
    /// When the verdict changes, if the number stays as it is.
    changes: Option<Instant>,
}

impl QuorumWatch {
    /// One that was not counted yet.
    #[must_use]
    pub const fn new(quorum: Quorum) -> Self {
        Self { quorum, count: 0, verdict: None, changes: None }
    }

    /// One of which a verdict is known from before: the next count changes it after the delays only.
    #[must_use]
    pub const fn known(quorum: Quorum, verdict: Verdict) -> Self {
        Self { verdict: Some(verdict), ..Self::new(quorum) }
    }

    /// Another quorum, from the next count on.
    pub const fn adjust(&mut self, quorum: Quorum) {
        self.quorum = quorum;
    }

    /// When [`Self::due`] has something to say.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.changes
    }

    /// So many run now. Returns the verdict where it changed; the first count counts at once.
    pub fn counted(&mut self, now: Instant, count: u32) -> Option<Verdict> {
        let before = core::mem::replace(&mut self.count, count);
        let is_well =
            count >= self.quorum.least && self.quorum.most.is_none_or(|most| count <= most);
        let wanted = if is_well { Verdict::Good } else { Verdict::Bad };
        match self.verdict {
            None => {
                self.verdict = Some(wanted);
                return self.verdict;
            }
            Some(verdict) if verdict == wanted => {
                self.changes = None;
                return None;
            }
            Some(_) => {}
        }
        if self.changes.is_none() {
            let more = count > before;
            let delay = if more { self.quorum.fork_delay } else { self.quorum.terminate_delay };
            self.changes = Some(now + delay);
        }
        self.due(now)
    }

    /// Whether the time for a change has come. Returns the verdict where it changed.
    pub fn due(&mut self, now: Instant) -> Option<Verdict> {
        if self.changes.is_none_or(|at| at > now) {
            return None;
        }
        self.changes = None;
        self.verdict = Some(match self.verdict {
            Some(Verdict::Good) => Verdict::Bad,
            Some(Verdict::Bad) | None => Verdict::Good,
        });
        self.verdict
    }
}

/// `TASK_COMM_LEN` without its NUL.
const COMM_MAX: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant::from_nanos(milliseconds * 1_000_000)
    }

    fn sought(words: &[&str], comparison: Comparison, full_command: bool) -> Sought {
        Sought {
            name: words[0].to_owned(),
            full_command,
            parameters: words[1..].iter().map(|word| (*word).to_owned()).collect(),
            comparison,
        }
    }

    #[test]
    fn a_name_is_that_of_the_process_cut_to_15_bytes() {
        let plain = sought(&["nginx"], Comparison::Any, false);
        assert!(plain.may_be(b"nginx") && !plain.needs_command());
        assert!(!plain.may_be(b"nginx2") && !plain.may_be(b"") && !plain.may_be(b"/sbin/nginx"));
        let long = sought(&["a-name-of-18-bytes"], Comparison::Any, false);
        assert!(long.may_be(b"a-name-of-18-by") && !long.may_be(b"a-name-of-18-b"));
    }

    #[test]
    fn with_full_command_the_first_word_of_the_command_line_counts() {
        let full = sought(&["/usr/sbin/nginx"], Comparison::Any, true);
        assert!(full.needs_command() && full.may_be(b"anything"));
        assert!(full.is(b"/usr/sbin/nginx\0-g\0x\0") && full.is(b"/usr/sbin/nginx\0"));
        assert!(!full.is(b"nginx\0") && !full.is(b""));
    }

    #[test]
    fn parameters_are_compared_as_said() {
        use Comparison::{Exact, Initial, Partial};
        let words = ["p", "-a", "bc"];
        for (command, exact, partial, initial) in [
            (&b"p\0-a\0bc\0"[..], true, true, true),
            (b"p\0-a\0bc\0d\0", false, true, false),
            (b"p\0-a\0bcd\0", false, false, true),
            (b"p\0-a\0", false, false, false),
            (b"p\0-ax\0bc\0", false, false, false),
            (b"p\0", false, false, false),
            (b"", false, false, false),
        ] {
            let shown = String::from_utf8_lossy(command);
            assert_eq!(sought(&words, Exact, false).is(command), exact, "{shown:?}");
            assert_eq!(sought(&words, Partial, false).is(command), partial, "{shown:?}");
            assert_eq!(sought(&words, Initial, false).is(command), initial, "{shown:?}");
        }
        for comparison in [Exact, Initial] {
            assert!(sought(&["p"], comparison, false).is(b"p\0"));
            assert!(!sought(&["p"], comparison, false).is(b"p\0x\0"));
        }
        assert!(sought(&["p", "", "x"], Exact, false).is(b"p\0\0x\0"));
    }

    const AT_ONCE: Quorum = Quorum {
        least: 2,
        most: Some(3),
        fork_delay: Duration::ZERO,
        terminate_delay: Duration::ZERO,
    };

    #[test]
    fn from_the_least_to_the_most_is_well() {
        let mut watch = QuorumWatch::new(AT_ONCE);
        assert_eq!(watch.counted(at(0), 1), Some(Verdict::Bad));
        assert_eq!(watch.counted(at(0), 2), Some(Verdict::Good));
        assert_eq!(watch.counted(at(0), 3), None);
        assert_eq!(watch.counted(at(0), 4), Some(Verdict::Bad));
        assert_eq!(watch.counted(at(0), 3), Some(Verdict::Good));
        assert_eq!(watch.counted(at(0), 0), Some(Verdict::Bad));
        assert_eq!(watch.deadline(), None);
    }

    const SLOW: Quorum = Quorum {
        least: 1,
        most: Some(2),
        fork_delay: Duration::from_millis(300),
        terminate_delay: Duration::from_millis(500),
    };

    #[test]
    fn what_is_known_from_before_changes_after_its_delay_only() {
        let quorum = Quorum {
            least: 1,
            most: None,
            fork_delay: Duration::ZERO,
            terminate_delay: Duration::from_secs(2),
        };
        let mut watch = QuorumWatch::known(quorum, Verdict::Good);
        assert_eq!(watch.counted(at(0), 0), None);
        assert_eq!(watch.due(at(1999)), None);
        assert_eq!(watch.due(at(2000)), Some(Verdict::Bad));
        let mut watch = QuorumWatch::known(quorum, Verdict::Bad);
        assert_eq!(watch.counted(at(0), 1), Some(Verdict::Good));
    }

    #[test]
    fn the_first_count_counts_at_once_and_later_ones_are_waited_for() {
        let mut watch = QuorumWatch::new(SLOW);
        assert_eq!(watch.counted(at(0), 1), Some(Verdict::Good));
        assert_eq!(watch.counted(at(100), 0), None);
        assert_eq!(watch.deadline(), Some(at(600)));
        assert_eq!(watch.due(at(599)), None);
        assert_eq!(watch.due(at(600)), Some(Verdict::Bad));
        assert_eq!(watch.deadline(), None);
        assert_eq!(watch.counted(at(1000), 1), None);
        assert_eq!(watch.deadline(), Some(at(1300)));
        assert_eq!(watch.due(at(1300)), Some(Verdict::Good));
        // One too many is the doing of a new process.
        assert_eq!(watch.counted(at(2000), 3), None);
        assert_eq!(watch.deadline(), Some(at(2300)));
    }

    #[test]
    fn a_restart_within_the_delay_changes_nothing() {
        let mut watch = QuorumWatch::new(SLOW);
        assert_eq!(watch.counted(at(0), 1), Some(Verdict::Good));
        assert_eq!(watch.counted(at(100), 0), None);
        assert_eq!(watch.counted(at(599), 1), None);
        assert_eq!(watch.deadline(), None);
        assert_eq!(watch.due(at(700)), None);
        assert_eq!(watch.counted(at(800), 2), None);
    }

    #[test]
    fn further_changes_in_the_same_direction_do_not_put_it_off() {
        let mut watch = QuorumWatch::new(Quorum { most: None, least: 3, ..SLOW });
        assert_eq!(watch.counted(at(0), 3), Some(Verdict::Good));
        assert_eq!(watch.counted(at(0), 2), None);
        assert_eq!(watch.counted(at(400), 1), None);
        assert_eq!(watch.counted(at(500), 1), Some(Verdict::Bad));
    }
}
