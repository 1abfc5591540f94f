//! A roster on a bench: inputs at times, outputs as lines.
#![allow(dead_code, reason = "not every test file uses all of the bench")]

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use clock::Instant;
use health::{
    Audience, Change, CheckId, CheckParameters, DestinationId, Failure, FailureKind, Input, Notice,
    Order, Outcome, Output, Outputs, Plan, Policy, RealServerParameters, Recovery, Roster,
    ServiceId, SorryServerParameters, Source, Standing, Subject, Timing, Tolerance, Verdict,
    VirtualServerParameters, WeightEffect,
};

pub(crate) const SERVICE: ServiceId = ServiceId(1);
pub(crate) const SORRY: DestinationId = DestinationId(9);

/// A roster, and the probes that are under way.
#[derive(Default)]
pub(crate) struct Bench {
    pub(crate) roster: Roster,
    pub(crate) now: Instant,
    outputs: Outputs,
    runs: BTreeMap<CheckId, u32>,
}

impl Bench {
    /// A roster that has started with one virtual server, at 0.
    pub(crate) fn with(service: VirtualServerParameters) -> Self {
        let mut bench = Self::default();
        bench.configure(service);
        bench.take(Input::Startup);
        bench
    }

    pub(crate) fn configure(&mut self, service: VirtualServerParameters) -> Vec<String> {
        self.take(Input::Reconfigure(plan(service)))
    }

    /// Takes one input now, and prints what comes of it.
    pub(crate) fn take(&mut self, input: Input) -> Vec<String> {
        self.roster.handle(self.now, input, &mut self.outputs);
        let mut lines = Vec::new();
        for output in self.outputs.drain() {
            if let Output::Probe { check, run, .. } = output {
                self.runs.insert(check, run);
            }
            lines.push(print(&output));
        }
        lines
    }

    /// Goes to the next deadline, which has to be at `millis`, and lets it be.
    pub(crate) fn due(&mut self, millis: u64) -> Vec<String> {
        let next = self.roster.deadline().map(|deadline| deadline.at);
        assert_eq!(next, Some(at(millis)), "the next deadline");
        self.now = at(millis);
        self.take(Input::Timeout)
    }

    /// The probe under way of a check passes now.
    pub(crate) fn passes(&mut self, check: u32) -> Vec<String> {
        self.finishes(check, Outcome::Passed(WeightEffect::None))
    }

    /// The probe under way of a check fails now.
    pub(crate) fn fails(&mut self, check: u32) -> Vec<String> {
        self.finishes(check, failed("refused"))
    }

    pub(crate) fn finishes(&mut self, check: u32, outcome: Outcome) -> Vec<String> {
        let check = CheckId(check);
        let run = self.runs.get(&check).copied().unwrap_or_default();
        self.take(Input::Finished { check, run, outcome })
    }

    /// An operator orders something of a server now, or takes it back.
    pub(crate) fn orders(&mut self, server: u32, order: Option<Order>) -> Vec<String> {
        let destination = DestinationId(server);
        self.take(Input::Order { service: SERVICE, destination, order })
    }

    /// What the pool holds, by the roster's own account.
    pub(crate) fn pool(&self) -> Vec<(u32, u32)> {
        let snapshot = self.roster.snapshot();
        let servers = snapshot.services.values().flat_map(|service| &service.servers);
        servers.filter_map(|(id, server)| Some((id.0, server.installed?))).collect()
    }
}

pub(crate) const fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

pub(crate) fn plan(service: VirtualServerParameters) -> Plan {
    Plan { services: BTreeMap::from([(SERVICE, service)]), ..Plan::default() }
}

pub(crate) fn failed(why: &str) -> Outcome {
    Outcome::Failed(Failure { kind: FailureKind::Unreachable, why: why.to_owned() })
}

/// Probes each 10 s; one retry after 3 s.
pub(crate) fn timing() -> Timing {
    Timing {
        delay_loop: Duration::from_secs(10),
        delay_before_retry: Duration::from_secs(3),
        delay_while_down: Duration::from_secs(10),
        retry: 1,
        rise: NonZeroU32::MIN,
        steps: NonZeroU16::MIN,
        recovery: Recovery::Paced,
    }
}

pub(crate) fn check() -> CheckParameters {
    probed(timing())
}

/// One that probes so, from 1 s on.
pub(crate) fn probed(timing: Timing) -> CheckParameters {
    let source = Source::Probed { first: Duration::from_secs(1), timing: Arc::new(timing) };
    CheckParameters { start: Verdict::Up, source, weighs: false }
}

pub(crate) fn alpha() -> CheckParameters {
    CheckParameters { start: Verdict::Down, ..check() }
}

/// A server of weight 1 with the checks `checks`.
pub(crate) fn server(checks: &[(u32, CheckParameters)]) -> RealServerParameters {
    let checks = checks.iter().map(|(id, check)| (CheckId(*id), check.clone())).collect();
    RealServerParameters { checks, ..RealServerParameters::default() }
}

pub(crate) fn weighing(weight: u32, server: RealServerParameters) -> RealServerParameters {
    RealServerParameters { weight, ..server }
}

/// A virtual server with the servers `servers`.
pub(crate) fn service(servers: &[(u32, RealServerParameters)]) -> VirtualServerParameters {
    let servers = servers.iter().map(|(id, server)| (DestinationId(*id), server.clone()));
    VirtualServerParameters { policy: Policy::default(), servers: servers.collect() }
}

/// Two servers of weight 1, 1 and 2, with a check each.
pub(crate) fn pair() -> VirtualServerParameters {
    service(&[(1, server(&[(1, check())])), (2, server(&[(2, check())]))])
}

/// With a sorry server.
pub(crate) fn sorry(mut service: VirtualServerParameters) -> VirtualServerParameters {
    service.policy.sorry_server = Some(SorryServerParameters {
        destination: SORRY,
        weight: 1,
        on_failure: health::OnFailure::Remove,
    });
    service
}

fn print(output: &Output) -> String {
    match output {
        Output::Probe { check, step: 0, .. } => format!("probe {}", check.0),
        Output::Probe { check, step, .. } => format!("probe {} step {step}", check.0),
        Output::Cancel { check, .. } => format!("cancel {}", check.0),
        Output::Change { change, .. } => match change {
            Change::Add { destination, weight } => format!("add {} weight {weight}", destination.0),
            Change::Remove { destination } => format!("remove {}", destination.0),
            Change::SetWeight { destination, weight } => {
                format!("weigh {} {weight}", destination.0)
            }
        },
        Output::Noticed { notice, .. } => remark(notice),
        Output::Notify { subject, to, audience, standing, is_final, .. } => {
            let end = if *is_final { " at the end" } else { "" };
            match audience {
                Audience::All => format!("tell {} {to:?}{end}", whom(*subject)),
                Audience::Actors => format!("tell {} {to:?}{end}, not who watches", whom(*subject)),
                Audience::Watchers => {
                    let Standing { up, total } = standing;
                    format!("show {} {to:?}{end}, {up} of {total} up", whom(*subject))
                }
            }
        }
        Output::Alert { subject, to, check, .. } => {
            let check = check.map(|check| format!(" by check {}", check.0)).unwrap_or_default();
            format!("mail {} {to:?}{check}", whom(*subject))
        }
    }
}

fn whom(subject: Subject) -> String {
    match subject {
        Subject::VirtualServer => "quorum".to_owned(),
        Subject::RealServer(id) => format!("server {}", id.0),
    }
}

fn remark(notice: &Notice) -> String {
    match notice {
        Notice::CheckPassed { check, .. } => format!("check {} passed", check.0),
        Notice::CheckFailed { check, failure, tolerance, .. } => {
            let tolerance = match tolerance {
                Tolerance::Tolerated { left } => format!("{left} left"),
                Tolerance::Down { retries } => format!("down after {retries}"),
                Tolerance::StillDown => "still down".to_owned(),
            };
            format!("check {} failed: {failure}, {tolerance}", check.0)
        }
        Notice::ServerMoved { destination, to, cause } => {
            format!("server {} {to:?}: {cause}", destination.0)
        }
        Notice::WeightChanged { destination, from, to, .. } => {
            format!("weight of {}: {from} -> {to}", destination.0)
        }
        Notice::QuorumMoved { to, threshold, weight, at_start } => {
            let start = if *at_start { " at start" } else { "" };
            format!("quorum {to:?}: {weight} of {threshold}{start}")
        }
        Notice::SorryServer { is_used, .. } => {
            format!("sorry server {}", if *is_used { "in" } else { "out" })
        }
        Notice::ServersMoved { came } => {
            format!("servers {}", if *came { "come back" } else { "give way" })
        }
        Notice::Suspended { is_suspended } => {
            format!("checks {}", if *is_suspended { "pause" } else { "go on" })
        }
    }
}
