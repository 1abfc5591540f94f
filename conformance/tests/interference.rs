//! What others do to a router's kernel, and what neighbours do to its patience.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::configuration::{Instance, file};
use conformance::flavour::Flavour;
use conformance::forge::Forged;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;
use nix::sys::signal::Signal;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("an_address_taken_away_comes_back", BOTH, comes_back),
    Scenario::new("an_address_taken_away_comes_back_at_once", BOTH, comes_back_at_once)
        .only(Subject::Ours),
    Scenario::new("an_address_taken_away_costs_the_incumbent_an_election", BOTH, |stage| {
        comes_back(stage)?;
        stage.lab.node("a")?.expect_log("sent 0 priority", Mark::START, SLACK)?;
        Ok(())
    })
    .only(Subject::Keepalived),
    Scenario::new("the_loss_of_the_own_address_is_fault_and_the_others_are_told", V3, own_address),
    Scenario::new("an_interface_deleted_and_made_again_is_used_again", V3, made_again),
    Scenario::new("a_flapping_cable_ends_with_one_active", BOTH, flapping),
    Scenario::new("wrong_packets_in_masses_change_nothing", BOTH, wrong_masses).only(Subject::Ours),
    Scenario::new("wrong_packets_in_masses_silence_the_incumbent", V3, silenced)
        .only(Subject::Keepalived),
    Scenario::new("many_reloads_in_a_row_change_nothing", V3, many_reloads),
    Scenario::new("an_address_is_held_without_a_break", BOTH, without_break),
    Scenario::new("fifty_instances_are_elected_and_move_together", V3, fifty),
    Scenario::new("both_families_may_share_an_identifier", V3, shared_identifier),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4];
const BOTH: &[Flavour] = &[Flavour::V3Ipv4, Flavour::V3Ipv6];

/// Removes the virtual address on `a` behind the daemon's back.
fn take_away(stage: &mut Stage) -> Result<()> {
    let address = stage.address();
    let prefix = if address.is_ipv4() { 24 } else { 64 };
    let space = stage.lab.node("a")?.space().clone();
    space.run(&format!("ip addr del {address}/{prefix} dev eth0"))?;
    Ok(())
}

fn comes_back(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    take_away(stage)?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.expect_calm("a", 4)?;
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

/// Nobody else notices; the neighbours hear of the address again.
fn comes_back_at_once(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let (since, log) = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    take_away(stage)?;
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)?;
    let address = stage.address();
    stage.lab.capture.expect("announcement", since, SLACK, |f| f.announces() == Some(address))?;
    stage.expect_calm("a", 4)?;
    stage.lab.node("a")?.expect_no_log("Entering", log)
}

/// The adverts have no address to come from any more: the last one says so.
fn own_address(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let (since, log) = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    let space = stage.lab.node("a")?.space().clone();
    space.run("ip addr del 192.0.2.1/24 dev eth0")?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE", log, SLACK)?;
    stage.lab.capture.expect_advert("a", since, SLACK, |a| a.priority == 0)?;
    stage.expect_takeover("b", since, stage.flavour.skew(100), &[])?;
    space.run("ip addr add 192.0.2.1/24 dev eth0")?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.expect_calm("a", 3)
}

fn make_interface(stage: &mut Stage) -> Result<()> {
    let space = stage.lab.node("a")?.space().clone();
    space.run("ip link add t0 type veth peer name t1")?;
    space.run("ip link set t1 up")?;
    space.run("ip link set t0 up")?;
    space.run("ip addr add 198.51.100.1/24 dev t0")?;
    Ok(())
}

/// The second instance is about another interface, which goes and comes again under its name.
fn made_again(stage: &mut Stage) -> Result<()> {
    make_interface(stage)?;
    let second = second(stage).line("interface t0").addresses(&["198.51.100.20/24"]);
    let text = file(&[], &[stage.instance(150), second]);
    stage.start_with("a", &text)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    expect_on_t0(stage)?;
    let log = stage.lab.node("a")?.log_mark();
    let space = stage.lab.node("a")?.space().clone();
    space.run("ip link del t0")?;
    stage.lab.node("a")?.expect_log("(VI_2) Entering FAULT STATE", log, Duration::from_secs(2))?;
    stage.expect_calm("a", 2)?;
    make_interface(stage)?;
    expect_on_t0(stage)?;
    stage.lab.node("a")?.expect_no_log("(VI_1)", log)
}

fn second(stage: &Stage) -> Instance {
    stage.instance(150).named("VI_2", 52)
}

fn expect_on_t0(stage: &mut Stage) -> Result<()> {
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.node("a")?.expect_address("t0", IpAddr::from([198, 51, 100, 20]), within)
}

fn flapping(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    for _ in 0..6 {
        stage.lab.set_port("a", false)?;
        stage.lab.set_port("a", true)?;
    }
    let within = stage.flavour.down_interval(1) * 2 + START;
    stage.fresh_advert("a").or_else(|_| {
        stage.lab.capture.expect_advert("a", stage.lab.capture.mark(), within, |_| true)
    })?;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.expect_calm("a", 4)?;
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

/// Two thousand a second with a wrong checksum, and nearly as many of lower priority.
fn wrong_masses(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    let log = stage.lab.node("a")?.log_mark();
    let mut wrong = Forged::new(stage.flavour, 200);
    wrong.checksum_error = 1;
    stage.lab.send_repeatedly(&wrong, 4_000, Duration::from_micros(500))?;
    let times = stage.lab.capture.adverts("a", since);
    let pairs = times.iter().zip(times.iter().skip(1));
    let longest = pairs.map(|((x, _), (y, _))| y.since(*x)).max().unwrap_or_default();
    ensure!(times.len() >= 5, "{} adverts in two seconds", times.len());
    let most = stage.flavour.interval() + SLACK / 5;
    ensure!(longest <= most, "{longest:?} between two adverts");
    let written = stage.lab.node("a")?.log_since(log).len();
    ensure!(written < 50, "{written} lines in the log");
    ensure!(stage.lab.capture.adverts("b", since).is_empty(), "b advertised");
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

/// Each one starts the timer of the next advert anew, so that this one never comes. `b` may take over, and
/// is then silenced too.
fn silenced(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    let mut wrong = Forged::new(stage.flavour, 200);
    wrong.checksum_error = 1;
    stage.lab.send_repeatedly(&wrong, 4_000, Duration::from_micros(500))?;
    let sent = stage.lab.capture.adverts("a", since);
    ensure!(sent.len() <= 1, "{} adverts in two seconds", sent.len());
    Ok(())
}

fn many_reloads(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let (since, log) = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    for _ in 0..10 {
        stage.lab.node("a")?.signal(Signal::SIGHUP)?;
        std::thread::sleep(Duration::from_millis(30));
    }
    let span = stage.flavour.down_interval(100) + stage.flavour.interval();
    stage.lab.capture.expect_none("takeover or resignation", since, span, |f| {
        f.advert().is_some_and(|a| f.node != "a" || a.priority == 0)
    })?;
    stage.lab.node("a")?.expect_no_log("Entering", log)?;
    stage.fresh_advert("a")?;
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

/// Longer than a lease lasts, looked at all the time.
fn without_break(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let until = std::time::Instant::now() + Duration::from_secs(13);
    while std::time::Instant::now() < until {
        stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)?;
        std::thread::sleep(SLACK / 5);
    }
    stage.expect_calm("a", 3)
}

fn fifty(stage: &mut Stage) -> Result<()> {
    for (name, priority) in [("a", 150), ("b", 100)] {
        let instances: Vec<Instance> = (0..50_u8)
            .map(|n| {
                let name: &'static str = Box::leak(format!("VI_{n}").into_boxed_str());
                let address = format!("192.0.2.{}/24", 150 + n);
                stage.instance(priority).named(name, 1 + n).addresses(&[&address])
            })
            .collect();
        stage.start_with(name, &file(&[], &instances))?;
    }
    let addresses: Vec<IpAddr> = (0..50_u8).map(|n| IpAddr::from([192, 0, 2, 150 + n])).collect();
    let within = stage.flavour.down_interval(1) * 2 + START;
    for address in &addresses {
        stage.lab.expect_holders(*address, &["a"], within)?;
    }
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.stop()?;
    for address in &addresses {
        stage.lab.expect_holders(*address, &["b"], START)?;
    }
    let zeros = stage.lab.capture.adverts("a", since);
    let told = zeros.iter().filter(|(_, a)| a.priority == 0).count();
    ensure!(told == 50, "{told} resignations");
    let (first, last) = (zeros.first(), zeros.last());
    let spread = last.zip(first).map(|((l, _), (f, _))| l.since(*f)).unwrap_or_default();
    ensure!(spread < SLACK, "resigned within {spread:?}");
    Ok(())
}

fn shared_identifier(stage: &mut Stage) -> Result<()> {
    for (name, priority) in [("a", 150), ("b", 100)] {
        let six = Instance::new(Flavour::V3Ipv6, priority).named("VI_6", 51);
        stage.start_with(name, &file(&[], &[stage.instance(priority), six]))?;
    }
    stage.settle("a", "b", 51)?;
    stage.lab.expect_holders(Flavour::V3Ipv6.address(), &["a"], SLACK)?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.crash()?;
    stage.expect_takeover("b", since, stage.flavour.down_interval(100), &["a"])?;
    stage.lab.expect_holders(Flavour::V3Ipv6.address(), &["a", "b"], SLACK)
}
