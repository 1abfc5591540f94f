//! Any sequence of inputs into one roster: no panic, no deadline left behind, a pool that is always what verdicts
//! and quorum say, and nothing said for a configuration that is the same.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "what is missing fails the test")]

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use clock::Instant;
use health::{
    Alerts, Change, CheckId, CheckParameters, DestinationId, Failure, FailureKind, Input,
    OnFailure, Order, Outcome, Output, Outputs, Plan, Policy, RealServerParameters, Recovery,
    Roster, ServiceId, SorryServerParameters, Source, Timing, Verdict, VirtualServerParameters,
    WeightEffect,
};

#[test]
fn any_sequence_of_inputs_is_survived() {
    bolero::check!().with_iterations(600).with_type::<Vec<[u8; 8]>>().for_each(|commands| {
        let mut subject = Subject::default();
        for command in commands {
            subject.take(*command);
        }
    });
}

#[test]
fn long_sequences_of_inputs_are_survived() {
    let mut dice = Dice(7);
    for _ in 0..20 {
        let mut subject = Subject::default();
        for _ in 0..1_000 {
            subject.take(dice.roll().to_le_bytes());
        }
    }
}

#[derive(Default)]
struct Subject {
    now: Instant,
    roster: Roster,
    outputs: Outputs,
    plan: Plan,
    is_running: bool,
    is_over: bool,
    /// What the pools hold, by the changes that were asked for.
    pools: BTreeMap<ServiceId, BTreeMap<DestinationId, u32>>,
    /// Probes under way.
    probes: BTreeMap<CheckId, u32>,
}

impl Subject {
    fn take(&mut self, command: [u8; 8]) {
        let mut dice = Dice(u64::from_le_bytes(command));
        match dice.below(10) {
            0 => self.handle(Input::Startup),
            1 if dice.below(40) == 0 => self.handle(Input::Shutdown),
            1 | 2 => {
                self.plan = Plan { services: services(&mut dice), ..Plan::default() };
                self.handle(Input::Reconfigure(self.plan.clone()));
                self.takes_the_same_in_silence();
            }
            3 => {
                let service = ServiceId(dice.small(3));
                self.handle(Input::Present { service, is_present: dice.below(2) == 0 });
            }
            4 => {
                let check = CheckId(dice.small(12));
                self.handle(Input::Told { check, outcome: outcome(&mut dice) });
            }
            5 => {
                let server = dice.small(12);
                let (service, destination) = (ServiceId(server / 4), DestinationId(server));
                let order = match dice.below(4) {
                    0 => Some(Order::Disabled),
                    1 => Some(Order::Weight(0)),
                    2 => Some(Order::Weight(dice.small(4))),
                    _ => None,
                };
                if self
                    .plan
                    .services
                    .get(&service)
                    .is_some_and(|it| it.servers.contains_key(&destination))
                {
                    match order {
                        Some(order) => self.plan.orders.insert(destination, order),
                        None => self.plan.orders.remove(&destination),
                    };
                }
                self.handle(Input::Order { service, destination, order });
            }
            6 | 7 => self.wait(),
            _ => {
                let nth = usize::try_from(dice.below(8)).unwrap();
                if let Some((check, run)) = self.probes.iter().nth(nth) {
                    let (check, run) = (*check, *run);
                    self.probes.remove(&check);
                    self.handle(Input::Finished { check, run, outcome: outcome(&mut dice) });
                }
            }
        }
    }

    fn wait(&mut self) {
        if let Some(deadline) = self.roster.deadline() {
            self.now = self.now.max(deadline.at);
            self.handle(Input::Timeout);
            let next = self.roster.deadline();
            assert!(next.is_none_or(|next| next.at > self.now), "a check that is due twice");
        }
    }

    fn takes_the_same_in_silence(&mut self) {
        let again = Input::Reconfigure(self.plan.clone());
        self.roster.handle(self.now, again, &mut self.outputs);
        assert!(self.outputs.is_empty(), "{:?}", self.outputs);
    }

    fn handle(&mut self, input: Input) {
        self.is_over |= input == Input::Shutdown;
        self.is_running = !self.is_over && (self.is_running || input == Input::Startup);
        self.roster.handle(self.now, input, &mut self.outputs);
        for output in self.outputs.drain() {
            match output {
                Output::Probe { check, run, .. } => {
                    assert_eq!(self.probes.insert(check, run), None, "two probes of one check");
                }
                Output::Cancel { check, run } => {
                    assert_eq!(self.probes.remove(&check), Some(run), "nothing to cancel");
                }
                Output::Change { service, change } => {
                    apply(self.pools.entry(service).or_default(), change);
                }
                Output::Noticed { .. } | Output::Notify { .. } | Output::Alert { .. } => {}
            }
        }
        if self.is_running {
            self.check();
        }
    }

    fn check(&self) {
        let snapshot = self.roster.snapshot();
        for (id, service) in &snapshot.services {
            let parameters = &self.plan.services[id];
            let policy = parameters.policy;
            let (quorum, margin) = (u64::from(policy.quorum), u64::from(policy.hysteresis));
            match service.verdict {
                Verdict::Up => assert!(service.weight > 0 && service.weight + margin >= quorum),
                Verdict::Down => assert!(service.weight == 0 || service.weight < quorum + margin),
            }
            let mut expected = BTreeMap::new();
            for (server, real) in &service.servers {
                let order = self.plan.orders.get(server).copied();
                assert_eq!(real.order, order);
                let is_drained = order == Some(Order::Weight(0));
                let all_up = order != Some(Order::Disabled)
                    && real.checks.values().all(|check| check.verdict == Verdict::Up);
                assert_eq!(real.verdict == Verdict::Up, all_up);
                match parameters.servers[server].on_failure {
                    _ if all_up && (!service.is_sorry || is_drained) => {
                        expected.insert(*server, real.weight);
                    }
                    OnFailure::Inhibit => drop(expected.insert(*server, 0)),
                    OnFailure::Remove => {}
                }
            }
            if let Some(sorry) = policy.sorry_server {
                assert_eq!(service.is_sorry, service.verdict == Verdict::Down);
                if service.is_sorry || sorry.on_failure == OnFailure::Inhibit {
                    let weight = if service.is_sorry { sorry.weight } else { 0 };
                    expected.insert(sorry.destination, weight);
                }
            }
            let pool = self.pools.get(id).cloned().unwrap_or_default();
            assert_eq!(pool, expected, "the pool of {id:?}");
        }
        let held = self.pools.iter().filter(|(_, pool)| !pool.is_empty());
        assert!(held.map(|(id, _)| id).all(|id| snapshot.services.contains_key(id)));
    }
}

fn apply(pool: &mut BTreeMap<DestinationId, u32>, change: Change) {
    let was = match change {
        Change::Add { destination, weight } => pool.insert(destination, weight).is_none(),
        Change::Remove { destination } => pool.remove(&destination).is_some(),
        Change::SetWeight { destination, weight } => {
            pool.insert(destination, weight).is_some_and(|before| before != weight)
        }
    };
    assert!(was, "{change:?} of {pool:?}");
}

fn services(dice: &mut Dice) -> BTreeMap<ServiceId, VirtualServerParameters> {
    let mut all = BTreeMap::new();
    for service in 0..3 {
        if dice.below(4) == 0 {
            continue;
        }
        let mut servers = BTreeMap::new();
        for server in 0..3 {
            if dice.below(4) > 0 {
                let first = service * 6 + server * 2;
                servers.insert(DestinationId(service * 4 + server), real_server(first, dice));
            }
        }
        let sorry_server = (dice.below(2) == 0).then(|| SorryServerParameters {
            destination: DestinationId(service * 4 + 3 + 100 * dice.small(2)),
            weight: 1 + dice.small(3),
            on_failure: on_failure(dice),
        });
        let quorum = 1 + dice.small(5);
        let policy = Policy {
            quorum,
            hysteresis: dice.small(4).min(quorum - 1),
            sorry_server,
            ha_suspend: dice.below(4) == 0,
            omega: dice.below(2) == 0,
            tells_start: dice.below(2) == 0,
            alert: dice.below(2) == 0,
        };
        all.insert(ServiceId(service), VirtualServerParameters { policy, servers });
    }
    all
}

fn real_server(first: u32, dice: &mut Dice) -> RealServerParameters {
    let checks = (first..first + dice.small(3)).map(|check| (CheckId(check), check_of(dice)));
    RealServerParameters {
        checks: checks.collect(),
        weight: dice.small(4),
        on_failure: on_failure(dice),
        alerts: if dice.below(2) == 0 { Alerts::Moves } else { Alerts::Verdicts },
    }
}

fn check_of(dice: &mut Dice) -> CheckParameters {
    let start = if dice.below(3) == 0 { Verdict::Down } else { Verdict::Up };
    if dice.below(5) == 0 {
        return CheckParameters { start, source: Source::Told, weighs: true };
    }
    let seconds = |dice: &mut Dice| Duration::from_secs(1 + dice.below(20));
    CheckParameters {
        start,
        source: Source::Probed {
            first: seconds(dice),
            timing: Arc::new(Timing {
                delay_loop: seconds(dice),
                delay_before_retry: seconds(dice),
                delay_while_down: seconds(dice),
                retry: dice.small(3),
                rise: NonZeroU32::new(1 + dice.small(2)).unwrap(),
                steps: NonZeroU16::new(1 + u16::try_from(dice.below(3)).unwrap()).unwrap(),
                recovery: if dice.below(2) == 0 { Recovery::Paced } else { Recovery::Fast },
            }),
        },
        weighs: dice.below(2) == 0,
    }
}

fn on_failure(dice: &mut Dice) -> OnFailure {
    if dice.below(2) == 0 { OnFailure::Inhibit } else { OnFailure::Remove }
}

fn outcome(dice: &mut Dice) -> Outcome {
    match dice.below(6) {
        0 => Outcome::Passed(WeightEffect::Exactly(dice.small(5))),
        1 => Outcome::Passed(WeightEffect::Added(i64::from(dice.small(7)) - 3)),
        2 | 3 => Outcome::Passed(WeightEffect::None),
        _ => Outcome::Failed(Failure { kind: FailureKind::TimedOut, why: "silence".to_owned() }),
    }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    fn small(&mut self, limit: u32) -> u32 {
        u32::try_from(self.below(u64::from(limit))).unwrap()
    }
}
