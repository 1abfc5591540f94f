//! Deaths, cables and partitions.

use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, START, Scenario, Stage};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_crash_is_followed_by_a_takeover_and_a_return", EACH, crash).mixed(),
    Scenario::new("a_link_taken_down_is_fault_and_comes_back", EACH, own_link).mixed(),
    Scenario::new("a_cable_pulled_at_the_switch_is_fault_and_comes_back", EACH, cable).mixed(),
    Scenario::new(
        "a_frozen_daemon_is_replaced_and_yields_when_it_wakes",
        &[Flavour::V3Ipv4],
        frozen,
    ),
    Scenario::new(
        "a_client_is_answered_again_within_the_bound",
        &[Flavour::V3Ipv4, Flavour::V3Ipv6],
        client,
    ),
    Scenario::new(
        "a_link_down_at_the_start_is_fault_until_it_comes_up",
        &[Flavour::V3Ipv4],
        link_down_at_start,
    ),
];

const EACH: &[Flavour] = &[Flavour::V2Pass, Flavour::V3Ipv4, Flavour::V3Ipv6];

/// Waits until `a` has taken everything back.
fn expect_return(stage: &Stage) -> Result<()> {
    let within = stage.flavour.down_interval(1) + START + SLACK;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.expect_calm("a", 3)
}

/// Every process at once: nobody says goodbye, the dead node's kernel keeps the address for now.
fn crash(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.crash()?;
    stage.expect_takeover("b", since, stage.flavour.down_interval(100), &["a"])?;
    let instance = stage.instance(150);
    stage.start("a", &instance)?;
    // A new start first clears what the dead one left.
    let held = stage.flavour.interval() + START;
    stage.lab.expect_holders(stage.address(), &["b"], held)?;
    expect_return(stage)
}

fn own_link(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let (since, log) = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    stage.lab.node("a")?.set_link(false)?;
    stage.expect_takeover("b", since, stage.flavour.down_interval(100), &[])?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE", log, SLACK)?;
    stage.lab.node("a")?.set_link(true)?;
    expect_return(stage)
}

fn cable(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let (since, log) = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    stage.lab.set_port("a", false)?;
    stage.expect_takeover("b", since, stage.flavour.down_interval(100), &[])?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE", log, SLACK)?;
    stage.lab.set_port("a", true)?;
    expect_return(stage)
}

/// Stopped longer than the other one waits; awake again, it must not stay Active beside it for long.
fn frozen(stage: &mut Stage) -> Result<()> {
    let (a, b) = (stage.instance(100), stage.instance(150).line("state BACKUP").line("nopreempt"));
    stage.start("a", &a)?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.start("b", &b)?;
    stage.settle("a", "b", 51)?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.freeze(true)?;
    stage.expect_takeover("b", since, stage.flavour.down_interval(150), &["a"])?;
    stage.lab.node("a")?.freeze(false)?;
    stage.lab.expect_holders(stage.address(), &["b"], stage.flavour.interval() * 2 + SLACK)?;
    stage.expect_calm("b", 3)
}

/// The longest silence that a client sees after a cable was pulled: the takeover's bound.
fn client(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    let every = Duration::from_millis(10);
    let pinger = stage.lab.ping(stage.address(), every)?;
    pinger.expect_answer(&stage.lab.capture, "a", since, Duration::from_secs(2))?;
    let cut = stage.lab.capture.mark();
    stage.lab.set_port("a", false)?;
    let bound = stage.flavour.down_interval(100);
    pinger.expect_answer(&stage.lab.capture, "b", cut, bound + SLACK)?;
    let gap = pinger.longest_gap(&stage.lab.capture, since);
    // The cable may have been pulled a whole interval after the last advert.
    let least = bound - stage.flavour.interval() - SLACK / 10;
    ensure!(gap >= least && gap <= bound + SLACK, "{gap:?} without an answer, expected {bound:?}");
    Ok(())
}

fn link_down_at_start(stage: &mut Stage) -> Result<()> {
    stage.lab.node("a")?.set_link(false)?;
    let instance = stage.instance(150);
    let log = stage.lab.node("a")?.log_mark();
    stage.start("a", &instance)?;
    stage.lab.node("a")?.expect_log("FAULT", log, START)?;
    let (since, log) = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    stage.lab.node("a")?.set_link(true)?;
    let within = stage.flavour.down_interval(150) + SLACK;
    stage.lab.node("a")?.expect_log("Entering BACKUP STATE", log, SLACK)?;
    stage.lab.capture.expect_advert("a", since, within, |_| true)?;
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)
}
