//! The advertisement of one instance: emitted when something changes, sent many times; and what a received
//! one is held against.

use std::net::IpAddr;

use config::model::{Checksum, Destination, Instance};
use wire::vrrp::{Addresses, Advertisement, Casting, ChecksumRule, Expected, Prepared};
use wire::{EmitError, Family, MaxAdvertiseInterval, Priority};

/// What a packet for `instance` is judged by.
pub(super) fn expected(instance: &Instance) -> Expected {
    let parameters = &instance.parameters;
    let interval =
        MaxAdvertiseInterval::from_duration(parameters.version, parameters.advertisement_interval);
    let expected = match &instance.destination {
        Destination::Multicast(_) => {
            Expected::multicast(parameters.version, parameters.family, interval)
        }
        Destination::Unicast(_) => {
            Expected::unicast(parameters.version, parameters.family, interval)
        }
    };
    let checksum = match (instance.checksum, expected.casting) {
        (Checksum::AsV2, _) => ChecksumRule::AsV2,
        // keepalived before 1.3.6 sums unicast with the multicast group in the pseudo header.
        (Checksum::Standard, Casting::Unicast) => ChecksumRule::OldUnicast,
        (Checksum::Standard, Casting::Multicast) => ChecksumRule::PseudoHeader,
    };
    Expected { authentication: instance.authentication, checksum, ..expected }
}

/// The packets of `instance` from `source`, one for each destination.
///
/// **Shape**: whole datagrams for IPv4, from the VRRP header on for IPv6.
///
/// **Errors**: addresses of two families, which lowering excludes.
pub(super) fn prepare(
    instance: &Instance,
    source: IpAddr,
    priority: Priority,
) -> Result<Vec<(IpAddr, Prepared)>, EmitError> {
    let parameters = &instance.parameters;
    let addresses =
        Addresses::new(parameters.family, &parameters.addresses).ok_or(EmitError::AddressFamily)?;
    let advertisement = Advertisement {
        version: parameters.version,
        vrid: parameters.vrid,
        priority,
        interval: MaxAdvertiseInterval::from_duration(
            parameters.version,
            parameters.advertisement_interval,
        ),
        authentication: instance.authentication,
        addresses,
    };
    destinations(&instance.destination)
        .iter()
        .map(|destination| {
            let checksum = match (instance.checksum, parameters.family) {
                (Checksum::AsV2, Family::Ipv4) => wire::vrrp::Checksum::AsV2,
                (Checksum::AsV2 | Checksum::Standard, _) => {
                    wire::vrrp::Checksum::PseudoHeader { source, destination: *destination }
                }
            };
            let prepared = match (source, *destination) {
                (IpAddr::V4(source), IpAddr::V4(destination)) => Prepared::ipv4_with_checksum(
                    &advertisement,
                    source,
                    destination,
                    wire::vrrp::HOP_LIMIT,
                    checksum,
                ),
                _ => Prepared::payload(&advertisement, checksum),
            };
            Ok((*destination, prepared?))
        })
        .collect()
}

fn destinations(destination: &Destination) -> Vec<IpAddr> {
    match destination {
        Destination::Multicast(group) => vec![*group],
        Destination::Unicast(peers) => peers.clone(),
    }
}
