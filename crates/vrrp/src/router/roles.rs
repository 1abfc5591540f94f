//! How a role is entered and left. Every change of role passes `enter`.

use core::net::IpAddr;
use core::time::Duration;

use clock::Instant;
use wire::{Priority, Version};

use super::VirtualRouter;
use crate::output::Actions;
use crate::reception::Standing;
use crate::state::{Active, Backup, DownTimer, Meaning, State};
use crate::timing::sane;
use crate::{
    Action, AnnounceReason, Cause, Counters, FaultSet, Former, GroupId, InstanceSnapshot, Mode,
    Notice, Parameters, Peer, Received, Reply, Role, Start, active_down_interval, skew_time,
};

impl VirtualRouter {
    /// The one door of every change of role.
    pub(super) fn enter(
        &mut self,
        now: Instant,
        state: State,
        cause: Cause,
        actions: &mut Actions<'_>,
    ) {
        let (from, to) = (self.state.role(), state.role());
        self.state = state;
        self.since = now;
        self.cause = Some(cause);
        self.retry = None;
        self.remarks.renew();
        // One that goes on became Active under the process before.
        self.counters.became_active += u64::from(to == Role::Active && cause != Cause::Resumed);
        self.counters.released += u64::from(from == Role::Active);
        self.counters.faulted += u64::from(to == Role::Fault);
        actions.push(Action::Transitioned { from, to, cause });
    }

    /// From Initialize or Fault: to Fault with a reason for it, else to Backup. An owner's first timer is
    /// due at once (RFC 9568 §6.4.1); through Backup, because its sync group must agree.
    pub(super) fn start(&mut self, now: Instant, cause: Cause, actions: &mut Actions<'_>) {
        let base = self.base_priority();
        if cause == Cause::Startup && self.priority != base {
            actions.push(Action::PriorityChanged { from: base, to: self.priority });
        }
        let former = core::mem::take(&mut self.former);
        let fault = self.faults.iter().next();
        if let Some(reason) = fault {
            return self.enter(now, State::Fault, Cause::Fault(reason), actions);
        }
        let cause = if former == Former::Inactive { Cause::Resumed } else { cause };
        let interval = self.parameters.advertisement_interval;
        let timer = match (self.parameters.mode, self.parameters.start) {
            // Through Backup, because its sync group must agree.
            _ if former == Former::Active => {
                DownTimer::after(now, Duration::ZERO, Meaning::Resumed)
            }
            (Mode::Owner, _) if !self.cut => DownTimer::after(now, Duration::ZERO, Meaning::Owner),
            (Mode::Owner | Mode::Contender { .. }, Start::Active) if cause == Cause::Startup => {
                DownTimer::after(now, self.short_wait(), Meaning::Silence)
            }
            (Mode::Owner | Mode::Contender { .. }, Start::Active | Start::Backup) => {
                DownTimer::after(now, self.active_down(interval), Meaning::Silence)
            }
        };
        self.enter(now, State::Backup(Backup::new(interval, timer)), cause, actions);
    }

    /// Active_Down_Timer has fired: alone, the router becomes Active; in a sync group it says so, waits
    /// for one more period and leaves the decision to the group.
    pub(super) fn expire(&mut self, now: Instant, actions: &mut Actions<'_>) {
        let State::Backup(backup) = &self.state else { return };
        let cause = backup.expiry_cause(self.priority);
        let span = self.active_down(backup.active_adver_interval);
        match self.group {
            None => self.become_active(now, cause, actions),
            Some(_) => {
                let State::Backup(backup) = &mut self.state else { return };
                backup.wants_active.get_or_insert(cause);
                backup.active_down_timer = DownTimer::after(now, span, Meaning::Silence);
            }
        }
    }

    /// The sync group agrees.
    pub(super) fn activate(&mut self, now: Instant, actions: &mut Actions<'_>) {
        if let State::Backup(Backup { wants_active: Some(cause), .. }) = self.state {
            self.become_active(now, cause, actions);
        }
    }

    /// The order of keepalived: advertisement first, so that peers and bridges know at once; then the
    /// addresses, then their announcement.
    fn become_active(&mut self, now: Instant, cause: Cause, actions: &mut Actions<'_>) {
        if core::mem::take(&mut self.cut) {
            self.set_priority(Priority::OWNER, actions);
        }
        self.advertise(actions);
        let announce = self.parameters.announce;
        let active = Active::new(now, self.parameters.advertisement_interval, &announce);
        self.enter(now, State::Active(active), cause, actions);
        actions.push(Action::Assume);
        announce_once(announce.repeat, AnnounceReason::Takeover, actions);
    }

    /// Before leaving Active on our own accord: priority 0, addresses away.
    pub(super) fn resign(&mut self, actions: &mut Actions<'_>) {
        self.counters.advertisements_sent += 1;
        self.counters.resignations_sent += 1;
        actions.push(Action::Advertise { priority: Priority::RESIGN });
        actions.push(Action::Release);
    }

    /// RFC 9568 §6.4.3: a better router is Active; its interval counts from now on.
    pub(super) fn give_way(
        &mut self,
        now: Instant,
        standing: Standing,
        advertisement: &Received,
        actions: &mut Actions<'_>,
    ) {
        let peer = peer_of(advertisement);
        let cause = if standing == Standing::Above {
            Cause::HigherPriority { peer, ours: self.priority }
        } else if self.parameters.mode == Mode::Owner {
            actions.notice(Notice::OwnerConflict { peer: peer.address });
            Cause::OwnerConflict { peer: peer.address }
        } else {
            Cause::HigherAddress { peer, ours: self.source }
        };
        if self.parameters.on_higher_priority == Reply::Advertise {
            self.advertise(actions);
        }
        self.follow_from_active(now, advertisement, cause, actions);
    }

    pub(super) fn follow_from_active(
        &mut self,
        now: Instant,
        advertisement: &Received,
        cause: Cause,
        actions: &mut Actions<'_>,
    ) {
        let interval = self.active_interval_of(advertisement);
        let came = now - advertisement.waited;
        let timer = DownTimer::after(came, self.active_down(interval), Meaning::Silence);
        let backup =
            Backup { active: Some(peer_of(advertisement)), ..Backup::new(interval, timer) };
        actions.push(Action::Release);
        self.enter(now, State::Backup(backup), cause, actions);
    }

    /// Active no longer, without anybody heard and without resigning.
    pub(super) fn step_back(&mut self, now: Instant, cause: Cause, actions: &mut Actions<'_>) {
        let span = self.active_down(self.parameters.advertisement_interval);
        self.step_back_for(now, span, cause, actions);
    }

    /// An advertisement heard at this very wake-up has already decided by the rules.
    pub(super) fn step_back_after_stall(
        &mut self,
        now: Instant,
        span: Duration,
        actions: &mut Actions<'_>,
    ) {
        let State::Active(active) = &self.state else { return };
        let decided = active.contested_at == Some(now);
        if !decided && span > self.active_down(self.parameters.advertisement_interval) {
            self.step_back_for(now, self.short_wait(), Cause::Stalled(span), actions);
        }
    }

    fn step_back_for(
        &mut self,
        now: Instant,
        span: Duration,
        cause: Cause,
        actions: &mut Actions<'_>,
    ) {
        let timer = DownTimer::after(now, span, Meaning::Silence);
        let backup = Backup::new(self.parameters.advertisement_interval, timer);
        actions.push(Action::Release);
        self.enter(now, State::Backup(backup), cause, actions);
    }

    /// Sends one advertisement with the effective priority.
    pub(super) fn advertise(&mut self, actions: &mut Actions<'_>) {
        self.counters.advertisements_sent += 1;
        actions.push(Action::Advertise { priority: self.priority });
    }

    pub(super) fn set_priority(&mut self, priority: Priority, actions: &mut Actions<'_>) {
        let from = core::mem::replace(&mut self.priority, priority);
        if from != priority && self.role() != Role::Initialize {
            actions.push(Action::PriorityChanged { from, to: priority });
        }
    }

    /// One interval and the skew: long enough to hear an Active router that is there.
    pub(super) fn short_wait(&self) -> Duration {
        let interval = sane(self.parameters.advertisement_interval);
        interval.saturating_add(skew_time(self.parameters.version, interval, self.priority))
    }

    pub(super) fn active_down(&self, interval: Duration) -> Duration {
        let adverts = self.parameters.down_timer_adverts;
        active_down_interval(self.parameters.version, interval, self.priority, adverts)
    }

    /// Active_Adver_Interval after `advertisement`: learnt in v3, ours in v2.
    pub(super) fn active_interval_of(&self, advertisement: &Received) -> Duration {
        match self.parameters.version {
            Version::V2 => self.parameters.advertisement_interval,
            Version::V3 => advertisement.interval.as_duration(),
        }
    }

    pub(super) fn base_priority(&self) -> Priority {
        match self.parameters.mode {
            Mode::Owner => Priority::OWNER,
            Mode::Contender { priority, .. } => priority,
        }
    }

    pub(crate) const fn role(&self) -> Role {
        self.state.role()
    }

    pub(crate) const fn effective_priority(&self) -> Priority {
        self.priority
    }

    pub(crate) const fn faults(&self) -> &FaultSet {
        &self.faults
    }

    pub(crate) const fn address(&self) -> Option<IpAddr> {
        self.source
    }

    /// Ready to become Active, as far as the sync group agrees.
    pub(crate) const fn wants_active(&self) -> bool {
        matches!(&self.state, State::Backup(Backup { wants_active: Some(_), .. }))
    }

    pub(crate) const fn join(&mut self, group: Option<GroupId>) {
        self.group = group;
    }

    pub(crate) fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    pub(crate) const fn adver_timer(&self) -> Option<Instant> {
        match &self.state {
            State::Active(active) => Some(active.adver_timer),
            State::Initialize | State::Backup(_) | State::Fault => None,
        }
    }

    /// Moves Adver_Timer onto the common grid.
    pub(crate) const fn pace(&mut self, adver_timer: Instant) {
        if let State::Active(active) = &mut self.state {
            active.adver_timer = adver_timer;
        }
    }

    /// Whether a lower priority was heard at `now`.
    pub(crate) fn was_contested_at(&self, now: Instant) -> bool {
        matches!(&self.state, State::Active(active) if active.contested_at == Some(now))
    }

    pub(crate) fn snapshot(&self) -> InstanceSnapshot {
        let interval = self.parameters.advertisement_interval;
        let (active, learned, timer) = match &self.state {
            State::Initialize | State::Fault => (None, interval, None),
            State::Backup(backup) => {
                (backup.active, backup.active_adver_interval, Some(backup.active_down_timer.at))
            }
            State::Active(active) => (None, interval, Some(active.adver_timer)),
        };
        InstanceSnapshot {
            role: self.role(),
            base_priority: self.base_priority(),
            effective_priority: self.priority,
            faults: self.faults.clone(),
            cause: self.cause,
            source: self.source,
            active,
            advertisement_interval: interval,
            active_adver_interval: learned,
            skew_time: skew_time(self.parameters.version, learned, self.priority),
            active_down_interval: self.active_down(learned),
            since: self.since,
            timer,
            counters: self.counters(),
        }
    }

    pub(super) const fn counters(&self) -> Counters {
        self.counters
    }

    /// Counts from nothing again.
    pub(crate) fn clear_counters(&mut self) {
        self.counters = Counters::default();
    }
}

pub(super) fn announce_once(count: u32, reason: AnnounceReason, actions: &mut Actions<'_>) {
    if count > 0 {
        actions.push(Action::Announce { count, reason });
    }
}

pub(super) const fn peer_of(advertisement: &Received) -> Peer {
    Peer { address: advertisement.source, priority: advertisement.priority }
}
