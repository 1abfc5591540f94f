//! Virtual addresses as the kernel shows them.

use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use serde_json::Value;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("label_scope_broadcast_and_prefix_are_as_configured", V4, details),
    Scenario::new("an_address_on_another_interface_goes_there", V4, elsewhere),
    Scenario::new("without_a_prefix_an_address_stands_alone", BOTH, plain),
    Scenario::new("an_excluded_address_is_installed_but_not_advertised", BOTH, excluded),
    Scenario::new("twenty_addresses_come_and_go_together", V4, twenty),
    Scenario::new("an_ipv6_address_is_usable_at_once", &[Flavour::V3Ipv6], no_tentative),
    Scenario::new("an_address_left_from_before_is_removed_at_the_start", BOTH, residual),
];

const V4: &[Flavour] = &[Flavour::V3Ipv4];
const BOTH: &[Flavour] = &[Flavour::V3Ipv4, Flavour::V3Ipv6];

/// Makes `a` Active with these lines of `virtual_ipaddress` and waits for `address`.
fn activate(stage: &mut Stage, lines: &[&str], address: &str) -> Result<()> {
    let instance = stage.instance(150).addresses(lines);
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(address.parse()?, &["a"], within)
}

fn described(stage: &mut Stage, address: &str) -> Result<Value> {
    stage.lab.node("a")?.address(address.parse()?)?.context("address is gone")
}

fn details(stage: &mut Stage) -> Result<()> {
    let line = "192.0.2.10/25 brd 192.0.2.127 dev eth0 scope link label eth0:vip";
    activate(stage, &[line, "198.51.100.1/24 brd + dev eth0"], "192.0.2.10")?;
    let found = described(stage, "192.0.2.10")?;
    for (key, value) in [("label", "eth0:vip"), ("scope", "link"), ("broadcast", "192.0.2.127")] {
        ensure!(found.get(key).and_then(Value::as_str) == Some(value), "{key}: {found}");
    }
    ensure!(found.get("prefixlen").and_then(Value::as_u64) == Some(25), "{found}");
    let found = described(stage, "198.51.100.1")?;
    ensure!(found.get("broadcast").and_then(Value::as_str) == Some("198.51.100.255"), "{found}");
    ensure!(found.get("scope").and_then(Value::as_str) == Some("global"), "{found}");
    Ok(())
}

fn elsewhere(stage: &mut Stage) -> Result<()> {
    let space = stage.lab.node("a")?.space().clone();
    space.run("ip link add t0 type veth peer name t1")?;
    space.run("ip link set t1 up")?;
    space.run("ip link set t0 up")?;
    activate(stage, &["192.0.2.10/24", "198.51.100.1/24 dev t0"], "192.0.2.10")?;
    let there = stage.lab.node("a")?.addresses_of("t0")?;
    let text = |a: &Value| a.get("local").and_then(Value::as_str).map(str::to_owned);
    ensure!(there.iter().any(|a| text(a).as_deref() == Some("198.51.100.1")), "{there:?}");
    ensure!(!stage.lab.node("a")?.holds("198.51.100.1".parse()?)?, "also on eth0");
    stage.lab.node("a")?.stop()?;
    let there = stage.lab.node("a")?.addresses_of("t0")?;
    ensure!(!there.iter().any(|a| text(a).as_deref() == Some("198.51.100.1")), "{there:?}");
    Ok(())
}

fn plain(stage: &mut Stage) -> Result<()> {
    let (lines, address, prefix): (&[&str], _, _) = match stage.flavour {
        Flavour::V3Ipv6 => (&["fe80::10", "2001:db8::10"], "2001:db8::10", 128),
        Flavour::V2 | Flavour::V2Pass | Flavour::V3Ipv4 => (&["192.0.2.10"], "192.0.2.10", 32),
    };
    activate(stage, lines, address)?;
    let found = described(stage, address)?;
    ensure!(found.get("prefixlen").and_then(Value::as_u64) == Some(prefix), "{found}");
    ensure!(found.get("scope").and_then(Value::as_str) == Some("global"), "{found}");
    ensure!(found.get("broadcast").is_none(), "{found}");
    Ok(())
}

fn excluded(stage: &mut Stage) -> Result<()> {
    let instance = stage
        .instance(150)
        .line("virtual_ipaddress_excluded {")
        .line("    198.51.100.7/32")
        .line("    2001:db8::77/128")
        .line("}");
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(150) + START;
    for address in ["198.51.100.7", "2001:db8::77"] {
        let address: IpAddr = address.parse()?;
        stage.lab.expect_holders(address, &["a"], within)?;
        stage
            .lab
            .capture
            .expect("announcement", Mark::START, SLACK, |f| f.announces() == Some(address))?;
    }
    let (_, advert) = stage.fresh_advert("a")?;
    let expected = if stage.flavour == Flavour::V3Ipv6 { 2 } else { 1 };
    ensure!(advert.addresses.len() == expected, "{:?}", advert.addresses);
    stage.lab.node("a")?.stop()?;
    for address in ["198.51.100.7", "2001:db8::77"] {
        stage.lab.expect_holders(address.parse()?, &[], SLACK)?;
    }
    Ok(())
}

fn twenty(stage: &mut Stage) -> Result<()> {
    let lines: Vec<String> = (20..40).map(|n| format!("192.0.2.{n}/24")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let before = stage.lab.node("a")?.addresses()?.len();
    activate(stage, &lines, "192.0.2.39")?;
    let (_, advert) = stage.fresh_advert("a")?;
    let carried: Vec<String> = advert.addresses.iter().map(|a| format!("{a}/24")).collect();
    ensure!(carried == lines, "carries {carried:?}");
    let held = stage.lab.node("a")?.addresses()?.len();
    ensure!(held == before + 20, "{held} addresses, {before} before");
    stage.lab.node("a")?.stop()?;
    let held = stage.lab.node("a")?.addresses()?.len();
    ensure!(held == before, "{held} addresses, {before} before");
    Ok(())
}

/// No duplicate address detection, even where the interface asks for it.
fn no_tentative(stage: &mut Stage) -> Result<()> {
    let space = stage.lab.node("a")?.space().clone();
    space.run("sysctl -q -w net.ipv6.conf.eth0.accept_dad=1 net.ipv6.conf.eth0.dad_transmits=2")?;
    activate(stage, &["fe80::10/64", "2001:db8::10/64"], "2001:db8::10")?;
    let found = described(stage, "2001:db8::10")?;
    ensure!(found.get("tentative").is_none(), "{found}");
    ensure!(found.get("nodad") == Some(&Value::Bool(true)), "{found}");
    Ok(())
}

fn residual(stage: &mut Stage) -> Result<()> {
    let address = stage.address();
    let prefix = if address.is_ipv4() { 24 } else { 64 };
    let space = stage.lab.node("b")?.space().clone();
    space.run(&format!("ip addr add {address}/{prefix} dev eth0"))?;
    let a = stage.instance(150);
    stage.start("a", &a)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(address, &["a", "b"], within)?;
    let b = stage.instance(100);
    stage.start("b", &b)?;
    stage.lab.expect_holders(address, &["a"], START)?;
    stage.expect_calm("a", 4)
}
