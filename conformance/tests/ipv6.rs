//! IPv6: the link-local address that adverts come from, announcements, and pairs of both families.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use conformance::configuration::{Instance, file};
use conformance::flavour::Flavour;
use conformance::packet::Content;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("the_incumbent_sends_from_the_newest_address", V6, |stage| {
        of_several(stage, "fe80::5")
    })
    .only(Subject::Keepalived),
    Scenario::new("the_lowest_address_is_sent_from", V6, |stage| of_several(stage, "fe80::1"))
        .only(Subject::Ours),
    Scenario::new("a_source_that_goes_is_replaced_by_another", V6, replaced).mixed(),
    Scenario::new("without_a_source_it_is_fault_until_there_is_one", V6, none_left),
    Scenario::new("whoever_loses_his_source_resigns_from_it", V6, resigns).only(Subject::Ours),
    Scenario::new("the_incumbent_is_active_and_mute_while_its_source_is_tentative", V6, mute)
        .only(Subject::Keepalived),
    Scenario::new("a_tentative_source_is_waited_for", V6, waits).only(Subject::Ours),
    Scenario::new(
        "the_incumbent_is_active_and_mute_with_the_address_of_another_host",
        V6,
        mute_for_ever,
    )
    .only(Subject::Keepalived),
    Scenario::new("an_address_of_another_host_is_not_sent_from", V6, refused).only(Subject::Ours),
    Scenario::new("announcements_say_router_where_the_host_forwards", V6, |stage| {
        announces_as(stage, true, true)
    }),
    Scenario::new("the_incumbent_is_no_router_where_it_does_not_forward", V6, |stage| {
        announces_as(stage, false, false)
    })
    .only(Subject::Keepalived),
    Scenario::new("announcements_say_router_in_any_case", V6, |stage| {
        announces_as(stage, false, true)
    })
    .only(Subject::Ours),
    Scenario::new("a_neighbour_is_answered_by_the_active_router_alone", V6, answers),
    Scenario::new("both_families_of_a_group_move_together_after_a_crash", V6, crash_moves_both)
        .mixed(),
    Scenario::new("both_families_of_a_group_move_together_at_a_stop", V6, stop_moves_both).mixed(),
    Scenario::new("the_loss_of_one_familys_source_moves_both", V6, fault_moves_both),
    Scenario::new(
        "excluded_addresses_of_the_other_family_return_with_the_link",
        BOTH,
        link_returns,
    ),
    Scenario::new("an_address_that_the_kernel_refuses_keeps_no_other_back", V4, disabled),
];

const V4: &[Flavour] = &[Flavour::V3Ipv4];
const V6: &[Flavour] = &[Flavour::V3Ipv6];
const BOTH: &[Flavour] = &[Flavour::V3Ipv4, Flavour::V3Ipv6];

/// The kernel's own link-local address of the router `a`.
const OF_A: &str = "fe80::ff:fe00:1";

/// Runs `ip -6 address WORDS dev eth0 ...` on `a`.
fn on_a(stage: &mut Stage, words: &str) -> Result<()> {
    stage.lab.node("a")?.space().run(&format!("ip -6 address {words}"))?;
    Ok(())
}

/// Whom the next advert of `a` comes from.
fn next_source(stage: &Stage) -> Result<IpAddr> {
    Ok(stage.fresh_advert("a")?.1.source)
}

fn of_several(stage: &mut Stage, expected: &str) -> Result<()> {
    on_a(stage, "add fe80::1/64 dev eth0 nodad")?;
    on_a(stage, "add fe80::5/64 dev eth0 nodad")?;
    let instance = stage.instance(150);
    stage.start("a", &instance)?;
    stage.lab.expect_holders(stage.address(), &["a"], stage.flavour.down_interval(150) + START)?;
    let source = next_source(stage)?;
    ensure!(source == expected.parse::<IpAddr>()?, "{source}");
    Ok(())
}

fn replaced(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let log = stage.lab.node("b")?.log_mark();
    on_a(stage, "add fe80::ffff:ffff:ffff:1/64 dev eth0 nodad")?;
    stage.fresh_advert("a")?;
    ensure!(next_source(stage)? == OF_A.parse::<IpAddr>()?, "it left its address without need");
    let since = stage.lab.capture.mark();
    on_a(stage, &format!("del {OF_A}/64 dev eth0"))?;
    let wanted: IpAddr = "fe80::ffff:ffff:ffff:1".parse()?;
    let within = stage.flavour.interval() * 2 + SLACK;
    stage.lab.capture.expect_advert("a", since, within, |a| a.source == wanted)?;
    stage.expect_calm("a", 5)?;
    stage.lab.node("b")?.expect_no_log("Entering MASTER STATE", log)?;
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)
}

fn none_left(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let log = stage.lab.node("a")?.log_mark();
    on_a(stage, &format!("del {OF_A}/64 dev eth0"))?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE", log, SLACK)?;
    let within = stage.flavour.down_interval(100) + SLACK;
    stage.lab.expect_holders(stage.address(), &["b"], within)?;
    on_a(stage, "add fe80::78/64 dev eth0 nodad")?;
    let within = stage.flavour.down_interval(1) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    let source = next_source(stage)?;
    ensure!(source == "fe80::78".parse::<IpAddr>()?, "{source}");
    Ok(())
}

/// The other one takes over after its skew, not after three intervals.
fn resigns(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    on_a(stage, &format!("del {OF_A}/64 dev eth0"))?;
    let capture = &stage.lab.capture;
    let (_, last) = capture.expect_advert("a", since, SLACK, |a| a.priority == 0)?;
    ensure!(last.source == OF_A.parse::<IpAddr>()?, "resigned as {}", last.source);
    let within = stage.flavour.skew(100) + SLACK;
    stage.lab.expect_holders(stage.address(), &["b"], within)
}

/// Lets the kernel of `a` ask for duplicates, so many times a second apart.
fn detect(stage: &mut Stage, times: u8) -> Result<()> {
    let space = stage.lab.node("a")?.space().clone();
    let words = ["all.accept_dad=1", "eth0.accept_dad=1"].map(str::to_owned);
    for word in words.into_iter().chain([format!("eth0.dad_transmits={times}")]) {
        space.run(&format!("sysctl -q -w net.ipv6.conf.{word}"))?;
    }
    Ok(())
}

/// `a` begins while its only link-local address is tentative, for some three seconds.
fn begin_tentative(stage: &mut Stage) -> Result<()> {
    detect(stage, 3)?;
    on_a(stage, &format!("del {OF_A}/64 dev eth0"))?;
    on_a(stage, "add fe80::78/64 dev eth0")?;
    let instance = stage.instance(150);
    stage.start("a", &instance)
}

fn is_tentative(stage: &mut Stage) -> Result<bool> {
    let address = stage.lab.node("a")?.address("fe80::78".parse()?)?.context("no address")?;
    Ok(address.get("tentative").is_some())
}

fn mute(stage: &mut Stage) -> Result<()> {
    begin_tentative(stage)?;
    stage.lab.node("a")?.expect_log("Entering MASTER STATE", Mark::START, START)?;
    ensure!(is_tentative(stage)?, "the address is known as unique already");
    let heard = stage.lab.capture.adverts("a", Mark::START);
    ensure!(heard.is_empty(), "{heard:?}");
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)?;
    // What it says in the end comes seconds after it took the address.
    stage.lab.capture.expect_advert("a", Mark::START, Duration::from_secs(6), |_| true)?;
    Ok(())
}

/// What `steadfast status` says on `a`.
fn status(stage: &mut Stage) -> Result<String> {
    let node = stage.lab.node("a")?;
    let pid_file = node.file("p1").display().to_string();
    let output = node.ask(Subject::Ours, &["status", "-p", &pid_file])?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn waits(stage: &mut Stage) -> Result<()> {
    begin_tentative(stage)?;
    let within = Duration::from_secs(6);
    let line = "Entering FAULT STATE (init)";
    stage.lab.node("a")?.expect_log(line, Mark::START, START)?;
    let help = "help: wait: the link is being asked whether another host has fe80::78 too";
    ensure!(status(stage)?.contains(help), "{}", status(stage)?);
    ensure!(is_tentative(stage)?, "the address is known as unique already");
    stage.lab.node("a")?.expect_log("Entering BACKUP STATE", Mark::START, within)?;
    let address = stage.address();
    ensure!(!stage.lab.node("a")?.holds(address)?, "took it before it could say so");
    let (_, first) = stage.lab.capture.expect_advert("a", Mark::START, within, |_| true)?;
    ensure!(first.source == "fe80::78".parse::<IpAddr>()?, "{}", first.source);
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)
}

/// The only link-local address of `a` is one that the client has.
fn duplicate(stage: &mut Stage) -> Result<()> {
    detect(stage, 1)?;
    stage.lab.client().run("ip -6 address add fe80::77/64 dev eth0 nodad")?;
    on_a(stage, &format!("del {OF_A}/64 dev eth0"))?;
    on_a(stage, "add fe80::77/64 dev eth0")?;
    let until = std::time::Instant::now() + START;
    loop {
        let address = stage.lab.node("a")?.address("fe80::77".parse()?)?.context("no address")?;
        if address.get("dadfailed").is_some() {
            return Ok(());
        }
        ensure!(std::time::Instant::now() < until, "{address}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn mute_for_ever(stage: &mut Stage) -> Result<()> {
    duplicate(stage)?;
    let a = stage.instance(150);
    stage.start("a", &a)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    // The other one hears nothing, and takes the address as well.
    let b = stage.instance(100);
    stage.start("b", &b)?;
    stage.lab.expect_holders(stage.address(), &["a", "b"], within)?;
    let heard = stage.lab.capture.adverts("a", Mark::START);
    ensure!(heard.is_empty(), "{heard:?}");
    Ok(())
}

fn refused(stage: &mut Stage) -> Result<()> {
    let (a, b) = (stage.instance(150), stage.instance(100));
    stage.start("b", &b)?;
    duplicate(stage)?;
    stage.start("a", &a)?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE (init)", Mark::START, START)?;
    let within = stage.flavour.down_interval(100) + START;
    stage.lab.expect_holders(stage.address(), &["b"], within)?;
    let help = "help: another host on the link has fe80::77 too (duplicate address detection)";
    ensure!(status(stage)?.contains(help), "{}", status(stage)?);
    // One that is refused while it runs is named.
    on_a(stage, "del fe80::77/64 dev eth0")?;
    on_a(stage, "add fe80::77/64 dev eth0")?;
    let line = "eth0 has fe80::77, and another host on the link too";
    stage.lab.node("a")?.expect_log(line, Mark::START, START)?;
    // Another address ends it, once it is known as unique.
    on_a(stage, "add fe80::79/64 dev eth0")?;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    let source = next_source(stage)?;
    ensure!(source == "fe80::79".parse::<IpAddr>()?, "{source}");
    Ok(())
}

/// The flags of announcements (RFC 9568 §6.4.1: router and override set, solicited clear).
fn announces_as(stage: &mut Stage, forwards: bool, expected: bool) -> Result<()> {
    let value = u8::from(forwards);
    let space = stage.lab.node("a")?.space().clone();
    space.run(&format!("sysctl -q -w net.ipv6.conf.all.forwarding={value}"))?;
    let instance = stage.instance(150);
    stage.start("a", &instance)?;
    let address = stage.address();
    let within = stage.flavour.down_interval(150) + START;
    let announced = stage.lab.capture.expect("announcement", Mark::START, within, |f| {
        f.node == "a" && f.announces() == Some(address)
    })?;
    let Content::NeighbourAdvert { router, overrides, .. } = announced.content else {
        anyhow::bail!("{announced}");
    };
    ensure!(overrides, "does not override: {announced}");
    ensure!(router == expected, "{announced}");
    Ok(())
}

/// A client that asks anew each time is answered by the Active router, also by the next one.
fn answers(stage: &mut Stage) -> Result<()> {
    for node in ["a", "b"] {
        let space = stage.lab.node(node)?.space().clone();
        space.run("sysctl -q -w net.ipv6.conf.all.forwarding=1")?;
    }
    stage.elect()?;
    let address = stage.address();
    let _asking = stage.lab.ask(address, Duration::from_millis(50))?;
    let answer = |stage: &Stage, node: &str, since: Mark| {
        let is_answer = |f: &conformance::packet::Frame| matches!(f.content, Content::NeighbourAdvert { target, solicited: true, .. } if IpAddr::V6(target) == address);
        let capture = &stage.lab.capture;
        let found = capture.expect("answer", since, START, |f| f.node == node && is_answer(f))?;
        let Content::NeighbourAdvert { router, .. } = found.content else {
            anyhow::bail!("{found}");
        };
        ensure!(router, "answers as no router: {found}");
        let others = capture.since(since).into_iter().find(|f| f.node != node && is_answer(f));
        ensure!(others.is_none(), "{others:?} answers too");
        anyhow::Ok(())
    };
    answer(stage, "a", Mark::START)?;
    stage.lab.node("a")?.stop()?;
    stage.lab.expect_holders(address, &["b"], stage.flavour.down_interval(100) + SLACK)?;
    let since = stage.lab.capture.mark();
    answer(stage, "b", since)
}

const GROUP: &str = "vrrp_sync_group G1 {\n    group {\n        VI_1\n        VI_2\n    }\n}\n";

/// The address of the IPv4 member.
const OTHER: &str = "192.0.2.20";

/// An instance of each family in one group, on both routers.
fn elect_pair(stage: &mut Stage) -> Result<()> {
    for (name, priority) in [("a", 150), ("b", 100)] {
        let first = stage.instance(priority);
        let second = Instance::new(Flavour::V3Ipv4, priority).named("VI_2", 51);
        let second = second.addresses(&["192.0.2.20/24"]);
        stage.start_with(name, &file(&[GROUP], &[first, second]))?;
    }
    stage.settle("a", "b", 51)?;
    stage.lab.expect_holders(OTHER.parse()?, &["a"], SLACK)
}

/// `b` takes both addresses over, and says so in both families within a moment.
fn expect_both(stage: &Stage, since: Mark, within: Duration) -> Result<()> {
    let capture = &stage.lab.capture;
    let first = |v4: bool| {
        let wanted = |a: &conformance::packet::Advert| a.priority > 0 && a.source.is_ipv4() == v4;
        capture.expect_advert("b", since, within, wanted)
    };
    let ((of_v4, _), (of_v6, _)) = (first(true)?, first(false)?);
    let apart = if of_v4 > of_v6 { of_v4.since(of_v6) } else { of_v6.since(of_v4) };
    let bound = match stage.subject("b") {
        // One turn of the loop, on a busy machine.
        Subject::Ours => Duration::from_millis(50),
        // It announces the addresses of one before it looks at the other.
        Subject::Keepalived => Duration::from_millis(250),
    };
    ensure!(apart <= bound, "{apart:?} apart");
    Ok(())
}

fn crash_moves_both(stage: &mut Stage) -> Result<()> {
    elect_pair(stage)?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.crash()?;
    expect_both(stage, since, stage.flavour.down_interval(100) + SLACK)?;
    stage.lab.expect_holders(stage.address(), &["a", "b"], SLACK)?;
    stage.lab.expect_holders(OTHER.parse()?, &["a", "b"], SLACK)
}

fn stop_moves_both(stage: &mut Stage) -> Result<()> {
    elect_pair(stage)?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.stop()?;
    for v4 in [true, false] {
        let zeros = stage.lab.capture.adverts("a", since);
        ensure!(
            zeros.iter().any(|(_, a)| a.priority == 0 && a.source.is_ipv4() == v4),
            "{zeros:?}"
        );
    }
    expect_both(stage, since, stage.flavour.down_interval(100) + SLACK)?;
    stage.lab.expect_holders(stage.address(), &["b"], SLACK)?;
    stage.lab.expect_holders(OTHER.parse()?, &["b"], SLACK)
}

fn fault_moves_both(stage: &mut Stage) -> Result<()> {
    elect_pair(stage)?;
    let since = stage.lab.capture.mark();
    on_a(stage, &format!("del {OF_A}/64 dev eth0"))?;
    expect_both(stage, since, stage.flavour.down_interval(100) * 2 + SLACK)?;
    stage.lab.expect_holders(stage.address(), &["b"], SLACK)?;
    stage.lab.expect_holders(OTHER.parse()?, &["b"], SLACK)
}

fn link_returns(stage: &mut Stage) -> Result<()> {
    let instance = stage
        .instance(150)
        .line("virtual_ipaddress_excluded {")
        .line("    198.51.100.7/32")
        .line("    2001:db8::77/64")
        .line("}");
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(150) + START;
    let all: Vec<IpAddr> = vec![stage.address(), "198.51.100.7".parse()?, "2001:db8::77".parse()?];
    for address in &all {
        stage.lab.expect_holders(*address, &["a"], within)?;
    }
    // The kernel drops IPv6 addresses with the link, and keeps the others.
    stage.lab.node("a")?.set_link(false)?;
    stage.lab.expect_holders(stage.address(), &[], SLACK)?;
    stage.lab.node("a")?.set_link(true)?;
    for address in &all {
        stage.lab.expect_holders(*address, &["a"], within)?;
    }
    Ok(())
}

fn disabled(stage: &mut Stage) -> Result<()> {
    let space = stage.lab.node("a")?.space().clone();
    space.run("sysctl -q -w net.ipv6.conf.eth0.disable_ipv6=1")?;
    let instance = stage
        .instance(150)
        .line("virtual_ipaddress_excluded {")
        .line("    2001:db8::77/64")
        .line("    198.51.100.7/32")
        .line("}");
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(150) + START;
    for address in [stage.address(), "198.51.100.7".parse()?] {
        stage.lab.expect_holders(address, &["a"], within)?;
    }
    stage.expect_calm("a", 4)
}
