//! Elections as timelines. The times can be checked with a pencil: at 1 s a router of priority p takes
//! over after 3 s and (256 - p)/256 s of silence, and packets take 100 us.

use std::time::Duration;

use clock::Instant;
use sim::{Host, Lan, at, contender, owner, seconds};
use vrrp::{
    Effect, Mode, OwnerAdverts, Parameters, Preempt, Role, Start, TrackerState, Tracking, Weight,
};
use wire::{Priority, Version};

fn pair(a: Parameters, b: Parameters) -> Lan {
    Lan::new([Host::new("a", 1).instance(a), Host::new("b", 2).instance(b)])
}

fn preempting(priority: u8, preempt: Preempt) -> Parameters {
    let mode = Mode::Contender { priority: Priority(priority), preempt };
    Parameters { mode, ..contender(priority) }
}

// ===== Election =====

// covers: RFC9568-6.4.2-5 RFC9568-6.4.3-6 RFC9568-6.4.3-9 RFC9568-6.4.3-10
#[test]
fn three_routers_elect_fail_over_preempt_and_resign() {
    let mut lan = Lan::new([
        Host::new("a", 1).instance(contender(150)),
        Host::new("b", 2).instance(contender(100)),
        Host::new("c", 3).instance(contender(100)),
    ]);
    lan.run_until(at(10.0));
    lan.unplug("a");
    lan.run_until(at(20.0));
    lan.plug("a");
    lan.run_until(at(30.0));
    lan.stop("a");
    lan.run_until_that(at(40.0), |lan| lan.role("b") == Some(Role::Active));
    assert_eq!(
        lan.timeline(),
        "   3.414062500 a: Backup -> Active
             -- a unplugged
  13.023537500 b: Backup -> Active
  13.023537500 c: Backup -> Active
  13.023637500 b: Active -> Backup
             -- a plugged
  20.023737500 c: Active -> Backup
  30.000000000 a: Active -> Initialize
  30.609475000 b: Backup -> Active
"
    );
    assert_eq!(lan.now(), Instant::from_nanos(30_609_475_000));
    lan.run_for(seconds(5.0));
    insta::assert_snapshot!(lan.story());
}

// covers: RFC9568-6.4.1-1
#[test]
fn an_owner_takes_over_at_once_whenever_it_comes() {
    let mut lan = Lan::still([
        Host::new("owner", 1).instance(owner()),
        Host::new("b", 2).instance(contender(254)),
    ]);
    lan.start("b");
    lan.run_until(at(5.0));
    lan.start("owner");
    lan.run_until(at(10.0));
    lan.crash("owner");
    lan.run_until(at(20.0));
    lan.start("owner");
    lan.run_until(at(25.0));
    insta::assert_snapshot!(lan.story());
}

#[test]
fn two_that_wish_to_be_active_meet_and_the_better_one_stays() {
    let wishing = |priority| Parameters { start: Start::Active, ..contender(priority) };
    let mut lan = pair(wishing(150), wishing(100));
    lan.run_until(at(10.0));
    insta::assert_snapshot!(lan.story());
}

// covers: RFC9568-6.4.3-10
#[test]
fn equal_priorities_are_decided_by_the_higher_address() {
    let mut lan = pair(contender(100), contender(100));
    lan.run_until(at(6.0));
    insta::assert_snapshot!(lan.story());
}

// ===== Preemption =====

#[test]
fn without_preemption_a_returning_router_stays_backup_until_the_other_fails() {
    let mut lan = pair(preempting(150, Preempt::Never), contender(100));
    lan.run_until(at(5.0));
    lan.crash("a");
    lan.run_until(at(15.0));
    lan.start("a");
    lan.run_until(at(30.0));
    lan.crash("b");
    lan.run_until(at(40.0));
    insta::assert_snapshot!(lan.story());
}

#[test]
fn preempt_delay_lets_a_lower_router_be_active_that_much_longer() {
    let mut lan = pair(preempting(150, Preempt::After(seconds(10.0))), contender(100));
    lan.run_until(at(5.0));
    lan.crash("a");
    lan.run_until(at(15.0));
    lan.start("a");
    lan.run_until(at(40.0));
    insta::assert_snapshot!(lan.chronicle());
}

#[test]
fn preempt_delay_does_not_delay_a_failover() {
    let mut lan = pair(preempting(150, Preempt::After(seconds(100.0))), contender(100));
    lan.run_until(at(5.0));
    lan.crash("a");
    lan.run_until(at(15.0));
    lan.start("a");
    lan.run_until(at(20.0));
    lan.crash("b");
    lan.run_until(at(30.0));
    insta::assert_snapshot!(lan.story());
}

// ===== Failures =====

#[test]
fn a_partition_makes_two_active_routers_and_healing_it_leaves_the_better_one() {
    let mut lan = Lan::new([
        Host::new("a", 1).instance(contender(150)),
        Host::new("b", 2).instance(contender(100)),
        Host::new("c", 3).instance(contender(50)),
    ]);
    lan.run_until(at(5.0));
    lan.partition(&["b", "c"]);
    lan.run_until(at(15.0));
    lan.heal();
    lan.run_until(at(20.0));
    insta::assert_snapshot!(lan.chronicle());
}

#[test]
fn a_router_whose_link_goes_down_resigns_and_returns() {
    let mut lan = pair(contender(150), contender(100));
    lan.run_until(at(5.0));
    lan.link_down("a");
    lan.run_until(at(15.0));
    lan.link_up("a");
    lan.run_until(at(25.0));
    insta::assert_snapshot!(lan.story());
}

#[test]
fn a_fault_that_can_still_speak_resigns_with_priority_0() {
    let mut lan = pair(contender(150), contender(100));
    lan.run_until(at(5.0));
    lan.fault("a", 1, vrrp::FaultReason::SocketFailed, true);
    lan.fault("a", 1, vrrp::FaultReason::Configuration, true);
    lan.run_until(at(10.0));
    lan.fault("a", 1, vrrp::FaultReason::SocketFailed, false);
    lan.run_until(at(15.0));
    lan.fault("a", 1, vrrp::FaultReason::Configuration, false);
    lan.run_until(at(20.0));
    insta::assert_snapshot!(lan.chronicle());
}

#[test]
fn addresses_that_could_not_be_added_are_asked_for_again() {
    let mut lan = pair(contender(150), contender(100));
    lan.fail_next("a", Effect::Assume);
    lan.run_until(at(4.4));
    assert_eq!((lan.role("a"), lan.holds("a", 1)), (Some(Role::Active), false));
    lan.run_until(at(4.5));
    assert_eq!((lan.role("a"), lan.holds("a", 1)), (Some(Role::Active), true));
    insta::assert_snapshot!(lan.chronicle());
}

#[test]
fn a_stalled_active_finds_its_better_in_its_socket_and_yields() {
    let mut lan = pair(contender(100), contender(150));
    lan.run_until(at(2.0));
    lan.crash("b");
    lan.run_until(at(10.0));
    lan.stall("a", seconds(20.0));
    lan.run_until(at(12.0));
    lan.start("b");
    lan.run_until(at(40.0));
    insta::assert_snapshot!(lan.story());
}

#[test]
fn a_suspended_active_listens_before_it_claims_again() {
    let mut lan = pair(contender(150), contender(100));
    lan.run_until(at(5.0));
    lan.suspend("a", seconds(20.0));
    lan.run_until(at(40.0));
    insta::assert_snapshot!(lan.story());
}

// What `timer_expired_backup` asks for together with `nopreempt`: the role stays where it went.
#[test]
fn a_suspended_active_that_must_not_preempt_leaves_the_role_where_it_went() {
    let mut lan = pair(preempting(150, Preempt::Never), preempting(100, Preempt::Never));
    lan.run_until(at(5.0));
    lan.suspend("a", seconds(20.0));
    lan.run_until(at(40.0));
    assert_eq!(
        lan.timeline(),
        "   3.414062500 a: Backup -> Active
             -- a suspended for 20s
   8.023537500 b: Backup -> Active
  25.000000000 a: Active -> Backup
"
    );
}

// One that finds in its socket what a lower priority said meanwhile is Active by RFC 9568 §6.4.3, and the other yields.
#[test]
fn a_stalled_active_that_finds_a_lower_priority_in_its_socket_stays() {
    let mut lan = pair(preempting(150, Preempt::Never), preempting(100, Preempt::Never));
    lan.run_until(at(5.0));
    lan.stall("a", seconds(20.0));
    lan.run_until(at(40.0));
    assert_eq!((lan.role("a"), lan.role("b")), (Some(Role::Active), Some(Role::Backup)));
    assert_eq!(lan.timeline().matches("a: ").count(), 1, "{}", lan.story());
}

#[test]
fn a_lone_suspended_active_is_back_after_one_interval_and_the_skew() {
    let mut lan = Lan::new([Host::new("a", 1).instance(contender(150))]);
    lan.run_until(at(5.0));
    lan.suspend("a", seconds(20.0));
    lan.run_until(at(40.0));
    insta::assert_snapshot!(lan.story());
}

#[test]
fn a_backup_that_was_suspended_does_not_take_its_own_sleep_for_silence() {
    let mut lan = pair(contender(150), contender(100));
    lan.run_until(at(5.0));
    lan.suspend("b", seconds(20.0));
    lan.run_until(at(40.0));
    assert_eq!(lan.timeline().matches("b: ").count(), 0, "{}", lan.story());
}

// ===== Versions and intervals =====

#[test]
fn the_skew_grows_with_the_interval_in_v3_and_not_in_v2() {
    for version in [Version::V2, Version::V3] {
        let slow = |priority| Parameters {
            version,
            advertisement_interval: Duration::from_secs(4),
            ..contender(priority)
        };
        let mut lan = pair(slow(150), slow(100));
        lan.run_until(at(20.0));
        lan.crash("a");
        lan.run_until(at(60.0));
        insta::assert_snapshot!(format!("skew_of_{version:?}"), lan.story());
    }
}

#[test]
fn a_backup_learns_the_interval_of_the_active_router() {
    let slow = Parameters { advertisement_interval: seconds(3.0), ..contender(150) };
    let mut lan = pair(slow, contender(100));
    lan.run_until(at(25.0));
    lan.crash("a");
    lan.run_until(at(45.0));
    insta::assert_snapshot!(lan.chronicle());
}

#[test]
fn fewer_down_timer_adverts_make_a_faster_failover() {
    let fast = Parameters { down_timer_adverts: 1, ..contender(100) };
    let mut lan = pair(contender(150), fast);
    lan.run_until(at(10.0));
    lan.crash("a");
    lan.run_until(at(15.0));
    insta::assert_snapshot!(lan.story());
}

// ===== Two owners =====

#[test]
fn of_two_owners_the_lower_address_gives_way() {
    let mut lan = pair(owner(), owner());
    lan.run_until(at(10.0));
    insta::assert_snapshot!(lan.chronicle());
}

#[test]
fn an_owner_gives_way_to_one_that_hears_nobody_and_returns_after_it() {
    let deaf = Parameters { owner_adverts: OwnerAdverts::Ignore, ..owner() };
    let mut lan = pair(deaf, owner());
    lan.run_until(at(10.0));
    lan.crash("a");
    lan.run_until(at(20.0));
    insta::assert_snapshot!(lan.chronicle());
}

// ===== Tracking =====

fn tracking(priority: u8, weight: Weight) -> Host {
    let mut parameters = contender(priority);
    parameters.tracking.push(Tracking { tracker: vrrp::TrackerId(1), weight });
    Host::new("a", 1).instance(parameters).tracker(1)
}

#[test]
fn a_weight_lowers_the_priority_below_the_backup_and_raises_it_again() {
    let weight = Weight::Priority { weight: -60, reverse: false };
    let mut lan = Lan::new([tracking(150, weight), Host::new("b", 2).instance(contender(100))]);
    lan.run_until(at(5.0));
    lan.track("a", 1, TrackerState::Down);
    lan.run_until(at(15.0));
    lan.track("a", 1, TrackerState::Up);
    lan.run_until(at(25.0));
    insta::assert_snapshot!(lan.chronicle());
}

#[test]
fn a_tracker_without_weight_is_a_fault() {
    let weight = Weight::Fault { reverse: false };
    let mut lan = Lan::new([tracking(150, weight), Host::new("b", 2).instance(contender(100))]);
    lan.run_until(at(5.0));
    lan.track("a", 1, TrackerState::Down);
    lan.run_until(at(10.0));
    lan.track("a", 1, TrackerState::Up);
    lan.run_until(at(20.0));
    insta::assert_snapshot!(lan.story());
}

#[test]
fn a_number_counts_with_its_weight_and_is_a_fault_where_it_is_low_enough() {
    let weight = Weight::Priority { weight: 2, reverse: false };
    let mut lan = Lan::new([tracking(150, weight), Host::new("b", 2).instance(contender(100))]);
    lan.run_until(at(5.0));
    lan.track("a", 1, TrackerState::Value(-30));
    lan.run_until(at(15.0));
    lan.track("a", 1, TrackerState::Value(-127));
    lan.run_until(at(20.0));
    lan.track("a", 1, TrackerState::Value(0));
    lan.run_until(at(30.0));
    insta::assert_snapshot!(lan.story());
}
