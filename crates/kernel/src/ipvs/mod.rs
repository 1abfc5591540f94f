//! IPVS, the kernel's load balancer: what stands is read, and changes are made, in the network namespace of the caller.
//!
//! Our own codec over generic netlink. What should stand is said with `intent::service`, and so is the difference.
//! **Source**: linux/ip_vs.h, linux/genetlink.h; net/netfilter/ipvs/ip_vs_ctl.c of the kernel.

mod destination;
mod error;
mod family;
mod front;
mod modules;
mod scheduling;
mod statistics;
mod sync;

use std::collections::{BTreeMap, BTreeSet};

use intent::service::{Front, Service, ServiceChange, Services, SyncDaemon, SyncRole, Timeouts};
use rustix::io::Errno;

pub use error::IpvsError;
pub use statistics::{Load, ServiceLoad, Statistics};

use self::modules::{Modules, Next};
use crate::netlink::message::{Attributes, Builder};
use crate::netlink::outcome::Goal;
use crate::netlink::{NetlinkError, RequestSocket};

/// Speaks to IPVS.
#[derive(Debug)]
pub struct Ipvs {
    socket: RequestSocket,
    /// The number that generic netlink gave to IPVS.
    family: u16,
    modules: Modules,
}

impl Ipvs {
    /// Finds IPVS; the kernel loads its module if it may.
    ///
    /// **Errors**: [`IpvsError::Missing`] where the kernel has none.
    pub fn open() -> Result<Self, IpvsError> {
        let mut socket = RequestSocket::open_generic().map_err(IpvsError::of("open IPVS"))?;
        let family = family::find(&mut socket)?;
        Ok(Self { socket, family, modules: Modules::default() })
    }

    /// Everything that is balanced.
    ///
    /// What changes while it is read may be there or not; entries that stay are there.
    ///
    /// **Errors**: the kernel refuses to be read (`CAP_NET_ADMIN`).
    pub fn services(&mut self) -> Result<Services, IpvsError> {
        let operation = "read services";
        let request = || dump(self.family, command::GET_SERVICE);
        let mut services = Services::new();
        let parse = |payload: &[u8]| {
            let attributes = nested(payload, attribute::SERVICE)?;
            Some((front::parse(attributes)?, Service::new(scheduling::parse(attributes)?)))
        };
        self.socket
            .dump(operation, request, || {}, |message| services.extend(parse(message.payload)))
            .map_err(IpvsError::of(operation))?;
        for (front, service) in &mut services {
            let request =
                || front::emit(dump(self.family, command::GET_DESTINATION), front).close();
            let backs = &mut service.destinations;
            let each = |payload: &[u8]| {
                let attributes = nested(payload, attribute::DESTINATION)?;
                destination::parse(attributes, front.family())
            };
            self.socket
                .dump(operation, request, || {}, |message| backs.extend(each(message.payload)))
                .map_err(IpvsError::of(operation))?;
        }
        Ok(services)
    }

    /// Makes changes in their order, in batches; what became of each. What is gone already counts as removed.
    ///
    /// A scheduler that the kernel lacks is asked for once in a call, whose other services are refused for the same reason:
    /// it waits each time for the program that would load the module.
    pub fn apply(&mut self, changes: &[ServiceChange]) -> Vec<Result<(), IpvsError>> {
        let mut lacking = BTreeSet::new();
        let mut results = Vec::with_capacity(changes.len());
        let mut rest = changes;
        while let Some(first) = rest.first() {
            let count = match self.modules.next(rest, &lacking) {
                Next::Ask(count) => count,
                Next::Lacking => {
                    let wanted = modules::scheduling(first);
                    results.extend(wanted.map(|it| Err(IpvsError::unknown(first.to_string(), it))));
                    rest = rest.get(1..).unwrap_or_default();
                    continue;
                }
            };
            let (batch, others) = rest.split_at(count);
            for (change, result) in batch.iter().zip(self.apply_batch(batch)) {
                let is_there = match &result {
                    Ok(()) => Some(true),
                    Err(IpvsError::Unknown { .. }) => Some(false),
                    Err(_) => None,
                };
                self.modules.learn(change, is_there, &mut lacking);
                results.push(result);
            }
            rest = others;
        }
        results
    }

    fn apply_batch(&mut self, changes: &[ServiceChange]) -> Vec<Result<(), IpvsError>> {
        let requests = changes.iter().map(|change| request(self.family, change)).collect();
        let results = self.socket.batch("change IPVS", Goal::Answer, requests);
        changes.iter().zip(results).map(|(change, result)| outcome(change, result)).collect()
    }

    /// What a service and its destinations have done and are doing; nothing if there is no such service.
    ///
    /// **Errors**: the kernel refuses to be read.
    pub fn load(&mut self, front: &Front) -> Result<Option<ServiceLoad>, IpvsError> {
        let operation = "read statistics";
        let request = || {
            front::emit(
                Builder::new(self.family, REQUEST | ACK).body(&header(command::GET_SERVICE)),
                front,
            )
            .close()
        };
        let mut found = None;
        let read = self.socket.dump(
            operation,
            request,
            || {},
            |message| {
                found = nested(message.payload, attribute::SERVICE).map(statistics::of_service);
            },
        );
        match read {
            Err(NetlinkError::Refused { errno: Errno::SRCH, .. }) => return Ok(None),
            other => other.map_err(IpvsError::of(operation))?,
        }
        let request = || front::emit(dump(self.family, command::GET_DESTINATION), front).close();
        let mut destinations = BTreeMap::new();
        let each = |payload: &[u8]| {
            let attributes = nested(payload, attribute::DESTINATION)?;
            let (back, _) = destination::parse(attributes, front.family())?;
            Some((back, statistics::of_destination(attributes)))
        };
        self.socket
            .dump(operation, request, || {}, |message| destinations.extend(each(message.payload)))
            .map_err(IpvsError::of(operation))?;
        Ok(found.map(|statistics| ServiceLoad { statistics, destinations }))
    }

    /// Takes all services away, whoever made them.
    ///
    /// **Errors**: the kernel refuses.
    pub fn flush(&mut self) -> Result<(), IpvsError> {
        self.ask("flush services", Goal::Answer, self.request(command::FLUSH))
    }

    /// The synchronisation daemons that run.
    ///
    /// **Errors**: the kernel refuses to be read.
    pub fn sync_daemons(&mut self) -> Result<Vec<SyncDaemon>, IpvsError> {
        let operation = "read synchronisation daemons";
        let mut daemons = Vec::new();
        let parse = |payload: &[u8]| sync::parse(nested(payload, attribute::DAEMON)?);
        self.socket
            .dump(
                operation,
                || dump(self.family, command::GET_DAEMON),
                || {},
                |message| daemons.extend(parse(message.payload)),
            )
            .map_err(IpvsError::of(operation))?;
        daemons.sort();
        Ok(daemons)
    }

    /// Starts a synchronisation daemon; one of its role must not run.
    ///
    /// **Errors**: one runs (`EEXIST`), there is no such link (`ENODEV`), or the kernel refuses otherwise. Only the root of
    /// the machine may do this.
    pub fn start_sync(&mut self, daemon: &SyncDaemon) -> Result<(), IpvsError> {
        let request = sync::emit(self.request(command::NEW_DAEMON), daemon);
        self.ask("start synchronisation daemon", Goal::Answer, request)
    }

    /// Ends the synchronisation daemon of a role; none is no error.
    ///
    /// **Errors**: the kernel refuses.
    pub fn stop_sync(&mut self, role: SyncRole) -> Result<(), IpvsError> {
        let request = sync::emit_role(self.request(command::DEL_DAEMON), role);
        self.ask("stop synchronisation daemon", Goal::Absent, request)
    }

    /// How long connections are remembered.
    ///
    /// **Errors**: the kernel refuses to be read.
    pub fn timeouts(&mut self) -> Result<Timeouts, IpvsError> {
        let operation = "read timeouts";
        let mut timeouts = Timeouts::default();
        self.socket
            .dump(
                operation,
                || Builder::new(self.family, REQUEST | ACK).body(&header(command::GET_CONFIG)),
                || {},
                |message| timeouts = sync::parse_timeouts(attributes(message.payload)),
            )
            .map_err(IpvsError::of(operation))?;
        Ok(timeouts)
    }

    /// Changes how long connections are remembered.
    ///
    /// **Errors**: the kernel refuses.
    pub fn set_timeouts(&mut self, timeouts: &Timeouts) -> Result<(), IpvsError> {
        let request = sync::emit_timeouts(self.request(command::SET_CONFIG), timeouts);
        self.ask("set timeouts", Goal::Answer, request)
    }

    fn request(&self, command: u8) -> Builder {
        Builder::new(self.family, REQUEST | ACK).body(&header(command))
    }

    fn ask(
        &mut self,
        operation: &'static str,
        goal: Goal,
        request: Builder,
    ) -> Result<(), IpvsError> {
        self.socket.request(operation, goal, request).map_err(IpvsError::of(operation))
    }
}

/// The message that makes a change.
fn request(family: u16, change: &ServiceChange) -> Builder {
    let begin = |command| Builder::new(family, REQUEST | ACK).body(&header(command));
    match change {
        ServiceChange::Add(front, wanted) => {
            let service = front::emit(begin(command::NEW_SERVICE), front);
            scheduling::emit(service, wanted, front.family()).close()
        }
        ServiceChange::Set(front, wanted) => {
            let service = front::emit(begin(command::SET_SERVICE), front);
            scheduling::emit(service, wanted, front.family()).close()
        }
        ServiceChange::AddDestination(front, back, wanted) => {
            let service = front::emit(begin(command::NEW_DESTINATION), front).close();
            destination::emit(destination::emit_back(service, *back), wanted).close()
        }
        ServiceChange::SetDestination(front, back, wanted) => {
            let service = front::emit(begin(command::SET_DESTINATION), front).close();
            destination::emit(destination::emit_back(service, *back), wanted).close()
        }
        ServiceChange::RemoveDestination(front, back) => {
            let service = front::emit(begin(command::DEL_DESTINATION), front).close();
            destination::emit_back(service, *back).close()
        }
        ServiceChange::Remove(front) => front::emit(begin(command::DEL_SERVICE), front).close(),
    }
}

/// What an answer means for a change.
fn outcome(change: &ServiceChange, result: Result<(), NetlinkError>) -> Result<(), IpvsError> {
    let result = match change {
        ServiceChange::RemoveDestination(..) | ServiceChange::Remove(_) => {
            Goal::Absent.converge(result)
        }
        ServiceChange::Add(..)
        | ServiceChange::Set(..)
        | ServiceChange::AddDestination(..)
        | ServiceChange::SetDestination(..) => result,
    };
    result.map_err(|source| IpvsError::of_change(change, source))
}

/// `struct genlmsghdr`: command and version.
const fn header(command: u8) -> [u8; 4] {
    [command, VERSION, 0, 0]
}

fn dump(family: u16, command: u8) -> Builder {
    Builder::new(family, REQUEST | DUMP).body(&header(command))
}

/// The attributes behind the command.
fn attributes(payload: &[u8]) -> Attributes<'_> {
    Attributes(payload.get(4..).unwrap_or_default())
}

/// The attributes inside of the attribute `kind`.
fn nested(payload: &[u8], kind: u16) -> Option<Attributes<'_>> {
    attributes(payload).find(|(found, _)| *found == kind).map(|(_, value)| Attributes(value))
}

const VERSION: u8 = 1;
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const DUMP: u16 = 0x300;

/// `IPVS_CMD_*`.
mod command {
    pub(super) const NEW_SERVICE: u8 = 1;
    pub(super) const SET_SERVICE: u8 = 2;
    pub(super) const DEL_SERVICE: u8 = 3;
    pub(super) const GET_SERVICE: u8 = 4;
    pub(super) const NEW_DESTINATION: u8 = 5;
    pub(super) const SET_DESTINATION: u8 = 6;
    pub(super) const DEL_DESTINATION: u8 = 7;
    pub(super) const GET_DESTINATION: u8 = 8;
    pub(super) const NEW_DAEMON: u8 = 9;
    pub(super) const DEL_DAEMON: u8 = 10;
    pub(super) const GET_DAEMON: u8 = 11;
    pub(super) const SET_CONFIG: u8 = 12;
    pub(super) const GET_CONFIG: u8 = 13;
    pub(super) const FLUSH: u8 = 17;
}

/// `IPVS_CMD_ATTR_*`.
mod attribute {
    pub(super) const SERVICE: u16 = 1;
    pub(super) const DESTINATION: u16 = 2;
    pub(super) const DAEMON: u16 = 3;
    pub(super) const TIMEOUT_TCP: u16 = 4;
    pub(super) const TIMEOUT_TCP_FIN: u16 = 5;
    pub(super) const TIMEOUT_UDP: u16 = 6;
}

#[cfg(test)]
mod tests;
