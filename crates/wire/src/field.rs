//! Fields that several protocols and rooms share.

use core::fmt;
use core::net::IpAddr;
use core::num::NonZeroU8;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Number of a virtual router on its LAN, 1 to 255.
///
/// **Source**: RFC 9568 §5.2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Vrid(NonZeroU8);

impl Vrid {
    /// The VRID `number`, or nothing for 0.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match NonZeroU8::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number, 1 to 255.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl fmt::Display for Vrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Priority as an advertisement carries it, 0 to 255.
///
/// **Source**: RFC 9568 §5.2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Priority(pub u8);

impl Priority {
    /// The Active router stops taking part.
    pub const RESIGN: Self = Self(0);
    /// Of a router that neither owns the addresses nor was given another one.
    pub const DEFAULT: Self = Self(100);
    /// The router owns the addresses.
    pub const OWNER: Self = Self(255);
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Version of the VRRP protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Version {
    /// RFC 3768: IPv4 only, intervals in seconds.
    V2,
    /// RFC 9568 (and RFC 5798 before it): IPv4 and IPv6, intervals in centiseconds.
    V3,
}

impl Version {
    /// The number in the packet.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

/// Address family of a virtual router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Family {
    /// The family of `address`.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}

/// Advertisement interval as the wire of its version can carry it.
///
/// **Units**: VRRPv2 whole seconds in 8 bits (RFC 3768 §5.3.7); VRRPv3 centiseconds in 12 bits
/// (RFC 9568 §5.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MaxAdvertiseInterval {
    /// VRRPv2.
    Seconds(u8),
    /// VRRPv3, at most 4095.
    Centiseconds(u16),
}

impl MaxAdvertiseInterval {
    /// `interval` in the units of `version`, rounded down and cut to the largest value that fits.
    #[must_use]
    pub fn from_duration(version: Version, interval: Duration) -> Self {
        match version {
            Version::V2 => Self::Seconds(u8::try_from(interval.as_secs()).unwrap_or(u8::MAX)),
            Version::V3 => Self::Centiseconds(
                u16::try_from(interval.as_millis() / 10)
                    .unwrap_or(u16::MAX)
                    .min(Self::MAX_CENTISECONDS),
            ),
        }
    }

    /// The span of time that the field means.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        match self {
            Self::Seconds(seconds) => Duration::from_secs(seconds as u64),
            Self::Centiseconds(centiseconds) => Duration::from_millis(centiseconds as u64 * 10),
        }
    }

    /// The largest VRRPv3 field.
    pub const MAX_CENTISECONDS: u16 = 0x0fff;
}

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// All ones.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// All zeros: unknown, or no Ethernet at all.
    pub const ZERO: Self = Self([0; 6]);

    /// The address that a virtual router answers with: `00:00:5e:00:01:VRID`, for IPv6 `00:00:5e:00:02:VRID`.
    ///
    /// **Source**: RFC 9568 §7.3.
    #[must_use]
    pub const fn virtual_router(family: Family, vrid: Vrid) -> Self {
        let family = match family {
            Family::Ipv4 => 1,
            Family::Ipv6 => 2,
        };
        Self([0x00, 0x00, 0x5e, 0x00, family, vrid.get()])
    }

    /// The address that an IP multicast group maps to.
    ///
    /// **Source**: RFC 1112 §6.4 for IPv4, RFC 2464 §7 for IPv6.
    #[must_use]
    pub const fn of_multicast(group: IpAddr) -> Self {
        match group {
            IpAddr::V4(group) => {
                let [_, b, c, d] = group.octets();
                Self([0x01, 0x00, 0x5e, b & 0x7f, c, d])
            }
            IpAddr::V6(group) => {
                let [.., a, b, c, d] = group.octets();
                Self([0x33, 0x33, a, b, c, d])
            }
        }
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
