//! VRRPV3-MIB (RFC 6527): routers of both versions, over both protocols.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use agentx::{Oid, Value, VarBind};
use config::model::Acceptance;
use status::{Instance, Preemption, State};

use super::rfc::{self, Counted};
use super::values::{address, gauge, integer, truth};
use super::{Facts, Table};

/// The module.
pub(super) const ROOT: [u32; 7] = [1, 3, 6, 1, 2, 1, 207];

pub(super) fn tell(binds: &mut Vec<VarBind>, facts: &Facts<'_>) {
    let routers: Vec<&Instance> = facts.report.instances.iter().collect();
    let mut put = |below: &[u32], value| {
        binds.push(VarBind { name: Oid::new(&ROOT).join(below), value });
    };
    for (number, count) in (1..).zip(rfc::refused_of_all(&routers)) {
        put(&[1, 2, number, 0], Value::Counter64(count));
    }
    // Counters go on over everything.
    put(&[1, 2, 4, 0], Value::TimeTicks(0));
    for seen in facts.instances() {
        let row = row(facts, seen.now);
        let accepts = seen.lines.acceptance == Acceptance::Accept;
        operations(binds, facts, seen.now, accepts, &row);
        let mut table = Table { binds, entry: Oid::new(&ROOT).join(&[1, 1, 2, 1]) };
        for line in seen.now.addresses.iter().filter(|line| line.advertised) {
            let octets: Vec<u32> = match line.address {
                IpAddr::V4(v4) => v4.octets().map(u32::from).to_vec(),
                IpAddr::V6(v6) => v6.octets().map(u32::from).to_vec(),
            };
            table.put(&[&row[..], &octets].concat(), 2, integer(ACTIVE));
        }
        statistics(binds, seen.now, &row);
    }
}

/// What is notified of a router that became Active: by which address it advertises, and why.
pub(super) fn notification(facts: &Facts<'_>, router: &Instance) -> Vec<VarBind> {
    let row = row(facts, router);
    let name = |below: &[u32]| Oid::new(&ROOT).join(below).join(&row);
    vec![
        rfc::kind(Oid::new(&ROOT).join(&[0, 1])),
        VarBind { name: name(&[1, 1, 1, 1, 3]), value: of(router, router.source) },
        VarBind { name: name(&[1, 2, 5, 1, 2]), value: integer(reason(router)) },
    ]
}

fn row(facts: &Facts<'_>, router: &Instance) -> [u32; 3] {
    let family = if router.ip == 4 { 1 } else { 2 };
    [facts.links.index(&router.interface), router.vrid.into(), family]
}

/// An address, or that of nobody.
fn of(router: &Instance, known: Option<IpAddr>) -> Value {
    address(known.unwrap_or(if router.ip == 4 {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    } else {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    }))
}

fn operations(
    binds: &mut Vec<VarBind>,
    facts: &Facts<'_>,
    router: &Instance,
    accepts: bool,
    row: &[u32],
) {
    let mut table = Table { binds, entry: Oid::new(&ROOT).join(&[1, 1, 1, 1]) };
    let mut put = |column, value| table.put(row, column, value);
    put(3, Some(of(router, rfc::active_address(router))));
    put(4, Some(of(router, router.source)));
    put(5, rfc::ethernet(facts, router));
    put(6, Some(integer(rfc::state(router))));
    put(7, Some(gauge(router.base_priority)));
    put(8, Some(integer(router.addresses.iter().filter(|line| line.advertised).count())));
    put(9, Some(integer(router.advertisement_interval.0.as_millis() / 10)));
    put(10, Some(truth(router.settings.preemption != Preemption::Never)));
    put(11, Some(truth(accepts)));
    let daemon = &facts.report.daemon;
    let up = daemon.now.since(daemon.since).as_millis() / 10;
    put(12, Some(Value::TimeTicks(u32::try_from(up & u128::from(u32::MAX)).unwrap_or(0))));
    put(13, Some(integer(ACTIVE)));
}

fn statistics(binds: &mut Vec<VarBind>, router: &Instance, row: &[u32]) {
    let mut table = Table { binds, entry: Oid::new(&ROOT).join(&[1, 2, 5, 1]) };
    let counted = Counted::of(router);
    let became = u32::try_from(counted.became_active & u64::from(u32::MAX)).unwrap_or(0);
    table.put(row, 1, Value::Counter32(became));
    table.put(row, 2, integer(reason(router)));
    let columns = [
        (3, counted.received),
        (4, counted.interval),
        (5, counted.hop_limit),
        (7, counted.resignations_received),
        (8, counted.resignations_sent),
        (9, counted.kind),
        (10, counted.address_list),
        (11, counted.length),
    ];
    for (column, count) in columns {
        table.put(row, column, Value::Counter64(count));
    }
    // Errors are counted, and the last one is not told apart.
    table.put(row, 6, integer(0));
    table.put(row, 12, Value::TimeTicks(0));
    table.put(row, 13, gauge(router.advertisement_interval.0.as_millis()));
}

/// Why it is Active: `notMaster`, `priority`, `preempted`, `masterNoResponse`.
fn reason(router: &Instance) -> i32 {
    if router.state != State::Active {
        0
    } else if router.base_priority == 255 {
        1
    } else if crate::compat::narration::is_preemption(&router.cause) {
        2
    } else {
        3
    }
}

/// `active` of `RowStatus`.
const ACTIVE: i32 = 1;
