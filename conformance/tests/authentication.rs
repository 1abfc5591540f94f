//! Version 2 with and without a password.

use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::configuration::Instance;
use conformance::flavour::Flavour;
use conformance::packet::Frame;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("without_a_password_the_field_is_zero", &[Flavour::V2], none),
    Scenario::new("a_password_is_sent_padded_with_zeros", &[Flavour::V2Pass], padded),
    Scenario::new("a_long_password_is_cut_to_eight_characters", &[Flavour::V2Pass], cut).mixed(),
    Scenario::new("another_password_leaves_both_active_and_is_named", &[Flavour::V2Pass], wrong)
        .mixed(),
    Scenario::new(
        "one_with_and_one_without_a_password_are_both_active",
        &[Flavour::V2Pass],
        one_sided,
    ),
    Scenario::new("a_refused_advert_does_not_delay_ours", &[Flavour::V2Pass], undelayed)
        .only(Subject::Ours),
    Scenario::new("a_refused_advert_delays_the_next_own_one", &[Flavour::V2Pass], delayed)
        .only(Subject::Keepalived),
];

fn none(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.auth_type == 0 && advert.auth_data == Some([0; 8]), "{advert:?}");
    // Eight bytes, one address and the field of authentication, which is always there.
    ensure!(advert.message.len() == 20, "{} bytes", advert.message.len());
    Ok(())
}

fn padded(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.auth_type == 1, "type {}", advert.auth_type);
    ensure!(advert.auth_data.as_ref() == Some(b"s3cret\0\0"), "{:?}", advert.auth_data);
    ensure!(advert.message.len() == 20, "{} bytes", advert.message.len());
    Ok(())
}

fn cut(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150).password("abcdefghij");
    let b = stage.instance(100).password("abcdefgh");
    stage.elect_as(&a, &b)?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.auth_data.as_ref() == Some(b"abcdefgh"), "{:?}", advert.auth_data);
    stage.expect_calm("a", 4)
}

fn wrong(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150).password("one");
    let b = stage.instance(100).password("two");
    both_active(stage, &a, &b)?;
    for name in ["a", "b"] {
        stage.lab.node(name)?.expect_log("passw", Mark::START, SLACK)?;
    }
    Ok(())
}

fn one_sided(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150).password("one");
    let b = Instance::new(Flavour::V2, 100);
    both_active(stage, &a, &b)
}

fn both_active(stage: &mut Stage, a: &Instance, b: &Instance) -> Result<()> {
    stage.start("a", a)?;
    stage.start("b", b)?;
    let within = stage.flavour.down_interval(100) + START;
    stage.lab.expect_holders(stage.address(), &["a", "b"], within)?;
    let since = stage.lab.capture.mark();
    // It lasts: three more adverts change nothing.
    let (first, _) = stage.lab.capture.expect_advert_of_any(since, within)?;
    stage.lab.capture.expect("third advert", since, within, |f| {
        f.advert().is_some() && f.at.since(first) > stage.flavour.interval() * 2
    })?;
    let frames = stage.lab.capture.since(since);
    ensure!(frames.iter().filter_map(Frame::advert).all(|a| a.priority > 0), "one resigned");
    stage.lab.expect_holders(stage.address(), &["a", "b"], Duration::ZERO)
}

/// Makes `a` Active, then lets the client send an advert with another password 0.5 s after one of `a`'s.
/// Gives the time between the adverts of `a` before and after.
fn gap_around_a_refused_advert(stage: &mut Stage) -> Result<Duration> {
    let instance = stage.instance(150);
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    let (before, _) = stage.fresh_advert("a")?;
    let since = stage.lab.capture.mark();
    let half = Duration::from_millis(500);
    stage.lab.capture.expect_none("advert", since, half, |f| f.advert().is_some())?;
    stage
        .lab
        .send_vrrp("224.0.0.18", "21 33 64 01 01 01 6d e5 c0 00 02 0a 6f 74 68 65 72 00 00 00")?;
    stage.lab.capture.expect_advert("client", since, SLACK, |_| true)?;
    stage.lab.node("a")?.expect_log("passw", Mark::START, SLACK)?;
    let within = stage.flavour.interval() * 2 + SLACK;
    let (after, _) = stage.lab.capture.expect_advert("a", since, within, |_| true)?;
    Ok(after.since(before))
}

fn undelayed(stage: &mut Stage) -> Result<()> {
    let gap = gap_around_a_refused_advert(stage)?;
    ensure!(gap < Duration::from_millis(1_200), "{gap:?} between two adverts");
    Ok(())
}

/// A refused packet restarts the incumbent's advert timer: whoever sends wrong packets fast enough silences it.
fn delayed(stage: &mut Stage) -> Result<()> {
    let gap = gap_around_a_refused_advert(stage)?;
    ensure!(gap > Duration::from_millis(1_450), "{gap:?} between two adverts");
    Ok(())
}
