//! A change of configuration as a value: what happens to each instance, and the groups as they shall be.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{FaultSet, GroupId, GroupParameters, InstanceId, Parameters, TrackerId, TrackerState};

/// What a new configuration asks of the election.
///
/// **Shape**: an instance that is not named is kept. `groups` is the whole new set of groups, and
/// `trackers`, where given, the whole new set of watched things; a number keeps its meaning as long as
/// the process runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What happens to each instance.
    pub instances: BTreeMap<InstanceId, Change>,
    /// All sync groups.
    pub groups: BTreeMap<GroupId, GroupParameters>,
    /// States of all watched things, as far as they are known. None keeps what is known.
    pub trackers: Option<BTreeMap<TrackerId, TrackerState>>,
}

/// What happens to one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Nothing.
    Keep,
    /// New parameters without leaving the role.
    Adjust(Arc<Parameters>),
    /// Stop (an Active one resigns), then start anew with these parameters. Source and faults stay.
    Restart(Arc<Parameters>),
    /// A new instance, started at once where the election runs.
    Add(Addition),
    /// Stop (an Active one resigns) and forget.
    Remove,
}

/// A new instance with what the shell knows of its interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addition {
    /// Its parameters, which the shell keeps as well: thousands of instances are to have them once.
    pub parameters: Arc<Parameters>,
    /// As [`crate::Input::Source`].
    pub source: Option<IpAddr>,
    /// As [`crate::Input::Fault`].
    pub faults: FaultSet,
    /// What it was under a process before this one.
    #[serde(default)]
    pub former: Former,
}

/// What an instance was under a process before this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Former {
    /// Nothing that counts.
    #[default]
    None,
    /// Active until so short a time ago that nobody has taken over: it goes on at once.
    Active,
    /// Backup or in Fault: it listens, whatever it would start as.
    Inactive,
}

impl Change {
    /// What leads from `old` to `new` with the least disturbance: a changed VRID, family or version
    /// needs a new start, everything else is adjusted in place.
    #[must_use]
    pub fn between(old: &Arc<Parameters>, new: &Arc<Parameters>) -> Self {
        if old == new {
            Self::Keep
        } else if (old.vrid, old.family, old.version) == (new.vrid, new.family, new.version) {
            Self::Adjust(Arc::clone(new))
        } else {
            Self::Restart(Arc::clone(new))
        }
    }
}
