//! The meaning of an advertisement, from bytes and to bytes.
//!
//! The order of the checks is the incumbent's, because the first that fails is the one that is counted and logged.

use core::net::IpAddr;

use super::packet::{ADVERTISEMENT, field};
use super::{
    Addresses, AdvertisementPacket, Authentication, Checksum, Context, Discard, PROTOCOL, checksum,
    v2, v3,
};
use crate::checksum::Sum;
use crate::writer::Writer;
use crate::{EmitError, Family, MaxAdvertiseInterval, Priority, Version, Vrid};

/// What a router says about itself: "I am Active, with this priority, for these addresses".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement<'a> {
    /// Version spoken.
    pub version: Version,
    /// Of which virtual router.
    pub vrid: Vrid,
    /// Priority of the sender, 0 when it stops.
    pub priority: Priority,
    /// How often the sender speaks.
    ///
    /// **Units**: those of the version; another unit is converted when emitted.
    pub interval: MaxAdvertiseInterval,
    /// What a VRRPv2 sender proves itself with; always `None` in VRRPv3.
    pub authentication: Authentication,
    /// The virtual addresses.
    pub addresses: Addresses<'a>,
}

impl<'a> Advertisement<'a> {
    /// Bytes of the longest advertisement: VRRPv3 with 255 IPv6 addresses.
    pub const MAX_LEN: usize = AdvertisementPacket::HEADER_LEN + 255 * 16;

    /// The meaning of `packet` to the router of `context`.
    ///
    /// Whether the sender is a configured peer, the local router the address owner, and the addresses the configured
    /// ones is not judged here.
    ///
    /// **Errors**: the first reason, in the order of [`Discard::ALL`], that speaks against it.
    pub fn parse(packet: &AdvertisementPacket<'a>, context: &Context) -> Result<Self, Discard> {
        let Context { arrival, expected } = context;
        let family = expected.family;
        if Family::of(arrival.source) != family || Family::of(arrival.destination) != family {
            return Err(Discard::Family);
        }
        if !expected.hop_limits.contain(arrival.hop_limit) {
            return Err(Discard::HopLimit);
        }
        if packet.version_number() != expected.version.number() {
            return Err(Discard::Version);
        }
        let (addresses, authentication, interval) = match expected.version {
            Version::V2 => {
                let body = v2::Body::parse(packet, expected)?;
                (body.addresses, body.authentication, body.interval)
            }
            Version::V3 => {
                let body = v3::Body::parse(packet, expected)?;
                (body.addresses, Authentication::None, body.interval)
            }
        };
        if packet.type_number() != ADVERTISEMENT {
            return Err(Discard::Type);
        }
        let is_checksum_right = match expected.version {
            Version::V2 => checksum::is_plain_right(packet.as_bytes()),
            Version::V3 => expected.checksum.accepts(packet.as_bytes(), arrival),
        };
        if !is_checksum_right {
            return Err(Discard::Checksum);
        }
        // VRRPv2 has no such rule, and the incumbent sends packets without addresses.
        if expected.version == Version::V3 && addresses.is_empty() {
            return Err(Discard::AddressCount);
        }
        if arrival.casting() != expected.casting {
            return Err(Discard::Casting);
        }
        Ok(Self {
            version: expected.version,
            vrid: packet.vrid().ok_or(Discard::UnknownVrid)?,
            priority: Priority(packet.priority()),
            interval,
            authentication,
            addresses,
        })
    }

    /// Whether the addresses are `configured`, in any order.
    ///
    /// **Errors**: [`Discard::AddressList`]; VRRPv3 only logs it, VRRPv2 refuses unless the sender is the owner
    /// (RFC 3768 §7.1), the incumbent uses the packet all the same: the caller chooses.
    pub fn check_addresses(&self, configured: &[IpAddr]) -> Result<(), Discard> {
        let same = self.addresses.len() == configured.len()
            && configured.iter().all(|address| self.addresses.contains(*address));
        if same { Ok(()) } else { Err(Discard::AddressList) }
    }

    /// Bytes that [`emit`](Self::emit) writes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an advertisement is never empty")]
    pub fn len(&self) -> usize {
        let authentication = match self.version {
            Version::V2 => Authentication::LEN,
            Version::V3 => 0,
        };
        AdvertisementPacket::HEADER_LEN + self.addresses.byte_len() + authentication
    }

    /// Writes the packet to the start of `buffer`; returns its length.
    ///
    /// **Errors**: [`EmitError::NoRoom`]; [`EmitError::VersionFamily`]; [`EmitError::AddressFamily`] when the
    /// pseudo header is not of the addresses' family, or `checksum` is the other family's.
    pub fn emit(&self, buffer: &mut [u8], checksum: Checksum) -> Result<usize, EmitError> {
        let room = buffer.len();
        let length = self.len();
        let packet = buffer.get_mut(..length).ok_or(EmitError::NoRoom { needed: length, room })?;
        let mut header = self.header();
        self.write(packet, &header)?;
        let sum = Sum::new().add(packet);
        let value = self.checksum(sum, checksum)?;
        header[field::CHECKSUM].copy_from_slice(&value.to_be_bytes());
        self.write(packet, &header)?;
        Ok(length)
    }

    /// The eight bytes before the addresses, with no checksum.
    fn header(&self) -> [u8; AdvertisementPacket::HEADER_LEN] {
        let interval =
            MaxAdvertiseInterval::from_duration(self.version, self.interval.as_duration());
        let [high, low] = match interval {
            MaxAdvertiseInterval::Seconds(seconds) => [self.authentication.number(), seconds],
            MaxAdvertiseInterval::Centiseconds(centiseconds) => centiseconds.to_be_bytes(),
        };
        [
            self.version.number() << 4 | ADVERTISEMENT,
            self.vrid.get(),
            self.priority.0,
            self.addresses.count(),
            high,
            low,
            0,
            0,
        ]
    }

    fn write(&self, packet: &mut [u8], header: &[u8]) -> Result<(), EmitError> {
        let mut writer = Writer::new(packet);
        writer.put(header)?;
        for address in &self.addresses {
            match address {
                IpAddr::V4(address) => writer.put(&address.octets())?,
                IpAddr::V6(address) => writer.put(&address.octets())?,
            }
        }
        match self.version {
            Version::V2 => writer.put(&self.authentication.data()),
            Version::V3 => Ok(()),
        }
    }

    fn checksum(&self, sum: Sum, checksum: Checksum) -> Result<u16, EmitError> {
        match (self.version, self.addresses.family(), checksum) {
            (Version::V2, Family::Ipv6, _) => Err(EmitError::VersionFamily),
            (Version::V2, Family::Ipv4, _) | (Version::V3, Family::Ipv4, Checksum::AsV2) => {
                Ok(sum.finish())
            }
            (Version::V3, Family::Ipv6, Checksum::Kernel) => Ok(0),
            (Version::V3, family, Checksum::PseudoHeader { source, destination })
                if Family::of(source) == family =>
            {
                sum.add_pseudo(source, destination, PROTOCOL, self.len())
                    .map(Sum::finish)
                    .ok_or(EmitError::AddressFamily)
            }
            (Version::V3, _, _) => Err(EmitError::AddressFamily),
        }
    }
}
