//! What is VRRPv2's own: authentication, the interval in seconds, the plain checksum.
//!
//! **Source**: RFC 3768 §5.3 and §7.1, RFC 2338 §5.3.6.

use super::auth::{HEADER, NONE, PASS};
use super::{Addresses, AdvertisementPacket, Authentication, Discard, Expected};
use crate::{Family, MaxAdvertiseInterval};

/// The parts of a packet that only this version reads so.
pub(super) struct Body<'a> {
    pub(super) addresses: Addresses<'a>,
    pub(super) authentication: Authentication,
    pub(super) interval: MaxAdvertiseInterval,
}

impl<'a> Body<'a> {
    /// The parts, judged in the order of the incumbent: length, authentication, interval.
    pub(super) fn parse(
        packet: &AdvertisementPacket<'a>,
        expected: &Expected,
    ) -> Result<Self, Discard> {
        let (addresses, rest) = Addresses::packed(Family::Ipv4, packet.count(), packet.body())
            .ok_or(Discard::Length)?;
        let data: [u8; Authentication::LEN] = rest.try_into().map_err(|_| Discard::Length)?;
        let [auth_type, seconds] = packet.version_specific();
        let authentication = match auth_type {
            NONE => Authentication::None,
            PASS => Authentication::Pass(data),
            HEADER => Authentication::Header,
            _ => return Err(Discard::AuthenticationUnknown),
        };
        if authentication.number() != expected.authentication.number() {
            return Err(Discard::AuthenticationType);
        }
        if authentication != expected.authentication {
            return Err(Discard::Authentication);
        }
        let interval = MaxAdvertiseInterval::Seconds(seconds);
        if interval != expected.interval {
            return Err(Discard::Interval);
        }
        Ok(Self { addresses, authentication, interval })
    }
}
