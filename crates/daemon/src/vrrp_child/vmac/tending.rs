//! Arranging links and their parents.

use std::collections::{BTreeMap, BTreeSet};

use clock::Instant;
use control::Severity;
use intent::{IfIndex, UpperKind, UpperLink};
use kernel::link::{Link, Upper};
use kernel::sysctl::{self, Setting};
use vrrp::{InstanceId, Role};
use wire::{Family, MacAddr};

use super::{Before, Mark, Origin, Tended, Users, serving, standing_as, stands_on};
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
            for (id, _) in tended.users {
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
        wanted: &BTreeMap<UpperLink, Users>,
        created: &BTreeSet<UpperLink>,
    ) -> bool {
        let mut down = Vec::new();
        let mut aliases = Vec::new();
        let standing = serving(&self.observer).into_iter();
        let standing: BTreeMap<(IfIndex, MacAddr), IfIndex> =
            standing.map(|(key, link)| (key, link.index)).collect();
        for (wanted, users) in wanted {
            let link = match wanted.kind {
                UpperKind::PrivateMacvlan(mac) => {
                    standing.get(&(wanted.parent, mac)).and_then(|index| self.observer.link(*index))
                }
                UpperKind::Ipvlan(_) => standing_as(&self.observer, wanted),
            };
            let Some(link) = link.cloned() else { continue };
            match self.vmacs.tended.get_mut(&link.index) {
                Some(tended) if tended.users == *users => {}
                Some(tended) => {
                    tended.users.clone_from(users);
                    self.set_link(now, &link, users);
                }
                None => {
                    let tended = self.tend(now, users, &link, created.contains(wanted));
                    aliases.extend(tended.alias.clone().map(|alias| (link.index, alias)));
                    self.vmacs.tended.insert(link.index, tended);
                }
            }
            self.follow_vrf(now, users, &link);
            if !link.up {
                down.push(link.index);
            }
            if let Some((id, group)) = self.group_of(users)
                && link.group != group
                && let Err(error) = self.holdings.requests.set_group(link.index, group)
            {
                self.complain(now, id, "vmac group", &error.to_string());
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
    fn tend(&mut self, now: Instant, users: &Users, link: &Link, is_new: bool) -> Tended {
        let parent = stands_on(link).unwrap_or(link.index);
        let recorded = self.left_to_us(link);
        let is_foreign = link.alias.is_some() && recorded.is_none();
        let origin = match &recorded {
            Some(mark) => mark.origin.clone(),
            None if is_new => Origin::Ours,
            None => Origin::Host { up: link.up, settings: found(&link.name, &LINK) },
        };
        let before =
            if is_ipvlan(link) { Before::new() } else { self.tend_parent(now, users, parent) };
        self.set_link(now, link, users);
        let owner = self.startup.options.presence.clone();
        let mark = Mark { owner, origin: origin.clone(), parent: before };
        let alias = (!is_foreign).then(|| mark.to_string());
        let ipvlan = self.adopt_ipvlan(link.index, &origin);
        Tended { name: link.name.clone(), parent, origin, alias, users: users.clone(), ipvlan }
    }

    /// The group of a link, and who wants it.
    fn group_of(&self, users: &Users) -> Option<(InstanceId, u32)> {
        let group = |id: &InstanceId| {
            let instance = self.settled.instances.get(id)?;
            let of_vmac = instance.vmac.as_ref().and_then(|vmac| vmac.group);
            of_vmac.or_else(|| instance.ipvlan.as_ref()?.group)
        };
        users.iter().find_map(|(id, _)| Some((*id, group(id)?)))
    }

    /// Arranges a parent, once; returns how it was found.
    fn tend_parent(&mut self, now: Instant, users: &Users, parent: IfIndex) -> Before {
        if let Some(before) = self.vmacs.parents.get(&parent) {
            return before.clone();
        }
        let Some(link) = self.observer.link(parent) else { return Before::new() };
        let name = link.name.clone();
        let known = self.vmacs.before(parent, &self.observer);
        let before = known.unwrap_or_else(|| found(&name, &PARENT.map(|(setting, _)| setting)));
        for (setting, value) in PARENT {
            self.write(now, users, &name, setting, value);
        }
        self.vmacs.parents.insert(parent, before.clone());
        before
    }

    /// Sets a link for those who work through it.
    fn set_link(&mut self, now: Instant, link: &Link, users: &Users) {
        let settings =
            if is_ipvlan(link) { ipvlan_settings(users) } else { self.link_settings(link, users) };
        for (setting, value) in settings {
            self.write(now, users, &link.name, setting, value);
        }
    }

    /// What the settings of a virtual MAC link shall be.
    fn link_settings(&self, link: &Link, users: &Users) -> Vec<(Setting, i32)> {
        let families: BTreeSet<Family> = users.iter().map(|(_, family)| *family).collect();
        let mut settings = Vec::new();
        if families.contains(&Family::Ipv4) {
            settings.extend([
                (Setting::ArpIgnore, 1),
                (Setting::AcceptLocal, 1),
                (Setting::RpFilter, reverse_path_filter()),
                (Setting::PromoteSecondaries, 1),
            ]);
        }
        if families.contains(&Family::Ipv6) {
            settings.extend([(Setting::AddrGenMode, 1), (Setting::AcceptRa, 0)]);
        }
        // Once nothing speaks by itself any more.
        let speaks = self.is_used(users, |family| family == Family::Ipv6);
        settings.push((Setting::DisableIpv6, i32::from(!speaks)));
        settings.push((Setting::Forwarding, self.forwarding(link, self.is_used(users, |_| true))));
        settings
    }

    /// What a virtual MAC link does with packets for other hosts: what its parent does while one of its users is Active. A
    /// Backup passes nothing on that came to the virtual address (RFC 9568 §6.4.2), as where a switch floods it.
    fn forwarding(&self, link: &Link, is_used: bool) -> i32 {
        let parent = stands_on(link).filter(|_| is_used);
        let parent = parent.and_then(|parent| self.observer.link(parent));
        parent.and_then(|it| sysctl::read(&it.name, Setting::Forwarding).ok()).unwrap_or(0)
    }

    /// Whether one of the users of such a family is Active, or about to go on as that.
    fn is_used(&self, users: &Users, counts: impl Fn(Family) -> bool) -> bool {
        let is_active =
            |id| self.election.role(id) == Some(Role::Active) || self.resuming.contains(&id);
        users.iter().any(|(id, family)| counts(*family) && is_active(*id))
    }

    /// Lets the links of an instance that becomes Active pass packets on and IPv6 work there, or ends both unless another
    /// instance needs it: while all are Backup a link has nothing to say, not even which groups it listens to.
    pub(in crate::vrrp_child) fn open_link(&mut self, now: Instant, id: InstanceId, open: bool) {
        let Some(instance) = self.settled.instances.get(&id) else { return };
        let family = instance.parameters.family;
        // By their names, and whether it is about IPv6 there.
        let mut names: BTreeMap<String, bool> = BTreeMap::new();
        for link in instance.virtual_links() {
            if let (UpperKind::PrivateMacvlan(_), Some(name)) = (link.kind, link.name) {
                *names.entry(name.to_owned()).or_default() |= link.family == Family::Ipv6;
            }
        }
        for (name, is_ipv6) in names {
            let Some(link) = self.observer.link_named(&name).cloned() else { continue };
            let users = self.vmacs.tended.get(&link.index).map(|tended| tended.users.iter());
            let others = users.into_iter().flatten().copied();
            let others: Users = others.filter(|(other, _)| *other != id).collect();
            let user = vec![(id, family)];
            let forwarding = self.forwarding(&link, open || self.is_used(&others, |_| true));
            self.write(now, &user, &name, Setting::Forwarding, forwarding);
            if is_ipv6 {
                let speaks = open || self.is_used(&others, |family| family == Family::Ipv6);
                self.write(now, &user, &name, Setting::DisableIpv6, i32::from(!speaks));
            }
        }
    }

    /// Sets again what virtual MAC links pass on, where somebody has changed that for one of them or for a parent.
    pub(in crate::vrrp_child) fn keep_forwarding(&mut self, now: Instant, changed: IfIndex) {
        let tended = self.vmacs.tended.iter();
        let links: Vec<IfIndex> = if self.vmacs.parents.contains_key(&changed) {
            tended.filter(|(_, it)| it.parent == changed).map(|(index, _)| *index).collect()
        } else {
            vec![changed]
        };
        for index in links {
            let Some(users) = self.vmacs.tended.get(&index).map(|it| it.users.clone()) else {
                continue;
            };
            let Some(link) = self.observer.link(index).cloned() else { continue };
            if !is_ipvlan(&link) {
                let forwarding = self.forwarding(&link, self.is_used(&users, |_| true));
                self.write(now, &users, &link.name, Setting::Forwarding, forwarding);
            }
        }
    }

    fn write(&mut self, now: Instant, users: &Users, link: &str, setting: Setting, value: i32) {
        if sysctl::read(link, setting).is_ok_and(|found| found == value) {
            return;
        }
        let Err(error) = sysctl::write(link, setting, value) else { return };
        // A kernel without IPv6 has nothing to switch off.
        if error.source.kind() != std::io::ErrorKind::NotFound {
            for (id, _) in users {
                self.complain(now, *id, setting.name(), &error.to_string());
            }
        }
    }
}

/// What the settings of an ipvlan link shall be. It speaks in any state, and answers for what stands on it only: virtual
/// addresses are those of the link below.
fn ipvlan_settings(users: &Users) -> Vec<(Setting, i32)> {
    let has = |wanted| users.iter().any(|(_, family)| *family == wanted);
    let mut settings = vec![(Setting::DisableIpv6, i32::from(!has(Family::Ipv6)))];
    if has(Family::Ipv4) {
        settings.extend([(Setting::ArpIgnore, 1), (Setting::RpFilter, reverse_path_filter())]);
    }
    if has(Family::Ipv6) {
        settings.push((Setting::AcceptRa, 0));
    }
    settings
}

/// The kernel takes the larger of this one and that of `all`. Where all links are strict, the way back to whoever is
/// heard would have to be this link; 2 is content with any way back.
fn reverse_path_filter() -> i32 {
    if sysctl::read("all", Setting::RpFilter).unwrap_or(0) == 0 { 0 } else { 2 }
}

fn is_ipvlan(link: &Link) -> bool {
    matches!(link.upper, Some((_, Upper::Ipvlan(_))))
}

/// The settings of a link as they are, as far as the kernel has them.
fn found(link: &str, settings: &[Setting]) -> Before {
    let one = |setting: &Setting| Some((*setting, sysctl::read(link, *setting).ok()?));
    settings.iter().filter_map(one).collect()
}

/// The parent answers ARP for its own addresses only, not for those of the links on it. Nor does it name one of them as
/// the sender of a request: packets from a virtual address may leave through the parent, and whoever is asked for the
/// next hop would learn the virtual address at the parent's.
pub(super) const PARENT: [(Setting, i32); 3] =
    [(Setting::ArpIgnore, 1), (Setting::ArpFilter, 1), (Setting::ArpAnnounce, 2)];
/// What is changed on a virtual MAC link.
pub(super) const LINK: [Setting; 8] = [
    Setting::ArpIgnore,
    Setting::RpFilter,
    Setting::AcceptLocal,
    Setting::Forwarding,
    Setting::PromoteSecondaries,
    Setting::AddrGenMode,
    Setting::AcceptRa,
    Setting::DisableIpv6,
];
