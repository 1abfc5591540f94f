//! How fast announcements may go, and what shares a rate: a link with all that stands on it as virtual MAC links do, or
//! a `garp_group` of such.

use std::collections::BTreeMap;
use std::time::Duration;

use config::model::{GarpGroup, Global};
use intent::IfIndex;
use kernel::link::{Link, Upper};
use wire::Family;

/// Least times between two announcements.
#[derive(Debug, Default)]
pub(super) struct Rates {
    alone: Gaps,
    groups: Vec<Gaps>,
    members: BTreeMap<String, usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Gaps {
    garp: Duration,
    gna: Duration,
}

/// What shares a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// A link.
    Link(IfIndex),
    /// A `garp_group`, by its place.
    Group(usize),
}

impl Rates {
    pub(super) fn of(global: &Global) -> Self {
        let gaps = |group: &GarpGroup| Gaps { garp: group.garp_interval, gna: group.gna_interval };
        let named = global.garp_groups.iter().zip(0..);
        let members = named.flat_map(|(group, number)| {
            group.interfaces.iter().map(move |name| (name.clone(), number))
        });
        Self {
            alone: Gaps { garp: global.garp_interval, gna: global.gna_interval },
            groups: global.garp_groups.iter().map(gaps).collect(),
            members: members.collect(),
        }
    }

    /// The lane of a link, where `find` knows links by their numbers.
    pub(super) fn lane<'l>(
        &self,
        link: &'l Link,
        find: impl Fn(IfIndex) -> Option<&'l Link>,
    ) -> Lane {
        let base = link.upper.filter(|(_, upper)| *upper != Upper::Other);
        let base = base.and_then(|(parent, _)| find(parent)).unwrap_or(link);
        self.members.get(&base.name).map_or(Lane::Link(base.index), |group| Lane::Group(*group))
    }

    /// The least time between two announcements of a family.
    pub(super) fn gap(&self, lane: Lane, family: Family) -> Duration {
        let gaps = match lane {
            Lane::Link(_) => Some(&self.alone),
            // One that was taken away is waited for no more.
            Lane::Group(number) => self.groups.get(number),
        };
        match family {
            Family::Ipv4 => gaps.map_or(Duration::ZERO, |gaps| gaps.garp),
            Family::Ipv6 => gaps.map_or(Duration::ZERO, |gaps| gaps.gna),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str, upper: Option<(u32, Upper)>) -> Link {
        Link {
            index: IfIndex(index),
            name: name.to_owned(),
            mac: None,
            mtu: 1500,
            running: true,
            multicast: true,
            loopback: false,
            up: true,
            upper: upper.map(|(parent, upper)| (IfIndex(parent), upper)),
            master: None,
            vrf_table: None,
            alias: None,
            group: 0,
        }
    }

    #[test]
    fn links_share_a_rate_with_what_they_stand_on_and_with_their_group() {
        let group = |names: &[&str], garp, gna| GarpGroup {
            interfaces: names.iter().map(|name| (*name).to_owned()).collect(),
            garp_interval: Duration::from_millis(garp),
            gna_interval: Duration::from_millis(gna),
        };
        let global = Global {
            garp_interval: Duration::from_millis(7),
            gna_interval: Duration::from_millis(8),
            garp_groups: vec![group(&["eth0", "eth1"], 100, 0), group(&["eth2"], 0, 50)],
            ..Global::default()
        };
        let rates = Rates::of(&global);
        let links = [
            link(1, "eth0", None),
            link(2, "eth1", None),
            link(3, "eth2", None),
            link(4, "eth3", None),
            link(5, "vrrp.1", Some((2, Upper::PrivateMacvlan))),
            link(6, "vrrp1.1", Some((4, Upper::PrivateMacvlan))),
            // A VLAN is an interface of its own.
            link(7, "eth0.7", Some((1, Upper::Other))),
            // What it stands on is elsewhere.
            link(8, "vrrp2.1", Some((9, Upper::PrivateMacvlan))),
        ];
        let find = |index| links.iter().find(|link| link.index == index);
        let lanes: Vec<Lane> = links.iter().map(|link| rates.lane(link, find)).collect();
        let alone = |index| Lane::Link(IfIndex(index));
        let (first, second) = (Lane::Group(0), Lane::Group(1));
        assert_eq!(lanes, [first, first, second, alone(4), first, alone(4), alone(7), alone(8)]);
        let gaps = |lane| [Family::Ipv4, Family::Ipv6].map(|it| rates.gap(lane, it).as_millis());
        assert_eq!([first, second, alone(4)].map(gaps), [[100, 0], [0, 50], [7, 8]]);
        assert_eq!(gaps(Lane::Group(2)), [0, 0]);
    }
}
