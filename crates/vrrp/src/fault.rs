//! Why a virtual router cannot take part: a set of named reasons, Fault being the state of a set that
//! is not empty. An extension of keepalived; RFC 9568 knows no such state.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{GroupId, TrackerId};

/// One reason for Fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FaultReason {
    /// The configuration asks for what is not executed yet, or contradicts itself.
    Configuration,
    /// The interface is down or has no carrier.
    InterfaceDown,
    /// No interface of that name exists.
    InterfaceMissing,
    /// The interface under a virtual MAC link is down.
    BaseInterfaceDown,
    /// The link with the virtual MAC could not be made.
    VirtualLinkMissing,
    /// The interface has no address of the family to send from. [`crate::Input::Source`] sets and clears it.
    NoSourceAddress,
    /// The host does not have the configured address to send from, and shall have it.
    SourceMissing,
    /// A socket could not be opened or stopped working.
    SocketFailed,
    /// The process may not do what the role needs.
    MissingPrivilege,
    /// Another instance has the same interface, family and VRID.
    DuplicateVrid,
    /// A watched thing without weight has failed or was not looked at yet. Derived from
    /// [`crate::Input::Tracker`], never reported by the shell.
    Tracker(TrackerId),
    /// Another member of the sync group is in Fault. Derived, never reported by the shell.
    SyncGroup(GroupId),
}

impl FaultReason {
    /// Whether the election itself sets and clears this reason.
    pub(crate) const fn is_derived(self) -> bool {
        match self {
            Self::Tracker(_) | Self::SyncGroup(_) => true,
            Self::InterfaceDown
            | Self::InterfaceMissing
            | Self::BaseInterfaceDown
            | Self::VirtualLinkMissing
            | Self::NoSourceAddress
            | Self::SourceMissing
            | Self::SocketFailed
            | Self::MissingPrivilege
            | Self::DuplicateVrid
            | Self::Configuration => false,
        }
    }
}

impl fmt::Display for FaultReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InterfaceDown => f.write_str("interface down"),
            Self::InterfaceMissing => f.write_str("interface missing"),
            Self::BaseInterfaceDown => f.write_str("base interface down"),
            Self::VirtualLinkMissing => f.write_str("virtual link missing"),
            Self::NoSourceAddress => f.write_str("no source address"),
            Self::SourceMissing => f.write_str("source address missing"),
            Self::SocketFailed => f.write_str("socket failed"),
            Self::MissingPrivilege => f.write_str("privilege missing"),
            Self::DuplicateVrid => f.write_str("duplicate virtual router id"),
            Self::Configuration => f.write_str("configuration not executable"),
            Self::Tracker(tracker) => write!(f, "tracker {}", tracker.0),
            Self::SyncGroup(group) => write!(f, "sync group {}", group.0),
        }
    }
}

/// The reasons that hold at one time, in a fixed order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultSet(BTreeSet<FaultReason>);

impl FaultSet {
    /// No reason.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// Whether no reason holds.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `reason` holds.
    #[must_use]
    pub fn contains(&self, reason: FaultReason) -> bool {
        self.0.contains(&reason)
    }

    /// The reasons.
    pub fn iter(&self) -> impl Iterator<Item = FaultReason> + '_ {
        self.0.iter().copied()
    }

    /// Adds or removes `reason`; says whether that changed the set.
    pub(crate) fn set(&mut self, reason: FaultReason, present: bool) -> bool {
        if present { self.0.insert(reason) } else { self.0.remove(&reason) }
    }

    /// Whether a reason holds that is not the sync group's.
    pub(crate) fn has_own(&self) -> bool {
        self.0.iter().any(|reason| !matches!(reason, FaultReason::SyncGroup(_)))
    }
}

impl FromIterator<FaultReason> for FaultSet {
    fn from_iter<I: IntoIterator<Item = FaultReason>>(reasons: I) -> Self {
        Self(reasons.into_iter().collect())
    }
}

impl fmt::Display for FaultSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, reason) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{reason}")?;
        }
        Ok(())
    }
}
