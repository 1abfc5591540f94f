//! SIGHUP with another value of one keyword: what follows from it, and that nothing else does.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use conformance::configuration::Instance;
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use serde_json::Value;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_lowered_priority_gives_way", V3, lowered),
    Scenario::new("a_changed_priority_of_the_better_one_is_sent", V3, changed),
    Scenario::new("another_interval_is_kept_from_then_on", V3, interval),
    Scenario::new("another_identifier_is_another_router", V3, identifier),
    Scenario::new("another_password_on_both_ends_with_one_active", &[Flavour::V2Pass], password),
    Scenario::new("another_prefix_replaces_the_address", V3, prefix),
    Scenario::new("another_interface_is_moved_to", V3, interface),
    Scenario::new("a_tracked_interface_that_is_down_is_fault", V3, tracked),
    Scenario::new("a_backup_may_be_reloaded_at_any_time", V3, backup),
    Scenario::new("an_excluded_address_is_added_and_removed", V3, excluded),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4];

fn reload(stage: &mut Stage, name: &str, instance: &Instance) -> Result<()> {
    stage.lab.node(name)?.reload(&instance.render())
}

/// Time for an election that a reload starts anew.
fn election(stage: &Stage) -> Duration {
    stage.flavour.down_interval(1) * 2 + START
}

fn lowered(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let instance = stage.instance(50);
    reload(stage, "a", &instance)?;
    stage.lab.expect_holders(stage.address(), &["b"], election(stage))?;
    stage.expect_calm("b", 4)
}

fn changed(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    let instance = stage.instance(160);
    reload(stage, "a", &instance)?;
    let within = stage.flavour.interval() + SLACK;
    stage.lab.capture.expect_advert("a", since, within, |a| a.priority == 160)?;
    stage.expect_calm("a", 5)?;
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

fn interval(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    let every = Duration::from_millis(700);
    let instance = stage.instance(150).interval(every);
    reload(stage, "a", &instance)?;
    let capture = &stage.lab.capture;
    capture.expect_advert("a", since, election(stage), |a| a.interval == every)?;
    let since = capture.mark();
    let (first, _) = capture.expect_advert("a", since, every + SLACK, |_| true)?;
    let later = |f: &conformance::packet::Frame| f.node == "a" && f.at > first;
    let next = capture
        .expect("next advert", since, every + SLACK, |f| f.advert().is_some() && later(f))?;
    let gap = next.at.since(first);
    ensure!(gap + SLACK / 10 >= every && gap <= every + SLACK, "{gap:?} between two adverts");
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

fn identifier(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    let instance = stage.instance(150).named("VI_1", 61);
    reload(stage, "a", &instance)?;
    let capture = &stage.lab.capture;
    capture.expect_advert("a", since, election(stage), |a| a.vrid == 61 && a.priority == 150)?;
    capture.expect_advert("b", since, election(stage), |a| a.vrid == 51 && a.priority == 100)?;
    let late = capture.mark();
    capture.expect_advert("a", late, stage.flavour.interval() * 2 + SLACK, |_| true)?;
    let old = capture.adverts("a", late);
    ensure!(old.iter().all(|(_, a)| a.vrid == 61), "{old:?}");
    Ok(())
}

fn password(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    for (name, priority) in [("b", 100), ("a", 150)] {
        let instance = stage.instance(priority).password("other");
        reload(stage, name, &instance)?;
    }
    let capture = &stage.lab.capture;
    let data = Some(*b"other\0\0\0");
    capture.expect_advert("a", capture.mark(), election(stage), |a| a.auth_data == data)?;
    stage.lab.expect_holders(stage.address(), &["a"], election(stage))?;
    stage.expect_calm("a", 4)
}

fn prefix(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let instance = stage.instance(150).addresses(&["192.0.2.10/32"]);
    reload(stage, "a", &instance)?;
    let until = std::time::Instant::now() + election(stage);
    loop {
        let all = stage.lab.node("a")?.addresses()?;
        let is = |a: &&Value| a.get("local").and_then(Value::as_str) == Some("192.0.2.10");
        let found: Vec<_> =
            all.iter().filter(is).map(|a| a.get("prefixlen").and_then(Value::as_u64)).collect();
        if found == [Some(32)] {
            break;
        }
        ensure!(std::time::Instant::now() < until, "{all:?}");
        std::thread::sleep(SLACK / 20);
    }
    stage.expect_calm("a", 4)
}

fn interface(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let space = stage.lab.node("a")?.space().clone();
    space.run("ip link add t0 type veth peer name t1")?;
    space.run("ip link set t1 up")?;
    space.run("ip link set t0 up")?;
    space.run("ip addr add 198.51.100.1/24 dev t0")?;
    let text = stage.instance(150).render().replace("interface eth0", "interface t0");
    stage.lab.node("a")?.reload(&text)?;
    // The other one is alone on the old cable now.
    stage.lab.expect_holders(stage.address(), &["b"], election(stage))?;
    stage.expect_calm("b", 3)?;
    let address = stage.address();
    stage.lab.node("a")?.expect_address("t0", address, SLACK)
}

fn tracked(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    stage.lab.node("a")?.space().run("ip link add t0 type veth peer name t1")?;
    let log = stage.lab.node("a")?.log_mark();
    let instance = stage.instance(150).line("track_interface {").line("    t0").line("}");
    reload(stage, "a", &instance)?;
    stage.lab.node("a")?.expect_log("FAULT", log, START)?;
    stage.lab.expect_holders(stage.address(), &["b"], election(stage))?;
    let instance = stage.instance(150);
    reload(stage, "a", &instance)?;
    stage.lab.expect_holders(stage.address(), &["a"], election(stage))
}

/// Each quarter of an interval, over the time in which it might take over.
fn backup(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    for _ in 0..16 {
        let instance = stage.instance(100);
        reload(stage, "b", &instance)?;
        std::thread::sleep(stage.flavour.interval() / 4);
    }
    let sent = stage.lab.capture.adverts("b", since);
    ensure!(sent.is_empty(), "{sent:?}");
    let crash = stage.lab.capture.mark();
    stage.lab.node("a")?.crash()?;
    stage.expect_takeover("b", crash, stage.flavour.down_interval(100), &["a"])
}

fn excluded(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let address = "198.51.100.7".parse().context("address")?;
    let instance = stage
        .instance(150)
        .line("virtual_ipaddress_excluded {")
        .line("    198.51.100.7/32")
        .line("}");
    reload(stage, "a", &instance)?;
    stage.lab.expect_holders(address, &["a"], START)?;
    let instance = stage.instance(150);
    reload(stage, "a", &instance)?;
    stage.lab.expect_holders(address, &[], START)?;
    stage.expect_calm("a", 4)
}
