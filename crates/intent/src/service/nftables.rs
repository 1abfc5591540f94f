//! What the second data plane, nftables, can do of a service, and what it cannot.
//!
//! nftables chooses by a table, a hash and what it remembered of a client. It does not count the connections of a
//! server, and wraps nothing.

use core::fmt;

use wire::Family;

use super::spread::choice;
use super::{Back, Destination, Forwarding, Front, Service};

/// How the packets of a service get to its servers: by nftables, all of a service by the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// With the destination rewritten, and back through here; connections are tracked.
    Nat,
    /// As they are, to the server's link address; which flow is whose is remembered here.
    DirectRoute,
}

/// Why nftables cannot do a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The scheduler needs to know how many connections a server has, or how long they last.
    #[error("nftables has no scheduler {0}, which counts the connections of servers")]
    Counting(String),
    /// Nobody here knows the scheduler.
    #[error("nftables has no scheduler {0}")]
    Scheduler(String),
    /// A threshold bounds the connections of a server.
    #[error("nftables does not count connections, which uthreshold and lthreshold bound")]
    Threshold(Back),
    /// A server is reached by a tunnel.
    #[error("nftables has no tunnels to real servers")]
    Tunnel(Back),
    /// Some servers are reached by NAT and some by DR.
    #[error(
        "nftables reaches all servers of a service by the same method, not some by NAT and some by DR"
    )]
    Mixed,
    /// A server is of another family than the service.
    #[error("nftables does not translate between IPv4 and IPv6")]
    Family(Back),
    /// Clients are told apart by what stands in their packets.
    #[error("nftables has no persistence engine {0}")]
    Engine(String),
    /// Each datagram is to be scheduled on its own, where connections are tracked.
    #[error(
        "nftables keeps the datagrams of a client together where it does NAT, which ops forbids"
    )]
    OnePacket,
}

impl Refusal {
    /// The nearest that nftables can do.
    #[must_use]
    pub fn remedy(&self) -> String {
        let text = match self {
            Self::Counting(name) | Self::Scheduler(name) => {
                let nearest = match name.as_str() {
                    "lc" => "rr",
                    "lblc" | "lblcr" => "mh",
                    "ovf" => "fo",
                    _ => "wrr",
                };
                return format!("write `lb_algo {nearest}`, or `lvs_data_plane ipvs`");
            }
            Self::Threshold(_) => "give the server less `weight`, or write `lvs_data_plane ipvs`",
            Self::Tunnel(_) => {
                "write `lvs_method DR` where the server is on a link of this host, `NAT` elsewhere, or \
                 `lvs_data_plane ipvs`"
            }
            Self::Mixed => "write one `lvs_method` for the virtual_server and its sorry_server",
            Self::Family(_) => "give the virtual_server servers of its own family",
            Self::Engine(_) => {
                "leave `persistence_engine` out: clients are told apart by their addresses"
            }
            Self::OnePacket => "leave `ops` out, or write `lvs_method DR`",
        };
        text.to_owned()
    }

    /// The server that it is about, if it is about one.
    #[must_use]
    pub const fn back(&self) -> Option<Back> {
        match self {
            Self::Threshold(back) | Self::Tunnel(back) | Self::Family(back) => Some(*back),
            Self::Counting(_)
            | Self::Scheduler(_)
            | Self::Mixed
            | Self::Engine(_)
            | Self::OnePacket => None,
        }
    }
}

/// By which method nftables reaches the servers of a service; NAT where it has none.
///
/// **Errors**: the first reason why it cannot.
pub fn method(front: &Front, service: &Service) -> Result<Method, Refusal> {
    let scheduling = &service.scheduling;
    if choice(scheduling).is_none() {
        let name = scheduling.scheduler.clone();
        let counts = COUNTING.contains(&name.as_str());
        return Err(if counts { Refusal::Counting(name) } else { Refusal::Scheduler(name) });
    }
    if let Some(engine) = scheduling.persistence.as_ref().and_then(|it| it.engine.clone()) {
        return Err(Refusal::Engine(engine));
    }
    let mut found = None;
    for (back, destination) in &service.destinations {
        let method = of_destination(front.family(), *back, destination)?;
        if *found.get_or_insert(method) != method {
            return Err(Refusal::Mixed);
        }
    }
    let method = found.unwrap_or(Method::Nat);
    if scheduling.one_packet && method == Method::Nat && !service.destinations.is_empty() {
        return Err(Refusal::OnePacket);
    }
    Ok(method)
}

fn of_destination(
    family: Family,
    back: Back,
    destination: &Destination,
) -> Result<Method, Refusal> {
    let method = match destination.forwarding {
        Forwarding::Nat => Method::Nat,
        Forwarding::DirectRoute => Method::DirectRoute,
        Forwarding::Tunnel(_) | Forwarding::Other(_) => return Err(Refusal::Tunnel(back)),
    };
    if Family::of(back.address) != family {
        return Err(Refusal::Family(back));
    }
    if destination.upper_threshold != 0 || destination.lower_threshold != 0 {
        return Err(Refusal::Threshold(back));
    }
    Ok(method)
}

/// Schedulers of IPVS that count: ipvsadm(8).
const COUNTING: [&str; 8] = ["lc", "wlc", "lblc", "lblcr", "sed", "nq", "ovf", "twos"];

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nat => "NAT",
            Self::DirectRoute => "DR",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{Granularity, Persistence, Scheduling, Transport, Tunnel};

    const FRONT: Front = Front::Mark { mark: 1, family: Family::Ipv4 };
    const NAT: Destination = Destination::new(Forwarding::Nat, 1);
    const DIRECT: Destination = Destination::new(Forwarding::DirectRoute, 1);

    fn back(address: &str) -> Back {
        Back { address: address.parse().unwrap(), port: 80 }
    }

    fn service(scheduler: &str, destinations: &[Destination]) -> Service {
        let backs = ["10.0.0.1", "10.0.0.2"].into_iter().map(back);
        Service {
            scheduling: Scheduling::new(scheduler),
            destinations: backs.zip(destinations.iter().copied()).collect(),
        }
    }

    #[test]
    fn all_servers_are_reached_by_one_method() {
        let of = |destinations: &[Destination]| method(&FRONT, &service("rr", destinations));
        assert_eq!(of(&[]), Ok(Method::Nat));
        assert_eq!(of(&[NAT, NAT]), Ok(Method::Nat));
        assert_eq!(of(&[DIRECT, DIRECT]), Ok(Method::DirectRoute));
        assert_eq!(of(&[DIRECT, NAT]), Err(Refusal::Mixed));
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_nearest_that_can() {
        let refused = |service: &Service| {
            let refusal = method(&FRONT, service).unwrap_err();
            (refusal.to_string(), refusal.remedy())
        };
        for (scheduler, nearest) in [
            ("lc", "rr"),
            ("wlc", "wrr"),
            ("sed", "wrr"),
            ("nq", "wrr"),
            ("lblc", "mh"),
            ("ovf", "fo"),
        ] {
            let (reason, remedy) = refused(&service(scheduler, &[NAT]));
            assert_eq!(
                reason,
                format!(
                    "nftables has no scheduler {scheduler}, which counts the connections of servers"
                )
            );
            assert_eq!(remedy, format!("write `lb_algo {nearest}`, or `lvs_data_plane ipvs`"));
        }
        let (reason, _) = refused(&service("own", &[NAT]));
        assert_eq!(reason, "nftables has no scheduler own");
        let tunnel = Destination::new(Forwarding::Tunnel(Tunnel::IpIp), 1);
        let (reason, remedy) = refused(&service("rr", &[NAT, tunnel]));
        assert_eq!(reason, "nftables has no tunnels to real servers");
        assert!(remedy.starts_with("write `lvs_method DR` where"), "{remedy}");
        let bounded = Destination { upper_threshold: 100, ..NAT };
        let refusal = method(&FRONT, &service("rr", &[bounded])).unwrap_err();
        assert_eq!(refusal.back(), Some(back("10.0.0.1")));
        let mut wanted = service("rr", &[NAT]);
        wanted.destinations.insert(back("2001:db8::1"), NAT);
        assert_eq!(method(&FRONT, &wanted), Err(Refusal::Family(back("2001:db8::1"))));
    }

    #[test]
    fn settings_of_a_service_can_be_too_much_too() {
        let mut wanted = service("rr", &[NAT]);
        wanted.scheduling.persistence = Some(Persistence {
            seconds: 60,
            granularity: Granularity::finest(Family::Ipv4),
            engine: Some("sip".to_owned()),
        });
        assert_eq!(method(&FRONT, &wanted), Err(Refusal::Engine("sip".to_owned())));
        wanted.scheduling.persistence = wanted
            .scheduling
            .persistence
            .map(|persistence| Persistence { engine: None, ..persistence });
        assert_eq!(method(&FRONT, &wanted), Ok(Method::Nat));
        wanted.destinations.insert(Back { port: 0, ..back("10.0.0.2") }, NAT);
        assert_eq!(method(&FRONT, &wanted), Ok(Method::Nat));
        let one_packet = Scheduling { one_packet: true, ..Scheduling::new("rr") };
        let datagrams = |destinations: &[Destination]| {
            let wanted = Service { scheduling: one_packet.clone(), ..service("rr", destinations) };
            let front = Front::Address {
                protocol: Transport::Udp,
                address: [192, 0, 2, 1].into(),
                port: 53,
            };
            method(&front, &wanted)
        };
        assert_eq!(datagrams(&[NAT]), Err(Refusal::OnePacket));
        assert_eq!(datagrams(&[DIRECT]), Ok(Method::DirectRoute));
        assert_eq!(datagrams(&[]), Ok(Method::Nat));
    }
}
