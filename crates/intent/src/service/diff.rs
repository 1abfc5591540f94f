//! The difference between two states of the load balancer.

use core::fmt;

use super::{Back, Destination, Front, Scheduling, Service, ServiceNames, Services};

/// One step from what is to what should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceChange {
    /// Make a service, without destinations yet.
    Add(Front, Scheduling),
    /// Change how a service spreads connections; those that exist stay.
    Set(Front, Scheduling),
    /// Add a destination.
    AddDestination(Front, Back, Destination),
    /// Change a destination; its connections stay.
    SetDestination(Front, Back, Destination),
    /// Take a destination away.
    RemoveDestination(Front, Back),
    /// Take a service away with all its destinations.
    Remove(Front),
}

/// The steps from `standing` to `wanted`.
///
/// What stands as wanted is not touched, so that its counters and connections stay. What is not wanted goes if it is one
/// of `ours`, by its name; what others made stays, within our services too, and is never changed but where we want an
/// entry of its name. What is new comes before what is old goes, so that no service is without a server in between.
#[must_use]
pub fn diff_services(
    wanted: &Services,
    standing: &Services,
    ours: &ServiceNames,
) -> Vec<ServiceChange> {
    let mut changes = Vec::new();
    for (front, service) in wanted {
        let there = standing.get(front);
        match there {
            None => changes.push(ServiceChange::Add(*front, service.scheduling.clone())),
            Some(there) if there.scheduling != service.scheduling => {
                changes.push(ServiceChange::Set(*front, service.scheduling.clone()));
            }
            Some(_) => {}
        }
        changes.extend(arrivals(*front, service, there));
    }
    for (front, backs) in ours {
        let Some(there) = standing.get(front) else { continue };
        let Some(service) = wanted.get(front) else {
            changes.push(ServiceChange::Remove(*front));
            continue;
        };
        let surplus = |back: &&Back| {
            there.destinations.contains_key(back) && !service.destinations.contains_key(back)
        };
        let gone = backs.iter().filter(surplus);
        changes.extend(gone.map(|back| ServiceChange::RemoveDestination(*front, *back)));
    }
    changes
}

impl ServiceChange {
    /// Which service it is about.
    #[must_use]
    pub const fn front(&self) -> Front {
        match self {
            Self::Add(front, _)
            | Self::Set(front, _)
            | Self::AddDestination(front, ..)
            | Self::SetDestination(front, ..)
            | Self::RemoveDestination(front, _)
            | Self::Remove(front) => *front,
        }
    }
}

impl fmt::Display for ServiceChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add(front, _) => write!(f, "add service {front}"),
            Self::Set(front, _) => write!(f, "change service {front}"),
            Self::AddDestination(front, back, _) => write!(f, "add server {back} to {front}"),
            Self::SetDestination(front, back, _) => write!(f, "change server {back} of {front}"),
            Self::RemoveDestination(front, back) => write!(f, "remove server {back} of {front}"),
            Self::Remove(front) => write!(f, "remove service {front}"),
        }
    }
}

/// The destinations of a service that are missing or differ.
fn arrivals(
    front: Front,
    service: &Service,
    there: Option<&Service>,
) -> impl Iterator<Item = ServiceChange> {
    service.destinations.iter().filter_map(move |(back, wanted)| {
        match there.and_then(|there| there.destinations.get(back)) {
            None => Some(ServiceChange::AddDestination(front, *back, *wanted)),
            Some(seen) if seen != wanted => {
                Some(ServiceChange::SetDestination(front, *back, *wanted))
            }
            Some(_) => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{
        Forwarding, Granularity, Persistence, Transport, Tunnel, TunnelChecksum, names,
    };
    use wire::Family;

    fn front(last: u8) -> Front {
        Front::Address { protocol: Transport::Tcp, address: [192, 0, 2, last].into(), port: 80 }
    }

    fn back(last: u8) -> Back {
        Back { address: [10, 0, 0, last].into(), port: 8080 }
    }

    const NAT: Destination = Destination::new(Forwarding::Nat, 1);

    fn service(backs: &[u8]) -> Service {
        let destinations = backs.iter().map(|last| (back(*last), NAT)).collect();
        Service { scheduling: Scheduling::new("rr"), destinations }
    }

    fn services(all: &[(u8, &[u8])]) -> Services {
        all.iter().map(|(last, backs)| (front(*last), service(backs))).collect()
    }

    #[test]
    fn what_stands_as_wanted_is_not_touched() {
        let wanted = services(&[(1, &[1, 2]), (2, &[])]);
        assert_eq!(diff_services(&wanted, &wanted, &names(&wanted)), []);
    }

    #[test]
    fn what_is_new_comes_before_what_is_old_goes() {
        let standing = services(&[(1, &[1, 2]), (2, &[1])]);
        let wanted = services(&[(1, &[2, 3]), (3, &[1])]);
        assert_eq!(
            diff_services(&wanted, &standing, &names(&standing)),
            [
                ServiceChange::AddDestination(front(1), back(3), NAT),
                ServiceChange::Add(front(3), Scheduling::new("rr")),
                ServiceChange::AddDestination(front(3), back(1), NAT),
                ServiceChange::RemoveDestination(front(1), back(1)),
                ServiceChange::Remove(front(2)),
            ]
        );
    }

    #[test]
    fn what_others_made_stays() {
        let standing = services(&[(1, &[1, 9]), (9, &[1])]);
        let wanted = services(&[(1, &[1])]);
        let ours = names(&services(&[(1, &[1, 2])]));
        assert_eq!(diff_services(&wanted, &standing, &ours), []);
        let none = Services::new();
        assert_eq!(diff_services(&none, &standing, &ours), [ServiceChange::Remove(front(1))]);
        assert_eq!(diff_services(&none, &standing, &names(&none)), []);
    }

    #[test]
    fn an_entry_that_is_wanted_otherwise_is_changed_in_place() {
        let standing = services(&[(1, &[1, 2])]);
        let mut wanted = standing.clone();
        let service = wanted.get_mut(&front(1)).unwrap();
        service.scheduling.persistence = Some(Persistence {
            seconds: 360,
            granularity: Granularity::finest(Family::Ipv4),
            engine: None,
        });
        let scheduling = service.scheduling.clone();
        let drained = Destination { weight: 0, ..NAT };
        let tunnel = Tunnel::Gue { port: 6080, checksum: TunnelChecksum::Remote };
        let tunnelled = Destination { forwarding: Forwarding::Tunnel(tunnel), ..NAT };
        service.destinations.insert(back(1), drained);
        service.destinations.insert(back(2), tunnelled);
        assert_eq!(
            diff_services(&wanted, &standing, &names(&wanted)),
            [
                ServiceChange::Set(front(1), scheduling),
                ServiceChange::SetDestination(front(1), back(1), drained),
                ServiceChange::SetDestination(front(1), back(2), tunnelled),
            ]
        );
    }

    #[test]
    fn a_change_is_named_by_what_it_is_about() {
        let mark = Front::Mark { mark: 5, family: Family::Ipv6 };
        let six = Back { address: "2001:db8::1".parse().unwrap(), port: 80 };
        for (change, expected) in [
            (ServiceChange::Add(front(1), Scheduling::new("rr")), "add service TCP 192.0.2.1:80"),
            (ServiceChange::Remove(mark), "remove service fwmark 5 inet6"),
            (
                ServiceChange::RemoveDestination(front(1), six),
                "remove server [2001:db8::1]:80 of TCP 192.0.2.1:80",
            ),
        ] {
            assert_eq!(change.to_string(), expected);
        }
    }

    #[test]
    fn what_is_becomes_what_should_be_in_the_fewest_steps() {
        let subset = |bits: u8| -> Vec<u8> { (0..3).filter(|bit| bits >> bit & 1 == 1).collect() };
        for (desired, observed) in (0..8).flat_map(|d| (0..8).map(move |o| (d, o))) {
            let wanted = services(&[(1, &subset(desired))]);
            let standing = services(&[(1, &subset(observed))]);
            let changes = diff_services(&wanted, &standing, &names(&standing));
            assert_eq!(changes.len(), (desired ^ observed).count_ones() as usize);
            let mut held = standing;
            let backs = &mut held.get_mut(&front(1)).unwrap().destinations;
            for change in changes {
                match &change {
                    ServiceChange::AddDestination(_, back, it) => {
                        assert_eq!(backs.insert(*back, *it), None);
                    }
                    ServiceChange::RemoveDestination(_, back) => {
                        assert!(backs.remove(back).is_some());
                    }
                    ServiceChange::Add(..)
                    | ServiceChange::Set(..)
                    | ServiceChange::SetDestination(..)
                    | ServiceChange::Remove(_) => panic!("{change:?}"),
                }
            }
            assert_eq!(held, wanted);
        }
    }
}
