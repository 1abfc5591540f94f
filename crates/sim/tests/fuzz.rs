//! Any sequence of inputs into one election: no panic, no deadline left behind, addresses exactly while
//! Active, and no more outputs than inputs can account for.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "what is missing fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use clock::Instant;
use sim::{Dice, router};
use vrrp::{
    Action, Addition, AddressCheck, Change, Effect, Election, FaultReason, FaultSet, Former,
    GroupId, GroupParameters, Input, InstanceId, Mode, Output, Outputs, OwnerAdverts, Parameters,
    Plan, Preempt, Received, Reply, Role, Start, TrackerId, TrackerState, Tracking, Weight,
};
use wire::{MaxAdvertiseInterval, Priority, Version};

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
    let mut dice = Dice::new(7);
    for _ in 0..10 {
        let mut subject = Subject::default();
        for _ in 0..1_500 {
            subject.take(dice.roll().to_le_bytes());
        }
    }
}

#[derive(Default)]
struct Subject {
    now: Instant,
    election: Election,
    outputs: Outputs,
    held: BTreeSet<InstanceId>,
}

impl Subject {
    /// Time goes on by up to a second and sometimes by much more, then one input comes.
    fn take(&mut self, command: [u8; 8]) {
        let mut draw = Draw(Dice::new(u64::from_le_bytes(command)));
        let most = if draw.below(10) == 0 { 100_000_000_000 } else { 1_000_000_000 };
        let later = self.now + Duration::from_nanos(draw.0.below(most));
        if draw.below(3) > 0 {
            self.keep_time_until(later);
        }
        self.now = later;
        let input = draw.input();
        self.handle(&input);
    }

    fn keep_time_until(&mut self, end: Instant) {
        for _ in 0..150 {
            let Some(deadline) = self.election.deadline().filter(|deadline| deadline.at <= end)
            else {
                return;
            };
            self.now = self.now.max(deadline.at);
            self.handle(&Input::Timeout);
        }
    }

    fn handle(&mut self, input: &Input) {
        let timeout = *input == Input::Timeout;
        self.election.handle(self.now, input.clone(), &mut self.outputs);
        assert!(self.outputs.len() < 400, "{} outputs of {input:?}", self.outputs.len());
        for output in self.outputs.drain() {
            if let Output::Instance { instance, action } = output {
                if action == Action::Assume {
                    self.held.insert(instance);
                } else if action == Action::Release {
                    self.held.remove(&instance);
                }
            }
        }
        let snapshot = self.election.snapshot();
        let active: BTreeSet<InstanceId> = snapshot
            .instances
            .iter()
            .filter(|(_, instance)| instance.role == Role::Active)
            .map(|(id, _)| *id)
            .collect();
        assert_eq!(self.held, active, "after {input:?}");
        if timeout {
            let deadline = self.election.deadline();
            assert!(deadline.is_none_or(|deadline| deadline.at >= self.now), "{deadline:?}");
        }
    }
}

/// Inputs drawn from chance, within and outside what a configuration could say.
struct Draw(Dice);

impl Draw {
    fn below(&mut self, limit: u8) -> u8 {
        u8::try_from(self.0.below(u64::from(limit))).unwrap_or(0)
    }

    fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        let last = u8::try_from(choices.len()).unwrap_or(u8::MAX);
        choices[usize::from(self.below(last))].clone()
    }

    fn input(&mut self) -> Input {
        let instance = InstanceId(u32::from(self.below(6)));
        match self.below(14) {
            0 | 1 => Input::Startup,
            2 if self.below(4) == 0 => Input::Shutdown,
            2 | 3 => Input::Timeout,
            4..=6 => Input::Received { instance, advertisement: self.advertisement() },
            7 => Input::Source { instance, address: self.address() },
            8 => Input::Fault { instance, reason: self.fault(), present: self.below(2) == 0 },
            9 => Input::Tracker { tracker: self.tracker(), state: self.tracker_state() },
            10 => Input::EffectFailed {
                instance,
                what: self.one_of(&[
                    Effect::Advertise,
                    Effect::Assume,
                    Effect::Release,
                    Effect::Announce,
                ]),
            },
            11 => Input::Stalled { span: self.span() },
            _ => Input::Reconfigure(self.plan()),
        }
    }

    fn advertisement(&mut self) -> Received {
        let interval = self.one_of(&[
            MaxAdvertiseInterval::Centiseconds(0),
            MaxAdvertiseInterval::Centiseconds(1),
            MaxAdvertiseInterval::Centiseconds(100),
            MaxAdvertiseInterval::Centiseconds(u16::MAX),
            MaxAdvertiseInterval::Seconds(0),
            MaxAdvertiseInterval::Seconds(1),
        ]);
        Received {
            source: self.address().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            priority: Priority(self.one_of(&[0, 1, 99, 100, 101, 254, 255])),
            interval,
            addresses: (0..self.below(3)).map(|last| IpAddr::from([10, 0, 1, last])).collect(),
            waited: self.one_of(&[Duration::ZERO, Duration::from_millis(20), Duration::MAX]),
        }
    }

    fn address(&mut self) -> Option<IpAddr> {
        let last = self.below(4);
        let address = IpAddr::from([10, 0, 0, last]);
        self.one_of(&[None, Some(address), Some(address), Some("fe80::1".parse().unwrap())])
    }

    fn fault(&mut self) -> FaultReason {
        self.one_of(&[
            FaultReason::InterfaceDown,
            FaultReason::NoSourceAddress,
            FaultReason::Tracker(TrackerId(0)),
            FaultReason::SyncGroup(GroupId(0)),
        ])
    }

    fn tracker(&mut self) -> TrackerId {
        TrackerId(u32::from(self.below(3)))
    }

    fn tracker_state(&mut self) -> TrackerState {
        let value = TrackerState::Value(self.one_of(&[0, 1, -20, -254, i32::MIN]));
        self.one_of(&[TrackerState::Unknown, TrackerState::Up, TrackerState::Down, value])
    }

    fn span(&mut self) -> Duration {
        self.one_of(&[
            Duration::ZERO,
            Duration::from_nanos(1),
            Duration::from_millis(10),
            Duration::from_secs(1),
            Duration::from_secs(1),
            Duration::from_secs(40),
            Duration::MAX,
        ])
    }

    fn plan(&mut self) -> Plan {
        let mut instances = BTreeMap::new();
        for _ in 0..self.below(5) {
            let id = InstanceId(u32::from(self.below(6)));
            let parameters = Arc::new(self.parameters());
            let change = match self.below(6) {
                0 => Change::Keep,
                1 => Change::Adjust(parameters),
                2 => Change::Restart(parameters),
                3 => Change::Remove,
                _ => Change::Add(Addition {
                    parameters,
                    source: self.address(),
                    former: if self.below(4) == 0 { Former::Active } else { Former::None },
                    faults: if self.below(4) == 0 {
                        FaultSet::from_iter([self.fault()])
                    } else {
                        FaultSet::new()
                    },
                }),
            };
            instances.insert(id, change);
        }
        let mut groups = BTreeMap::new();
        for _ in 0..self.below(3) {
            let members =
                (0..self.below(4)).map(|_| InstanceId(u32::from(self.below(6)))).collect();
            groups.insert(GroupId(u32::from(self.below(3))), GroupParameters { members });
        }
        let tracker = self.tracker();
        let state = self.tracker_state();
        let trackers = (self.below(2) == 0).then(|| BTreeMap::from([(tracker, state)]));
        Plan { instances, groups, trackers }
    }

    fn parameters(&mut self) -> Parameters {
        let priority = self.one_of(&[0, 1, 100, 100, 254, 255]);
        let delay = self.span();
        let preempt = self.one_of(&[Preempt::Immediately, Preempt::Never, Preempt::After(delay)]);
        let contender = Mode::Contender { priority: Priority(priority), preempt };
        let mut parameters = Parameters {
            mode: self.one_of(&[contender, contender, Mode::Owner]),
            version: self.one_of(&[Version::V2, Version::V3]),
            advertisement_interval: self.span(),
            down_timer_adverts: self.one_of(&[0, 1, 3, 255]),
            start: self.one_of(&[Start::Active, Start::Backup]),
            address_check: self.one_of(&[AddressCheck::Always, AddressCheck::NewSender]),
            on_lower_priority: self.one_of(&[Reply::Advertise, Reply::Silent]),
            on_higher_priority: self.one_of(&[Reply::Advertise, Reply::Silent]),
            owner_adverts: self.one_of(&[OwnerAdverts::Heed, OwnerAdverts::Ignore]),
            ..router(self.below(3), 100)
        };
        parameters.announce.repeat = self.one_of(&[0, 1, u32::MAX]);
        parameters.announce.again_after = self.one_of(&[None, Some(delay)]);
        parameters.announce.refresh = self.one_of(&[None, Some(delay)]);
        parameters.announce.extra = self.one_of(&[None, Some(delay)]);
        parameters.announce.lower_priority_again_after = self.one_of(&[None, Some(delay)]);
        for _ in 0..self.below(3) {
            let reverse = self.below(2) == 0;
            let weight = self.one_of(&[i16::MIN, -253, -50, 0, 50, 253, i16::MAX]);
            parameters.tracking.push(Tracking {
                tracker: self.tracker(),
                weight: self
                    .one_of(&[Weight::Fault { reverse }, Weight::Priority { weight, reverse }]),
            });
        }
        parameters
    }
}
