//! What is legal, and yet not what its author wants: looked for once the model stands.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::model::{Acceptance, Instance, Model, Notify};
use crate::source::Span;

/// Looks at instances side by side, and at what they share with virtual servers.
pub(super) fn lint(model: &Model, reports: &mut Reports<'_>) {
    same_router_twice(model, reports);
    same_address_twice(model, reports);
    unsecured(model, reports);
    let mut served: BTreeMap<IpAddr, usize> = BTreeMap::new();
    if model.instances.iter().any(|instance| instance.strict) {
        for (number, server) in model.virtual_servers.iter().enumerate() {
            if let Some(address) = server.address {
                served.entry(address).or_insert(number);
            }
        }
    }
    for instance in &model.instances {
        strict(model, &served, instance, reports);
        no_address(instance, reports);
        link_local_first(instance, reports);
    }
}

/// Programs that run as root from a file that others can write to are a way to become root.
fn unsecured(model: &Model, reports: &mut Reports<'_>) {
    let programs = &model.global.programs;
    if programs.is_secured {
        return;
    }
    let once = programs.startup.at.into_iter().chain(programs.shutdown.at);
    let scripts = model.scripts.iter().map(|script| script.at);
    let told = |notify: &Option<Box<Notify>>| notify.as_ref().is_some_and(|it| it.runs_something());
    let instances = model.instances.iter().filter(|it| told(&it.notify)).map(|it| it.at);
    let groups = model.groups.iter().filter(|it| told(&it.notify)).map(|it| it.at);
    if let Some(at) = once.chain(scripts).chain(instances).chain(groups).next() {
        reports
            .warning(
                codes::UNSECURED_SCRIPT,
                "programs are run, and nobody looks at who could change them",
                at,
            )
            .help("add `enable_script_security` and `script_user` to `global_defs`");
    }
}

/// Two instances with one interface, family, VRID and destination would answer to each other's packets.
fn same_router_twice(model: &Model, reports: &mut Reports<'_>) {
    let mut seen = BTreeMap::new();
    for instance in &model.instances {
        let peers: Option<Vec<IpAddr>> = instance
            .destination
            .unicast()
            .map(|unicast| unicast.peers.iter().map(|peer| peer.address).collect());
        let parameters = &instance.parameters;
        let key = (instance.interface.as_str(), parameters.family, parameters.vrid.get(), peers);
        let first: Option<&&Instance> = seen.get(&key);
        if let Some(first) = first {
            reports
                .error(
                    codes::DUPLICATE_ROUTER,
                    format!(
                        "`{}` and `{}` both use VRID {} with {} on interface {}",
                        first.name,
                        instance.name,
                        parameters.vrid,
                        parameters.family,
                        instance.interface
                    ),
                    instance.at,
                )
                .label(first.at, "the other one")
                .help("give each its own `virtual_router_id`, the same on all nodes");
            continue;
        }
        seen.insert(key, instance);
    }
}

fn same_address_twice(model: &Model, reports: &mut Reports<'_>) {
    let mut seen: BTreeMap<IpAddr, (Span, &str)> = BTreeMap::new();
    for instance in &model.instances {
        for address in instance.addresses.iter().chain(&instance.excluded) {
            // Link-local addresses are the same on every link, and mean another one there.
            if matches!(address.address, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
                continue;
            }
            if let Some((first, owner)) = seen.get(&address.address) {
                reports
                    .warning(
                        codes::DUPLICATE_ADDRESS,
                        format!(
                            "{} is held by `{}` and by `{}`: when one of them leaves, it takes the address away from \
                             the other",
                            address.address, owner, instance.name
                        ),
                        address.at,
                    )
                    .label(*first, "also here");
                continue;
            }
            seen.insert(address.address, (address.at, &instance.name));
        }
    }
}

/// Strict mode forbids a router that does not own an address to accept packets for it: the field's best known trap.
///
/// `served` has the first virtual server of each address.
fn strict(
    model: &Model,
    served: &BTreeMap<IpAddr, usize>,
    instance: &Instance,
    reports: &mut Reports<'_>,
) {
    if !instance.strict || instance.acceptance == Acceptance::Accept {
        return;
    }
    let held = instance.addresses.iter().chain(&instance.excluded);
    let first = held.filter_map(|held| served.get(&held.address)).min();
    let served = first.and_then(|number| model.virtual_servers.get(*number));
    match served {
        Some(server) => {
            reports
                .warning(
                    codes::STRICT_SERVED,
                    format!(
                        "strict mode refuses packets to the addresses of `{}`, but for what a virtual_server on them \
                         serves: this one is let through",
                        instance.name
                    ),
                    server.at,
                )
                .label(instance.at, "this instance is strict")
                .help("remove `vrrp_strict` if ping and other services shall answer, too");
        }
        None => {
            reports
                .note(
                    codes::STRICT_SERVED,
                    format!(
                        "strict mode refuses packets to the addresses of `{}`: not even ping is answered",
                        instance.name
                    ),
                    instance.at,
                )
                .help("remove `vrrp_strict`, or write `accept` with `version 3`, if clients shall reach them");
        }
    }
}

fn no_address(instance: &Instance, reports: &mut Reports<'_>) {
    if !instance.addresses.is_empty() {
        return;
    }
    if instance.strict {
        reports
            .error(
                codes::NO_ADDRESS,
                format!(
                    "`{}` has no `virtual_ipaddress`, which strict mode demands",
                    instance.name
                ),
                instance.at,
            )
            .help("add `virtual_ipaddress { ... }`, or remove `vrrp_strict`");
    } else if !instance.without_addresses {
        reports.warning(
            codes::NO_ADDRESS,
            format!(
                "`{}` advertises no address: list one under `virtual_ipaddress`",
                instance.name
            ),
            instance.at,
        );
    }
}

/// RFC 9568 §5.2.9: the first IPv6 address is the link-local one.
fn link_local_first(instance: &Instance, reports: &mut Reports<'_>) {
    let Some(first) = instance.addresses.first() else { return };
    let IpAddr::V6(address) = first.address else { return };
    if address.is_unicast_link_local() {
        return;
    }
    let message =
        format!("the first address of an IPv6 instance is a link-local one, and {address} is not");
    let help = "put a link-local address (fe80::/10) first, the same on all nodes";
    if instance.strict {
        reports.error(codes::LINK_LOCAL_FIRST, message, first.at).help(help);
    } else {
        reports.warning(codes::LINK_LOCAL_FIRST, message, first.at).help(help);
    }
}
