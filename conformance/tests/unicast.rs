//! Adverts to named peers instead of the group.

use anyhow::{Result, ensure};
use conformance::configuration::Instance;
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, Scenario, Stage};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_unicast_pair_elects_and_fails_over", EACH, pair).mixed(),
    Scenario::new("multicast_is_not_heard_by_a_unicast_instance", &[Flavour::V3Ipv4], deaf),
];

const EACH: &[Flavour] = Flavour::MATRIX;

fn unicast(instance: Instance, own: u8, peer: u8) -> Instance {
    let flavour = instance.flavour;
    instance
        .line(&format!("unicast_src_ip {}", router(flavour, own)))
        .line("unicast_peer {")
        .line(&format!("    {}", router(flavour, peer)))
        .line("}")
}

/// The address that router `number` sends from.
fn router(flavour: Flavour, number: u8) -> String {
    match flavour {
        Flavour::V2 | Flavour::V2Pass | Flavour::V3Ipv4 => format!("192.0.2.{number}"),
        Flavour::V3Ipv6 => format!("fe80::ff:fe00:{number}"),
    }
}

fn pair(stage: &mut Stage) -> Result<()> {
    let a = unicast(stage.instance(150), 1, 2);
    let b = unicast(stage.instance(100), 2, 1);
    stage.elect_as(&a, &b)?;
    let (_, advert) = stage.fresh_advert("a")?;
    let (own, peer) = (router(stage.flavour, 1), router(stage.flavour, 2));
    ensure!(advert.destination.to_string() == peer, "sent to {}", advert.destination);
    ensure!(advert.source.to_string() == own, "sent from {}", advert.source);
    stage.expect_calm("a", 3)?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.crash()?;
    stage.expect_takeover("b", since, stage.flavour.down_interval(100), &["a"])
}

fn deaf(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150);
    let b = unicast(stage.instance(100), 2, 1);
    stage.start("a", &a)?;
    stage.start("b", &b)?;
    let within = stage.flavour.down_interval(1) * 2 + conformance::scenario::START;
    stage.lab.expect_holders(stage.address(), &["a", "b"], within)?;
    stage.fresh_advert("a")?;
    stage.fresh_advert("b")?;
    stage.lab.expect_holders(stage.address(), &["a", "b"], SLACK)
}
