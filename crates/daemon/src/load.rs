//! Reading configuration files: patterns become files, files become a source set, sources become a model.

mod names;

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use config::diagnostic::{self, Diagnostic};
use config::model::Model;
use config::source::{IncludeAnswer, IncludeRequest, IncludedFile, Refusal, SourceSet};
use config::syntax::Environment;
use config::{Checked, RealServers};
use control::StartOptions;

use crate::webs::Webs;

/// Reads `top`, which may be a pattern, and everything that it includes, files of keys too.
pub(crate) fn read(top: &str, options: &StartOptions) -> SourceSet {
    let mut sources = SourceSet::load(top, &mut answer);
    // Which files these are is known once all is understood; most configurations have none.
    if sources.files().iter().any(|file| file.text().contains("auth_hmac")) {
        let checked = config::check_for(&sources, &environment(options), RealServers::Judged);
        for path in checked.key_files {
            let content = secret(Path::new(&path), KEY_MAX);
            sources.add_key_file(path, content);
        }
    }
    sources
}

/// The environment of a configuration, the same in every process of one daemon.
fn environment(options: &StartOptions) -> Environment {
    Environment {
        seed: options.seed,
        variables: options.variables.iter().cloned().collect(),
        all_include_checks: options.all_include_checks,
        names: names::of(&options.name_files),
        ..Environment::of_host(&options.config_id)
    }
}

/// A configuration as far as it could be read, and all that is to be said about it.
pub(crate) fn understand(
    sources: &SourceSet,
    options: &StartOptions,
    real_servers: RealServers,
) -> (Model, Vec<Diagnostic>) {
    let checked = config::check_for(sources, &environment(options), real_servers);
    (with_options(checked.model, options), checked.diagnostics)
}

/// The same where the files of this host may be read: the names that the configuration uses are looked for, and those
/// files become part of `options`, so that every process knows them.
pub(crate) fn understand_here(
    sources: &SourceSet,
    options: &mut StartOptions,
) -> (Model, Vec<Diagnostic>) {
    let checked = check_here(sources, options);
    (with_options(checked.model, options), checked.diagnostics)
}

/// What the command line says beside the configuration.
fn with_options(mut model: Model, options: &StartOptions) -> Model {
    let snmp = &mut model.global.snmp;
    if options.snmp {
        (snmp.vrrp, snmp.checker) = (true, true);
        (snmp.rfc2787, snmp.rfc6527) = (true, true);
    }
    if let Some(master) = options.snmp_socket.as_deref().and_then(config::snmp_master) {
        snmp.master = master;
    }
    model
}

/// All that can be said about a configuration on this host.
pub(crate) fn check_here(sources: &SourceSet, options: &mut StartOptions) -> Checked {
    options.name_files.clear();
    let mut checked = config::check_for(sources, &environment(options), RealServers::Examined);
    if checked.wants_names {
        options.name_files = names::read(&checked.model.global.name_directories);
        checked = config::check_for(sources, &environment(options), RealServers::Examined);
    }
    let (_, found) = Webs::of(&checked.model, Webs::default());
    if !found.is_empty() {
        checked.diagnostics.extend(found);
        diagnostic::sort(&mut checked.diagnostics);
    }
    for balance in checked.model.virtual_servers.iter_mut().filter_map(|it| it.balance.as_mut()) {
        balance.keep(RealServers::Judged);
    }
    checked
}

/// The default configuration: our own file where there is one, else keepalived's.
pub(crate) fn default_path() -> PathBuf {
    let own = Path::new("/etc/steadfast/steadfast.conf");
    let incumbent = Path::new("/etc/keepalived/keepalived.conf");
    if own.exists() || !incumbent.exists() { own.to_owned() } else { incumbent.to_owned() }
}

/// The host name, for `@ID` lines.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn answer(request: &IncludeRequest<'_>) -> IncludeAnswer {
    // Blanks and the like have no meaning in a pattern; a name without wildcards matches itself.
    let Ok(paths) = glob::glob(request.pattern) else { return IncludeAnswer::default() };
    let files = paths
        .take(MATCHES)
        .filter_map(|path| match path {
            // A pattern means the files among its matches; a name means what it names.
            Ok(path) if path.is_dir() && path.as_os_str() != request.pattern => None,
            Ok(path) => Some(file(&path, request.budget)),
            Err(error) => Some(IncludedFile {
                name: error.path().display().to_string(),
                content: Err(Refusal::Unreadable(error.error().to_string())),
            }),
        })
        .collect();
    IncludeAnswer { files }
}

fn file(path: &Path, budget: usize) -> IncludedFile {
    IncludedFile { name: path.display().to_string(), content: bytes(path, budget) }
}

fn bytes(path: &Path, budget: usize) -> Result<Vec<u8>, Refusal> {
    let unreadable = |error: std::io::Error| Refusal::Unreadable(error.to_string());
    // Opening a FIFO or a device could block or act: look before.
    let before = std::fs::metadata(path).map_err(unreadable)?;
    if !before.is_file() {
        return Err(Refusal::NotRegular);
    }
    if before.permissions().mode() & 0o111 != 0 {
        return Err(Refusal::Executable);
    }
    let limit = u64::try_from(budget).unwrap_or(u64::MAX);
    if before.len() > limit {
        return Err(Refusal::TooMuch);
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    File::open(path)
        .map_err(unreadable)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > budget {
        return Err(Refusal::TooMuch);
    }
    // A stray NUL costs its line only; a program or an archive would bring thousands of findings.
    let begin = bytes.get(..BEGIN).unwrap_or(&bytes);
    if begin.iter().filter(|byte| **byte == 0).count() >= BINARY {
        return Err(Refusal::Unreadable("binary data, not text".to_owned()));
    }
    Ok(bytes)
}

/// What is in a file that nobody else may read: a key or a password of at most so many bytes.
///
/// **Errors**: it cannot be read, or others can; in words that do not name it.
pub(crate) fn secret(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let said = |error: std::io::Error| error.to_string();
    // Opening a FIFO or a device could block or act: look before.
    if !std::fs::metadata(path).map_err(said)?.is_file() {
        return Err("not a regular file".to_owned());
    }
    let file = File::open(path).map_err(said)?;
    let found = file.metadata().map_err(said)?;
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(format!("others may read or change it (mode {mode:04o}): chmod 600 it"));
    }
    let (owner, ours) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner != 0 && owner != ours {
        return Err(format!("it belongs to user {owner}, and not to root"));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(said)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        Ok(bytes)
    } else {
        Err(format!("longer than {most} bytes"))
    }
}

/// Bytes in the file of a key: 64 in hexadecimal, the word before and the end of the line.
const KEY_MAX: u64 = 256;
/// Files that one pattern may name.
const MATCHES: usize = 4096;
/// Bytes by which text is told from binary data.
const BEGIN: usize = 4096;
/// NUL bytes among them that no text has.
const BINARY: usize = 16;
