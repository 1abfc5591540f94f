//! One check: when it probes next, and what it believes.
//!
//! ```text
//!              failure, before the first success or after `retry` of them
//!        Up  ------------------------------------------------------------->  Down
//!            <-------------------------------------------------------------
//!                                   `rise` successes
//! ```
//!
//! A check of several steps succeeds when all of them have passed in turn. The step that made the verdict Down is
//! probed until it passes; then all steps have to.

use core::time::Duration;
use std::sync::Arc;

use clock::Instant;

use crate::snapshot::CheckSnapshot;
use crate::{
    CheckParameters, Failure, Outcome, Recovery, Source, Timing, Tolerance, Verdict, WeightEffect,
};

/// The state of one check.
#[derive(Clone, Debug)]
pub(crate) struct Checker {
    parameters: CheckParameters,
    verdict: Verdict,
    /// Whether the verdict comes from outcomes.
    is_proven: bool,
    /// Failures in a row that were tolerated.
    failures: u32,
    /// Successes in a row while Down.
    successes: u32,
    /// The step to probe, from 0.
    step: u16,
    /// Whether that step is the one that failed.
    is_failing: bool,
    effect: WeightEffect,
    /// The probe asked for last.
    run: u32,
    phase: Phase,
    /// Why a probe failed last; most never did.
    last_failure: Option<Box<Failure>>,
    /// When it began to believe its verdict; none of one that is assumed.
    since: Option<Instant>,
    /// When the last outcome came, and what it was.
    last: Option<(Instant, Verdict)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not started, suspended, or told.
    Idle,
    /// Until then.
    Waiting(Instant),
    /// For the outcome of `run`.
    Probing,
}

/// A probe to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) run: u32,
    pub(crate) step: u16,
}

/// What an outcome means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Nothing new.
    Same,
    /// The verdict is Up now, or is proven for the first time.
    Passed,
    /// A failure.
    Failed { failure: Failure, tolerance: Tolerance },
}

impl Checker {
    /// A check that has not started. `verdict` is what it says until it knows.
    pub(crate) const fn new(parameters: CheckParameters, verdict: Verdict) -> Self {
        Self {
            parameters,
            verdict,
            is_proven: false,
            failures: 0,
            successes: 0,
            step: 0,
            is_failing: false,
            effect: WeightEffect::None,
            run: 0,
            phase: Phase::Idle,
            last_failure: None,
            since: None,
            last: None,
        }
    }

    pub(crate) const fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(crate) const fn effect(&self) -> WeightEffect {
        self.effect
    }

    /// Whether the weight that it leaves its server is not known yet.
    pub(crate) const fn owes_weight(&self) -> bool {
        self.parameters.weighs && !self.is_proven
    }

    /// When to call [`Self::probe`].
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting(due) => Some(due),
            Phase::Idle | Phase::Probing => None,
        }
    }

    /// Lets an idle check run.
    pub(crate) fn resume(&mut self, now: Instant) {
        if let (Source::Probed { first, .. }, Phase::Idle) = (&self.parameters.source, self.phase) {
            self.phase = Phase::Waiting(now + *first);
        }
    }

    /// Lets it rest; gives the run that nobody waits for any longer.
    pub(crate) fn suspend(&mut self) -> Option<u32> {
        let before = core::mem::replace(&mut self.phase, Phase::Idle);
        (before == Phase::Probing).then_some(self.run)
    }

    /// The probe that is due.
    pub(crate) fn probe(&mut self, now: Instant) -> Option<Probe> {
        if self.deadline()? > now {
            return None;
        }
        self.run = self.run.wrapping_add(1);
        self.phase = Phase::Probing;
        Some(Probe { run: self.run, step: self.step })
    }

    /// The outcome of a probe; of another than the last one it is ignored.
    pub(crate) fn finish(&mut self, now: Instant, run: u32, outcome: Outcome) -> Finding {
        let Source::Probed { timing, .. } = &self.parameters.source else { return Finding::Same };
        let timing = Arc::clone(timing);
        if self.phase != Phase::Probing || self.run != run {
            return Finding::Same;
        }
        self.heard(now, &outcome);
        let (finding, delay) = match outcome {
            Outcome::Passed(effect) => {
                self.effect = effect;
                self.pass(now, &timing)
            }
            Outcome::Failed(failure) => self.fail(now, &timing, failure),
        };
        self.phase = Phase::Waiting(now + delay);
        finding
    }

    /// What a check hears that is told.
    pub(crate) fn tell(&mut self, now: Instant, outcome: Outcome) -> Finding {
        if self.parameters.source == Source::Told {
            self.heard(now, &outcome);
        }
        match (&self.parameters.source, outcome) {
            (Source::Probed { .. }, _) => Finding::Same,
            (Source::Told, Outcome::Passed(effect)) => {
                self.effect = effect;
                self.acquit(now)
            }
            (Source::Told, Outcome::Failed(failure)) => {
                let tolerance = self.condemn(now, 0);
                self.last_failure = Some(Box::new(failure.clone()));
                Finding::Failed { failure, tolerance }
            }
        }
    }

    /// Takes other parameters without forgetting what it knows; gives the run that nobody waits for any longer.
    pub(crate) fn adjust(&mut self, now: Instant, parameters: &CheckParameters) -> Option<u32> {
        if self.parameters == *parameters {
            return None;
        }
        self.parameters = parameters.clone();
        let Source::Probed { timing, .. } = &parameters.source else { return self.suspend() };
        if self.step >= timing.steps.get() {
            self.step = 0;
            self.is_failing = false;
        }
        if let Phase::Waiting(due) = self.phase {
            self.phase = Phase::Waiting(due.min(now + timing.delay_loop));
        }
        None
    }

    pub(crate) fn snapshot(&self) -> CheckSnapshot {
        CheckSnapshot {
            verdict: self.verdict,
            is_proven: self.is_proven,
            failures: self.failures,
            effect: self.effect,
            next: self.deadline(),
            is_probing: self.phase == Phase::Probing,
            since: self.since,
            last: self.last,
            last_failure: self.last_failure.as_deref().cloned(),
        }
    }

    const fn heard(&mut self, now: Instant, outcome: &Outcome) {
        let verdict = match outcome {
            Outcome::Passed(_) => Verdict::Up,
            Outcome::Failed(_) => Verdict::Down,
        };
        self.last = Some((now, verdict));
    }

    fn pass(&mut self, now: Instant, timing: &Timing) -> (Finding, Duration) {
        self.failures = 0;
        let all_again = core::mem::replace(&mut self.is_failing, false) && self.step > 0;
        self.step = if all_again { 0 } else { self.step.saturating_add(1) };
        if self.step < timing.steps.get() {
            let at_once = timing.recovery == Recovery::Fast
                && !(self.is_proven && self.verdict == Verdict::Up);
            let delay = if at_once { Duration::ZERO } else { timing.delay_loop };
            return (Finding::Same, delay);
        }
        self.step = 0;
        if self.verdict == Verdict::Down {
            self.successes = self.successes.saturating_add(1);
            if self.successes < timing.rise.get() {
                return (Finding::Same, timing.delay_loop);
            }
        }
        (self.acquit(now), timing.delay_loop)
    }

    fn fail(&mut self, now: Instant, timing: &Timing, failure: Failure) -> (Finding, Duration) {
        self.last_failure = Some(Box::new(failure.clone()));
        let tolerated =
            self.verdict == Verdict::Up && self.is_proven && self.failures < timing.retry;
        if tolerated {
            self.failures = self.failures.saturating_add(1);
            let left = timing.retry.saturating_sub(self.failures);
            let tolerance = Tolerance::Tolerated { left };
            return (Finding::Failed { failure, tolerance }, timing.delay_before_retry);
        }
        let retries = self.failures;
        self.is_failing = true;
        let tolerance = self.condemn(now, retries);
        (Finding::Failed { failure, tolerance }, timing.delay_while_down)
    }

    fn acquit(&mut self, now: Instant) -> Finding {
        if self.believe(now, Verdict::Up) { Finding::Passed } else { Finding::Same }
    }

    fn condemn(&mut self, now: Instant, retries: u32) -> Tolerance {
        if self.believe(now, Verdict::Down) {
            Tolerance::Down { retries }
        } else {
            Tolerance::StillDown
        }
    }

    /// The one place where a verdict changes; says whether it did, or was proven for the first time.
    fn believe(&mut self, now: Instant, verdict: Verdict) -> bool {
        let is_news = !self.is_proven || self.verdict != verdict;
        if is_news {
            self.since = Some(now);
        }
        self.verdict = verdict;
        self.is_proven = true;
        self.failures = 0;
        self.successes = 0;
        is_news
    }
}
