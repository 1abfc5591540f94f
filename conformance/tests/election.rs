//! Who becomes Active, and that it is exactly one.

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("the_higher_priority_holds_the_addresses_alone", EACH, higher_priority).mixed(),
    Scenario::new("first_advert_comes_after_three_intervals_and_skew", EACH, first_advert),
    Scenario::new("equal_priorities_are_decided_by_the_higher_address", EACH, equal_priority)
        .mixed(),
    Scenario::new("a_partition_makes_two_and_its_end_one", EACH, partition).mixed(),
    Scenario::new("an_advert_of_lower_priority_is_answered_at_once", &[Flavour::V2], answered),
    Scenario::new("a_wish_for_master_does_not_outweigh_priority", &[Flavour::V3Ipv4], wishes),
    Scenario::new("an_owner_is_active_at_once", &[Flavour::V2, Flavour::V3Ipv4], owner),
];

const EACH: &[Flavour] = &[Flavour::V2, Flavour::V2Pass, Flavour::V3Ipv4, Flavour::V3Ipv6];

fn higher_priority(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    stage.expect_calm("a", 3)?;
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)?;
    let (_, advert) = stage.fresh_advert("a")?;
    let (version, multicast) = match stage.flavour {
        Flavour::V2 | Flavour::V2Pass => (2, "224.0.0.18"),
        Flavour::V3Ipv4 => (3, "224.0.0.18"),
        Flavour::V3Ipv6 => (3, "ff02::12"),
    };
    let source = if stage.flavour == Flavour::V3Ipv6 { "fe80::ff:fe00:1" } else { "192.0.2.1" };
    ensure!(advert.version == version, "version {}", advert.version);
    ensure!(advert.destination.to_string() == multicast, "sent to {}", advert.destination);
    ensure!(advert.source.to_string() == source, "sent from {}", advert.source);
    ensure!(advert.ttl == 255, "ttl {}", advert.ttl);
    ensure!(advert.vrid == 51 && advert.priority == 150, "{advert:?}");
    ensure!(advert.interval == stage.flavour.interval(), "interval {:?}", advert.interval);
    let addresses: Vec<String> = advert.addresses.iter().map(ToString::to_string).collect();
    if stage.flavour == Flavour::V3Ipv6 {
        ensure!(addresses == ["fe80::10", "2001:db8::10"], "carries {addresses:?}");
    } else {
        ensure!(addresses == ["192.0.2.10"], "carries {addresses:?}");
    }
    Ok(())
}

fn first_advert(stage: &mut Stage) -> Result<()> {
    let instance = stage.instance(150);
    stage.start("a", &instance)?;
    let ready = stage.lab.node("a")?.expect_log("Entering BACKUP STATE", Mark::START, START)?;
    let bound = stage.flavour.down_interval(150);
    let within = bound + SLACK;
    let (first, _) = stage.lab.capture.expect_advert("a", Mark::START, within, |_| true)?;
    let took = first.since(ready.at);
    // The line may be read a little after the timer was set.
    ensure!(took + SLACK / 5 >= bound && took <= bound + SLACK, "{took:?}, expected {bound:?}");
    stage.lab.node("a")?.expect_log("Entering MASTER STATE", Mark::START, SLACK)?;
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)
}

/// Both become Active apart from each other; together again, the one with the higher address stays.
fn equal_priority(stage: &mut Stage) -> Result<()> {
    stage.lab.set_partition("b", true)?;
    for name in ["a", "b"] {
        let instance = stage.instance(100);
        stage.start(name, &instance)?;
    }
    let within = stage.flavour.down_interval(100) + START;
    stage.lab.expect_holders(stage.address(), &["a", "b"], within)?;
    let since = stage.lab.capture.mark();
    stage.lab.set_partition("b", false)?;
    stage.lab.capture.expect_advert("b", since, within, |_| true)?;
    stage.lab.expect_holders(stage.address(), &["b"], stage.flavour.interval() + SLACK)?;
    stage.expect_calm("b", 4)
}

fn partition(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    stage.lab.set_partition("a", true)?;
    let within = stage.flavour.down_interval(100) + stage.flavour.interval() + SLACK;
    stage.lab.expect_holders(stage.address(), &["a", "b"], within)?;
    stage.lab.set_partition("a", false)?;
    let within = stage.flavour.interval() * 2 + SLACK;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.expect_calm("a", 4)
}

/// A hand-made advertisement of priority 50, 0.3 s after ours and long before the next one is due.
fn answered(stage: &mut Stage) -> Result<()> {
    let instance = stage.instance(150);
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.capture.expect_advert("a", Mark::START, within, |_| true)?;
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)?;
    let log = stage.lab.node("a")?.log_mark();
    stage.fresh_advert("a")?;
    let since = stage.lab.capture.mark();
    stage.lab.send_vrrp("224.0.0.18", "21 33 32 01 00 01 ea bf c0 00 02 0a 0000000000000000")?;
    let (sent, _) = stage.lab.capture.expect_advert("client", since, SLACK, |_| true)?;
    let (answer, _) = stage.lab.capture.expect_advert("a", since, SLACK, |_| true)?;
    ensure!(answer.since(sent) < SLACK / 2, "answered after {:?}", answer.since(sent));
    let node = stage.lab.node("a")?;
    node.expect_log("lower priority 50", log, SLACK)?;
    node.expect_no_log("Entering BACKUP STATE", log)?;
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)
}

/// `state MASTER` is a wish about the start: against a higher priority it does not last.
fn wishes(stage: &mut Stage) -> Result<()> {
    let low = stage.instance(100).line("state MASTER");
    let high = stage.instance(150).line("state BACKUP");
    stage.start("b", &low)?;
    stage.start("a", &high)?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    stage.lab.capture.expect_advert("a", Mark::START, within, |a| a.priority == 150)?;
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)?;
    stage.expect_calm("a", 4)
}

fn owner(stage: &mut Stage) -> Result<()> {
    let instance = stage.instance(255).line("state MASTER");
    stage.start("a", &instance)?;
    let ready = stage.lab.node("a")?.expect_log("VI_1", Mark::START, START)?;
    let (first, advert) = stage.lab.capture.expect_advert("a", Mark::START, START, |_| true)?;
    ensure!(advert.priority == 255, "priority {}", advert.priority);
    ensure!(first.since(ready.at) < SLACK, "after {:?}", first.since(ready.at));
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)
}
