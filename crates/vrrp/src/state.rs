//! The states of a virtual router, each with the data that only it has. A timer is a field of the state
//! that owns it, so leaving the state cancels it.
//!
//! ```text
//!                   +------------+   reason for Fault   +-------+
//!        +--------->| Initialize |--------------------->| Fault |<---+
//!        |          +------------+                      +-------+    |
//!        |             |                            last |  ^        |
//! Shutdown      Startup |                    reason gone |  |        | reason
//!        |             v                                 v  |        | for Fault
//!   +--------+   Active_Down_Timer, group agrees   +-----------+     |
//!   | Active |<------------------------------------|  Backup   |-----+
//!   |        |------------------------------------>|           |     |
//!   +--------+   better advertisement              +-----------+     |
//!        +-----------------------------------------------------------+
//! ```
//! RFC 9568 §6.4 has the three states without Fault, which is keepalived's.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use clock::Instant;
use serde::{Deserialize, Serialize};
use wire::Priority;

use crate::timing::sane;
use crate::{AnnounceReason, AnnounceSchedule, Cause, Peer};

/// The role of a virtual router or of a sync group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Not started, or stopped (RFC 9568 §6.4.1).
    Initialize,
    /// Watches the Active router (RFC 9568 §6.4.2).
    Backup,
    /// Holds the addresses (RFC 9568 §6.4.3).
    Active,
    /// Cannot take part (keepalived).
    Fault,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initialize => "Initialize",
            Self::Backup => "Backup",
            Self::Active => "Active",
            Self::Fault => "Fault",
        })
    }
}

/// The state of a virtual router. The reasons for Fault are not in it: they hold in Initialize too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Initialize,
    Backup(Backup),
    Active(Active),
    Fault,
}

impl State {
    pub(crate) const fn role(&self) -> Role {
        match self {
            Self::Initialize => Role::Initialize,
            Self::Backup(_) => Role::Backup,
            Self::Active(_) => Role::Active,
            Self::Fault => Role::Fault,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backup {
    /// Interval of the Active router: learnt in v3, our own until then and in v2.
    pub(crate) active_adver_interval: Duration,
    pub(crate) active_down_timer: DownTimer,
    /// The Active router, once heard.
    pub(crate) active: Option<Peer>,
    /// Sender of the lower priority discarded since the timer was set: whom an expiry preempts.
    pub(crate) discarded: Option<Peer>,
    /// Until when a lower priority is listened to.
    pub(crate) preempt_at: Option<Instant>,
    /// The timer has fired and the sync group has not agreed yet.
    pub(crate) wants_active: Option<Cause>,
}

impl Backup {
    pub(crate) const fn new(active_adver_interval: Duration, timer: DownTimer) -> Self {
        Self {
            active_adver_interval,
            active_down_timer: timer,
            active: None,
            discarded: None,
            preempt_at: None,
            wants_active: None,
        }
    }

    /// Why the router becomes Active when the timer fires now.
    pub(crate) fn expiry_cause(&self, ours: Priority) -> Cause {
        let timer = self.active_down_timer;
        match (self.discarded, timer.meaning) {
            (Some(peer), Meaning::Silence) => Cause::LowerPriority { peer, ours },
            (_, Meaning::Owner) => Cause::Owner,
            (_, Meaning::Resumed) => Cause::Resumed,
            (_, Meaning::Resigned(peer)) => Cause::PeerResigned { peer },
            (None, Meaning::Silence) => {
                Cause::AdvertisementTimeout { last: self.active, waited: timer.span }
            }
        }
    }
}

/// Active_Down_Timer (RFC 9568 §6.2) and what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DownTimer {
    pub(crate) at: Instant,
    pub(crate) span: Duration,
    pub(crate) meaning: Meaning,
}

impl DownTimer {
    pub(crate) fn after(now: Instant, span: Duration, meaning: Meaning) -> Self {
        Self { at: now + span, span, meaning }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing heard from an Active router.
    Silence,
    /// Skew_Time after an Active router resigned.
    Resigned(IpAddr),
    /// An owner does not wait.
    Owner,
    /// Nor does who was Active under a process before this one.
    Resumed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Active {
    pub(crate) adver_timer: Instant,
    pub(crate) bursts: Bursts,
    /// When a lower priority was last heard.
    pub(crate) contested_at: Option<Instant>,
    /// Another claimant to ownership that has not given way yet.
    pub(crate) contest: Option<Contest>,
}

impl Active {
    pub(crate) fn new(now: Instant, interval: Duration, announce: &AnnounceSchedule) -> Self {
        Self {
            adver_timer: now + sane(interval),
            bursts: Bursts {
                takeover_again: announce.again_after.map(|delay| now + delay),
                refresh: announce.refresh.map(|period| now + sane(period)),
                extra: announce.extra.map(|period| now + sane(period)),
                lower_again: None,
                lower_last: None,
            },
            contested_at: None,
            contest: None,
        }
    }
}

/// Announcements still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bursts {
    pub(crate) takeover_again: Option<Instant>,
    pub(crate) refresh: Option<Instant>,
    pub(crate) extra: Option<Instant>,
    pub(crate) lower_again: Option<Instant>,
    pub(crate) lower_last: Option<Instant>,
}

impl Bursts {
    pub(crate) fn next(&self) -> Option<Instant> {
        [self.takeover_again, self.refresh, self.extra, self.lower_again]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes the burst that is due, if one is; the periodic one is set again.
    pub(crate) fn pop_due(
        &mut self,
        now: Instant,
        announce: &AnnounceSchedule,
    ) -> Option<(u32, AnnounceReason)> {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.takeover_again) {
            self.takeover_again = None;
            Some((announce.repeat, AnnounceReason::TakeoverRepeat))
        } else if due(self.lower_again) {
            self.lower_again = None;
            Some((announce.lower_priority_repeat, AnnounceReason::LowerPriorityRepeat))
        } else if due(self.refresh) {
            self.refresh = announce.refresh.map(|period| now + sane(period));
            Some((announce.refresh_repeat, AnnounceReason::Refresh))
        } else if due(self.extra) {
            self.extra = announce.extra.map(|period| now + sane(period));
            Some((1, AnnounceReason::Extra))
        } else {
            None
        }
    }
}

/// Two claimants to ownership of the same addresses. Incumbent: the one with the higher address
/// advertises twice and waits; if the other does not give way, it cuts its own priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contest {
    pub(crate) decide_at: Instant,
    pub(crate) stale_at: Instant,
}
