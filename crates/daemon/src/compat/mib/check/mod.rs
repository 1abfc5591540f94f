//! The part about load balancing: virtual servers and real servers, of which there may be tens of thousands, with a column for
//! everything. No value is made before it is asked for.

mod columns;
mod fixed;
mod server;
mod service;
mod shared;
mod standing;

use agentx::{Oid, Value, VarBind, View};
use config::model::{Balance, Model, VirtualServer};

use self::columns::Table;
pub(super) use self::fixed::tell as tell_fixed;
pub(super) use self::service::{kind, protocol};
pub(crate) use self::standing::{Heard, Standing};
use self::standing::{ServerNow, ServiceNow};

/// keepalived.check.
pub(super) const CHECK: [u32; 10] = [1, 3, 6, 1, 4, 1, 9586, 100, 5, 3];
/// The tables that tell how something stands.
pub(super) const SERVICES: [u32; 11] = [1, 3, 6, 1, 4, 1, 9586, 100, 5, 3, 3];
pub(super) const SERVERS: [u32; 11] = [1, 3, 6, 1, 4, 1, 9586, 100, 5, 3, 4];

/// Virtual servers and real servers, as the configuration has them and as they stand.
pub(crate) struct Balanced<'f> {
    pub(crate) model: &'f Model,
    pub(crate) standing: &'f Standing,
}

/// One virtual server.
struct Seen<'f> {
    written: &'f VirtualServer,
    balance: &'f Balance,
    now: &'f ServiceNow,
}

/// One real server, or the sorry server, whose row is the first.
enum SeenServer<'f> {
    Regular(&'f config::model::RealServer, &'f ServerNow),
    Sorry(&'f config::model::SorryServer, &'f ServerNow),
}

impl<'f> Balanced<'f> {
    fn service(&self, row: u32) -> Option<Seen<'f>> {
        let row = self.standing.row(row)?;
        let written = self.model.virtual_servers.get(row.place)?;
        Some(Seen { written, balance: written.balance.as_ref()?, now: row.now.as_ref()? })
    }

    fn server(&self, service: u32, row: u32) -> Option<SeenServer<'f>> {
        let Seen { balance, now, .. } = self.service(service)?;
        let place = usize::try_from(row.checked_sub(1)?).ok()?;
        let place = match &balance.sorry_server {
            Some(sorry) if place == 0 => {
                return Some(SeenServer::Sorry(sorry, now.sorry.as_ref()?));
            }
            Some(_) => place - 1,
            None => place,
        };
        let now = now.servers.get(place)?.as_ref()?;
        Some(SeenServer::Regular(balance.servers.get(place)?, now))
    }

    /// How many real servers a virtual server has rows for.
    fn servers(&self, service: u32) -> u32 {
        let sorry = |seen: &Seen<'_>| usize::from(seen.balance.sorry_server.is_some());
        let count = self.service(service).map_or(0, |it| it.balance.servers.len() + sorry(&it));
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn tables(&self) -> [Table<'_>; 2] {
        let alerts = self.model.global.balancing.alerts;
        let service = move |column: u32, row: [u32; 2]| {
            service::value(&self.service(row[0])?, column, alerts)
        };
        let server = move |column: u32, row: [u32; 2]| {
            server::value(&self.server(row[0], row[1])?, column, alerts)
        };
        let rows = self.standing.rows();
        [
            Table {
                entry: Oid::new(&SERVICES).join(&[1]),
                columns: service::COLUMNS,
                rows,
                under: None,
                value: Box::new(service),
            },
            Table {
                entry: Oid::new(&SERVERS).join(&[1]),
                columns: server::COLUMNS,
                rows,
                under: Some(Box::new(|row| self.servers(row))),
                value: Box::new(server),
            },
        ]
    }
}

impl View for Balanced<'_> {
    fn value(&self, name: &Oid) -> Value {
        let tables = self.tables();
        let table = tables.iter().find(|table| name.is_within(table.entry.parts()));
        table.map_or(Value::NoSuchObject, |table| table.value(name))
    }

    fn next(&self, start: &Oid, include: bool, end: &Oid) -> Option<VarBind> {
        self.tables().iter().find_map(|table| table.next(start, include, end))
    }
}

#[cfg(test)]
mod tests;
