//! Reloads: nothing more happens than the change needs.

use sim::{Host, Lan, at, contender, router, seconds};
use vrrp::{Mode, Parameters, Role};
use wire::Version;

fn host(name: &str, last_octet: u8, parameters: Parameters) -> Host {
    Host::new(name, last_octet).instance(parameters)
}

fn pair() -> Lan {
    let mut lan = Lan::new([host("a", 1, contender(150)), host("b", 2, contender(100))]);
    lan.run_until(at(10.2));
    assert_eq!(lan.active(1), ["a"]);
    lan
}

#[test]
fn an_equal_configuration_causes_nothing() {
    let mut lan = pair();
    let before = lan.performed();
    lan.reload("a", host("a", 1, contender(150)));
    lan.reload("b", host("b", 2, contender(100)));
    assert_eq!(lan.performed(), before);
}

#[test]
fn a_higher_priority_preempts_when_the_timer_fires_without_a_restart() {
    let mut lan = pair();
    lan.reload("b", host("b", 2, contender(200)));
    lan.run_until(at(20.0));
    insta::assert_snapshot!(lan.chronicle());
}

#[test]
fn an_address_added_on_the_active_host_only_moves_nobody() {
    let mut lan = pair();
    let before = lan.performed();
    let mut more = contender(150);
    more.addresses.push("10.0.1.77".parse().unwrap());
    lan.reload("a", host("a", 1, more));
    assert_eq!(lan.performed(), before);
    lan.run_until(at(60.0));
    assert_eq!(lan.timeline(), "   3.414062500 a: Backup -> Active\n             -- a reloaded\n");
}

#[test]
fn a_longer_interval_is_told_before_anyone_misses_an_advertisement() {
    let mut lan = pair();
    let slow = Parameters { advertisement_interval: seconds(10.0), ..contender(150) };
    lan.reload("a", host("a", 1, slow));
    lan.run_until(at(100.0));
    insta::assert_snapshot!(lan.chronicle());
}

#[test]
fn another_version_restarts_the_router_which_resigns_first() {
    let mut lan = pair();
    let older = |priority| Parameters { version: Version::V2, ..contender(priority) };
    lan.reload("a", host("a", 1, older(150)));
    lan.reload("b", host("b", 2, older(100)));
    lan.run_until(at(20.0));
    insta::assert_snapshot!(lan.story());
}

#[test]
fn a_removed_instance_resigns_and_a_new_one_starts_as_backup() {
    let mut lan = pair();
    lan.reload("a", Host::new("a", 1));
    lan.run_until(at(15.0));
    lan.reload("a", host("a", 1, contender(150)));
    lan.run_until(at(20.0));
    insta::assert_snapshot!(lan.story());
}

#[test]
fn a_backup_that_becomes_owner_does_not_wait() {
    let mut lan = pair();
    lan.reload("b", host("b", 2, Parameters { mode: Mode::Owner, ..contender(100) }));
    lan.run_until(at(15.0));
    insta::assert_snapshot!(lan.story());
}

#[test]
fn other_instances_do_not_notice_a_new_one() {
    let mut lan = pair();
    lan.reload("a", host("a", 1, contender(150)).instance(router(2, 90)));
    lan.run_until(at(20.0));
    assert_eq!(lan.role_of("a", 1), Some(Role::Active));
    assert_eq!(lan.role_of("a", 2), Some(Role::Active));
    insta::assert_snapshot!(lan.story());
}
