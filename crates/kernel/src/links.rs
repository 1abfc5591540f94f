//! Links by their number and by their name.

use std::collections::BTreeMap;

use intent::IfIndex;

use crate::link::Link;

/// A set of links. A name is that of one link; while two have it, as in the middle of a rename that is told in parts,
/// it is that of the one that took it last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    by_index: BTreeMap<IfIndex, Link>,
    by_name: BTreeMap<String, IfIndex>,
}

impl Links {
    /// Adds a link, or replaces the one of its number, which is returned.
    pub(crate) fn insert(&mut self, link: Link) -> Option<Link> {
        let (index, name) = (link.index, link.name.clone());
        let old = self.by_index.insert(index, link);
        if let Some(old) = &old
            && old.name != name
        {
            self.forget(&old.name.clone(), index);
        }
        self.by_name.insert(name, index);
        old
    }

    /// Takes the link of a number out.
    pub(crate) fn remove(&mut self, index: IfIndex) -> Option<Link> {
        let link = self.by_index.remove(&index)?;
        self.forget(&link.name.clone(), index);
        Some(link)
    }

    /// The link of a number.
    pub(crate) fn get(&self, index: IfIndex) -> Option<&Link> {
        self.by_index.get(&index)
    }

    /// The link of a name.
    pub(crate) fn named(&self, name: &str) -> Option<&Link> {
        self.get(*self.by_name.get(name)?)
    }

    /// All links by their number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&IfIndex, &Link)> {
        self.by_index.iter()
    }

    fn forget(&mut self, name: &str, index: IfIndex) {
        if self.by_name.get(name) == Some(&index) {
            self.by_name.remove(name);
        }
    }
}

impl FromIterator<Link> for Links {
    fn from_iter<I: IntoIterator<Item = Link>>(links: I) -> Self {
        let mut set = Self::default();
        for link in links {
            set.insert(link);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str) -> Link {
        Link {
            index: IfIndex(index),
            name: name.to_owned(),
            mac: None,
            mtu: 1500,
            running: true,
            multicast: true,
            loopback: false,
            up: true,
            upper: None,
            master: None,
            vrf_table: None,
            alias: None,
            group: 0,
        }
    }

    #[test]
    fn a_name_that_moves_from_link_to_link_is_found_at_the_last() {
        let mut links: Links = [link(2, "eth0"), link(3, "eth1")].into_iter().collect();
        links.insert(link(2, "old"));
        assert_eq!(links.named("eth0"), None);
        links.insert(link(3, "eth0"));
        assert_eq!(links.named("eth0").map(|link| link.index), Some(IfIndex(3)));
        assert_eq!(links.named("eth1"), None);
        // The new holder is told before the old one gave the name up.
        links.insert(link(4, "old"));
        links.insert(link(2, "older"));
        assert_eq!(links.named("old").map(|link| link.index), Some(IfIndex(4)));
        links.remove(IfIndex(4));
        assert_eq!(links.named("old"), None);
    }
}
