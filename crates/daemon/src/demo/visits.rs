//! What became of the requests for the web page, event by event.
//!
//! Pure: visits go in, a [`VisitRow`] comes out.

use std::collections::VecDeque;
use std::time::Duration;

use clock::Instant;

use super::visitor::Visit;
use super::web::Web;

/// The requests during one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VisitRow {
    /// What was done.
    pub(super) event: String,
    /// How many the first web server answered, and the second.
    pub(super) shares: [u32; 2],
    /// How many failed.
    pub(super) failed: u32,
    /// From the event to the end of the last that failed; none where none did.
    pub(super) last_failure: Option<Duration>,
    /// When failures must be over; none where the event promises nothing.
    pub(super) bound: Option<Duration>,
}

/// Counts visits.
#[derive(Debug, Default)]
pub(super) struct Visits {
    recent: VecDeque<Option<Web>>,
    current: Option<(Instant, VisitRow)>,
}

impl Visits {
    /// An event is about to be made.
    pub(super) fn begin(&mut self, now: Instant, event: String, bound: Option<Duration>) {
        let row = VisitRow { event, shares: [0, 0], failed: 0, last_failure: None, bound };
        self.recent.clear();
        self.current = Some((now, row));
    }

    /// Takes in one visit.
    pub(super) fn saw(&mut self, visit: Visit) {
        self.recent.push_back(visit.by);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        let Some((begun, row)) = &mut self.current else { return };
        let [one, two] = &mut row.shares;
        match visit.by {
            Some(Web::One) => *one += 1,
            Some(Web::Two) => *two += 1,
            None => {
                row.failed += 1;
                row.last_failure = Some(visit.ended.since(*begun));
            }
        }
    }

    /// Whether the last requests were answered, by each in turn.
    pub(super) fn are_shared(&self) -> bool {
        Web::ALL.into_iter().all(|web| self.of(web) == RECENT / 2)
    }

    /// Whether the last requests were answered by this one alone.
    pub(super) fn are_all_of(&self, web: Web) -> bool {
        self.of(web) == RECENT
    }

    fn of(&self, web: Web) -> usize {
        self.recent.iter().filter(|by| **by == Some(web)).count()
    }

    /// The event is over.
    pub(super) fn end(&mut self) -> Option<VisitRow> {
        self.current.take().map(|(_, row)| row)
    }
}

/// Requests that say how it is now.
const RECENT: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64, by: Option<Web>) -> Visit {
        Visit { ended: Instant::from_nanos(milliseconds * 1_000_000), by }
    }

    #[test]
    fn shares_and_failures_of_an_event_are_counted_from_its_beginning() {
        let mut visits = Visits::default();
        visits.saw(at(5, None));
        let bound = Some(Duration::from_millis(1500));
        visits.begin(Instant::from_nanos(10_000_000), "web-2 killed".to_owned(), bound);
        for visit in [at(20, Some(Web::One)), at(30, None), at(50, None), at(60, Some(Web::One))] {
            visits.saw(visit);
        }
        visits.saw(at(70, Some(Web::Two)));
        let expected = VisitRow {
            event: "web-2 killed".to_owned(),
            shares: [2, 1],
            failed: 2,
            last_failure: Some(Duration::from_millis(40)),
            bound,
        };
        assert_eq!(visits.end(), Some(expected));
        assert_eq!(visits.end(), None);
    }

    #[test]
    fn the_last_twenty_say_how_it_is() {
        let mut visits = Visits::default();
        for turn in 0..10 {
            assert!(!visits.are_shared(), "{turn}");
            visits.saw(at(turn, Some(Web::One)));
            visits.saw(at(turn, Some(Web::Two)));
        }
        assert!(visits.are_shared());
        visits.saw(at(20, None));
        assert!(!visits.are_shared());
        for turn in 0..20 {
            assert!(!visits.are_all_of(Web::One), "{turn}");
            visits.saw(at(turn, Some(Web::One)));
        }
        assert!(visits.are_all_of(Web::One));
    }
}
