//! How a service spreads connections.
//!
//! **Source**: linux/ip_vs.h (`IPVS_SVC_ATTR_*`, `IP_VS_SVC_F_*`).

use std::net::Ipv4Addr;

use intent::service::{Granularity, Persistence, SchedulerFlags, Scheduling};
use wire::Family;

use crate::netlink::message::{Attributes, Builder, number, text};

/// Adds it to an open service of a family.
pub(super) fn emit(builder: Builder, wanted: &Scheduling, family: Family) -> Builder {
    let persistence = wanted.persistence.as_ref();
    let flags = [
        (persistence.is_some(), PERSISTENT),
        (wanted.one_packet, ONE_PACKET),
        (wanted.flags.first, FIRST),
        (wanted.flags.second, SECOND),
        (wanted.flags.third, THIRD),
    ];
    let set = flags.iter().filter(|(set, _)| *set).fold(0, |all, (_, flag)| all | flag);
    let [s0, s1, s2, s3] = u32::to_ne_bytes(set);
    let granularity = persistence.map_or(Granularity::finest(family), |it| it.granularity);
    let mut builder = builder.text(SCHEDULER, &wanted.scheduler);
    if let Some(engine) = persistence.and_then(|it| it.engine.as_ref()) {
        builder = builder.text(ENGINE, engine);
    }
    builder
        // Behind the flags, which of them are meant: all.
        .attribute(FLAGS, &[s0, s1, s2, s3, 0xff, 0xff, 0xff, 0xff])
        .number(TIMEOUT, persistence.map_or(0, |it| it.seconds))
        .attribute(NETMASK, &netmask(granularity))
}

/// Reads it.
pub(super) fn parse(attributes: Attributes<'_>) -> Option<Scheduling> {
    let (mut scheduler, mut flags, mut seconds, mut engine) = (None, 0, 0, None);
    let (mut family, mut mask) = (None, None);
    for (kind, value) in attributes {
        match kind {
            FAMILY => family = super::front::family_of(super::front::short(value)?),
            SCHEDULER => scheduler = Some(text(value)),
            FLAGS => flags = number(value)?,
            TIMEOUT => seconds = number(value)?,
            NETMASK => mask = value.first_chunk::<4>(),
            ENGINE => engine = Some(text(value)),
            _ => {}
        }
    }
    let has = |flag| flags & flag != 0;
    let granularity = match (family?, mask) {
        (family, None) => Granularity::finest(family),
        (Family::Ipv4, Some(mask)) => Granularity::Mask(Ipv4Addr::from(*mask)),
        (Family::Ipv6, Some(length)) => {
            Granularity::Prefix(u8::try_from(u32::from_ne_bytes(*length)).ok()?)
        }
    };
    let persistence = has(PERSISTENT).then_some(Persistence { seconds, granularity, engine });
    Some(Scheduling {
        scheduler: scheduler?,
        flags: SchedulerFlags { first: has(FIRST), second: has(SECOND), third: has(THIRD) },
        one_packet: has(ONE_PACKET),
        persistence,
    })
}

/// A mask in network order, or the length of a prefix in host order.
const fn netmask(granularity: Granularity) -> [u8; 4] {
    match granularity {
        Granularity::Mask(mask) => mask.octets(),
        Granularity::Prefix(length) => (length as u32).to_ne_bytes(),
    }
}

const FAMILY: u16 = 1;
const SCHEDULER: u16 = 6;
const FLAGS: u16 = 7;
const TIMEOUT: u16 = 8;
const NETMASK: u16 = 9;
const ENGINE: u16 = 11;

const PERSISTENT: u32 = 1;
const ONE_PACKET: u32 = 4;
const FIRST: u32 = 8;
const SECOND: u32 = 0x10;
const THIRD: u32 = 0x20;
