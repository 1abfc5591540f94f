//! One virtual server: which of its servers are in the pool, whether they are enough, and who is told.
//!
//! ```text
//!            weight of servers up >= quorum + hysteresis
//!      Down ---------------------------------------------> Up
//!           <---------------------------------------------
//!            weight < quorum - hysteresis, or no weight
//! ```
//!
//! What the pool holds is computed from the verdicts, never remembered as a list of steps: real servers that are
//! up, and while the quorum is lost the sorry server in their place. Whoever comes is added before the others
//! leave, so that a pool is never empty in between.

mod ending;
mod reconfigure;

use std::collections::BTreeMap;

use clock::Instant;

use crate::checker::Finding;
use crate::output::Teller;
use crate::real_server::{Former, RealServer};
use crate::snapshot::VirtualServerSnapshot;
use crate::{
    Alerts, Cause, CheckId, DestinationId, Notice, OnFailure, Order, Outcome, Output, Policy,
    Standing, Subject, Tolerance, Verdict, VirtualServerParameters,
};

/// The state of one virtual server.
#[derive(Clone, Debug)]
pub(crate) struct VirtualServer {
    policy: Policy,
    pub(crate) servers: BTreeMap<DestinationId, RealServer>,
    /// Whether it has its quorum.
    verdict: Verdict,
    /// When that began; none before the start.
    since: Option<Instant>,
    /// Whether the sorry server serves. It does not before the first look at the quorum.
    is_sorry: bool,
    /// The weight of the sorry server in the pool.
    sorry_installed: Option<u32>,
    /// Whether its address is here.
    is_present: bool,
    /// Whether a process before this one ran it.
    is_resumed: bool,
    is_running: bool,
}

/// What became of one real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noted {
    Same,
    /// Another weight.
    Weight,
    /// It came up or went down.
    Moved(Verdict),
}

impl VirtualServer {
    /// One that has not started. `former` is what its pool holds already.
    pub(crate) fn new(
        parameters: &VirtualServerParameters,
        former: Option<&BTreeMap<DestinationId, u32>>,
        orders: &BTreeMap<DestinationId, Order>,
    ) -> Self {
        let left = |id: DestinationId| {
            former.map_or(Former::Unknown, |pool| Former::Known(pool.get(&id).copied()))
        };
        let servers = parameters.servers.iter();
        let servers = servers
            .map(|(id, server)| (*id, RealServer::new(server, left(*id), orders.get(id).copied())));
        let sorry = parameters.policy.sorry_server;
        let sorry_installed = sorry.and_then(|it| former?.get(&it.destination).copied());
        let mut this = Self {
            policy: parameters.policy,
            servers: servers.collect(),
            verdict: Verdict::Down,
            since: None,
            is_sorry: sorry.is_some_and(|it| match it.on_failure {
                OnFailure::Remove => sorry_installed.is_some(),
                OnFailure::Inhibit => sorry_installed.is_some_and(|weight| weight > 0),
            }),
            sorry_installed,
            is_present: false,
            is_resumed: former.is_some(),
            is_running: false,
        };
        if this.is_resumed && !this.is_sorry && this.holds(Verdict::Up) {
            this.verdict = Verdict::Up;
        }
        this
    }

    /// Brings what is up into the pool, looks at the quorum, and lets checks run.
    pub(crate) fn start(&mut self, now: Instant, teller: &mut Teller<'_>) {
        if core::mem::replace(&mut self.is_running, true) {
            return;
        }
        for server in self.servers.values_mut() {
            server.verdict = server.opinion();
            server.weight = server.weight_due();
            server.since = Some(now);
        }
        self.since = Some(now);
        let quorum = self.judge(now, !self.is_resumed, teller);
        self.place(teller);
        if self.policy.tells_start && !self.is_resumed {
            for (id, server) in &self.servers {
                if server.verdict == Verdict::Up {
                    teller.notify(Subject::RealServer(*id), Verdict::Up, self.standing());
                }
            }
        }
        self.tell_quorum(quorum, teller);
        self.resume_checks(now);
    }

    /// Whether its address is here.
    pub(crate) fn present(&mut self, now: Instant, is_present: bool, teller: &mut Teller<'_>) {
        let was = core::mem::replace(&mut self.is_present, is_present);
        if !self.policy.ha_suspend || was == is_present {
            return;
        }
        if self.is_running {
            teller.notice(Notice::Suspended { is_suspended: !is_present });
        }
        if is_present {
            self.resume_checks(now);
        } else {
            self.suspend_checks(teller);
        }
    }

    /// Asks for the probe of a check, if it is due.
    pub(crate) fn probe(
        &mut self,
        now: Instant,
        (server, id): (DestinationId, CheckId),
        teller: &mut Teller<'_>,
    ) {
        let check = self.servers.get_mut(&server).and_then(|server| server.checks.get_mut(&id));
        if let Some(probe) = check.and_then(|check| check.probe(now)) {
            teller.outputs.push(Output::Probe { check: id, run: probe.run, step: probe.step });
        }
    }

    /// The outcome of a probe, or of a check that is told (then there is no `run`).
    pub(crate) fn outcome(
        &mut self,
        now: Instant,
        (destination, id): (DestinationId, CheckId),
        (run, outcome): (Option<u32>, Outcome),
        teller: &mut Teller<'_>,
    ) {
        let Some(server) = self.servers.get_mut(&destination) else { return };
        let Some(check) = server.checks.get_mut(&id) else { return };
        let before = check.verdict();
        let finding = match run {
            Some(run) => check.finish(now, run, outcome),
            None => check.tell(now, outcome),
        };
        if !self.is_running {
            return;
        }
        let moved = check.verdict() != before;
        let told = match finding {
            Finding::Same => None,
            Finding::Passed => {
                teller.notice(Notice::CheckPassed { destination, check: id });
                moved.then_some(Verdict::Up)
            }
            Finding::Failed { failure, tolerance } => {
                teller.notice(Notice::CheckFailed { destination, check: id, failure, tolerance });
                (moved && matches!(tolerance, Tolerance::Down { .. })).then_some(Verdict::Down)
            }
        };
        let alerts = server.alerts;
        let noted = self.note(now, destination, Cause::Check(id), teller);
        match noted {
            Noted::Same => {}
            Noted::Weight => self.act(now, &[], teller),
            Noted::Moved(to) => self.act(now, &[(destination, to)], teller),
        }
        let alert = match alerts {
            Alerts::Never => None,
            Alerts::Moves => told.filter(|_| matches!(noted, Noted::Moved(_))),
            Alerts::Verdicts => told,
        };
        if let Some(to) = alert {
            teller.alert(Subject::RealServer(destination), to, Some(id));
        }
    }

    /// What an operator orders of a real server, or the end of it.
    pub(crate) fn order(
        &mut self,
        now: Instant,
        id: DestinationId,
        order: Option<Order>,
        teller: &mut Teller<'_>,
    ) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.order = order;
        let alerts = server.alerts;
        if !self.is_running {
            return;
        }
        match self.note(now, id, Cause::Order, teller) {
            // The pool may be another one all the same: who is drained stays beside the sorry server.
            Noted::Same | Noted::Weight => self.act(now, &[], teller),
            Noted::Moved(to) => {
                self.act(now, &[(id, to)], teller);
                if alerts != Alerts::Never {
                    teller.alert(Subject::RealServer(id), to, None);
                }
            }
        }
    }

    pub(crate) fn snapshot(&self) -> VirtualServerSnapshot {
        VirtualServerSnapshot {
            verdict: self.verdict,
            since: self.since,
            weight: self.weight(),
            is_sorry: self.is_sorry,
            sorry_installed: self.sorry_installed,
            is_suspended: self.is_suspended(),
            servers: self.servers.iter().map(|(id, server)| (*id, server.snapshot())).collect(),
        }
    }

    /// Takes over what the checks of one server say now.
    fn note(
        &mut self,
        now: Instant,
        id: DestinationId,
        cause: Cause,
        teller: &mut Teller<'_>,
    ) -> Noted {
        let Some(server) = self.servers.get_mut(&id) else { return Noted::Same };
        let to = server.opinion();
        let weight = server.weight_due();
        let moved = core::mem::replace(&mut server.verdict, to) != to;
        let from = core::mem::replace(&mut server.weight, weight);
        if from != weight {
            let verdict = to;
            teller.notice(Notice::WeightChanged { destination: id, from, to: weight, verdict });
        }
        if moved {
            server.since = Some(now);
            teller.notice(Notice::ServerMoved { destination: id, to, cause });
            Noted::Moved(to)
        } else if from != weight {
            Noted::Weight
        } else {
            Noted::Same
        }
    }

    /// Acts on what was noted: quorum, pool, and who is told, in this order.
    fn act(&mut self, now: Instant, moved: &[(DestinationId, Verdict)], teller: &mut Teller<'_>) {
        let quorum = self.judge(now, false, teller);
        self.place(teller);
        for (id, to) in moved {
            teller.notify(Subject::RealServer(*id), *to, self.standing());
        }
        self.tell_quorum(quorum, teller);
    }

    /// Looks at the quorum; gives what is to be told of it.
    fn judge(&mut self, now: Instant, at_start: bool, teller: &mut Teller<'_>) -> Option<Verdict> {
        let to = if self.holds(self.verdict) { Verdict::Up } else { Verdict::Down };
        let moved = core::mem::replace(&mut self.verdict, to) != to;
        if moved {
            self.since = Some(now);
        }
        // Nobody was promised a service that never was up, except by a sorry server.
        let starts_sorry = at_start && to == Verdict::Down && self.policy.sorry_server.is_some();
        if !moved && !starts_sorry {
            return None;
        }
        let (threshold, weight) = (self.threshold(to), self.weight());
        teller.notice(Notice::QuorumMoved { to, threshold, weight, at_start });
        Some(to)
    }

    fn tell_quorum(&self, to: Option<Verdict>, teller: &mut Teller<'_>) {
        let Some(to) = to else { return };
        teller.notify(Subject::VirtualServer, to, self.standing());
        if self.policy.alert {
            teller.alert(Subject::VirtualServer, to, None);
        }
    }

    /// Leads the pool to what it shall hold: who comes first, then who goes.
    fn place(&mut self, teller: &mut Teller<'_>) {
        let is_sorry = self.verdict == Verdict::Down && self.policy.sorry_server.is_some();
        let changed = core::mem::replace(&mut self.is_sorry, is_sorry) != is_sorry;
        if is_sorry {
            self.place_sorry(changed, teller);
        }
        let up = |server: &RealServer| server.verdict == Verdict::Up;
        let moving = |server: &RealServer| server.wanted(is_sorry) != server.installed;
        if changed && self.servers.values().any(|server| up(server) && moving(server)) {
            teller.notice(Notice::ServersMoved { came: !is_sorry });
        }
        for (id, server) in &mut self.servers {
            let wanted = server.wanted(is_sorry);
            teller.place(*id, &mut server.installed, wanted);
        }
        if !is_sorry {
            self.place_sorry(changed, teller);
        }
    }

    fn place_sorry(&mut self, changed: bool, teller: &mut Teller<'_>) {
        let Some(sorry) = self.policy.sorry_server else { return };
        if changed {
            let destination = sorry.destination;
            teller.notice(Notice::SorryServer { destination, is_used: self.is_sorry });
        }
        let wanted = match (self.is_sorry, sorry.on_failure) {
            (true, _) => Some(sorry.weight),
            (false, OnFailure::Inhibit) => Some(0),
            (false, OnFailure::Remove) => None,
        };
        teller.place(sorry.destination, &mut self.sorry_installed, wanted);
    }

    /// Whether there is weight enough to get up (from Down) or to stay up (from Up).
    fn holds(&self, from: Verdict) -> bool {
        self.carries(self.weight(), from)
    }

    /// Whether a quorum that was `from` is up with this weight of servers.
    fn carries(&self, weight: u64, from: Verdict) -> bool {
        weight > 0 && weight >= self.threshold(from.other())
    }

    /// The weight that decides whether the quorum moves `to` Up or Down.
    fn threshold(&self, to: Verdict) -> u64 {
        let (quorum, margin) = (u64::from(self.policy.quorum), u64::from(self.policy.hysteresis));
        match to {
            Verdict::Up => quorum.saturating_add(margin),
            Verdict::Down => quorum.saturating_sub(margin),
        }
    }

    /// How many of its servers are up.
    fn standing(&self) -> Standing {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let up = self.servers.values().filter(|server| server.verdict == Verdict::Up);
        Standing { up: count(up.count()), total: count(self.servers.len()) }
    }

    /// Weight of the servers that are up.
    fn weight(&self) -> u64 {
        let up = self.servers.values().filter(|server| server.verdict == Verdict::Up);
        up.map(|server| u64::from(server.weight)).sum()
    }

    const fn is_suspended(&self) -> bool {
        self.policy.ha_suspend && !self.is_present
    }

    fn resume_checks(&mut self, now: Instant) {
        if self.is_running && !self.is_suspended() {
            self.servers
                .values_mut()
                .flat_map(|server| server.checks.iter_mut())
                .for_each(|(_, check)| check.resume(now));
        }
    }

    fn suspend_checks(&mut self, teller: &mut Teller<'_>) {
        for (id, check) in self.servers.values_mut().flat_map(|server| server.checks.iter_mut()) {
            teller.cancel(*id, check.suspend());
        }
    }
}
