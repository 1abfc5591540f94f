//! Synchronisation daemons and timeouts.
//!
//! **Source**: linux/ip_vs.h (`IPVS_DAEMON_ATTR_*`, `IP_VS_STATE_*`).

use std::net::IpAddr;

use intent::service::{SyncDaemon, SyncRole, Timeouts};
use wire::Family;

use super::attribute;
use super::front::{address_of, short};
use crate::netlink::message::{Attributes, Builder, number, text};

/// Adds a daemon.
pub(super) fn emit(builder: Builder, daemon: &SyncDaemon) -> Builder {
    let mut builder = builder
        .open(attribute::DAEMON)
        .number(STATE, state(daemon.role))
        .text(INTERFACE, &daemon.interface)
        .number(ID, daemon.id.into());
    if let Some(length) = daemon.max_length {
        builder = builder.attribute(MAX_LENGTH, &length.to_ne_bytes());
    }
    if let Some(port) = daemon.port {
        builder = builder.attribute(PORT, &port.to_ne_bytes());
    }
    if let Some(ttl) = daemon.ttl {
        builder = builder.attribute(TTL, &[ttl]);
    }
    builder = match daemon.group {
        Some(IpAddr::V4(group)) => builder.attribute(GROUP, &group.octets()),
        Some(IpAddr::V6(group)) => builder.attribute(GROUP_V6, &group.octets()),
        None => builder,
    };
    builder.close()
}

/// Adds the daemon of a role, whatever it is.
pub(super) fn emit_role(builder: Builder, role: SyncRole) -> Builder {
    builder.open(attribute::DAEMON).number(STATE, state(role)).close()
}

/// Reads a daemon that runs. The kernel tells what it chose itself, too.
pub(super) fn parse(attributes: Attributes<'_>) -> Option<SyncDaemon> {
    let (mut role, mut interface, mut id) = (None, None, None);
    let (mut max_length, mut group, mut port, mut ttl) = (None, None, None, None);
    for (kind, value) in attributes {
        match kind {
            STATE => {
                role = match number(value)? {
                    SENDER => Some(SyncRole::Sender),
                    RECEIVER => Some(SyncRole::Receiver),
                    _ => return None,
                };
            }
            INTERFACE => interface = Some(text(value)),
            ID => id = u8::try_from(number(value)?).ok(),
            MAX_LENGTH => max_length = short(value),
            GROUP => group = address_of(Family::Ipv4, value),
            GROUP_V6 => group = address_of(Family::Ipv6, value),
            PORT => port = short(value),
            TTL => ttl = value.first().copied(),
            _ => {}
        }
    }
    Some(SyncDaemon { role: role?, interface: interface?, id: id?, max_length, group, port, ttl })
}

/// Adds timeouts.
pub(super) fn emit_timeouts(mut builder: Builder, timeouts: &Timeouts) -> Builder {
    for (kind, seconds) in [
        (attribute::TIMEOUT_TCP, timeouts.tcp),
        (attribute::TIMEOUT_TCP_FIN, timeouts.tcp_fin),
        (attribute::TIMEOUT_UDP, timeouts.udp),
    ] {
        if let Some(seconds) = seconds {
            builder = builder.number(kind, seconds);
        }
    }
    builder
}

/// Reads timeouts.
pub(super) fn parse_timeouts(attributes: Attributes<'_>) -> Timeouts {
    let mut timeouts = Timeouts::default();
    for (kind, value) in attributes {
        match kind {
            attribute::TIMEOUT_TCP => timeouts.tcp = number(value),
            attribute::TIMEOUT_TCP_FIN => timeouts.tcp_fin = number(value),
            attribute::TIMEOUT_UDP => timeouts.udp = number(value),
            _ => {}
        }
    }
    timeouts
}

const fn state(role: SyncRole) -> u32 {
    match role {
        SyncRole::Sender => SENDER,
        SyncRole::Receiver => RECEIVER,
    }
}

const SENDER: u32 = 1;
const RECEIVER: u32 = 2;

const STATE: u16 = 1;
const INTERFACE: u16 = 2;
const ID: u16 = 3;
const MAX_LENGTH: u16 = 4;
const GROUP: u16 = 5;
const GROUP_V6: u16 = 6;
const PORT: u16 = 7;
const TTL: u16 = 8;
