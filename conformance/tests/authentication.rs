//! Version 2 with and without a password.

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;

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
    let b = conformance::configuration::Instance::new(Flavour::V2, 100);
    both_active(stage, &a, &b)
}

fn both_active(
    stage: &mut Stage,
    a: &conformance::configuration::Instance,
    b: &conformance::configuration::Instance,
) -> Result<()> {
    stage.start("a", a)?;
    stage.start("b", b)?;
    let within = stage.flavour.down_interval(100) + START;
    stage.lab.expect_holders(stage.address(), &["a", "b"], within)?;
    let since = stage.lab.capture.mark();
    for name in ["a", "b", "a", "b"] {
        stage.fresh_advert(name)?;
    }
    let zeros = stage.lab.capture.since(since);
    ensure!(zeros.iter().filter_map(|f| f.advert()).all(|a| a.priority > 0), "one resigned");
    stage.lab.expect_holders(stage.address(), &["a", "b"], SLACK)
}
