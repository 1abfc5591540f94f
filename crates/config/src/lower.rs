//! From the blocks of a tree to the model.
//!
//! Lowering is total: there is a [`Model`] whatever the blocks hold, and diagnostics beside it. It says what
//! settings mean together; whether a word is a keyword and its arguments are in range, the keyword table's
//! check says. One file per kind of block.

mod address;
mod announce;
mod authentication;
mod balancing;
mod bfd;
mod command;
mod file;
mod fixed;
mod garp_group;
mod global;
mod group;
pub mod host;
mod instance;
mod lints;
mod mail;
mod notify;
mod path;
mod place;
mod process;
mod program;
mod read;
mod report;
mod route;
mod rule;
mod script;
mod served;
mod service;
pub(crate) mod snmp;
mod track;
mod track_group;
mod trailer;
pub(crate) mod upkeep;

use std::collections::{BTreeMap, BTreeSet};

use self::global::Defaults;
use self::report::Reports;
use self::rule::Priorities;
use self::track::{Already, Catalogue, Kind, Trackers};
use crate::check::RealServers;
use crate::diagnostic::{Diagnostic, model as codes};
use crate::model::{Global, Instance, Model, TlsFiles, VirtualServer};
use crate::names::Names;
use crate::source::{SourceSet, Span};
use crate::syntax::{Directive, Tree};

pub(crate) use self::instance::{ipvlan, vmac};
pub(crate) use self::read::boolean_words;

/// Lowers one outermost directive after another.
///
/// A block goes when it is lowered, and only what later ones may be about is kept: there may be many thousands.
/// Defaults of instances that stand behind an instance make the result [stale](Self::is_stale): all must be
/// taken again by a [successor](Self::again), which knows them from the beginning.
pub(crate) struct Lowering<'a> {
    reports: Reports<'a>,
    /// Known from the beginning: nothing more is read into them.
    settled: bool,
    global: Global,
    defaults: Defaults,
    /// Whether an instance came.
    begun: bool,
    stale: bool,
    instances: Vec<Instance>,
    named: BTreeMap<String, Span>,
    trackers: Trackers,
    /// What instances track by name: what that is is known at the end.
    tracked: Vec<Vec<track::Tracked>>,
    /// What instances say of synchronisation, for which `global_defs` counts first.
    syncs: Vec<balancing::OfInstance>,
    tls: Option<TlsFiles>,
    virtual_servers: Vec<VirtualServer>,
    real_servers: RealServers,
    /// Those of them that name a group, which may stand behind them, with their blocks.
    of_groups: Vec<(usize, Directive)>,
    server_groups: served::Groups,
    priorities: Priorities,
    /// What concerns all instances, and is lowered when all are known.
    tree: Tree,
}

impl<'a> Lowering<'a> {
    pub(crate) fn new(sources: &'a SourceSet, names: &'a Names, real_servers: RealServers) -> Self {
        Self {
            reports: Reports::new(sources, names),
            settled: false,
            global: Global::default(),
            defaults: Defaults::default(),
            begun: false,
            stale: false,
            instances: Vec::new(),
            named: BTreeMap::new(),
            trackers: Trackers::default(),
            tracked: Vec::new(),
            syncs: Vec::new(),
            tls: None,
            virtual_servers: Vec::new(),
            real_servers,
            of_groups: Vec::new(),
            server_groups: served::Groups::default(),
            priorities: Priorities::default(),
            tree: Tree::default(),
        }
    }

    /// Whether an instance or virtual server was lowered before all that it depends on was known.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    /// One that begins with the settings that this one has read.
    pub(crate) fn again(&self) -> Self {
        Self {
            settled: true,
            global: self.global.clone(),
            defaults: self.defaults.clone(),
            ..Self::new(self.reports.sources, self.reports.names, self.real_servers)
        }
    }

    /// Takes the outermost directives in order.
    pub(crate) fn take(&mut self, directive: Directive) {
        match directive.keyword.as_str() {
            "global_defs" if !self.settled => {
                let plane = self.global.data_plane;
                global::read(&mut self.global, &mut self.defaults, &directive, &mut self.reports);
                let is_other_plane = plane != self.global.data_plane;
                self.stale |= self.begun || (is_other_plane && !self.virtual_servers.is_empty());
            }
            "vrrp_instance" => self.instance(&directive),
            "virtual_server" => {
                let mut server = served::server(&directive);
                if server.group.is_some() {
                    self.of_groups.push((self.virtual_servers.len(), directive));
                } else {
                    let groups = &self.server_groups;
                    let how = (self.global.data_plane, self.real_servers);
                    server.balance = service::take(&directive, groups, how, &mut self.reports);
                }
                self.virtual_servers.push(server);
            }
            "virtual_server_group" => served::group(&mut self.server_groups, &directive),
            "SSL" => self.tls = Some(service::tls::files(&directive, &mut self.reports)),
            "global_defs" => {}
            known if crate::keyword::find(&[], known).is_some() => {
                self.tree.directives.push(directive);
            }
            _ => {}
        }
    }

    fn instance(&mut self, block: &Directive) {
        self.begun = true;
        let reports = &mut self.reports;
        let numbers = (&mut self.trackers, &mut self.priorities);
        let lowered = instance::lower(block, &self.defaults, numbers, reports);
        let Some((instance, tracked)) = lowered else { return };
        if let Some(first) = self.named.get(&instance.name) {
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
            return;
        }
        self.syncs.extend(balancing::of_instance(block, &instance.name));
        self.named.insert(instance.name.clone(), instance.at);
        self.instances.push(instance);
        self.tracked.push(tracked);
    }

    /// The model of all that was taken, and what is to be said about it.
    pub(crate) fn finish(self) -> Lowered {
        let Self { mut reports, mut global, mut instances, mut trackers, tree, tracked, .. } = self;
        let (defaults, mut priorities) = (self.defaults, self.priorities);
        // A reader of a pipe that nobody asked for.
        global.programs.fifos.retain(|fifo| !fifo.path.is_empty());
        let scripts = script::lower(&tree, &mut reports);
        let files = file::lower(&tree, &mut reports);
        let processes = process::lower(&tree, &mut reports);
        let sessions = bfd::lower(&tree, &mut reports);
        let mut catalogue = Catalogue::default();
        catalogue.enter(Kind::Script, &scripts, |it| Some(it.weight));
        catalogue.enter(Kind::File, &files, |it| Some(it.weight));
        catalogue.enter(Kind::Process, &processes, |it| Some(it.weight));
        catalogue.enter(Kind::Bfd, &sessions, |it| {
            (it.users != crate::model::BfdUsers::Checkers).then_some(it.weight)
        });
        for (instance, tracked) in instances.iter_mut().zip(&tracked) {
            trackers.add(instance, tracked, Already::Stays, &catalogue, &mut reports);
        }
        for directive in blocks(&tree, "child_wait_time") {
            global::daemon(&mut global, "child_wait_time", directive);
        }
        global.place = place::lower(&tree, &mut reports);
        global.link_delays = blocks(&tree, "interface_up_down_delays")
            .flat_map(Directive::children)
            .filter_map(global::link_delays)
            .collect();
        global.garp_groups = garp_group::lower(&tree, &mut reports);
        let alerts = defaults.mail.alerts();
        let groups =
            group::lower(&tree, &mut instances, &mut trackers, &catalogue, alerts, &mut reports);
        instance::ipvlan::agree(&mut instances, &mut reports);
        let mut fixed = fixed::lower(&tree, &defaults, &mut priorities, &mut reports);
        track_group::lower(&tree, &mut fixed, &mut instances, &mut trackers, &mut reports);
        let alerts = defaults.mail.all_alerts();
        global.balancing.alerts = global.balancing.alerts.or(alerts);
        global.mail = defaults.mail.settle(&mut reports);
        let mut virtual_servers = self.virtual_servers;
        for (number, block) in &self.of_groups {
            if let Some(server) = virtual_servers.get_mut(*number) {
                let how = (global.data_plane, self.real_servers);
                server.balance = service::take(block, &self.server_groups, how, &mut reports);
            }
        }
        service::leave_out_repeated(&mut virtual_servers, &mut reports);
        balancing::settle(&mut virtual_servers, &files, &sessions, &mut reports);
        let followed = balancing::followed_files(&virtual_servers);
        balancing::take(&mut global.balancing, self.syncs, &mut reports);
        balancing::follow(&mut global.balancing, &instances);
        let served = served::lower(&virtual_servers, &self.server_groups, &instances);
        let reports_to = &mut reports;
        let scripts =
            trackers.used(Kind::Script, scripts, &BTreeSet::new(), |it| it.at, reports_to);
        let files = trackers.used(Kind::File, files, &followed, |it| it.at, reports_to);
        let processes =
            trackers.used(Kind::Process, processes, &BTreeSet::new(), |it| it.at, reports_to);
        let model = Model {
            global,
            fixed,
            instances,
            groups,
            trackers: trackers.list,
            scripts,
            files,
            processes,
            sessions: sessions.into_values().collect(),
            tls: self.tls,
            server_groups: self.server_groups.list,
            virtual_servers,
            served,
        };
        lints::lint(&model, &mut reports);
        let Reports { diagnostics, wants_names, key_files, .. } = reports;
        Lowered { model, diagnostics, wants_names, key_files }
    }
}

/// What became of a configuration.
pub(crate) struct Lowered {
    pub(crate) model: Model,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Names were not found, and the host's files were not looked at.
    pub(crate) wants_names: bool,
    /// Files of keys that the sources lack.
    pub(crate) key_files: Vec<String>,
}

fn blocks<'t>(tree: &'t Tree, keyword: &'static str) -> impl Iterator<Item = &'t Directive> {
    tree.directives.iter().filter(move |directive| directive.keyword.text == keyword)
}

/// Lowers every block of these keywords; a second one of a name is left out.
fn named<T>(
    tree: &Tree,
    keywords: &[&str],
    lower: impl Fn(&Directive, &mut Reports<'_>) -> Option<T>,
    reports: &mut Reports<'_>,
) -> BTreeMap<String, T> {
    let mut places: BTreeMap<&str, Span> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for block in tree.directives.iter().filter(|it| keywords.contains(&it.keyword.as_str())) {
        let Some(name) = block.arguments.first() else { continue };
        let Some(lowered) = lower(block, reports) else { continue };
        if let Some(first) = places.get(name.as_str()) {
            reports
                .warning(
                    codes::DUPLICATE_NAME,
                    format!(
                        "{} `{}` is already defined: this one is left out",
                        block.keyword.text, name.text
                    ),
                    name.span,
                )
                .label(*first, "first defined here");
            continue;
        }
        places.insert(name.as_str(), name.span);
        found.insert(name.text.clone(), lowered);
    }
    found
}
