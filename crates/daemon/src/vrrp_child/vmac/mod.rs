//! Virtual MAC links and ipvlan links: made before their instances need them, kept while they are configured, gone at the end.
//!
//! What stands already and serves is used as it is, whoever made it. What was there before us, the settings of parents
//! and links that others made, is put back as it was found (see [`mark`]). A link that somebody removes is made again.

mod ipvlan;
mod mark;
mod naming;
mod returning;
mod tending;

use std::collections::{BTreeMap, BTreeSet};

use clock::Instant;
use config::model::{Instance, VirtualLink};
use control::Severity;
use intent::{IfIndex, LinkChange, StandingLink, UpperKind, UpperLink, diff_links};
use kernel::link::{Link, Upper};
use kernel::observer::{Event, Observer};
use vrrp::InstanceId;
use wire::{Family, MacAddr};

use self::ipvlan::OnIpvlan;
use self::mark::{Before, Mark, Origin};
use super::Shell;
use super::roster::Settled;
use crate::presence;

/// The links that this process works through.
#[derive(Debug, Default)]
pub(super) struct Vmacs {
    /// Those that were arranged, by their number.
    tended: BTreeMap<IfIndex, Tended>,
    /// How the parents' settings were found.
    parents: BTreeMap<IfIndex, Before>,
    /// Links that should stand and could not be made.
    refused: BTreeSet<UpperLink>,
    /// An address to send from could not be set.
    lacks_address: bool,
    /// What making links has changed, not yet read as news.
    pub(super) news: Vec<Event>,
}

/// One link that was arranged.
#[derive(Debug)]
struct Tended {
    name: String,
    parent: IfIndex,
    origin: Origin,
    /// The record on it; none where somebody else's alias stands.
    alias: Option<String>,
    /// Who works through it: several where they share an Ethernet address, or name the same link.
    users: Users,
    /// What is special about an ipvlan link.
    ipvlan: OnIpvlan,
}

/// Instances by their numbers, with the families of what they have on a link.
type Users = Vec<(InstanceId, Family)>;

impl Vmacs {
    /// Whether a link or an address on it is missing that the kernel refuses.
    pub(super) fn has_problems(&self) -> bool {
        self.lacks_address || !self.refused.is_empty()
    }

    /// What is to be put back on `parent`, as far as anything knows: this process, or the record on a link.
    fn before(&self, parent: IfIndex, observer: &Observer) -> Option<Before> {
        let recorded = || {
            let links = observer.links().filter(|link| stands_on(link) == Some(parent));
            let mut marks = links.filter_map(|link| Mark::parse(link.alias.as_deref()?));
            marks.find(|mark| !mark.parent.is_empty()).map(|mark| mark.parent)
        };
        self.parents.get(&parent).cloned().or_else(recorded)
    }
}

impl Shell {
    /// Names the links of a configuration that is about to be in force.
    pub(super) fn name_vmacs(&self, settled: &mut Settled) {
        let observer = &self.observer;
        let links = serving(observer);
        let serving = |id: InstanceId, link: &VirtualLink<'_>| {
            let parent = observer.link_named(link.parent)?.index;
            match link.kind {
                UpperKind::PrivateMacvlan(mac) => Some(links.get(&(parent, mac))?.name.clone()),
                // One of ours that has its address already.
                UpperKind::Ipvlan(_) => {
                    let (address, _) = settled.instances.get(&id)?.ipvlan.as_ref()?.address?;
                    let has_it = |it: &&Link| {
                        stands_on(it) == Some(parent)
                            && observer.standing(it.index, address).next().is_some()
                            && self.is_ours(it)
                    };
                    observer.links().find(has_it).map(|link| link.name.clone())
                }
            }
        };
        let names = naming::names(&settled.instances, &self.settled.instances, &serving);
        // One of ours that nobody works through makes room.
        let is_taken =
            |name: &str| observer.link_named(name).is_some_and(|link| !self.is_ours(link));
        naming::give(&mut settled.instances, names, &is_taken);
    }

    /// Makes links that are missing, and arranges those that are new to this process.
    pub(super) fn arrange_vmacs(&mut self, now: Instant) {
        let wanted = self.wanted_links();
        self.forget_gone_links(now);
        self.vmacs.lacks_address = false;
        if wanted.is_empty() {
            self.vmacs.refused.clear();
            return;
        }
        for _ in 0..TRIES {
            let created = self.create_links(now, &wanted);
            if self.tend_links(now, &wanted, &created) {
                break;
            }
        }
        self.tend_ipvlans(now, &wanted);
    }

    /// The links that the configuration wants on the parents that exist.
    fn wanted_links(&self) -> BTreeMap<UpperLink, Users> {
        let mut wanted = BTreeMap::<UpperLink, Users>::new();
        for (id, instance) in &self.settled.instances {
            for link in instance.virtual_links() {
                let user = (*id, link.family);
                let Some(link) = self.wanted_link(link) else { continue };
                let users = wanted.entry(link).or_default();
                if !users.contains(&user) {
                    users.push(user);
                }
            }
        }
        wanted
    }

    fn wanted_link(&self, link: VirtualLink<'_>) -> Option<UpperLink> {
        let parent = self.observer.link_named(link.parent)?;
        // Only Ethernet has such addresses.
        if parent.loopback || parent.mac.is_none() {
            return None;
        }
        let name = link.name?.to_owned();
        Some(UpperLink { parent: parent.index, name, kind: link.kind })
    }

    /// Makes what is missing; returns what was made.
    fn create_links(
        &mut self,
        now: Instant,
        wanted: &BTreeMap<UpperLink, Users>,
    ) -> BTreeSet<UpperLink> {
        let links: Vec<UpperLink> = wanted.keys().cloned().collect();
        let mut in_the_way = Vec::new();
        let mut missing = Vec::new();
        let standing = self.standing_links();
        for change in diff_links(&links, &standing) {
            match change {
                LinkChange::Create(link) => missing.push(link),
                LinkChange::Remove(index) => in_the_way.push(index),
            }
        }
        self.vmacs.refused.clear();
        if missing.is_empty() {
            return BTreeSet::new();
        }
        // What is not in the way goes when nobody needs it any more.
        in_the_way.retain(|index| {
            let Some(link) = self.observer.link(*index) else { return false };
            missing.iter().any(|it| it.name == link.name || is_barred_by(it, link))
        });
        if let Err(error) = self.holdings.requests.remove_links(&in_the_way) {
            self.startup.log.push(Severity::Warning, error.to_string());
        }
        let results = self.holdings.requests.create_upper_links(&missing);
        let mut created = BTreeSet::new();
        for (link, result) in missing.into_iter().zip(results) {
            let Err(error) = result else {
                created.insert(link);
                continue;
            };
            for (id, _) in wanted.get(&link).into_iter().flatten() {
                let text = format!("cannot make virtual link {}: {error}", link.name);
                self.complain(now, *id, "vmac", &text);
            }
            self.vmacs.refused.insert(link);
        }
        self.learn_links();
        created
    }

    /// Brings the mirror up to date with what was just done.
    fn learn_links(&mut self) {
        let mut news = std::mem::take(&mut self.vmacs.news);
        if let Err(error) = self.observer.resynchronise(&mut news) {
            self.startup.log.push(Severity::Warning, error.to_string());
        }
        self.vmacs.news = news;
    }

    /// Links on others, and whose they are.
    fn standing_links(&self) -> Vec<StandingLink> {
        let standing = |link: &Link| {
            let (parent, upper) = link.upper?;
            let kind = match upper {
                Upper::PrivateMacvlan => UpperKind::PrivateMacvlan(link.mac?),
                Upper::Ipvlan(mode) => UpperKind::Ipvlan(mode),
                Upper::Other => return None,
            };
            let is_ours = self.is_ours(link);
            let name = link.name.clone();
            Some(StandingLink {
                index: link.index,
                link: UpperLink { parent, name, kind },
                is_ours,
            })
        };
        self.observer.links().filter_map(standing).collect()
    }

    /// Whether we have made this link, or a daemon that is no more.
    pub(super) fn is_ours(&self, link: &Link) -> bool {
        match self.vmacs.tended.get(&link.index) {
            Some(tended) => tended.origin == Origin::Ours,
            None => self.left_to_us(link).is_some_and(|mark| mark.origin == Origin::Ours),
        }
    }

    /// The record on a link of one that is no more: a daemon, or the process before this one.
    fn left_to_us(&self, link: &Link) -> Option<Mark> {
        let mark = link.alias.as_deref().and_then(Mark::parse)?;
        let is_past = self.is_this(&mark) || !presence::is_alive(&mark.owner);
        is_past.then_some(mark)
    }

    /// Whether a record is of the daemon that this process is part of.
    fn is_this(&self, mark: &Mark) -> bool {
        mark.owner == self.startup.options.presence
    }

    /// Writes the alias of an instance's link again as it is, of which the kernel tells all who listen
    /// (`netlink_notify_msg`).
    pub(super) fn touch_vmac(&mut self, id: InstanceId) {
        let link = self.settled.instances.get(&id).map(Instance::holder);
        let Some(link) = link.and_then(|name| self.observer.link_named(name)) else { return };
        let alias = self.vmacs.tended.get(&link.index).and_then(|it| it.alias.clone());
        let alias = alias.or_else(|| link.alias.clone()).unwrap_or_default();
        for error in self.holdings.requests.set_aliases(&[(link.index, alias)]) {
            if let Err(error) = error {
                self.startup.log.push(Severity::Warning, error.to_string());
            }
        }
    }

    /// Removes links that no instance works through any more, and puts back how things were before.
    pub(super) fn drop_surplus_vmacs(&mut self) {
        let wanted = self.wanted_links();
        let wanted: BTreeSet<_> = wanted.keys().map(UpperLink::service).collect();
        let standing = self.standing_links();
        let serves = |standing: &StandingLink| wanted.contains(&standing.link.service());
        let surplus = standing.iter().filter(|standing| !serves(standing));
        let surplus: Vec<IfIndex> = surplus.map(|standing| standing.index).collect();
        self.give_links_back(&surplus);
    }

    /// Removes all links that are ours, and puts back how things were before, at the end.
    pub(super) fn drop_vmacs(&mut self) {
        let all: Vec<IfIndex> =
            self.standing_links().iter().map(|standing| standing.index).collect();
        self.give_links_back(&all);
    }
}

/// Whether the link that an instance works through is there, where it has one of its own.
pub(super) fn stands(observer: &Observer, instance: &Instance) -> bool {
    let parent = observer.link_named(&instance.interface).map(|parent| parent.index);
    let on_parent = |name: &str| observer.link_named(name).filter(|it| stands_on(it) == parent);
    if let Some(vmac) = &instance.vmac {
        let link = vmac.name.as_deref().and_then(on_parent);
        return link.is_some_and(|link| link.mac == Some(vmac.mac));
    }
    let Some(ipvlan) = &instance.ipvlan else { return true };
    let link = ipvlan.name.as_deref().and_then(on_parent);
    link.is_some_and(|link| matches!(link.upper, Some((_, Upper::Ipvlan(_)))))
}

/// The link that serves as `wanted`, an ipvlan link.
fn standing_as<'o>(observer: &'o Observer, wanted: &UpperLink) -> Option<&'o Link> {
    let link = observer.link_named(&wanted.name)?;
    let serves = matches!(link.upper, Some((parent, Upper::Ipvlan(_))) if parent == wanted.parent);
    serves.then_some(link)
}

/// Whether the kernel makes no link of this kind while the other one is there: macvlans and ipvlans do not stand on one
/// parent.
fn is_barred_by(wanted: &UpperLink, other: &Link) -> bool {
    let (is_macvlan, is_ipvlan) = match other.upper {
        Some((parent, upper)) if parent == wanted.parent => {
            (upper == Upper::PrivateMacvlan, matches!(upper, Upper::Ipvlan(_)))
        }
        Some(_) | None => return false,
    };
    match wanted.kind {
        UpperKind::PrivateMacvlan(_) => is_ipvlan,
        UpperKind::Ipvlan(_) => is_macvlan,
    }
}

/// Private macvlans by what they stand on and their Ethernet address; of several, one that is up.
fn serving(observer: &Observer) -> BTreeMap<(IfIndex, MacAddr), &Link> {
    let mut serving = BTreeMap::new();
    for link in observer.links() {
        if let (Some((parent, Upper::PrivateMacvlan)), Some(mac)) = (link.upper, link.mac) {
            let first = serving.entry((parent, mac)).or_insert(link);
            if link.up && !first.up {
                *first = link;
            }
        }
    }
    serving
}

/// What a private macvlan or an ipvlan stands on.
fn stands_on(link: &Link) -> Option<IfIndex> {
    match link.upper? {
        (parent, Upper::PrivateMacvlan | Upper::Ipvlan(_)) => Some(parent),
        (_, Upper::Other) => None,
    }
}

/// A link may be on its way out when it is looked at: it is told to be down first, and to be gone later.
const TRIES: usize = 3;
