//! What is VRRPv3's own: both families, the interval in centiseconds, no authentication.
//!
//! **Source**: RFC 9568 §5.2 and §7.1.

use super::{Addresses, AdvertisementPacket, Discard, Expected};
use crate::{MaxAdvertiseInterval, Priority};

/// The parts of a packet that only this version reads so.
pub(super) struct Body<'a> {
    pub(super) addresses: Addresses<'a>,
    pub(super) interval: MaxAdvertiseInterval,
}

impl<'a> Body<'a> {
    /// The parts. The four reserved bits are not looked at (RFC 9568 §5.2.6).
    pub(super) fn parse(
        packet: &AdvertisementPacket<'a>,
        expected: &Expected,
    ) -> Result<Self, Discard> {
        let (addresses, rest) = Addresses::packed(expected.family, packet.count(), packet.body())
            .ok_or(Discard::Length)?;
        if !rest.is_empty() {
            return Err(Discard::Length);
        }
        let centiseconds =
            u16::from_be_bytes(packet.version_specific()) & MaxAdvertiseInterval::MAX_CENTISECONDS;
        if centiseconds == 0 && packet.priority() != Priority::RESIGN.0 {
            return Err(Discard::Interval);
        }
        Ok(Self { addresses, interval: MaxAdvertiseInterval::Centiseconds(centiseconds) })
    }
}
