//! Instances that move together.

use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::configuration::{Instance, file};
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_fault_of_one_member_moves_the_whole_group", V3, fault_moves_all).mixed(),
    Scenario::new("a_stop_hands_the_whole_group_over", V3, stop_moves_all).mixed(),
    Scenario::new("a_crash_hands_the_whole_group_over", V3, crash_moves_all).mixed(),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4];

const GROUP: &str = "vrrp_sync_group G1 {\n    group {\n        VI_1\n        VI_2\n    }\n}\n";

/// Two instances of one group; the second one also watches the interface `t0` on `a`.
fn elect(stage: &mut Stage) -> Result<()> {
    stage.lab.node("a")?.space().run("ip link add t0 type veth peer name t1")?;
    stage.lab.node("a")?.space().run("ip link set t1 up")?;
    stage.lab.node("a")?.space().run("ip link set t0 up")?;
    for (name, priority) in [("a", 150), ("b", 100)] {
        let first = stage.instance(priority);
        let mut second = Instance::new(stage.flavour, priority).named("VI_2", 52);
        second = second.addresses(&["192.0.2.20/24"]);
        if name == "a" {
            second = second.line("track_interface {").line("    t0").line("}");
        }
        stage.start_with(name, &file(&[GROUP], &[first, second]))?;
    }
    stage.settle("a", "b", 51)?;
    stage.lab.expect_holders("192.0.2.20".parse()?, &["a"], SLACK)
}

/// Both addresses are on `node`, each within `bound` of `since`.
fn expect_both(stage: &Stage, node: &str, within: Duration) -> Result<()> {
    for address in ["192.0.2.10", "192.0.2.20"] {
        stage.lab.expect_holders(address.parse()?, &[node], within)?;
    }
    Ok(())
}

fn fault_moves_all(stage: &mut Stage) -> Result<()> {
    elect(stage)?;
    let (since, log) = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    stage.lab.node("a")?.space().run("ip link set t0 down")?;
    // Nobody lost its cable: both resign with priority 0.
    for vrid in [51, 52] {
        let capture = &stage.lab.capture;
        capture.expect_advert("a", since, SLACK, |a| a.vrid == vrid && a.priority == 0)?;
    }
    expect_both(stage, "b", stage.flavour.down_interval(100) + SLACK)?;
    stage.lab.node("a")?.expect_log("VRRP_Group(G1)", log, SLACK)?;
    stage.lab.node("a")?.space().run("ip link set t0 up")?;
    expect_both(stage, "a", stage.flavour.down_interval(1) + START)?;
    stage.lab.node("b")?.expect_log("VRRP_Group(G1) Syncing instances to", Mark::START, SLACK)?;
    Ok(())
}

fn stop_moves_all(stage: &mut Stage) -> Result<()> {
    elect(stage)?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.stop()?;
    for vrid in [51, 52] {
        let zeros = stage.lab.capture.adverts("a", since);
        ensure!(zeros.iter().any(|(_, a)| a.vrid == vrid && a.priority == 0), "{zeros:?}");
    }
    expect_both(stage, "b", stage.flavour.down_interval(100) + SLACK)
}

fn crash_moves_all(stage: &mut Stage) -> Result<()> {
    elect(stage)?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.crash()?;
    stage.expect_takeover("b", since, stage.flavour.down_interval(100), &["a"])?;
    stage.lab.expect_holders("192.0.2.20".parse()?, &["a", "b"], SLACK)
}
