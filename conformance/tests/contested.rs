//! Two routers that both stay Active: who says so, and by which cause it is explained.

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::scenario::{START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_firewall_that_keeps_adverts_from_one_is_named_by_both", V3, firewall)
        .only(Subject::Ours),
    Scenario::new("a_firewall_that_keeps_authentication_headers_is_named", V2, headers)
        .only(Subject::Ours),
    Scenario::new("a_router_whose_adverts_get_lost_is_named_by_what_it_claims", EACH, lost)
        .only(Subject::Ours),
    Scenario::new("another_password_is_named_by_both", &[Flavour::V2Pass], password)
        .only(Subject::Ours),
    Scenario::new("a_takeover_is_no_contest", V3, calm).only(Subject::Ours),
];

const V2: &[Flavour] = &[Flavour::V2Pass];
const V3: &[Flavour] = &[Flavour::V3Ipv4];
const EACH: &[Flavour] = &[Flavour::V3Ipv4, Flavour::V3Ipv6];

/// Drops VRRP on a node, at this hook.
fn drop_vrrp(stage: &mut Stage, node: &str, hook: &str) -> Result<()> {
    drop_protocol(stage, node, hook, 112)
}

fn drop_protocol(stage: &mut Stage, node: &str, hook: &str, protocol: u8) -> Result<()> {
    let space = stage.lab.node(node)?.space().clone();
    space.run("nft add table inet lab")?;
    space.run(&format!("nft add chain inet lab c {{ type filter hook {hook} priority 0 ; }}"))?;
    space.run(&format!("nft add rule inet lab c meta l4proto {protocol} drop"))?;
    Ok(())
}

fn firewall(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    drop_vrrp(stage, "b", "input")?;
    let within = stage.flavour.down_interval(1) * 5 + START;
    let line = "CONTESTED: 192.0.2.1 is MASTER as well: its adverts arrive on eth0 and this host keeps them";
    stage.lab.node("b")?.expect_log(line, Mark::START, within)?;
    let line = "CONTESTED: 192.0.2.2 (priority 100) stays MASTER beside us: we hear it, and it does not hear us";
    stage.lab.node("a")?.expect_log(line, Mark::START, within)?;
    ensure_told(stage, "contested: 192.0.2.2 (priority 100) stays MASTER beside us")?;
    // Once the cause is gone the one that stays tells everybody again.
    stage.lab.node("b")?.space().clone().run("nft delete table inet lab")?;
    stage.lab.node("a")?.expect_log("no longer contested, after ", Mark::START, within)?;
    ensure_told(stage, "no longer contested, after ")?;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

/// `why` tells it of `a`, once the parent has heard it.
fn ensure_told(stage: &mut Stage, text: &str) -> Result<()> {
    let until = std::time::Instant::now() + START;
    loop {
        let node = stage.lab.node("a")?;
        let pid_file = node.file("p1").display().to_string();
        let output = node.ask(Subject::Ours, &["why", "VI_1", "-p", &pid_file])?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        if told.lines().any(|line| line.contains("MASTER") && line.contains(text)) {
            return Ok(());
        }
        ensure!(std::time::Instant::now() < until, "`why` does not say {text}: {told}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

fn headers(stage: &mut Stage) -> Result<()> {
    let (a, b) = (stage.instance(150).with_header(), stage.instance(100).with_header());
    stage.elect_as(&a, &b)?;
    drop_protocol(stage, "b", "input", 51)?;
    let within = stage.flavour.down_interval(1) * 5 + START;
    let line = "CONTESTED: 192.0.2.1 is MASTER as well: its adverts arrive on eth0 and this host keeps them";
    stage.lab.node("b")?.expect_log(line, Mark::START, within)?;
    Ok(())
}

fn lost(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    drop_vrrp(stage, "a", "output")?;
    let within = stage.flavour.down_interval(1) * 5 + START;
    stage.lab.node("b")?.expect_log("CONTESTED: 02:", Mark::START, within)?;
    let line = "and no advert of it arrives on eth0";
    stage.lab.node("b")?.expect_log(line, Mark::START, within)?;
    let line = "(priority 100) stays MASTER beside us: it does not hear us, since our adverts do not leave this host by \
                eth0";
    stage.lab.node("a")?.expect_log(line, Mark::START, within)?;
    Ok(())
}

fn password(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150).render();
    let b = stage.instance(100).render().replace("auth_pass ", "auth_pass x");
    stage.start_with("a", &a)?;
    stage.start_with("b", &b)?;
    let within = stage.flavour.down_interval(1) * 4 + START;
    for node in ["a", "b"] {
        let line =
            "we refuse its adverts: wrong password; give both nodes the same `authentication`";
        stage.lab.node(node)?.expect_log(line, Mark::START, within)?;
    }
    Ok(())
}

fn calm(stage: &mut Stage) -> Result<()> {
    // The one that preempts hears the other for a moment.
    let (a, b) = (stage.instance(150), stage.instance(100));
    stage.start("b", &b)?;
    let within = stage.flavour.down_interval(100) + START;
    stage.lab.expect_holders(stage.address(), &["b"], within)?;
    stage.start("a", &a)?;
    stage.settle("a", "b", a.vrid)?;
    stage.expect_calm("a", 8)?;
    for node in ["a", "b"] {
        stage.lab.node(node)?.expect_no_log("CONTESTED", Mark::START)?;
    }
    Ok(())
}
