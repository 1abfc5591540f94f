//! The configuration as the parent has it: read, checked, and ready to be handed down.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use config::RealServers;
use config::diagnostic::{self, Class, Severity};
use config::model::{DataPlane, Global, Model, TrackFile, TrackProcess};
use config::source::SourceSet;
use control::{Handover, Ordered, Role, StartOptions};
use kernel::process::MemoryFile;
use status::Planned;

use super::mail::Addressees;
use super::programs::Table;
use super::succession::VARIABLE;
use crate::child::{Payload, PayloadError};
use crate::cli::Options;
use crate::compat::{self, exit};
use crate::presence::Presence;
use crate::{checker_child, load, vrrp_child};

/// A configuration without errors.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Where it was read from.
    pub(super) path: String,
    /// What is worth a line in the log.
    pub(super) lines: Vec<String>,
    /// Settings of the whole daemon.
    pub(super) global: Global,
    /// Programs that are run.
    pub(super) programs: Table,
    /// Files that are watched.
    pub(super) files: Vec<TrackFile>,
    /// Processes that are counted.
    pub(super) processes: Vec<TrackProcess>,
    /// Who gets e-mail.
    pub(super) addressees: Addressees,
    /// Names of the groups that virtual servers balance.
    pub(super) balanced_groups: BTreeSet<String>,
    vrrp: bool,
    balances: bool,
    /// Whether connections are copied, of services that somebody else may have made.
    synchronises: bool,
    /// The files, as a [`SourceSet`] writes them.
    pub(super) sources: Vec<u8>,
    start: StartOptions,
}

/// A configuration that nothing is started with.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Everything that is wrong.
    pub(super) lines: Vec<String>,
    /// Exit code.
    pub(super) code: u8,
}

impl Loaded {
    /// Reads the configuration of these options.
    ///
    /// **Errors**: there is none, or it has errors; all of them.
    pub(super) fn read(options: &Options, mut start: StartOptions) -> Result<Self, Refusal> {
        let path = options.config.clone().unwrap_or_else(load::default_path).display().to_string();
        let checked = Checked::read(&path, &mut start)?;
        Ok(Self::of(path, checked, start))
    }

    /// A configuration that another program has in force, which was read at `path` with these options.
    ///
    /// **Errors**: it has errors for this program; all of them.
    pub(super) fn again(
        path: String,
        sources: SourceSet,
        start: StartOptions,
    ) -> Result<Self, Refusal> {
        let understood = load::understand(&sources, &start, RealServers::Judged);
        let checked = Checked::of(&path, sources, understood)?;
        Ok(Self::of(path, checked, start))
    }

    fn of(path: String, checked: Checked, start: StartOptions) -> Self {
        let Checked { sources, mut model, lines } = checked;
        Self {
            path,
            lines,
            addressees: Addressees::of(&model),
            programs: Table::of(&mut model),
            files: std::mem::take(&mut model.files),
            processes: std::mem::take(&mut model.processes),
            vrrp: !model.instances.is_empty()
                || !model.fixed.is_empty()
                || !model.sessions.is_empty(),
            balances: !model.virtual_servers.is_empty(),
            synchronises: model.global.balancing.sync.is_some()
                && model.global.data_plane != DataPlane::Nftables,
            balanced_groups: model
                .virtual_servers
                .iter()
                .filter_map(|it| it.group.as_deref().map(str::to_owned))
                .collect(),
            global: model.global,
            sources: sources.to_bytes(),
            start,
        }
    }

    /// Takes over what is only known since this was read.
    pub(super) fn settle(&mut self, options: &Options) {
        self.start.table_suffix = table_suffix(options);
    }

    /// Tells children what this daemon is known by.
    pub(super) fn introduce(&mut self, presence: &Presence) {
        presence.name().clone_into(&mut self.start.presence);
    }

    /// What it was read from, for comparing it with another one elsewhere.
    pub(super) fn source(&self) -> Source {
        Source { sources: self.sources.clone(), start: self.start.clone() }
    }

    /// The start options, for reading again.
    pub(super) fn start_options(&self) -> StartOptions {
        self.start.clone()
    }

    /// Whether there are virtual servers.
    pub(super) const fn balances(&self) -> bool {
        self.balances
    }

    /// Whether a child of this role has work.
    pub(super) fn wants(&self, role: Role, options: &Options) -> bool {
        use crate::cli::Children;
        let needed = match role {
            Role::Vrrp => self.vrrp,
            Role::Checker => self.balances || self.synchronises,
        };
        let allowed = match options.children {
            Children::Needed => true,
            // A checker process that has no virtual servers does nothing else but copy connections.
            Children::VrrpOnly => role == Role::Vrrp || self.synchronises && !self.balances,
            Children::CheckerOnly => role == Role::Checker,
        };
        allowed && (needed || options.all_children)
    }

    /// The memory file of a child that starts for the time that `generation` counts.
    ///
    /// **Errors**: no memory.
    pub(super) fn seal(
        &self,
        generation: u32,
        handover: &Handover,
    ) -> Result<MemoryFile, PayloadError> {
        let handover = handover.clone();
        Payload::seal(&StartOptions { generation, handover, ..self.start.clone() }, &self.sources)
    }
}

/// What a configuration was read from.
#[derive(Debug)]
pub(super) struct Source {
    sources: Vec<u8>,
    start: StartOptions,
}

impl Source {
    /// All of it as one text.
    ///
    /// **Errors**: in words; it cannot be read again.
    pub(super) fn text(&self) -> Result<String, String> {
        let sources = SourceSet::from_bytes(&self.sources).map_err(|error| error.to_string())?;
        Ok(sources.to_text())
    }

    /// What a reload of the file at `path` would do, with these orders about real servers in force.
    ///
    /// **Errors**: that file has errors, so that a reload would do nothing.
    pub(super) fn plan(
        &self,
        path: &str,
        orders: &BTreeMap<String, Ordered>,
    ) -> Result<Vec<Planned>, Refusal> {
        let mut start = self.start.clone();
        let Checked { sources, mut model, .. } = Checked::read(path, &mut start)?;
        if !model.virtual_servers.is_empty() {
            // Real servers as well, which the parent has no use for otherwise.
            model = load::understand(&sources, &start, RealServers::Kept).0;
        }
        let running = self.model(RealServers::Kept)?;
        let servers = checker_child::compare(&running, &model, orders);
        let mut steps = vrrp_child::compare(running, model);
        steps.extend(servers);
        Ok(steps)
    }

    /// What it means, as far as `real_servers` are wanted. It takes its time, for thousands of instances.
    ///
    /// **Errors**: it cannot be read again.
    pub(super) fn model(&self, real_servers: RealServers) -> Result<Model, Refusal> {
        let running = SourceSet::from_bytes(&self.sources).map_err(|error| Refusal {
            lines: vec![format!("the running configuration cannot be read again: {error}")],
            code: exit::FATAL,
        })?;
        Ok(load::understand(&running, &self.start, real_servers).0)
    }
}

/// A configuration that was read and has no errors.
struct Checked {
    sources: SourceSet,
    model: Model,
    lines: Vec<String>,
}

impl Checked {
    fn read(path: &str, start: &mut StartOptions) -> Result<Self, Refusal> {
        let sources = load::read(path, start);
        let understood = load::understand_here(&sources, start);
        Self::of(path, sources, understood)
    }

    fn of(
        path: &str,
        sources: SourceSet,
        (model, mut diagnostics): (Model, Vec<diagnostic::Diagnostic>),
    ) -> Result<Self, Refusal> {
        diagnostic::sort(&mut diagnostics);
        diagnostics.retain(|diagnostic| diagnostic.severity != Severity::Note);
        let rendered = diagnostic::render_lines(&sources, &diagnostics);
        let lines: Vec<String> = rendered.lines().take(LINES).map(str::to_owned).collect();
        if sources.files().is_empty() {
            let code = exit::NO_CONFIGURATION;
            let lines =
                if lines.is_empty() { vec![format!("{path}: no such file")] } else { lines };
            return Err(Refusal { lines, code });
        }
        if diagnostic::worst(&diagnostics) == Some(Severity::Error) {
            let class = |it: &diagnostic::Diagnostic| it.code.class();
            let include = diagnostics.iter().any(|it| class(it) == Class::FailedInclude);
            let code = if include { exit::NO_CONFIGURATION } else { exit::CONFIGURATION };
            return Err(Refusal { lines, code });
        }
        Ok(Self { sources, model, lines })
    }
}

/// What every process of this daemon shall read the configuration with.
pub(super) fn start_options(options: &Options) -> StartOptions {
    let id = options.config_id.clone();
    let id =
        id.unwrap_or_else(|| load::host_name().split('.').next().unwrap_or_default().to_owned());
    StartOptions {
        detail: options.detail,
        config_id: id,
        seed: kernel::eventloop::now().as_nanos(),
        variables: std::env::vars_os()
            .filter(|(name, _)| name != VARIABLE)
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        all_include_checks: options.all_include_checks,
        name_files: Vec::new(),
        keep_addresses: options.keep_addresses,
        keep_services: options.keep_services,
        snmp: options.snmp,
        snmp_socket: options.snmp_socket.clone(),
        monitors_addresses: options.monitors_addresses,
        invoked_name: options.invoked_name.clone(),
        table_suffix: table_suffix(options),
        presence: String::new(),
        generation: 0,
        handover: Handover::default(),
    }
}

/// Tells daemons apart that share a network namespace: they must have pid files of their own, too.
fn table_suffix(options: &Options) -> String {
    let role = Some(Role::Vrrp);
    let usual = [
        Path::new(compat::pid_file(role)).to_owned(),
        compat::named_pid_file(role, options.namespace.as_deref(), None),
    ];
    let pid_file = options.vrrp_pid_file.as_deref();
    pid_file.filter(|path| !usual.iter().any(|usual| usual == path)).map_or_else(
        String::new,
        |path| {
            // FNV-1a: the same in every release, so that a successor finds what it replaces.
            let hash =
                path.as_os_str().as_encoded_bytes().iter().fold(0x811c_9dc5u32, |hash, byte| {
                    (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
                });
            format!("_{hash:08x}")
        },
    )
}

/// Lines of findings that one load may log.
const LINES: usize = 200;
