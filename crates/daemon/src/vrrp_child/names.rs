//! The names behind the numbers, for log lines.

use std::collections::BTreeMap;
use std::net::IpAddr;

use config::model::Tracker;
use vrrp::{GroupId, InstanceId, TrackerId, TrackerState};
use wire::Family;

use super::roster::Settled;
use crate::compat::narration::{self, Names};

/// Names of a configuration, and of the one before while outputs about it are performed.
pub(super) struct Known<'a> {
    pub(super) settled: &'a Settled,
    pub(super) former: Option<&'a Settled>,
    /// How what is watched stands.
    pub(super) trackers: &'a BTreeMap<TrackerId, TrackerState>,
}

impl Known<'_> {
    fn find<T>(&self, look: impl Fn(&Settled) -> Option<&T>) -> Option<&T>
    where
        T: ?Sized,
    {
        look(self.settled).or_else(|| self.former.and_then(look))
    }
}

impl Names for Known<'_> {
    fn instance(&self, instance: InstanceId) -> &str {
        self.find(|settled| settled.instances.get(&instance).map(|it| it.name.as_str()))
            .unwrap_or("?")
    }

    fn group(&self, group: GroupId) -> &str {
        self.find(|settled| settled.groups.get(&group).map(|it| it.name.as_str())).unwrap_or("?")
    }

    fn tracker(&self, tracker: TrackerId) -> String {
        let state = self.trackers.get(&tracker).copied().unwrap_or_default();
        match self.find(|settled| settled.trackers.get(&tracker)) {
            Some(Tracker::Script(name)) if state == TrackerState::Unknown => {
                format!("script {name} has no result yet")
            }
            Some(Tracker::Interface(name)) => format!("interface {name} down"),
            Some(Tracker::Script(name)) => format!("script {name} down"),
            Some(Tracker::File(name)) => format!("tracked file {name} says so"),
            Some(Tracker::Process(name)) => format!("tracked process {name} quorum not achieved"),
            Some(Tracker::Group(name)) => format!("track_group {name} down"),
            Some(Tracker::Bfd(name)) => format!("BFD session {name} down"),
            None => "?".to_owned(),
        }
    }

    fn configuration_fault(&self, instance: InstanceId) -> String {
        let held = self
            .find(|settled| settled.instances.get(&instance).map(|it| it.held_back.as_slice()))
            .and_then(<[_]>::first);
        held.map_or_else(|| "the configuration cannot be executed".to_owned(), narration::hindrance)
    }

    fn family(&self, instance: InstanceId) -> Family {
        self.find(|settled| settled.instances.get(&instance).map(|it| &it.parameters.family))
            .copied()
            .unwrap_or(Family::Ipv4)
    }

    fn source(&self, instance: InstanceId) -> Option<IpAddr> {
        self.find(|settled| settled.instances.get(&instance)?.source.as_ref()).copied()
    }

    fn holder(&self, instance: InstanceId) -> &str {
        self.find(|settled| settled.instances.get(&instance).map(config::model::Instance::holder))
            .unwrap_or("?")
    }

    fn interface(&self, instance: InstanceId) -> &str {
        self.find(|settled| settled.instances.get(&instance).map(|it| it.interface.as_str()))
            .unwrap_or("?")
    }
}
