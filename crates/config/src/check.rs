//! From sources to all that can be said about them, in one call.

use crate::diagnostic::{Diagnostic, sort};
use crate::keyword::{Checker, Counts, Keywords};
use crate::lower::{Lowered, Lowering};
use crate::model::Model;
use crate::source::SourceSet;
use crate::syntax::{Directive, Environment, Sink, parse_into};

/// A configuration as far as it could be read, and everything that is to be said about it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it means.
    pub model: Model,
    /// All findings, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// How many keywords this release knows, by status.
    pub counts: Counts,
    /// Names of tables and the like were not found, and the environment has none of the host's.
    pub wants_names: bool,
    /// Files of keys that the sources lack: they are errors, until they are added and all is checked again.
    pub key_files: Vec<String>,
}

/// Parses, checks and lowers.
///
/// A block lives until it is checked and lowered, and not until the end of the configuration. Where defaults of
/// instances stand behind an instance, the text is read again.
pub fn check(sources: &SourceSet, environment: &Environment) -> Checked {
    check_for(sources, environment, RealServers::Kept)
}

/// What becomes of real servers, of which there may be a hundred thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RealServers {
    /// They are in the model.
    Kept,
    /// They are in the model with what they say for their checks, and with those of these that others do: for who tells how
    /// they are configured.
    Told,
    /// They are judged, and in the model are those for which others do something, and those whose checks want more of the
    /// host, files and expressions: for who looks whether that can be had.
    Examined,
    /// They are judged, and in the model are only those for which others do something, such as to run programs: for
    /// all who balance nothing.
    Judged,
}

/// The same as [`check`], with or without real servers in the model.
pub fn check_for(
    sources: &SourceSet,
    environment: &Environment,
    real_servers: RealServers,
) -> Checked {
    let (mut reader, mut diagnostics) = {
        let first = || Lowering::new(sources, &environment.names, real_servers);
        read(sources, environment, first)
    };
    if reader.lowering.is_stale() {
        (reader, diagnostics) = read(sources, environment, || reader.lowering.again());
    }
    diagnostics.extend(reader.checker.finish());
    let Lowered { model, diagnostics: lowered, wants_names, key_files } = reader.lowering.finish();
    diagnostics.extend(lowered);
    sort(&mut diagnostics);
    Checked { model, diagnostics, counts: Counts::of_table(), wants_names, key_files }
}

fn read<'a>(
    sources: &'a SourceSet,
    environment: &'a Environment,
    lowering: impl Fn() -> Lowering<'a>,
) -> (Reader<'a>, Vec<Diagnostic>) {
    let reader = || Reader { checker: Checker::default(), lowering: lowering() };
    parse_into(sources, environment, &Keywords, reader)
}

/// Checks and lowers every outermost directive.
struct Reader<'a> {
    checker: Checker,
    lowering: Lowering<'a>,
}

impl Sink for Reader<'_> {
    fn take(&mut self, directive: Directive) {
        self.checker.check(&directive);
        self.lowering.take(directive);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: &str = "global_defs {\n vrrp_version 3\n default_interface eth7\n}\n";
    const INSTANCE: &str = "vrrp_instance A {\n virtual_router_id 1\n nonsense\n\
        virtual_ipaddress {\n 192.0.2.1\n }\n}\n";

    fn checked(text: &str) -> (Model, Vec<String>) {
        let sources = SourceSet::single("a", text);
        let mut checked = check(&sources, &Environment::of_host("h"));
        for instance in &mut checked.model.instances {
            instance.at = crate::source::Span::default();
            instance.addresses.clear();
        }
        let told = checked.diagnostics.into_iter().map(|diagnostic| diagnostic.message);
        (checked.model, told.collect())
    }

    #[test]
    fn defaults_of_instances_count_wherever_they_stand() {
        let before = checked(&[DEFAULTS, INSTANCE].concat());
        assert_eq!(before.0.instances[0].interface, "eth7");
        assert_eq!(before.0.instances[0].parameters.version, wire::Version::V3);
        assert_eq!(checked(&[INSTANCE, DEFAULTS].concat()), before);
        let twice = [INSTANCE, "global_defs {\n vrrp_version 2\n}\n", DEFAULTS].concat();
        assert_eq!(checked(&twice), before);
        let unclosed = [INSTANCE, DEFAULTS, "vrrp_instance B {\n"].concat();
        assert_eq!(checked(&unclosed).0, before.0);
    }
}
