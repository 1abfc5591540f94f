//! The columns of a virtual server.

use std::ops::RangeInclusive;

use agentx::Value;
use config::model::Common;
use control::Served;
use health::OnFailure;
use intent::service::{Front, Granularity};
use wire::Family;

use super::super::values::{address, command, gauge, integer, text, truth};
use super::Seen;
use super::shared::{counted, forwarding, microseconds, seconds, tunnel};
use crate::compat::balance;

pub(super) const COLUMNS: RangeInclusive<u32> = 2..=71;

/// `alerts` is what counts where a virtual server does not say whether letters are written.
pub(super) fn value(seen: &Seen<'_>, column: u32, alerts: Option<bool>) -> Option<Value> {
    let Seen { balance, now, .. } = seen;
    match column {
        2..=8 => front(seen, column),
        9 | 13..=15 | 37 | 51..=55 | 62 | 63 => scheduling(seen, column),
        10 | 12 | 16 | 18 | 56..=60 | 64..=70 => common(balance.common.as_deref()?, column),
        11 => Some(truth(now.has_quorum || now.sorry.as_ref().is_some_and(|it| it.is_up))),
        17 => Some(truth(balance.ha_suspend)),
        19 => Some(truth(balance.omega)),
        20 => Some(gauge(balance.servers.len())),
        21 => Some(gauge(now.up())),
        22 => Some(gauge(balance.quorum)),
        23 => Some(truth(now.has_quorum)),
        24 => command(&balance.quorum_up.as_ref()?.words),
        25 => command(&balance.quorum_down.as_ref()?.words),
        26 => Some(gauge(balance.hysteresis)),
        27..=36 => counted(now.traffic.as_ref()?, column - 27),
        38..=50 => counted(now.traffic.as_ref()?, column - 28),
        61 => Some(truth(balance.alert.or(alerts).unwrap_or(false))),
        71 => text(balance.label.as_deref().unwrap_or_default()),
        _ => None,
    }
}

/// What clients reach.
fn front(seen: &Seen<'_>, column: u32) -> Option<Value> {
    let served = balance::served(seen.written);
    Some(match (column, served) {
        (2, served) => kind(&served),
        (3, Served::Group(name)) => text(&name)?,
        (4, Served::Mark(mark)) => gauge(mark),
        (5, _) => integer(if family(seen) == Family::Ipv4 { 1 } else { 2 }),
        (6, Served::Address(of, _)) => address(of),
        (7, Served::Address(_, port)) => gauge(port),
        (8, _) => protocol(balance::protocol(seen.written)),
        _ => return None,
    })
}

/// `virtualServerType`.
pub(in super::super) fn kind(served: &Served) -> Value {
    integer(match served {
        Served::Mark(_) => 1,
        Served::Address(..) => 2,
        Served::Group(_) => 3,
    })
}

/// `virtualServerProtocol` of the word for it.
pub(in super::super) fn protocol(word: &str) -> Value {
    integer(match word {
        "tcp" => 1,
        "udp" => 2,
        "sctp" => 3,
        _ => 4,
    })
}

fn family(seen: &Seen<'_>) -> Family {
    seen.balance.fronts.first().map_or(Family::Ipv4, Front::family)
}

fn scheduling(seen: &Seen<'_>, column: u32) -> Option<Value> {
    let it = &seen.balance.scheduling;
    let persistence = it.persistence.as_ref();
    let granularity = || persistence.map_or(Granularity::finest(family(seen)), |it| it.granularity);
    Some(match column {
        9 => integer(scheduler(&it.scheduler)),
        13 => truth(persistence.is_some()),
        14 => gauge(persistence?.seconds),
        15 => match granularity() {
            Granularity::Mask(mask) => address(mask.into()),
            Granularity::Prefix(_) => return None,
        },
        37 => truth(it.one_packet),
        51 => match granularity() {
            Granularity::Prefix(prefix) => gauge(prefix),
            Granularity::Mask(_) => return None,
        },
        // A flag of the kernel's own, which nobody can set.
        52 => truth(false),
        // The same flags, by the names that each of two schedulers has for them.
        53 | 62 => truth(it.flags.first),
        54 | 63 => truth(it.flags.second),
        55 => truth(it.flags.third),
        _ => return None,
    })
}

/// `virtualServerLoadBalancingAlgo`.
fn scheduler(name: &str) -> i32 {
    let known = [
        "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh",
        "twos",
    ];
    (1..).zip(known).find(|(_, it)| *it == name).map_or(99, |(number, _)| number)
}

/// What it says for its real servers.
fn common(it: &Common, column: u32) -> Option<Value> {
    let habits = &it.habits;
    Some(match column {
        10 => forwarding(it.forwarding)?,
        12 => text(habits.host.as_deref()?)?,
        16 => seconds(habits.delay_loop),
        18 => truth(habits.alpha),
        56 => truth(it.on_failure == OnFailure::Remove),
        57 => gauge(habits.retry.unwrap_or(0)),
        58 => seconds(habits.delay_before_retry.unwrap_or_default()),
        59 => seconds(habits.warmup.unwrap_or_default()),
        60 => integer(it.weight),
        64 => microseconds(habits.delay_loop),
        65 => microseconds(habits.delay_before_retry.unwrap_or_default()),
        66 => microseconds(habits.warmup.unwrap_or_default()),
        67 => microseconds(habits.timeout),
        68..=70 => tunnel(it.forwarding, column - 68)?,
        _ => return None,
    })
}
