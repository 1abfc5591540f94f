//! Columns that virtual servers and real servers have alike.

use std::time::Duration;

use agentx::Value;
use intent::service::{Forwarding, Tunnel, TunnelChecksum};
use status::Traffic;

use super::super::values::{gauge, integer};

/// What was counted, in the order of the MIB: 32 bits where it has room for so many, then all 64.
pub(super) fn counted(it: &Traffic, place: u32) -> Option<Value> {
    // A counter begins anew behind the greatest number, a gauge stays there.
    let short = |count: u64| Value::Counter32(low(count));
    let rates = [
        it.connection_rate,
        it.packet_rate_in,
        it.packet_rate_out,
        it.byte_rate_in,
        it.byte_rate_out,
    ];
    let rate = |number: u32| rates.get(usize::try_from(number).ok()?).copied();
    Some(match place {
        0 => gauge(it.connections),
        1 => short(it.packets_in),
        2 => short(it.packets_out),
        3 => Value::Counter64(it.bytes_in),
        4 => Value::Counter64(it.bytes_out),
        5..=9 => gauge(rate(place - 5)?),
        10 => Value::Counter64(it.connections),
        11 => Value::Counter64(it.packets_in),
        12 => Value::Counter64(it.packets_out),
        13..=22 if place % 2 == 1 => Value::Gauge32(low(rate((place - 13) / 2)?)),
        13..=22 => Value::Gauge32(low(rate((place - 13) / 2)? >> 32)),
        _ => return None,
    })
}

/// The lower half.
fn low(count: u64) -> u32 {
    u32::try_from(count & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// `virtualServerLoadBalancingKind`, `realServerForwardingMethod`.
pub(super) fn forwarding(forwarding: Forwarding) -> Option<Value> {
    Some(integer(match forwarding {
        Forwarding::Nat => 1,
        Forwarding::DirectRoute => 2,
        Forwarding::Tunnel(_) => 3,
        Forwarding::Other(_) => return None,
    }))
}

/// Type, port and checksum of a tunnel, in this order.
pub(super) fn tunnel(forwarding: Forwarding, which: u32) -> Option<Value> {
    let Forwarding::Tunnel(tunnel) = forwarding else { return None };
    let (kind, port, checksum) = match tunnel {
        Tunnel::IpIp => (1, None, None),
        Tunnel::Gue { port, checksum } => (2, Some(port), Some(checksum)),
        Tunnel::Gre { checksum } => (3, None, Some(checksum)),
    };
    match which {
        0 => Some(integer(kind)),
        1 => port.map(gauge),
        _ => checksum.map(|checksum| {
            integer(match checksum {
                TunnelChecksum::Without => 1,
                TunnelChecksum::Full => 2,
                TunnelChecksum::Remote => 3,
            })
        }),
    }
}

pub(super) fn seconds(time: Duration) -> Value {
    gauge(time.as_secs())
}

pub(super) fn microseconds(time: Duration) -> Value {
    gauge(time.as_micros())
}
