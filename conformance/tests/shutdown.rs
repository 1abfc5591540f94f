//! An orderly end.

use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, Scenario, Stage};
use conformance::stream::Mark;
use nix::sys::signal::Signal;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "sigterm_resigns_with_priority_0_and_the_backup_follows_after_skew",
        EACH,
        resigns,
    )
    .mixed(),
    Scenario::new("sigint_ends_it_as_sigterm_does", &[Flavour::V3Ipv4], interrupted),
    Scenario::new(
        "every_address_is_gone_after_the_end",
        &[Flavour::V3Ipv4, Flavour::V3Ipv6],
        cleans,
    ),
    Scenario::new("a_backup_leaves_without_a_packet", &[Flavour::V3Ipv4], silent_backup),
];

const EACH: &[Flavour] = &[Flavour::V2, Flavour::V2Pass, Flavour::V3Ipv4, Flavour::V3Ipv6];

fn resigns(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.signal(Signal::SIGTERM)?;
    let (_, zero) = stage.lab.capture.expect_advert("a", since, SLACK, |a| a.priority == 0)?;
    ensure!(zero.vrid == 51 && zero.interval == stage.flavour.interval(), "{zero:?}");
    stage.expect_takeover("b", since, stage.flavour.skew(100), &[])?;
    let status = stage.lab.node("a")?.wait_for_exit(Duration::from_secs(5))?;
    ensure!(status.success(), "ended with {status}");
    let zeros = stage.lab.capture.adverts("a", since);
    ensure!(zeros.iter().filter(|(_, a)| a.priority == 0).count() == 1, "{zeros:?}");
    stage.expect_calm("b", 3)
}

fn interrupted(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.signal(Signal::SIGINT)?;
    stage.lab.capture.expect_advert("a", since, SLACK, |a| a.priority == 0)?;
    let status = stage.lab.node("a")?.wait_for_exit(Duration::from_secs(5))?;
    ensure!(status.success(), "ended with {status}");
    stage.expect_takeover("b", since, stage.flavour.skew(100), &[])
}

fn cleans(stage: &mut Stage) -> Result<()> {
    let before = stage.lab.node("a")?.addresses()?.len();
    stage.elect()?;
    ensure!(stage.lab.node("a")?.addresses()?.len() > before, "nothing was added");
    let status = stage.lab.node("a")?.stop()?;
    ensure!(status.success(), "ended with {status}");
    let after = stage.lab.node("a")?.addresses()?;
    ensure!(after.len() == before, "left behind: {after:?}");
    for file in ["p1", "p2"] {
        let path = stage.lab.node("a")?.file(file);
        ensure!(!path.exists(), "left behind: {}", path.display());
    }
    Ok(())
}

fn silent_backup(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let status = stage.lab.node("b")?.stop()?;
    ensure!(status.success(), "ended with {status}");
    stage.expect_calm("a", 3)?;
    let sent = stage.lab.capture.adverts("b", Mark::START);
    ensure!(sent.is_empty(), "{sent:?}");
    Ok(())
}
