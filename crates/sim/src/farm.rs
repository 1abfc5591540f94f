//! A simulated farm of real servers behind one virtual server: probes take time, servers break, fall silent and
//! return, and the pool is seen as a client would see it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use clock::Instant;
use health::{
    Change, CheckId, CheckParameters, DestinationId, Failure, FailureKind, Input, Notice,
    OnFailure, Outcome, Output, Outputs, Plan, Policy, RealServerParameters, Recovery, Roster,
    ServiceId, SorryServerParameters, Source, Timing, Verdict, VirtualServerParameters,
    WeightEffect,
};

/// One virtual server with its real servers. Server `n` has the check `n` and is called as it was given.
#[derive(Debug)]
pub struct Farm {
    now: Instant,
    roster: Roster,
    outputs: Outputs,
    backends: Vec<Backend>,
    /// Answers on their way.
    air: BTreeMap<(Instant, CheckId), (u32, Outcome)>,
    pool: BTreeMap<DestinationId, u32>,
    story: String,
}

#[derive(Debug)]
struct Backend {
    name: &'static str,
    condition: Condition,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Works,
    Refuses,
    Silent,
}

/// Probes each 10 s; a failure is tolerated and probed again after 3 s.
#[must_use]
pub fn probing() -> Timing {
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

/// A real server of weight 1 that is checked so, from 1 s on.
#[must_use]
pub fn backend(name: &'static str, timing: Timing) -> (&'static str, CheckParameters) {
    let source = Source::Probed { first: Duration::from_secs(1), timing: Arc::new(timing) };
    (name, CheckParameters { start: Verdict::Up, source, weighs: false })
}

/// A virtual server with these, and with a sorry server.
#[must_use]
pub fn farm(backends: &[(&'static str, CheckParameters)], quorum: u32) -> Farm {
    let numbered = (1..).zip(backends);
    let servers = numbered.map(|(id, (_, check))| {
        let checks = [(CheckId(id), check.clone())].into_iter().collect();
        (DestinationId(id), RealServerParameters { checks, ..RealServerParameters::default() })
    });
    let sorry_server =
        SorryServerParameters { destination: SORRY, weight: 1, on_failure: OnFailure::Remove };
    let policy = Policy { quorum, sorry_server: Some(sorry_server), ..Policy::default() };
    let service = VirtualServerParameters { policy, servers: servers.collect() };
    let mut farm = Farm {
        now: Instant::ZERO,
        roster: Roster::new(),
        outputs: Outputs::new(),
        backends: backends.iter().map(|(name, _)| Backend::new(name)).collect(),
        air: BTreeMap::new(),
        pool: BTreeMap::new(),
        story: String::new(),
    };
    let services = BTreeMap::from([(ServiceId(1), service)]);
    farm.input(Input::Reconfigure(Plan { services, ..Plan::default() }));
    farm.input(Input::Startup);
    farm
}

impl Backend {
    const fn new(name: &'static str) -> Self {
        Self { name, condition: Condition::Works }
    }
}

impl Farm {
    /// A server refuses connections from now on.
    pub fn breaks(&mut self, name: &str) {
        self.become_one(name, Condition::Refuses, "breaks");
    }

    /// A server does not answer any longer.
    pub fn falls_silent(&mut self, name: &str) {
        self.become_one(name, Condition::Silent, "falls silent");
    }

    /// A server works again.
    pub fn returns(&mut self, name: &str) {
        self.become_one(name, Condition::Works, "returns");
    }

    /// Runs until `end`, everything due at `end` included. Answers come before deadlines of the same time.
    pub fn run_until(&mut self, end: Instant) {
        loop {
            let answer = self.air.keys().next().map(|(at, _)| *at);
            let deadline = self.roster.deadline().map(|deadline| deadline.at);
            let Some(next) = answer.into_iter().chain(deadline).min().filter(|at| *at <= end)
            else {
                break;
            };
            self.now = self.now.max(next);
            if answer == Some(next)
                && let Some(((_, check), (run, outcome))) = self.air.pop_first()
            {
                self.input(Input::Finished { check, run, outcome });
            } else {
                self.input(Input::Timeout);
            }
        }
        self.now = self.now.max(end);
    }

    /// What happened: to the servers, and to the pool.
    #[must_use]
    pub fn story(&self) -> &str {
        &self.story
    }

    fn become_one(&mut self, name: &str, condition: Condition, what: &str) {
        for backend in self.backends.iter_mut().filter(|backend| backend.name == name) {
            backend.condition = condition;
        }
        self.say(&format!("{:>15} {name} {what}", "--"));
    }

    fn input(&mut self, input: Input) {
        let mut outputs = std::mem::take(&mut self.outputs);
        self.roster.handle(self.now, input, &mut outputs);
        let before = self.pool.clone();
        for output in outputs.drain() {
            match output {
                Output::Probe { check, run, .. } => self.answer(check, run),
                Output::Cancel { check, .. } => self.air.retain(|(_, whose), _| *whose != check),
                Output::Change { change, .. } => self.change(change),
                Output::Noticed { notice, .. } => self.notice(&notice),
                Output::Notify { .. } | Output::Alert { .. } => {}
            }
            // Not even between two changes a client finds nobody, where there was somebody.
            assert!(before.is_empty() || !self.pool.is_empty(), "an empty pool:\n{}", self.story);
        }
        self.outputs = outputs;
        if before != self.pool {
            let pool: Vec<String> = self
                .pool
                .iter()
                .map(|(id, weight)| format!("{}={weight}", self.name(*id)))
                .collect();
            self.say(&format!("{:>14} pool: {}", self.now.to_string(), pool.join(" ")));
        }
    }

    fn answer(&mut self, check: CheckId, run: u32) {
        let failed = |kind, why: &str| Outcome::Failed(Failure { kind, why: why.to_owned() });
        let (delay, outcome) = match self.condition(check) {
            Condition::Works => (LATENCY, Outcome::Passed(WeightEffect::None)),
            Condition::Refuses => (LATENCY, failed(FailureKind::Unreachable, "refused")),
            Condition::Silent => (PATIENCE, failed(FailureKind::TimedOut, "silent")),
        };
        self.air.insert((self.now + delay, check), (run, outcome));
    }

    fn condition(&self, check: CheckId) -> Condition {
        let (_, backend) =
            (1..).zip(&self.backends).find(|(id, _)| *id == check.0).unwrap_or_else(|| {
                unreachable!("checks have the numbers of servers");
            });
        backend.condition
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Add { destination, weight } | Change::SetWeight { destination, weight } => {
                self.pool.insert(destination, weight);
            }
            Change::Remove { destination } => drop(self.pool.remove(&destination)),
        }
    }

    fn notice(&mut self, notice: &Notice) {
        let text = match notice {
            Notice::CheckFailed { destination, failure, .. } => {
                format!("{}: {failure}", self.name(*destination))
            }
            Notice::ServerMoved { destination, to, .. } => {
                format!("{} is {to:?}", self.name(*destination))
            }
            Notice::QuorumMoved { to, weight, threshold, .. } => {
                format!("quorum is {to:?}: {weight} of {threshold}")
            }
            Notice::CheckPassed { .. }
            | Notice::WeightChanged { .. }
            | Notice::SorryServer { .. }
            | Notice::ServersMoved { .. }
            | Notice::Suspended { .. } => return,
        };
        self.say(&format!("{:>14} {text}", self.now.to_string()));
    }

    fn name(&self, id: DestinationId) -> &'static str {
        let named = (1..).zip(&self.backends).find(|(number, _)| *number == id.0);
        named.map_or("sorry", |(_, backend)| backend.name)
    }

    fn say(&mut self, line: &str) {
        let written = writeln!(self.story, "{line}");
        debug_assert!(written.is_ok(), "a String takes everything");
    }
}

const SORRY: DestinationId = DestinationId(99);
const LATENCY: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_secs(5);
