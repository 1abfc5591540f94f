//! BFD: `bfd_instance` and `track_bfd`.

use std::time::Duration;

use anyhow::Result;
use conformance::configuration::file;
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_session_that_expires_is_fault", EACH, expires).mixed(),
    Scenario::new("a_session_over_hops_comes_up", V3, over_hops).only(Subject::Ours),
    Scenario::new("a_router_that_stops_in_order_is_no_fault", V3, stops).only(Subject::Ours),
    Scenario::new("an_incumbent_that_stops_falls_silent", V3, stops_silently)
        .only(Subject::Keepalived),
    Scenario::new("a_session_with_weight_changes_the_priority", V3, weighted),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4];
const EACH: &[Flavour] = &[Flavour::V3Ipv4, Flavour::V3Ipv6];

/// Both routers have a session with each other; the instance of `a`, of priority 150, tracks it with these words.
fn start(stage: &mut Stage, more: &str, words: &str) -> Result<()> {
    let address = |number: u8| match stage.flavour {
        Flavour::V3Ipv6 => format!("2001:db8::{number}"),
        Flavour::V2 | Flavour::V2Pass | Flavour::V3Ipv4 => format!("192.0.2.{number}"),
    };
    let session = |own: u8, other: u8| {
        format!(
            "bfd_instance peer {{\n    neighbor_ip {}\n    source_ip {}\n    min_rx 100\n    min_tx 100\n    \
             multiplier 4\n    {more}\n}}",
            address(other),
            address(own)
        )
    };
    let (one, two) = (session(1, 2), session(2, 1));
    let a = stage.instance(150).line("track_bfd {").line(&format!("    peer{words}")).line("}");
    let b = stage.instance(100);
    stage.start_with("a", &file(&[&one], &[a]))?;
    stage.start_with("b", &file(&[&two], &[b]))?;
    for name in ["a", "b"] {
        let node = stage.lab.node(name)?;
        node.expect_log("(peer) Entering Up state", Mark::START, START * 2)?;
    }
    Ok(())
}

fn settled(stage: &Stage) -> Result<()> {
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

fn expires(stage: &mut Stage) -> Result<()> {
    start(stage, "", "")?;
    settled(stage)?;
    let log = stage.lab.node("a")?.log_mark();
    stage.lab.set_partition("b", true)?;
    let within = Duration::from_millis(400) + SLACK;
    let node = stage.lab.node("a")?;
    node.expect_log("(peer) Expired after", log, within)?;
    node.expect_log("Entering FAULT STATE", log, within)?;
    let within = stage.flavour.down_interval(100) + SLACK;
    stage.lab.expect_holders(stage.address(), &["b"], within)?;
    stage.lab.set_partition("b", false)?;
    stage.lab.node("a")?.expect_log("(peer) Entering Up state", log, START * 2)?;
    settled(stage)
}

fn over_hops(stage: &mut Stage) -> Result<()> {
    start(stage, "multihop\n    max_hops 3", "")?;
    settled(stage)
}

fn stops(stage: &mut Stage) -> Result<()> {
    start(stage, "", "")?;
    settled(stage)?;
    let log = stage.lab.node("a")?.log_mark();
    stage.lab.node("b")?.stop()?;
    stage.lab.node("a")?.expect_log("(peer) Entering Down state", log, SLACK)?;
    stage.expect_calm("a", 3)?;
    settled(stage)
}

fn stops_silently(stage: &mut Stage) -> Result<()> {
    start(stage, "", "")?;
    settled(stage)?;
    let log = stage.lab.node("a")?.log_mark();
    stage.lab.node("b")?.stop()?;
    let node = stage.lab.node("a")?;
    node.expect_log("(peer) Expired after", log, Duration::from_millis(400) + SLACK)?;
    node.expect_log("Entering FAULT STATE", log, SLACK)?;
    Ok(())
}

fn weighted(stage: &mut Stage) -> Result<()> {
    start(stage, "", " weight 20")?;
    settled(stage)?;
    let within = stage.flavour.interval() + SLACK;
    let capture = &stage.lab.capture;
    capture.expect_advert("a", Mark::START, within, |a| a.priority == 170)?;
    stage.lab.set_partition("b", true)?;
    let within = Duration::from_millis(400) + within;
    let capture = &stage.lab.capture;
    capture.expect_advert("a", capture.mark(), within, |a| a.priority == 150)?;
    Ok(())
}
