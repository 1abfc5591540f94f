//! BFD: `bfd_instance` and `track_bfd`.

use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::configuration::file;
use conformance::flavour::Flavour;
use conformance::frr;
use conformance::moment::Moment;
use conformance::scenario::{EARLY, SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_session_that_expires_is_fault", EACH, expires).mixed(),
    Scenario::new("a_session_over_hops_comes_up", V3, over_hops).only(Subject::Ours),
    Scenario::new("a_router_that_stops_in_order_is_no_fault", V3, stops).only(Subject::Ours),
    Scenario::new("an_incumbent_that_stops_falls_silent", V3, stops_silently)
        .only(Subject::Keepalived),
    Scenario::new("a_session_with_weight_changes_the_priority", V3, weighted),
    Scenario::new("a_session_with_frr_comes_up_and_each_end_notices_the_other_end", V3, with_frr)
        .needing(frr)
        .privileged(),
    Scenario::new("a_session_with_frr_over_ipv6", V3_IPV6, with_frr)
        .only(Subject::Ours)
        .needing(frr)
        .privileged(),
    Scenario::new("frr_refuses_the_hop_limit_of_the_incumbent", V3_IPV6, refused_by_frr)
        .only(Subject::Keepalived)
        .needing(frr)
        .privileged(),
    Scenario::new("a_session_with_frr_over_hops", EACH, with_frr_over_hops)
        .only(Subject::Ours)
        .needing(frr)
        .privileged(),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4];
const V3_IPV6: &[Flavour] = &[Flavour::V3Ipv6];
const EACH: &[Flavour] = &[Flavour::V3Ipv4, Flavour::V3Ipv6];

fn frr() -> Result<(), String> {
    frr::provide().map(|_| ())
}

/// The address of router `number`.
fn address(stage: &Stage, number: u8) -> String {
    match stage.flavour {
        Flavour::V3Ipv6 => format!("2001:db8::{number}"),
        Flavour::V2 | Flavour::V2Pass | Flavour::V3Ipv4 => format!("192.0.2.{number}"),
    }
}

/// Both routers have a session with each other; the instance of `a`, of priority 150, tracks it with these words.
fn start(stage: &mut Stage, more: &str, words: &str) -> Result<()> {
    let (one, two) = (session(stage, 1, 2, more), session(stage, 2, 1, more));
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

/// A session of router `own` with router `other`: each waits 4 x 100 ms.
fn session(stage: &Stage, own: u8, other: u8, more: &str) -> String {
    format!(
        "bfd_instance peer {{\n    neighbor_ip {}\n    source_ip {}\n    min_rx 100\n    min_tx 100\n    \
         multiplier 4\n    {more}\n}}",
        address(stage, other),
        address(stage, own)
    )
}

/// The daemon of FRR on `b`, with such a session too.
fn start_frr(stage: &mut Stage, words: &str) -> Result<()> {
    let peer = format!("peer {}{words} local-address {}", address(stage, 1), address(stage, 2));
    let lines = " receive-interval 100\n  transmit-interval 100\n  detect-multiplier 4";
    let configuration = format!("debug bfd peer\ndebug bfd network\nbfd\n {peer}\n {lines}\n");
    frr::start(stage.lab.node("b")?, &configuration)
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

fn with_frr(stage: &mut Stage) -> Result<()> {
    meet_frr(stage, "", "")
}

fn with_frr_over_hops(stage: &mut Stage) -> Result<()> {
    meet_frr(stage, " multihop", "multihop\n    max_hops 3")
}

/// A session that comes up, ends when FRR stands still, comes up again, and ends for FRR when the other end stands still.
fn meet_frr(stage: &mut Stage, words: &str, more: &str) -> Result<()> {
    start_frr(stage, words)?;
    let text = session(stage, 1, 2, more);
    let a = stage.instance(150).line("track_bfd {").line("    peer").line("}");
    stage.start_with("a", &file(&[&text], &[a]))?;
    let up = START * 2;
    stage.lab.node("a")?.expect_log("(peer) Entering Up state", Mark::START, up)?;
    stage.lab.node("b")?.expect_log("-> up", Mark::START, up)?;
    // Meanwhile each end confirms what the other asked for, and both send each 100 ms.
    settled(stage)?;
    stage.expect_calm("a", 4)?;

    let log = stage.lab.node("a")?.log_mark();
    stage.lab.node("b")?.freeze(true)?;
    let took = noticed(stage, "a", "(peer) Expired after", log)?;
    println!("{} notices FRR's silence after {took:?}", stage.pair);
    stage.lab.node("b")?.freeze(false)?;
    stage.lab.node("a")?.expect_log("(peer) Entering Up state", log, up)?;
    settled(stage)?;
    stage.expect_calm("a", 4)?;

    let log = stage.lab.node("b")?.log_mark();
    stage.lab.node("a")?.freeze(true)?;
    let took = noticed(stage, "b", "up -> down reason:control-expired", log)?;
    println!("FRR notices the silence of {} after {took:?}", stage.pair);
    stage.lab.node("a")?.freeze(false)
}

/// How long it took from now until `node` has said so: four intervals from the last packet, of which the sender may
/// have shortened the last by a quarter.
fn noticed(stage: &mut Stage, node: &str, line: &str, since: Mark) -> Result<Duration> {
    let began = Moment::now();
    let line = stage.lab.node(node)?.expect_log(line, since, Duration::from_millis(400) + SLACK)?;
    let took = line.at.since(began);
    ensure!(took + EARLY >= Duration::from_millis(300), "noticed after {took:?}");
    Ok(took)
}

fn refused_by_frr(stage: &mut Stage) -> Result<()> {
    start_frr(stage, "")?;
    let text = session(stage, 1, 2, "");
    let a = stage.instance(150);
    stage.start_with("a", &file(&[&text], &[a]))?;
    stage.lab.node("b")?.expect_log("invalid TTL: 64 expected 255", Mark::START, START * 2)?;
    stage.lab.node("a")?.expect_no_log("(peer) Entering Up state", Mark::START)
}
