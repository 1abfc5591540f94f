//! Advert intervals: short, learnt, and different.

use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_tenth_of_a_second_is_kept", V3, tenth),
    Scenario::new("a_backup_learns_the_interval_of_the_active", V3, learnt).mixed(),
    Scenario::new("version_2_drops_another_interval", &[Flavour::V2], differing),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4, Flavour::V3Ipv6];

fn tenth(stage: &mut Stage) -> Result<()> {
    let every = Duration::from_millis(100);
    let (a, b) = (stage.instance(150).interval(every), stage.instance(100).interval(every));
    stage.elect_as(&a, &b)?;
    let since = stage.lab.capture.mark();
    let within = Duration::from_secs(3);
    let (first, advert) = stage.lab.capture.expect_advert("a", since, within, |_| true)?;
    ensure!(advert.interval == every, "says {:?}", advert.interval);
    stage.lab.capture.expect("twenty more", since, within, |f| {
        f.node == "a" && f.at.since(first) > Duration::from_millis(1_950)
    })?;
    let heard = stage.lab.capture.adverts("a", since).len();
    // The incumbent counts the next interval from when it got to send: a busy machine costs it several.
    let least = if stage.subject("a") == Subject::Ours { 19 } else { 14 };
    ensure!((least..=22).contains(&heard), "{heard} adverts in two seconds");
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.crash()?;
    // 3 x 0.1 s + 0.1 s x 156/256
    stage.expect_takeover("b", since, Duration::from_micros(360_937), &["a"])
}

/// `b` would send each second, but waits as the Active router's 0.3 s say.
fn learnt(stage: &mut Stage) -> Result<()> {
    let (a, b) = (stage.instance(150), stage.instance(100).interval(Duration::from_secs(1)));
    stage.elect_as(&a, &b)?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.crash()?;
    // 3 x 0.3 s + 0.3 s x 156/256
    stage.expect_takeover("b", since, Duration::from_micros(1_082_812), &["a"])?;
    let (_, advert) = stage.lab.capture.expect_advert("b", since, START, |_| true)?;
    ensure!(advert.interval == Duration::from_secs(1), "says {:?}", advert.interval);
    Ok(())
}

fn differing(stage: &mut Stage) -> Result<()> {
    let (a, b) = (stage.instance(150), stage.instance(100).interval(Duration::from_secs(2)));
    stage.start("a", &a)?;
    stage.start("b", &b)?;
    // 3 x 2 s + 156/256 s
    let within = Duration::from_micros(6_609_375) + START;
    stage.lab.expect_holders(stage.address(), &["a", "b"], within)?;
    stage.lab.node("b")?.expect_log("nterval", Mark::START, SLACK)?;
    Ok(())
}
