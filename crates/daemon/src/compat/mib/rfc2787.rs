//! VRRP-MIB (RFC 2787): routers of version 2.

use std::net::{IpAddr, Ipv4Addr};

use agentx::{Oid, Value, VarBind};
use status::{Authentication, Instance, Preemption};

use super::rfc::{self, Counted};
use super::values::{integer, truth};
use super::{Facts, Table};

/// The module.
pub(super) const ROOT: [u32; 7] = [1, 3, 6, 1, 2, 1, 68];

pub(super) fn tell(binds: &mut Vec<VarBind>, facts: &Facts<'_>) {
    let routers: Vec<&Instance> = facts.report.instances.iter().filter(|it| is_told(it)).collect();
    let mut put = |below: &[u32], value| {
        binds.push(VarBind { name: Oid::new(&ROOT).join(below), value });
    };
    put(&[1, 1, 0], integer(2));
    put(&[1, 2, 0], truth(facts.model.global.snmp.notifies));
    for (number, count) in (1..).zip(rfc::refused_of_all(&routers)) {
        put(&[2, number, 0], counter(count));
    }
    for router in routers {
        let row = [facts.links.index(&router.interface), router.vrid.into()];
        operations(binds, facts, router, &row);
        let entry = Oid::new(&ROOT).join(&[1, 4, 1]);
        let mut table = Table { binds, entry };
        for line in router.addresses.iter().filter(|line| line.advertised) {
            if let IpAddr::V4(address) = line.address {
                let octets = address.octets().map(u32::from);
                table.put(&[&row[..], &octets].concat(), 2, integer(ACTIVE));
            }
        }
        statistics(binds, router, &row);
    }
}

/// Whether it is one of version 2.
pub(super) const fn is_told(router: &Instance) -> bool {
    router.vrrp == 2 && router.ip == 4
}

/// What is notified of a router that became Active: by which address it advertises.
pub(super) fn notification(facts: &Facts<'_>, router: &Instance) -> Vec<VarBind> {
    let row = [facts.links.index(&router.interface), router.vrid.into()];
    let name = Oid::new(&ROOT).join(&[1, 3, 1, 7]).join(&row);
    let value = address(router.source);
    vec![rfc::kind(Oid::new(&ROOT).join(&[0, 1])), VarBind { name, value }]
}

fn address(address: Option<IpAddr>) -> Value {
    match address {
        Some(IpAddr::V4(address)) => Value::IpAddress(address),
        Some(IpAddr::V6(_)) | None => Value::IpAddress(Ipv4Addr::UNSPECIFIED),
    }
}

fn counter(count: u64) -> Value {
    // Counters begin anew behind the greatest.
    Value::Counter32(u32::try_from(count & u64::from(u32::MAX)).unwrap_or(0))
}

fn operations(binds: &mut Vec<VarBind>, facts: &Facts<'_>, router: &Instance, row: &[u32]) {
    let mut table = Table { binds, entry: Oid::new(&ROOT).join(&[1, 3, 1]) };
    let mut put = |column, value| table.put(row, column, value);
    put(2, rfc::ethernet(facts, router));
    put(3, Some(integer(rfc::state(router))));
    put(4, Some(integer(1)));
    put(5, Some(integer(router.base_priority)));
    put(6, Some(integer(router.addresses.iter().filter(|line| line.advertised).count())));
    put(7, Some(address(rfc::active_address(router))));
    put(8, Some(address(router.source)));
    put(
        9,
        Some(integer(match router.settings.authentication {
            Authentication::None | Authentication::Trailer => 1,
            Authentication::Password => 2,
            Authentication::Header => 3,
        })),
    );
    put(11, Some(integer(router.advertisement_interval.0.as_secs())));
    put(12, Some(truth(router.settings.preemption != Preemption::Never)));
    // When it came up, which is when the daemon did.
    put(13, Some(Value::TimeTicks(0)));
    put(14, Some(integer(1)));
    put(15, Some(integer(ACTIVE)));
}

fn statistics(binds: &mut Vec<VarBind>, router: &Instance, row: &[u32]) {
    let mut table = Table { binds, entry: Oid::new(&ROOT).join(&[2, 4, 1]) };
    let counted = Counted::of(router);
    let columns = [
        counted.became_active,
        counted.received,
        counted.interval,
        counted.authentication,
        counted.hop_limit,
        counted.resignations_received,
        counted.resignations_sent,
        counted.kind,
        counted.address_list,
        counted.authentication_unknown,
        counted.authentication_type,
        counted.length,
    ];
    for (column, count) in (1..).zip(columns) {
        table.put(row, column, counter(count));
    }
}

/// `active` of `RowStatus`.
const ACTIVE: i32 = 1;
