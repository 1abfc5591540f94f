//! Giving links and settings back as they were.

use std::collections::{BTreeMap, BTreeSet};

use control::Severity;
use intent::IfIndex;
use kernel::link::Link;
use kernel::sysctl::{self, Setting};

use super::tending::{LINK, PARENT};
use super::{Before, Mark, OnIpvlan, Origin, Tended, stands_on};
use crate::presence;
use crate::vrrp_child::Shell;

impl Shell {
    /// Removes those of these links that are ours, puts the others back as they were, and parents on which none is left.
    /// Of those that this process did not arrange, the records of one that is no more count.
    pub(super) fn give_links_back(&mut self, links: &[IfIndex]) {
        let mut ours = Vec::new();
        let mut parents: BTreeMap<IfIndex, Before> = std::mem::take(&mut self.vmacs.parents);
        for index in links {
            let Some(link) = self.observer.link(*index).cloned() else { continue };
            let Some(parent) = stands_on(&link) else { continue };
            let (origin, is_marked, on) = match self.vmacs.tended.remove(index) {
                Some(Tended { origin, alias, ipvlan, .. }) => (origin, alias.is_some(), ipvlan),
                None => {
                    let Some(mark) = self.left_to_us(&link) else { continue };
                    if !mark.parent.is_empty() {
                        parents.entry(parent).or_insert(mark.parent);
                    }
                    (mark.origin, true, OnIpvlan::default())
                }
            };
            match origin {
                Origin::Ours => ours.push(*index),
                Origin::Host { up, settings } => {
                    self.clear_ipvlan(&on);
                    self.put_back(&link.name, &settings, &LINK.map(|setting| (setting, None)));
                    self.give_back(&link, up, is_marked);
                }
            }
        }
        if let Err(error) = self.holdings.requests.remove_links(&ours) {
            self.startup.log.push(Severity::Warning, error.to_string());
        }
        let used: BTreeSet<IfIndex> = self.vmacs.tended.values().map(|it| it.parent).collect();
        for (parent, before) in parents {
            if used.contains(&parent) {
                self.vmacs.parents.insert(parent, before);
            } else if let Some(link) = self.observer.link(parent)
                && !self.is_shared(parent)
            {
                let name = link.name.clone();
                let ours = PARENT.map(|(setting, value)| (setting, Some(value)));
                self.put_back(&name, &before, &ours);
            }
        }
    }

    /// Whether another daemon that lives has links on a parent: it puts the settings back, which its records know from
    /// ours.
    fn is_shared(&self, parent: IfIndex) -> bool {
        let links = self.observer.links().filter(|link| stands_on(link) == Some(parent));
        let mut marks = links.filter_map(|link| Mark::parse(link.alias.as_deref()?));
        marks.any(|mark| !self.is_this(&mark) && presence::is_alive(&mark.owner))
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
