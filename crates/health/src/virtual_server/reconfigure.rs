//! A reload of one virtual server: a difference that keeps verdicts.

use std::collections::BTreeMap;

use clock::Instant;

use super::{Noted, VirtualServer};
use crate::output::Teller;
use crate::real_server::{Former, RealServer};
use crate::{
    Cause, DestinationId, Notice, Order, Standing, Subject, Verdict, VirtualServerParameters,
};

impl VirtualServer {
    /// Takes other parameters. With equal ones nothing happens.
    pub(crate) fn adjust(
        &mut self,
        now: Instant,
        parameters: &VirtualServerParameters,
        orders: &BTreeMap<DestinationId, Order>,
        teller: &mut Teller<'_>,
    ) {
        let was_suspended = self.is_suspended();
        let former_sorry = self.take_former_sorry(parameters);
        self.policy = parameters.policy;
        for (id, server) in &parameters.servers {
            if let Some(old) = self.servers.get_mut(id) {
                old.adjust(now, server, orders.get(id).copied(), teller);
            }
        }
        let gone = self.take_gone(parameters);
        let fresh = self.add_servers(parameters, orders);
        if self.is_running {
            self.act_on_change(now, &fresh, teller);
        }
        // Who takes their place is there by now.
        for (id, server) in gone {
            remove_server(id, server, self.standing(), teller);
        }
        if let Some((destination, mut installed, served)) = former_sorry {
            if served {
                teller.notice(Notice::SorryServer { destination, is_used: false });
            }
            teller.place(destination, &mut installed, None);
        }
        if !self.is_running {
            return;
        }
        if self.is_suspended() != was_suspended {
            teller.notice(Notice::Suspended { is_suspended: self.is_suspended() });
        }
        if self.is_suspended() {
            self.suspend_checks(teller);
        }
        self.resume_checks(now);
    }

    /// All servers are looked at before the quorum is, so that it is lost by no order of theirs.
    fn act_on_change(&mut self, now: Instant, fresh: &[DestinationId], teller: &mut Teller<'_>) {
        for id in fresh {
            if let Some(server) = self.servers.get_mut(id) {
                server.since = Some(now);
            }
        }
        let ids: Vec<DestinationId> = self.servers.keys().copied().collect();
        let mut moved = Vec::new();
        for id in ids {
            if let Noted::Moved(to) = self.note(now, id, Cause::Reload, teller) {
                moved.push((id, to));
            }
        }
        if self.policy.tells_start {
            let is_up = |id: &DestinationId| {
                self.servers.get(id).is_some_and(|server| server.verdict == Verdict::Up)
            };
            moved.extend(fresh.iter().filter(|id| is_up(id)).map(|id| (*id, Verdict::Up)));
        }
        self.act(now, &moved, teller);
    }

    /// A sorry server that is no longer one: which, its weight in the pool, and whether it serves.
    fn take_former_sorry(
        &mut self,
        parameters: &VirtualServerParameters,
    ) -> Option<(DestinationId, Option<u32>, bool)> {
        let old = self.policy.sorry_server?.destination;
        if parameters.policy.sorry_server.is_some_and(|new| new.destination == old) {
            return None;
        }
        let served = core::mem::replace(&mut self.is_sorry, false);
        Some((old, self.sorry_installed.take(), served))
    }

    fn take_gone(
        &mut self,
        parameters: &VirtualServerParameters,
    ) -> Vec<(DestinationId, RealServer)> {
        let gone: Vec<DestinationId> = self
            .servers
            .keys()
            .filter(|id| !parameters.servers.contains_key(id))
            .copied()
            .collect();
        gone.into_iter().filter_map(|id| Some((id, self.servers.remove(&id)?))).collect()
    }

    fn add_servers(
        &mut self,
        parameters: &VirtualServerParameters,
        orders: &BTreeMap<DestinationId, Order>,
    ) -> Vec<DestinationId> {
        let mut fresh = Vec::new();
        for (id, server) in &parameters.servers {
            self.servers.entry(*id).or_insert_with(|| {
                fresh.push(*id);
                RealServer::new(server, Former::Unknown, orders.get(id).copied())
            });
        }
        fresh
    }
}

fn remove_server(
    id: DestinationId,
    mut server: RealServer,
    standing: Standing,
    teller: &mut Teller<'_>,
) {
    for (check, state) in server.checks.iter_mut() {
        teller.cancel(*check, state.suspend());
    }
    if server.verdict == Verdict::Up {
        let (to, cause) = (Verdict::Down, Cause::Removed);
        teller.notice(Notice::ServerMoved { destination: id, to, cause });
    }
    teller.place(id, &mut server.installed, None);
    if server.verdict == Verdict::Up {
        teller.notify(Subject::RealServer(id), Verdict::Down, standing);
    }
}
