//! All virtual servers of one process: the type that a shell drives. It routes inputs to `virtual_server.rs` and
//! keeps one deadline for each check.

use std::collections::BTreeMap;

use clock::{Instant, Timers};

use crate::output::Teller;
use crate::virtual_server::VirtualServer;
use crate::{
    CheckId, DestinationId, Input, Outcome, Outputs, Plan, ServiceId, Snapshot, Verdict,
    VirtualServerSnapshot,
};

/// The roster.
///
/// Contract with the shell:
/// - `now` never goes backwards. Call [`Roster::handle`] with [`Input::Timeout`] at or after
///   [`Roster::deadline`]; early calls are harmless, late calls act as of `now`.
/// - Outputs are performed in order, completely, before the next `handle`.
/// - Each [`crate::Output::Probe`] ends: with one [`Input::Finished`], within a deadline that is the shell's, or
///   by [`crate::Output::Cancel`]. A check that gets no answer waits.
/// - What the pools shall hold is the sum of all changes. Whether the kernel holds it is the shell's to see to.
/// - Virtual servers come by [`Input::Reconfigure`], before [`Input::Startup`] or later.
///
/// It never panics, whatever the inputs are; an input for what is not known does nothing. A call costs the virtual
/// server that it affects.
#[derive(Debug, Default)]
pub struct Roster {
    services: BTreeMap<ServiceId, VirtualServer>,
    /// Where each check belongs.
    places: BTreeMap<CheckId, (ServiceId, DestinationId)>,
    timers: Timers<CheckId>,
    /// Room for the checks that are due at one timeout.
    due: Vec<CheckId>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    New,
    Running,
    Ended,
}

/// When the roster wants to run next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// For which check.
    pub check: CheckId,
}

impl Roster {
    /// No virtual servers, not started.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one input at `now` and appends what follows from it to `outputs`.
    pub fn handle(&mut self, now: Instant, input: Input, outputs: &mut Outputs) {
        match input {
            _ if self.phase == Phase::Ended => {}
            Input::Startup => {
                self.phase = Phase::Running;
                self.each(outputs, |service, teller| service.start(now, teller));
            }
            Input::Shutdown => {
                self.phase = Phase::Ended;
                self.each(outputs, VirtualServer::stop);
            }
            Input::Timeout => self.timeout(now, outputs),
            Input::Finished { check, run, outcome } => {
                self.outcome(now, check, (Some(run), outcome), outputs);
            }
            Input::Told { check, outcome } => self.outcome(now, check, (None, outcome), outputs),
            Input::Present { service, is_present } => self.turn(service, outputs, |it, teller| {
                it.present(now, is_present, teller);
            }),
            Input::Order { service, destination, order } => {
                if let Some(it) = self.services.get_mut(&service) {
                    it.order(now, destination, order, &mut Teller { service, outputs });
                }
            }
            Input::Reconfigure(plan) => self.reconfigure(now, &plan, outputs),
        }
    }

    /// The earliest deadline, by check where several are equal.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        let (at, check) = self.timers.first()?;
        Some(Deadline { at, check: *check })
    }

    /// Where a check belongs.
    #[must_use]
    pub fn place(&self, check: CheckId) -> Option<(ServiceId, DestinationId)> {
        self.places.get(&check).copied()
    }

    /// What an observer may see.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let services = self.services.iter();
        Snapshot { services: services.map(|(id, it)| (*id, it.snapshot())).collect() }
    }

    /// What an observer may see of one virtual server.
    #[must_use]
    pub fn service(&self, id: ServiceId) -> Option<VirtualServerSnapshot> {
        self.services.get(&id).map(VirtualServer::snapshot)
    }

    fn timeout(&mut self, now: Instant, outputs: &mut Outputs) {
        let mut due = core::mem::take(&mut self.due);
        while let Some(check) = self.timers.pop_due(now) {
            due.push(check);
        }
        for check in due.drain(..) {
            let Some((service, server)) = self.place(check) else { continue };
            if let Some(it) = self.services.get_mut(&service) {
                it.probe(now, (server, check), &mut Teller { service, outputs });
            }
            self.arm(check);
        }
        self.due = due;
    }

    fn outcome(
        &mut self,
        now: Instant,
        check: CheckId,
        outcome: (Option<u32>, Outcome),
        outputs: &mut Outputs,
    ) {
        let Some((service, server)) = self.place(check) else { return };
        if let Some(it) = self.services.get_mut(&service) {
            it.outcome(now, (server, check), outcome, &mut Teller { service, outputs });
        }
        self.arm(check);
    }

    fn reconfigure(&mut self, now: Instant, plan: &Plan, outputs: &mut Outputs) {
        let gone: Vec<ServiceId> =
            self.services.keys().filter(|id| !plan.services.contains_key(id)).copied().collect();
        for service in gone {
            if let Some(mut old) = self.services.remove(&service) {
                old.remove(&mut Teller { service, outputs });
            }
        }
        for (service, parameters) in &plan.services {
            let teller = &mut Teller { service: *service, outputs };
            if let Some(old) = self.services.get_mut(service) {
                old.adjust(now, parameters, &plan.orders, teller);
                continue;
            }
            let mut new = VirtualServer::new(parameters, plan.former.get(service), &plan.orders);
            if self.phase == Phase::Running {
                new.start(now, teller);
            }
            self.services.insert(*service, new);
        }
        self.index();
    }

    /// Writes down where each check belongs, and when it is due.
    fn index(&mut self) {
        let servers = self.services.iter().flat_map(|(service, it)| {
            it.servers.iter().map(move |(server, real)| ((*service, *server), real))
        });
        // Made of a whole list it takes half the room of one that grows.
        let places = servers
            .flat_map(|(place, real)| real.checks.keys().map(move |check| (*check, place)))
            .collect();
        let before = core::mem::replace(&mut self.places, places);
        for check in before.keys().filter(|check| !self.places.contains_key(check)) {
            self.timers.cancel(check);
        }
        let checks: Vec<CheckId> = self.places.keys().copied().collect();
        checks.into_iter().for_each(|check| self.arm(check));
    }

    fn each(&mut self, outputs: &mut Outputs, act: impl Fn(&mut VirtualServer, &mut Teller<'_>)) {
        let ids: Vec<ServiceId> = self.services.keys().copied().collect();
        for id in ids {
            self.turn(id, outputs, &act);
        }
    }

    /// Something that may concern all checks of one virtual server.
    fn turn(
        &mut self,
        service: ServiceId,
        outputs: &mut Outputs,
        act: impl FnOnce(&mut VirtualServer, &mut Teller<'_>),
    ) {
        let Some(it) = self.services.get_mut(&service) else { return };
        act(it, &mut Teller { service, outputs });
        let checks: Vec<CheckId> =
            it.servers.values().flat_map(|server| server.checks.keys().copied()).collect();
        checks.into_iter().for_each(|check| self.arm(check));
    }

    fn arm(&mut self, check: CheckId) {
        let deadline = self.place(check).and_then(|(service, server)| {
            self.services.get(&service)?.servers.get(&server)?.checks.get(&check)?.deadline()
        });
        match deadline {
            Some(at) => self.timers.set(check, at),
            None => self.timers.cancel(&check),
        }
    }
}

impl Verdict {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}
