//! What the kernel's load balancer (IPVS) should hold: services, and the destinations that each spreads its connections
//! over.
//!
//! Values as the kernel keeps them. What a configuration means by them is decided where it is lowered, who is alive by
//! the health of servers. **Source**: linux/ip_vs.h, `struct ip_vs_service_user_kern` and `ip_vs_dest_user_kern` of the
//! kernel; ipvsadm(8) for the words.

mod diff;
pub mod nftables;
mod spread;
mod sync;

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use wire::Family;

pub use diff::{ServiceChange, diff_services};
pub use spread::{Choice, Spread, spread};
pub use sync::{SyncDaemon, SyncRole, Timeouts};

/// Everything that is balanced.
pub type Services = BTreeMap<Front, Service>;

/// Entries by their names alone: what is ours among those that stand.
pub type ServiceNames = BTreeMap<Front, BTreeSet<Back>>;

/// Which packets belong to a service. No two services have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Front {
    /// Those to an address and port; port 0 is every port that has no service of its own, and takes persistence.
    Address {
        /// Of which protocol.
        protocol: Transport,
        /// To which address.
        address: IpAddr,
        /// To which port.
        port: u16,
    },
    /// Those that carry a mark of the firewall.
    Mark {
        /// Never 0.
        mark: u32,
        /// Of which family.
        family: Family,
    },
}

/// A protocol that IPVS balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// How it spreads connections.
    pub scheduling: Scheduling,
    /// Over which servers.
    pub destinations: BTreeMap<Back, Destination>,
}

/// How a service spreads connections over its destinations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scheduling {
    /// Name of the scheduler as its module says it: `rr`, `wlc`, `mh`. At most 15 bytes.
    pub scheduler: String,
    /// What the scheduler is told.
    pub flags: SchedulerFlags,
    /// Every datagram is scheduled on its own; UDP only.
    pub one_packet: bool,
    /// Whether a client returns to the same server.
    pub persistence: Option<Persistence>,
}

/// The flags of a scheduler, whose meaning is its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchedulerFlags {
    /// `flag-1`: of `sh` and `mh`, another server takes the place of one with weight 0.
    pub first: bool,
    /// `flag-2`: of `sh` and `mh`, the client's port counts.
    pub second: bool,
    /// `flag-3`.
    pub third: bool,
}

/// For how long and whom a service remembers the server of a client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Persistence {
    /// Seconds after the last connection.
    pub seconds: u32,
    /// Which clients are one.
    pub granularity: Granularity,
    /// Name of the engine that finds the client in the packet (`sip`), not in its address.
    pub engine: Option<String>,
}

/// Which clients are one: those whose addresses are the same under a mask. Of the family of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Granularity {
    /// Mask of IPv4 addresses; 255.255.255.255 for every client on its own.
    Mask(Ipv4Addr),
    /// Length of the prefix of IPv6 addresses, 1 to 128.
    Prefix(u8),
}

/// Where a destination is. No two destinations of a service are at the same place.
///
/// **Shape**: a destination of another family than its service can be reached by [`Forwarding::Tunnel`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Back {
    /// Address of the server.
    pub address: IpAddr,
    /// Its port. Only [`Forwarding::Nat`] can change the port of a packet.
    pub port: u16,
}

/// A server of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    /// How packets get there.
    pub forwarding: Forwarding,
    /// Its share; 0 gets no new connections. At most [`MAX_WEIGHT`].
    pub weight: u32,
    /// With so many connections it gets no more; 0 for no bound.
    pub upper_threshold: u32,
    /// Below so many connections it gets some again; 0 for three quarters of the upper bound.
    pub lower_threshold: u32,
}

/// How packets get to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Forwarding {
    /// With the destination address rewritten, and back through here.
    Nat,
    /// As they are, to the server's link address.
    DirectRoute,
    /// Inside of another packet.
    Tunnel(Tunnel),
    /// A number of the kernel's that nobody wants; it is never set.
    Other(u32),
}

/// In what a packet is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tunnel {
    /// IP in IP.
    IpIp,
    /// Generic UDP encapsulation.
    Gue {
        /// UDP port of the server.
        port: u16,
        /// What is summed.
        checksum: TunnelChecksum,
    },
    /// Generic routing encapsulation; remote checksums are not for it.
    Gre {
        /// What is summed.
        checksum: TunnelChecksum,
    },
}

/// Checksums of a tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TunnelChecksum {
    /// None.
    #[default]
    Without,
    /// Of the outer packet.
    Full,
    /// Of the inner packet, left to the other end.
    Remote,
}

impl Front {
    /// The family of what clients send.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::Address { address: IpAddr::V4(_), .. } => Family::Ipv4,
            Self::Address { address: IpAddr::V6(_), .. } => Family::Ipv6,
            Self::Mark { family, .. } => *family,
        }
    }
}

impl Service {
    /// One that schedules so, and has no destinations.
    #[must_use]
    pub const fn new(scheduling: Scheduling) -> Self {
        Self { scheduling, destinations: BTreeMap::new() }
    }
}

impl Scheduling {
    /// A scheduler without flags or persistence.
    #[must_use]
    pub fn new(scheduler: impl Into<String>) -> Self {
        Self {
            scheduler: scheduler.into(),
            flags: SchedulerFlags::default(),
            one_packet: false,
            persistence: None,
        }
    }

    /// The same for what clients of `family` send: a grouping of another family's addresses gives way to none.
    #[must_use]
    pub fn of_family(mut self, family: Family) -> Self {
        if let Some(persistence) = &mut self.persistence
            && persistence.granularity.family() != family
        {
            persistence.granularity = Granularity::finest(family);
        }
        self
    }
}

impl Granularity {
    /// Every client of `family` on its own.
    #[must_use]
    pub const fn finest(family: Family) -> Self {
        match family {
            Family::Ipv4 => Self::Mask(Ipv4Addr::BROADCAST),
            Family::Ipv6 => Self::Prefix(128),
        }
    }

    /// Whose addresses it groups.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::Mask(_) => Family::Ipv4,
            Self::Prefix(_) => Family::Ipv6,
        }
    }
}

impl Back {
    /// A number of the place that is the same on every host and always (FNV-1a, then mixed).
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let address = match self.address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        let bytes = address.into_iter().chain(self.port.to_be_bytes());
        let mut number = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |number, byte| {
            (number ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        number = (number ^ number >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        number = (number ^ number >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        number ^ number >> 33
    }
}

impl Destination {
    /// One of this weight, without bounds.
    #[must_use]
    pub const fn new(forwarding: Forwarding, weight: u32) -> Self {
        Self { forwarding, weight, upper_threshold: 0, lower_threshold: 0 }
    }
}

/// The names of `services` and of their destinations.
#[must_use]
pub fn names(services: &Services) -> ServiceNames {
    let name = |(front, service): (&Front, &Service)| {
        (*front, service.destinations.keys().copied().collect())
    };
    services.iter().map(name).collect()
}

impl fmt::Display for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { protocol, address, port } => {
                write!(f, "{protocol} {}", Back { address: *address, port: *port })
            }
            Self::Mark { mark, family: Family::Ipv4 } => write!(f, "fwmark {mark}"),
            Self::Mark { mark, family: Family::Ipv6 } => write!(f, "fwmark {mark} inet6"),
        }
    }
}

impl fmt::Display for Back {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(address) => write!(f, "{address}:{}", self.port),
            IpAddr::V6(address) => write!(f, "[{address}]:{}", self.port),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        })
    }
}

/// The largest weight that every scheduler can reckon with.
pub const MAX_WEIGHT: u32 = 65_535;
