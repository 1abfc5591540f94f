//! What a configuration looks like on the host that shall run it.
//!
//! Only notes: the interfaces of the moment are facts, not errors of the file. The caller says what the host
//! has; without facts nothing is said.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::report::Reports;
use crate::diagnostic::{Diagnostic, model as codes};
use crate::model::{Instance, Model, VirtualAddress};
use crate::names::Names;
use crate::source::SourceSet;

/// Interfaces of a host by name, with their addresses and prefix lengths.
pub type Interfaces = BTreeMap<String, Vec<(IpAddr, u8)>>;

/// Compares `model` with the host's interfaces.
pub fn compare(model: &Model, sources: &SourceSet, interfaces: &Interfaces) -> Vec<Diagnostic> {
    let names = Names::built_in();
    let mut reports = Reports::new(sources, &names);
    for instance in &model.instances {
        missing(instance, interfaces, &mut reports);
        for address in &instance.addresses {
            off_subnet(instance, address, interfaces, &mut reports);
        }
    }
    reports.diagnostics
}

fn missing(instance: &Instance, interfaces: &Interfaces, reports: &mut Reports<'_>) {
    if !interfaces.contains_key(&instance.interface) {
        reports.note(
            codes::MISSING_INTERFACE,
            format!(
                "this host has no interface {}: `{}` waits in FAULT until it appears",
                instance.interface, instance.name
            ),
            instance.at,
        );
    }
}

/// An address outside every subnet of its interface is legal, and mostly a slip.
fn off_subnet(
    instance: &Instance,
    address: &VirtualAddress,
    interfaces: &Interfaces,
    reports: &mut Reports<'_>,
) {
    let device = address.device.as_deref().unwrap_or(&instance.interface);
    let Some(own) = interfaces.get(device) else { return };
    let same_family =
        || own.iter().filter(|(other, _)| other.is_ipv4() == address.address.is_ipv4());
    if same_family().next().is_none()
        || same_family().any(|(other, prefix)| same_subnet(*other, address.address, *prefix))
    {
        return;
    }
    reports
        .note(
            codes::OFF_SUBNET,
            format!("{} lies outside every subnet of {device} on this host", address.address),
            address.at,
        )
        .help("hosts of the LAN will not find it by ARP unless they have a route for it");
}

fn same_subnet(one: IpAddr, other: IpAddr, prefix: u8) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            let differing = u32::from(one) ^ u32::from(other);
            differing.checked_shr(32u32.saturating_sub(prefix.into())).unwrap_or(0) == 0
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            let differing = u128::from(one) ^ u128::from(other);
            differing.checked_shr(128u32.saturating_sub(prefix.into())).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_are_compared_by_their_prefix() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert!(same_subnet(address("10.0.0.1"), address("10.0.3.9"), 22));
        assert!(!same_subnet(address("10.0.0.1"), address("10.0.4.9"), 22));
        assert!(same_subnet(address("10.0.0.1"), address("192.0.2.1"), 0));
        assert!(!same_subnet(address("10.0.0.1"), address("10.0.0.2"), 32));
        assert!(same_subnet(address("2001:db8::1"), address("2001:db8::2"), 64));
        assert!(!same_subnet(address("2001:db8::1"), address("10.0.0.1"), 0));
    }
}
