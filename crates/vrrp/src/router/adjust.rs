//! What a reload and the trackers change while the role stays: nothing that is equal causes anything.

use core::time::Duration;
use std::sync::Arc;

use clock::Instant;
use wire::Version;

use super::VirtualRouter;
use crate::output::Actions;
use crate::state::{DownTimer, Meaning, State};
use crate::timing::sane;
use crate::tracking::{TrackerStates, effective_priority, faults};
use crate::{FaultReason, Mode, Parameters, Preempt};

impl VirtualRouter {
    /// Takes new parameters over without leaving the role.
    pub(crate) fn adjust(
        &mut self,
        now: Instant,
        parameters: Arc<Parameters>,
        trackers: &TrackerStates,
        actions: &mut Actions<'_>,
    ) {
        let old = core::mem::replace(&mut self.parameters, parameters);
        if self.parameters.mode != Mode::Owner {
            self.cut = false;
        }
        self.track(now, trackers, actions);
        let became_owner = old.mode != Mode::Owner && self.parameters.mode == Mode::Owner;
        self.adjust_backup(now, &old, became_owner);
        self.adjust_active(now, &old, actions);
    }

    fn adjust_backup(&mut self, now: Instant, old: &Parameters, became_owner: bool) {
        let interval = self.parameters.advertisement_interval;
        let own_interval_changed = old.advertisement_interval != interval;
        let span = self.active_down(interval);
        let keeps_delay = matches!(
            self.parameters.mode,
            Mode::Contender { preempt: Preempt::After(delay), .. } if !delay.is_zero()
        );
        let State::Backup(backup) = &mut self.state else { return };
        if !keeps_delay {
            backup.preempt_at = None;
        }
        if became_owner {
            backup.active_down_timer = DownTimer::after(now, Duration::ZERO, Meaning::Owner);
        } else if own_interval_changed
            && (self.parameters.version == Version::V2 || backup.active.is_none())
        {
            backup.active_adver_interval = interval;
            backup.active_down_timer = DownTimer::after(now, span, Meaning::Silence);
        }
    }

    /// A changed interval is told at once: a Backup that learnt a shorter one would take over before the
    /// next advertisement.
    fn adjust_active(&mut self, now: Instant, old: &Parameters, actions: &mut Actions<'_>) {
        let announce = self.parameters.announce;
        if let State::Active(active) = &mut self.state {
            if announce.refresh != old.announce.refresh {
                active.bursts.refresh = announce.refresh.map(|period| now + sane(period));
            }
            if announce.extra != old.announce.extra {
                active.bursts.extra = announce.extra.map(|period| now + sane(period));
            }
        }
        if matches!(self.state, State::Active(_))
            && old.advertisement_interval != self.parameters.advertisement_interval
        {
            self.restart_adver_timer(now, actions);
        }
    }

    /// Applies the states of the watched things: priority first, then new reasons for Fault, then those
    /// that are gone, so that no change passes through a role that it does not end in.
    pub(crate) fn track(
        &mut self,
        now: Instant,
        trackers: &TrackerStates,
        actions: &mut Actions<'_>,
    ) {
        self.set_priority(effective_priority(&self.parameters, trackers, self.cut), actions);
        let failed: Vec<FaultReason> = faults(&self.parameters, trackers)
            .filter(|(_, failed)| *failed)
            .map(|(tracker, _)| FaultReason::Tracker(tracker))
            .collect();
        let gone: Vec<FaultReason> = self
            .faults()
            .iter()
            .filter(|reason| matches!(reason, FaultReason::Tracker(_)) && !failed.contains(reason))
            .collect();
        for reason in failed {
            self.fault(now, reason, true, actions);
        }
        for reason in gone {
            self.fault(now, reason, false, actions);
        }
    }
}
