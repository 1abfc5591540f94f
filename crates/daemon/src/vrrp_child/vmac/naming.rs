//! What virtual MAC links are called: as the file says, as the link is called that serves already, or the first free of
//! `vrrp.51`, `vrrp6.51` (IPv6), `vrrp1.51`, `vrrp2.51` and so on.

use std::collections::{BTreeMap, BTreeSet};

use config::model::Instance;
use vrrp::InstanceId;
use wire::{Family, MacAddr};

/// What naming has to know of the host.
pub(super) struct Host<'h> {
    /// The name of the link that stands on a parent with this Ethernet address.
    pub(super) serving: &'h dyn Fn(&str, MacAddr) -> Option<String>,
    /// Whether a link has a name.
    pub(super) is_taken: &'h dyn Fn(&str) -> bool,
}

/// Names the links of `instances`; one that was named in `former` keeps its name.
pub(super) fn name_links(
    instances: &mut BTreeMap<InstanceId, Instance>,
    former: &BTreeMap<InstanceId, Instance>,
    host: &Host<'_>,
) {
    // What has one parent and address shares a link.
    let mut names: BTreeMap<(String, MacAddr), String> = BTreeMap::new();
    for (id, instance) in instances.iter() {
        for link in instance.virtual_links() {
            let place = (link.parent.to_owned(), link.mac);
            if names.contains_key(&place) {
                continue;
            }
            let kept = || {
                let mut before = former.get(id)?.virtual_links();
                before.find(|it| (it.parent, it.mac) == (link.parent, link.mac))?.name
            };
            let name = (host.serving)(link.parent, link.mac);
            let name = name.or_else(|| link.name.or_else(kept).map(str::to_owned));
            if let Some(name) = name {
                names.insert(place, name);
            }
        }
    }
    let mut used: BTreeSet<String> = names.values().cloned().collect();
    for instance in instances.values_mut() {
        let vrid = instance.parameters.vrid.get();
        instance.name_virtual_links(|link| {
            let name = names.entry((link.parent.to_owned(), link.mac)).or_insert_with(|| {
                let mut names = candidates(link.prefix, link.family, vrid);
                let is_free = |name: &String| !used.contains(name) && !(host.is_taken)(name);
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

    const NOBODY: Host<'static> = Host { serving: &|_, _| None, is_taken: &|_| false };

    #[test]
    fn names_follow_prefix_and_vrid_and_avoid_each_other() {
        let mut all = instances(&[
            ("eth0", 51, "", "192.0.2.1"),
            ("eth0", 51, "", "fe80::51"),
            ("eth1", 51, "", "198.51.100.1"),
            ("eth1", 51, "", "fe80::52"),
            ("eth1", 52, "own.name", "198.51.100.2"),
        ]);
        name_links(&mut all, &BTreeMap::new(), &NOBODY);
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
        name_links(&mut all, &BTreeMap::new(), &NOBODY);
        let names = ["v0", "vrrp.1", "vrrp.1", "vrrp1.1", "vrrp6.1", "vrrp2.1"];
        assert_eq!(devices(&all), names);
        // As they were, whatever is written before them now.
        let mut after = instances(&[("eth0", 1, "v0\nuse_vmac_addr", "192.0.2.4 dev eth2")]);
        name_links(&mut after, &all, &NOBODY);
        assert_eq!(devices(&after), ["vrrp1.1"]);
    }

    #[test]
    fn a_link_that_serves_keeps_its_name_and_a_taken_name_is_not_used() {
        let mut all = instances(&[("eth0", 51, "", "192.0.2.1"), ("eth1", 51, "", "192.0.2.2")]);
        let serving = |parent: &str, mac: MacAddr| {
            let is_it = parent == "eth1" && mac == MacAddr([0, 0, 0x5e, 0, 1, 51]);
            is_it.then(|| "mine".to_owned())
        };
        let host = Host { serving: &serving, is_taken: &|name| name == "vrrp.51" };
        name_links(&mut all, &BTreeMap::new(), &host);
        assert_eq!(names(&all), ["vrrp1.51", "mine"]);
    }

    #[test]
    fn an_instance_keeps_its_name_when_another_goes() {
        let mut before = instances(&[("eth0", 51, "", "192.0.2.1"), ("eth1", 51, "", "192.0.2.2")]);
        name_links(&mut before, &BTreeMap::new(), &NOBODY);
        let mut after = before.clone();
        after.remove(&InstanceId(0));
        after.values_mut().for_each(|it| it.vmac.as_mut().unwrap().name = None);
        name_links(&mut after, &before, &NOBODY);
        assert_eq!(names(&after), ["vrrp1.51"]);
    }
}
