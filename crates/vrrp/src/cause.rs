//! Why a role changed, with the peer and the numbers that decided it, so that a log line needs nothing
//! else.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use serde::{Deserialize, Serialize};
use wire::Priority;

use crate::{FaultReason, GroupId};

/// Another router of the same virtual router, as its advertisement showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Source address.
    pub address: IpAddr,
    /// Advertised priority.
    pub priority: Priority,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (priority {})", self.address, self.priority)
    }
}

/// The cause of a change of role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// The election or this instance started.
    Startup,
    /// The election stops.
    Shutdown,
    /// The instance is no longer configured.
    Removed,
    /// A changed parameter needs a new start.
    Restarted,
    /// The router owns the addresses and does not wait.
    Owner,
    /// It was Active under a process before this one, a moment ago.
    Resumed,
    /// Active_Down_Timer fired: no advertisement for `waited`.
    AdvertisementTimeout {
        /// The Active router that fell silent, where one was heard.
        last: Option<Peer>,
        /// What the timer was set to.
        waited: Duration,
    },
    /// The Active router advertised priority 0 and Skew_Time has passed.
    PeerResigned {
        /// The router that resigned.
        peer: IpAddr,
    },
    /// Active_Down_Timer fired while advertisements of a lower priority were discarded: preemption.
    LowerPriority {
        /// The router that is preempted.
        peer: Peer,
        /// Our priority.
        ours: Priority,
    },
    /// An advertisement of a higher priority.
    HigherPriority {
        /// Its sender.
        peer: Peer,
        /// Our priority.
        ours: Priority,
    },
    /// An advertisement of our priority from a higher address.
    HigherAddress {
        /// Its sender.
        peer: Peer,
        /// Our address.
        ours: Option<IpAddr>,
    },
    /// Another router also claims to own the addresses, and we give way.
    OwnerConflict {
        /// The other claimant.
        peer: IpAddr,
    },
    /// A reason for Fault came up.
    Fault(FaultReason),
    /// The last reason for Fault is gone.
    Recovered(FaultReason),
    /// The sync group moved and took this member along.
    SyncGroup(GroupId),
    /// The process did not run for this long.
    Stalled(Duration),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Startup => f.write_str("startup"),
            Self::Shutdown => f.write_str("shutdown"),
            Self::Removed => f.write_str("no longer configured"),
            Self::Restarted => f.write_str("restarted by a changed parameter"),
            Self::Owner => f.write_str("owner of the addresses"),
            Self::Resumed => f.write_str("resumed from the process before"),
            Self::AdvertisementTimeout { last: Some(peer), waited } => {
                write!(f, "no advertisement from {peer} for {waited:?}")
            }
            Self::AdvertisementTimeout { last: None, waited } => {
                write!(f, "no advertisement for {waited:?}")
            }
            Self::PeerResigned { peer } => write!(f, "{peer} resigned"),
            Self::LowerPriority { peer, ours } => {
                write!(f, "preempts {peer}, our priority {ours}")
            }
            Self::HigherPriority { peer, ours } => {
                write!(f, "higher priority of {peer}, our priority {ours}")
            }
            Self::HigherAddress { peer, ours: Some(ours) } => {
                write!(f, "higher address of {peer}, our address {ours}")
            }
            Self::HigherAddress { peer, ours: None } => write!(f, "higher address of {peer}"),
            Self::OwnerConflict { peer } => write!(f, "{peer} also claims to own the addresses"),
            Self::Fault(reason) => write!(f, "fault: {reason}"),
            Self::Recovered(reason) => write!(f, "recovered: {reason}"),
            Self::SyncGroup(group) => write!(f, "moved by sync group {}", group.0),
            Self::Stalled(span) => write!(f, "process did not run for {span:?}"),
        }
    }
}
