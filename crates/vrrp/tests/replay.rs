//! Inputs are values: written down with their instants, they replay to the same outputs.
#![expect(clippy::unwrap_used, reason = "what is missing fails the test")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use clock::Instant;
use vrrp::{
    Action, Addition, AddressCheck, AnnounceSchedule, Change, Election, FaultReason, FaultSet,
    Former, GroupId, GroupParameters, Input, InstanceId, Mode, Output, Outputs, OwnerAdverts,
    Parameters, Plan, Preempt, Received, Reply, Role, Snapshot, Start, TrackerId, TrackerState,
    Tracking, Weight,
};
use wire::{Family, MaxAdvertiseInterval, Priority, Version, Vrid};

fn ip(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

fn parameters(vrid: u8, priority: u8) -> Parameters {
    let preempt = Preempt::Immediately;
    Parameters {
        vrid: Vrid::new(vrid).unwrap(),
        family: Family::Ipv4,
        version: Version::V3,
        mode: Mode::Contender { priority: Priority(priority), preempt },
        advertisement_interval: Duration::from_secs(1),
        down_timer_adverts: 3,
        start: Start::Backup,
        addresses: vec![ip(100)],
        address_check: AddressCheck::Always,
        on_lower_priority: Reply::Advertise,
        on_higher_priority: Reply::Silent,
        owner_adverts: OwnerAdverts::Heed,
        announce: AnnounceSchedule::default(),
        tracking: vec![Tracking {
            tracker: TrackerId(3),
            weight: Weight::Priority { weight: -20, reverse: false },
        }],
    }
}

fn add(vrid: u8, priority: u8) -> Change {
    Change::Add(Addition {
        parameters: parameters(vrid, priority).into(),
        source: Some(ip(1)),
        faults: FaultSet::new(),
        former: Former::None,
    })
}

/// A start, an election, a fault, a tracker, a better router, a reload and a stop.
fn incident() -> Vec<(u64, Input)> {
    let (one, two) = (InstanceId(1), InstanceId(2));
    let groups = BTreeMap::from([(GroupId(1), GroupParameters { members: vec![one, two] })]);
    let plan = Plan {
        instances: BTreeMap::from([(one, add(1, 100)), (two, add(2, 100))]),
        groups: groups.clone(),
        trackers: Some(BTreeMap::from([(TrackerId(3), TrackerState::Up)])),
    };
    let changed = Plan {
        instances: BTreeMap::from([
            (one, Change::Adjust(parameters(1, 120).into())),
            (two, Change::Remove),
        ]),
        groups: BTreeMap::new(),
        trackers: None,
    };
    let better = Received {
        source: ip(9),
        priority: Priority(200),
        interval: MaxAdvertiseInterval::Centiseconds(100),
        addresses: vec![ip(100)],
        waited: Duration::ZERO,
    };
    let fault =
        |present| Input::Fault { instance: two, reason: FaultReason::InterfaceDown, present };
    vec![
        (0, Input::Reconfigure(plan)),
        (0, Input::Startup),
        (3_609_375_000, Input::Timeout),
        (4_000_000_000, Input::Tracker { tracker: TrackerId(3), state: TrackerState::Down }),
        (4_609_375_000, Input::Timeout),
        (5_000_000_000, fault(true)),
        (6_000_000_000, fault(false)),
        (6_100_000_000, Input::Received { instance: one, advertisement: better }),
        (7_000_000_000, Input::Reconfigure(changed)),
        (20_000_000_000, Input::Timeout),
        (30_000_000_000, Input::Stalled { span: Duration::from_secs(9) }),
        (40_000_000_000, Input::Timeout),
        (50_000_000_000, Input::Shutdown),
    ]
}

fn run(inputs: Vec<(u64, Input)>) -> (Vec<Output>, Snapshot) {
    let mut election = Election::new();
    let mut outputs = Outputs::new();
    let mut all = Vec::new();
    for (now, input) in inputs {
        election.handle(Instant::from_nanos(now), input, &mut outputs);
        all.extend(outputs.drain());
    }
    (all, election.snapshot())
}

#[test]
fn recorded_inputs_replay_to_the_same_outputs() {
    let recorded = serde_json::to_string(&incident()).unwrap();
    let (outputs, snapshot) = run(serde_json::from_str(&recorded).unwrap());
    assert_eq!((outputs.clone(), snapshot), run(incident()));
    let roles: Vec<(u32, Role, Role)> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Instance { instance, action: Action::Transitioned { from, to, .. } } => {
                Some((instance.0, *from, *to))
            }
            Output::Instance { .. } | Output::Group { .. } => None,
        })
        .collect();
    use Role::{Active, Backup, Fault, Initialize};
    assert_eq!(
        roles,
        [
            (1, Initialize, Backup),
            (2, Initialize, Backup),
            (1, Backup, Active),
            (2, Backup, Active),
            (2, Active, Fault),
            (1, Active, Fault),
            (1, Fault, Backup),
            (2, Fault, Backup),
            (2, Backup, Initialize),
            (1, Backup, Active),
            (1, Active, Backup),
            (1, Backup, Active),
            (1, Active, Initialize),
        ]
    );
}

#[test]
fn a_snapshot_reads_back_from_its_json() {
    let (_, snapshot) = run(incident().into_iter().take(5).collect());
    let instance = snapshot.instances.get(&InstanceId(1)).unwrap();
    assert_eq!(instance.role, Role::Active);
    assert_eq!(
        (instance.base_priority, instance.effective_priority),
        (Priority(100), Priority(80))
    );
    assert_eq!(instance.since, Instant::from_nanos(3_609_375_000));
    assert_eq!(instance.timer, Some(Instant::from_nanos(5_609_375_000)));
    assert_eq!(instance.counters.advertisements_sent, 2);
    let json = serde_json::to_string(&snapshot).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap(), snapshot);
}

#[test]
fn becoming_active_advertises_before_it_assumes_and_announces() {
    let (outputs, _) = run(incident().into_iter().take(3).collect());
    let of_first: Vec<&Action> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Instance { instance: InstanceId(1), action } => Some(action),
            Output::Instance { .. } | Output::Group { .. } => None,
        })
        .skip(2)
        .collect();
    assert!(
        matches!(
            of_first.as_slice(),
            [
                Action::Advertise { priority: Priority(100) },
                Action::Transitioned { from: Role::Backup, to: Role::Active, .. },
                Action::Assume,
                Action::Announce { count: 5, .. },
            ]
        ),
        "{of_first:?}"
    );
}
