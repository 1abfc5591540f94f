//! `use_ipvlan`, `vrf`: what needs a kernel with more than most have. Such scenarios are played in the lab's virtual machine.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance::configuration::Instance;
use conformance::flavour::Flavour;
use conformance::lab::pause;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;
use nix::sys::signal::Signal;

use crate::supervision::{signal, vrrp_process};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("adverts_leave_through_an_ipvlan_link_with_its_address", EACH, at_work)
        .mixed()
        .needing(ipvlan),
    Scenario::new("unicast_leaves_through_an_ipvlan_link", V4, unicast).mixed().needing(ipvlan),
    Scenario::new("an_ipvlan_of_ipv4_without_an_address_is_a_fault", V4, without_address)
        .needing(ipvlan),
    Scenario::new("an_ipvlan_link_outlives_a_killed_process", V4, killed)
        .only(Subject::Ours)
        .needing(ipvlan),
    Scenario::new("a_reload_moves_the_address_of_an_ipvlan_link", V4, moved)
        .only(Subject::Ours)
        .needing(ipvlan),
    Scenario::new("an_ipvlan_link_of_somebody_else_is_kept", V4, foreign)
        .only(Subject::Ours)
        .needing(ipvlan),
    Scenario::new("an_interface_in_a_vrf_is_spoken_through", V4, inside_vrf).mixed().needing(vrf),
    Scenario::new("links_of_an_interface_in_a_vrf_are_in_it_too", V4, link_in_vrf).needing(vrf),
    Scenario::new("a_link_follows_its_interface_into_a_vrf", V4, follows_into_vrf)
        .only(Subject::Ours)
        .needing(vrf),
    Scenario::new("a_route_is_set_in_the_table_of_a_vrf", V4, vrf_of_a_route).needing(vrf),
    Scenario::new("a_route_has_labels", V4, labels).needing(mpls),
    Scenario::new("unicast_needs_a_vrf_alone", V4, vrf_alone).mixed().ours_at("a").needing(vrf),
    Scenario::new("a_vrf_alone_ends_the_incumbent", V4, vrf_refused)
        .only(Subject::Keepalived)
        .needing(vrf),
];

const EACH: &[Flavour] = &[Flavour::V3Ipv4, Flavour::V3Ipv6];
const V4: &[Flavour] = &[Flavour::V3Ipv4];
const LINK: &str = "vrrp.51";

/// Whether this kernel has the links that the scenarios are about.
fn ipvlan() -> Result<(), String> {
    there("ipvlan", "ip link add v0 type veth peer name v1 && ip link add i0 link v0 type ipvlan")
}

/// The same for routing domains.
fn vrf() -> Result<(), String> {
    there("vrf", "ip link add v0 type vrf table 100")
}

/// The same for labels.
fn mpls() -> Result<(), String> {
    there(
        "mpls_iptunnel",
        "ip link add v0 type veth peer name v1 && ip addr add 10.0.0.1/24 dev v0 && ip link set v0 up && \
         ip route add 10.1.0.0/16 encap mpls 100 via 10.0.0.2",
    )
}

fn there(what: &str, script: &str) -> Result<(), String> {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", script]);
    let output = command.output().map_err(|error| format!("unshare: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(format!("kernel has no {what}")) }
}

/// With a link that has the address `.2N` of router N.
fn on_ipvlan(stage: &Stage, priority: u8, number: u8) -> Instance {
    let address = match stage.flavour {
        Flavour::V3Ipv6 => String::new(),
        Flavour::V2 | Flavour::V2Pass | Flavour::V3Ipv4 => format!("192.0.2.2{number}/24"),
    };
    stage.instance(priority).line(&format!("use_ipvlan {address}"))
}

/// The addresses on a link, as `ip` shows them in short.
fn on_link(stage: &mut Stage, node: &str, link: &str) -> Result<String> {
    stage.lab.node(node)?.space().run(&format!("ip -br addr show dev {link}"))
}

fn at_work(stage: &mut Stage) -> Result<()> {
    let (a, b) = (on_ipvlan(stage, 150, 1), on_ipvlan(stage, 100, 2));
    stage.elect_as(&a, &b)?;
    let advert = stage.fresh_advert("a")?.1;
    let links = stage.lab.node("a")?.space().run("ip -d link show dev vrrp.51")?;
    ensure!(
        links.contains("ipvlan") && links.contains("l2") && links.contains("bridge"),
        "{links}"
    );
    let addresses = on_link(stage, "a", LINK)?;
    let source = advert.source.to_string();
    ensure!(addresses.contains(&format!("{source}/")), "from {source}: {addresses}");
    if stage.address().is_ipv4() {
        ensure!(source == "192.0.2.21", "from {source}");
    }
    // The Ethernet address is that of the interface, and there the virtual address stands.
    let frame = stage.lab.capture.expect("advertisement", Mark::START, START, |f| {
        f.node == "a" && f.advert().is_some_and(|it| it.source == advert.source)
    })?;
    ensure!(frame.mac == [2, 0, 0, 0, 0, 1], "from {:02x?}", frame.mac);
    let address = stage.address();
    stage.lab.node("a")?.expect_address("eth0", address, SLACK)?;
    stage.expect_calm("a", 3)?;
    ensure!(stage.lab.node("a")?.stop()?.success(), "it failed");
    let left = stage.lab.node("a")?.space().run("ip -br link show")?;
    ensure!(!left.contains(LINK), "left behind: {left}");
    stage.lab.expect_holders(address, &["b"], stage.flavour.down_interval(100) + START)
}

fn unicast(stage: &mut Stage) -> Result<()> {
    let peer = |instance: Instance, number: u8| {
        instance.line("unicast_peer {").line(&format!("    192.0.2.2{number}")).line("}")
    };
    let a = peer(on_ipvlan(stage, 150, 1), 2);
    let b = peer(on_ipvlan(stage, 100, 2), 1);
    stage.elect_as(&a, &b)?;
    let source = stage.fresh_advert("a")?.1.source;
    ensure!(source.to_string() == "192.0.2.21", "from {source}");
    stage.expect_calm("a", 3)
}

fn without_address(stage: &mut Stage) -> Result<()> {
    let instance = stage.instance(150).line("use_ipvlan");
    stage.start("a", &instance)?;
    let line = "IPv4 ipvlan requires a source ip address to be configured";
    stage.lab.node("a")?.expect_log(line, Mark::START, START)?;
    let capture = &stage.lab.capture;
    let within = stage.flavour.down_interval(150) + START;
    capture.expect_none("advertisement", Mark::START, within, |f| f.advert().is_some())
}

/// The number of the link, which another one of its name would not have.
fn number(stage: &mut Stage) -> Result<String> {
    let text = stage.lab.node("a")?.space().run("ip -o link show dev vrrp.51")?;
    Ok(text.split(':').next().context("no number")?.to_owned())
}

fn killed(stage: &mut Stage) -> Result<()> {
    // A successor takes most of a second in the virtual machine: its peer shall not be on the point of taking over.
    let every = Duration::from_millis(700);
    let (a, b) = (on_ipvlan(stage, 150, 1), on_ipvlan(stage, 100, 2));
    let (a, b) = (a.interval(every), b.interval(every));
    stage.elect_as(&a, &b)?;
    let before = number(stage)?;
    let since = stage.lab.capture.mark();
    signal(vrrp_process(stage)?, Signal::SIGKILL)?;
    let resumed = "Entering MASTER STATE (resumed";
    stage.lab.node("a")?.expect_log(resumed, Mark::START, START)?;
    // As long as its peer waits.
    let capture = &stage.lab.capture;
    let silence = every * 4;
    capture.expect_none("advertisement of b", since, silence, |f| {
        f.node == "b" && f.advert().is_some()
    })?;
    stage.fresh_advert("a")?;
    let others = stage.lab.capture.adverts("b", since);
    ensure!(others.is_empty(), "b took over: {others:?}");
    ensure!(number(stage)? == before, "another link");
    // A whole daemon, and one in its place.
    let since = stage.lab.node("b")?.log_mark();
    stage.lab.node("a")?.crash()?;
    stage.lab.node("b")?.expect_log("Entering MASTER", since, START * 2)?;
    stage.start("a", &a)?;
    stage.settle("a", "b", 51)?;
    ensure!(number(stage)? == before, "another link");
    stage.lab.node("a")?.stop()?;
    let left = stage.lab.node("a")?.space().run("ip -br link show")?;
    ensure!(!left.contains(LINK), "left behind: {left}");
    Ok(())
}

fn moved(stage: &mut Stage) -> Result<()> {
    let (a, b) = (on_ipvlan(stage, 150, 1), on_ipvlan(stage, 100, 2));
    stage.elect_as(&a, &b)?;
    let before = number(stage)?;
    let since = stage.lab.capture.mark();
    let text = a.render().replace("192.0.2.21/24", "192.0.2.29/24 private");
    stage.lab.node("a")?.reload(&text)?;
    let within = stage.flavour.interval() * 2 + START;
    stage.lab.capture.expect_advert("a", since, within, |it| {
        it.source.to_string() == "192.0.2.29" && it.priority == 150
    })?;
    ensure!(number(stage)? == before, "another link");
    let link = stage.lab.node("a")?.space().run("ip -d link show dev vrrp.51")?;
    ensure!(link.contains("private"), "{link}");
    let addresses = on_link(stage, "a", LINK)?;
    ensure!(!addresses.contains("192.0.2.21"), "{addresses}");
    // What somebody takes away is there again, and nobody steps down.
    stage.lab.node("a")?.space().run("ip addr del 192.0.2.29/24 dev vrrp.51")?;
    stage.expect_calm("a", 3)?;
    let gone = stage.lab.capture.adverts("a", since);
    ensure!(gone.iter().all(|(_, advert)| advert.priority == 150), "it stepped down: {gone:?}");
    ensure!(stage.lab.capture.adverts("b", since).is_empty(), "b took over");
    // Without the line the link goes, and adverts come from the interface.
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.reload(&stage_instance(stage.flavour))?;
    stage.lab.capture.expect_advert("a", since, within, |it| {
        it.source.to_string() == "192.0.2.1" && it.priority == 150
    })?;
    let left = stage.lab.node("a")?.space().run("ip -br link show")?;
    ensure!(!left.contains(LINK), "left behind: {left}");
    Ok(())
}

fn stage_instance(flavour: Flavour) -> String {
    Instance::new(flavour, 150).render()
}

fn foreign(stage: &mut Stage) -> Result<()> {
    let space = stage.lab.node("a")?.space().clone();
    space.run("ip link add own.link link eth0 type ipvlan mode l2 vepa")?;
    space.run("ip addr add 192.0.2.28/24 dev own.link")?;
    let instance = stage.instance(150).line("use_ipvlan own.link 192.0.2.21/24");
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(150) + START + Duration::from_secs(1);
    let first = stage.lab.capture.expect_advert("a", Mark::START, within, |_| true)?;
    ensure!(first.1.source.to_string() == "192.0.2.21", "from {}", first.1.source);
    stage.lab.node("a")?.stop()?;
    let link = space.run("ip -d link show dev own.link")?;
    ensure!(link.contains("vepa") && !link.contains("alias"), "{link}");
    let addresses = on_link(stage, "a", "own.link")?;
    ensure!(addresses.contains("DOWN"), "it was down before: {addresses}");
    ensure!(addresses.contains("192.0.2.28/24") && !addresses.contains(".21"), "{addresses}");
    Ok(())
}

/// Puts the interface of a router into a VRF.
fn into_vrf(stage: &mut Stage, node: &str) -> Result<()> {
    let space = stage.lab.node(node)?.space().clone();
    let there = space.run("ip -br link show type vrf")?;
    if !there.contains("red") {
        space.run("ip link add red type vrf table 100")?;
        space.run("ip link set red up")?;
    }
    space.run("ip link set eth0 master red")?;
    Ok(())
}

/// In which VRF a link is, as `ip` says it.
fn master(stage: &mut Stage, link: &str) -> Result<Option<String>> {
    let text = stage.lab.node("a")?.space().run(&format!("ip -o link show dev {link}"))?;
    let mut words = text.split(' ').skip_while(|word| *word != "master");
    Ok(words.nth(1).map(str::to_owned))
}

/// With the interface named too, `vrf` says nothing more.
fn inside_vrf(stage: &mut Stage) -> Result<()> {
    into_vrf(stage, "a")?;
    into_vrf(stage, "b")?;
    let (a, b) = (stage.instance(150).line("vrf red"), stage.instance(100).line("vrf red"));
    stage.elect_as(&a, &b)?;
    stage.expect_calm("a", 3)?;
    let pings = stage.lab.ping(stage.address(), Duration::from_millis(50))?;
    pings.expect_answer(&stage.lab.capture, "a", stage.lab.capture.mark(), START)?;
    Ok(())
}

fn link_in_vrf(stage: &mut Stage) -> Result<()> {
    into_vrf(stage, "a")?;
    let instance = stage.instance(150).line("use_vmac");
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    let address = stage.address();
    stage.lab.node("a")?.expect_address(LINK, address, within)?;
    let vrf = master(stage, LINK)?;
    ensure!(vrf.as_deref() == Some("red"), "in {vrf:?}");
    let pings = stage.lab.ping(address, Duration::from_millis(50))?;
    pings.expect_answer(&stage.lab.capture, "a", stage.lab.capture.mark(), START)?;
    Ok(())
}

fn follows_into_vrf(stage: &mut Stage) -> Result<()> {
    let instance = stage.instance(150).line("use_vmac");
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    let address = stage.address();
    stage.lab.node("a")?.expect_address(LINK, address, within)?;
    ensure!(master(stage, LINK)?.is_none(), "in a VRF");
    into_vrf(stage, "a")?;
    let until = std::time::Instant::now() + START;
    while master(stage, LINK)?.as_deref() != Some("red") {
        ensure!(std::time::Instant::now() < until, "not in the VRF");
        pause();
    }
    stage.lab.node("a")?.expect_address(LINK, address, within)?;
    let pings = stage.lab.ping(address, Duration::from_millis(50))?;
    pings.expect_answer(&stage.lab.capture, "a", stage.lab.capture.mark(), within)?;
    Ok(())
}

/// An instance on router N that has no interface but the VRF.
fn without_interface(stage: &Stage, priority: u8, [own, peer]: [u8; 2]) -> Instance {
    let address = format!("{}/24 dev eth0", stage.address());
    stage
        .instance(priority)
        .addresses(&[&address])
        .line("vrf red")
        .line(&format!("unicast_src_ip 192.0.2.{own}"))
        .line("unicast_peer {")
        .line(&format!("    192.0.2.{peer}"))
        .line("}")
}

fn vrf_alone(stage: &mut Stage) -> Result<()> {
    into_vrf(stage, "a")?;
    let a = without_interface(stage, 150, [1, 2]).render().replace("    interface eth0\n", "");
    let b = without_interface(stage, 100, [2, 1]).render().replace("    vrf red\n", "");
    stage.start_with("a", &a)?;
    stage.start_with("b", &b)?;
    stage.settle("a", "b", 51)?;
    let source = stage.fresh_advert("a")?.1.source;
    ensure!(source.to_string() == "192.0.2.1", "from {source}");
    stage.expect_calm("a", 3)?;
    // It hears through the VRF as well.
    let b = b.replace("priority 100", "priority 200");
    stage.lab.node("b")?.reload(&b)?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    stage.lab.expect_holders(stage.address(), &["b"], within)?;
    stage.lab.node("a")?.expect_log("Entering BACKUP STATE (", Mark::START, within)?;
    Ok(())
}

fn vrf_refused(stage: &mut Stage) -> Result<()> {
    into_vrf(stage, "a")?;
    let a = without_interface(stage, 150, [1, 2]).render().replace("    interface eth0\n", "");
    stage.start_with("a", &a)?;
    stage.lab.node("a")?.expect_log("Unknown interface!", Mark::START, START)?;
    let ended = stage.lab.node("a")?.wait_for_exit(START)?;
    ensure!(ended.code() == Some(2), "{ended}");
    Ok(())
}

/// Waits until `ip SHOW` has this text on node a.
fn expect_shown(stage: &mut Stage, show: &str, text: &str) -> Result<()> {
    let end = Instant::now() + stage.flavour.down_interval(1) * 2 + START;
    loop {
        let told = stage.lab.node("a")?.space().run(&format!("ip {show}"))?;
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        if told.contains(text) {
            return Ok(());
        }
        ensure!(Instant::now() < end, "{told}");
        pause();
    }
}

/// The last of `table` and `vrf` counts.
fn vrf_of_a_route(stage: &mut Stage) -> Result<()> {
    stage.lab.node("a")?.space().run("ip link add red type vrf table 100")?;
    stage.lab.node("a")?.space().run("ip link set red up")?;
    let instance = stage
        .instance(150)
        .line("virtual_routes {")
        .line("    10.50.0.0/16 via 192.0.2.200 dev eth0 vrf red")
        .line("    10.51.0.0/16 via 192.0.2.200 dev eth0 table 78 vrf red")
        .line("    10.52.0.0/16 via 192.0.2.200 dev eth0 vrf red table 78")
        .line("}");
    stage.start("a", &instance)?;
    let two = "10.50.0.0/16 via 192.0.2.200 dev eth0 proto keepalived 10.51.0.0/16 via 192.0.2.200 dev eth0";
    expect_shown(stage, "route show table 100", two)?;
    expect_shown(stage, "route show table 78", "10.52.0.0/16 via 192.0.2.200 dev eth0")?;
    stage.lab.node("a")?.stop()?;
    let left = stage.lab.node("a")?.space().run("ip route show table all proto keepalived")?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

fn labels(stage: &mut Stage) -> Result<()> {
    let instance = stage
        .instance(150)
        .line("virtual_routes {")
        .line("    10.50.0.0/16 via 192.0.2.200 dev eth0 encap mpls 100/200")
        .line("}");
    stage.start("a", &instance)?;
    let shown = "10.50.0.0/16 encap mpls 100/200 via 192.0.2.200 dev eth0";
    expect_shown(stage, "route show", shown)?;
    stage.lab.node("a")?.stop()?;
    let left = stage.lab.node("a")?.space().run("ip route show proto keepalived")?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}
