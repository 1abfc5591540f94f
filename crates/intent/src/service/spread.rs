//! Which server a new connection gets, as a table: for a data plane that has no schedulers of its own.
//!
//! The order is that of the servers' places alone, so that two balancers with the same servers have the same table:
//! what is found by a hash goes to the same server after a takeover.

use super::{Back, Scheduling, Service};

/// How new connections are spread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// What chooses a slot.
    pub choice: Choice,
    /// The servers; one stands in several slots, by its weight. Empty where nobody takes connections.
    pub slots: Vec<Back>,
}

/// What chooses a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// One after the other.
    InTurn,
    /// A hash of the client's address.
    ByClient,
    /// A hash of the client's address and port.
    ByClientAndPort,
    /// A hash of the address that the client asks for.
    ByTarget,
}

/// The table of a service; nothing if its scheduler needs more than a table.
#[must_use]
pub fn spread(service: &Service) -> Option<Spread> {
    let weighted = |(back, destination): (&Back, &super::Destination)| {
        (destination.weight > 0).then_some((*back, destination.weight))
    };
    let servers: Vec<(Back, u32)> = service.destinations.iter().filter_map(weighted).collect();
    let choice = choice(&service.scheduling)?;
    let slots = match (choice, service.scheduling.scheduler.as_str()) {
        (Choice::ByClient | Choice::ByClientAndPort | Choice::ByTarget, _) => consistent(&servers),
        (Choice::InTurn, "wrr") => in_turn(&servers),
        // Of several with the highest weight the first.
        (Choice::InTurn, "fo") => {
            let best = servers.iter().rev().max_by_key(|(_, weight)| *weight);
            best.map(|(back, _)| *back).into_iter().collect()
        }
        (Choice::InTurn, _) => servers.iter().map(|(back, _)| *back).collect(),
    };
    Some(Spread { choice, slots })
}

/// What a scheduler chooses by; nothing if it needs more than a table.
pub(super) fn choice(scheduling: &Scheduling) -> Option<Choice> {
    match scheduling.scheduler.as_str() {
        "rr" | "wrr" | "fo" => Some(Choice::InTurn),
        "sh" | "mh" if scheduling.flags.second => Some(Choice::ByClientAndPort),
        "sh" | "mh" => Some(Choice::ByClient),
        "dh" => Some(Choice::ByTarget),
        _ => None,
    }
}

/// Each server as often as it weighs, and its slots as far from each other as may be.
fn in_turn(servers: &[(Back, u32)]) -> Vec<Back> {
    let shares = shares(servers, MOST_IN_TURN);
    let total: i64 = shares.iter().map(|(_, share)| i64::from(*share)).sum();
    let mut credits: Vec<(Back, i64, i64)> =
        shares.into_iter().map(|(back, share)| (back, i64::from(share), 0)).collect();
    let mut slots = Vec::new();
    for _ in 0..total {
        for (_, share, credit) in &mut credits {
            *credit += *share;
        }
        if let Some((back, _, credit)) = credits.iter_mut().rev().max_by_key(|it| it.2) {
            *credit -= total;
            slots.push(*back);
        }
    }
    slots
}

/// A table in which few slots change their server when one comes or goes (Maglev hashing, Eisenbud and others,
/// NSDI 2016, §3.4): each server takes slots in an order of its own, as many a round as it weighs.
fn consistent(servers: &[(Back, u32)]) -> Vec<Back> {
    if servers.is_empty() {
        return Vec::new();
    }
    let size = if servers.len() <= FEW_SERVERS { FEW_SLOTS } else { MANY_SLOTS };
    let mut table: Vec<Option<Back>> = (0..size).map(|_| None).collect();
    let mut orders: Vec<(Back, u32, Order)> = shares(servers, MANY_SLOTS)
        .into_iter()
        .map(|(back, share)| (back, share, Order::of(back, size)))
        .collect();
    let mut free = size;
    while free > 0 {
        for (back, share, order) in &mut orders {
            for _ in 0..(*share).min(free) {
                // The order goes through all slots, so that it comes to one that is free.
                let found = order.find(|at| {
                    let slot = usize::try_from(*at).ok().and_then(|at| table.get(at));
                    slot.is_some_and(Option::is_none)
                });
                let slot = found.and_then(|at| table.get_mut(usize::try_from(at).ok()?));
                if let Some(slot) = slot {
                    *slot = Some(*back);
                    free -= 1;
                }
            }
        }
    }
    table.into_iter().flatten().collect()
}

/// All slots of a table, over and over, in the order of one server.
struct Order {
    next: u64,
    skip: u64,
    size: u64,
}

impl Order {
    fn of(back: Back, size: u32) -> Self {
        let size = u64::from(size);
        let number = back.fingerprint();
        Self { next: number % size, skip: (number >> 32) % (size - 1) + 1, size }
    }
}

impl Iterator for Order {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let at = self.next;
        self.next = (at + self.skip) % self.size;
        Some(at)
    }
}

/// Weights in the smallest numbers that have their proportions, or nearly: nobody gets none, and all together not much
/// more than `most`.
fn shares(servers: &[(Back, u32)], most: u32) -> Vec<(Back, u32)> {
    let divisor = servers.iter().fold(0, |divisor, (_, weight)| common(divisor, *weight)).max(1);
    let total: u64 = servers.iter().map(|(_, weight)| u64::from(weight / divisor)).sum();
    let share = |weight: u32| {
        let weight = weight / divisor;
        if total <= u64::from(most) {
            return weight;
        }
        u32::try_from(u64::from(weight) * u64::from(most) / total).unwrap_or(most).max(1)
    };
    servers.iter().map(|(back, weight)| (*back, share(*weight))).collect()
}

/// The greatest common divisor.
const fn common(a: u32, b: u32) -> u32 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Slots where servers take turns: weights in larger proportions are rounded.
const MOST_IN_TURN: u32 = 1024;
/// A hundred slots and more for each server, so that shares are even within a hundredth or so; primes.
const FEW_SLOTS: u32 = 1021;
const MANY_SLOTS: u32 = 4093;
const FEW_SERVERS: usize = 10;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    use super::*;
    use crate::service::{Destination, Forwarding, SchedulerFlags};

    fn back(last: u8) -> Back {
        Back { address: [10, 0, 0, last].into(), port: 80 }
    }

    fn service(scheduler: &str, weights: &[u32]) -> Service {
        let destinations = weights
            .iter()
            .zip(1_u8..)
            .map(|(weight, last)| (back(last), Destination::new(Forwarding::Nat, *weight)));
        Service { scheduling: Scheduling::new(scheduler), destinations: destinations.collect() }
    }

    /// The last part of the servers' addresses, slot by slot.
    fn slots(scheduler: &str, weights: &[u32]) -> Vec<u8> {
        let spread = spread(&service(scheduler, weights)).unwrap();
        spread
            .slots
            .iter()
            .map(|back| match back.address {
                IpAddr::V4(v4) => v4.octets()[3],
                IpAddr::V6(_) => panic!("{back}"),
            })
            .collect()
    }

    fn counts(slots: &[u8]) -> Vec<(u8, usize)> {
        let mut counts = BTreeMap::new();
        for slot in slots {
            *counts.entry(*slot).or_insert(0) += 1;
        }
        counts.into_iter().collect()
    }

    #[test]
    fn servers_take_turns_by_their_weights_without_standing_in_heaps() {
        for (scheduler, weights, expected) in [
            ("rr", &[1, 1, 1][..], &[1, 2, 3][..]),
            ("rr", &[5, 0, 1], &[1, 3]),
            ("rr", &[0, 0], &[]),
            ("wrr", &[1, 1], &[1, 2]),
            ("wrr", &[5, 1, 1], &[1, 1, 2, 1, 3, 1, 1]),
            ("wrr", &[300, 100], &[1, 1, 2, 1]),
            ("wrr", &[0, 7], &[2]),
            ("wrr", &[], &[]),
            ("fo", &[1, 3, 3, 2], &[2]),
            ("fo", &[0, 0], &[]),
        ] {
            assert_eq!(slots(scheduler, weights), expected, "{scheduler} {weights:?}");
        }
    }

    #[test]
    fn large_weights_are_rounded_and_nobody_is_lost() {
        assert_eq!(counts(&slots("wrr", &[65_535, 1])), [(1, 1023), (2, 1)]);
        assert_eq!(counts(&slots("wrr", &[40_001, 20_000])), [(1, 682), (2, 341)]);
    }

    #[test]
    fn a_hash_finds_servers_by_their_weights() {
        assert_eq!(counts(&slots("mh", &[1, 1])), [(1, 511), (2, 510)]);
        assert_eq!(counts(&slots("sh", &[3, 1])), [(1, 766), (2, 255)]);
        assert_eq!(slots("dh", &[0, 4]), [2; 1021]);
        assert_eq!(slots("mh", &[0]), []);
        assert_eq!(slots("mh", &[1; 11]).len(), 4093);
    }

    #[test]
    fn few_clients_move_when_a_server_goes() {
        let before = slots("mh", &[1, 1, 1, 1]);
        let after = slots("mh", &[1, 1, 0, 1]);
        let moved = |(before, after): &(&u8, &u8)| **before != 3 && before != after;
        let moved = before.iter().zip(&after).filter(moved).count();
        // A simple remainder would move two thirds of them.
        assert!(moved < 100, "{moved} of 766");
    }

    #[test]
    fn the_scheduler_and_its_flags_say_what_is_hashed() {
        let choice = |scheduler: &str, second| {
            let mut service = service(scheduler, &[1]);
            service.scheduling.flags = SchedulerFlags { second, ..SchedulerFlags::default() };
            spread(&service).map(|it| it.choice)
        };
        assert_eq!(choice("rr", false), Some(Choice::InTurn));
        assert_eq!(choice("sh", false), Some(Choice::ByClient));
        assert_eq!(choice("sh", true), Some(Choice::ByClientAndPort));
        assert_eq!(choice("mh", true), Some(Choice::ByClientAndPort));
        assert_eq!(choice("dh", false), Some(Choice::ByTarget));
        assert_eq!(choice("wlc", false), None);
    }
}
