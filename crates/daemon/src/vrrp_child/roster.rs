//! Which number stands for which configured thing, for as long as the process runs.
//!
//! The election knows instances, groups and trackers by number. A reload brings a new model whose order
//! says nothing, so numbers are given here: an instance is recognised by what the incumbent recognises it
//! by (interface, family, VRID, unicast peers), a group by its name, a tracker by what it watches. The
//! difference between two configurations is a [`Plan`], a value.

use std::collections::BTreeMap;
use std::net::IpAddr;

use config::model::{Destination, Global, Instance, Model, SyncGroup, Tracker, VirtualAddress};
use vrrp::{
    Addition, Change, FaultSet, GroupId, GroupParameters, InstanceId, Plan, TrackerId, Tracking,
};
use wire::{Family, Vrid};

/// A configuration whose numbers are those of this process.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub(super) global: Global,
    pub(super) instances: BTreeMap<InstanceId, Instance>,
    pub(super) groups: BTreeMap<GroupId, SyncGroup>,
    pub(super) trackers: BTreeMap<TrackerId, Tracker>,
    pub(super) static_addresses: Vec<VirtualAddress>,
}

/// What an instance is recognised by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    interface: String,
    family: Family,
    vrid: Vrid,
    peers: Option<Vec<IpAddr>>,
}

impl Identity {
    fn of(instance: &Instance) -> Self {
        Self {
            interface: instance.interface.clone(),
            family: instance.parameters.family,
            vrid: instance.parameters.vrid,
            peers: match &instance.destination {
                Destination::Multicast(_) => None,
                Destination::Unicast(peers) => Some(peers.clone()),
            },
        }
    }
}

/// The numbers given so far. A number is never given to another thing.
#[derive(Debug, Default)]
pub(super) struct Roster {
    instances: BTreeMap<Identity, InstanceId>,
    groups: BTreeMap<String, GroupId>,
    trackers: BTreeMap<String, TrackerId>,
}

impl Roster {
    /// Gives `model` the numbers of this process.
    pub(super) fn settle(&mut self, model: Model) -> Settled {
        let mut settled = Settled {
            global: model.global,
            static_addresses: model.static_addresses,
            ..Settled::default()
        };
        let trackers: Vec<TrackerId> = model
            .trackers
            .into_iter()
            .map(|tracker| {
                let id = self.tracker(&tracker);
                settled.trackers.insert(id, tracker);
                id
            })
            .collect();
        let mut ids = Vec::with_capacity(model.instances.len());
        for mut instance in model.instances {
            let id = self.instance(&instance);
            instance.parameters.tracking = instance
                .parameters
                .tracking
                .iter()
                .filter_map(|tracking| {
                    let tracker = *trackers.get(index(tracking.tracker.0))?;
                    Some(Tracking { tracker, weight: tracking.weight })
                })
                .collect();
            ids.push(id);
            settled.instances.insert(id, instance);
        }
        for mut group in model.groups {
            let id = self.group(&group.name);
            let members = &group.parameters.members;
            let members =
                members.iter().filter_map(|member| ids.get(index(member.0)).copied()).collect();
            group.parameters = GroupParameters { members };
            settled.groups.insert(id, group);
        }
        settled
    }

    fn instance(&mut self, instance: &Instance) -> InstanceId {
        let next = InstanceId(count(self.instances.len()));
        *self.instances.entry(Identity::of(instance)).or_insert(next)
    }

    fn group(&mut self, name: &str) -> GroupId {
        let next = GroupId(count(self.groups.len()));
        *self.groups.entry(name.to_owned()).or_insert(next)
    }

    fn tracker(&mut self, tracker: &Tracker) -> TrackerId {
        let Tracker::Interface(name) = tracker;
        let next = TrackerId(count(self.trackers.len()));
        *self.trackers.entry(name.clone()).or_insert(next)
    }
}

/// What leads the election from `old` to `new`. Sources and faults of added instances come from `known`.
pub(super) fn plan(
    old: &Settled,
    new: &Settled,
    mut known: impl FnMut(InstanceId) -> (Option<IpAddr>, FaultSet),
) -> Plan {
    let mut plan = Plan {
        groups: new.groups.iter().map(|(id, group)| (*id, group.parameters.clone())).collect(),
        ..Plan::default()
    };
    for (id, instance) in &new.instances {
        let change = match old.instances.get(id) {
            Some(before) => Change::between(&before.parameters, &instance.parameters),
            None => {
                let (source, faults) = known(*id);
                Change::Add(Addition { parameters: instance.parameters.clone(), source, faults })
            }
        };
        plan.instances.insert(*id, change);
    }
    for id in old.instances.keys().filter(|id| !new.instances.contains_key(id)) {
        plan.instances.insert(*id, Change::Remove);
    }
    plan
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
