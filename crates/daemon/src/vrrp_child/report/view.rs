//! What an observer may see of one instance or group.

use std::collections::BTreeMap;
use std::time::Duration;

use config::model::{
    Acceptance, Checksum, Command, Deleted, Destination, ExtraLinks, Instance, InterfaceTracking,
    Notify, Proof, Tracker, Transmit, VirtualAddress,
};
use intent::IpvlanMode;
use kernel::eventloop::now;
use status::{Preemption, Seconds, State, TrackedState};
use vrrp::{
    AddressCheck, Counters, GroupId, InstanceId, Mode, Parameters, Preempt, Reply, Role,
    TrackerState, Tracking, Weight,
};
use wire::vrrp::{Authentication, Discard, DiscardCounters};
use wire::{Family, Version};

use super::super::Shell;
use super::super::names::Known;
use super::{faults, lines};
use crate::child::time_of;
use crate::compat::{contest, narration};

impl Shell {
    /// One instance.
    pub(super) fn view(&self, id: InstanceId) -> Option<status::Instance> {
        let instance = self.settled.instances.get(&id)?;
        let seen = self.election.instance(id)?;
        let names = Known { settled: &self.settled, former: None, trackers: &self.trackers };
        let parameters = &instance.parameters;
        let now = now();
        let withheld = self.withheld(instance);
        Some(status::Instance {
            name: instance.name.clone(),
            interface: instance.interface.clone(),
            virtual_link: self.virtual_link(instance),
            vrid: parameters.vrid.get(),
            ip: if parameters.family == Family::Ipv4 { 4 } else { 6 },
            vrrp: if parameters.version == Version::V2 { 2 } else { 3 },
            state: state(seen.role),
            // What has not started yet is so since now.
            since: time_of(seen.cause.map_or(now, |_| seen.since), now),
            cause: seen
                .cause
                .map_or_else(String::new, |cause| narration::because(id, &cause, &names)),
            group: self
                .election
                .group_of(id)
                .and_then(|id| self.settled.groups.get(&id).map(|group| group.name.clone())),
            base_priority: seen.base_priority.0,
            priority: seen.effective_priority.0,
            active_router: seen
                .active
                .map(|peer| status::Peer { address: peer.address, priority: peer.priority.0 }),
            source: seen.source,
            advertisement_interval: seen.advertisement_interval.into(),
            active_advertisement_interval: seen.active_adver_interval.into(),
            active_down_interval: seen.active_down_interval.into(),
            due: seen.timer.map(|timer| timer.since(now).into()),
            addresses: self.addresses(instance),
            routes: self.routes(id, instance),
            rules: self.rules(id, instance),
            contested: self.rivals.of(id).map(|(since, sign)| {
                let (code, text, remedy) = contest::explained(&instance.interface, &sign);
                status::Contested {
                    since: time_of(since, now),
                    code: code.to_owned(),
                    text,
                    remedy: remedy.to_owned(),
                }
            }),
            faults: seen
                .faults
                .iter()
                .map(|reason| faults::fault(id, reason, &names, &withheld))
                .collect(),
            trackers: parameters.tracking.iter().filter_map(|it| self.tracked(it)).collect(),
            counters: counters(&seen.counters, self.discards.get(&id)),
            settings: settings(instance, parameters),
        })
    }

    /// One sync group.
    pub(super) fn view_of_group(&self, id: GroupId) -> Option<status::Group> {
        let group = self.settled.groups.get(&id)?;
        let seen = self.election.group(id)?;
        let name = |id: &InstanceId| self.settled.instances.get(id).map(|it| it.name.clone());
        Some(status::Group {
            name: group.name.clone(),
            state: state(seen.role),
            members: seen.members.iter().filter_map(name).collect(),
            programs: programs(group.notify.as_deref(), group.mailed),
        })
    }

    fn virtual_link(&self, instance: &Instance) -> Option<status::VirtualLink> {
        let vmac = instance.vmac.as_ref();
        let of_vmac = vmac.map(|vmac| (&vmac.name, vmac.transmit == Transmit::Vmac, None));
        let (name, transmits, ipvlan) = of_vmac.or_else(|| {
            let ipvlan = instance.ipvlan.as_ref()?;
            let mode = match ipvlan.mode {
                IpvlanMode::Bridge => "bridge",
                IpvlanMode::Private => "private",
                IpvlanMode::Vepa => "vepa",
            };
            Some((&ipvlan.name, true, Some(mode.to_owned())))
        })?;
        let name = name.clone()?;
        let up = self.observer.link_named(&name).is_some_and(|link| link.up);
        Some(status::VirtualLink { name, up, transmits, ipvlan })
    }

    fn addresses(&self, instance: &Instance) -> Vec<status::Address> {
        let lines = instance.addresses.iter().map(|line| (line, true));
        let lines = lines.chain(instance.excluded.iter().map(|line| (line, false)));
        lines.map(|(line, advertised)| self.address(instance, line, advertised)).collect()
    }

    fn address(
        &self,
        instance: &Instance,
        line: &VirtualAddress,
        advertised: bool,
    ) -> status::Address {
        let device = instance.device(line);
        let link = self.observer.link_named(device);
        let key = link.map(|link| intent::AddressKey {
            interface: link.index,
            address: line.address,
            prefix: line.prefix,
        });
        let installed = key.is_some_and(|key| self.observer.address(&key).is_some());
        let below = instance.below(line).map(str::to_owned);
        status::Address { installed, advertised, below, ..lines::address(line, device) }
    }

    fn tracked(&self, tracking: &Tracking) -> Option<status::Tracked> {
        let tracker = self.settled.trackers.get(&tracking.tracker)?;
        let state = match self.trackers.get(&tracking.tracker).copied().unwrap_or_default() {
            TrackerState::Unknown => TrackedState::Unknown,
            TrackerState::Up => TrackedState::Up,
            TrackerState::Down => TrackedState::Down,
            TrackerState::Value(value) => TrackedState::Value(value),
        };
        let (weight, reverse) = match tracking.weight {
            Weight::Fault { reverse } => (0, reverse),
            Weight::Priority { weight, reverse } => (weight, reverse),
        };
        let kind = match tracker {
            Tracker::Interface(_) => status::Tracker::Interface,
            Tracker::Script(_) => status::Tracker::Script,
            Tracker::File(_) => status::Tracker::File,
            Tracker::Process(_) => status::Tracker::Process,
            Tracker::Group(_) => status::Tracker::Group,
            Tracker::Bfd(_) => status::Tracker::Bfd,
        };
        Some(status::Tracked { kind, name: tracker.name().to_owned(), state, weight, reverse })
    }
}

/// The state of a role.
const fn state(role: Role) -> State {
    match role {
        Role::Initialize => State::Initialize,
        Role::Backup => State::Backup,
        Role::Active => State::Active,
        Role::Fault => State::Fault,
    }
}

pub(super) fn counters(seen: &Counters, discards: Option<&DiscardCounters>) -> status::Counters {
    let mut discarded: BTreeMap<String, u64> = discards
        .into_iter()
        .flat_map(DiscardCounters::iter)
        .filter(|(_, count)| *count > 0)
        .map(|(why, count)| (why.name().to_owned(), count))
        .collect();
    // Those that the election itself refuses are refused all the same.
    let mut more = |why: Discard, count: u64| {
        if count > 0 {
            *discarded.entry(why.name().to_owned()).or_default() += count;
        }
    };
    more(Discard::Interval, seen.interval_refused);
    status::Counters {
        advertisements_sent: seen.advertisements_sent,
        advertisements_received: seen.advertisements_received,
        became_active: seen.became_active,
        released: seen.released,
        faulted: seen.faulted,
        resignations_sent: seen.resignations_sent,
        resignations_received: seen.resignations_received,
        lower_discarded: seen.lower_discarded,
        address_mismatches: seen.address_mismatches,
        discards: discarded,
    }
}

fn settings(instance: &Instance, parameters: &Parameters) -> status::Settings {
    let (multicast, peers) = match &instance.destination {
        Destination::Multicast(group) => (Some(*group), Vec::new()),
        Destination::Unicast(unicast) => {
            let peer = |peer: &config::model::Peer| status::UnicastPeer {
                address: peer.address,
                min_ttl: peer.hop_limits.least,
                max_ttl: peer.hop_limits.most,
            };
            (None, unicast.peers.iter().map(peer).collect())
        }
    };
    let announce = &parameters.announce;
    let seconds = |span: Option<Duration>| span.map(Seconds);
    status::Settings {
        preemption: match parameters.mode {
            Mode::Owner | Mode::Contender { preempt: Preempt::Immediately, .. } => {
                Preemption::Immediately
            }
            Mode::Contender { preempt: Preempt::After(delay), .. } => {
                Preemption::After(delay.into())
            }
            Mode::Contender { preempt: Preempt::Never, .. } => Preemption::Never,
        },
        down_timer_adverts: parameters.down_timer_adverts,
        multicast,
        peers,
        source_configured: instance.source.is_some(),
        password: instance.authentication != Authentication::None,
        authentication: match (instance.authentication, instance.proof.as_deref()) {
            (_, Some(Proof::Trailer(_))) => status::Authentication::Trailer,
            (Authentication::None, _) => status::Authentication::None,
            (Authentication::Pass(_), _) => status::Authentication::Password,
            (Authentication::Header, _) => status::Authentication::Header,
        },
        promotes_secondaries: instance.promotes_secondaries,
        tracks_interface: instance.interface_tracking == InterfaceTracking::Tracked,
        trusts_known_sender: parameters.address_check == AddressCheck::NewSender,
        strict: instance.strict,
        accepts: instance.acceptance == Acceptance::Accept,
        answers_lower_priority: parameters.on_lower_priority == Reply::Advertise,
        answers_higher_priority: parameters.on_higher_priority == Reply::Advertise,
        checksum_as_v2: instance.checksum == Checksum::AsV2,
        announcements: status::Announcements {
            repeat: announce.repeat,
            again_after: seconds(announce.again_after),
            refresh: seconds(announce.refresh),
            refresh_repeat: announce.refresh_repeat,
            extra: announce.extra.map(|period| status::Extra {
                period: Seconds(period),
                on_all: instance.extra_links == ExtraLinks::All,
            }),
            lower_priority_repeat: announce.lower_priority_repeat,
            lower_priority_again_after: seconds(announce.lower_priority_again_after),
        },
        programs: programs(instance.notify.as_deref(), instance.mailed),
    }
}

fn programs(notify: Option<&Notify>, mailed: bool) -> status::Programs {
    let Some(notify) = notify else {
        return status::Programs { mailed, ..status::Programs::default() };
    };
    let words = |command: &Option<Command>| {
        command.as_ref().map_or_else(Vec::new, |command| command.words.clone())
    };
    status::Programs {
        active: words(&notify.active),
        backup: words(&notify.backup),
        fault: words(&notify.fault),
        stop: words(&notify.stop),
        deleted: match &notify.deleted {
            Deleted::AsFault => Vec::new(),
            Deleted::AsDeleted(command) => words(command),
        },
        any: words(&notify.any),
        lower_priority: words(&notify.lower_priority),
        tells_deletion: matches!(notify.deleted, Deleted::AsDeleted(_)),
        tells_priority: notify.priority_changes.unwrap_or(false),
        mailed,
    }
}
