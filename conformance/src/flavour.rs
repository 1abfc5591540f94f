//! The kinds of VRRP that scenarios are repeated for, and the times that follow from each.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// A protocol version with an address family and an authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// VRRPv2 without authentication, one second.
    V2,
    /// VRRPv2 with a simple text password, one second.
    V2Pass,
    /// VRRPv3 over IPv4, 0.3 s.
    V3Ipv4,
    /// VRRPv3 over IPv6, 0.3 s.
    V3Ipv6,
}

impl Flavour {
    /// The three of the mixed-pair matrix.
    pub const MATRIX: &[Self] = &[Self::V2Pass, Self::V3Ipv4, Self::V3Ipv6];

    /// Advert interval that its configurations use.
    #[must_use]
    pub const fn interval(self) -> Duration {
        match self {
            Self::V2 | Self::V2Pass => Duration::from_secs(1),
            Self::V3Ipv4 | Self::V3Ipv6 => Duration::from_millis(300),
        }
    }

    /// The virtual address that scenarios look at.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        match self {
            Self::V2 | Self::V2Pass | Self::V3Ipv4 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)),
            Self::V3Ipv6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10)),
        }
    }

    /// Time that a Backup of `priority` adds to three intervals: `(256 - priority)/256` of a second in version 2, of the
    /// interval in version 3 (RFC 3768 §6.1, RFC 9568 §6.1).
    #[must_use]
    pub fn skew(self, priority: u8) -> Duration {
        let share = 256 - u32::from(priority);
        match self {
            Self::V2 | Self::V2Pass => Duration::from_secs(1) * share / 256,
            Self::V3Ipv4 | Self::V3Ipv6 => self.interval() * share / 256,
        }
    }

    /// Time without an advertisement after which a Backup of `priority` takes over.
    #[must_use]
    pub fn down_interval(self, priority: u8) -> Duration {
        self.interval() * 3 + self.skew(priority)
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V2 => "v2",
            Self::V2Pass => "v2_pass",
            Self::V3Ipv4 => "v3_ipv4",
            Self::V3Ipv6 => "v3_ipv6",
        })
    }
}
