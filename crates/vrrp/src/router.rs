//! One virtual router: the transition match of RFC 9568 §6.4 and nothing else.
//!
//! How a role is entered and left stands in `router/roles.rs`, what is done within a role in
//! `router/duties.rs`, what a reload or a tracker changes in `router/adjust.rs`. Whether an advertisement
//! is used at all is decided before, in `reception.rs`; who moves along in a sync group, in `group.rs`.

mod adjust;
mod duties;
#[cfg(test)]
pub(crate) mod fixture;
mod roles;
#[cfg(test)]
mod tests;

use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;

use clock::Instant;
use wire::Priority;

use crate::output::Actions;
use crate::reception::{Remarks, Standing};
use crate::state::State;
use crate::tracking::{TrackerStates, effective_priority};
use crate::{
    Cause, Counters, DeadlineReason, Effect, FaultReason, FaultSet, Former, GroupId, Mode, Notice,
    Parameters, Received, Role,
};

/// One virtual router.
#[derive(Debug)]
pub(crate) struct VirtualRouter {
    parameters: Arc<Parameters>,
    /// Our primary address.
    source: Option<IpAddr>,
    faults: FaultSet,
    /// Effective priority.
    priority: Priority,
    /// An owner that gave way to another claimant, until it is Active again.
    cut: bool,
    group: Option<GroupId>,
    state: State,
    remarks: Remarks,
    counters: Counters,
    /// When the role changed last, and why.
    since: Instant,
    cause: Option<Cause>,
    /// An effect that failed and is asked for again. It belongs to the role: `enter` forgets it.
    retry: Option<Retry>,
    /// What it was under a process before, until it starts.
    former: Former,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Retry {
    at: Instant,
    effect: Effect,
}

/// What can happen to one virtual router.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    Startup,
    /// Stop, with the cause to name.
    Shutdown(Cause),
    /// A timer may be due.
    Timeout,
    /// An advertisement that passed reception.
    Heard(Standing, &'a Received),
    /// The first reason for Fault came up.
    Faulted(FaultReason),
    /// The last reason for Fault is gone.
    Recovered(FaultReason),
    /// The sync group agrees to what the member wants.
    Activate,
    /// The sync group is Active no longer.
    Yield(Cause),
    /// The process did not run for this long.
    Stalled(Duration),
    EffectFailed(Effect),
}

impl VirtualRouter {
    /// A router in Initialize.
    pub(crate) fn new(
        parameters: Arc<Parameters>,
        source: Option<IpAddr>,
        faults: &FaultSet,
        trackers: &TrackerStates,
    ) -> Self {
        let mut router = Self {
            priority: effective_priority(&parameters, trackers, false),
            parameters,
            source,
            faults: faults.iter().filter(|reason| !reason.is_derived()).collect(),
            cut: false,
            group: None,
            state: State::Initialize,
            remarks: Remarks::default(),
            counters: Counters::default(),
            since: Instant::ZERO,
            cause: None,
            retry: None,
            former: Former::None,
        };
        router.faults.set(FaultReason::NoSourceAddress, source.is_none());
        for (tracker, failed) in crate::tracking::faults(&router.parameters, trackers) {
            if failed {
                router.faults.set(FaultReason::Tracker(tracker), true);
            }
        }
        router
    }

    /// Goes on, at its start, where a process before this one ended.
    pub(crate) const fn succeed(&mut self, former: Former) {
        self.former = former;
    }

    /// The transitions: one arm per rule, no wildcard.
    #[expect(clippy::too_many_lines, reason = "the transition match is read as one table")]
    pub(crate) fn handle(&mut self, now: Instant, event: Event<'_>, actions: &mut Actions<'_>) {
        match (&mut self.state, event) {
            // RFC 9568 §6.4.1: an owner takes over at once, everyone else listens first. keepalived: a
            // router with a reason for Fault does neither.
            (State::Initialize, Event::Startup) => self.start(now, Cause::Startup, actions),
            (State::Initialize, Event::Timeout) => self.ask_again(now, actions),
            (State::Initialize, Event::EffectFailed(effect)) => {
                self.effect_failed(now, effect, actions);
            }
            (
                State::Initialize,
                Event::Shutdown(_)
                | Event::Heard(..)
                | Event::Faulted(_)
                | Event::Recovered(_)
                | Event::Activate
                | Event::Yield(_)
                | Event::Stalled(_),
            ) => {}

            // RFC 9568 §6.4.2: Shutdown cancels Active_Down_Timer.
            (State::Backup(_), Event::Shutdown(cause)) => {
                self.enter(now, State::Initialize, cause, actions);
            }
            // RFC 9568 §6.4.2: Active_Down_Timer fires.
            (State::Backup(backup), Event::Timeout) if backup.active_down_timer.at <= now => {
                self.expire(now, actions);
                self.ask_again(now, actions);
            }
            (State::Backup(_), Event::Timeout) => self.ask_again(now, actions),
            // RFC 9568 §6.4.2: priority 0 sets Active_Down_Timer to Skew_Time.
            (State::Backup(_), Event::Heard(Standing::Resigns, advertisement)) => {
                self.await_skew(now, advertisement, actions);
            }
            // RFC 9568 §6.4.2: a priority not below ours resets Active_Down_Timer.
            (
                State::Backup(_),
                Event::Heard(
                    Standing::Above | Standing::EqualAbove | Standing::Twin | Standing::EqualBelow,
                    advertisement,
                ),
            ) => {
                self.stop_preempt_delay(actions);
                self.follow(now, advertisement, actions);
            }
            // RFC 9568 §6.4.2: a lower priority does so only where Preempt_Mode is off (and during
            // keepalived's preempt_delay); else it is discarded.
            (State::Backup(_), Event::Heard(Standing::Below, advertisement)) => {
                if self.tolerates_lower(now, actions) {
                    self.follow(now, advertisement, actions);
                } else {
                    self.discard_lower(advertisement, actions);
                }
            }
            (State::Backup(_), Event::Faulted(reason)) => {
                self.enter(now, State::Fault, Cause::Fault(reason), actions);
            }
            // keepalived: all members of the sync group want to be Active.
            (State::Backup(_), Event::Activate) => self.activate(now, actions),
            // A timer that ran while we did not says nothing about the silence of others.
            (State::Backup(_), Event::Stalled(span)) => self.listen_after_stall(now, span),
            (State::Backup(_), Event::EffectFailed(effect)) => {
                self.effect_failed(now, effect, actions);
            }
            (State::Backup(_), Event::Startup | Event::Recovered(_) | Event::Yield(_)) => {}

            // RFC 9568 §6.4.3: Shutdown sends priority 0.
            (State::Active(_), Event::Shutdown(cause)) => {
                self.resign(actions);
                self.enter(now, State::Initialize, cause, actions);
            }
            // RFC 9568 §6.4.3: Adver_Timer fires; keepalived: so do the bursts of announcements.
            (State::Active(_), Event::Timeout) => {
                self.advertise_due(now, actions);
                self.announce_due(now, actions);
                self.ask_again(now, actions);
            }
            // RFC 9568 §6.4.3: priority 0 is answered at once, Adver_Timer starts anew.
            (State::Active(_), Event::Heard(Standing::Resigns, advertisement)) => {
                self.answer_resignation(now, advertisement, actions);
            }
            // RFC 9568 §6.4.3: a higher priority, or ours from a higher address, becomes Active.
            (
                State::Active(_),
                Event::Heard(standing @ (Standing::Above | Standing::EqualAbove), advertisement),
            ) => self.give_way(now, standing, advertisement, actions),
            // keepalived: a second owner with a lower address should have given way.
            (State::Active(_), Event::Heard(Standing::EqualBelow, advertisement))
                if self.parameters.mode == Mode::Owner =>
            {
                self.dispute_ownership(now, advertisement, actions);
            }
            // RFC 9568 §6.4.3: anything lower is discarded and answered at once.
            (
                State::Active(_),
                Event::Heard(Standing::EqualBelow | Standing::Below, advertisement),
            ) => self.contest(now, advertisement, actions),
            // keepalived: our own address in another mouth is a mistake to name, not to follow.
            (State::Active(_), Event::Heard(Standing::Twin, advertisement)) => {
                self.remark_twin(advertisement, actions);
            }
            (State::Active(_), Event::Faulted(reason)) => {
                self.resign(actions);
                self.enter(now, State::Fault, Cause::Fault(reason), actions);
            }
            // keepalived: another member of the sync group is Active no longer.
            (State::Active(_), Event::Yield(cause)) => self.step_back(now, cause, actions),
            // Others may long be Active: listen for one interval and the skew before claiming again.
            (State::Active(_), Event::Stalled(span)) => {
                self.step_back_after_stall(now, span, actions);
            }
            (State::Active(_), Event::EffectFailed(effect)) => {
                self.effect_failed(now, effect, actions);
            }
            (State::Active(_), Event::Startup | Event::Recovered(_) | Event::Activate) => {}

            // keepalived: Fault sends nothing and hears nothing.
            (State::Fault, Event::Shutdown(cause)) => {
                self.enter(now, State::Initialize, cause, actions);
            }
            (State::Fault, Event::Recovered(reason)) => {
                self.start(now, Cause::Recovered(reason), actions);
            }
            (State::Fault, Event::Timeout) => self.ask_again(now, actions),
            (State::Fault, Event::EffectFailed(effect)) => {
                self.effect_failed(now, effect, actions);
            }
            (
                State::Fault,
                Event::Startup
                | Event::Heard(..)
                | Event::Faulted(_)
                | Event::Activate
                | Event::Yield(_)
                | Event::Stalled(_),
            ) => {}
        }
    }

    /// Takes an advertisement through reception to the transition match.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        advertisement: &Received,
        actions: &mut Actions<'_>,
    ) {
        if !matches!(self.role(), Role::Backup | Role::Active) {
            return;
        }
        self.counters.advertisements_received += 1;
        let Self { remarks, parameters, counters, .. } = self;
        if !remarks.accept(parameters, advertisement, counters, actions) {
            self.counters.advertisements_refused += 1;
            return;
        }
        let standing = Standing::of(advertisement, self.priority, self.source);
        self.handle(now, Event::Heard(standing, advertisement), actions);
    }

    /// Adds or removes a reason for Fault; the first one and the last one change the role.
    pub(crate) fn fault(
        &mut self,
        now: Instant,
        reason: FaultReason,
        present: bool,
        actions: &mut Actions<'_>,
    ) {
        let was_empty = self.faults.is_empty();
        if !self.faults.set(reason, present) {
            return;
        }
        match (was_empty, self.faults.is_empty()) {
            (true, false) => self.handle(now, Event::Faulted(reason), actions),
            (false, true) => self.handle(now, Event::Recovered(reason), actions),
            (true, true) | (false, false)
                if self.role() == Role::Initialize
                    || matches!(reason, FaultReason::SyncGroup(_)) => {}
            (true, true) | (false, false) => actions.notice(if present {
                Notice::FaultRaised(reason)
            } else {
                Notice::FaultCleared(reason)
            }),
        }
    }

    /// Our primary address; none is a reason for Fault.
    pub(crate) fn source(
        &mut self,
        now: Instant,
        address: Option<IpAddr>,
        actions: &mut Actions<'_>,
    ) {
        self.source = address;
        self.fault(now, FaultReason::NoSourceAddress, address.is_none(), actions);
    }

    /// The next thing that is due, with its reason.
    pub(crate) fn deadline(&self) -> Option<(Instant, DeadlineReason)> {
        let own = match &self.state {
            State::Initialize | State::Fault => None,
            State::Backup(backup) => {
                Some((backup.active_down_timer.at, DeadlineReason::ActiveDownTimer))
            }
            State::Active(active) => {
                let adver = (active.adver_timer, DeadlineReason::AdverTimer);
                let burst = active.bursts.next().map(|at| (at, DeadlineReason::Announcement));
                Some(burst.map_or(adver, |burst| adver.min(burst)))
            }
        };
        let retry = self.retry.map(|retry| (retry.at, DeadlineReason::Retry));
        own.into_iter().chain(retry).min()
    }
}
