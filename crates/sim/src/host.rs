//! One host of the LAN: its configuration, its election, and what a kernel would hold for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use clock::Instant;
use vrrp::{
    Addition, Change, Election, FaultReason, FaultSet, Former, GroupId, GroupParameters, Input,
    InstanceId, Outputs, Parameters, Plan, Received, TrackerId, TrackerState,
};

/// A host, as a story describes it.
#[derive(Debug)]
pub struct Host {
    pub(crate) name: String,
    pub(crate) source: IpAddr,
    pub(crate) instances: BTreeMap<InstanceId, Arc<Parameters>>,
    /// Reasons for Fault that stand when the host is started.
    pub(crate) faults: BTreeMap<InstanceId, FaultSet>,
    pub(crate) groups: BTreeMap<GroupId, GroupParameters>,
    pub(crate) trackers: BTreeMap<TrackerId, TrackerState>,
    pub(crate) election: Option<Election>,
    pub(crate) outputs: Outputs,
    /// Instances whose addresses the host holds.
    pub(crate) held: BTreeSet<InstanceId>,
    /// Instances whose addresses could not be added.
    pub(crate) missing: BTreeSet<InstanceId>,
    /// Packets and timers wait until then.
    pub(crate) asleep: Option<Sleep>,
    pub(crate) plugged: bool,
    /// Hosts of different sides do not hear each other.
    pub(crate) side: u8,
}

#[derive(Debug)]
pub(crate) struct Sleep {
    pub(crate) since: Instant,
    pub(crate) until: Instant,
    /// Whether the kernel keeps packets meanwhile.
    pub(crate) hears: bool,
    pub(crate) backlog: VecDeque<(InstanceId, Received)>,
}

impl Host {
    /// A host named `name` with the address 10.0.0.`last_octet`.
    #[must_use]
    pub fn new(name: &str, last_octet: u8) -> Self {
        Self {
            name: name.to_owned(),
            source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last_octet)),
            instances: BTreeMap::new(),
            faults: BTreeMap::new(),
            groups: BTreeMap::new(),
            trackers: BTreeMap::new(),
            election: None,
            outputs: Outputs::new(),
            held: BTreeSet::new(),
            missing: BTreeSet::new(),
            asleep: None,
            plugged: true,
            side: 0,
        }
    }

    /// With one more instance, numbered from 1.
    #[must_use]
    pub fn instance(mut self, parameters: Parameters) -> Self {
        let next = self.instances.keys().last().map_or(1, |last| last.0 + 1);
        self.instances.insert(InstanceId(next), Arc::new(parameters));
        self
    }

    /// With a reason for Fault of an instance that stands when the host is started.
    #[must_use]
    pub fn faulty(mut self, instance: u32, reason: FaultReason) -> Self {
        self.faults.insert(InstanceId(instance), FaultSet::from_iter([reason]));
        self
    }

    /// With a sync group of the instances of these numbers.
    #[must_use]
    pub fn group(mut self, members: &[u32]) -> Self {
        let next = self.groups.keys().last().map_or(1, |last| last.0 + 1);
        let members = members.iter().copied().map(InstanceId).collect();
        self.groups.insert(GroupId(next), GroupParameters { members });
        self
    }

    /// With a watched thing that is up.
    #[must_use]
    pub fn tracker(mut self, tracker: u32) -> Self {
        self.trackers.insert(TrackerId(tracker), TrackerState::Up);
        self
    }

    /// What leads from the running configuration to that of `wanted`.
    pub(crate) fn plan_towards(&self, wanted: &Self) -> Plan {
        let mut instances = BTreeMap::new();
        for (id, new) in &wanted.instances {
            let change = match self.instances.get(id) {
                Some(old) => Change::between(old, new),
                None => Change::Add(wanted.addition(*id, new)),
            };
            instances.insert(*id, change);
        }
        for id in self.instances.keys() {
            instances.entry(*id).or_insert(Change::Remove);
        }
        Plan { instances, groups: wanted.groups.clone(), trackers: Some(wanted.trackers.clone()) }
    }

    /// A fresh election with everything added, not started.
    pub(crate) fn boot(&mut self, now: Instant) {
        let additions = self
            .instances
            .iter()
            .map(|(id, parameters)| (*id, Change::Add(self.addition(*id, parameters))))
            .collect();
        let plan = Plan {
            instances: additions,
            groups: self.groups.clone(),
            trackers: Some(self.trackers.clone()),
        };
        let mut election = Election::new();
        election.handle(now, Input::Reconfigure(plan), &mut self.outputs);
        self.election = Some(election);
        self.held.clear();
        self.missing.clear();
        self.asleep = None;
    }

    fn addition(&self, id: InstanceId, parameters: &Arc<Parameters>) -> Addition {
        Addition {
            parameters: Arc::clone(parameters),
            source: Some(self.source),
            faults: self.faults.get(&id).cloned().unwrap_or_default(),
            former: Former::None,
        }
    }

    /// When the host wants to run next.
    pub(crate) fn wake_up(&self) -> Option<Instant> {
        match &self.asleep {
            Some(sleep) => Some(sleep.until),
            None => self.election.as_ref()?.deadline().map(|deadline| deadline.at),
        }
    }
}
