//! One route of one table.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeMap;

use wire::Family;

use crate::{Encap, IfIndex};

/// Addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// The address; bits behind the prefix are zero in routes.
    pub address: IpAddr,
    /// How many bits count.
    pub length: u8,
}

impl Prefix {
    /// Every address of a family.
    #[must_use]
    pub const fn all(family: Family) -> Self {
        let address = match family {
            Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        Self { address, length: 0 }
    }

    /// One address.
    #[must_use]
    pub const fn host(address: IpAddr) -> Self {
        Self { address, length: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// The same addresses, with the bits behind the prefix zero, as the kernel demands of a destination.
    #[must_use]
    pub const fn masked(self) -> Self {
        let length = self.length as u32;
        let address = match self.address {
            IpAddr::V4(v4) => {
                let mask = match u32::MAX.checked_shr(length) {
                    Some(host) => !host,
                    None => u32::MAX,
                };
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) => {
                let mask = match u128::MAX.checked_shr(length) {
                    Some(host) => !host,
                    None => u128::MAX,
                };
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        };
        Self { address, length: self.length }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.length == 0 {
            return f.write_str("default");
        }
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// What becomes of packets to the destination (rtnetlink(7), `RTN_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteKind {
    /// They are sent on.
    Unicast,
    /// They are for this host.
    Local,
    /// They are for this host, sent as a broadcast.
    Broadcast,
    /// They are multicast.
    Multicast,
    /// They vanish.
    Blackhole,
    /// They are refused as unreachable.
    Unreachable,
    /// They are refused as prohibited.
    Prohibit,
    /// This table says nothing about them.
    Throw,
}

impl RouteKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Unicast,
        Self::Local,
        Self::Broadcast,
        Self::Multicast,
        Self::Blackhole,
        Self::Unreachable,
        Self::Prohibit,
        Self::Throw,
    ];

    /// Whether such a route leads nowhere.
    #[must_use]
    pub const fn is_dead_end(self) -> bool {
        match self {
            Self::Blackhole | Self::Unreachable | Self::Prohibit | Self::Throw => true,
            Self::Unicast | Self::Local | Self::Broadcast | Self::Multicast => false,
        }
    }

    /// Its word in iproute2.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unicast => "unicast",
            Self::Local => "local",
            Self::Broadcast => "broadcast",
            Self::Multicast => "multicast",
            Self::Blackhole => "blackhole",
            Self::Unreachable => "unreachable",
            Self::Prohibit => "prohibit",
            Self::Throw => "throw",
        }
    }
}

/// One way to the destination. `D` is how an interface is known: by name as configured, by number as installed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NextHop<D = IfIndex> {
    /// The next router; none where the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// Through which interface; the kernel finds it by the gateway where not given.
    pub device: Option<D>,
    /// Share of the traffic among several ways, 1 to 256.
    pub weight: u16,
    /// The gateway is on the link, whatever the addresses say.
    pub on_link: bool,
    /// Realms, as the kernel packs them: source in the upper half; 0 for none.
    pub realms: u32,
    /// What is put around packets.
    pub encap: Option<Encap>,
}

/// What becomes of a route that is set where others of its destination and metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Insertion {
    /// It goes before them.
    Prepend,
    /// It goes behind them.
    Append,
    /// It waits until there is none.
    Add,
}

/// Settings of transport protocols over the route (`RTAX_*`), by the kernel's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metrics {
    /// Numbers, in the kernel's units.
    pub numbers: BTreeMap<u16, u32>,
    /// Bits of those that the kernel shall not adjust, by their number.
    pub locked: u32,
    /// Congestion control algorithm.
    pub congestion_control: Option<String>,
}

/// A route as it should be held.
///
/// **Shape**: addresses are of one family, except gateways of IPv4 routes; a dead end has no ways, every other
/// kind has one at least. **Source**: rtnetlink(7), ip-route(8).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route<D = IfIndex> {
    /// Number of the table.
    pub table: u32,
    /// Where to.
    pub destination: Prefix,
    /// Where from (IPv6).
    pub from: Option<Prefix>,
    /// Type of service (IPv4).
    pub tos: u8,
    /// Lower is preferred; IPv6 has 1024 where nothing is said.
    pub metric: u32,
    /// What becomes of packets.
    pub kind: RouteKind,
    /// Scope as the kernel numbers it (IPv4).
    pub scope: u8,
    /// Who set it (`rtm_protocol`); 18 is keepalived's number.
    pub protocol: u8,
    /// The address to send from.
    pub source: Option<IpAddr>,
    /// The ways.
    pub hops: Vec<NextHop<D>>,
    /// Settings of transport protocols.
    pub metrics: Metrics,
    /// Preference as the kernel numbers it (IPv6): 0 medium, 1 high, 3 low.
    pub preference: u8,
    /// When the kernel removes it by itself (IPv6), in seconds from the moment of setting.
    pub expires: Option<u32>,
    /// How it is set beside others; nothing of one that the kernel shows.
    pub insertion: Option<Insertion>,
}

/// What tells a route apart for those who look for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteKey {
    /// Number of the table.
    pub table: u32,
    /// Where to.
    pub destination: Prefix,
    /// Lower is preferred.
    pub metric: u32,
    /// Type of service.
    pub tos: u8,
}

impl<D> Route<D> {
    /// A route of the main table by these ways, set by nobody in particular.
    #[must_use]
    pub fn new(destination: Prefix, hops: Vec<NextHop<D>>) -> Self {
        Self {
            table: TABLE_MAIN,
            destination,
            from: None,
            tos: 0,
            metric: 0,
            kind: RouteKind::Unicast,
            scope: 0,
            protocol: 0,
            source: None,
            hops,
            metrics: Metrics::default(),
            preference: 0,
            expires: None,
            insertion: None,
        }
    }

    /// What it is looked for by.
    #[must_use]
    pub const fn key(&self) -> RouteKey {
        let Self { table, destination, metric, tos, .. } = self;
        RouteKey { table: *table, destination: *destination, metric: *metric, tos: *tos }
    }

    /// Its family.
    #[must_use]
    pub const fn family(&self) -> Family {
        Family::of(self.destination.address)
    }

    /// The interfaces that it names.
    pub fn devices(&self) -> impl Iterator<Item = &D> {
        self.hops.iter().filter_map(|hop| hop.device.as_ref())
    }

    /// The same route with its interfaces known otherwise.
    ///
    /// **Errors**: the first interface that `find` does not know.
    pub fn resolve<E>(&self, mut find: impl FnMut(&D) -> Option<E>) -> Result<Route<E>, &D> {
        let mut hops = Vec::with_capacity(self.hops.len());
        for hop in &self.hops {
            let device = match &hop.device {
                Some(device) => Some(find(device).ok_or(device)?),
                None => None,
            };
            let NextHop { gateway, weight, on_link, realms, .. } = *hop;
            let encap = hop.encap.clone();
            hops.push(NextHop { gateway, device, weight, on_link, realms, encap });
        }
        Ok(Route {
            table: self.table,
            destination: self.destination,
            from: self.from,
            tos: self.tos,
            metric: self.metric,
            kind: self.kind,
            scope: self.scope,
            protocol: self.protocol,
            source: self.source,
            hops,
            metrics: self.metrics.clone(),
            preference: self.preference,
            expires: self.expires,
            insertion: self.insertion,
        })
    }
}

impl Route {
    /// Whether what the kernel shows is this route: an interface that was left to the kernel may be any, and
    /// what is left of a life says nothing. Nor can be seen how it was set beside others; of two that are known
    /// to be set otherwise, one is not the other.
    #[must_use]
    pub fn is_seen_as(&self, seen: &Self) -> bool {
        let hops = self.hops.iter().zip(&seen.hops).all(|(own, seen)| {
            let device = own.device.is_none() || own.device == seen.device;
            device && *own == NextHop { device: own.device, ..seen.clone() }
        });
        let inserted = seen.insertion.is_none() || self.insertion == seen.insertion;
        let bare = |route: &Self| Self {
            hops: Vec::new(),
            expires: None,
            insertion: None,
            ..route.clone()
        };
        self.hops.len() == seen.hops.len() && hops && inserted && bare(self) == bare(seen)
    }
}

/// As in `ip route`: what is looked for in a log.
impl<D> fmt::Display for Route<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind != RouteKind::Unicast {
            write!(f, "{} ", self.kind.name())?;
        }
        write!(f, "{}", self.destination)?;
        match self.hops.as_slice() {
            [NextHop { gateway: Some(gateway), .. }] => write!(f, " via {gateway}")?,
            [] | [_] => {}
            hops => write!(f, " over {} ways", hops.len())?,
        }
        if self.table != TABLE_MAIN {
            write!(f, " table {}", self.table)?;
        }
        let usual = if self.destination.address.is_ipv4() { 0 } else { METRIC_OF_IPV6 };
        if self.metric != usual {
            write!(f, " metric {}", self.metric)?;
        }
        Ok(())
    }
}

/// The table that is used where nothing is said.
pub const TABLE_MAIN: u32 = 254;
/// The metric of an IPv6 route where nothing is said.
pub const METRIC_OF_IPV6: u32 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn route(hops: Vec<NextHop>) -> Route {
        let destination = Prefix { address: [10, 1, 0, 0].into(), length: 16 };
        Route { protocol: 18, ..Route::new(destination, hops) }
    }

    fn hop(last: u8, device: Option<u32>) -> NextHop {
        NextHop {
            gateway: Some([10, 0, 0, last].into()),
            device: device.map(IfIndex),
            weight: 1,
            on_link: false,
            realms: 0,
            encap: None,
        }
    }

    #[test]
    fn bits_behind_a_prefix_are_cleared() {
        let masked = |text: &str, length| {
            Prefix { address: text.parse().unwrap(), length }.masked().address.to_string()
        };
        assert_eq!(masked("10.1.2.3", 16), "10.1.0.0");
        assert_eq!(masked("10.1.2.3", 32), "10.1.2.3");
        assert_eq!(masked("10.1.2.3", 0), "0.0.0.0");
        assert_eq!(masked("2001:db8:1:2::3", 48), "2001:db8:1::");
        assert_eq!(masked("2001:db8::1", 128), "2001:db8::1");
        assert_eq!(masked("2001:db8::1", 0), "::");
    }

    #[test]
    fn an_interface_that_the_kernel_found_is_no_difference() {
        let wanted = route(vec![hop(1, None)]);
        assert!(wanted.is_seen_as(&route(vec![hop(1, Some(7))])));
        assert!(!wanted.is_seen_as(&route(vec![hop(2, Some(7))])));
        assert!(!wanted.is_seen_as(&route(vec![hop(1, Some(7)), hop(1, Some(8))])));
        assert!(!route(vec![hop(1, Some(6))]).is_seen_as(&route(vec![hop(1, Some(7))])));
        let longer = Route { metric: 5, ..route(vec![hop(1, Some(7))]) };
        assert!(!wanted.is_seen_as(&longer));
    }

    #[test]
    fn how_a_route_was_set_counts_where_it_is_known() {
        let wanted = Route { insertion: Some(Insertion::Append), ..route(vec![hop(1, Some(7))]) };
        assert!(wanted.is_seen_as(&route(vec![hop(1, Some(7))])));
        assert!(wanted.is_seen_as(&wanted));
        let before = Route { insertion: Some(Insertion::Prepend), ..wanted.clone() };
        assert!(!wanted.is_seen_as(&before));
    }

    #[test]
    fn names_become_numbers_or_are_named() {
        let named = Route::<String> { hops: vec![], ..route(vec![]).resolve(|_| None).unwrap() };
        let way = |device: &str| NextHop {
            gateway: None,
            device: Some(device.to_owned()),
            weight: 1,
            on_link: false,
            realms: 0,
            encap: None,
        };
        let named = Route { hops: vec![way("eth0"), way("eth1")], ..named };
        let numbers = named.resolve(|name| name.strip_prefix("eth")?.parse().ok().map(IfIndex));
        let devices: Vec<u32> = numbers.unwrap().devices().map(|device| device.0).collect();
        assert_eq!(devices, [0, 1]);
        let missing = named.resolve(|name| (name == "eth0").then_some(IfIndex(0)));
        assert_eq!(missing.unwrap_err(), "eth1");
    }

    #[test]
    fn a_route_reads_as_its_line() {
        assert_eq!(route(vec![hop(1, None)]).to_string(), "10.1.0.0/16 via 10.0.0.1");
        let dead = Route { kind: RouteKind::Blackhole, table: 7, metric: 9, ..route(vec![]) };
        assert_eq!(dead.to_string(), "blackhole 10.1.0.0/16 table 7 metric 9");
        let default = Route { destination: Prefix::all(Family::Ipv6), metric: 1024, ..dead };
        assert_eq!(default.to_string(), "blackhole default table 7");
        assert_eq!(route(vec![hop(1, None), hop(2, None)]).to_string(), "10.1.0.0/16 over 2 ways");
    }
}
