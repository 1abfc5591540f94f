//! `bfd_instance`: a session with another router, whose state is tracked.

use core::net::IpAddr;
use core::num::NonZeroU8;
use core::time::Duration;
use std::collections::BTreeMap;

use vrrp::Weight;
use wire::Family;

use super::command;
use super::read::milliseconds;
use super::report::Reports;
use super::track;
use crate::diagnostic::model as codes;
use crate::model::{BfdInstance, BfdUsers};
use crate::syntax::{Directive, Tree};

/// Lowers every `bfd_instance`.
pub(super) fn lower(tree: &Tree, reports: &mut Reports<'_>) -> BTreeMap<String, BfdInstance> {
    let mut sessions = super::named(tree, &["bfd_instance"], one, reports);
    let mut neighbors: BTreeMap<(IpAddr, Option<IpAddr>, bool), String> = BTreeMap::new();
    // Packets that do not name the session yet are told apart by nothing else.
    sessions.retain(|name, session| {
        let key = (session.neighbor, session.source, session.multihop);
        if let Some(other) = neighbors.get(&key) {
            reports.warning(
                codes::DUPLICATE_SESSION,
                format!(
                    "bfd_instance `{name}` has the neighbor of `{other}`, {}: it is left out",
                    session.neighbor
                ),
                session.at,
            );
            return false;
        }
        neighbors.insert(key, name.clone());
        true
    });
    sessions
}

fn one(block: &Directive, reports: &mut Reports<'_>) -> Option<BfdInstance> {
    let name = block.arguments.first()?;
    let mut neighbor: Option<IpAddr> = None;
    let mut source: Option<IpAddr> = None;
    let mut parameters = bfd::Parameters {
        min_tx: Duration::from_millis(10),
        min_rx: Duration::from_millis(10),
        idle_tx: Duration::from_secs(1),
        multiplier: const { NonZeroU8::new(5).unwrap() },
        part: bfd::Part::Active,
    };
    let (mut ttl, mut max_hops) = (None, Some(0));
    let mut multihop = false;
    let mut weight = Weight::Fault { reverse: false };
    let (mut for_vrrp, mut for_checkers) = (false, false);
    for line in block.children() {
        let text = line.text(0);
        let address = || text.and_then(|text| text.parse().ok());
        let time = |old: Duration, least: Duration| {
            let time = text.and_then(milliseconds);
            time.filter(|time| *time >= least && *time <= LONGEST).unwrap_or(old)
        };
        match line.keyword.as_str() {
            "neighbor_ip" | "neighbour_ip" => neighbor = address(),
            "source_ip" => source = address(),
            "min_rx" => parameters.min_rx = time(parameters.min_rx, SHORTEST),
            "min_tx" => parameters.min_tx = time(parameters.min_tx, SHORTEST),
            "idle_tx" => parameters.idle_tx = time(parameters.idle_tx, IDLE),
            "multiplier" => {
                let number = text.and_then(|text| text.parse().ok());
                parameters.multiplier = number.unwrap_or(parameters.multiplier);
            }
            "passive" => parameters.part = bfd::Part::Passive,
            "ttl" | "hoplimit" => {
                ttl = text.and_then(|text| text.parse().ok()).filter(|ttl| *ttl > 0).or(ttl);
            }
            // -1 and 255 look at nothing.
            "max_hops" => match text.map(str::parse::<i16>) {
                Some(Ok(-1 | 255)) => max_hops = None,
                Some(Ok(hops)) => max_hops = u8::try_from(hops).ok().or(max_hops),
                _ => {}
            },
            "multihop" => multihop = line.flag().unwrap_or(multihop),
            "weight" => weight = track::weight(&line.arguments, 253).unwrap_or(weight),
            "vrrp" => for_vrrp = true,
            "checker" => for_checkers = true,
            _ => {}
        }
    }
    let Some(neighbor) = neighbor else {
        command::missing(block, "neighbor_ip", reports);
        return None;
    };
    if source.is_some_and(|source| Family::of(source) != Family::of(neighbor)) {
        reports.warning(
            codes::OTHER_FAMILY,
            format!(
                "`{}`: the source is of another family than the neighbor: it is left out",
                name.text
            ),
            name.span,
        );
        source = None;
    }
    let is_unscoped = |it: IpAddr| matches!(it, IpAddr::V6(v6) if v6.is_unicast_link_local());
    if let Some(address) =
        [Some(neighbor), source].into_iter().flatten().find(|it| is_unscoped(*it))
    {
        reports
            .warning(
                codes::UNSCOPED_SESSION,
                format!(
                    "`{}`: {address} is link-local, and nothing says on which interface: the session stays down",
                    name.text
                ),
                name.span,
            )
            .help("use global or unique local addresses at both ends");
    }
    Some(BfdInstance {
        name: name.text.clone(),
        at: name.span,
        neighbor,
        source,
        parameters,
        ttl,
        max_hops,
        multihop,
        weight,
        users: match (for_vrrp, for_checkers) {
            (false, true) => BfdUsers::Checkers,
            (true, false) => BfdUsers::Vrrp,
            (true, true) | (false, false) => BfdUsers::Both,
        },
    })
}

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(4_294_967);
/// RFC 5880 §6.8.3.
const IDLE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use crate::model::BfdInstance;
    use crate::source::SourceSet;
    use crate::syntax::Environment;

    /// The sessions of this text, and what was said of them.
    fn lowered(text: &str) -> (Vec<BfdInstance>, Vec<String>) {
        let checked =
            crate::check(&SourceSet::single("x.conf", text), &Environment::of_host("host"));
        let said = checked.diagnostics.iter();
        let said = said.map(|it| format!("{} {}", it.code.name(), it.message)).collect();
        (checked.model.sessions, said)
    }

    #[test]
    fn a_link_local_neighbor_is_named_because_no_word_gives_its_interface() {
        let (sessions, said) = lowered("bfd_instance p {\n neighbor_ip fe80::2\n}\n");
        assert_eq!(sessions.len(), 1, "who tracks it is in FAULT, as with keepalived");
        let expected = "TRACK008 `p`: fe80::2 is link-local, and nothing says on which interface: the session stays down";
        assert!(said.iter().any(|it| it == expected), "{said:?}");
        let source = "bfd_instance p {\n neighbor_ip 2001:db8::2\n source_ip fe80::1\n}\n";
        assert!(lowered(source).1.iter().any(|it| it.starts_with("TRACK008")));
        let global = "bfd_instance p {\n neighbor_ip 2001:db8::2\n}\n";
        assert!(!lowered(global).1.iter().any(|it| it.starts_with("TRACK008")));
    }

    /// Whether an instance tracks a session with these words in it, whether a check asks for it, and what was said.
    fn told(words: &str) -> (bool, bool, Vec<String>) {
        let text = format!(
            "bfd_instance p {{\n neighbor_ip 192.0.2.9\n {words}\n}}\nvrrp_instance A {{\n interface eth0\n \
             virtual_router_id 1\n track_bfd {{\n p\n }}\n virtual_ipaddress {{\n 192.0.2.1\n }}\n}}\n\
             virtual_server 192.0.2.1 80 {{\n protocol TCP\n lb_algo rr\n lb_kind NAT\n real_server 192.0.2.9 80 {{\n \
             BFD_CHECK {{\n name p\n }}\n }}\n}}\n"
        );
        let checked =
            crate::check(&SourceSet::single("x.conf", text), &Environment::of_host("host"));
        let model = checked.model;
        assert_eq!(model.sessions.len(), 1);
        let tracks = !model.instances[0].parameters.tracking.is_empty();
        let balance = model.virtual_servers[0].balance.as_ref().unwrap();
        let asks = balance.servers.iter().any(|server| !server.checks.is_empty());
        let said = checked.diagnostics.iter().map(|it| it.message.clone()).collect();
        (tracks, asks, said)
    }

    #[test]
    fn a_session_is_for_whom_it_names_and_for_both_where_it_names_nobody() {
        assert_eq!(told(""), (true, true, vec![]));
        assert_eq!(told("vrrp\n checker"), (true, true, vec![]));
        let said = "bfd_instance `p` is for checks alone: it is not tracked".to_owned();
        assert_eq!(told("checker"), (false, true, vec![said]));
        let said = "there is no bfd_instance `p` for checks: the check is left out".to_owned();
        assert_eq!(told("vrrp"), (true, false, vec![said]));
    }
}
