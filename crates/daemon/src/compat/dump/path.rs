//! Routes and rules in keepalived's dumps: `prepend 198.18.0.0/24 via inet 192.0.2.99 dev eth0 proto 18`.
//!
//! Settings of transport protocols are left out.

use std::fmt::Write as _;
use std::net::IpAddr;

use config::model::{Following, RouteLine, RuleLine};
use intent::{Insertion, METRIC_OF_IPV6, NextHop, Prefix, RuleAction, TABLE_MAIN};

/// A route.
pub(super) fn route(line: &RouteLine) -> String {
    let route = &line.route;
    let mut text = match route.insertion {
        // A dead end of which nothing is written is added.
        None | Some(Insertion::Prepend) if route.kind.is_dead_end() => "add",
        None | Some(Insertion::Prepend) => "prepend",
        Some(Insertion::Append) => "append",
        Some(Insertion::Add) => "add",
    }
    .to_owned();
    if route.kind != intent::RouteKind::Unicast {
        add(&mut text, route.kind.name());
    }
    add(&mut text, &prefix(route.destination));
    if let Some(from) = route.from {
        add(&mut text, &format!("from {}", prefix(from)));
    }
    if let Some(source) = route.source {
        add(&mut text, &format!("src {source}"));
    }
    if route.tos != 0 {
        add(&mut text, &format!("tos {}", route.tos));
    }
    let single = match route.hops.as_slice() {
        [hop] => Some(hop),
        [] | [_, ..] => None,
    };
    if let Some(hop) = single {
        way(&mut text, hop);
    }
    // Its table is the kernel's, and may change.
    if let Some(vrf) = &line.vrf {
        add(&mut text, &format!("vrf {vrf}"));
    } else if route.table != TABLE_MAIN {
        add(&mut text, &format!("table {}", route.table));
    }
    if route.protocol != 0 {
        add(&mut text, &format!("proto {}", route.protocol));
    }
    if route.scope != 0 {
        add(&mut text, &format!("scope {}", route.scope));
    }
    if route.metric != 0 && route.metric != METRIC_OF_IPV6 {
        add(&mut text, &format!("metric {}", route.metric));
    }
    if single.is_some_and(|hop| hop.on_link) {
        add(&mut text, "onlink");
    }
    if let Some(hop) = single.filter(|hop| hop.realms != 0) {
        add(&mut text, &realms(hop.realms));
    }
    match route.preference {
        1 => add(&mut text, "pref high"),
        3 => add(&mut text, "pref low"),
        _ => {}
    }
    if let Some(seconds) = route.expires {
        add(&mut text, &format!("expires {seconds}sec"));
    }
    if single.is_none() {
        for hop in &route.hops {
            add(&mut text, "nexthop");
            way(&mut text, hop);
            add(&mut text, &format!("weight {}", hop.weight));
            if hop.on_link {
                add(&mut text, "onlink");
            }
        }
    }
    followed(&mut text, &line.following);
    text
}

/// A rule.
pub(super) fn rule(line: &RuleLine) -> String {
    let rule = &line.rule;
    let from = rule.from.map_or_else(|| "all".to_owned(), prefix);
    let mut text = format!("{}from {from}", if rule.inverted { "not " } else { "" });
    if let Some(to) = rule.to {
        add(&mut text, &format!("to {}", prefix(to)));
    }
    add(&mut text, &format!("priority {} tos {:#x}", rule.priority, rule.tos));
    if let Some((mark, mask)) = rule.mark {
        add(&mut text, &format!("fwmark {mark:#x}"));
        if mask != u32::MAX {
            let _ = write!(text, "/{mask:#x}");
        }
    }
    for (name, device) in [("iif", &rule.incoming), ("oif", &rule.outgoing)] {
        if let Some(device) = device {
            add(&mut text, &format!("{name} {device}"));
        }
    }
    if let Some(length) = rule.suppress_prefix {
        add(&mut text, &format!("suppress_prefixlen {length}"));
    }
    if let Some(group) = rule.suppress_group {
        add(&mut text, &format!("suppress_ifgroup {group}"));
    }
    if rule.action == RuleAction::DeviceTable {
        add(&mut text, "l3mdev");
    }
    if let Some((first, last)) = rule.users {
        add(&mut text, &format!("uidrange {first}-{last}"));
    }
    if rule.protocol != 0 {
        add(&mut text, &format!("protocol {}", rule.protocol));
    }
    if let Some(protocol) = rule.ip_protocol {
        add(&mut text, &format!("ipproto {protocol}"));
    }
    for (name, ports) in [("sport", rule.source_ports), ("dport", rule.destination_ports)] {
        if let Some((first, last)) = ports {
            add(&mut text, &format!("{name} {first}-{last}"));
        }
    }
    if rule.realms != 0 {
        add(&mut text, &realms(rule.realms));
    }
    add(
        &mut text,
        &match rule.action {
            RuleAction::Table(table) => format!("lookup {table}"),
            RuleAction::DeviceTable => "lookup 0".to_owned(),
            RuleAction::Goto(priority) => format!("goto {priority}"),
            RuleAction::Nop => "nop".to_owned(),
            RuleAction::Blackhole => "type blackhole".to_owned(),
            RuleAction::Unreachable => "type unreachable".to_owned(),
            RuleAction::Prohibit => "type prohibit".to_owned(),
        },
    );
    followed(&mut text, &line.following);
    text
}

/// Words that say who cares for a loss.
pub(super) fn followed(text: &mut String, following: &Following) {
    match following {
        Following::Own => {}
        Following::Nobody => add(text, "no_track"),
        Following::Group(name) => add(text, &format!("track_group {name}")),
    }
}

fn way(text: &mut String, hop: &NextHop<String>) {
    if let Some(encap) = &hop.encap {
        add(text, &format!("encap {encap}"));
    }
    if let Some(gateway) = hop.gateway {
        let family = if gateway.is_ipv6() { "inet6" } else { "inet" };
        add(text, &format!("via {family} {gateway}"));
    }
    if let Some(device) = &hop.device {
        add(text, &format!("dev {device}"));
    }
}

/// Source and destination, of which the former may be missing.
fn realms(packed: u32) -> String {
    match (packed >> 16, packed & 0xffff) {
        (0, destination) => format!("realms {destination}"),
        (source, destination) => format!("realms {source}/{destination}"),
    }
}

/// Without the length where it is all of the address.
fn prefix(prefix: Prefix) -> String {
    let whole = match prefix.address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    if prefix.length == whole {
        prefix.address.to_string()
    } else {
        format!("{}/{}", prefix.address, prefix.length)
    }
}

fn add(text: &mut String, words: &str) {
    text.push(' ');
    text.push_str(words);
}

#[cfg(test)]
mod tests {
    use config::model::Model;

    use super::*;

    fn model() -> Model {
        let text = include_str!("../../../tests/paths.conf");
        let sources = config::source::SourceSet::single("paths.conf", text);
        config::check(&sources, &config::syntax::Environment::of_host("a")).model
    }

    /// Letter by letter what keepalived 2.2.7 wrote of the same file.
    #[test]
    fn routes_and_rules_are_as_keepalived_2_2_7_writes_them() {
        let model = model();
        let one = model.instances.first().expect("an instance");
        let routes: Vec<String> = one.routes.iter().map(route).collect();
        assert_eq!(
            routes,
            [
                "prepend 198.18.0.0/24 src 192.0.2.10 via inet 192.0.2.99 dev eth0 proto 18 onlink",
                "prepend 198.18.1.0/24 tos 16 via inet 192.0.2.99 dev eth0 proto 18 metric 5",
                "prepend 198.18.2.0/24 proto 18 nexthop via inet 192.0.2.98 dev eth0 weight 2 nexthop via inet 192.0.2.99 dev eth0 weight 5 onlink no_track",
                "add unreachable 198.18.4.0/24 proto 18 metric 9 no_track",
                "add throw 198.18.5.0/24 table 44 proto 18 no_track",
                "prepend 2001:db8:2::/64 via inet6 2001:db8::98 dev eth0 proto 18 metric 7 pref high",
                "prepend 198.18.9.1 dev eth0 proto 18 scope 253 realms 1/2",
                "prepend 0.0.0.0/0 via inet 192.0.2.97 dev eth0 proto 18 metric 3",
            ]
        );
        let rules: Vec<String> = one.rules.iter().map(rule).collect();
        assert_eq!(
            rules,
            [
                "not from 192.0.2.10 priority 900 tos 0x0 protocol 18 lookup 50",
                "from 192.0.2.11 to 198.51.100.0/24 priority 901 tos 0x10 fwmark 0x7/0xf iif eth0 protocol 18 lookup 51",
                "from 192.0.2.11 priority 902 tos 0x0 oif eth0 uidrange 5-9 protocol 18 ipproto 6 sport 5-6 lookup 52",
                "from 192.0.2.12 priority 903 tos 0x0 protocol 18 goto 2000",
                "from 192.0.2.12 priority 904 tos 0x0 protocol 18 nop",
                "from 192.0.2.12 priority 905 tos 0x0 protocol 18 type blackhole",
                "from 192.0.2.13 priority 906 tos 0x0 suppress_prefixlen 5 protocol 18 lookup 53",
                "from all to 2001:db8:5::/48 priority 908 tos 0x0 protocol 18 lookup 54",
                "from 192.0.2.14 priority 910 tos 0x0 protocol 18 realms 3/4 lookup 254",
                "from 192.0.2.15 priority 911 tos 0x0 l3mdev protocol 18 lookup 0",
            ]
        );
    }
}
