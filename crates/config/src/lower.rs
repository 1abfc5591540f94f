//! From the tree to the model.
//!
//! Lowering is total: there is a [`Model`] whatever the tree holds, and diagnostics beside it. It says what
//! settings mean together; whether a word is a keyword and its arguments are in range, the keyword table's
//! check says. One file per kind of block.

mod address;
mod authentication;
mod global;
mod group;
pub mod host;
mod instance;
mod lints;
mod read;
mod report;
mod track;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use self::report::Reports;
use crate::diagnostic::{Diagnostic, model as codes};
use crate::model::{HeldBack, Instance, Model, VirtualServer};
use crate::source::{SourceSet, Span};
use crate::syntax::{Directive, Tree};

pub(crate) use self::read::boolean_words;

/// What of a configuration must be kept until all of it is read: defaults, for one, may stand behind what they
/// are for.
#[derive(Default)]
pub(crate) struct Gathered {
    tree: Tree,
    instances: Vec<Directive>,
    virtual_servers: Vec<VirtualServer>,
}

impl Gathered {
    /// Takes the outermost directives in order; what needs nothing else is lowered at once.
    pub(crate) fn take(&mut self, directive: Directive) {
        match directive.keyword.as_str() {
            "vrrp_instance" => self.instances.push(directive),
            "virtual_server" => self.virtual_servers.push(virtual_server(&directive)),
            "virtual_server_group" | "SSL" => {}
            known if crate::keyword::find(&[], known).is_some() => {
                self.tree.directives.push(directive);
            }
            _ => {}
        }
    }
}

/// Lowers all that was gathered.
pub(crate) fn lower(gathered: Gathered, sources: &SourceSet) -> (Model, Vec<Diagnostic>) {
    let Gathered { tree, instances: blocks_of_instances, virtual_servers } = gathered;
    let tree = &tree;
    let mut reports = Reports { sources, diagnostics: Vec::new() };
    let (global, defaults) = global::lower(tree);
    let mut trackers = track::Trackers::default();
    let mut instances: Vec<Instance> = Vec::new();
    let mut named: BTreeMap<String, Span> = BTreeMap::new();
    // Each block goes when it is lowered: what it held has room for the next instance.
    for block in blocks_of_instances {
        let Some(instance) = instance::lower(&block, &defaults, &mut trackers, &mut reports) else {
            continue;
        };
        if let Some(first) = named.get(&instance.name) {
            reports
                .warning(
                    codes::DUPLICATE_NAME,
                    format!(
                        "vrrp_instance `{}` is already defined: this one is left out",
                        instance.name
                    ),
                    instance.at,
                )
                .label(*first, "first defined here");
            continue;
        }
        named.insert(instance.name.clone(), instance.at);
        instances.push(instance);
    }
    let groups = group::lower(tree, &mut instances, &mut trackers, &mut reports);
    hold_back(tree, &mut instances, &reports);
    let static_addresses = blocks(tree, "static_ipaddress")
        .flat_map(Directive::children)
        .filter_map(|line| address::lower(line, &mut reports))
        .collect();
    let model = Model {
        global,
        static_addresses,
        instances,
        groups,
        trackers: trackers.list,
        virtual_servers,
    };
    lints::lint(&model, &mut reports);
    (model, reports.diagnostics)
}

fn blocks<'t>(tree: &'t Tree, keyword: &'static str) -> impl Iterator<Item = &'t Directive> {
    tree.directives.iter().filter(move |directive| directive.keyword.text == keyword)
}

fn virtual_server(block: &Directive) -> VirtualServer {
    VirtualServer {
        at: block.span,
        address: block.text(0).and_then(|text| text.parse::<IpAddr>().ok()),
        port: block.text(1).and_then(|text| text.parse().ok()),
    }
}

/// Holds instances back for keywords outside their blocks: of their sync group, or of the whole daemon.
fn hold_back(tree: &Tree, instances: &mut [Instance], reports: &Reports<'_>) {
    for directive in &tree.directives {
        if let Some(held) = held_back(&[], directive, reports) {
            for instance in instances.iter_mut() {
                instance.held_back.push(held.clone());
            }
        }
    }
    for group in blocks(tree, "vrrp_sync_group") {
        let held: Vec<HeldBack> = group
            .children()
            .iter()
            .filter_map(|directive| held_back(&["vrrp_sync_group"], directive, reports))
            .collect();
        if held.is_empty() {
            continue;
        }
        let lists = group.children().iter().filter(|it| it.keyword == *"group");
        let members: BTreeSet<&str> =
            lists.flat_map(Directive::flat_words).map(|word| word.as_str()).collect();
        for instance in instances.iter_mut().filter(|it| members.contains(it.name.as_str())) {
            instance.held_back.extend(held.iter().cloned());
        }
    }
}

/// A keyword of an instance that is known, matters, and is not executed yet.
fn held_back(path: &[&str], directive: &Directive, reports: &Reports<'_>) -> Option<HeldBack> {
    let keyword = crate::keyword::holds_back(path, directive)?;
    let location = reports.location(directive.keyword.span);
    Some(HeldBack { keyword, location })
}

#[cfg(test)]
mod tests {
    use crate::keyword::{Effect, Status, find};

    /// Their heads are not kept, so that a status that holds all instances back would be lost.
    #[test]
    fn no_block_that_is_lowered_at_once_holds_instances_back() {
        for name in ["vrrp_instance", "virtual_server", "virtual_server_group", "SSL"] {
            let status = find(&[], name).unwrap().status;
            assert!(!matches!(status, Status::NotYet(Effect::HoldsBack)), "{name}");
        }
    }
}
