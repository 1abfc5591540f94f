//! `track_interface`, with and without weight.

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, START, Scenario, Stage};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_tracked_interface_without_weight_is_fault", V3, unweighted),
    Scenario::new("a_tracked_interface_with_weight_changes_the_priority", V3, weighted).mixed(),
    Scenario::new("a_positive_weight_counts_while_the_interface_is_up", V3, positive),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4];

/// `a` watches `t0` with these words after its name.
fn elect(stage: &mut Stage, priority: u8, words: &str) -> Result<()> {
    let space = stage.lab.node("a")?.space().clone();
    space.run("ip link add t0 type veth peer name t1")?;
    space.run("ip link set t1 up")?;
    space.run("ip link set t0 up")?;
    let a = stage
        .instance(priority)
        .line("track_interface {")
        .line(&format!("    t0{words}"))
        .line("}");
    let b = stage.instance(100);
    stage.elect_as(&a, &b)
}

fn set_tracked(stage: &mut Stage, up: bool) -> Result<()> {
    let state = if up { "up" } else { "down" };
    stage.lab.node("a")?.space().run(&format!("ip link set t0 {state}"))?;
    Ok(())
}

fn unweighted(stage: &mut Stage) -> Result<()> {
    elect(stage, 150, "")?;
    let (since, log) = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    set_tracked(stage, false)?;
    stage.lab.capture.expect_advert("a", since, SLACK, |a| a.priority == 0)?;
    stage.expect_takeover("b", since, stage.flavour.skew(100), &[])?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE", log, SLACK)?;
    set_tracked(stage, true)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

/// 150 - 60 is less than 100, so `b` preempts after its own timer; nobody resigns.
fn weighted(stage: &mut Stage) -> Result<()> {
    elect(stage, 150, " weight -60")?;
    let (since, log) = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    set_tracked(stage, false)?;
    let within = stage.flavour.interval() + SLACK;
    stage.lab.capture.expect_advert("a", since, within, |a| a.priority == 90)?;
    let node = stage.lab.node("a")?;
    node.expect_log("Changing effective priority from 150 to 90", log, SLACK)?;
    let within = stage.flavour.down_interval(100) + SLACK;
    stage.lab.expect_holders(stage.address(), &["b"], within + SLACK)?;
    let sent = stage.lab.capture.adverts("a", since);
    ensure!(sent.iter().all(|(_, a)| a.priority > 0), "resigned: {sent:?}");
    set_tracked(stage, true)?;
    let within = stage.flavour.down_interval(90) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.priority == 150, "priority {}", advert.priority);
    Ok(())
}

fn positive(stage: &mut Stage) -> Result<()> {
    elect(stage, 80, " weight 40")?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.priority == 120, "priority {}", advert.priority);
    let since = stage.lab.capture.mark();
    set_tracked(stage, false)?;
    let within = stage.flavour.interval() + SLACK;
    stage.lab.capture.expect_advert("a", since, within, |a| a.priority == 80)?;
    let within = stage.flavour.down_interval(100) + SLACK;
    stage.lab.expect_holders(stage.address(), &["b"], within + SLACK)
}
