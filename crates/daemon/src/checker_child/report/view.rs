//! What an observer may see of one virtual server.

use std::collections::BTreeMap;
use std::time::Duration;

use clock::Instant;
use control::{Order, Ordered};
use health::{
    CheckId, CheckSnapshot, DestinationId, RealServerSnapshot, ServiceId, Verdict,
    VirtualServerSnapshot, WeightEffect,
};
use intent::service::{Forwarding, Front};
use kernel::ipvs::{Load, ServiceLoad, Statistics};
use status::{Condition, Connections, Seconds, Traffic};

use super::super::Shell;
use super::super::catalogue::{Check, Server, Service};
use crate::child::time_of;
use crate::compat::balance;

/// What the kernel says of a service, front by front; empty where nothing is counted.
type Loads = BTreeMap<Front, ServiceLoad>;

impl Shell {
    /// One virtual server.
    pub(super) fn view(&mut self, now: Instant, id: ServiceId) -> Option<status::VirtualServer> {
        let seen = self.roster.service(id)?;
        let entry = self.catalogue.services.get(&id)?;
        let mut loads = Loads::new();
        if let Some(plane) = &mut self.tending.plane {
            for front in &entry.fronts {
                loads.extend(plane.load(front).map(|load| (*front, load)));
            }
        }
        let refused = entry.fronts.iter().find_map(|front| self.pool.refusal(front));
        Some(status::VirtualServer {
            name: entry.name.clone(),
            protocol: entry.protocol.to_owned(),
            fronts: entry.fronts.iter().map(ToString::to_string).collect(),
            scheduler: entry.scheduling.scheduler.clone(),
            persistence: entry.scheduling.persistence.as_ref().map(|it| it.seconds),
            data_plane: self.tending.plane.as_ref().map(|it| it.name().to_lowercase()),
            problem: refused.or(self.tending.missing.as_deref()).map(str::to_owned),
            state: condition(seen.verdict),
            since: time_of(seen.since.unwrap_or(now), now),
            cause: String::new(),
            quorum: entry.quorum,
            hysteresis: entry.hysteresis,
            weight: seen.weight,
            suspended: seen.is_suspended,
            traffic: sum(loads.values().map(|load| load.statistics)),
            real_servers: entry
                .servers
                .iter()
                .filter_map(|id| self.view_of_server(now, *id, seen.servers.get(id)?, &loads))
                .collect(),
            sorry_server: self.view_of_sorry(now, entry, &seen, &loads).map(Box::new),
        })
    }

    fn view_of_server(
        &self,
        now: Instant,
        id: DestinationId,
        seen: &RealServerSnapshot,
        loads: &Loads,
    ) -> Option<status::RealServer> {
        let server = self.catalogue.servers.get(&id)?;
        let base = server.destination.weight;
        let checks = seen.checks.iter();
        let checks = checks.filter_map(|(id, it)| self.view_of_check(now, *id, it, base));
        Some(status::RealServer {
            state: condition(seen.verdict),
            since: time_of(seen.since.unwrap_or(now), now),
            weight: seen.weight,
            wanted: seen.installed,
            order: self.orders.get(&id).map(view_of_order),
            checks: checks.collect(),
            ..self.bare(id, server, loads)
        })
    }

    /// The server of last resort: it is up while it serves.
    fn view_of_sorry(
        &self,
        now: Instant,
        entry: &Service,
        seen: &VirtualServerSnapshot,
        loads: &Loads,
    ) -> Option<status::RealServer> {
        let id = entry.sorry_server?;
        let server = self.catalogue.servers.get(&id)?;
        Some(status::RealServer {
            state: if seen.is_sorry { Condition::Up } else { Condition::Down },
            since: time_of(seen.since.unwrap_or(now), now),
            wanted: seen.sorry_installed,
            ..self.bare(id, server, loads)
        })
    }

    /// What the configuration and the data plane say of a server.
    fn bare(&self, id: DestinationId, server: &Server, loads: &Loads) -> status::RealServer {
        let seats: Vec<_> = self.catalogue.seats(id).collect();
        let standing = self.pool.standing();
        let weights = seats.iter().map(|(front, back)| {
            standing.get(front)?.destinations.get(back).map(|destination| destination.weight)
        });
        let found: Vec<Load> = seats
            .iter()
            .filter_map(|(front, back)| loads.get(front)?.destinations.get(back).copied())
            .collect();
        let connections = found.iter().fold(Connections::default(), |sum, load| Connections {
            active: sum.active.saturating_add(load.active),
            inactive: sum.inactive.saturating_add(load.inactive),
            persistent: sum.persistent.saturating_add(load.persistent),
        });
        status::RealServer {
            name: server.name(),
            state: Condition::Down,
            since: Seconds::default(),
            cause: String::new(),
            forwarding: match server.destination.forwarding {
                Forwarding::Nat => "nat".to_owned(),
                Forwarding::DirectRoute => "dr".to_owned(),
                Forwarding::Tunnel(_) => "tun".to_owned(),
                Forwarding::Other(number) => number.to_string(),
            },
            base_weight: server.destination.weight,
            weight: server.destination.weight,
            order: None,
            wanted: None,
            // Where it stands behind some fronts only, it does not stand as wanted.
            installed: weights.min().flatten(),
            connections: (!found.is_empty()).then_some(connections),
            traffic: sum(found.iter().map(|load| load.statistics)),
            checks: Vec::new(),
        }
    }

    /// Whom a check asks, or what it hears of.
    fn target(&self, check: &Check) -> String {
        balance::check_name(check.kind()).unwrap_or_else(|| self.catalogue.target(check))
    }

    fn view_of_check(
        &self,
        now: Instant,
        id: CheckId,
        seen: &CheckSnapshot,
        base_weight: u32,
    ) -> Option<status::Check> {
        let check = self.catalogue.checks.get(&id)?;
        let failure = || seen.last_failure.as_ref().map(|it| it.why.clone()).unwrap_or_default();
        Some(status::Check {
            kind: balance::check_word(check.kind()).to_owned(),
            target: self.target(check),
            state: condition(seen.verdict),
            since: seen.since.map(|since| time_of(since, now)),
            last: seen.last.map(|(at, _)| time_of(at, now)),
            result: match seen.last {
                None => String::new(),
                Some((_, Verdict::Up)) => "passed".to_owned(),
                Some((_, Verdict::Down)) => failure(),
            },
            failures: seen.failures,
            adds: match seen.effect {
                WeightEffect::None => 0,
                WeightEffect::Exactly(weight) => i64::from(weight) - i64::from(base_weight),
                WeightEffect::Added(more) => more,
            },
            due: seen.next.map(|next| next.since(now).into()),
        })
    }
}

fn view_of_order(ordered: &Ordered) -> status::Ordered {
    status::Ordered {
        order: match ordered.order {
            Order::Weight(weight) => status::Order::Weight(weight),
            Order::Disabled => status::Order::Disable,
        },
        by: ordered.by.clone(),
        at: Duration::from_micros(ordered.at).into(),
    }
}

const fn condition(verdict: Verdict) -> Condition {
    match verdict {
        Verdict::Up => Condition::Up,
        Verdict::Down => Condition::Down,
    }
}

/// What was counted in several places; nothing where it was in none.
fn sum(counted: impl Iterator<Item = Statistics>) -> Option<Traffic> {
    counted.fold(None, |sum: Option<Traffic>, more| {
        let sum = sum.unwrap_or_default();
        Some(Traffic {
            connections: sum.connections.saturating_add(more.connections),
            packets_in: sum.packets_in.saturating_add(more.packets_in),
            packets_out: sum.packets_out.saturating_add(more.packets_out),
            bytes_in: sum.bytes_in.saturating_add(more.bytes_in),
            bytes_out: sum.bytes_out.saturating_add(more.bytes_out),
            connection_rate: sum.connection_rate.saturating_add(more.connection_rate),
            packet_rate_in: sum.packet_rate_in.saturating_add(more.packet_rate_in),
            packet_rate_out: sum.packet_rate_out.saturating_add(more.packet_rate_out),
            byte_rate_in: sum.byte_rate_in.saturating_add(more.byte_rate_in),
            byte_rate_out: sum.byte_rate_out.saturating_add(more.byte_rate_out),
        })
    })
}
