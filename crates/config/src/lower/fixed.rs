//! `static_ipaddress`, `static_routes`, `static_rules`: what is there from start to stop.

use super::global::Defaults;
use super::report::Reports;
use super::rule::Priorities;
use super::{address, blocks, route, rule};
use crate::diagnostic::model as codes;
use crate::model::{Fixed, VirtualAddress};
use crate::syntax::{Directive, Tree};

/// Lowers every static block.
pub(super) fn lower(
    tree: &Tree,
    defaults: &Defaults,
    priorities: &mut Priorities,
    reports: &mut Reports<'_>,
) -> Fixed {
    let mut fixed = Fixed::default();
    let lines = blocks(tree, "static_ipaddress").flat_map(Directive::children);
    fixed.addresses = lines.filter_map(|line| one_address(line, defaults, reports)).collect();
    for block in blocks(tree, "static_routes") {
        fixed.routes.extend(route::of_host(block, reports));
    }
    for block in blocks(tree, "static_rules") {
        fixed.rules.extend(rule::of_host(block, priorities, reports));
    }
    fixed
}

fn one_address(
    line: &Directive,
    defaults: &Defaults,
    reports: &mut Reports<'_>,
) -> Option<VirtualAddress> {
    let mut address = address::lower(line, reports)?;
    address.device = address.device.or_else(|| defaults.interface.clone());
    if address.device.is_none() {
        reports
            .warning(
                codes::NO_DEVICE,
                format!("static address {} has no interface: it is left out", address.address),
                address.at,
            )
            .help("add `dev <interface>`, or `default_interface` to `global_defs`");
        return None;
    }
    if address.vmac.take().is_some() {
        let text = "`use_vmac` is for addresses of instances: it is ignored";
        reports.warning(codes::INVALID_WORD, text, address.at);
    }
    Some(address)
}
