//! What the numbers of a roster stand for: names, places, and what is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::Bound;
use std::time::Duration;

use config::model::CheckKind;
use control::{Served, Watched};
use health::{CheckId, DestinationId, ServiceId};
use intent::service::{Back, Destination, Front, Scheduling, ServiceNames};

use super::numbering::Seat;
use super::question::Question;
use crate::compat::balance;
use crate::compat::naming::Wanted;

/// All virtual servers of a configuration, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    pub(super) services: BTreeMap<ServiceId, Service>,
    pub(super) servers: BTreeMap<DestinationId, Server>,
    pub(super) checks: BTreeMap<CheckId, Check>,
    /// Who is told what the parent finds out.
    pub(super) watchers: BTreeMap<Watched, Vec<CheckId>>,
}

/// A virtual server.
#[derive(Debug)]
pub(super) struct Service {
    /// As log lines call it.
    pub(super) name: String,
    /// The word for its protocol.
    pub(super) protocol: &'static str,
    /// What clients reach, as it is written.
    pub(super) served: Served,
    pub(super) fronts: Vec<Front>,
    /// Its real servers, in the order of the configuration.
    pub(super) servers: Vec<DestinationId>,
    pub(super) sorry_server: Option<DestinationId>,
    pub(super) scheduling: Scheduling,
    pub(super) quorum: u32,
    pub(super) hysteresis: u32,
    /// What the parent knows it by.
    pub(super) key: String,
    /// `ha_suspend`, where it has an address.
    pub(super) is_suspended_elsewhere: bool,
}

/// A real server or sorry server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) service: ServiceId,
    /// The word for its protocol.
    pub(super) protocol: &'static str,
    pub(super) back: Back,
    /// Its weight is what the configuration says, not what counts.
    pub(super) destination: Destination,
    /// Whether it stays in the pool while it gets nothing.
    pub(super) is_inhibited: bool,
    /// Whether it is a sorry server.
    pub(super) is_last_resort: bool,
}

/// A check.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) question: Question,
    /// Whom it is about.
    pub(super) server: DestinationId,
    /// Failures in a row that it tolerates.
    pub(super) retry: u32,
    pub(super) timeout: Duration,
    /// Whether each failure is told.
    pub(super) tells_failures: bool,
    /// What the parent knows its program by, where it has one.
    pub(super) program: Option<Box<str>>,
}

impl Server {
    /// As log lines call it.
    pub(super) fn name(&self) -> String {
        balance::server(self.back, self.protocol)
    }

    /// What tells it from the others of its virtual server.
    pub(super) const fn seat(&self) -> Seat {
        if self.is_last_resort { Seat::Sorry(self.back) } else { Seat::Real(self.back) }
    }
}

impl Check {
    pub(super) fn kind(&self) -> &CheckKind {
        &self.question.kind
    }
}

impl Catalogue {
    /// What the parent knows a server by.
    pub(super) fn key(&self, server: &Server) -> String {
        let service = self.services.get(&server.service).map_or("", |it| it.key.as_str());
        balance::server_key(service, server.back)
    }

    /// Whom a check is about, as log lines call it.
    pub(super) fn target(&self, check: &Check) -> String {
        let Some(server) = self.servers.get(&check.server) else { return String::new() };
        let CheckKind::Misc(program) = check.kind() else { return server.name() };
        let service = self.services.get(&server.service).map_or("", |it| it.name.as_str());
        format!("[{} VS {service}] by [{}]", server.name(), program.command.words.join(" "))
    }

    /// Where a check asks.
    pub(super) fn place(&self, check: &Check) -> Option<SocketAddr> {
        let elsewhere = check.question.elsewhere.as_deref().copied();
        elsewhere.or_else(|| {
            let back = self.servers.get(&check.server)?.back;
            Some(SocketAddr::new(back.address, back.port))
        })
    }

    /// The virtual server behind this one, or the first.
    pub(super) fn next_service(&self, last: Option<ServiceId>) -> Option<ServiceId> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        self.services.range((from, Bound::Unbounded)).next().map(|(id, _)| *id)
    }

    /// Whether a virtual server or one of its servers is meant.
    pub(super) fn has_name(&self, id: ServiceId, wanted: &Wanted) -> bool {
        let Some(service) = self.services.get(&id) else { return false };
        let mut servers = service.servers.iter().chain(&service.sorry_server);
        wanted.is(&service.name)
            || servers.any(|id| self.servers.get(id).is_some_and(|it| wanted.is(&it.name())))
    }

    /// Where a server stands behind each front of its service.
    pub(super) fn seats(&self, id: DestinationId) -> impl Iterator<Item = (Front, Back)> + '_ {
        self.servers.get(&id).into_iter().flat_map(|server| {
            let service = self.services.get(&server.service);
            service.into_iter().flat_map(|service| &service.fronts).map(|front| {
                let forwarding = server.destination.forwarding;
                (*front, config::model::place(server.back, forwarding, front))
            })
        })
    }

    /// Everything that may stand, by its name.
    pub(super) fn names(&self) -> ServiceNames {
        let fronts = self.services.values().flat_map(|service| &service.fronts);
        let mut names: ServiceNames = fronts.map(|front| (*front, BTreeSet::new())).collect();
        for (front, back) in self.servers.keys().flat_map(|id| self.seats(*id)) {
            names.entry(front).or_default().insert(back);
        }
        names
    }
}
