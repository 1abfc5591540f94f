//! One address on one interface.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr};

/// Number of an interface in its network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfIndex(pub u32);

impl fmt::Display for IfIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// How long the kernel keeps an address that nobody renews.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lifetime {
    /// Whole seconds.
    Seconds(u32),
    /// Without end.
    Forever,
}

impl Lifetime {
    /// The kernel's number: seconds, or all ones.
    #[must_use]
    pub const fn as_raw(self) -> u32 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::Forever => u32::MAX,
        }
    }

    /// From the kernel's number.
    #[must_use]
    pub const fn from_raw(raw: u32) -> Self {
        if raw == u32::MAX { Self::Forever } else { Self::Seconds(raw) }
    }
}

/// What the kernel does differently with an address (rtnetlink(7), `IFA_F_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flags {
    /// Without duplicate address detection (IPv6).
    pub no_dad: bool,
    /// Without a route for its prefix.
    pub no_prefix_route: bool,
    /// Home address (IPv6).
    pub home: bool,
    /// Template of temporary addresses (IPv6).
    pub manage_temporary: bool,
    /// Joins multicast groups by itself.
    pub auto_join: bool,
}

/// An address as it should be held.
///
/// **Units**: lifetimes in seconds from the moment of setting. **Source**: rtnetlink(7).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// On which interface.
    pub interface: IfIndex,
    /// The address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix: u8,
    /// Other end of a point-to-point address.
    pub peer: Option<IpAddr>,
    /// Broadcast address (IPv4).
    pub broadcast: Option<Ipv4Addr>,
    /// Scope as the kernel numbers it; 0 is global.
    pub scope: u8,
    /// Label (IPv4), at most 15 bytes.
    pub label: Option<String>,
    /// When the kernel removes it by itself.
    pub lifetime: Lifetime,
    /// When the kernel no longer chooses it as a source.
    pub preferred: Lifetime,
    /// Flags.
    pub flags: Flags,
    /// Who set it (`IFA_PROTO`); 18 is keepalived's number.
    pub protocol: u8,
}

/// What makes two addresses the same one for the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressKey {
    /// On which interface.
    pub interface: IfIndex,
    /// The address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix: u8,
}

impl Address {
    /// What the kernel recognises it by.
    #[must_use]
    pub const fn key(&self) -> AddressKey {
        AddressKey { interface: self.interface, address: self.address, prefix: self.prefix }
    }
}

/// `RTPROT_KEEPALIVED`: who set an address.
pub const PROTOCOL_KEEPALIVED: u8 = 18;
