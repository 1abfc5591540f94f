//! The advertisement of one instance: emitted when something changes, sent many times; and what a received
//! one is held against.

use std::net::IpAddr;

use config::model::{
    Checksum, Destination, Instance, Proof, Strangers, Trailer, Unicast, UnicastChecksum,
};
use wire::vrrp::{
    Addresses, Advertisement, Arrival, Authentication, ChecksumRule, Discard, Expected, HOP_LIMIT,
    Prepared, UnicastForm,
};
use wire::{EmitError, Family, MaxAdvertiseInterval, Priority, Version};

use super::learned::Learned;

/// A packet for one destination.
#[derive(Debug)]
pub(super) struct Outbound {
    pub(super) destination: IpAddr,
    pub(super) hop_limit: u8,
    pub(super) prepared: Prepared,
}

/// What a packet for `instance` is judged by, whoever sent it.
pub(super) fn expected(instance: &Instance) -> Expected {
    let parameters = &instance.parameters;
    let (version, family) = (parameters.version, parameters.family);
    let interval = MaxAdvertiseInterval::from_duration(version, parameters.advertisement_interval);
    let expected = match &instance.destination {
        Destination::Multicast(_) => Expected::multicast(version, family, interval),
        Destination::Unicast(_) => Expected::unicast(version, family, interval),
    };
    let checksum = match instance.checksum {
        Checksum::AsV2 => ChecksumRule::AsV2,
        Checksum::Standard if accepts_old_form(instance) => ChecksumRule::OldUnicast,
        Checksum::Standard => ChecksumRule::PseudoHeader,
    };
    Expected { authentication: instance.authentication, checksum, ..expected }
}

/// The same for the sender of one packet.
///
/// **Errors**: [`Discard::Source`] where it is a stranger and must not be one.
pub(super) fn expected_of(
    expected: &Expected,
    instance: &Instance,
    arrival: &Arrival,
) -> Result<Expected, Discard> {
    let Destination::Unicast(unicast) = &instance.destination else { return Ok(*expected) };
    match (unicast.peer(arrival.source), unicast.strangers) {
        (Some(peer), _) => Ok(Expected { hop_limits: peer.hop_limits, ..*expected }),
        (None, Strangers::Heard) => Ok(*expected),
        // A packet to the group is refused as such, whoever sent it.
        (None, Strangers::Refused) if arrival.destination.is_multicast() => Ok(*expected),
        (None, Strangers::Refused) => Err(Discard::Source),
    }
}

/// Whether peers of `instance` may use the checksum of old releases, so that what they use is to be found out.
pub(super) fn accepts_old_form(instance: &Instance) -> bool {
    let parameters = &instance.parameters;
    (parameters.version, parameters.family) == (Version::V3, Family::Ipv4)
        && instance.checksum == Checksum::Standard
        && instance.destination.unicast().is_some_and(|it| it.checksum != UnicastChecksum::Standard)
}

/// The packets of `instance` from `source`, one for each destination.
///
/// **Shape**: whole datagrams for IPv4, from the VRRP header on for IPv6.
///
/// **Errors**: addresses of two families, which lowering excludes.
pub(super) fn prepare(
    instance: &Instance,
    source: IpAddr,
    learned: &Learned,
) -> Result<Vec<Outbound>, EmitError> {
    match &instance.destination {
        Destination::Multicast(group) => {
            let form = UnicastForm::Standard;
            Ok(vec![outbound(instance, source, *group, HOP_LIMIT, form)?])
        }
        Destination::Unicast(unicast) => unicast
            .peers
            .iter()
            .map(|peer| {
                let form = form(unicast, learned.form_of(peer.address));
                outbound(instance, source, peer.address, unicast.ttl, form)
            })
            .collect(),
    }
}

/// The form of what is sent to a peer whose own form is `theirs`.
fn form(unicast: &Unicast, theirs: UnicastForm) -> UnicastForm {
    match unicast.checksum {
        UnicastChecksum::Detected => theirs,
        UnicastChecksum::Old => UnicastForm::Old,
        UnicastChecksum::Standard => UnicastForm::Standard,
    }
}

fn outbound(
    instance: &Instance,
    source: IpAddr,
    destination: IpAddr,
    hop_limit: u8,
    form: UnicastForm,
) -> Result<Outbound, EmitError> {
    let parameters = &instance.parameters;
    let addresses =
        Addresses::new(parameters.family, &parameters.addresses).ok_or(EmitError::AddressFamily)?;
    let advertisement = Advertisement {
        version: parameters.version,
        vrid: parameters.vrid,
        priority: Priority::RESIGN,
        interval: MaxAdvertiseInterval::from_duration(
            parameters.version,
            parameters.advertisement_interval,
        ),
        authentication: instance.authentication,
        addresses,
    };
    let checksum = match (instance.checksum, parameters.family) {
        (Checksum::AsV2, Family::Ipv4) => wire::vrrp::Checksum::AsV2,
        (Checksum::AsV2 | Checksum::Standard, _) => form.checksum(source, destination),
    };
    let prepared = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination))
            if instance.authentication == Authentication::Header =>
        {
            Prepared::ipv4_with_header(&advertisement, source, destination, hop_limit)
        }
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            Prepared::ipv4_with_checksum(&advertisement, source, destination, hop_limit, checksum)
        }
        _ => Prepared::payload(&advertisement, checksum),
    }?;
    let sealed = instance.proof.as_deref().and_then(Proof::trailer).and_then(Trailer::sending);
    let prepared = if sealed.is_some() { prepared.with_room_for_trailer() } else { prepared };
    Ok(Outbound { destination, hop_limit, prepared })
}
