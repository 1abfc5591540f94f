//! The transition table: every pair of state and event once, then the rows that parameters change.
//! Times are literals, worked out by hand from RFC 9568 §6.1: priority 100 at 1 s has a Skew_Time of
//! 156/256 s = 0.609375 s and an Active_Down_Interval of 3.609375 s.

use std::collections::BTreeSet;
use std::time::Duration;

use clock::Instant;
use wire::{MaxAdvertiseInterval, Priority, Version};

use super::fixture::{contender, ip};
use super::{Event, VirtualRouter};
use crate::output::Actions;
use crate::reception::Standing;
use crate::tracking::TrackerStates;
use crate::{
    Action, Cause, Effect, FaultReason, FaultSet, GroupId, InstanceId, Mode, Notice, Output,
    Outputs, OwnerAdverts, Parameters, Preempt, Received, Reply, Role, Start,
};

// ===== The door =====

struct Bench {
    router: VirtualRouter,
    outputs: Outputs,
}

impl Bench {
    fn new(parameters: Parameters) -> Self {
        let trackers = TrackerStates::new();
        let router =
            VirtualRouter::new(parameters.into(), Some(ip(5)), &FaultSet::new(), &trackers);
        Self { router, outputs: Outputs::new() }
    }

    /// A router of priority 100 in `role`: Backup since 0, or Active since 3.609375.
    fn at(role: Role) -> Self {
        Self::new(contender(100)).moved_to(role)
    }

    fn moved_to(mut self, role: Role) -> Self {
        match role {
            Role::Initialize => {}
            Role::Backup => drop(self.event(0, Event::Startup)),
            Role::Active => {
                self.event(0, Event::Startup);
                self.event(3_609_375_000, Event::Timeout);
            }
            Role::Fault => {
                self.router.faults.set(FaultReason::InterfaceDown, true);
                self.event(0, Event::Startup);
                self.router.faults.set(FaultReason::InterfaceDown, false);
            }
        }
        assert_eq!(self.router.role(), role);
        self
    }

    fn event(&mut self, now: u64, event: Event<'_>) -> Vec<String> {
        let mut actions = Actions { instance: InstanceId(1), outputs: &mut self.outputs };
        self.router.handle(Instant::from_nanos(now), event, &mut actions);
        self.printed()
    }

    /// Takes over parameters that a reload brings.
    fn adjusted(&mut self, now: u64, parameters: Parameters) {
        let mut actions = Actions { instance: InstanceId(1), outputs: &mut self.outputs };
        let trackers = TrackerStates::new();
        self.router.adjust(Instant::from_nanos(now), parameters.into(), &trackers, &mut actions);
        self.printed();
    }

    /// Announcements at timeouts up to that second.
    fn announcements_until(&mut self, seconds: u64) -> Vec<String> {
        let mut printed = Vec::new();
        while let Some((at, _)) = self.router.deadline() {
            if at > Instant::from_nanos(seconds * SECOND) {
                break;
            }
            for line in self.event(at.as_nanos(), Event::Timeout) {
                if line.starts_with("announce") {
                    printed.push(format!("{at} {line}"));
                }
            }
        }
        printed
    }

    fn hears(&mut self, now: u64, advertisement: &Received) -> Vec<String> {
        let mut actions = Actions { instance: InstanceId(1), outputs: &mut self.outputs };
        self.router.receive(Instant::from_nanos(now), advertisement, &mut actions);
        self.printed()
    }

    fn printed(&mut self) -> Vec<String> {
        self.outputs
            .drain()
            .map(|output| match output {
                Output::Instance { action, .. } => print(action),
                Output::Group { .. } => unreachable!("a router moves no group"),
            })
            .collect()
    }

    fn next(&self) -> String {
        match self.router.deadline() {
            Some((at, reason)) => format!("{} {at} {reason:?}", self.router.role()),
            None => self.router.role().to_string(),
        }
    }
}

fn print(action: Action) -> String {
    match action {
        Action::Advertise { priority } => format!("advertise {priority}"),
        Action::Assume => "assume".into(),
        Action::Release => "release".into(),
        Action::Announce { count, reason } => format!("announce {count} {reason:?}"),
        Action::Transitioned { from, to, cause } => format!("{from} -> {to}: {cause}"),
        Action::PriorityChanged { from, to } => format!("priority {from} -> {to}"),
        Action::Noticed(notice) => {
            let text = format!("{notice:?}");
            format!("notice {}", text.split([' ', '(']).next().unwrap())
        }
    }
}

fn advert(priority: u8, last_octet: u8) -> Received {
    Received {
        source: ip(last_octet),
        priority: Priority(priority),
        interval: MaxAdvertiseInterval::Centiseconds(100),
        addresses: vec![ip(100)],
        waited: Duration::ZERO,
    }
}

// ===== The table =====

const SECOND: u64 = 1_000_000_000;
const GROUP: Cause = Cause::SyncGroup(GroupId(7));
const SPAN: Duration = Duration::from_secs(10);

fn kind(event: &Event<'_>) -> String {
    if let Event::Heard(standing, _) = event {
        return format!("{standing:?}");
    }
    format!("{event:?}").split('(').next().unwrap().to_owned()
}

#[derive(Default)]
struct Table {
    seen: BTreeSet<(Role, String)>,
}

impl Table {
    fn row(&mut self, role: Role, now: u64, event: Event<'_>, actions: &[&str], next: &str) {
        let mut bench = Bench::at(role);
        let printed = bench.event(now, event);
        let row = format!("{role} + {} at {now}", kind(&event));
        assert_eq!(printed, actions, "actions of {row}");
        assert_eq!(bench.next(), next, "state after {row}");
        self.seen.insert((role, kind(&event)));
    }
}

// covers: RFC9568-6.4.1-1 RFC9568-6.4.1-2
fn rows_of_initialize(table: &mut Table) {
    let role = Role::Initialize;
    let heard = advert(200, 9);
    let started = "Initialize -> Backup: startup";
    table.row(role, 0, Event::Startup, &[started], "Backup 3.609375000 ActiveDownTimer");
    for standing in STANDINGS {
        table.row(role, SECOND, Event::Heard(standing, &heard), &[], "Initialize");
    }
    for event in [
        Event::Shutdown(Cause::Shutdown),
        Event::Timeout,
        Event::Faulted(FaultReason::InterfaceDown),
        Event::Recovered(FaultReason::InterfaceDown),
        Event::Activate,
        Event::Yield(GROUP),
        Event::Stalled(SPAN),
    ] {
        table.row(role, SECOND, event, &[], "Initialize");
    }
    let failed = Event::EffectFailed(Effect::Release);
    let next = "Initialize 2.000000000 Retry";
    table.row(role, SECOND, failed, &["notice EffectFailed"], next);
}

// covers: RFC9568-6.4.2-5 RFC9568-6.4.2-6 RFC9568-6.4.2-7 RFC9568-6.4.2-8
fn rows_of_backup(table: &mut Table) {
    let role = Role::Backup;
    let unmoved = "Backup 3.609375000 ActiveDownTimer";
    let follows = "Backup 4.609375000 ActiveDownTimer";
    for event in [
        Event::Startup,
        Event::Timeout,
        Event::Recovered(FaultReason::InterfaceDown),
        Event::Activate,
        Event::Yield(GROUP),
        Event::Stalled(SPAN),
    ] {
        table.row(role, SECOND, event, &[], unmoved);
    }
    let stopped = ["Backup -> Initialize: shutdown"];
    table.row(role, SECOND, Event::Shutdown(Cause::Shutdown), &stopped, "Initialize");
    table.row(
        role,
        3_609_375_000,
        Event::Timeout,
        &[
            "advertise 100",
            "Backup -> Active: no advertisement for 3.609375s",
            "assume",
            "announce 5 Takeover",
        ],
        "Active 4.609375000 AdverTimer",
    );
    let resigns = Event::Heard(Standing::Resigns, &advert(0, 9));
    let skewed = "Backup 1.609375000 ActiveDownTimer";
    table.row(role, SECOND, resigns, &["notice PeerResigned"], skewed);
    for (standing, priority, address) in [
        (Standing::Above, 200, 9),
        (Standing::EqualAbove, 100, 9),
        (Standing::Twin, 100, 5),
        (Standing::EqualBelow, 100, 1),
    ] {
        let heard = advert(priority, address);
        let event = Event::Heard(standing, &heard);
        table.row(role, SECOND, event, &["notice ActiveRouter"], follows);
    }
    let lower = advert(50, 9);
    let discarded = ["notice LowerDiscarded"];
    table.row(role, SECOND, Event::Heard(Standing::Below, &lower), &discarded, unmoved);
    let faulted = Event::Faulted(FaultReason::InterfaceDown);
    table.row(role, SECOND, faulted, &["Backup -> Fault: fault: interface down"], "Fault");
    let listens = "Backup 4.609375000 ActiveDownTimer";
    table.row(role, 3 * SECOND, Event::Stalled(SPAN), &[], listens);
    let failed = Event::EffectFailed(Effect::Release);
    let next = "Backup 2.000000000 Retry";
    table.row(role, SECOND, failed, &["notice EffectFailed"], next);
}

// covers: RFC9568-6.4.3-6 RFC9568-6.4.3-7 RFC9568-6.4.3-8 RFC9568-6.4.3-9 RFC9568-6.4.3-10
fn rows_of_active(table: &mut Table) {
    let role = Role::Active;
    let unmoved = "Active 4.609375000 AdverTimer";
    for event in [
        Event::Startup,
        Event::Timeout,
        Event::Recovered(FaultReason::InterfaceDown),
        Event::Activate,
    ] {
        table.row(role, 4 * SECOND, event, &[], unmoved);
    }
    let resigned = ["advertise 0", "release", "Active -> Initialize: shutdown"];
    table.row(role, 4 * SECOND, Event::Shutdown(Cause::Shutdown), &resigned, "Initialize");
    let fires = ["advertise 100"];
    let next = "Active 5.609375000 AdverTimer";
    table.row(role, 4_609_375_000, Event::Timeout, &fires, next);
    let heard = advert(0, 9);
    let answers = ["notice PeerResigned", "advertise 100"];
    let next = "Active 5.000000000 AdverTimer";
    table.row(role, 4 * SECOND, Event::Heard(Standing::Resigns, &heard), &answers, next);
    let yielded = "Backup 7.609375000 ActiveDownTimer";
    let cause = "Active -> Backup: higher priority of 10.0.0.9 (priority 200), our priority 100";
    let heard = advert(200, 9);
    let event = Event::Heard(Standing::Above, &heard);
    table.row(role, 4 * SECOND, event, &["release", cause], yielded);
    let cause = "Active -> Backup: higher address of 10.0.0.9 (priority 100), our address 10.0.0.5";
    let heard = advert(100, 9);
    let event = Event::Heard(Standing::EqualAbove, &heard);
    table.row(role, 4 * SECOND, event, &["release", cause], yielded);
    let heard = advert(100, 5);
    let event = Event::Heard(Standing::Twin, &heard);
    table.row(role, 4 * SECOND, event, &["notice OwnAddress"], unmoved);
    let contests = ["notice LowerContested", "advertise 100", "announce 5 LowerPriority"];
    for (standing, priority) in [(Standing::EqualBelow, 100), (Standing::Below, 50)] {
        let heard = advert(priority, 1);
        table.row(role, 4 * SECOND, Event::Heard(standing, &heard), &contests, unmoved);
    }
    let faulted = ["advertise 0", "release", "Active -> Fault: fault: interface down"];
    let event = Event::Faulted(FaultReason::InterfaceDown);
    table.row(role, 4 * SECOND, event, &faulted, "Fault");
    let moved = ["release", "Active -> Backup: moved by sync group 7"];
    table.row(role, 4 * SECOND, Event::Yield(GROUP), &moved, yielded);
    let stalled = ["release", "Active -> Backup: process did not run for 10s"];
    let next = "Backup 5.609375000 ActiveDownTimer";
    table.row(role, 4 * SECOND, Event::Stalled(SPAN), &stalled, next);
    let failed = Event::EffectFailed(Effect::Assume);
    table.row(role, 4 * SECOND, failed, &["notice EffectFailed"], unmoved);
}

fn rows_of_fault(table: &mut Table) {
    let role = Role::Fault;
    let heard = advert(200, 9);
    for standing in STANDINGS {
        table.row(role, SECOND, Event::Heard(standing, &heard), &[], "Fault");
    }
    for event in [
        Event::Startup,
        Event::Timeout,
        Event::Faulted(FaultReason::NoSourceAddress),
        Event::Activate,
        Event::Yield(GROUP),
        Event::Stalled(SPAN),
    ] {
        table.row(role, SECOND, event, &[], "Fault");
    }
    let stopped = ["Fault -> Initialize: shutdown"];
    table.row(role, SECOND, Event::Shutdown(Cause::Shutdown), &stopped, "Initialize");
    let recovered = Event::Recovered(FaultReason::InterfaceDown);
    let next = "Backup 4.609375000 ActiveDownTimer";
    table.row(role, SECOND, recovered, &["Fault -> Backup: recovered: interface down"], next);
    let failed = Event::EffectFailed(Effect::Release);
    let next = "Fault 2.000000000 Retry";
    table.row(role, SECOND, failed, &["notice EffectFailed"], next);
}

#[test]
fn every_pair_of_state_and_event_has_its_row() {
    let mut table = Table::default();
    rows_of_initialize(&mut table);
    rows_of_backup(&mut table);
    rows_of_active(&mut table);
    rows_of_fault(&mut table);
    // 4 states; Startup, Shutdown, Timeout, Faulted, Recovered, Activate, Yield, Stalled, EffectFailed
    // and 6 standings of an advertisement.
    assert_eq!(table.seen.len(), 4 * 15);
}

const STANDINGS: [Standing; 6] = [
    Standing::Resigns,
    Standing::Above,
    Standing::EqualAbove,
    Standing::Twin,
    Standing::EqualBelow,
    Standing::Below,
];

// ===== Start =====

// covers: RFC9568-6.4.1-1
#[test]
fn an_owner_is_active_without_waiting() {
    let mut bench = Bench::new(Parameters { mode: Mode::Owner, ..contender(100) });
    bench.event(5, Event::Startup);
    assert_eq!(bench.next(), "Backup 0.000000005 ActiveDownTimer");
    assert_eq!(
        bench.event(5, Event::Timeout),
        [
            "advertise 255",
            "Backup -> Active: owner of the addresses",
            "assume",
            "announce 5 Takeover"
        ]
    );
}

#[test]
fn a_router_that_wishes_to_be_active_waits_one_interval_and_the_skew() {
    let mut bench = Bench::new(Parameters { start: Start::Active, ..contender(100) });
    bench.event(0, Event::Startup);
    assert_eq!(bench.next(), "Backup 1.609375000 ActiveDownTimer");
}

#[test]
fn a_router_starts_in_fault_with_a_reason_and_waits_its_full_time_after_the_last_one_is_gone() {
    let mut bench = Bench::new(Parameters { start: Start::Active, ..contender(100) });
    for reason in [FaultReason::InterfaceDown, FaultReason::SocketFailed] {
        fault(&mut bench, 0, reason, true);
    }
    assert_eq!(bench.event(0, Event::Startup), ["Initialize -> Fault: fault: interface down"]);
    assert_eq!(
        fault(&mut bench, SECOND, FaultReason::InterfaceDown, false),
        ["notice FaultCleared"]
    );
    assert_eq!(
        fault(&mut bench, 2 * SECOND, FaultReason::SocketFailed, false),
        ["Fault -> Backup: recovered: socket failed"]
    );
    assert_eq!(bench.next(), "Backup 5.609375000 ActiveDownTimer");
}

fn fault(bench: &mut Bench, now: u64, reason: FaultReason, present: bool) -> Vec<String> {
    let mut actions = Actions { instance: InstanceId(1), outputs: &mut bench.outputs };
    bench.router.fault(Instant::from_nanos(now), reason, present, &mut actions);
    bench.printed()
}

#[test]
fn losing_the_source_address_is_a_fault_and_finding_one_ends_it() {
    let mut bench = Bench::at(Role::Active);
    let mut actions = Actions { instance: InstanceId(1), outputs: &mut bench.outputs };
    bench.router.source(Instant::from_nanos(4 * SECOND), None, &mut actions);
    assert_eq!(
        bench.printed(),
        ["advertise 0", "release", "Active -> Fault: fault: no source address"]
    );
    let mut actions = Actions { instance: InstanceId(1), outputs: &mut bench.outputs };
    bench.router.source(Instant::from_nanos(5 * SECOND), Some(ip(6)), &mut actions);
    assert_eq!(bench.printed(), ["Fault -> Backup: recovered: no source address"]);
}

// ===== Backup =====

// covers: RFC9568-6.4.2-8
#[test]
fn a_backup_preempts_a_lower_priority_when_its_timer_fires() {
    let mut bench = Bench::at(Role::Backup);
    bench.hears(3 * SECOND, &advert(50, 9));
    assert_eq!(
        bench.event(3_609_375_000, Event::Timeout)[1],
        "Backup -> Active: preempts 10.0.0.9 (priority 50), our priority 100"
    );
}

// covers: RFC9568-6.4.2-7
#[test]
fn without_preemption_a_lower_priority_resets_the_timer() {
    let mode = Mode::Contender { priority: Priority(100), preempt: Preempt::Never };
    let mut bench = Bench::new(Parameters { mode, ..contender(100) }).moved_to(Role::Backup);
    assert_eq!(bench.hears(3 * SECOND, &advert(50, 9)), ["notice ActiveRouter"]);
    assert_eq!(bench.next(), "Backup 6.609375000 ActiveDownTimer");
}

fn delaying(seconds: u64) -> Bench {
    let preempt = Preempt::After(Duration::from_secs(seconds));
    let mode = Mode::Contender { priority: Priority(100), preempt };
    Bench::new(Parameters { mode, ..contender(100) }).moved_to(Role::Backup)
}

#[test]
fn preempt_delay_listens_to_a_lower_priority_until_it_is_over() {
    let mut bench = delaying(2);
    let first = bench.hears(SECOND, &advert(50, 9));
    assert_eq!(first, ["notice PreemptDelayStarted", "notice ActiveRouter"]);
    assert_eq!(bench.next(), "Backup 4.609375000 ActiveDownTimer");
    assert_eq!(bench.hears(2 * SECOND, &advert(50, 9)), Vec::<String>::new());
    assert_eq!(bench.next(), "Backup 5.609375000 ActiveDownTimer");
    assert_eq!(bench.hears(3 * SECOND, &advert(50, 9)), ["notice LowerDiscarded"]);
    assert_eq!(bench.next(), "Backup 5.609375000 ActiveDownTimer");
}

#[test]
fn preempt_delay_stops_at_a_higher_priority_and_starts_anew_later() {
    let mut bench = delaying(2);
    bench.hears(SECOND, &advert(50, 9));
    let higher = bench.hears(2 * SECOND, &advert(200, 8));
    assert_eq!(higher, ["notice PreemptDelayStopped", "notice ActiveRouter"]);
    let again = bench.hears(3 * SECOND, &advert(50, 9));
    assert_eq!(again, ["notice PreemptDelayStarted", "notice ActiveRouter"]);
}

// covers: RFC9568-6.4.2-6
#[test]
fn v3_learns_the_interval_of_the_active_router_and_v2_refuses_another_one() {
    let mut bench = Bench::at(Role::Backup);
    let slow = Received { interval: MaxAdvertiseInterval::Centiseconds(200), ..advert(200, 9) };
    let learned = bench.hears(SECOND, &slow);
    assert_eq!(learned, ["notice ActiveRouter", "notice IntervalLearned"]);
    // 1 + 3 * 2 + 2 * 156/256
    assert_eq!(bench.next(), "Backup 8.218750000 ActiveDownTimer");
    // priority 0: skew of the learnt interval
    bench.hears(2 * SECOND, &Received { priority: Priority(0), ..slow });
    assert_eq!(bench.next(), "Backup 3.218750000 ActiveDownTimer");

    let v2 = Parameters { version: Version::V2, ..contender(100) };
    let mut bench = Bench::new(v2).moved_to(Role::Backup);
    let slow = Received { interval: MaxAdvertiseInterval::Seconds(2), ..advert(200, 9) };
    assert_eq!(bench.hears(SECOND, &slow), ["notice IntervalDiffers"]);
    assert_eq!(bench.hears(2 * SECOND, &slow), Vec::<String>::new());
    assert_eq!(bench.next(), "Backup 3.609375000 ActiveDownTimer");
}

#[test]
fn active_down_timer_counts_from_the_arrival_of_what_waited_to_be_read() {
    let late = |priority, ms| Received { waited: Duration::from_millis(ms), ..advert(priority, 9) };
    let mut bench = Bench::at(Role::Backup);
    bench.hears(SECOND, &late(200, 20));
    // 0.98 + 3 + 156/256
    assert_eq!(bench.next(), "Backup 4.589375000 ActiveDownTimer");
    bench.hears(2 * SECOND, &late(0, 20));
    assert_eq!(bench.next(), "Backup 2.589375000 ActiveDownTimer");
    // An Active router yields when it reads, and waits from when it was told.
    let mut bench = Bench::at(Role::Active);
    bench.hears(20 * SECOND, &late(200, 20));
    assert_eq!(bench.next(), "Backup 23.589375000 ActiveDownTimer");
}

// T9: v2 Skew_Time does not grow with the interval.
#[test]
fn v2_and_v3_differ_in_the_skew_of_a_longer_interval() {
    let four = Duration::from_secs(4);
    for (version, expected) in [
        (Version::V2, "Backup 12.609375000 ActiveDownTimer"),
        (Version::V3, "Backup 14.437500000 ActiveDownTimer"),
    ] {
        let parameters = Parameters { version, advertisement_interval: four, ..contender(100) };
        assert_eq!(Bench::new(parameters).moved_to(Role::Backup).next(), expected);
    }
}

#[test]
fn an_interval_of_zero_and_another_version_are_refused() {
    let mut bench = Bench::at(Role::Backup);
    for (interval, notice) in [
        (MaxAdvertiseInterval::Centiseconds(0), "notice IntervalZero"),
        (MaxAdvertiseInterval::Seconds(1), "notice VersionDiffers"),
    ] {
        let odd = Received { interval, ..advert(200, 9) };
        assert_eq!(bench.hears(SECOND, &odd), [notice]);
        assert_eq!(bench.next(), "Backup 3.609375000 ActiveDownTimer");
    }
}

#[test]
fn another_address_list_is_remarked_once_and_used() {
    let mut bench = Bench::at(Role::Backup);
    let more = Received { addresses: vec![ip(100), ip(101)], ..advert(200, 9) };
    let heard = bench.hears(SECOND, &more);
    assert_eq!(heard, ["notice AddressCountDiffers", "notice ActiveRouter"]);
    assert_eq!(bench.next(), "Backup 4.609375000 ActiveDownTimer");
    assert_eq!(bench.hears(2 * SECOND, &more), Vec::<String>::new());
    let other = Received { addresses: vec![ip(101)], ..advert(200, 8) };
    assert_eq!(bench.hears(3 * SECOND, &other), ["notice ActiveRouter"]);
    assert_eq!(bench.hears(4 * SECOND, &other), ["notice AddressMissing"]);
}

// ===== Active =====

#[test]
fn deadlines_are_absolute_however_late_the_call() {
    let mut bench = Bench::at(Role::Active);
    bench.event(4_700_000_000, Event::Timeout);
    assert_eq!(bench.next(), "Active 5.609375000 AdverTimer");
    // More than one interval late: one advertisement, the phase stays.
    assert_eq!(bench.event(8_100_000_000, Event::Timeout), ["advertise 100"]);
    assert_eq!(bench.next(), "Active 8.609375000 AdverTimer");
}

#[test]
fn the_replies_follow_their_parameters() {
    let silent = Parameters { on_lower_priority: Reply::Silent, ..contender(100) };
    let mut bench = Bench::new(silent).moved_to(Role::Active);
    let heard = bench.hears(4 * SECOND, &advert(50, 9));
    assert_eq!(heard, ["notice LowerContested", "announce 5 LowerPriority"]);

    let replying = Parameters { on_higher_priority: Reply::Advertise, ..contender(100) };
    let mut bench = Bench::new(replying).moved_to(Role::Active);
    let heard = bench.hears(4 * SECOND, &advert(200, 9));
    assert_eq!(heard[..2], ["advertise 100", "release"]);
}

#[test]
fn announcements_come_in_bursts_by_their_schedule() {
    let mut parameters = contender(100);
    parameters.announce.refresh = Some(Duration::from_secs(7));
    parameters.announce.extra = Some(Duration::from_secs(8));
    let mut bench = Bench::new(parameters).moved_to(Role::Active);
    assert_eq!(
        bench.announcements_until(20),
        [
            "8.609375000 announce 5 TakeoverRepeat",
            "10.609375000 announce 1 Refresh",
            "11.609375000 announce 1 Extra",
            "17.609375000 announce 1 Refresh",
            "19.609375000 announce 1 Extra",
        ]
    );
}

#[test]
fn a_changed_period_counts_from_the_reload_and_an_equal_one_goes_on() {
    let with = |refresh, extra| {
        let mut parameters = contender(100);
        parameters.announce.again_after = None;
        parameters.announce.refresh = Some(Duration::from_secs(refresh));
        parameters.announce.extra = Some(Duration::from_secs(extra));
        parameters
    };
    let mut bench = Bench::new(with(9, 8)).moved_to(Role::Active);
    bench.adjusted(5 * SECOND, with(9, 2));
    let expected = ["7.000000000 announce 1 Extra", "9.000000000 announce 1 Extra"];
    assert_eq!(bench.announcements_until(10), expected);
    // Back to a longer one, and to none.
    bench.adjusted(10 * SECOND, with(9, 3));
    let expected = ["12.609375000 announce 1 Refresh", "13.000000000 announce 1 Extra"];
    assert_eq!(bench.announcements_until(15), expected);
    let mut without = with(9, 3);
    without.announce.extra = None;
    bench.adjusted(15 * SECOND, without);
    assert_eq!(bench.announcements_until(25), ["21.609375000 announce 1 Refresh"]);
}

#[test]
fn a_flood_of_lower_priorities_causes_one_burst_an_interval() {
    let mut bench = Bench::at(Role::Active);
    let mut bursts = 0;
    for step in 0..100 {
        let printed = bench.hears(4 * SECOND + step * 1_000_000, &advert(50, 9));
        bursts += printed.iter().filter(|line| line.starts_with("announce")).count();
    }
    assert_eq!(bursts, 1);
    // The second burst comes 5 s after the first, beside the takeover's at 8.609375.
    let printed = bench.event(9 * SECOND, Event::Timeout);
    assert_eq!(
        printed,
        ["advertise 100", "announce 5 TakeoverRepeat", "announce 5 LowerPriorityRepeat"]
    );
}

#[test]
fn what_failed_is_asked_for_again_after_a_second_while_the_role_lasts() {
    let mut bench = Bench::at(Role::Active);
    bench.event(4 * SECOND, Event::EffectFailed(Effect::Assume));
    assert_eq!(bench.event(5 * SECOND, Event::Timeout), ["advertise 100", "assume"]);
    bench.event(5 * SECOND, Event::EffectFailed(Effect::Assume));
    bench.event(5 * SECOND, Event::Yield(GROUP));
    assert_eq!(bench.event(6 * SECOND, Event::Timeout), Vec::<String>::new());
    bench.event(6 * SECOND, Event::EffectFailed(Effect::Release));
    assert_eq!(bench.event(7 * SECOND, Event::Timeout), ["release"]);
}

#[test]
fn a_stalled_active_that_just_heard_a_lower_priority_stays() {
    let mut bench = Bench::at(Role::Active);
    bench.hears(30 * SECOND, &advert(50, 9));
    assert_eq!(bench.event(30 * SECOND, Event::Stalled(SPAN)), Vec::<String>::new());
    let short = Duration::from_secs(3);
    assert_eq!(bench.event(31 * SECOND, Event::Stalled(short)), Vec::<String>::new());
    assert_eq!(
        bench.event(41 * SECOND, Event::Stalled(SPAN))[1],
        "Active -> Backup: process did not run for 10s"
    );
}

// ===== Two owners =====

fn owner() -> Bench {
    let mut bench = Bench::new(Parameters { mode: Mode::Owner, ..contender(100) });
    bench.event(0, Event::Startup);
    bench.event(0, Event::Timeout);
    assert_eq!(bench.router.role(), Role::Active);
    bench
}

#[test]
fn the_owner_with_the_lower_address_gives_way_at_once() {
    let printed = owner().hears(SECOND, &advert(255, 9));
    assert_eq!(
        printed,
        [
            "notice OwnerConflict",
            "release",
            "Active -> Backup: 10.0.0.9 also claims to own the addresses"
        ]
    );
}

#[test]
fn the_owner_with_the_higher_address_cuts_its_claim_only_when_the_other_persists() {
    let mut bench = owner();
    let first = bench.hears(SECOND, &advert(255, 1));
    assert_eq!(first, ["notice OwnerConflict", "advertise 255", "advertise 255"]);
    assert_eq!(bench.hears(2 * SECOND, &advert(255, 1)), Vec::<String>::new());
    // 1.2 intervals later the other one still advertises.
    assert_eq!(
        bench.hears(2_200_000_000, &advert(255, 1)),
        [
            "priority 255 -> 254",
            "release",
            "Active -> Backup: 10.0.0.1 also claims to own the addresses"
        ]
    );
    // 2.2 + 3 + 2/256
    assert_eq!(bench.next(), "Backup 5.207812500 ActiveDownTimer");
    assert_eq!(
        bench.event(5_207_812_500, Event::Timeout)[..2],
        ["priority 254 -> 255", "advertise 255"]
    );
}

#[test]
fn a_conflict_that_ended_is_forgotten() {
    let mut bench = owner();
    bench.hears(SECOND, &advert(255, 1));
    let later = bench.hears(60 * SECOND, &advert(255, 1));
    assert_eq!(later, ["notice OwnerConflict", "advertise 255", "advertise 255"]);
}

#[test]
fn an_owner_may_ignore_everyone() {
    let parameters =
        Parameters { mode: Mode::Owner, owner_adverts: OwnerAdverts::Ignore, ..contender(100) };
    let mut bench = Bench::new(parameters);
    bench.event(0, Event::Startup);
    bench.event(0, Event::Timeout);
    assert_eq!(bench.hears(SECOND, &advert(255, 9)), Vec::<String>::new());
    assert_eq!(bench.hears(SECOND, &advert(0, 9)), Vec::<String>::new());
}

#[test]
fn notices_name_the_peer_and_the_numbers() {
    let mut bench = Bench::at(Role::Backup);
    let mut actions = Actions { instance: InstanceId(1), outputs: &mut bench.outputs };
    bench.router.receive(Instant::from_nanos(SECOND), &advert(50, 9), &mut actions);
    let peer = crate::Peer { address: ip(9), priority: Priority(50) };
    let notice = Notice::LowerDiscarded { peer, ours: Priority(100) };
    assert_eq!(
        bench.outputs.as_slice(),
        [Output::Instance { instance: InstanceId(1), action: Action::Noticed(notice) }]
    );
}

// ===== Going on where a process before this one ended =====

#[test]
fn who_was_active_a_moment_ago_goes_on_at_once() {
    let mut bench = Bench::new(contender(100));
    bench.router.succeed(crate::Former::Active);
    assert_eq!(bench.event(5 * SECOND, Event::Startup), ["Initialize -> Backup: startup"]);
    assert_eq!(
        bench.event(5 * SECOND, Event::Timeout),
        [
            "advertise 100",
            "Backup -> Active: resumed from the process before",
            "assume",
            "announce 5 Takeover",
        ]
    );
    // A second start of the same router is an ordinary one.
    bench.event(6 * SECOND, Event::Shutdown(Cause::Shutdown));
    bench.event(7 * SECOND, Event::Startup);
    assert_eq!(bench.event(7 * SECOND, Event::Timeout), Vec::<String>::new());
}

#[test]
fn who_was_backup_listens_as_before_though_it_is_to_start_active() {
    let parameters = Parameters { start: crate::Start::Active, ..contender(100) };
    let mut bench = Bench::new(parameters);
    bench.router.succeed(crate::Former::Inactive);
    assert_eq!(
        bench.event(5 * SECOND, Event::Startup),
        ["Initialize -> Backup: resumed from the process before"]
    );
    // Three intervals of a second and a skew of 156/256 s.
    assert_eq!(bench.event(8_609_374_999, Event::Timeout), Vec::<String>::new());
    assert!(!bench.event(8_609_375_000, Event::Timeout).is_empty());
}

#[test]
fn who_goes_on_has_not_become_active_again() {
    let mut bench = Bench::new(contender(100));
    bench.router.succeed(crate::Former::Active);
    bench.event(5 * SECOND, Event::Startup);
    bench.event(5 * SECOND, Event::Timeout);
    let counters = bench.router.snapshot().counters;
    assert_eq!((counters.became_active, counters.advertisements_sent), (0, 1));
}

#[test]
fn who_was_active_and_cannot_go_on_is_in_fault() {
    let mut bench = Bench::new(contender(100));
    bench.router.succeed(crate::Former::Active);
    bench.router.faults.set(FaultReason::InterfaceDown, true);
    assert_eq!(
        bench.event(5 * SECOND, Event::Startup),
        ["Initialize -> Fault: fault: interface down"]
    );
}
