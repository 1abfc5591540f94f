//! `use_vmac`: one Ethernet address for the virtual router, whoever plays it.

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance::configuration::Instance;
use conformance::flavour::Flavour;
use conformance::lab::POLL;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;
use serde_json::Value;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("adverts_addresses_and_announcements_have_the_virtual_address", EACH, at_work),
    Scenario::new("a_client_keeps_its_neighbour_entry_over_a_failover", V6, client).mixed(),
    Scenario::new("a_client_keeps_its_arp_entry_over_a_failover", EACH_V4, client)
        .only(Subject::Ours),
    Scenario::new("a_client_of_the_incumbent_learns_the_address_of_the_parent", V4, misled)
        .only(Subject::Keepalived),
    Scenario::new("with_arp_announce_set_by_hand_an_arp_entry_stays", V4, client_by_hand).mixed(),
    Scenario::new("with_vmac_xmit_base_adverts_come_from_the_parent", V3, through_parent),
    Scenario::new("routers_with_and_without_vmac_xmit_base_hear_each_other", V3, halves),
    Scenario::new("an_own_address_of_five_octets_ends_in_the_vrid", V3, own_address).mixed(),
    Scenario::new("links_are_named_by_vrid_family_and_number", V4, names),
    Scenario::new("unicast_leaves_through_the_parent", V4, unicast).mixed(),
    Scenario::new("an_excluded_address_of_the_other_family_stands_on_the_parent", V4, excluded),
    Scenario::new("link_and_parent_are_set_to_answer_for_their_own", V4, settings),
    Scenario::new("the_incumbent_leaves_settings_of_the_parent_behind", V4, left_behind)
        .only(Subject::Keepalived),
    Scenario::new("settings_of_the_parent_are_put_back", V4, put_back).only(Subject::Ours),
    Scenario::new("the_incumbent_moves_the_filter_of_all_links", V4, moves_filter)
        .only(Subject::Keepalived),
    Scenario::new("strict_filters_of_all_links_are_left_and_do_no_harm", EACH_V4, leaves_filter)
        .only(Subject::Ours),
    Scenario::new("the_incumbent_removes_a_link_of_somebody_else", V4, removes_others)
        .only(Subject::Keepalived),
    Scenario::new("a_link_of_somebody_else_is_kept", V4, keeps_others).only(Subject::Ours),
    Scenario::new("addresses_elsewhere_stand_on_virtual_links_of_their_own", V4, more_links),
    Scenario::new("membership_reports_are_switched_off_for_the_time_being", V4, no_reports),
    Scenario::new("a_backup_says_nothing_from_its_virtual_address", V3, silent).mixed(),
];

const EACH: &[Flavour] = Flavour::MATRIX;
const EACH_V4: &[Flavour] = &[Flavour::V2, Flavour::V3Ipv4];
const V3: &[Flavour] = &[Flavour::V3Ipv4, Flavour::V3Ipv6];
const V4: &[Flavour] = &[Flavour::V3Ipv4];
const V6: &[Flavour] = &[Flavour::V3Ipv6];
const LINK: &str = "vrrp.51";

const fn virtual_mac(flavour: Flavour) -> [u8; 6] {
    let kind = if matches!(flavour, Flavour::V3Ipv6) { 2 } else { 1 };
    [0, 0, 0x5e, 0, kind, 51]
}

const fn parent_mac(number: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, number]
}

fn with_vmac(instance: Instance) -> Instance {
    instance.line("use_vmac")
}

/// Waits until `node` holds the address on its virtual MAC link.
fn expect_on_link(stage: &mut Stage, node: &str) -> Result<()> {
    let within = stage.flavour.down_interval(1) * 2 + START;
    let address = stage.address();
    stage.lab.node(node)?.expect_address(LINK, address, within)
}

/// From which Ethernet address `node` sends its next advertisement.
fn advert_mac(stage: &Stage, node: &str) -> Result<[u8; 6]> {
    let capture = &stage.lab.capture;
    let within = stage.flavour.down_interval(1) * 2 + START;
    let frame = capture.expect("advertisement", capture.mark(), within, |f| {
        f.node == node && f.advert().is_some_and(|a| a.priority > 0)
    })?;
    Ok(frame.mac)
}

fn announcement_mac(stage: &Stage, node: &str) -> Result<[u8; 6]> {
    let address = stage.address();
    let frame = stage.lab.capture.expect("announcement", Mark::START, START, |f| {
        f.node == node && f.announces() == Some(address)
    })?;
    Ok(frame.mac)
}

fn link(stage: &mut Stage, node: &str, name: &str) -> Result<Option<Value>> {
    let text = stage.lab.node(node)?.space().run("ip -d -j link show")?;
    let all: Vec<Value> = serde_json::from_str(&text)?;
    Ok(all.into_iter().find(|link| link.get("ifname").and_then(Value::as_str) == Some(name)))
}

fn setting(stage: &mut Stage, family: &str, link: &str, name: &str) -> Result<i32> {
    let path = format!("/proc/sys/net/{family}/conf/{link}/{name}");
    let text = stage.lab.node("a")?.space().run(&format!("cat {path}"))?;
    text.trim().parse().with_context(|| format!("{path}: {text}"))
}

fn set(stage: &mut Stage, link: &str, name: &str, value: i32) -> Result<()> {
    set_on(stage, "a", link, name, value)
}

fn set_on(stage: &mut Stage, node: &str, link: &str, name: &str, value: i32) -> Result<()> {
    let space = stage.lab.node(node)?.space().clone();
    // `sysctl` is not installed everywhere, and a slash keeps dots of names apart.
    let file = format!("of=/proc/sys/net/ipv4/conf/{link}/{name}");
    let number = stage.lab.node(node)?.file("number");
    std::fs::write(&number, value.to_string())?;
    space.run(&format!("dd status=none if={} {file}", number.display()))?;
    Ok(())
}

fn at_work(stage: &mut Stage) -> Result<()> {
    let instance = with_vmac(stage.instance(150));
    stage.start("a", &instance)?;
    expect_on_link(stage, "a")?;
    let mac = virtual_mac(stage.flavour);
    let found = advert_mac(stage, "a")?;
    ensure!(found == mac, "an advertisement from {found:02x?}");
    let found = announcement_mac(stage, "a")?;
    ensure!(found == mac, "an announcement from {found:02x?}");
    let address = stage.address();
    ensure!(!stage.lab.node("a")?.holds(address)?, "on the parent as well");
    let link = link(stage, "a", LINK)?.context("no link")?;
    let text = link.to_string();
    for part in [r#""info_kind":"macvlan""#, r#""mode":"private""#, r#""link":"eth0""#] {
        ensure!(text.contains(part), "{text}");
    }
    let source = stage.fresh_advert("a")?.1.source;
    let own = if address.is_ipv4() { "192.0.2.1" } else { "fe80::ff:fe00:1" };
    ensure!(source.to_string() == own, "from {source}");
    ensure!(stage.lab.node("a")?.stop()?.success(), "it failed");
    let left = self::link(stage, "a", LINK)?;
    ensure!(left.is_none(), "left behind: {left:?}");
    Ok(())
}

/// The client's own neighbour table, which its kernel keeps.
fn neighbour(stage: &Stage, address: IpAddr) -> Result<Option<String>> {
    let text = stage.lab.client().run(&format!("ip -j neigh show to {address}"))?;
    let all: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
    let mac = all.first().and_then(|entry| entry.get("lladdr")).and_then(Value::as_str);
    Ok(mac.map(str::to_owned))
}

fn client(stage: &mut Stage) -> Result<()> {
    let (a, b) = (with_vmac(stage.instance(150)), with_vmac(stage.instance(100)));
    stage.start("a", &a)?;
    stage.start("b", &b)?;
    expect_on_link(stage, "a")?;
    stage.fresh_advert("a")?;
    let address = stage.address();
    let pings = stage.lab.ping(address, Duration::from_millis(50))?;
    let since = stage.lab.capture.mark();
    let within = stage.flavour.down_interval(100) + START;
    pings.expect_answer(&stage.lab.capture, "a", since, START)?;
    let octets = virtual_mac(stage.flavour).map(|octet| format!("{octet:02x}"));
    let mac = octets.join(":");
    let before = neighbour(stage, address)?;
    ensure!(before.as_ref() == Some(&mac), "{before:?} before");
    let since = stage.lab.capture.mark();
    stage.lab.set_port("a", false)?;
    // Until the answer and all the while: the entry that the client has is the right one.
    let until = Instant::now() + within;
    while pings.answers(&stage.lab.capture, since).iter().all(|(_, node)| node != "b") {
        let now = neighbour(stage, address)?;
        ensure!(now.is_none() || now.as_ref() == Some(&mac), "{now:?} meanwhile");
        ensure!(Instant::now() < until, "b does not answer");
        thread::sleep(POLL);
    }
    let after = neighbour(stage, address)?;
    ensure!(after.as_ref() == Some(&mac), "{after:?} after");
    let took = advert_mac(stage, "b")?;
    ensure!(took == virtual_mac(stage.flavour), "b advertises from {took:02x?}");
    // And back.
    let since = stage.lab.capture.mark();
    stage.lab.set_port("a", true)?;
    pings.expect_answer(&stage.lab.capture, "a", since, within + START)?;
    let back = neighbour(stage, address)?;
    ensure!(back.as_ref() == Some(&mac), "{back:?} in the end");
    Ok(())
}

/// The answer to a client leaves through the parent, which asks for the client in the name of the virtual address.
fn misled(stage: &mut Stage) -> Result<()> {
    let instance = with_vmac(stage.instance(150));
    stage.start("a", &instance)?;
    expect_on_link(stage, "a")?;
    let pings = stage.lab.ping(stage.address(), Duration::from_millis(50))?;
    pings.expect_answer(&stage.lab.capture, "a", stage.lab.capture.mark(), START)?;
    let learned = neighbour(stage, stage.address())?;
    ensure!(learned.as_deref() == Some("02:00:00:00:00:01"), "{learned:?}");
    Ok(())
}

fn client_by_hand(stage: &mut Stage) -> Result<()> {
    for node in ["a", "b"] {
        set_on(stage, node, "eth0", "arp_announce", 2)?;
    }
    client(stage)
}

fn through_parent(stage: &mut Stage) -> Result<()> {
    let instance = with_vmac(stage.instance(150)).line("vmac_xmit_base");
    stage.start("a", &instance)?;
    expect_on_link(stage, "a")?;
    let found = advert_mac(stage, "a")?;
    ensure!(found == parent_mac(1), "an advertisement from {found:02x?}");
    let found = announcement_mac(stage, "a")?;
    ensure!(found == virtual_mac(stage.flavour), "an announcement from {found:02x?}");
    Ok(())
}

/// Whoever sends from where, of two routers one stays Backup; on either side.
fn halves(stage: &mut Stage) -> Result<()> {
    for (line_a, line_b) in [("", "vmac_xmit_base"), ("vmac_xmit_base", "")] {
        let a = with_vmac(stage.instance(150)).line(line_a);
        let b = with_vmac(stage.instance(100)).line(line_b);
        stage.start("a", &a)?;
        expect_on_link(stage, "a")?;
        stage.start("b", &b)?;
        stage.lab.node("b")?.expect_log("Entering BACKUP STATE", Mark::START, START)?;
        let deaf = stage.pair.b == Subject::Keepalived && !line_b.is_empty();
        let calm = stage.expect_calm("a", 6);
        ensure!(calm.is_err() == deaf, "b with `{line_b}`: {calm:?}");
        stage.lab.node("a")?.stop()?;
        stage.lab.node("b")?.stop()?;
    }
    Ok(())
}

fn own_address(stage: &mut Stage) -> Result<()> {
    let line = "use_vmac 02:03:04:05:06";
    let (a, b) = (stage.instance(150).line(line), stage.instance(100).line(line));
    stage.start("a", &a)?;
    stage.start("b", &b)?;
    expect_on_link(stage, "a")?;
    let found = advert_mac(stage, "a")?;
    ensure!(found == [2, 3, 4, 5, 6, 51], "an advertisement from {found:02x?}");
    stage.expect_calm("a", 3)
}

fn names(stage: &mut Stage) -> Result<()> {
    let space = stage.lab.node("a")?.space().clone();
    space.run("ip link add eth1 type veth peer name eth1p")?;
    for line in
        ["ip link set eth1p up", "ip link set eth1 up", "ip addr add 198.51.100.1/24 dev eth1"]
    {
        space.run(line)?;
    }
    let one = |name: &str, interface: &str, vrid: u8, link: &str, address: &str| {
        format!(
            "vrrp_instance {name} {{\n    interface {interface}\n    virtual_router_id {vrid}\n    \
             priority 150\n    version 3\n    advert_int 0.3\n    use_vmac {link}\n    \
             virtual_ipaddress {{\n        {address}\n    }}\n}}\n"
        )
    };
    let text = [
        one("VI_1", "eth0", 51, "", "192.0.2.10/24"),
        one("VI_2", "eth0", 51, "", "fe80::51/64"),
        one("VI_3", "eth1", 51, "", "198.51.100.10/24"),
        one("VI_4", "eth0", 52, "my.link", "192.0.2.52/24"),
    ]
    .concat();
    stage.start_with("a", &text)?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    let node = stage.lab.node("a")?;
    for (link, address) in [
        ("vrrp.51", "192.0.2.10"),
        ("vrrp6.51", "fe80::51"),
        ("vrrp1.51", "198.51.100.10"),
        ("my.link", "192.0.2.52"),
    ] {
        node.expect_address(link, address.parse()?, within)?;
    }
    Ok(())
}

fn unicast(stage: &mut Stage) -> Result<()> {
    let peers = |instance: Instance, own: u8, peer: u8| {
        with_vmac(instance)
            .line(&format!("unicast_src_ip 192.0.2.{own}"))
            .line("unicast_peer {")
            .line(&format!("    192.0.2.{peer}"))
            .line("}")
    };
    let (a, b) = (peers(stage.instance(150), 1, 2), peers(stage.instance(100), 2, 1));
    stage.start("a", &a)?;
    stage.start("b", &b)?;
    expect_on_link(stage, "a")?;
    let found = advert_mac(stage, "a")?;
    ensure!(found == parent_mac(1), "an advertisement from {found:02x?}");
    stage.expect_calm("a", 3)
}

fn excluded(stage: &mut Stage) -> Result<()> {
    let instance = with_vmac(stage.instance(150))
        .line("virtual_ipaddress_excluded {")
        .line("    2001:db8::77/64")
        .line("    192.0.2.77/24")
        .line("}");
    stage.start("a", &instance)?;
    expect_on_link(stage, "a")?;
    let node = stage.lab.node("a")?;
    node.expect_address("eth0", "2001:db8::77".parse()?, SLACK)?;
    node.expect_address(LINK, "192.0.2.77".parse()?, SLACK)
}

fn settings(stage: &mut Stage) -> Result<()> {
    let instance = with_vmac(stage.instance(150));
    stage.start("a", &instance)?;
    expect_on_link(stage, "a")?;
    for (family, link, name, value) in [
        ("ipv4", "eth0", "arp_ignore", 1),
        ("ipv4", "eth0", "arp_filter", 1),
        ("ipv4", LINK, "arp_ignore", 1),
        ("ipv4", LINK, "arp_filter", 0),
        ("ipv4", LINK, "accept_local", 1),
        ("ipv4", LINK, "rp_filter", 0),
        ("ipv4", LINK, "promote_secondaries", 1),
        ("ipv6", LINK, "disable_ipv6", 1),
    ] {
        let found = setting(stage, family, link, name)?;
        ensure!(found == value, "{name} of {link} is {found}");
    }
    Ok(())
}

fn parent_after_a_stop(stage: &mut Stage) -> Result<(i32, i32)> {
    let instance = with_vmac(stage.instance(150));
    stage.start("a", &instance)?;
    expect_on_link(stage, "a")?;
    // An address may have been left by one before.
    advert_mac(stage, "a")?;
    stage.lab.node("a")?.stop()?;
    Ok((
        setting(stage, "ipv4", "eth0", "arp_ignore")?,
        setting(stage, "ipv4", "eth0", "arp_filter")?,
    ))
}

fn left_behind(stage: &mut Stage) -> Result<()> {
    let found = parent_after_a_stop(stage)?;
    ensure!(found == (1, 1), "{found:?}");
    Ok(())
}

fn put_back(stage: &mut Stage) -> Result<()> {
    let found = parent_after_a_stop(stage)?;
    ensure!(found == (0, 0), "{found:?}");
    // Also what a daemon found that could not put it back.
    set(stage, "eth0", "arp_ignore", 2)?;
    let instance = with_vmac(stage.instance(150));
    stage.start("a", &instance)?;
    expect_on_link(stage, "a")?;
    stage.lab.node("a")?.crash()?;
    ensure!(setting(stage, "ipv4", "eth0", "arp_ignore")? == 1, "gone with the daemon");
    let found = parent_after_a_stop(stage)?;
    ensure!(found == (2, 0), "{found:?}");
    Ok(())
}

fn moves_filter(stage: &mut Stage) -> Result<()> {
    set(stage, "all", "rp_filter", 1)?;
    let instance = with_vmac(stage.instance(150));
    stage.start("a", &instance)?;
    expect_on_link(stage, "a")?;
    let all = setting(stage, "ipv4", "all", "rp_filter")?;
    let parent = setting(stage, "ipv4", "eth0", "rp_filter")?;
    ensure!((all, parent) == (0, 1), "{all} {parent}");
    Ok(())
}

/// Both directions with strict filters everywhere: adverts reach a Backup, clients reach the address.
fn leaves_filter(stage: &mut Stage) -> Result<()> {
    set(stage, "all", "rp_filter", 1)?;
    let (a, b) = (with_vmac(stage.instance(100)), with_vmac(stage.instance(150)));
    stage.start("b", &b)?;
    expect_on_link(stage, "b")?;
    stage.start("a", &a)?;
    stage.lab.node("a")?.expect_log("Entering BACKUP STATE", Mark::START, START)?;
    stage.expect_calm("b", 4)?;
    ensure!(
        setting(stage, "ipv4", "all", "rp_filter")? == 1,
        "the filter of all links was changed"
    );
    stage.lab.node("b")?.stop()?;
    expect_on_link(stage, "a")?;
    let pings = stage.lab.ping(stage.address(), Duration::from_millis(50))?;
    pings.expect_answer(&stage.lab.capture, "a", stage.lab.capture.mark(), START)?;
    Ok(())
}

/// Makes the link beforehand, as an administrator would, and runs the daemon once.
fn with_a_link_of_somebody_else(stage: &mut Stage) -> Result<Option<Value>> {
    let space = stage.lab.node("a")?.space().clone();
    let make =
        "ip link add link eth0 name mine address 00:00:5e:00:01:33 type macvlan mode private";
    space.run(make)?;
    space.run("ip link set mine up")?;
    let instance = with_vmac(stage.instance(150));
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    let address = stage.address();
    stage.lab.node("a")?.expect_address("mine", address, within)?;
    stage.lab.node("a")?.stop()?;
    link(stage, "a", "mine")
}

fn removes_others(stage: &mut Stage) -> Result<()> {
    let left = with_a_link_of_somebody_else(stage)?;
    ensure!(left.is_none(), "{left:?}");
    Ok(())
}

fn keeps_others(stage: &mut Stage) -> Result<()> {
    let left = with_a_link_of_somebody_else(stage)?.context("it is gone")?;
    ensure!(left.get("ifalias").is_none(), "{left}");
    ensure!(setting(stage, "ipv4", "mine", "arp_ignore")? == 0, "settings were left behind");
    Ok(())
}

/// A switch that hears the address of an Active router from a Backup sends clients' packets there.
fn silent(stage: &mut Stage) -> Result<()> {
    let (a, b) = (with_vmac(stage.instance(150)), with_vmac(stage.instance(100)));
    stage.start("a", &a)?;
    expect_on_link(stage, "a")?;
    let since = stage.lab.capture.mark();
    stage.start("b", &b)?;
    stage.lab.node("b")?.expect_log("Entering BACKUP STATE", Mark::START, START)?;
    // Membership reports come within seconds.
    let mac = virtual_mac(stage.flavour);
    let span = Duration::from_secs(3);
    stage.lab.capture.expect_none("frame", since, span, |f| f.node == "b" && f.mac == mac)
}

/// Links, addresses and announcements of addresses that name another interface, and announcements there in each period.
fn more_links(stage: &mut Stage) -> Result<()> {
    stage.lab.add_cable("a", "198.51.100.1/24")?;
    let instance = with_vmac(stage.instance(150))
        .addresses(&["192.0.2.10/24", "198.51.100.10/24 dev eth1"])
        .line("use_vmac_addr")
        .line("garp_master_repeat 1")
        .line("garp_master_delay 0")
        .line("garp_extra_if 1")
        .line("virtual_ipaddress_excluded {")
        .line("    2001:db8:1::10/64 dev eth1")
        .line("}");
    stage.start("a", &instance)?;
    expect_on_link(stage, "a")?;
    for (name, address) in [("vrrp1.51", "198.51.100.10"), ("vrrp6.51", "2001:db8:1::10")] {
        stage.lab.node("a")?.expect_address(name, address.parse()?, SLACK)?;
        let text = link(stage, "a", name)?.context("no link")?.to_string();
        ensure!(text.contains(r#""link":"eth1""#), "{text}");
    }
    let macs = [("198.51.100.10", 1), ("2001:db8:1::10", 2)];
    for (address, kind) in macs {
        let mut since = Mark::START;
        for _ in 0..3 {
            let capture = &stage.lab.capture;
            let within = Duration::from_secs(1) + SLACK;
            let frame = capture.expect("announcement", since, within, |f| {
                f.node == "a.eth1" && f.announces() == address.parse().ok()
            })?;
            ensure!(frame.mac == [0, 0, 0x5e, 0, kind, 51], "from {:02x?}", frame.mac);
            since = capture.mark();
        }
    }
    ensure!(stage.lab.node("a")?.stop()?.success(), "it failed");
    for name in [LINK, "vrrp1.51", "vrrp6.51"] {
        ensure!(link(stage, "a", name)?.is_none(), "{name} is left");
    }
    Ok(())
}

fn no_reports(stage: &mut Stage) -> Result<()> {
    let reports = |stage: &mut Stage| -> Result<String> {
        let path = "/proc/sys/net/ipv4/igmp_link_local_mcast_reports";
        Ok(stage.lab.node("a")?.space().run(&format!("cat {path}"))?.trim().to_owned())
    };
    ensure!(reports(stage)? == "1", "off before");
    let instance = stage.instance(150).render();
    stage.start_with("a", &format!("global_defs {{\n    disable_local_igmp\n}}\n{instance}"))?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    let address = stage.address();
    stage.lab.node("a")?.expect_address("eth0", address, within)?;
    ensure!(reports(stage)? == "0", "still on");
    ensure!(stage.lab.node("a")?.stop()?.success(), "it failed");
    ensure!(reports(stage)? == "1", "off after");
    Ok(())
}
