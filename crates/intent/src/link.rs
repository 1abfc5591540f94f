//! A link that stands on another one: a virtual MAC link, or one that shares its parent's address.

use std::collections::BTreeSet;

use wire::MacAddr;

use crate::IfIndex;

/// A link as it should stand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UpperLink {
    /// What it stands on.
    pub parent: IfIndex,
    /// What it is called; one that stands already keeps its name.
    pub name: String,
    /// What kind it is.
    pub kind: UpperKind,
}

/// What makes a link on another one different from its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UpperKind {
    /// An Ethernet address of its own. Links of one parent do not hear each other.
    PrivateMacvlan(MacAddr),
    /// Addresses of its own under the parent's Ethernet address.
    Ipvlan(IpvlanMode),
}

/// How ipvlan links of one parent treat each other (linux/if_link.h, `IPVLAN_F_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IpvlanMode {
    /// They hear each other.
    Bridge,
    /// They do not.
    Private,
    /// They do through the switch.
    Vepa,
}

/// What a link has in common with every one that serves in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service<'l> {
    /// A macvlan may be called whatever: of one Ethernet address, the kernel lets one link of a parent be up.
    Mac(IfIndex, MacAddr),
    /// ipvlan links have no mark but their names. Their mode is that of their parent, so that whoever makes another one
    /// there changes it.
    Name(IfIndex, &'l str),
}

/// A link that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingLink {
    /// Its number.
    pub index: IfIndex,
    /// What it is.
    pub link: UpperLink,
    /// Whether we have made it.
    pub is_ours: bool,
}

/// One step from the links that are to those that should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// Take a link of ours away.
    Remove(IfIndex),
    /// Make a link that is missing.
    Create(UpperLink),
}

impl UpperLink {
    /// What it is recognised by.
    #[must_use]
    pub fn service(&self) -> Service<'_> {
        match self.kind {
            UpperKind::PrivateMacvlan(mac) => Service::Mac(self.parent, mac),
            UpperKind::Ipvlan(_) => Service::Name(self.parent, &self.name),
        }
    }
}

/// The steps from `standing` to `desired`: removals first, which make room for names and Ethernet addresses.
///
/// A link that serves is never touched, whoever made it. One of ours that serves nothing goes; others stay.
#[must_use]
pub fn diff_links(desired: &[UpperLink], standing: &[StandingLink]) -> Vec<LinkChange> {
    let wanted: BTreeSet<_> = desired.iter().map(UpperLink::service).collect();
    let there: BTreeSet<_> = standing.iter().map(|it| it.link.service()).collect();
    let serves = |it: &&StandingLink| wanted.contains(&it.link.service());
    let surplus: BTreeSet<IfIndex> =
        standing.iter().filter(|it| it.is_ours && !serves(it)).map(|it| it.index).collect();
    let missing = desired.iter().filter(|wanted| !there.contains(&wanted.service()));
    let missing = missing.cloned().map(LinkChange::Create);
    surplus.into_iter().map(LinkChange::Remove).chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VMAC: MacAddr = MacAddr([0, 0, 0x5e, 0, 1, 51]);

    fn wanted(parent: u32, name: &str) -> UpperLink {
        UpperLink {
            parent: IfIndex(parent),
            name: name.to_owned(),
            kind: UpperKind::PrivateMacvlan(VMAC),
        }
    }

    fn standing(index: u32, link: UpperLink, is_ours: bool) -> StandingLink {
        StandingLink { index: IfIndex(index), link, is_ours }
    }

    #[test]
    fn what_serves_stays_under_whatever_name_and_whoever_made_it() {
        for is_ours in [true, false] {
            let there = standing(9, wanted(2, "mine"), is_ours);
            assert_eq!(diff_links(&[wanted(2, "vrrp.51")], &[there]), []);
        }
    }

    #[test]
    fn what_is_missing_is_made_after_what_is_surplus_went() {
        // The same name with another Ethernet address, and the same address on another parent.
        let other = UpperLink {
            kind: UpperKind::PrivateMacvlan(MacAddr([2, 0, 0, 0, 0, 9])),
            ..wanted(2, "vrrp.51")
        };
        let changes = diff_links(
            &[wanted(2, "vrrp.51")],
            &[standing(9, other, true), standing(7, wanted(3, "vrrp.51"), true)],
        );
        assert_eq!(
            changes,
            [
                LinkChange::Remove(IfIndex(7)),
                LinkChange::Remove(IfIndex(9)),
                LinkChange::Create(wanted(2, "vrrp.51")),
            ]
        );
    }

    #[test]
    fn what_others_made_is_never_removed() {
        assert_eq!(diff_links(&[], &[standing(9, wanted(2, "mine"), false)]), []);
    }

    #[test]
    fn an_ipvlan_link_serves_under_its_own_name_only() {
        let ipvlan =
            |name| UpperLink { kind: UpperKind::Ipvlan(IpvlanMode::Bridge), ..wanted(2, name) };
        let there = standing(9, ipvlan("other"), false);
        assert_eq!(
            diff_links(&[ipvlan("vrrp.51")], &[there]),
            [LinkChange::Create(ipvlan("vrrp.51"))]
        );
        // In whatever mode somebody's next link has put those of the parent.
        let kind = UpperKind::Ipvlan(IpvlanMode::Vepa);
        let there = standing(9, UpperLink { kind, ..ipvlan("vrrp.51") }, true);
        assert_eq!(diff_links(&[ipvlan("vrrp.51")], &[there]), []);
    }
}
