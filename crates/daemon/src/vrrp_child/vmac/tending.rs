//! Arranging a link, and giving it back.

use std::collections::{BTreeMap, BTreeSet};

use clock::Instant;
use control::Severity;
use intent::{IfIndex, UpperKind, UpperLink};
use kernel::link::Link;
use kernel::sysctl::{self, Setting};
use vrrp::{InstanceId, Role};
use wire::{Family, MacAddr};

use super::{
    Before, Mark, Origin, Tended, is_left_to_us, is_opened_by_role, is_past, serving, stands_on,
};
use crate::vrrp_child::Shell;

impl Shell {
    /// Forgets links that are gone, and says so of those that somebody took away.
    pub(super) fn forget_gone_links(&mut self, now: Instant) {
        let observer = &self.observer;
        let is_there = |index: &IfIndex| observer.link(*index).is_some();
        let gone: Vec<IfIndex> =
            self.vmacs.tended.keys().filter(|index| !is_there(index)).copied().collect();
        for index in gone {
            let Some(tended) = self.vmacs.tended.remove(&index) else { continue };
            if self.observer.link(tended.parent).is_none() {
                continue; // it went with its parent, which is a fault of its own
            }
            let users = self.settled.instances.iter().filter(|(_, it)| it.holder() == tended.name);
            let users: Vec<InstanceId> = users.map(|(id, _)| *id).collect();
            for id in users {
                let text = format!("{} was removed by somebody else: making it again", tended.name);
                self.complain(now, id, "vmac removed", &text);
            }
        }
        let Self { vmacs, observer, .. } = self;
        vmacs.parents.retain(|parent, _| observer.link(*parent).is_some());
    }

    /// Arranges links that stand and are new to this process, and takes those up that are down. Says whether all of them
    /// stand.
    pub(super) fn tend_links(
        &mut self,
        now: Instant,
        wanted: &BTreeMap<UpperLink, InstanceId>,
        created: &BTreeSet<UpperLink>,
    ) -> bool {
        let mut down = Vec::new();
        let mut aliases = Vec::new();
        let standing = serving(&self.observer).into_iter();
        let standing: BTreeMap<(IfIndex, MacAddr), IfIndex> =
            standing.map(|(key, link)| (key, link.index)).collect();
        for (wanted, id) in wanted {
            let UpperKind::PrivateMacvlan(mac) = wanted.kind else { continue };
            let Some(index) = standing.get(&(wanted.parent, mac)) else { continue };
            let Some(link) = self.observer.link(*index).cloned() else { continue };
            if !self.vmacs.tended.contains_key(&link.index) {
                let tended = self.tend(now, *id, &link, created.contains(wanted));
                aliases.extend(tended.alias.clone().map(|alias| (link.index, alias)));
                self.vmacs.tended.insert(link.index, tended);
            }
            if !link.up {
                down.push(link.index);
            }
            let vmac = self.settled.instances.get(id).and_then(|instance| instance.vmac.as_ref());
            if let Some(group) = vmac.and_then(|vmac| vmac.group)
                && link.group != group
                && let Err(error) = self.holdings.requests.set_group(link.index, group)
            {
                self.complain(now, *id, "vmac group", &error.to_string());
            }
        }
        for result in self.holdings.requests.set_aliases(&aliases) {
            if let Err(error) = result {
                self.startup.log.push(Severity::Warning, error.to_string());
            }
        }
        if down.is_empty() {
            return true;
        }
        let results = self.holdings.requests.set_links_up(&down);
        self.learn_links();
        let mut all_stand = true;
        for (index, result) in down.into_iter().zip(results) {
            let is_there = self.observer.link(index).is_some();
            all_stand &= is_there;
            if let Err(error) = result
                && is_there
            {
                self.startup.log.push(Severity::Warning, error.to_string());
            }
        }
        self.forget_gone_links(now);
        all_stand
    }

    /// Arranges one link and its parent.
    fn tend(&mut self, now: Instant, id: InstanceId, link: &Link, is_new: bool) -> Tended {
        let parent = stands_on(link).unwrap_or(link.index);
        let recorded = link.alias.as_deref().and_then(Mark::parse).filter(|it| is_past(it.owner));
        let is_foreign = link.alias.is_some() && recorded.is_none();
        let origin = match &recorded {
            Some(mark) => mark.origin.clone(),
            None if is_new => Origin::Ours,
            None => Origin::Host { up: link.up, settings: found(&link.name, &LINK) },
        };
        let before = self.tend_parent(now, id, parent);
        let settings = self.link_settings(id);
        for (setting, value) in settings {
            self.write(now, id, &link.name, setting, value);
        }
        let owner = rustix::process::getppid()
            .and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok())
            .unwrap_or_default();
        let mark = Mark { owner, origin: origin.clone(), parent: before };
        let alias = (!is_foreign).then(|| mark.to_string());
        Tended { name: link.name.clone(), parent, origin, alias }
    }

    /// Arranges a parent, once; returns how it was found.
    fn tend_parent(&mut self, now: Instant, id: InstanceId, parent: IfIndex) -> Before {
        if let Some(before) = self.vmacs.parents.get(&parent) {
            return before.clone();
        }
        let Some(link) = self.observer.link(parent) else { return Before::new() };
        let name = link.name.clone();
        let known = self.vmacs.before(parent, &self.observer);
        let before = known.unwrap_or_else(|| found(&name, &PARENT.map(|(setting, _)| setting)));
        for (setting, value) in PARENT {
            self.write(now, id, &name, setting, value);
        }
        self.vmacs.parents.insert(parent, before.clone());
        before
    }

    /// What the settings of a virtual MAC link shall be.
    fn link_settings(&self, id: InstanceId) -> Vec<(Setting, i32)> {
        let Some(instance) = self.settled.instances.get(&id) else { return Vec::new() };
        match instance.parameters.family {
            Family::Ipv4 => {
                // The kernel takes the larger of this one and that of `all`. Where all links are strict, a client's way
                // back would have to be this link; 2 is content with any way back.
                let all = sysctl::read("all", Setting::RpFilter).unwrap_or(0);
                vec![
                    (Setting::DisableIpv6, 1),
                    (Setting::ArpIgnore, 1),
                    (Setting::AcceptLocal, 1),
                    (Setting::RpFilter, if all == 0 { 0 } else { 2 }),
                    (Setting::PromoteSecondaries, 1),
                ]
            }
            Family::Ipv6 => {
                let is_active =
                    self.election.role(id) == Some(Role::Active) || self.resuming.contains(&id);
                vec![
                    (Setting::AddrGenMode, 1),
                    (Setting::AcceptRa, 0),
                    (Setting::DisableIpv6, i32::from(!is_active)),
                ]
            }
        }
    }

    /// Lets IPv6 work on the link of an instance that becomes Active, or ends it: while it is Backup the link has
    /// nothing to say, not even which groups it listens to.
    pub(in crate::vrrp_child) fn open_link(&mut self, now: Instant, id: InstanceId, open: bool) {
        let Some(instance) = self.settled.instances.get(&id) else { return };
        if is_opened_by_role(instance) && self.observer.link_named(instance.holder()).is_some() {
            let name = instance.holder().to_owned();
            self.write(now, id, &name, Setting::DisableIpv6, i32::from(!open));
        }
    }

    fn write(&mut self, now: Instant, id: InstanceId, link: &str, setting: Setting, value: i32) {
        if sysctl::read(link, setting).is_ok_and(|found| found == value) {
            return;
        }
        let Err(error) = sysctl::write(link, setting, value) else { return };
        // A kernel without IPv6 has nothing to switch off.
        if error.source.kind() != std::io::ErrorKind::NotFound {
            self.complain(now, id, setting.name(), &error.to_string());
        }
    }

    /// Removes those of these links that are ours, puts the others back as they were, and parents on which none is left.
    pub(super) fn give_links_back(&mut self, links: &[IfIndex]) {
        let mut ours = Vec::new();
        let mut parents: BTreeMap<IfIndex, Before> = std::mem::take(&mut self.vmacs.parents);
        for index in links {
            let Some(link) = self.observer.link(*index).cloned() else { continue };
            let Some(parent) = stands_on(&link) else { continue };
            match self.vmacs.tended.remove(index) {
                Some(Tended { origin: Origin::Host { up, settings }, alias, .. }) => {
                    self.put_back(&link.name, &settings, &LINK.map(|setting| (setting, None)));
                    self.give_back(&link, up, alias.is_some());
                }
                Some(Tended { origin: Origin::Ours, .. }) => ours.push(*index),
                None if is_left_to_us(&link) => {
                    // No record of this process: that of the one before.
                    if let Some(mark) = link.alias.as_deref().and_then(Mark::parse) {
                        parents.entry(parent).or_insert(mark.parent);
                    }
                    ours.push(*index);
                }
                None => {}
            }
        }
        if let Err(error) = self.holdings.requests.remove_links(&ours) {
            self.startup.log.push(Severity::Warning, error.to_string());
        }
        let used: BTreeSet<IfIndex> = self.vmacs.tended.values().map(|it| it.parent).collect();
        for (parent, before) in parents {
            if used.contains(&parent) {
                self.vmacs.parents.insert(parent, before);
            } else if let Some(link) = self.observer.link(parent) {
                let name = link.name.clone();
                self.put_back(
                    &name,
                    &before,
                    &PARENT.map(|(setting, value)| (setting, Some(value))),
                );
            }
        }
    }

    /// Puts a link back that others have made.
    fn give_back(&mut self, link: &Link, up: bool, is_marked: bool) {
        let aliases = is_marked.then(|| (link.index, String::new()));
        let mut results = self.holdings.requests.set_aliases(aliases.as_slice());
        if !up {
            results.push(self.holdings.requests.set_link_up(link.index, false));
        }
        for error in results.into_iter().filter_map(Result::err) {
            self.startup.log.push(Severity::Warning, error.to_string());
        }
    }

    /// Writes settings as they were, but for those that somebody has changed since we wrote a value.
    fn put_back(&mut self, name: &str, before: &Before, ours: &[(Setting, Option<i32>)]) {
        for (setting, written) in ours {
            let Some(value) = before.get(setting) else { continue };
            let found = sysctl::read(name, *setting).ok();
            let is_ours = written.is_none() || found == *written;
            if found == Some(*value) || found.is_none() || !is_ours {
                continue;
            }
            if let Err(error) = sysctl::write(name, *setting, *value) {
                self.startup.log.push(Severity::Warning, error.to_string());
            }
        }
    }
}

/// The settings of a link as they are, as far as the kernel has them.
fn found(link: &str, settings: &[Setting]) -> Before {
    let one = |setting: &Setting| Some((*setting, sysctl::read(link, *setting).ok()?));
    settings.iter().filter_map(one).collect()
}

/// The parent answers ARP for its own addresses only, not for those of the links on it. Nor does it name one of them as
/// the sender of a request: packets from a virtual address may leave through the parent, and whoever is asked for the
/// next hop would learn the virtual address at the parent's.
const PARENT: [(Setting, i32); 3] =
    [(Setting::ArpIgnore, 1), (Setting::ArpFilter, 1), (Setting::ArpAnnounce, 2)];
/// What is changed on a virtual MAC link.
const LINK: [Setting; 7] = [
    Setting::ArpIgnore,
    Setting::RpFilter,
    Setting::AcceptLocal,
    Setting::PromoteSecondaries,
    Setting::AddrGenMode,
    Setting::AcceptRa,
    Setting::DisableIpv6,
];
