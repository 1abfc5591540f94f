//! Gratuitous ARP and unsolicited neighbour advertisements.

use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::packet::Content;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("five_at_once_and_five_after_five_seconds", BOTH, five_and_five),
    Scenario::new("their_number_and_delay_are_configurable", BOTH, configured),
    Scenario::new("they_are_repeated_while_active_where_asked", BOTH, refreshed),
];

const BOTH: &[Flavour] = &[Flavour::V3Ipv4, Flavour::V3Ipv6];

/// The times of `a`'s announcements after the first one, once `span` has passed since that.
fn bursts(stage: &mut Stage, lines: &[&str], span: Duration) -> Result<Vec<Duration>> {
    let mut instance = stage.instance(150);
    for line in lines {
        instance = instance.line(line);
    }
    stage.start("a", &instance)?;
    let address = stage.address();
    let within = stage.flavour.down_interval(150) + START;
    let capture = &stage.lab.capture;
    let first =
        capture.expect("announcement", Mark::START, within, |f| f.announces() == Some(address))?;
    match first.content {
        Content::GratuitousArp { request, .. } => ensure!(request, "a reply: {first}"),
        Content::NeighbourAdvert { overrides, .. } => ensure!(overrides, "no override: {first}"),
        Content::Advert(_)
        | Content::ArpReply { .. }
        | Content::EchoReply { .. }
        | Content::Other => {}
    }
    ensure!(first.mac == [2, 0, 0, 0, 0, 1], "from {:?}", first.mac);
    capture.expect("later advert", Mark::START, span + SLACK, |f| {
        f.advert().is_some() && f.at.since(first.at) > span
    })?;
    let times = capture.announcements("a", address, Mark::START);
    Ok(times.into_iter().map(|t| t.since(first.at)).collect())
}

fn five_and_five(stage: &mut Stage) -> Result<()> {
    let times = bursts(stage, &[], Duration::from_secs(6))?;
    let early = times.iter().filter(|t| **t < SLACK).count();
    ensure!(early == 5, "{early} at once: {times:?}");
    let (from, to) = (Duration::from_millis(4_900), Duration::from_secs(5) + SLACK);
    let late = times.iter().filter(|t| **t >= from && **t <= to).count();
    ensure!(late == 5 && times.len() == 10, "{late} after five seconds: {times:?}");
    Ok(())
}

fn configured(stage: &mut Stage) -> Result<()> {
    let lines = ["garp_master_repeat 3", "garp_master_delay 1"];
    let times = bursts(stage, &lines, Duration::from_secs(2))?;
    let early = times.iter().filter(|t| **t < SLACK).count();
    ensure!(early == 3, "{early} at once: {times:?}");
    ensure!(times.len() == 6, "{times:?}");
    Ok(())
}

fn refreshed(stage: &mut Stage) -> Result<()> {
    let lines = [
        "garp_master_repeat 1",
        "garp_master_delay 0",
        "garp_master_refresh 1",
        "garp_master_refresh_repeat 2",
    ];
    let times = bursts(stage, &lines, Duration::from_millis(3_300))?;
    let later = times.iter().filter(|t| **t > SLACK).count();
    ensure!((4..=6).contains(&later), "{times:?}");
    Ok(())
}
