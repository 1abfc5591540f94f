//! Steps of a service that the load balancer refused, and when they are tried again.

use std::time::Duration;

use clock::Instant;
use intent::service::ServiceChange;

/// What is refused of one service.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    /// Why the first of an attempt was refused.
    why: String,
    /// What was told since all was well, each once.
    told: Vec<String>,
    again: Instant,
    /// From the last attempt to the next; zero before the first refusal.
    pause: Duration,
    /// Those that wait for the next attempt.
    waiting: Vec<ServiceChange>,
}

impl Refusal {
    /// Why.
    pub(super) fn why(&self) -> &str {
        &self.why
    }

    /// When the next attempt is due.
    pub(super) const fn again(&self) -> Instant {
        self.again
    }

    /// Whether steps wait for the next attempt.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes in steps that were refused, the cause before what follows from it; gives what is worth telling.
    ///
    /// `some_worked` is false where nothing of the service was done: a plane that does all or nothing may have refused
    /// the others for the first one's sake, so that they are tried once without it.
    pub(super) fn add(
        &mut self,
        now: Instant,
        refused: Vec<(ServiceChange, String)>,
        some_worked: bool,
    ) -> Option<String> {
        let is_attempt = self.waiting.is_empty();
        if is_attempt {
            self.pause = self.pause.saturating_mul(2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            self.again = now + self.pause;
        }
        let count = if is_attempt && !some_worked { 1 } else { refused.len() };
        let mut first = None;
        for (step, why) in refused.into_iter().take(count) {
            // What follows from a refusal is not told of, but the refusal.
            first.get_or_insert(why);
            self.waiting.push(step);
        }
        let first = first?;
        if is_attempt {
            self.why.clone_from(&first);
        }
        if self.told.contains(&first) || self.told.len() >= TOLD {
            return None;
        }
        self.told.push(first.clone());
        Some(first)
    }

    /// Takes steps that wait out of `steps`, with all that cannot be done before.
    pub(super) fn hold_back(&self, steps: &mut Vec<ServiceChange>) {
        match steps.first() {
            // Where there is no service there is nothing else to do.
            Some(first @ ServiceChange::Add(..)) if self.waiting.contains(first) => steps.clear(),
            _ => steps.retain(|step| !self.waiting.contains(step)),
        }
    }

    /// The pause is over.
    pub(super) fn try_again(&mut self) {
        self.waiting.clear();
    }

    /// What was refused is tried at once, and pauses begin anew.
    pub(super) fn forgive(&mut self) {
        self.waiting.clear();
        self.pause = Duration::ZERO;
    }
}

/// From a refusal to the next attempt.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Refusals of one service that are told.
const TOLD: usize = 64;
