//! Sync groups: all members of a host or none.

use sim::{Host, Lan, at, router, seconds};
use vrrp::{FaultReason, Role};

/// Two routers of the same priorities in a group.
fn member(name: &str, last_octet: u8, first: u8, second: u8) -> Host {
    Host::new(name, last_octet)
        .instance(router(1, first))
        .instance(router(2, second))
        .group(&[1, 2])
}

#[test]
fn a_group_becomes_active_when_the_last_member_agrees() {
    let mut lan = Lan::new([member("a", 1, 200, 100)]);
    lan.run_until(at(10.0));
    insta::assert_snapshot!(lan.chronicle());
}

#[test]
fn a_fault_of_one_member_moves_the_whole_group_to_the_other_host() {
    let mut lan = Lan::new([member("a", 1, 150, 150), member("b", 2, 100, 100)]);
    lan.run_until(at(5.0));
    lan.fault("a", 1, FaultReason::InterfaceDown, true);
    lan.run_until(at(10.0));
    lan.fault("a", 2, FaultReason::SocketFailed, true);
    lan.fault("a", 1, FaultReason::InterfaceDown, false);
    lan.run_until(at(15.0));
    lan.fault("a", 2, FaultReason::SocketFailed, false);
    lan.run_until(at(25.0));
    insta::assert_snapshot!(lan.story());
}

#[test]
fn a_member_that_hears_its_better_takes_its_group_along() {
    let mut lan = Lan::new([member("a", 1, 100, 100), Host::new("b", 2).instance(router(1, 150))]);
    lan.unplug("b");
    lan.run_until(at(10.0));
    lan.plug("b");
    lan.run_until(at(30.0));
    assert_eq!(lan.role_of("a", 1), Some(Role::Backup));
    assert_eq!(lan.role_of("a", 2), Some(Role::Backup));
    insta::assert_snapshot!(lan.story());
}

#[test]
fn a_group_that_starts_with_a_fault_starts_in_fault_as_a_whole() {
    let mut lan = Lan::new([member("a", 1, 150, 150).faulty(2, FaultReason::InterfaceMissing)]);
    lan.run_until(at(5.0));
    lan.fault("a", 2, FaultReason::InterfaceMissing, false);
    lan.run_until(at(10.0));
    insta::assert_snapshot!(lan.chronicle());
}

#[test]
fn a_lower_priority_heard_by_one_member_makes_the_whole_group_announce() {
    let mut lan = Lan::new([member("a", 1, 150, 150), Host::new("b", 2).instance(router(1, 50))]);
    lan.unplug("b");
    lan.run_until(at(10.5));
    lan.plug("b");
    lan.run_until(at(11.0));
    let chronicle = lan.chronicle();
    let bursts: Vec<&str> =
        chronicle.lines().filter(|line| line.ends_with("for LowerPriority")).collect();
    assert_eq!(bursts.len(), 2, "{chronicle}");
}

#[test]
fn a_member_added_by_reload_joins_an_active_group_without_taking_it_down() {
    let mut lan = Lan::new([
        Host::new("a", 1).instance(router(1, 150)).group(&[1]),
        Host::new("b", 2).instance(router(1, 100)).group(&[1]),
    ]);
    lan.run_until(at(5.0));
    lan.reload("b", member("b", 2, 100, 100));
    lan.run_until(at(6.0));
    lan.reload("a", member("a", 1, 150, 150));
    lan.run_until(at(20.0));
    lan.crash("a");
    lan.run_until(at(30.0));
    insta::assert_snapshot!(lan.story());
}

#[test]
fn running_instances_that_become_a_group_stay_active() {
    let apart = |name: &str, last: u8, priority: u8| {
        Host::new(name, last).instance(router(1, priority)).instance(router(2, priority))
    };
    let mut lan = Lan::new([apart("a", 1, 150), apart("b", 2, 100)]);
    lan.run_until(at(5.0));
    lan.reload("a", apart("a", 1, 150).group(&[1, 2]));
    lan.reload("b", apart("b", 2, 100).group(&[1, 2]));
    lan.run_for(seconds(10.0));
    lan.reload("a", apart("a", 1, 150));
    lan.run_for(seconds(10.0));
    insta::assert_snapshot!(lan.story());
}
