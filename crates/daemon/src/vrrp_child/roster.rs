//! Which number stands for which configured thing, for as long as the process runs.
//!
//! The election knows instances, groups and trackers by number. A reload brings a new model whose order
//! says nothing, so numbers are given here: an instance is recognised by what the incumbent recognises it
//! by (interface, family, VRID, unicast peers), a group by its name, a tracker by what it watches. The
//! difference between two configurations is a [`Plan`], a value.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use config::model::{
    BfdInstance, Destination, Fixed, Global, Instance, Model, Served, SyncGroup, Tracker,
};
use vrrp::{
    Addition, Change, FaultSet, Former, GroupId, GroupParameters, InstanceId, Plan, TrackerId,
};
use wire::{Family, Vrid};

/// A configuration whose numbers are those of this process.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub(super) global: Global,
    pub(super) instances: BTreeMap<InstanceId, Instance>,
    pub(super) groups: BTreeMap<GroupId, SyncGroup>,
    pub(super) trackers: BTreeMap<TrackerId, Tracker>,
    pub(super) fixed: Fixed,
    pub(super) sessions: Vec<BfdInstance>,
    pub(super) served: Vec<Served>,
}

impl Settled {
    /// Takes parameters that did not change over from `former`: the election goes on with those.
    pub(super) fn share_parameters(&mut self, former: &Self) {
        for (id, instance) in &mut self.instances {
            if let Some(before) = former.instances.get(id)
                && before.parameters == instance.parameters
            {
                instance.parameters = Arc::clone(&before.parameters);
            }
        }
    }
}

/// What an instance is recognised by, as the incumbent does: neither its name nor its peers are part of it, so
/// that both can change while it runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    interface: String,
    family: Family,
    vrid: Vrid,
    /// The multicast group; none for unicast.
    group: Option<IpAddr>,
}

impl Identity {
    fn of(instance: &Instance) -> Self {
        Self {
            interface: instance.interface.clone(),
            family: instance.parameters.family,
            vrid: instance.parameters.vrid,
            group: match instance.destination {
                Destination::Multicast(group) => Some(group),
                Destination::Unicast(_) => None,
            },
        }
    }
}

/// The numbers given so far. A number is never given to another thing.
#[derive(Debug, Default)]
pub(super) struct Roster {
    /// Several may share an identity where their unicast peers differ: then the name decides.
    instances: BTreeMap<Identity, Vec<(String, InstanceId)>>,
    given: u32,
    groups: BTreeMap<String, GroupId>,
    trackers: BTreeMap<Tracker, TrackerId>,
}

impl Roster {
    /// Gives `model` the numbers of this process.
    pub(super) fn settle(&mut self, model: Model) -> Settled {
        let mut settled = Settled {
            global: model.global,
            fixed: model.fixed,
            sessions: model.sessions,
            served: model.served,
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
        let ids = self.recognise(&model.instances);
        let instances = model.instances.into_iter().zip(&ids).map(|(mut instance, id)| {
            instance.tracking_mut().retain_mut(|tracking| {
                let tracker = trackers.get(index(tracking.tracker.0));
                tracking.tracker = tracker.copied().unwrap_or(tracking.tracker);
                tracker.is_some()
            });
            (*id, instance)
        });
        // At once: a map that is filled in order, one by one, keeps its nodes half empty.
        settled.instances = instances.collect();
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

    /// The numbers of instances, in their order: of the same name first, then of what is left of an identity.
    fn recognise(&mut self, instances: &[Instance]) -> Vec<InstanceId> {
        let mut free = self.instances.clone();
        let mut take = |identity: &Identity, wanted: &dyn Fn(&str) -> bool| {
            let known = free.get_mut(identity)?;
            let position = known.iter().position(|(name, _)| wanted(name))?;
            Some(known.remove(position).1)
        };
        let identities: Vec<Identity> = instances.iter().map(Identity::of).collect();
        let named = instances
            .iter()
            .zip(&identities)
            .map(|(instance, identity)| take(identity, &|name| name == instance.name));
        let mut numbers: Vec<Option<InstanceId>> = named.collect();
        for (number, identity) in numbers.iter_mut().zip(&identities) {
            if number.is_none() {
                *number = take(identity, &|_| true);
            }
        }
        let settled = numbers.into_iter().zip(identities).zip(instances);
        let ids = settled
            .map(|((number, identity), instance)| {
                let id = number.unwrap_or_else(|| {
                    let id = InstanceId(self.given);
                    self.given = self.given.saturating_add(1);
                    id
                });
                let known = self.instances.entry(identity).or_insert_with(|| Vec::with_capacity(1));
                known.retain(|(_, other)| *other != id);
                known.push((instance.name.clone(), id));
                id
            })
            .collect();
        // Built anew at once, for full nodes, as above.
        self.instances = std::mem::take(&mut self.instances).into_iter().collect();
        ids
    }

    fn group(&mut self, name: &str) -> GroupId {
        let next = GroupId(count(self.groups.len()));
        *self.groups.entry(name.to_owned()).or_insert(next)
    }

    fn tracker(&mut self, tracker: &Tracker) -> TrackerId {
        let next = TrackerId(count(self.trackers.len()));
        *self.trackers.entry(tracker.clone()).or_insert(next)
    }

    /// The number of something that is watched, or was.
    pub(super) fn tracked(&self, tracker: &Tracker) -> Option<TrackerId> {
        self.trackers.get(tracker).copied()
    }
}

/// What leads the election from `old` to `new`. Sources and faults of added instances come from `known`.
pub(super) fn plan(
    old: &Settled,
    new: &Settled,
    mut known: impl FnMut(InstanceId) -> (Option<IpAddr>, FaultSet),
) -> Plan {
    let changes = new.instances.iter().map(|(id, instance)| {
        let change = match old.instances.get(id) {
            Some(before) => Change::between(&before.parameters, &instance.parameters),
            None => {
                let (source, faults) = known(*id);
                let parameters = Arc::clone(&instance.parameters);
                Change::Add(Addition { parameters, source, faults, former: Former::None })
            }
        };
        (*id, change)
    });
    let gone = old.instances.keys().filter(|id| !new.instances.contains_key(id));
    Plan {
        instances: changes.chain(gone.map(|id| (*id, Change::Remove))).collect(),
        groups: new.groups.iter().map(|(id, group)| (*id, group.parameters.clone())).collect(),
        trackers: None,
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(roster: &mut Roster, text: &str) -> Settled {
        let sources = config::source::SourceSet::single("x.conf", text);
        let environment = config::syntax::Environment::of_host("x");
        roster.settle(config::check(&sources, &environment).model)
    }

    fn ids(roster: &mut Roster, text: &str) -> Vec<(String, u32)> {
        let settled = settled(roster, text);
        let number = |(id, it): (&InstanceId, &Instance)| (it.name.clone(), id.0);
        settled.instances.iter().map(number).collect()
    }

    fn instance(name: &str, vrid: u8, peers: &[&str]) -> String {
        let peers = if peers.is_empty() {
            String::new()
        } else {
            format!("unicast_src_ip 192.0.2.1\nunicast_peer {{\n{}\n}}\n", peers.join("\n"))
        };
        format!(
            "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\n{peers}\
             virtual_ipaddress {{\n10.0.0.{vrid}\n}}\n}}\n"
        )
    }

    #[test]
    fn an_instance_keeps_its_number_through_another_name_and_other_peers() {
        let mut roster = Roster::default();
        let numbered = |name: &str, id| vec![(name.to_owned(), id)];
        assert_eq!(ids(&mut roster, &instance("a", 1, &["192.0.2.2"])), numbered("a", 0));
        let more = instance("a", 1, &["192.0.2.3", "192.0.2.2"]);
        assert_eq!(ids(&mut roster, &more), numbered("a", 0));
        assert_eq!(ids(&mut roster, &instance("b", 1, &["192.0.2.3"])), numbered("b", 0));
        // Multicast is another router, and so is another VRID; both come back to their numbers.
        assert_eq!(ids(&mut roster, &instance("b", 1, &[])), numbered("b", 1));
        assert_eq!(ids(&mut roster, &instance("b", 2, &[])), numbered("b", 2));
        assert_eq!(ids(&mut roster, &instance("b", 1, &["192.0.2.9"])), numbered("b", 0));
    }

    #[test]
    fn parameters_that_did_not_change_are_those_of_before() {
        let mut roster = Roster::default();
        let before = settled(&mut roster, &(instance("a", 1, &[]) + &instance("b", 2, &[])));
        let changed = instance("b", 2, &[]).replace("10.0.0.2", "10.0.0.3");
        let mut after = settled(&mut roster, &(instance("a", 1, &[]) + &changed));
        after.share_parameters(&before);
        let shared = after.instances.iter().map(|(id, it)| {
            (it.name.as_str(), Arc::ptr_eq(&it.parameters, &before.instances[id].parameters))
        });
        assert_eq!(shared.collect::<Vec<_>>(), [("a", true), ("b", false)]);
    }

    #[test]
    fn names_tell_those_apart_that_share_an_identity() {
        let mut roster = Roster::default();
        let (a, b) = (instance("a", 1, &["192.0.2.2"]), instance("b", 1, &["192.0.2.3"]));
        let expected = vec![("a".to_owned(), 0), ("b".to_owned(), 1)];
        assert_eq!(ids(&mut roster, &format!("{a}{b}")), expected);
        assert_eq!(ids(&mut roster, &format!("{b}{a}")), expected);
        assert_eq!(ids(&mut roster, &b), [("b".to_owned(), 1)]);
    }
}
