//! What services and destinations have done, and are doing.
//!
//! **Source**: linux/ip_vs.h (`IPVS_STATS_ATTR_*`, `IPVS_DEST_ATTR_*_CONNS`).

use std::collections::BTreeMap;

use intent::service::Back;

use crate::netlink::message::{Attributes, number};

/// Counters since the entry was made, and rates of the last seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Connections that were scheduled.
    pub connections: u64,
    /// Packets from clients.
    pub packets_in: u64,
    /// Packets to clients, where they come back through here.
    pub packets_out: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    /// Connections in a second.
    pub connection_rate: u64,
    /// Packets from clients in a second.
    pub packet_rate_in: u64,
    /// Packets to clients in a second.
    pub packet_rate_out: u64,
    /// Bytes from clients in a second.
    pub byte_rate_in: u64,
    /// Bytes to clients in a second.
    pub byte_rate_out: u64,
}

/// What a destination is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Connections that are open.
    pub active: u32,
    /// Connections that are being closed, or of a protocol that knows no end.
    pub inactive: u32,
    /// Clients that are remembered.
    pub persistent: u32,
    /// What it has done.
    pub statistics: Statistics,
}

/// What a service is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceLoad {
    /// What it has done, with destinations that are gone.
    pub statistics: Statistics,
    /// What each destination is doing.
    pub destinations: BTreeMap<Back, Load>,
}

/// Those of a service.
pub(super) fn of_service(attributes: Attributes<'_>) -> Statistics {
    statistics(attributes, SERVICE_STATISTICS, SERVICE_STATISTICS_64)
}

/// Those of a destination.
pub(super) fn of_destination(attributes: Attributes<'_>) -> Load {
    let mut load = Load {
        statistics: statistics(attributes, DESTINATION_STATISTICS, DESTINATION_STATISTICS_64),
        ..Load::default()
    };
    for (kind, value) in attributes {
        let count = || number(value).unwrap_or_default();
        match kind {
            ACTIVE => load.active = count(),
            INACTIVE => load.inactive = count(),
            PERSISTENT => load.persistent = count(),
            _ => {}
        }
    }
    load
}

/// The wide counters where the kernel has them (Linux 4.1), else those that overflow.
fn statistics(attributes: Attributes<'_>, narrow: u16, wide: u16) -> Statistics {
    let mut all = attributes;
    let of = |kind| move |(found, _): &(u16, &[u8])| *found == kind;
    let found = all.clone().find(of(wide)).or_else(|| all.find(of(narrow)));
    let mut statistics = Statistics::default();
    for (kind, value) in found.into_iter().flat_map(|(_, value)| Attributes(value)) {
        let slot = match kind {
            1 => &mut statistics.connections,
            2 => &mut statistics.packets_in,
            3 => &mut statistics.packets_out,
            4 => &mut statistics.bytes_in,
            5 => &mut statistics.bytes_out,
            6 => &mut statistics.connection_rate,
            7 => &mut statistics.packet_rate_in,
            8 => &mut statistics.packet_rate_out,
            9 => &mut statistics.byte_rate_in,
            10 => &mut statistics.byte_rate_out,
            _ => continue,
        };
        let wide = value.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes));
        *slot = wide.or_else(|| number(value).map(u64::from)).unwrap_or_default();
    }
    statistics
}

const SERVICE_STATISTICS: u16 = 10;
const SERVICE_STATISTICS_64: u16 = 12;
const ACTIVE: u16 = 7;
const INACTIVE: u16 = 8;
const PERSISTENT: u16 = 9;
const DESTINATION_STATISTICS: u16 = 10;
const DESTINATION_STATISTICS_64: u16 = 12;
