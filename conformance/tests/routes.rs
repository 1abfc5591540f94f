//! Routes and rules as the kernel shows them: with the role, against others, and through the loss of what carries them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance::configuration::{Instance, file};
use conformance::flavour::Flavour;
use conformance::lab::POLL;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;
use serde_json::Value;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("they_come_with_the_role_and_go_with_it", BOTH, move_with_the_role).mixed(),
    Scenario::new("a_virtual_address_carries_the_routes_behind_it", V3, behind_the_address),
    Scenario::new("a_route_of_the_host_waits_behind_ours", V3, before_the_hosts),
    Scenario::new("words_about_headers_and_others_say_the_same", V3, words),
    Scenario::new("one_of_several_ways_has_its_header", V3, |stage| several(stage, " encap ip"))
        .only(Subject::Ours),
    Scenario::new("one_of_several_ways_of_the_incumbent_loses_its_header", V3, |stage| {
        several(stage, "")
    })
    .only(Subject::Keepalived),
    Scenario::new("a_route_that_is_only_added_comes_when_it_may", V3, added).only(Subject::Ours),
    Scenario::new("a_route_that_is_only_added_is_given_up_by_the_incumbent", V3, given_up)
        .only(Subject::Keepalived),
    Scenario::new("rules_without_a_priority_count_down_from_16384", V3, priorities),
    Scenario::new("what_is_taken_away_comes_back", V3, comes_back),
    Scenario::new("what_is_taken_away_comes_back_at_once", V3, comes_back_at_once)
        .only(Subject::Ours),
    Scenario::new("a_route_taken_away_costs_the_incumbent_an_election", V3, |stage| {
        comes_back(stage)?;
        stage.lab.node("a")?.expect_log("sent 0 priority", Mark::START, SLACK)?;
        Ok(())
    })
    .only(Subject::Keepalived),
    Scenario::new("a_route_without_an_interface_comes_back_too", V3, loose_comes_back)
        .only(Subject::Ours),
    Scenario::new("a_route_without_an_interface_is_lost_to_the_incumbent", V3, loose_is_lost)
        .only(Subject::Keepalived),
    Scenario::new("a_route_that_nobody_tracks_stays_away", V3, untracked),
    Scenario::new("an_address_that_nobody_tracks_stays_away", V3, untracked_address),
    Scenario::new("the_interface_of_a_route_is_tracked", V3, |stage| {
        fault_with(stage, "virtual_routes {\n 10.50.0.0/16 dev t0\n }")
    }),
    Scenario::new("the_interface_of_a_rule_is_tracked", V3, |stage| {
        fault_with(stage, "virtual_rules {\n iif t0 table 100 priority 100\n }")
    }),
    Scenario::new("the_interface_of_an_address_is_tracked", V3, |stage| {
        fault_with(stage, "virtual_ipaddress_excluded {\n 198.51.100.1/24 dev t0\n }")
    }),
    Scenario::new("an_interface_that_is_not_tracked_is_no_fault", V3, no_fault),
    Scenario::new("a_reload_takes_the_difference", V3, reload),
    Scenario::new("static_ones_stand_from_start_to_stop", V3, fixed),
    Scenario::new("a_static_route_taken_away_comes_back", V3, fixed_comes_back).only(Subject::Ours),
    Scenario::new("a_static_route_taken_away_is_lost_to_the_incumbent", V3, fixed_is_lost)
        .only(Subject::Keepalived),
    Scenario::new("a_static_route_comes_back_with_its_link", V3, fixed_comes_back_with_the_link)
        .only(Subject::Ours),
    Scenario::new("a_static_rule_taken_away_comes_back", V3, fixed_rule_comes_back)
        .only(Subject::Ours),
    Scenario::new("a_static_rule_taken_away_is_lost_to_the_incumbent", V3, fixed_rule_is_lost)
        .only(Subject::Keepalived),
    Scenario::new("what_a_crash_left_is_cleared_at_the_start", V3, cleared).only(Subject::Ours),
    Scenario::new("inet6_makes_a_rule_one_of_ipv6", V3, inet6).only(Subject::Ours),
    Scenario::new("inet6_makes_no_rule_of_the_incumbent", V3, no_inet6).only(Subject::Keepalived),
    Scenario::new("what_is_configured_no_longer_is_cleared_too", V3, cleared_too)
        .only(Subject::Ours),
    Scenario::new("what_a_crash_left_stays_with_the_incumbent", V3, stays)
        .only(Subject::Keepalived),
    Scenario::new("a_route_on_the_link_has_the_scope_of_the_link", V3, |stage| {
        scope(stage, "link")
    })
    .only(Subject::Ours),
    Scenario::new("a_route_on_the_link_is_global_to_the_incumbent", V3, |stage| {
        scope(stage, "global")
    })
    .only(Subject::Keepalived),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4];
const BOTH: &[Flavour] = &[Flavour::V3Ipv4, Flavour::V3Ipv6];

const LINES: &str = "virtual_routes {\n 10.50.0.0/16 via 192.0.2.200 dev eth0\n 10.51.0.0/16 dev eth0 metric 7\n \
    blackhole 10.52.0.0/16 table 100\n 2001:db8:50::/48 via 2001:db8::200 dev eth0\n \
    10.53.0.0/16 nexthop via 192.0.2.200 dev eth0 weight 2 nexthop via 192.0.2.201 dev eth0\n }\n \
    virtual_rules {\n from 10.50.0.0/16 table 100 priority 500\n from 2001:db8:50::/48 table 100 priority 501\n }";

/// As the kernel shows them.
const SHOWN: [&str; 7] = [
    "blackhole 10.52.0.0/16 table 100",
    "unicast 10.50.0.0/16 via 192.0.2.200 dev eth0",
    "unicast 10.51.0.0/16 dev eth0 metric 7",
    "unicast 10.53.0.0/16 over 192.0.2.200 2 192.0.2.201 1",
    "unicast 2001:db8:50::/48 via 2001:db8::200 dev eth0 metric 1024",
    "500 from 10.50.0.0/16 table 100",
    "501 from 2001:db8:50::/48 table 100",
];

/// Routes and rules of keepalived's protocol on a node, in a fixed order.
fn shown(stage: &mut Stage, node: &str) -> Result<Vec<String>> {
    let space = stage.lab.node(node)?.space().clone();
    let mut routes = Vec::new();
    for family in ["-4", "-6"] {
        let text = space
            .run(&format!("ip -json -details {family} route show table all proto keepalived"))?;
        routes.extend(list(&text)?.iter().map(route));
    }
    routes.sort();
    let mut rules = Vec::new();
    for family in ["-4", "-6"] {
        let text = space.run(&format!("ip -json -details {family} rule show"))?;
        let ours = |rule: &&Value| text_of(rule, "protocol").as_deref() == Some("keepalived");
        rules.extend(list(&text)?.iter().filter(ours).map(rule));
    }
    routes.extend(rules);
    Ok(routes)
}

/// What `ip` prints; nothing is printed where nothing is.
fn list(text: &str) -> Result<Vec<Value>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(text).context("read output of ip")
}

fn text_of(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn route(value: &Value) -> String {
    let mut text = format!(
        "{} {}",
        text_of(value, "type").unwrap_or_default(),
        text_of(value, "dst").unwrap_or_default()
    );
    let named = [("gateway", "via"), ("dev", "dev"), ("table", "table"), ("metric", "metric")];
    for (key, word) in named {
        if let Some(found) = text_of(value, key).filter(|found| found != "main") {
            text.push_str(&format!(" {word} {found}"));
        }
    }
    if let Some(hops) = value.get("nexthops").and_then(Value::as_array) {
        text.push_str(" over");
        for hop in hops {
            let (gateway, weight) = (text_of(hop, "gateway"), text_of(hop, "weight"));
            text.push_str(&format!(
                " {} {}",
                gateway.unwrap_or_default(),
                weight.unwrap_or_default()
            ));
        }
    }
    text
}

fn rule(value: &Value) -> String {
    let mut text = text_of(value, "priority").unwrap_or_default();
    for key in ["src", "dst"] {
        if let Some(found) = text_of(value, key).filter(|found| found != "all") {
            let length = text_of(value, &format!("{key}len")).unwrap_or_default();
            let word = if key == "src" { "from" } else { "to" };
            text.push_str(&format!(" {word} {found}/{length}"));
        }
    }
    for (key, word) in [("iif", "iif"), ("oif", "oif"), ("table", "table"), ("action", "action")] {
        if let Some(found) = text_of(value, key) {
            text.push_str(&format!(" {word} {found}"));
        }
    }
    text
}

/// Waits until a node has just these.
fn expect(stage: &mut Stage, node: &str, wanted: &[&str], within: Duration) -> Result<()> {
    let until = Instant::now() + within;
    loop {
        let found = shown(stage, node)?;
        if found == wanted {
            return Ok(());
        }
        ensure!(Instant::now() < until, "{node} has {found:#?}, not {wanted:#?}");
        std::thread::sleep(POLL);
    }
}

/// What somebody types on `a`.
fn type_in(stage: &mut Stage, line: &str) -> Result<()> {
    let space = stage.lab.node("a")?.space().clone();
    space.run(line)?;
    Ok(())
}

/// Makes `a` Active with these lines.
fn activate(stage: &mut Stage, lines: &str) -> Result<Instance> {
    let instance = stage.instance(150).line(lines);
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    Ok(instance)
}

/// The time of an election, for those who need one.
fn election(stage: &Stage) -> Duration {
    stage.flavour.down_interval(1) * 2 + START
}

fn move_with_the_role(stage: &mut Stage) -> Result<()> {
    let (a, b) = (stage.instance(150).line(LINES), stage.instance(100).line(LINES));
    stage.elect_as(&a, &b)?;
    expect(stage, "a", &SHOWN, SLACK)?;
    expect(stage, "b", &[], Duration::ZERO)?;
    stage.lab.node("a")?.stop()?;
    expect(stage, "a", &[], Duration::ZERO)?;
    let within = election(stage);
    expect(stage, "b", &SHOWN, within)?;
    stage.start("a", &a)?;
    expect(stage, "b", &[], within)?;
    expect(stage, "a", &SHOWN, SLACK)
}

/// The kernel refuses a router that it cannot reach: the address comes first, and the route to the router before others.
fn behind_the_address(stage: &mut Stage) -> Result<()> {
    let instance = stage.instance(150).addresses(&["192.0.2.10/24", "10.4.0.1/24"]).line(
        "virtual_routes {\n 10.50.0.0/16 via 10.4.0.9\n default via 10.4.0.9 metric 50 src 10.4.0.1\n }",
    );
    stage.start("a", &instance)?;
    let wanted = [
        "unicast 10.50.0.0/16 via 10.4.0.9 dev eth0",
        "unicast default via 10.4.0.9 dev eth0 metric 50",
    ];
    let within = election(stage);
    expect(stage, "a", &wanted, within)?;
    stage.lab.node("a")?.stop()?;
    expect(stage, "a", &[], Duration::ZERO)
}

fn before_the_hosts(stage: &mut Stage) -> Result<()> {
    type_in(stage, "ip route add 10.50.0.0/16 via 192.0.2.9")?;
    activate(stage, "virtual_routes {\n 10.50.0.0/16 via 192.0.2.200 dev eth0\n }")?;
    expect(stage, "a", &["unicast 10.50.0.0/16 via 192.0.2.200 dev eth0"], SLACK)?;
    let space = stage.lab.node("a")?.space().clone();
    let gateways = || -> Result<Vec<Option<String>>> {
        let all = list(&space.run("ip -json route show 10.50.0.0/16")?)?;
        Ok(all.iter().map(|route| text_of(route, "gateway")).collect())
    };
    let text = |gateway: &str| Some(gateway.to_owned());
    let found = gateways()?;
    ensure!(found == [text("192.0.2.200"), text("192.0.2.9")], "{found:?}");
    stage.lab.node("a")?.stop()?;
    let found = gateways()?;
    ensure!(found == [text("192.0.2.9")], "{found:?}");
    Ok(())
}

/// Words about ways and about what the host has, as lines and as `ip` shows what becomes of them.
const WORDS: [(&str, &str); 6] = [
    (
        "10.60.0.0/16 via 192.0.2.200 dev eth0 encap ip id 5 dst 1.2.3.4 src 5.6.7.8 ttl 9 tos 8",
        "10.60.0.0/16 encap ip id 5 src 5.6.7.8 dst 1.2.3.4 ttl 9 tos 8 via 192.0.2.200 dev eth0",
    ),
    (
        "10.61.0.0/16 encap ip6 dst 2001:db8::5 tc 4 hoplimit 9 via 192.0.2.200 dev eth0",
        "10.61.0.0/16 encap ip6 id 0 src :: dst 2001:db8::5 hoplimit 9 tc 4 via 192.0.2.200 dev eth0",
    ),
    (
        "10.62.0.0/16 via 192.0.2.200 dev eth0 encap ip id 9 dsfield 16",
        "10.62.0.0/16 encap ip id 9 src 0.0.0.0 dst 0.0.0.0 ttl 0 tos 0 tos 0x10 via 192.0.2.200 dev eth0",
    ),
    (
        "10.63.0.0/16 ttl-propagate disabled via 192.0.2.200 dev eth0",
        "10.63.0.0/16 via 192.0.2.200 dev eth0",
    ),
    ("10.64.0.0/16 add via 192.0.2.200 dev eth0", "10.64.0.0/16 via 192.0.2.200 dev eth0"),
    ("10.65.0.0/16 append via 192.0.2.200 dev eth0", "10.65.0.0/16 via 192.0.2.200 dev eth0"),
];

/// What `ip` shows of routes of keepalived's protocol, a line each.
fn told(stage: &mut Stage) -> Result<Vec<String>> {
    let text = stage.lab.node("a")?.space().run("ip route show proto keepalived")?;
    Ok(text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect())
}

fn words(stage: &mut Stage) -> Result<()> {
    type_in(stage, "ip route add 10.65.0.0/16 via 192.0.2.9")?;
    let lines: Vec<&str> = WORDS.iter().map(|(line, _)| *line).collect();
    let wanted: Vec<&str> = WORDS.iter().map(|(_, shown)| *shown).collect();
    activate(stage, &format!("virtual_routes {{\n {}\n }}", lines.join("\n ")))?;
    until(SLACK, || {
        let told = told(stage)?;
        Ok((told == wanted, format!("{told:#?}")))
    })?;
    // It waits behind that of the host.
    let all = stage.lab.node("a")?.space().run("ip route show 10.65.0.0/16")?;
    ensure!(all.starts_with("10.65.0.0/16 via 192.0.2.9 "), "{all}");
    stage.lab.node("a")?.stop()?;
    let told = told(stage)?;
    ensure!(told.is_empty(), "{told:?}");
    Ok(())
}

/// Looks until what `look` says is true; it says, too, what it saw.
fn until(within: Duration, mut look: impl FnMut() -> Result<(bool, String)>) -> Result<()> {
    let end = Instant::now() + within;
    loop {
        let (is_so, seen) = look()?;
        if is_so {
            return Ok(());
        }
        ensure!(Instant::now() < end, "{seen}");
        std::thread::sleep(POLL);
    }
}

fn several(stage: &mut Stage, header: &str) -> Result<()> {
    let line = "10.60.0.0/16 nexthop via 192.0.2.200 dev eth0 encap ip dst 7.7.7.7 nexthop via 192.0.2.201 dev eth0";
    activate(stage, &format!("virtual_routes {{\n {line}\n }}"))?;
    let wanted = format!("nexthop{header} ");
    until(SLACK, || {
        let told = told(stage)?;
        let way = told.iter().find(|line| line.contains("via 192.0.2.200"));
        Ok((way.is_some_and(|line| line.starts_with(&wanted)), format!("{told:?}")))
    })
}

const ADDED: &str = "virtual_routes {\n 10.60.0.0/16 add via 192.0.2.200 dev eth0\n }";

fn added(stage: &mut Stage) -> Result<()> {
    type_in(stage, "ip route add 10.60.0.0/16 via 192.0.2.9")?;
    activate(stage, ADDED)?;
    stage.lab.node("a")?.expect_log("cannot set route 10.60.0.0/16", Mark::START, SLACK)?;
    expect(stage, "a", &[], Duration::ZERO)?;
    type_in(stage, "ip route del 10.60.0.0/16")?;
    expect(stage, "a", &["unicast 10.60.0.0/16 via 192.0.2.200 dev eth0"], SLACK * 10)
}

fn given_up(stage: &mut Stage) -> Result<()> {
    type_in(stage, "ip route add 10.60.0.0/16 via 192.0.2.9")?;
    activate(stage, ADDED)?;
    type_in(stage, "ip route del 10.60.0.0/16")?;
    std::thread::sleep(Duration::from_secs(3));
    expect(stage, "a", &[], Duration::ZERO)
}

fn priorities(stage: &mut Stage) -> Result<()> {
    activate(
        stage,
        "virtual_rules {\n from 10.50.0.0/16 table 100\n from 10.51.0.0/16 table 100\n from 2001:db8:5::/48 table 100\n }",
    )?;
    let wanted = [
        "16383 from 10.51.0.0/16 table 100",
        "16384 from 10.50.0.0/16 table 100",
        "16384 from 2001:db8:5::/48 table 100",
    ];
    expect(stage, "a", &wanted, SLACK)
}

const SOME: &str = "virtual_routes {\n 10.50.0.0/16 via 192.0.2.200 dev eth0\n }\n \
    virtual_rules {\n from 10.50.0.0/16 table 100 priority 500\n }";
const SOME_SHOWN: [&str; 2] =
    ["unicast 10.50.0.0/16 via 192.0.2.200 dev eth0", "500 from 10.50.0.0/16 table 100"];

fn comes_back(stage: &mut Stage) -> Result<()> {
    activate(stage, SOME)?;
    let within = election(stage);
    for line in ["ip route del 10.50.0.0/16", "ip rule del priority 500"] {
        expect(stage, "a", &SOME_SHOWN, within)?;
        type_in(stage, line)?;
        expect(stage, "a", &SOME_SHOWN, within)?;
    }
    Ok(())
}

fn comes_back_at_once(stage: &mut Stage) -> Result<()> {
    activate(stage, SOME)?;
    for line in ["ip route del 10.50.0.0/16", "ip rule del priority 500"] {
        let mark = stage.lab.node("a")?.log_mark();
        type_in(stage, line)?;
        expect(stage, "a", &SOME_SHOWN, SLACK)?;
        stage.lab.node("a")?.expect_log("was removed by somebody else", mark, SLACK)?;
    }
    stage.lab.node("a")?.expect_no_log("sent 0 priority", Mark::START)?;
    stage.expect_calm("a", 3)
}

const LOOSE: &str = "virtual_routes {\n 10.50.0.0/16 via 192.0.2.200\n }";
const LOOSE_SHOWN: [&str; 1] = ["unicast 10.50.0.0/16 via 192.0.2.200 dev eth0"];

fn loose_comes_back(stage: &mut Stage) -> Result<()> {
    activate(stage, LOOSE)?;
    expect(stage, "a", &LOOSE_SHOWN, SLACK)?;
    type_in(stage, "ip route del 10.50.0.0/16")?;
    expect(stage, "a", &LOOSE_SHOWN, SLACK)
}

fn loose_is_lost(stage: &mut Stage) -> Result<()> {
    activate(stage, LOOSE)?;
    expect(stage, "a", &LOOSE_SHOWN, SLACK)?;
    type_in(stage, "ip route del 10.50.0.0/16")?;
    stage.expect_calm("a", 4)?;
    expect(stage, "a", &[], Duration::ZERO)
}

fn untracked(stage: &mut Stage) -> Result<()> {
    activate(stage, "virtual_routes {\n 10.50.0.0/16 via 192.0.2.200 dev eth0 no_track\n }")?;
    expect(stage, "a", &SOME_SHOWN[..1], SLACK)?;
    type_in(stage, "ip route del 10.50.0.0/16")?;
    stage.expect_calm("a", 3)?;
    expect(stage, "a", &[], Duration::ZERO)
}

fn untracked_address(stage: &mut Stage) -> Result<()> {
    activate(stage, "virtual_ipaddress_excluded {\n 192.0.2.77/24 no_track\n }")?;
    let address = "192.0.2.77".parse()?;
    stage.lab.node("a")?.expect_address("eth0", address, SLACK)?;
    type_in(stage, "ip addr del 192.0.2.77/24 dev eth0")?;
    stage.expect_calm("a", 6)?;
    ensure!(!stage.lab.node("a")?.holds(address)?, "it came back");
    Ok(())
}

/// A link beside the switch.
fn other_link(stage: &mut Stage) -> Result<()> {
    type_in(stage, "ip link add t0 type veth peer name t1")?;
    type_in(stage, "ip link set t1 up")?;
    type_in(stage, "ip link set t0 up")
}

fn fault_with(stage: &mut Stage, lines: &str) -> Result<()> {
    other_link(stage)?;
    activate(stage, lines)?;
    let mark = stage.lab.node("a")?.log_mark();
    type_in(stage, "ip link set t0 down")?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE", mark, START)?;
    stage.lab.expect_holders(stage.address(), &[], SLACK)?;
    expect(stage, "a", &[], Duration::ZERO)?;
    type_in(stage, "ip link set t0 up")?;
    let within = election(stage);
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

fn no_fault(stage: &mut Stage) -> Result<()> {
    other_link(stage)?;
    activate(
        stage,
        "virtual_routes {\n 10.50.0.0/16 dev t0 no_track\n }\n virtual_rules {\n \
         iif t0 table 100 priority 100 no_track\n }\n virtual_ipaddress_excluded {\n \
         198.51.100.1/24 dev t0 no_track\n }",
    )?;
    let mark = stage.lab.node("a")?.log_mark();
    type_in(stage, "ip link set t0 down")?;
    stage.expect_calm("a", 3)?;
    stage.lab.node("a")?.expect_no_log("FAULT", mark)?;
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

fn reload(stage: &mut Stage) -> Result<()> {
    activate(stage, SOME)?;
    expect(stage, "a", &SOME_SHOWN, SLACK)?;
    let mark = stage.lab.node("a")?.log_mark();
    let lines = SOME.replace("10.50.0.0/16 via", "10.55.0.0/16 dev eth0\n 10.50.0.0/16 via");
    let lines = lines.replace("priority 500", "priority 600");
    let next = stage.instance(150).line(&lines).render();
    stage.lab.node("a")?.reload(&next)?;
    let wanted =
        [SOME_SHOWN[0], "unicast 10.55.0.0/16 dev eth0", "600 from 10.50.0.0/16 table 100"];
    let within = election(stage);
    expect(stage, "a", &wanted, within)?;
    stage.lab.node("a")?.expect_no_log("sent 0 priority", mark)?;
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

const FIXED: &str = "static_routes {\n 10.60.0.0/16 via 192.0.2.200 dev eth0\n}\n\
    static_rules {\n from 10.60.0.0/16 table 100 priority 60\n}\n";
const FIXED_SHOWN: [&str; 2] =
    ["unicast 10.60.0.0/16 via 192.0.2.200 dev eth0", "60 from 10.60.0.0/16 table 100"];

fn start_fixed(stage: &mut Stage) -> Result<()> {
    let text = file(&[FIXED], &[stage.instance(150)]);
    stage.start_with("a", &text)?;
    expect(stage, "a", &FIXED_SHOWN, START)
}

fn fixed(stage: &mut Stage) -> Result<()> {
    start_fixed(stage)?;
    // Before anybody is Active, and after.
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    expect(stage, "a", &FIXED_SHOWN, Duration::ZERO)?;
    stage.lab.node("a")?.stop()?;
    expect(stage, "a", &[], Duration::ZERO)
}

fn fixed_comes_back(stage: &mut Stage) -> Result<()> {
    start_fixed(stage)?;
    type_in(stage, "ip route del 10.60.0.0/16")?;
    expect(stage, "a", &FIXED_SHOWN, START)
}

fn fixed_is_lost(stage: &mut Stage) -> Result<()> {
    start_fixed(stage)?;
    type_in(stage, "ip route del 10.60.0.0/16")?;
    let within = election(stage);
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.expect_calm("a", 3)?;
    expect(stage, "a", &FIXED_SHOWN[1..], Duration::ZERO)
}

fn fixed_comes_back_with_the_link(stage: &mut Stage) -> Result<()> {
    start_fixed(stage)?;
    let mark = stage.lab.node("a")?.log_mark();
    type_in(stage, "ip link set eth0 down")?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE", mark, START)?;
    expect(stage, "a", &FIXED_SHOWN[1..], SLACK)?;
    type_in(stage, "ip link set eth0 up")?;
    expect(stage, "a", &FIXED_SHOWN, START)
}

fn fixed_rule_comes_back(stage: &mut Stage) -> Result<()> {
    start_fixed(stage)?;
    type_in(stage, "ip rule del priority 60")?;
    expect(stage, "a", &FIXED_SHOWN, SLACK)
}

fn fixed_rule_is_lost(stage: &mut Stage) -> Result<()> {
    start_fixed(stage)?;
    type_in(stage, "ip rule del priority 60")?;
    let within = election(stage);
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.expect_calm("a", 3)?;
    expect(stage, "a", &FIXED_SHOWN[..1], Duration::ZERO)
}

/// A crash leaves them; a start with the same configuration takes them away before anybody is elected.
fn cleared(stage: &mut Stage) -> Result<()> {
    let instance = activate(stage, SOME)?;
    expect(stage, "a", &SOME_SHOWN, SLACK)?;
    stage.lab.node("a")?.crash()?;
    expect(stage, "a", &SOME_SHOWN, Duration::ZERO)?;
    stage.start("a", &instance)?;
    expect(stage, "a", &[], START)?;
    let within = election(stage);
    expect(stage, "a", &SOME_SHOWN, within)
}

fn crash_and_start_without(stage: &mut Stage) -> Result<()> {
    activate(stage, SOME)?;
    expect(stage, "a", &SOME_SHOWN, SLACK)?;
    stage.lab.node("a")?.crash()?;
    let plain = stage.instance(150);
    stage.start("a", &plain)?;
    stage.lab.node("a")?.expect_log("Entering BACKUP STATE", Mark::START, START)?;
    Ok(())
}

fn cleared_too(stage: &mut Stage) -> Result<()> {
    crash_and_start_without(stage)?;
    expect(stage, "a", &[], SLACK)
}

fn stays(stage: &mut Stage) -> Result<()> {
    let mark = stage.lab.node("a")?.log_mark();
    crash_and_start_without(stage)?;
    let within = election(stage);
    stage.lab.node("a")?.expect_log("Entering MASTER STATE", mark, within)?;
    expect(stage, "a", &SOME_SHOWN, Duration::ZERO)
}

const INET6: &str = "virtual_rules {\n inet6 oif eth0 table 100 priority 501\n }";

fn inet6(stage: &mut Stage) -> Result<()> {
    activate(stage, INET6)?;
    expect(stage, "a", &["501 oif eth0 table 100"], SLACK)?;
    let space = stage.lab.node("a")?.space().clone();
    let rules = list(&space.run("ip -json -6 rule show")?)?;
    let there = rules.iter().any(|rule| text_of(rule, "priority").as_deref() == Some("501"));
    ensure!(there, "{rules:?}");
    Ok(())
}

fn no_inet6(stage: &mut Stage) -> Result<()> {
    activate(stage, INET6)?;
    stage.expect_calm("a", 3)?;
    expect(stage, "a", &[], Duration::ZERO)
}

fn scope(stage: &mut Stage, wanted: &str) -> Result<()> {
    activate(stage, "virtual_routes {\n 10.50.0.0/16 dev eth0\n }")?;
    expect(stage, "a", &["unicast 10.50.0.0/16 dev eth0"], SLACK)?;
    let space = stage.lab.node("a")?.space().clone();
    let found = list(&space.run("ip -json -details route show 10.50.0.0/16")?)?;
    let scope = found.first().and_then(|route| text_of(route, "scope"));
    ensure!(scope.as_deref() == Some(wanted), "{found:?}");
    Ok(())
}
