//! Gratuitous ARP and unsolicited neighbour advertisements.

use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::packet::Content;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("five_at_once_and_five_after_five_seconds", BOTH, five_and_five),
    Scenario::new("their_number_and_delay_are_configurable", BOTH, configured),
    Scenario::new("interfaces_of_a_group_share_a_rate", V4, grouped),
    Scenario::new("an_address_is_announced_where_nothing_else_is_heard", V4, extra),
    Scenario::new("they_are_repeated_while_active_where_asked", BOTH, refreshed),
];

const V4: &[Flavour] = &[Flavour::V3Ipv4];
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

/// Addresses on both interfaces, which `a` holds once this returns.
fn on_two_interfaces(stage: &mut Stage, before: &str, line: &str) -> Result<()> {
    stage.lab.add_cable("a", "198.51.100.1/24")?;
    let instance = stage
        .instance(150)
        .addresses(&["192.0.2.10/24", "198.51.100.10/24 dev eth1", "198.51.100.11/24 dev eth1"])
        .line("garp_master_repeat 2")
        .line("garp_master_delay 0")
        .line(line);
    stage.start_with("a", &format!("{before}{}", instance.render()))?;
    let within = stage.flavour.down_interval(150) + START;
    let address = "198.51.100.11".parse()?;
    stage.lab.node("a")?.expect_address("eth1", address, within)
}

fn announced(stage: &Stage) -> Vec<(Duration, String, String)> {
    let frames = stage.lab.capture.since(Mark::START);
    let announced = frames.iter().filter_map(|frame| Some((frame, frame.announces()?)));
    let first = frames.iter().find(|frame| frame.announces().is_some()).map(|frame| frame.at);
    announced
        .filter(|(frame, _)| frame.node.starts_with('a'))
        .filter_map(|(frame, address)| {
            Some((frame.at.since(first?), frame.node.clone(), address.to_string()))
        })
        .collect()
}

fn grouped(stage: &mut Stage) -> Result<()> {
    let group = "garp_group {\n    garp_interval 0.2\n    interfaces {\n        eth0\n        eth1\n    }\n}\n";
    on_two_interfaces(stage, group, "")?;
    let last = |frame: &conformance::packet::Frame| {
        frame.node == "a.eth1" && frame.announces() == "198.51.100.11".parse().ok()
    };
    let capture = &stage.lab.capture;
    let first = capture.expect("announcement", Mark::START, START, last)?;
    if stage.subject("a") == Subject::Ours {
        capture.expect("its repetition", Mark::START, START, |f| last(f) && f.at > first.at)?;
    }
    let all = announced(stage);
    // The incumbent forgets repetitions of what waits.
    let count = if stage.subject("a") == Subject::Ours { 6 } else { 4 };
    ensure!(all.len() == count, "{all:?}");
    for (one, next) in all.iter().zip(all.iter().skip(1)) {
        let gap = next.0.saturating_sub(one.0);
        ensure!(gap >= Duration::from_millis(180), "{gap:?} apart: {all:?}");
    }
    Ok(())
}

/// Once a second, on the interface that carries no adverts, the first of the addresses there.
fn extra(stage: &mut Stage) -> Result<()> {
    on_two_interfaces(stage, "", "garp_extra_if all 1")?;
    let capture = &stage.lab.capture;
    let since = capture.mark();
    let mut before = None;
    for _ in 0..3 {
        let frame = capture.expect("announcement", since, Duration::from_secs(1) + SLACK, |f| {
            f.node == "a.eth1" && f.announces().is_some() && before.is_none_or(|at| f.at > at)
        })?;
        before = Some(frame.at);
    }
    let all = announced(stage);
    let late: Vec<_> = all.iter().filter(|(at, ..)| *at > Duration::from_millis(500)).collect();
    let is_it = |(_, node, address): &&(Duration, String, String)| {
        node == "a.eth1" && address == "198.51.100.10"
    };
    ensure!(late.len() >= 2 && late.iter().all(is_it), "{all:?}");
    let gaps = late.iter().zip(late.iter().skip(1)).map(|(one, next)| next.0.saturating_sub(one.0));
    let gaps: Vec<Duration> = gaps.collect();
    let usual = Duration::from_millis(800)..Duration::from_secs(1) + SLACK;
    ensure!(gaps.iter().all(|gap| usual.contains(gap)), "{gaps:?}");
    Ok(())
}
