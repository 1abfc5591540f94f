//! `garp_group`: interfaces that share a rate of announcements.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::blocks;
use super::read::seconds;
use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::model::GarpGroup;
use crate::source::Span;
use crate::syntax::{Directive, Tree, Word};

/// Lowers every group, in their order: an interface is of the first that lists it.
pub(super) fn lower(tree: &Tree, reports: &mut Reports<'_>) -> Vec<GarpGroup> {
    let mut listed: BTreeMap<&str, Span> = BTreeMap::new();
    blocks(tree, "garp_group").filter_map(|block| group(block, &mut listed, reports)).collect()
}

fn group<'t>(
    block: &'t Directive,
    listed: &mut BTreeMap<&'t str, Span>,
    reports: &mut Reports<'_>,
) -> Option<GarpGroup> {
    let interval = |name: &str| -> Duration {
        let lines = block.children().iter().filter(|line| line.keyword == *name);
        let mut times = lines.filter_map(|line| seconds(line.text(0)?, 6));
        times.next_back().unwrap_or_default()
    };
    let (garp_interval, gna_interval) = (interval("garp_interval"), interval("gna_interval"));
    let mut interfaces = BTreeSet::new();
    for word in members(block) {
        match listed.get(word.as_str()) {
            None => {
                listed.insert(word.as_str(), word.span);
                interfaces.insert(word.text.clone());
            }
            Some(_) if interfaces.contains(&word.text) => {}
            Some(first) => {
                let text = format!("{} is in another garp_group already", word.text);
                reports
                    .warning(codes::RATED_TWICE, text, word.span)
                    .label(*first, "first listed here");
            }
        }
    }
    let idle = match (garp_interval.is_zero() && gna_interval.is_zero(), interfaces.is_empty()) {
        (false, false) => return Some(GarpGroup { interfaces, garp_interval, gna_interval }),
        (true, _) => "an interval",
        (false, true) => "an interface",
    };
    let text = format!("a garp_group without {idle} has no effect");
    reports.warning(codes::IDLE_GARP_GROUP, text, block.keyword.span);
    None
}

fn members(block: &Directive) -> impl Iterator<Item = &Word> {
    block.children().iter().flat_map(|line| match line.keyword.as_str() {
        "interface" => line.arguments.iter().take(1).collect::<Vec<_>>(),
        "interfaces" => line.flat_words().collect(),
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use crate::model::GarpGroup;
    use crate::source::SourceSet;
    use crate::syntax::Environment;

    fn lowered(text: &str) -> (Vec<GarpGroup>, Vec<String>) {
        let checked =
            crate::check(&SourceSet::single("x.conf", text), &Environment::of_host("host"));
        let said = checked.diagnostics.iter();
        let said = said.map(|it| format!("{} {}", it.code.name(), it.message)).collect();
        (checked.model.global.garp_groups, said)
    }

    #[test]
    fn a_group_has_the_interfaces_of_all_its_lines() {
        let (groups, said) = lowered(
            "garp_group {\ngarp_interval 0.1\ninterface eth0\ninterfaces {\neth1 eth2\neth0\n}\n}\n\
             garp_group {\ngna_interval 0.000002\ninterface eth3\n}\n",
        );
        assert_eq!(said, [""; 0]);
        let list: Vec<(Vec<&str>, u128, u128)> = groups
            .iter()
            .map(|it| {
                let interfaces = it.interfaces.iter().map(String::as_str).collect();
                (interfaces, it.garp_interval.as_micros(), it.gna_interval.as_micros())
            })
            .collect();
        assert_eq!(list, [(vec!["eth0", "eth1", "eth2"], 100_000, 0), (vec!["eth3"], 0, 2)]);
    }

    #[test]
    fn an_interface_is_of_the_first_group_and_a_group_without_effect_is_named() {
        let (groups, said) = lowered(
            "garp_group {\ngarp_interval 0.1\ninterface eth0\n}\n\
             garp_group {\ngarp_interval 0.2\ninterfaces {\neth0 eth1\n}\n}\n\
             garp_group {\ngarp_interval 0.3\ninterface eth1\n}\n\
             garp_group {\ninterface eth2\n}\n",
        );
        let list: Vec<Vec<&String>> =
            groups.iter().map(|it| it.interfaces.iter().collect()).collect();
        assert_eq!(list, [["eth0"], ["eth1"]]);
        assert_eq!(
            said,
            [
                "GROUP006 eth0 is in another garp_group already",
                "GROUP007 a garp_group without an interface has no effect",
                "GROUP006 eth1 is in another garp_group already",
                "GROUP007 a garp_group without an interval has no effect",
            ]
        );
    }
}
