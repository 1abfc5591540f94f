//! Accept_Mode: whether a router that does not own an address answers for more than its link (RFC 9568 §6.1).

use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_ping_is_answered", BOTH, accepts),
    Scenario::new("no_accept_leaves_a_ping_unanswered", BOTH, refuses),
    Scenario::new("strict_mode_leaves_a_ping_unanswered", V3IPV4, strict),
    Scenario::new("strict_mode_with_accept_answers_a_ping", V3IPV4, strict_accepts),
];

const BOTH: &[Flavour] = &[Flavour::V3Ipv4, Flavour::V3Ipv6];
const V3IPV4: &[Flavour] = &[Flavour::V3Ipv4];
const EVERY: Duration = Duration::from_millis(50);

/// Starts `a` with these lines more and lets a client ping its address.
fn pings(stage: &mut Stage, lines: &[&str], answered: bool) -> Result<()> {
    let instance = lines.iter().fold(stage.instance(150), |instance, line| instance.line(line));
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(150) + START;
    let address = stage.address();
    stage.lab.expect_holders(address, &["a"], within)?;
    let pinger = stage.lab.ping(address, EVERY)?;
    if answered {
        pinger.expect_answer(&stage.lab.capture, "a", Mark::START, SLACK)?;
        return Ok(());
    }
    // The address is resolved, and that is all.
    std::thread::sleep(EVERY * 20);
    let answers = pinger.answers(&stage.lab.capture, Mark::START);
    ensure!(answers.is_empty(), "{answers:?}");
    Ok(())
}

fn accepts(stage: &mut Stage) -> Result<()> {
    pings(stage, &[], true)
}

fn refuses(stage: &mut Stage) -> Result<()> {
    pings(stage, &["no_accept"], false)
}

fn strict(stage: &mut Stage) -> Result<()> {
    pings(stage, &["strict_mode on"], false)
}

fn strict_accepts(stage: &mut Stage) -> Result<()> {
    pings(stage, &["strict_mode on", "accept"], true)
}
