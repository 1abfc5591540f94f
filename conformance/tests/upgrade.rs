//! The program of a running daemon replaced in place: what neighbours and the other router see of it, which is nothing.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use conformance::configuration::{Instance, file};
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::subject::Subject;

use crate::supervision::ensure_unnoticed;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("an_upgrade_of_the_active_router_is_no_transition", EACH, of_active)
        .mixed()
        .ours_at("a")
        .privileged(),
    Scenario::new("an_upgrade_of_a_backup_is_no_transition", EACH, of_backup)
        .mixed()
        .ours_at("b")
        .privileged(),
    Scenario::new("an_upgrade_of_255_instances_is_no_transition", V3, of_many)
        .mixed()
        .ours_at("a")
        .privileged(),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4];
const EACH: &[Flavour] = Flavour::MATRIX;

/// Has the program of the daemon on `node` replaced, by itself: what is replaced makes no difference to the others.
fn upgrade(stage: &mut Stage, node: &str) -> Result<()> {
    let log = stage.lab.node(node)?.log_mark();
    let pid = stage.lab.node(node)?.file("p1");
    let pid = pid.to_str().context("a path")?;
    let said = stage.lab.node(node)?.ask(Subject::Ours, &["upgrade", "--pid", pid])?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    stage.lab.node(node)?.expect_log("Took over", log, SLACK)?;
    Ok(())
}

fn of_active(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    let other = stage.lab.node("b")?.log_mark();
    for _ in 0..3 {
        upgrade(stage, "a")?;
        stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)?;
    }
    ensure_unnoticed(stage, since)?;
    stage.lab.node("b")?.expect_no_log("Entering", other)?;
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

/// It would begin as Active, if it began.
fn of_backup(stage: &mut Stage) -> Result<()> {
    let (a, b) = (stage.instance(150), stage.instance(100).line("state MASTER"));
    stage.elect_as(&a, &b)?;
    let since = stage.lab.capture.mark();
    let other = stage.lab.node("a")?.log_mark();
    for _ in 0..3 {
        upgrade(stage, "b")?;
    }
    let span = stage.flavour.down_interval(100) + stage.flavour.interval();
    stage.lab.capture.expect_none("takeover", since, span, |f| {
        f.advert().is_some_and(|a| f.node != "a" || a.priority == 0)
    })?;
    stage.lab.node("a")?.expect_no_log("Entering", other)?;
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

/// All identifiers of one interface: each goes on within two intervals, as its other router expects.
fn of_many(stage: &mut Stage) -> Result<()> {
    let all = 1..=255_u8;
    for (name, priority) in [("a", 150), ("b", 100)] {
        let instances: Vec<Instance> = all
            .clone()
            .map(|n| {
                let name: &'static str = Box::leak(format!("VI_{n}").into_boxed_str());
                let address = format!("198.18.0.{n}/24");
                let instance = stage.instance(priority).named(name, n).addresses(&[&address]);
                instance.interval(INTERVAL)
            })
            .collect();
        stage.start_with(name, &file(&[], &instances))?;
    }
    let addresses = || all.clone().map(|n| IpAddr::from([198, 18, 0, n]));
    let within = INTERVAL * 8 + START * 2;
    for address in addresses() {
        stage.lab.expect_holders(address, &["a"], within)?;
    }
    // Each was heard by the other router.
    let mark = stage.lab.capture.mark();
    let beat = INTERVAL * 2 + SLACK;
    stage.lab.capture.expect_none("advert of the other", mark, beat, |f| {
        f.node != "a" && f.advert().is_some()
    })?;
    let since = stage.lab.capture.mark();
    upgrade(stage, "a")?;
    stage.lab.capture.expect_none("takeover or resignation", since, INTERVAL * 5, |f| {
        f.advert().is_some_and(|a| f.node != "a" || a.priority == 0)
    })?;
    let adverts = stage.lab.capture.adverts("a", since);
    let heard: BTreeSet<u8> = adverts.iter().map(|(_, advert)| advert.vrid).collect();
    ensure!(heard.len() == 255, "{} of 255 go on", heard.len());
    for vrid in all.clone() {
        let times = adverts.iter().filter(|(_, advert)| advert.vrid == vrid).map(|(at, _)| *at);
        let times: Vec<_> = times.collect();
        let gaps = times.iter().zip(times.iter().skip(1)).map(|(x, y)| y.since(*x));
        let longest = gaps.max().unwrap_or_default();
        ensure!(longest <= INTERVAL * 2, "{longest:?} between two adverts of {vrid}");
    }
    for address in addresses() {
        stage.lab.expect_holders(address, &["a"], Duration::ZERO)?;
    }
    Ok(())
}

const INTERVAL: Duration = Duration::from_secs(1);
