//! Reading a configuration without running it: `check` and `-t`.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use config::diagnostic::{self, Class, Diagnostic, Severity, Style};
use config::source::SourceSet;
use control::StartOptions;
use kernel::namespace::Namespace;

use super::flags::Options;
use crate::terminal::{eprint, print};
use crate::{compat, load};

/// How `check` shows what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// With the line and a caret.
    Human,
    /// `file:line:col: severity: message [CODE]`.
    Short,
    /// JSON.
    Json,
}

/// `steadfast check FILE`.
pub(super) fn check(
    file: &Path,
    format: Format,
    deny_warnings: bool,
    config_id: Option<String>,
) -> ExitCode {
    let mut options = start_options(config_id, false);
    let sources = load::read(&file.to_string_lossy(), &options);
    let checked = load::check_here(&sources, &mut options);
    let mut diagnostics = checked.diagnostics;
    diagnostics.extend(host_notes(&checked.model, &sources, None));
    diagnostic::sort(&mut diagnostics);
    let rendered = match format {
        Format::Human => diagnostic::render_human(&sources, &diagnostics, style()),
        Format::Short => diagnostic::render_lines(&sources, &diagnostics),
        Format::Json => diagnostic::render_json(&sources, &diagnostics),
    };
    print(&rendered);
    if format == Format::Human {
        print(&summary(&diagnostics, &checked.counts.to_string()));
    }
    let refused = match diagnostic::worst(&diagnostics) {
        Some(Severity::Error) => true,
        Some(Severity::Warning) => deny_warnings,
        Some(Severity::Note) | None => false,
    };
    if refused { ExitCode::from(compat::exit::CONFIG_TEST_FAILED) } else { ExitCode::SUCCESS }
}

/// `-t`: keepalived's test, with its exit codes.
pub(super) fn config_test(options: &Options, report: Option<&Path>) -> ExitCode {
    let mut start = start_options(options.config_id.clone(), options.all_include_checks);
    let path = options.config.clone().unwrap_or_else(load::default_path);
    let sources = load::read(&path.to_string_lossy(), &start);
    let (model, mut diagnostics) = load::understand_here(&sources, &mut start);
    diagnostics.extend(host_notes(&model, &sources, options.namespace.as_deref()));
    diagnostic::sort(&mut diagnostics);
    // What keepalived would not speak of does not belong into its test.
    diagnostics.retain(|diagnostic| {
        diagnostic.severity != Severity::Note || diagnostic.code.class() != Class::Silent
    });
    let rendered = diagnostic::render_lines(&sources, &diagnostics);
    match report {
        None => eprint(&rendered),
        Some(path) => {
            let written = std::fs::OpenOptions::new().append(true).create(true).open(path);
            if let Err(error) = written.and_then(|mut file| file.write_all(rendered.as_bytes())) {
                eprint(&format!("cannot write report to {}: {error}\n", path.display()));
                return ExitCode::from(compat::exit::FATAL);
            }
        }
    }
    ExitCode::from(diagnostic::config_test_exit_code(&diagnostics))
}

fn start_options(config_id: Option<String>, all_include_checks: bool) -> StartOptions {
    StartOptions {
        config_id: config_id.unwrap_or_else(load::host_name),
        variables: std::env::vars().collect(),
        all_include_checks,
        ..StartOptions::default()
    }
}

/// What the interfaces of the host, or of the namespace that is meant, say about the configuration; nothing where they
/// cannot be read.
fn host_notes(
    model: &config::model::Model,
    sources: &SourceSet,
    namespace: Option<&str>,
) -> Vec<Diagnostic> {
    let here = kernel::observer::Observer::open;
    let observer = match namespace.or(model.global.place.namespace.as_deref()) {
        None => here(),
        Some(name) => match Namespace::named(name).and_then(|space| space.within(here)) {
            Ok(observer) => observer,
            Err(_) => return Vec::new(),
        },
    };
    let Ok(observer) = observer else { return Vec::new() };
    let mut interfaces: config::lower::host::Interfaces =
        observer.links().map(|link| (link.name.clone(), Vec::new())).collect();
    for address in observer.addresses() {
        let Some(link) = observer.link(address.interface) else { continue };
        if let Some(list) = interfaces.get_mut(&link.name) {
            list.push((address.address, address.prefix));
        }
    }
    config::lower::host::compare(model, sources, &interfaces)
}

fn summary(diagnostics: &[Diagnostic], counts: &str) -> String {
    let count =
        |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    format!(
        "{}, {}, {}\n{counts}\n",
        status::counted(count(Severity::Error), "error"),
        status::counted(count(Severity::Warning), "warning"),
        status::counted(count(Severity::Note), "note"),
    )
}

fn style() -> Style {
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
    let width =
        rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |size| usize::from(size.ws_col));
    let default = Style::default();
    Style {
        colour: terminal && std::env::var_os("NO_COLOR").is_none(),
        width: if terminal && width >= 40 { width } else { default.width },
    }
}
