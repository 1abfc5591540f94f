//! What virtual links are called: as the file says, as the link is called that serves already, or the first free of
//! `vrrp.51`, `vrrp6.51` (IPv6), `vrrp1.51`, `vrrp2.51` and so on.

use std::collections::{BTreeMap, BTreeSet};

use config::model::{Instance, VirtualLink};
use intent::UpperKind;
use vrrp::InstanceId;
use wire::{Family, MacAddr};

/// Tells the name of the link that serves already as one of an instance.
type Serving<'h> = &'h dyn Fn(InstanceId, &VirtualLink<'_>) -> Option<String>;

/// What has one name: links of one parent and Ethernet address are one link, an ipvlan link is its instance's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Mac(String, MacAddr),
    Own(InstanceId),
}

impl Place {
    fn of(id: InstanceId, link: &VirtualLink<'_>) -> Self {
        match link.kind {
            UpperKind::PrivateMacvlan(mac) => Self::Mac(link.parent.to_owned(), mac),
            UpperKind::Ipvlan(_) => Self::Own(id),
        }
    }
}

/// The names of links of `instances` that are known: as the link is called that serves, as is written, or as in `former`.
pub(super) fn names(
    instances: &BTreeMap<InstanceId, Instance>,
    former: &BTreeMap<InstanceId, Instance>,
    serving: Serving<'_>,
) -> BTreeMap<Place, String> {
    let mut names = BTreeMap::new();
    for (id, instance) in instances {
        for link in instance.virtual_links() {
            let place = Place::of(*id, &link);
            if names.contains_key(&place) {
                continue;
            }
            let kept = || {
                let mut before = former.get(id)?.virtual_links();
                before.find(|it| it.parent == link.parent && Place::of(*id, it) == place)?.name
            };
            let written = link.name.map(str::to_owned);
            let serving = || serving(*id, &link);
            let name = match link.kind {
                UpperKind::PrivateMacvlan(_) => serving().or(written),
                UpperKind::Ipvlan(_) => written.or_else(serving),
            };
            if let Some(name) = name.or_else(|| kept().map(str::to_owned)) {
                names.insert(place, name);
            }
        }
    }
    names
}

/// Names the links of `instances`, those without a name by what is not taken on the host.
pub(super) fn give(
    instances: &mut BTreeMap<InstanceId, Instance>,
    mut names: BTreeMap<Place, String>,
    is_taken: &dyn Fn(&str) -> bool,
) {
    let mut used: BTreeSet<String> = names.values().cloned().collect();
    for (id, instance) in instances {
        let vrid = instance.parameters.vrid.get();
        instance.name_virtual_links(|link| {
            let name = names.entry(Place::of(*id, &link)).or_insert_with(|| {
                let mut names = candidates(link.prefix, link.family, vrid);
                let is_free = |name: &String| !used.contains(name) && !is_taken(name);
                names.find(is_free).unwrap_or_default()
            });
            used.insert(name.clone());
            name.clone()
        });
    }
}

fn candidates(prefix: &str, family: Family, vrid: u8) -> impl Iterator<Item = String> {
    let own = (family == Family::Ipv6).then_some(6);
    let numbers = own.into_iter().chain((1..=LAST).filter(move |number| Some(*number) != own));
    let rest = numbers.map(move |number| format!("{prefix}{number}.{vrid}"));
    std::iter::once(format!("{prefix}.{vrid}")).chain(rest)
}

/// More parents of one VRID than a host has.
const LAST: u32 = 999;

#[cfg(test)]
mod tests {
    use super::*;

    fn instances(list: &[(&str, u8, &str, &str)]) -> BTreeMap<InstanceId, Instance> {
        let text: String = list
            .iter()
            .enumerate()
            .map(|(number, (interface, vrid, vmac, address))| {
                format!(
                    "vrrp_instance I{number} {{\ninterface {interface}\nvirtual_router_id {vrid}\n\
                     use_vmac {vmac}\nvirtual_ipaddress {{\n{address}\n}}\n}}\n"
                )
            })
            .collect();
        let sources = config::source::SourceSet::single("x.conf", text);
        let environment = config::syntax::Environment::of_host("x");
        let model = config::check(&sources, &environment).model;
        (0..).map(InstanceId).zip(model.instances).collect()
    }

    fn names(instances: &BTreeMap<InstanceId, Instance>) -> Vec<&str> {
        instances.values().map(Instance::holder).collect()
    }

    /// Names links on a host where some serve and no other link stands.
    fn name_links(
        instances: &mut BTreeMap<InstanceId, Instance>,
        former: &BTreeMap<InstanceId, Instance>,
        serving: Serving<'_>,
    ) {
        let names = super::names(instances, former, serving);
        give(instances, names, &|_| false);
    }

    const NOBODY: Serving<'static> = &|_, _| None;

    #[test]
    fn names_follow_prefix_and_vrid_and_avoid_each_other() {
        let mut all = instances(&[
            ("eth0", 51, "", "192.0.2.1"),
            ("eth0", 51, "", "fe80::51"),
            ("eth1", 51, "", "198.51.100.1"),
            ("eth1", 51, "", "fe80::52"),
            ("eth1", 52, "own.name", "198.51.100.2"),
        ]);
        name_links(&mut all, &BTreeMap::new(), NOBODY);
        assert_eq!(names(&all), ["vrrp.51", "vrrp6.51", "vrrp1.51", "vrrp2.51", "own.name"]);
    }

    #[test]
    fn links_of_addresses_are_named_behind_those_of_their_instance() {
        let mut all = instances(&[(
            "eth0",
            1,
            "v0\nuse_vmac_addr",
            "192.0.2.1\n192.0.2.2 dev eth1\n192.0.2.3 dev eth1\n192.0.2.4 dev eth2\n}\n\
             virtual_ipaddress_excluded {\n2001:db8::1\n2001:db8::2 dev eth1",
        )]);
        let devices = |all: &BTreeMap<InstanceId, Instance>| -> Vec<String> {
            let instance = all.values().next().unwrap();
            let lines = instance.addresses.iter().chain(&instance.excluded);
            lines.map(|line| instance.device(line).to_owned()).collect()
        };
        name_links(&mut all, &BTreeMap::new(), NOBODY);
        let names = ["v0", "vrrp.1", "vrrp.1", "vrrp1.1", "vrrp6.1", "vrrp2.1"];
        assert_eq!(devices(&all), names);
        // As they were, whatever is written before them now.
        let mut after = instances(&[("eth0", 1, "v0\nuse_vmac_addr", "192.0.2.4 dev eth2")]);
        name_links(&mut after, &all, NOBODY);
        assert_eq!(devices(&after), ["vrrp1.1"]);
    }

    #[test]
    fn a_link_that_serves_keeps_its_name_and_a_taken_name_is_not_used() {
        let mut all = instances(&[("eth0", 51, "", "192.0.2.1"), ("eth1", 51, "", "192.0.2.2")]);
        let serving = |_: InstanceId, link: &VirtualLink<'_>| {
            let mac = UpperKind::PrivateMacvlan(MacAddr([0, 0, 0x5e, 0, 1, 51]));
            (link.parent == "eth1" && link.kind == mac).then(|| "mine".to_owned())
        };
        let names_of = super::names(&all, &BTreeMap::new(), &serving);
        give(&mut all, names_of, &|name| name == "vrrp.51");
        assert_eq!(names(&all), ["vrrp1.51", "mine"]);
    }

    #[test]
    fn an_instance_keeps_its_name_when_another_goes() {
        let mut before = instances(&[("eth0", 51, "", "192.0.2.1"), ("eth1", 51, "", "192.0.2.2")]);
        name_links(&mut before, &BTreeMap::new(), NOBODY);
        let mut after = before.clone();
        after.remove(&InstanceId(0));
        after.values_mut().for_each(|it| it.vmac.as_mut().unwrap().name = None);
        name_links(&mut after, &before, NOBODY);
        assert_eq!(names(&after), ["vrrp1.51"]);
    }

    #[test]
    fn each_instance_has_an_ipvlan_link_of_its_own() {
        let line = |address: &str| format!("v\nuse_ipvlan {address}");
        let (one, two) = (line("192.0.2.21"), line("192.0.2.22"));
        let mut all =
            instances(&[("eth0", 51, &one, "192.0.2.1"), ("eth1", 51, &two, "192.0.2.2")]);
        let links = |all: &BTreeMap<InstanceId, Instance>| -> Vec<String> {
            all.values().map(|it| it.sends_on().to_owned()).collect()
        };
        name_links(&mut all, &BTreeMap::new(), NOBODY);
        assert_eq!(links(&all), ["vrrp.51", "vrrp1.51"]);
        let holders: Vec<&str> = all.values().map(Instance::holder).collect();
        assert_eq!(holders, ["eth0", "eth1"], "virtual addresses stand on the interface");
        // One that a process before has made, and named otherwise.
        let serving =
            |id: InstanceId, _: &VirtualLink<'_>| (id.0 == 1).then(|| "vrrp.51".to_owned());
        let mut again = instances(&[("eth0", 51, &one, ""), ("eth1", 51, &two, "")]);
        name_links(&mut again, &BTreeMap::new(), &serving);
        assert_eq!(links(&again), ["vrrp1.51", "vrrp.51"]);
    }
}
