//! Route lines: `[inet6] [to] [<kind>] <destination> [via <ip>] [dev <if>] [table <t>] [metric <n>] ...`.

mod encap;
mod hop;
mod metric;

use core::net::IpAddr;

use intent::{Insertion, METRIC_OF_IPV6, Metrics, NextHop, Prefix, Route, RouteKind, TABLE_MAIN};
use wire::Family;

use self::hop::Ways;
use super::path::{
    Listed, Read, Words, follow, masked, prefix, protocol, unknown, without_group, wrong,
};
use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::model::{Following, RouteLine};
use crate::names::NameKind;
use crate::source::Span;
use crate::syntax::{Directive, Word};

/// `virtual_routes`; one without a way uses the interface of its instance.
pub(super) fn of_instance(list: &Directive, reports: &mut Reports<'_>) -> Vec<RouteLine> {
    let lines = LISTED.read(list, reports, |line, reports| {
        let mut route = lower(line, reports)?;
        route.following = without_group(route.following, line.keyword.span, reports);
        Ok(route)
    });
    LISTED.distinct(lines, identity, reports)
}

/// `static_routes`.
pub(super) fn of_host(list: &Directive, reports: &mut Reports<'_>) -> Vec<RouteLine> {
    let lines = LISTED.read(list, reports, |line, reports| {
        let route = lower(line, reports)?;
        if lacks_device(&route.route) {
            return wrong(line.keyword.span, "a static route needs `via` or `dev`");
        }
        Ok(route)
    });
    LISTED.distinct(lines, identity, reports)
}

/// What the kernel tells a route apart by, for messages too: how it is set beside others is nothing of it.
fn identity(line: &RouteLine) -> ((Route<String>, Option<String>), String, Span) {
    let route = Route { insertion: None, ..line.route.clone() };
    ((route, line.vrf.clone()), line.route.to_string(), line.at)
}

/// Gives routes that say neither `via` nor `dev` the interface of their instance.
pub(super) fn settle_devices(lines: &mut [RouteLine], interface: &str, reports: &mut Reports<'_>) {
    for line in lines.iter_mut().filter(|line| lacks_device(&line.route)) {
        reports.note(
            codes::PATH_ADJUSTED,
            format!(
                "{} has neither `via` nor `dev`: it goes through {interface}",
                line.route.destination
            ),
            line.at,
        );
        for hop in &mut line.route.hops {
            hop.device = Some(interface.to_owned());
        }
    }
}

fn lacks_device(route: &Route<String>) -> bool {
    route.hops.iter().any(|hop| hop.device.is_none() && hop.gateway.is_none())
}

/// A line as written.
#[derive(Default)]
struct Written {
    family: Option<Family>,
    kind: Option<RouteKind>,
    destination: Option<(Option<Prefix>, Span)>,
    from: Option<(Option<Prefix>, Span)>,
    source: Option<(IpAddr, Span)>,
    tos: Option<(u8, Span)>,
    table: Option<u32>,
    vrf: Option<String>,
    insertion: Option<Insertion>,
    metric: u32,
    protocol: Option<(u8, Span)>,
    scope: Option<u8>,
    preference: Option<(u8, Span)>,
    expires: Option<(u32, Span)>,
    metrics: Metrics,
    ways: Ways,
    following: Following,
}

/// Reads one line.
fn lower(line: &Directive, reports: &mut Reports<'_>) -> Read<RouteLine> {
    let mut written = Written::default();
    let mut words = Words::of(line);
    while let Some(word) = words.next() {
        if follow(&mut written.following, word, &mut words)?
            || metric::read(&mut written.metrics, word, &mut words)?
            || written.ways.read(word, &mut words, reports)?
            || written.number(word, &mut words, reports)?
        {
            continue;
        }
        written.word(word, &mut words, reports)?;
    }
    let at = line.keyword.span;
    let route = written.settle(at, reports)?;
    let Written { following, vrf, .. } = written;
    Ok(RouteLine { at, route, vrf, following })
}

impl Written {
    /// Takes in an option with a number behind it; says whether the word was one.
    fn number(
        &mut self,
        word: &Word,
        words: &mut Words<'_>,
        reports: &mut Reports<'_>,
    ) -> Read<bool> {
        let at = word.span;
        match word.text.as_str() {
            "tos" | "dsfield" => {
                self.tos = Some((words.named_byte(word, NameKind::Field, reports)?, at));
            }
            // Of a table and a VRF, the last one counts.
            "table" => {
                self.table = Some(words.named(word, NameKind::Table, reports)?);
                self.vrf = None;
            }
            "vrf" => {
                self.vrf = Some(words.interface(word)?);
                self.table = None;
            }
            "protocol" => {
                self.protocol = Some((words.named_byte(word, NameKind::Protocol, reports)?, at));
            }
            "scope" => self.scope = Some(words.named_byte(word, NameKind::Scope, reports)?),
            "metric" | "priority" | "preference" => {
                self.metric = words.number(word, 0, u32::MAX)?;
            }
            "expires" => self.expires = Some((words.number(word, 0, u32::MAX)?, at)),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes in any other word; what is no option is the destination.
    fn word(&mut self, word: &Word, words: &mut Words<'_>, reports: &mut Reports<'_>) -> Read<()> {
        match word.text.as_str() {
            "inet" => self.family = Some(Family::Ipv4),
            "inet6" => self.family = Some(Family::Ipv6),
            "src" => self.source = Some((words.address(word)?, word.span)),
            "from" => {
                let value = words.value(word)?;
                self.from = Some((prefix(value)?, value.span));
            }
            "pref" => {
                let value = words.value(word)?;
                let preference = match value.text.as_str() {
                    "medium" => 0,
                    "high" => 1,
                    "low" => 3,
                    _ => return unknown(value, "no preference", &["low", "medium", "high"]),
                };
                self.preference = Some((preference, word.span));
            }
            "prepend" => self.insertion = Some(Insertion::Prepend),
            "append" => self.insertion = Some(Insertion::Append),
            "add" => self.insertion = Some(Insertion::Add),
            "ttl-propagate" => propagation(words.value(word)?, reports),
            "to" => {
                let value = words.value(word)?;
                return self.kind_or_destination(value, words);
            }
            _ => return self.kind_or_destination(word, words),
        }
        Ok(())
    }

    fn kind_or_destination(&mut self, word: &Word, words: &mut Words<'_>) -> Read<()> {
        if let Some(kind) = RouteKind::ALL.into_iter().find(|kind| kind.name() == word.text) {
            self.kind = Some(kind);
            words.take("to");
            return Ok(());
        }
        if self.destination.is_some() {
            return unknown(word, "no word of a route", OPTIONS);
        }
        if word.text == "default6" {
            self.family = Some(Family::Ipv6);
            self.destination = Some((None, word.span));
            return Ok(());
        }
        let is_address =
            word.text.starts_with(|first: char| first.is_ascii_hexdigit() || first == ':')
                && word.text.contains(['.', ':', '/']);
        if !is_address && !matches!(word.text.as_str(), "default" | "any" | "all") {
            return unknown(word, "no word of a route", OPTIONS);
        }
        self.destination = Some((prefix(word)?, word.span));
        Ok(())
    }

    /// The family of what is written; IPv4 where nothing says otherwise.
    fn family(&self) -> Family {
        let destination = self.destination.and_then(|(prefix, _)| prefix);
        let from = self.from.and_then(|(prefix, _)| prefix);
        let prefixes = [destination, from].into_iter().flatten().map(|prefix| prefix.address);
        let source = self.source.map(|(address, _)| address);
        // IPv4 goes through IPv6 routers, so that these say least.
        let gateways = self.ways.gateways().next();
        let addresses = prefixes.chain(source).chain(gateways);
        self.family.or_else(|| addresses.map(Family::of).next()).unwrap_or(Family::Ipv4)
    }

    /// The route that the words make together.
    fn settle(&self, at: Span, reports: &mut Reports<'_>) -> Read<Route<String>> {
        let Some((destination, destination_at)) = self.destination else {
            return wrong(at, "a route needs a destination");
        };
        let family = self.family();
        let destination = destination.unwrap_or(Prefix::all(family));
        let of_family = |address: IpAddr, at| match Family::of(address) == family {
            true => Ok(()),
            false => wrong(at, format!("{address} is not an address of this {family} route")),
        };
        of_family(destination.address, destination_at)?;
        let kind = self.kind.unwrap_or(RouteKind::Unicast);
        let hops = self.ways.settle(kind, family, at)?;
        if let Some((source, at)) = self.source {
            of_family(source, at)?;
        }
        self.only_of_a_family(family)?;
        let from = match self.from {
            Some((Some(from), at)) => {
                of_family(from.address, at)?;
                Some(masked(from, at, reports))
            }
            Some((None, _)) | None => None,
        };
        let unset = if family == Family::Ipv6 { METRIC_OF_IPV6 } else { 0 };
        Ok(Route {
            table: self.table.unwrap_or(usual_table(kind)),
            destination: masked(destination, destination_at, reports),
            from,
            tos: self.tos.map_or(0, |(tos, _)| tos),
            metric: if self.metric == 0 { unset } else { self.metric },
            kind,
            scope: match family {
                Family::Ipv4 => self.scope.unwrap_or_else(|| usual_scope(kind, &hops)),
                // There it has no meaning, and the kernel keeps none.
                Family::Ipv6 => 0,
            },
            protocol: protocol(self.protocol, &self.following, reports),
            source: self.source.map(|(source, _)| source),
            hops,
            metrics: self.metrics.clone(),
            preference: self.preference.map_or(0, |(preference, _)| preference),
            expires: self.expires.map(|(seconds, _)| seconds),
            insertion: Some(self.insertion.unwrap_or(Insertion::Prepend)),
        })
    }

    /// Refuses what the kernel knows for the other family only.
    fn only_of_a_family(&self, family: Family) -> Read<()> {
        let at = |written: Option<Span>, word: &'static str| written.map(|at| (at, word));
        let foreign = match family {
            Family::Ipv4 => [
                at(self.from.map(|(_, at)| at), "from"),
                at(self.preference.map(|(_, at)| at), "pref"),
                at(self.expires.map(|(_, at)| at), "expires"),
            ],
            Family::Ipv6 => {
                [at(self.tos.filter(|(tos, _)| *tos != 0).map(|(_, at)| at), "tos"), None, None]
            }
        };
        match foreign.into_iter().flatten().next() {
            Some((at, word)) => {
                wrong(at, format!("`{word}` is nothing that an {family} route has"))
            }
            None => Ok(()),
        }
    }
}

/// `ttl-propagate enabled|disabled`: the kernel keeps it of routes of MPLS, which nobody can write here.
fn propagation(value: &Word, reports: &mut Reports<'_>) {
    if matches!(value.text.as_str(), "enabled" | "disabled") {
        let text = "`ttl-propagate` changes nothing: the kernel keeps it of routes of MPLS alone";
        reports.note(codes::PATH_ADJUSTED, text, value.span);
    } else {
        let text =
            format!("`{}` is no value of `ttl-propagate`, which changes nothing", value.text);
        reports.warning(codes::PATH_ADJUSTED, text, value.span);
    }
}

/// As iproute2 chooses it.
const fn usual_table(kind: RouteKind) -> u32 {
    match kind {
        RouteKind::Local | RouteKind::Broadcast => TABLE_LOCAL,
        RouteKind::Unicast
        | RouteKind::Multicast
        | RouteKind::Blackhole
        | RouteKind::Unreachable
        | RouteKind::Prohibit
        | RouteKind::Throw => TABLE_MAIN,
    }
}

/// As iproute2 chooses it: what is reached without a router is on the link.
fn usual_scope(kind: RouteKind, hops: &[NextHop<String>]) -> u8 {
    match kind {
        RouteKind::Local => SCOPE_HOST,
        RouteKind::Broadcast | RouteKind::Multicast => SCOPE_LINK,
        RouteKind::Unicast if hops.len() == 1 && hops.iter().all(|hop| hop.gateway.is_none()) => {
            SCOPE_LINK
        }
        RouteKind::Unicast
        | RouteKind::Blackhole
        | RouteKind::Unreachable
        | RouteKind::Prohibit
        | RouteKind::Throw => 0,
    }
}

const LISTED: Listed = Listed { noun: "route", code: codes::INVALID_ROUTE };
const TABLE_LOCAL: u32 = 255;
const SCOPE_LINK: u8 = 253;
const SCOPE_HOST: u8 = 254;
const OPTIONS: &[&str] = &[
    "via",
    "dev",
    "oif",
    "src",
    "table",
    "metric",
    "priority",
    "preference",
    "scope",
    "protocol",
    "nexthop",
    "onlink",
    "tos",
    "dsfield",
    "mtu",
    "advmss",
    "rtt",
    "rttvar",
    "reordering",
    "window",
    "cwnd",
    "ssthresh",
    "realms",
    "rto_min",
    "hoplimit",
    "initcwnd",
    "initrwnd",
    "features",
    "quickack",
    "congctl",
    "pref",
    "expires",
    "encap",
    "vrf",
    "ttl-propagate",
    "prepend",
    "append",
    "add",
    "no_track",
    "track_group",
    "unicast",
    "local",
    "broadcast",
    "multicast",
    "throw",
    "unreachable",
    "prohibit",
    "blackhole",
    "inet",
    "inet6",
    "default",
    "from",
    "fastopen_no_cookie",
];
