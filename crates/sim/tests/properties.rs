//! What must hold for any LAN and any sequence of mishaps. That addresses are held exactly while Active,
//! that group members agree and that no deadline lies in the past is asserted by the simulator itself,
//! after each input of each run.

#![expect(clippy::indexing_slicing, reason = "what is missing fails the test")]

use std::time::Duration;

use proptest::prelude::*;
use sim::{Host, Lan, at, owner, router, seconds};
use vrrp::{FaultReason, Mode, Parameters, Preempt, Role, Start};
use wire::{Priority, Version};

#[derive(Clone, Debug)]
enum Step {
    Run(u32),
    Unplug(usize),
    Plug(usize),
    Crash(usize),
    Start(usize),
    Stop(usize),
    LinkDown(usize),
    LinkUp(usize),
    Fault(usize, u32, bool),
    Partition(u8),
    Heal,
    Lose(u64),
    Stall(usize, u32),
    Suspend(usize, u32),
    Reload(usize, u8),
    ReloadEqual(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let host = || 0..4_usize;
    prop_oneof![
        6 => (1..6_000_u32).prop_map(Step::Run),
        1 => host().prop_map(Step::Unplug),
        1 => host().prop_map(Step::Plug),
        1 => host().prop_map(Step::Crash),
        1 => host().prop_map(Step::Start),
        1 => host().prop_map(Step::Stop),
        1 => host().prop_map(Step::LinkDown),
        1 => host().prop_map(Step::LinkUp),
        1 => (host(), 1..3_u32, any::<bool>()).prop_map(|(host, id, on)| Step::Fault(host, id, on)),
        1 => (1..15_u8).prop_map(Step::Partition),
        1 => Just(Step::Heal),
        1 => (0..600_u64).prop_map(Step::Lose),
        1 => (host(), 1..9_000_u32).prop_map(|(host, span)| Step::Stall(host, span)),
        1 => (host(), 1..9_000_u32).prop_map(|(host, span)| Step::Suspend(host, span)),
        1 => (host(), 1..255_u8).prop_map(|(host, priority)| Step::Reload(host, priority)),
        1 => host().prop_map(Step::ReloadEqual),
    ]
}

/// What a host is made of; the reload step changes its priority.
#[derive(Clone, Debug)]
struct Make {
    priority: u8,
    owner: bool,
    preempt: Preempt,
    start: Start,
    version: Version,
    instances: u8,
}

impl Make {
    fn host(&self, place: usize) -> Host {
        let last_octet = u8::try_from(place + 1).unwrap_or(u8::MAX);
        let mut host = Host::new(NAMES[place], last_octet);
        for vrid in 1..=self.instances {
            host = host.instance(self.parameters(vrid));
        }
        if self.instances > 1 { host.group(&[1, 2]) } else { host }
    }

    fn parameters(&self, vrid: u8) -> Parameters {
        let priority = Priority(self.priority);
        let mode = if self.owner {
            owner().mode
        } else {
            Mode::Contender { priority, preempt: self.preempt }
        };
        Parameters { mode, start: self.start, version: self.version, ..router(vrid, self.priority) }
    }

    fn effective(&self) -> u8 {
        if self.owner { 255 } else { self.priority }
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn makes(
    preempt: impl Strategy<Value = Preempt>,
    instances: u8,
) -> impl Strategy<Value = Vec<Make>> {
    let one = (1..255_u8, preempt, prop_oneof![Just(Start::Backup), Just(Start::Active)]);
    let version = prop_oneof![Just(Version::V2), Just(Version::V3)];
    (prop::collection::vec(one, 2..=4), version, prop::option::of(0..4_usize)).prop_map(
        move |(hosts, version, owner)| {
            let make = |(place, (priority, preempt, start))| Make {
                priority,
                owner: owner == Some(place),
                preempt,
                start,
                version,
                instances,
            };
            hosts.into_iter().enumerate().map(make).collect()
        },
    )
}

fn any_preempt() -> impl Strategy<Value = Preempt> {
    prop_oneof![
        Just(Preempt::Immediately),
        Just(Preempt::Never),
        (1..10_u64).prop_map(|delay| Preempt::After(Duration::from_secs(delay))),
    ]
}

fn take(lan: &mut Lan, makes: &mut [Make], step: &Step) {
    let name = |place: &usize| NAMES[place % makes.len()];
    let millis = |span: &u32| Duration::from_millis(u64::from(*span));
    match step {
        Step::Run(span) => lan.run_for(millis(span)),
        Step::Unplug(place) => lan.unplug(name(place)),
        Step::Plug(place) => lan.plug(name(place)),
        Step::Crash(place) => lan.crash(name(place)),
        Step::Start(place) => lan.start(name(place)),
        Step::Stop(place) => lan.stop(name(place)),
        Step::LinkDown(place) => lan.link_down(name(place)),
        Step::LinkUp(place) => lan.link_up(name(place)),
        Step::Fault(place, instance, present) => {
            lan.fault(name(place), *instance, FaultReason::SocketFailed, *present);
        }
        Step::Partition(mask) => {
            let apart: Vec<&str> = (0..makes.len())
                .filter(|place| mask >> place & 1 == 1)
                .map(|place| NAMES[place])
                .collect();
            lan.partition(&apart);
        }
        Step::Heal => lan.heal(),
        Step::Lose(per_mille) => lan.lose(*per_mille, *per_mille),
        Step::Stall(place, span) => lan.stall(name(place), millis(span)),
        Step::Suspend(place, span) => lan.suspend(name(place), millis(span)),
        Step::Reload(place, priority) => {
            let place = place % makes.len();
            makes[place].priority = *priority;
            lan.reload(NAMES[place], makes[place].host(place));
        }
        Step::ReloadEqual(place) => {
            let place = place % makes.len();
            let before = lan.performed();
            lan.reload(NAMES[place], makes[place].host(place));
            assert_eq!(lan.performed(), before, "an equal configuration causes nothing");
        }
    }
}

/// Everyone awake and reachable again; who was switched off or stopped stays so.
fn mend(lan: &mut Lan, makes: &[Make]) {
    lan.run_for(seconds(10.0));
    lan.heal();
    lan.lose(0, 0);
    for (place, make) in makes.iter().enumerate() {
        lan.plug(NAMES[place]);
        lan.link_up(NAMES[place]);
        for instance in 1..=u32::from(make.instances) {
            lan.fault(NAMES[place], instance, FaultReason::SocketFailed, false);
        }
    }
}

fn on(lan: &Lan, place: usize) -> bool {
    !matches!(lan.role(NAMES[place]), None | Some(Role::Initialize))
}

fn run(makes: &mut [Make], steps: &[Step]) -> Lan {
    let mut lan = Lan::new(makes.iter().enumerate().map(|(place, make)| make.host(place)));
    lan.delay(Duration::from_micros(100), Duration::from_millis(2));
    for step in steps {
        take(&mut lan, makes, step);
    }
    mend(&mut lan, makes);
    lan
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// The longest Active_Down_Interval at 1 s is 3 + 255/256 s; a few latencies decide the rest.
    #[test]
    fn after_healing_and_one_active_down_interval_exactly_the_best_router_is_active(
        mut makes in makes(Just(Preempt::Immediately), 1),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut lan = run(&mut makes, &steps);
        lan.run_for(seconds(4.05));
        let best = (0..makes.len())
            .filter(|place| on(&lan, *place))
            .map(|place| makes[place].effective())
            .max();
        let active = lan.active(1);
        prop_assert_eq!(active.len(), usize::from(best.is_some()), "{}", lan.story());
        for name in active {
            let place = NAMES.iter().position(|other| *other == name).unwrap();
            prop_assert_eq!(Some(makes[place].effective()), best, "{}", lan.story());
        }
    }

    #[test]
    fn with_any_preemption_exactly_one_router_is_active_in_the_end(
        mut makes in makes(any_preempt(), 1),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut lan = run(&mut makes, &steps);
        lan.run_for(seconds(4.05));
        let expected = usize::from((0..makes.len()).any(|place| on(&lan, place)));
        prop_assert_eq!(lan.active(1).len(), expected, "{}", lan.story());
    }

    #[test]
    fn a_group_is_active_on_exactly_one_host_and_as_a_whole(
        mut makes in makes(Just(Preempt::Immediately), 2),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut lan = run(&mut makes, &steps);
        lan.run_for(seconds(8.1));
        let expected = usize::from((0..makes.len()).any(|place| on(&lan, place)));
        prop_assert_eq!(lan.active(1).len(), expected, "{}", lan.story());
        prop_assert_eq!(lan.active(1), lan.active(2), "{}", lan.story());
    }

    /// The whole run is a function of its description.
    #[test]
    fn equal_runs_tell_equal_stories(
        makes in makes(any_preempt(), 2),
        steps in prop::collection::vec(step(), 0..20),
    ) {
        let once = run(&mut makes.clone(), &steps).chronicle();
        prop_assert_eq!(once, run(&mut makes.clone(), &steps).chronicle());
    }
}

#[test]
fn a_quiet_lan_of_four_needs_no_mending() {
    let makes = [100, 100, 50, 200].map(|priority| Make {
        priority,
        owner: false,
        preempt: Preempt::Immediately,
        start: Start::Backup,
        version: Version::V3,
        instances: 1,
    });
    let mut lan = Lan::new(makes.iter().enumerate().map(|(place, make)| make.host(place)));
    lan.run_until(at(100.0));
    assert_eq!(lan.timeline(), "   3.218750000 d: Backup -> Active\n");
}
