//! Three routers: exactly one of those that stand by follows.

use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::scenario::{START, Scenario, Stage};
use conformance::stream::Mark;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("the_next_best_follows_each_time", EACH, one_by_one).mixed().three(),
    Scenario::new("of_three_equals_the_highest_address_wins", EACH, equals).mixed().three(),
    Scenario::new("a_resignation_is_followed_by_the_better_one", EACH, resignation).mixed().three(),
];

const EACH: &[Flavour] = Flavour::MATRIX;

fn start_all(stage: &mut Stage, priorities: [u8; 3]) -> Result<()> {
    for (name, priority) in ["a", "b", "c"].into_iter().zip(priorities) {
        let instance = stage.instance(priority);
        stage.start(name, &instance)?;
    }
    Ok(())
}

/// All three stand by or advertise, and `active` alone holds the address.
fn settle(stage: &mut Stage, active: &str) -> Result<()> {
    let within = stage.flavour.down_interval(1) * 2 + START;
    stage.lab.capture.expect_advert(active, Mark::START, within, |a| a.priority > 0)?;
    stage.lab.expect_holders(stage.address(), &[active], within)?;
    for name in ["a", "b", "c"] {
        stage.lab.node(name)?.expect_log("Entering BACKUP STATE", Mark::START, within)?;
    }
    stage.expect_calm(active, 3)
}

/// Nothing of `node` from `since` on.
fn expect_silence(stage: &Stage, node: &str, since: Mark) -> Result<()> {
    let sent = stage.lab.capture.adverts(node, since);
    ensure!(sent.is_empty(), "{node} sent {sent:?}");
    Ok(())
}

fn one_by_one(stage: &mut Stage) -> Result<()> {
    start_all(stage, [150, 100, 50])?;
    settle(stage, "a")?;
    let since = stage.lab.capture.mark();
    stage.lab.set_port("a", false)?;
    stage.expect_takeover("b", since, stage.flavour.down_interval(100), &[])?;
    stage.expect_calm("b", 3)?;
    expect_silence(stage, "c", since)?;
    let since = stage.lab.capture.mark();
    stage.lab.set_port("b", false)?;
    stage.expect_takeover("c", since, stage.flavour.down_interval(50), &[])?;
    stage.lab.set_port("a", true)?;
    let within = stage.flavour.down_interval(1) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.lab.set_port("b", true)?;
    stage.expect_calm("a", 5)
}

/// Parted from each other all three become Active; together again two of them yield.
fn equals(stage: &mut Stage) -> Result<()> {
    for name in ["a", "b"] {
        stage.lab.set_partition(name, true)?;
    }
    start_all(stage, [100, 100, 100])?;
    let within = stage.flavour.down_interval(100) + START;
    stage.lab.expect_holders(stage.address(), &["a", "b", "c"], within)?;
    for name in ["a", "b"] {
        stage.lab.set_partition(name, false)?;
    }
    let within = stage.flavour.interval() * 3 + Duration::from_millis(500);
    stage.lab.expect_holders(stage.address(), &["c"], within)?;
    stage.expect_calm("c", 4)
}

fn resignation(stage: &mut Stage) -> Result<()> {
    start_all(stage, [150, 50, 100])?;
    settle(stage, "a")?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.stop()?;
    stage.expect_takeover("c", since, stage.flavour.skew(100), &[])?;
    stage.expect_calm("c", 3)?;
    expect_silence(stage, "b", since)
}
