//! What a router does without leaving its role: listen, discard and delay as Backup; advertise,
//! announce and contest as Active; ask again for what failed.

use core::time::Duration;

use clock::Instant;
use wire::Priority;

use super::roles::{announce_once, peer_of};
use super::{Retry, VirtualRouter};
use crate::output::Actions;
use crate::state::{Contest, DownTimer, Meaning, State};
use crate::timing::sane;
use crate::{
    Action, AnnounceReason, Cause, Effect, Mode, Notice, Preempt, Received, Reply, Role, skew_time,
};

// ===== Backup =====
impl VirtualRouter {
    /// Listens to the sender of `advertisement` as the Active router.
    pub(super) fn follow(
        &mut self,
        now: Instant,
        advertisement: &Received,
        actions: &mut Actions<'_>,
    ) {
        let to = self.active_interval_of(advertisement);
        let span = self.active_down(to);
        let peer = peer_of(advertisement);
        let State::Backup(backup) = &mut self.state else { return };
        let from = core::mem::replace(&mut backup.active_adver_interval, to);
        let before = backup.active.replace(peer).map(|peer| peer.address);
        let came = now - advertisement.waited;
        backup.active_down_timer = DownTimer::after(came, span, Meaning::Silence);
        backup.discarded = None;
        backup.wants_active = None;
        if before != Some(peer.address) {
            if before.is_some() {
                self.remarks.renew();
            }
            actions.notice(Notice::ActiveRouter { from: before, to: peer.address });
        }
        if from != to {
            actions.notice(Notice::IntervalLearned { peer: peer.address, from, to });
        }
    }

    /// Takes over after Skew_Time, unless another Backup does so first.
    pub(super) fn await_skew(
        &mut self,
        now: Instant,
        advertisement: &Received,
        actions: &mut Actions<'_>,
    ) {
        let (version, priority) = (self.parameters.version, self.priority);
        let peer = advertisement.source;
        self.counters.resignations_received += 1;
        let State::Backup(backup) = &mut self.state else { return };
        let skew = skew_time(version, backup.active_adver_interval, priority);
        let came = now - advertisement.waited;
        backup.active_down_timer = DownTimer::after(came, skew, Meaning::Resigned(peer));
        backup.discarded = None;
        backup.wants_active = None;
        actions.notice(Notice::PeerResigned { peer, role: Role::Backup });
    }

    /// Whether a lower priority is listened to; starts keepalived's preempt_delay with the first one.
    pub(super) fn tolerates_lower(&mut self, now: Instant, actions: &mut Actions<'_>) -> bool {
        let Mode::Contender { preempt, .. } = self.parameters.mode else { return false };
        let State::Backup(backup) = &mut self.state else { return false };
        match preempt {
            Preempt::Immediately => false,
            Preempt::Never => true,
            Preempt::After(delay) => match backup.preempt_at {
                Some(at) => now < at,
                None if delay.is_zero() => false,
                None => {
                    backup.preempt_at = Some(now + delay);
                    actions.notice(Notice::PreemptDelayStarted { delay });
                    true
                }
            },
        }
    }

    pub(super) fn stop_preempt_delay(&mut self, actions: &mut Actions<'_>) {
        if let State::Backup(backup) = &mut self.state
            && backup.preempt_at.take().is_some()
        {
            actions.notice(Notice::PreemptDelayStopped);
        }
    }

    /// Active_Down_Timer runs on: its sender is about to be preempted.
    pub(super) fn discard_lower(&mut self, advertisement: &Received, actions: &mut Actions<'_>) {
        let peer = peer_of(advertisement);
        self.counters.lower_discarded += 1;
        actions.notice(Notice::LowerDiscarded { peer, ours: self.priority });
        if let State::Backup(backup) = &mut self.state {
            backup.discarded = Some(peer);
        }
    }

    pub(super) fn listen_after_stall(&mut self, now: Instant, span: Duration) {
        let wait = self.short_wait();
        let State::Backup(backup) = &self.state else { return };
        let down = self.active_down(backup.active_adver_interval);
        let State::Backup(backup) = &mut self.state else { return };
        if span > down && backup.active_down_timer.at < now + wait {
            backup.active_down_timer = DownTimer::after(now, wait, Meaning::Silence);
        }
    }
}

// ===== Active =====
impl VirtualRouter {
    /// Deadlines are absolute: the next one counts from the last one, not from now. Where more than one
    /// interval was missed, what was missed is not made up for.
    pub(super) fn advertise_due(&mut self, now: Instant, actions: &mut Actions<'_>) {
        let interval = sane(self.parameters.advertisement_interval);
        let State::Active(active) = &mut self.state else { return };
        if active.adver_timer > now {
            return;
        }
        active.adver_timer += interval;
        if active.adver_timer <= now {
            let late = now.since(active.adver_timer).as_nanos();
            let behind = late % interval.as_nanos().max(1);
            let behind = Duration::from_nanos(u64::try_from(behind).unwrap_or(0));
            active.adver_timer = now - behind + interval;
        }
        self.advertise(actions);
    }

    pub(super) fn announce_due(&mut self, now: Instant, actions: &mut Actions<'_>) {
        let announce = self.parameters.announce;
        let State::Active(active) = &mut self.state else { return };
        while let Some((count, reason)) = active.bursts.pop_due(now, &announce) {
            announce_once(count, reason, actions);
        }
    }

    /// RFC 9568 §6.4.3: everyone shall know at once that somebody is still Active.
    pub(super) fn answer_resignation(
        &mut self,
        now: Instant,
        advertisement: &Received,
        actions: &mut Actions<'_>,
    ) {
        self.counters.resignations_received += 1;
        let notice = Notice::PeerResigned { peer: advertisement.source, role: Role::Active };
        actions.notice(notice);
        self.restart_adver_timer(now, actions);
    }

    /// Sends at once and counts the interval from now.
    pub(super) fn restart_adver_timer(&mut self, now: Instant, actions: &mut Actions<'_>) {
        let interval = sane(self.parameters.advertisement_interval);
        self.advertise(actions);
        if let State::Active(active) = &mut self.state {
            active.adver_timer = now + interval;
        }
    }

    /// RFC 9568 §6.4.3: asserts our state to the sender and to learning bridges. keepalived: announces
    /// the addresses again too.
    pub(super) fn contest(
        &mut self,
        now: Instant,
        advertisement: &Received,
        actions: &mut Actions<'_>,
    ) {
        let notice = Notice::LowerContested { peer: peer_of(advertisement), ours: self.priority };
        actions.notice(notice);
        if self.parameters.on_lower_priority == Reply::Advertise {
            self.advertise(actions);
        }
        if let State::Active(active) = &mut self.state {
            active.contested_at = Some(now);
        }
        self.announce_contested(now, actions);
    }

    /// At most one burst an interval: a flood of lower priorities shall not become a flood of ours.
    pub(crate) fn announce_contested(&mut self, now: Instant, actions: &mut Actions<'_>) {
        let interval = sane(self.parameters.advertisement_interval);
        let announce = self.parameters.announce;
        let State::Active(active) = &mut self.state else { return };
        if active.bursts.lower_last.is_some_and(|last| now < last + interval) {
            return;
        }
        active.bursts.lower_last = Some(now);
        announce_once(announce.lower_priority_repeat, AnnounceReason::LowerPriority, actions);
        if announce.lower_priority_repeat > 0 {
            let delay = announce.lower_priority_again_after;
            active.bursts.lower_again = delay.map(|delay| now + delay);
        }
    }

    /// Advertises twice and waits for 1.2 of the longer interval; a claimant that still advertises then
    /// makes us cut our own claim, until we are Active again.
    pub(super) fn dispute_ownership(
        &mut self,
        now: Instant,
        advertisement: &Received,
        actions: &mut Actions<'_>,
    ) {
        let peer = advertisement.source;
        let longer =
            sane(self.parameters.advertisement_interval).max(advertisement.interval.as_duration());
        let State::Active(active) = &mut self.state else { return };
        active.contested_at = Some(now);
        match active.contest {
            Some(contest) if now < contest.decide_at => {}
            Some(contest) if now < contest.stale_at => {
                self.cut = true;
                self.set_priority(Priority(254), actions);
                let cause = Cause::OwnerConflict { peer };
                self.follow_from_active(now, advertisement, cause, actions);
            }
            Some(_) | None => {
                let wait = longer.saturating_mul(6) / 5;
                active.contest = Some(Contest {
                    decide_at: now + wait,
                    stale_at: now + wait + longer.saturating_mul(3),
                });
                actions.notice(Notice::OwnerConflict { peer });
                self.advertise(actions);
                self.advertise(actions);
            }
        }
    }

    pub(super) fn remark_twin(&mut self, advertisement: &Received, actions: &mut Actions<'_>) {
        if !core::mem::replace(&mut self.remarks.own_address, true) {
            actions.notice(Notice::OwnAddress { peer: peer_of(advertisement) });
        }
    }
}

// ===== Effects =====
impl VirtualRouter {
    /// Addresses that could not be added or removed are tried again; the rest is sent again anyway.
    pub(super) fn effect_failed(
        &mut self,
        now: Instant,
        effect: Effect,
        actions: &mut Actions<'_>,
    ) {
        let again = match (effect, self.role()) {
            (Effect::Assume, Role::Active)
            | (Effect::Release, Role::Initialize | Role::Backup | Role::Fault) => true,
            (Effect::Assume, Role::Initialize | Role::Backup | Role::Fault)
            | (Effect::Release, Role::Active)
            | (Effect::Advertise | Effect::Announce, _) => false,
        };
        if again {
            self.retry = Some(Retry { at: now + RETRY, effect });
        }
        actions.notice(Notice::EffectFailed { what: effect, retry: again.then_some(RETRY) });
    }

    pub(super) fn ask_again(&mut self, now: Instant, actions: &mut Actions<'_>) {
        if let Some(retry) = self.retry.take_if(|retry| retry.at <= now) {
            match retry.effect {
                Effect::Assume => actions.push(Action::Assume),
                Effect::Release => actions.push(Action::Release),
                Effect::Advertise | Effect::Announce => {}
            }
        }
    }
}

/// Time after which an effect that failed is asked for again.
const RETRY: Duration = Duration::from_secs(1);
