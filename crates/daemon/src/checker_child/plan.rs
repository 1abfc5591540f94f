//! From a configuration to what the roster is to do with it, and what its numbers stand for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use config::model::{self, Balance, Balancing, CheckKind, Model, VirtualServer};
use health::{
    Alerts, CheckId, CheckParameters, DestinationId, OnFailure, Plan, Policy, RealServerParameters,
    ServiceId, SorryServerParameters, Source, Timing, VirtualServerParameters,
};
use intent::service::{Back, Destination, Front};

use super::alike::Alike;
use super::catalogue::{Catalogue, Check, Server, Service};
use super::numbering::{Numbering, Round, Seat};
use super::pool::Stock;
use super::{specs, told};
use crate::compat::balance;

/// What the roster is told of a configuration. Numbers of what `former` has stay.
///
/// `seed` spreads the first looks; the same one gives the same plan.
pub(super) fn plan(
    model: &Model,
    former: &Catalogue,
    numbering: &mut Numbering,
    seed: u64,
) -> (Catalogue, Plan) {
    let mut planner = Planner {
        round: numbering.begin_round(former),
        timings: Alike::default(),
        seed,
        global: &model.global.balancing,
        catalogue: Catalogue::default(),
        servers: Vec::new(),
        checks: Vec::new(),
        plan: Plan::default(),
    };
    for server in &model.virtual_servers {
        planner.add(server);
    }
    planner.round.end();
    planner.catalogue.servers = planner.servers.into_iter().collect();
    planner.catalogue.checks = planner.checks.into_iter().collect();
    (planner.catalogue, planner.plan)
}

/// What the pools of services that stand hold already.
///
/// An empty pool was emptied by the process before `is_successor`; otherwise somebody made it, and nobody filled it.
pub(super) fn former(
    catalogue: &Catalogue,
    standing: &Stock,
    is_successor: bool,
) -> BTreeMap<ServiceId, BTreeMap<DestinationId, u32>> {
    let mut former: BTreeMap<ServiceId, BTreeMap<DestinationId, u32>> = BTreeMap::new();
    for (id, service) in &catalogue.services {
        if is_successor && service.fronts.iter().any(|front| standing.contains_key(front)) {
            former.insert(*id, BTreeMap::new());
        }
    }
    for (id, server) in &catalogue.servers {
        let found = catalogue
            .seats(*id)
            .filter_map(|(front, back)| standing.get(&front)?.destinations.get(&back))
            .map(|destination| destination.weight)
            .max();
        if let Some(weight) = found {
            former.entry(server.service).or_default().insert(*id, weight);
        }
    }
    former
}

struct Planner<'a> {
    round: Round<'a>,
    timings: Alike<Timing>,
    seed: u64,
    global: &'a Balancing,
    catalogue: Catalogue,
    /// Those of the catalogue: a tree that is made of a whole list takes half the room of one that grows.
    servers: Vec<(DestinationId, Server)>,
    checks: Vec<(CheckId, Check)>,
    plan: Plan,
}

/// The virtual server that is being planned.
struct Within {
    service: ServiceId,
    name: String,
    /// What the parent knows it by.
    key: String,
    /// As names of servers have it.
    protocol: &'static str,
}

impl Planner<'_> {
    fn add(&mut self, written: &VirtualServer) {
        let Some(balance) = &written.balance else { return };
        let Some(service) = self.round.service(written) else { return };
        let within = Within {
            service,
            name: balance::virtual_server(written),
            key: balance::key(written),
            protocol: balance::protocol(written),
        };
        let servers: Vec<(DestinationId, RealServerParameters)> =
            balance.servers.iter().map(|server| self.server(server, &within)).collect();
        let policy = self.policy(balance, &within);
        let ids = servers.iter().map(|(id, _)| *id).collect();
        let servers = servers.into_iter().collect();
        self.plan.services.insert(service, VirtualServerParameters { policy, servers });
        let entry = Service {
            name: within.name,
            key: within.key,
            is_suspended_elsewhere: policy.ha_suspend,
            protocol: within.protocol,
            served: balance::served(written),
            fronts: balance.fronts.clone(),
            servers: ids,
            sorry_server: policy.sorry_server.map(|sorry| sorry.destination),
            scheduling: balance.scheduling.clone(),
            quorum: balance.quorum,
            hysteresis: balance.hysteresis,
        };
        self.catalogue.services.insert(service, entry);
    }

    fn policy(&mut self, balance: &Balance, within: &Within) -> Policy {
        let sorry_server = balance.sorry_server.map(|sorry| SorryServerParameters {
            destination: {
                let seat = Seat::Sorry(sorry.back);
                self.place(seat, sorry.back, sorry.destination, sorry.on_failure, within)
            },
            weight: sorry.destination.weight,
            on_failure: sorry.on_failure,
        });
        Policy {
            quorum: balance.quorum,
            hysteresis: balance.hysteresis,
            sorry_server,
            ha_suspend: balance.ha_suspend && has_address(balance),
            omega: balance.omega,
            tells_start: self.global.tells_start,
            alert: balance.alert.or(self.global.alerts).unwrap_or(false),
        }
    }

    fn server(
        &mut self,
        server: &model::RealServer,
        within: &Within,
    ) -> (DestinationId, RealServerParameters) {
        let seat = Seat::Real(server.back);
        let id = self.place(seat, server.back, server.destination, server.on_failure, within);
        let checks = server.checks.iter();
        let checks =
            checks.filter_map(|check| self.check(check, id, server.back, within)).collect();
        let parameters = RealServerParameters {
            weight: server.destination.weight,
            on_failure: server.on_failure,
            alerts: self.alerts(server),
            checks,
        };
        (id, parameters)
    }

    fn place(
        &mut self,
        seat: Seat,
        back: Back,
        destination: Destination,
        on_failure: OnFailure,
        within: &Within,
    ) -> DestinationId {
        let (service, protocol) = (within.service, within.protocol);
        let id = self.round.destination(service, seat);
        let is_inhibited = on_failure == OnFailure::Inhibit;
        let is_last_resort = matches!(seat, Seat::Sorry(_));
        let server = Server { service, protocol, back, destination, is_inhibited, is_last_resort };
        self.servers.push((id, server));
        id
    }

    fn check(
        &mut self,
        check: &model::Check,
        destination: DestinationId,
        back: Back,
        within: &Within,
    ) -> Option<(CheckId, CheckParameters)> {
        if !specs::can_be_asked(&check.kind) {
            return None;
        }
        let own = SocketAddr::new(back.address, back.port);
        let (id, question) = self.round.check(destination, own, &check.kind);
        let program = if let CheckKind::Misc(program) = &check.kind {
            let key = balance::server_key(&within.key, back);
            Some(balance::program_key(&key, &program.command).into_boxed_str())
        } else {
            None
        };
        let entry = Check {
            question,
            server: destination,
            retry: check.pace.retry,
            timeout: check.pace.timeout,
            tells_failures: check.log_failures.unwrap_or(self.global.logs_failures),
            program,
        };
        self.checks.push((id, entry));
        let source = match told::watched_by(&check.kind) {
            Some(watched) => {
                self.catalogue.watchers.entry(watched).or_default().push(id);
                Source::Told
            }
            None => self.probed(check, id),
        };
        let weighs = specs::weighs(&check.kind);
        Some((id, CheckParameters { start: check.start, source, weighs }))
    }

    fn alerts(&self, server: &model::RealServer) -> Alerts {
        // Unlike all others, changes of real servers are told where nothing is said of it.
        match server.alert.or(self.global.alerts).unwrap_or(true) {
            false => Alerts::Never,
            true if self.global.only_moves_are_told => Alerts::Moves,
            true => Alerts::Verdicts,
        }
    }

    fn probed(&mut self, check: &model::Check, id: CheckId) -> Source {
        let pace = check.pace;
        let timing = Timing {
            delay_loop: pace.delay_loop,
            delay_before_retry: pace.delay_before_retry,
            delay_while_down: pace.delay_while_down,
            retry: pace.retry,
            rise: NonZeroU32::MIN,
            steps: pace.steps,
            recovery: pace.recovery,
        };
        Source::Probed {
            first: LEAST_WARMUP + part(pace.warmup, self.seed ^ u64::from(id.0)),
            timing: self.timings.share(timing),
        }
    }
}

fn has_address(balance: &Balance) -> bool {
    balance.fronts.iter().any(|front| matches!(front, Front::Address { .. }))
}

/// A part of `whole` that numbers choose, evenly (the finaliser of splitmix64).
fn part(whole: Duration, number: u64) -> Duration {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let nanoseconds = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX);
    let product = u128::from(nanoseconds) * u128::from(mixed);
    Duration::from_nanos(u64::try_from(product >> 64).unwrap_or(nanoseconds))
}

/// Before the first look, whatever `warmup` says: a host that starts has other things to do.
const LEAST_WARMUP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
