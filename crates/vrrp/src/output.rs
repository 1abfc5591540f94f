//! What the election asks of the shell, in the order in which it shall be done.

use core::net::IpAddr;
use core::time::Duration;

use serde::{Deserialize, Serialize};
use wire::Priority;

use crate::{Cause, Effect, FaultReason, GroupId, InstanceId, Peer, Role};

/// One thing to do or to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// For one virtual router.
    Instance {
        /// Which.
        instance: InstanceId,
        /// What.
        action: Action,
    },
    /// A sync group changed its role. Comes before the moves of the members that it takes along.
    Group {
        /// Which.
        group: GroupId,
        /// Role before.
        from: Role,
        /// Role now.
        to: Role,
    },
}

/// What to do or report for one virtual router.
///
/// Becoming Active is `Advertise, Transitioned, Assume, Announce`; leaving it is `Advertise` with
/// priority 0 where the router resigns, then `Release, Transitioned`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Send an advertisement with this priority and the configured addresses.
    Advertise {
        /// 0 resigns.
        priority: Priority,
    },
    /// Hold the virtual addresses from now on.
    Assume,
    /// Hold the virtual addresses no longer.
    Release,
    /// Send this many gratuitous ARP or unsolicited neighbour advertisements for each address.
    Announce {
        /// How many of each address.
        count: u32,
        /// What for.
        reason: AnnounceReason,
    },
    /// The role changed.
    Transitioned {
        /// Role before.
        from: Role,
        /// Role now.
        to: Role,
        /// Why.
        cause: Cause,
    },
    /// The effective priority changed.
    PriorityChanged {
        /// Priority before.
        from: Priority,
        /// Priority now.
        to: Priority,
    },
    /// Something to log, with nothing to do.
    Noticed(Notice),
}

/// What an announcement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnnounceReason {
    /// The router has become Active.
    Takeover,
    /// Second burst after a takeover.
    TakeoverRepeat,
    /// Periodic refresh.
    Refresh,
    /// A lower priority was heard: switches and neighbours may have learnt wrongly.
    LowerPriority,
    /// Second burst after that.
    LowerPriorityRepeat,
    /// Periodic, of one address on each link that the router does not advertise through.
    Extra,
}

/// A remark. Those about what a peer sends wrongly come once until the role or the Active router changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// Backup: the Active router is known, or another one.
    ActiveRouter {
        /// The one before, where there was one.
        from: Option<IpAddr>,
        /// The one now.
        to: IpAddr,
    },
    /// Backup: a lower priority was discarded; its sender will be preempted.
    LowerDiscarded {
        /// Its sender.
        peer: Peer,
        /// Our priority.
        ours: Priority,
    },
    /// Active: a lower priority, or our priority from a lower address, forces a new election.
    LowerContested {
        /// Its sender.
        peer: Peer,
        /// Our priority.
        ours: Priority,
    },
    /// Active: our own priority from our own address.
    OwnAddress {
        /// Its sender.
        peer: Peer,
    },
    /// Active: another router also claims to own the addresses.
    OwnerConflict {
        /// The other claimant.
        peer: IpAddr,
    },
    /// Priority 0 was received.
    PeerResigned {
        /// The router that resigns.
        peer: IpAddr,
        /// Our role.
        role: Role,
    },
    /// v2: the interval is not ours; the advertisement was discarded.
    IntervalDiffers {
        /// Its sender.
        peer: IpAddr,
        /// Advertised interval.
        theirs: Duration,
        /// Configured interval.
        ours: Duration,
    },
    /// v3: an interval of 0 was discarded.
    IntervalZero {
        /// Its sender.
        peer: IpAddr,
    },
    /// v3, Backup: the interval of the Active router was learnt.
    IntervalLearned {
        /// Its sender.
        peer: IpAddr,
        /// Active_Adver_Interval before.
        from: Duration,
        /// Active_Adver_Interval now.
        to: Duration,
    },
    /// The advertisement is of another version; it was discarded.
    VersionDiffers {
        /// Its sender.
        peer: IpAddr,
    },
    /// The number of addresses is not ours. The advertisement was used.
    AddressCountDiffers {
        /// Its sender.
        peer: IpAddr,
        /// How many we have.
        expected: usize,
        /// How many it has.
        received: usize,
    },
    /// An address of ours is not in the advertisement. The advertisement was used.
    AddressMissing {
        /// Its sender.
        peer: IpAddr,
        /// The first one that is missing.
        address: IpAddr,
    },
    /// Backup: a lower priority is listened to for this long.
    PreemptDelayStarted {
        /// How long.
        delay: Duration,
    },
    /// Backup: the delay ended before its time.
    PreemptDelayStopped,
    /// Backup: ready to become Active, but the sync group is not.
    GroupAwaited {
        /// The group.
        group: GroupId,
    },
    /// One more reason for Fault, which does not change the role.
    FaultRaised(FaultReason),
    /// One reason for Fault less, which does not change the role.
    FaultCleared(FaultReason),
    /// An action failed; it is asked for again after this time, or not at all.
    EffectFailed {
        /// Which.
        what: Effect,
        /// Time to the next attempt.
        retry: Option<Duration>,
    },
}

/// Outputs in order. One value is reused for the life of the shell, so that the steady state allocates
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs(Vec<Output>);

impl Outputs {
    /// No outputs.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends `output`.
    pub fn push(&mut self, output: Output) {
        self.0.push(output);
    }

    /// The outputs in order.
    pub fn iter(&self) -> core::slice::Iter<'_, Output> {
        self.0.iter()
    }

    /// The outputs in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Output] {
        &self.0
    }

    /// Removes and returns all outputs in order, keeping the memory.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Output> {
        self.0.drain(..)
    }

    /// Removes all outputs, keeping the memory of a usual turn: that of one in which thousands moved is given back.
    pub fn clear(&mut self) {
        self.0.clear();
        self.0.shrink_to(USUAL);
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of outputs.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }
}

/// Several bursts of advertisements.
const USUAL: usize = 256;

impl<'a> IntoIterator for &'a Outputs {
    type Item = &'a Output;
    type IntoIter = core::slice::Iter<'a, Output>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// The outputs of one virtual router.
pub(crate) struct Actions<'a> {
    pub(crate) instance: InstanceId,
    pub(crate) outputs: &'a mut Outputs,
}

impl Actions<'_> {
    pub(crate) fn push(&mut self, action: Action) {
        self.outputs.push(Output::Instance { instance: self.instance, action });
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.push(Action::Noticed(notice));
    }
}
