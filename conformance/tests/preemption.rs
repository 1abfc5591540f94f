//! What a router of higher priority does when it finds an Active one.

use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::moment::Moment;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_higher_priority_that_comes_takes_over", EACH, preempts).mixed(),
    Scenario::new("nopreempt_leaves_the_lower_priority_active", EACH, nopreempt).mixed(),
    Scenario::new("preempt_delay_holds_the_takeover_back", &[Flavour::V3Ipv4], preempt_delay),
    Scenario::new("preempt_delay_does_not_delay_a_first_election", &[Flavour::V3Ipv4], delay_alone),
];

const EACH: &[Flavour] = &[Flavour::V2, Flavour::V2Pass, Flavour::V3Ipv4, Flavour::V3Ipv6];

/// Lets `b` of priority 100 become Active alone.
fn only_b(stage: &mut Stage) -> Result<()> {
    let instance = stage.instance(100);
    stage.start("b", &instance)?;
    let within = stage.flavour.down_interval(100) + START;
    stage.lab.capture.expect_advert("b", Mark::START, within, |_| true)?;
    stage.lab.expect_holders(stage.address(), &["b"], SLACK)
}

/// The moment at which `a` logged that it stands by.
fn standing_by(stage: &mut Stage) -> Result<Moment> {
    Ok(stage.lab.node("a")?.expect_log("Entering BACKUP STATE", Mark::START, START)?.at)
}

/// It hears adverts of lower priority, which do not restart its timer, and takes over when that has run.
fn preempts(stage: &mut Stage) -> Result<()> {
    only_b(stage)?;
    let b_log = stage.lab.node("b")?.log_mark();
    let instance = stage.instance(150);
    stage.start("a", &instance)?;
    let ready = standing_by(stage)?;
    let bound = stage.flavour.down_interval(150);
    let within = bound + SLACK;
    let (first, _) = stage.lab.capture.expect_advert("a", Mark::START, within, |_| true)?;
    let took = first.since(ready);
    ensure!(took + SLACK / 5 >= bound && took <= bound + SLACK, "{took:?}, expected {bound:?}");
    let b = stage.lab.node("b")?;
    b.expect_log("Entering BACKUP STATE", b_log, SLACK)?;
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)?;
    stage.expect_calm("a", 3)
}

fn nopreempt(stage: &mut Stage) -> Result<()> {
    only_b(stage)?;
    let instance = stage.instance(150).line("state BACKUP").line("nopreempt");
    stage.start("a", &instance)?;
    standing_by(stage)?;
    stage.expect_calm("b", 5)?;
    stage.lab.expect_holders(stage.address(), &["b"], SLACK)?;
    let since = stage.lab.capture.mark();
    stage.lab.node("b")?.stop()?;
    stage.expect_takeover("a", since, stage.flavour.skew(150), &[])
}

fn preempt_delay(stage: &mut Stage) -> Result<()> {
    only_b(stage)?;
    let instance = stage.instance(150).line("state BACKUP").line("preempt_delay 2");
    stage.start("a", &instance)?;
    let ready = standing_by(stage)?;
    let within = Duration::from_secs(5);
    let (first, _) = stage.lab.capture.expect_advert("a", Mark::START, within, |_| true)?;
    let took = first.since(ready);
    // The delay counts from the first advert heard; the timer that ran then is the one that ends it.
    let (least, most) =
        (Duration::from_secs(2), Duration::from_secs(2) + stage.flavour.down_interval(150) + SLACK);
    ensure!(took >= least && took <= most, "{took:?}, expected {least:?} to {most:?}");
    stage.lab.node("a")?.expect_log("start preempt delay", Mark::START, SLACK)?;
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)
}

fn delay_alone(stage: &mut Stage) -> Result<()> {
    let instance = stage.instance(150).line("state BACKUP").line("preempt_delay 20");
    stage.start("a", &instance)?;
    let ready = standing_by(stage)?;
    let within = stage.flavour.down_interval(150) + SLACK;
    let (first, _) = stage.lab.capture.expect_advert("a", Mark::START, within, |_| true)?;
    ensure!(first.since(ready) <= within, "after {:?}", first.since(ready));
    Ok(())
}
