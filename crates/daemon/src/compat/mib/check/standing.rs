//! How virtual servers and real servers stand: numbers alone, since there may be many.

use std::collections::BTreeMap;

use config::model::Model;
use status::{Condition, Connections, Traffic, VirtualServer};

use crate::compat::balance;

/// Virtual servers as they were told of, by the first of what clients reach, which no two have in common.
#[derive(Debug, Default)]
pub(crate) struct Heard(BTreeMap<String, (ServiceNow, Vec<(String, ServerNow)>)>);

/// The same, row by row.
#[derive(Debug, Default)]
pub(crate) struct Standing(Vec<Row>);

/// A row: a virtual server that balances something.
#[derive(Debug)]
pub(super) struct Row {
    /// Its place in the configuration.
    pub(super) place: usize,
    /// None of one that was not told of.
    pub(super) now: Option<ServiceNow>,
}

#[derive(Debug)]
pub(super) struct ServiceNow {
    pub(super) has_quorum: bool,
    /// None where nothing is counted.
    pub(super) traffic: Option<Traffic>,
    /// Real servers in the order of the configuration.
    pub(super) servers: Vec<Option<ServerNow>>,
    pub(super) sorry: Option<ServerNow>,
}

#[derive(Debug)]
pub(super) struct ServerNow {
    /// Of a sorry server, whether it serves.
    pub(super) is_up: bool,
    pub(super) weight: u32,
    pub(super) failed_checks: usize,
    pub(super) connections: Connections,
    pub(super) traffic: Traffic,
}

impl Heard {
    /// Takes one in.
    pub(crate) fn take(&mut self, told: VirtualServer) {
        let servers = told.real_servers.into_iter().map(|it| {
            let now = ServerNow::of(&it);
            (it.name, now)
        });
        let servers = servers.collect();
        let now = ServiceNow {
            has_quorum: told.state == Condition::Up,
            traffic: told.traffic,
            servers: Vec::new(),
            sorry: told.sorry_server.map(|it| ServerNow::of(&it)),
        };
        if let Some(front) = told.fronts.into_iter().next() {
            self.0.insert(front, (now, servers));
        }
    }
}

impl ServerNow {
    fn of(told: &status::RealServer) -> Self {
        let failed = told.checks.iter().filter(|check| check.state == Condition::Down);
        Self {
            is_up: told.state == Condition::Up,
            weight: told.weight,
            failed_checks: failed.count(),
            // What is not in the pool has none.
            connections: told.connections.unwrap_or_default(),
            traffic: told.traffic.unwrap_or_default(),
        }
    }
}

impl Standing {
    /// What was heard, in the order of the configuration.
    pub(crate) fn of(mut heard: Heard, model: &Model) -> Self {
        let mut rows = Vec::new();
        for (place, written) in model.virtual_servers.iter().enumerate() {
            let Some(balance) = &written.balance else { continue };
            let found = balance.fronts.first().and_then(|front| heard.0.remove(&front.to_string()));
            let protocol = balance::protocol(written);
            let now = found.map(|(mut now, told)| {
                // They are told of in their order, too.
                let mut told = told.into_iter().peekable();
                let names = balance.servers.iter().map(|it| balance::server(it.back, protocol));
                now.servers = names
                    .map(|name| told.next_if(|(it, _)| *it == name).map(|(_, now)| now))
                    .collect();
                now
            });
            rows.push(Row { place, now });
        }
        Self(rows)
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// The row of this number, from 1.
    pub(super) fn row(&self, number: u32) -> Option<&Row> {
        self.0.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }
}

impl ServiceNow {
    /// How many of its real servers are up.
    pub(super) fn up(&self) -> usize {
        self.servers.iter().flatten().filter(|server| server.is_up).count()
    }
}
