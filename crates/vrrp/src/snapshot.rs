//! What an observer may see of an election: plain values, copied out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use clock::Instant;
use serde::{Deserialize, Serialize};
use wire::Priority;

use crate::{Cause, FaultSet, GroupId, InstanceId, Peer, Role, TrackerId, TrackerState};

/// The whole election at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Each virtual router.
    pub instances: BTreeMap<InstanceId, InstanceSnapshot>,
    /// Each sync group.
    pub groups: BTreeMap<GroupId, GroupSnapshot>,
    /// Each watched thing, as far as it is known.
    pub trackers: BTreeMap<TrackerId, TrackerState>,
}

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSnapshot {
    /// Its role.
    pub role: Role,
    /// Priority of the configuration; 255 for an owner.
    pub base_priority: Priority,
    /// Priority with all weights.
    pub effective_priority: Priority,
    /// Why it is in Fault, or would be.
    pub faults: FaultSet,
    /// Why the role changed last; none before the start.
    pub cause: Option<Cause>,
    /// The address that it sends from.
    pub source: Option<IpAddr>,
    /// The Active router that a Backup listens to.
    pub active: Option<Peer>,
    /// Configured interval.
    pub advertisement_interval: Duration,
    /// Interval of the Active router: learnt in v3.
    pub active_adver_interval: Duration,
    /// Skew_Time as of now.
    pub skew_time: Duration,
    /// Active_Down_Interval as of now.
    pub active_down_interval: Duration,
    /// When the role changed last, in nanoseconds of the monotonic clock.
    #[serde(with = "nanoseconds")]
    pub since: Instant,
    /// The timer of the role (Adver_Timer or Active_Down_Timer), in nanoseconds of the monotonic clock.
    #[serde(with = "nanoseconds::optional")]
    pub timer: Option<Instant>,
    /// What happened so far.
    pub counters: Counters,
}

/// What happened to one virtual router since it was added, or since its counters were cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Advertisements sent, those with priority 0 among them.
    pub advertisements_sent: u64,
    /// Advertisements heard in Backup or Active, discarded ones among them.
    pub advertisements_received: u64,
    /// Advertisements refused for their version, interval, or because an owner ignores them.
    pub advertisements_refused: u64,
    /// Those of them that were refused for their interval.
    pub interval_refused: u64,
    /// Advertisements with other addresses than ours; they are heeded all the same.
    pub address_mismatches: u64,
    /// Lower priorities discarded in Backup.
    pub lower_discarded: u64,
    /// Advertisements with priority 0 sent.
    pub resignations_sent: u64,
    /// Advertisements with priority 0 heard.
    pub resignations_received: u64,
    /// Times that it became Active.
    pub became_active: u64,
    /// Times that it was Active no longer.
    pub released: u64,
    /// Times that it entered Fault.
    pub faulted: u64,
}

/// One sync group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSnapshot {
    /// Its role.
    pub role: Role,
    /// Its members.
    pub members: Vec<InstanceId>,
}

mod nanoseconds {
    use clock::Instant;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(at: &Instant, to: S) -> Result<S::Ok, S::Error> {
        at.as_nanos().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Instant, D::Error> {
        u64::deserialize(from).map(Instant::from_nanos)
    }

    pub(super) mod optional {
        use clock::Instant;
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        pub(in super::super) fn serialize<S: Serializer>(
            at: &Option<Instant>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            at.map(Instant::as_nanos).serialize(to)
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Instant>, D::Error> {
            Ok(Option::<u64>::deserialize(from)?.map(Instant::from_nanos))
        }
    }
}
