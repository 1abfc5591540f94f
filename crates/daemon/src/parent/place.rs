//! Where this daemon is among others of its host: its network namespace, its name, its process files.

use config::model::{CheckerPlace, Place};
use control::Role;
use kernel::namespace::Namespace;

use super::loaded::Loaded;
use super::succession::Origin;
use crate::cli::Options;
use crate::compat;

/// Takes up what the configuration says of that, where the command line says nothing else: this process enters its
/// network namespace, and `options` have its names and files from now on. Gives the namespace of the checker process
/// where it is another one.
///
/// **Errors**: a namespace that is not there, or that may not be entered.
pub(super) fn take_up(
    options: &mut Options,
    wanted: &Place,
    origin: &Origin,
) -> Result<Option<Namespace>, String> {
    if let (Some(given), Some(written)) = (&options.namespace, &wanted.namespace)
        && given != written
    {
        options.warnings.push(format!(
            "Overriding config net_namespace '{written}' with command line namespace '{given}'"
        ));
    }
    options.namespace = options.namespace.take().or_else(|| wanted.namespace.clone());
    options.instance.clone_from(&wanted.instance);
    name_files(options, wanted.uses_directory);
    if origin.is_daemon() {
        // This process is there already, whatever the names mean by now.
        return Ok(origin.checker_place());
    }
    let open = |name: &str| {
        Namespace::named(name)
            .map_err(|error| format!("cannot enter network namespace {name}: {error}"))
    };
    let checker = match &wanted.checker {
        CheckerPlace::Same => None,
        CheckerPlace::Initial => Some(Namespace::current().map_err(|error| error.to_string())?),
        CheckerPlace::Named(name) => Some(open(name)?),
    };
    if let Some(name) = &options.namespace {
        let entered = open(name)?.enter();
        entered.map_err(|error| format!("cannot enter network namespace {name}: {error}"))?;
    }
    Ok(checker)
}

/// Gives process files their places in the directory for them, as far as the command line has not.
fn name_files(options: &mut Options, uses_directory: bool) {
    let (namespace, instance) = (options.namespace.as_deref(), options.instance.as_deref());
    if !uses_directory && namespace.is_none() && instance.is_none() {
        return;
    }
    let named = |role| compat::named_pid_file(role, namespace, instance);
    let files = [
        (&mut options.pid_file, None),
        (&mut options.vrrp_pid_file, Some(Role::Vrrp)),
        (&mut options.checkers_pid_file, Some(Role::Checker)),
    ];
    for (file, role) in files {
        file.get_or_insert_with(|| named(role));
    }
}

impl Loaded {
    /// Keeps what only a start can change, and says so.
    pub(super) fn stay_at(&mut self, running: &Place) {
        let new = std::mem::replace(&mut self.global.place, running.clone());
        let differences = [
            ("network namespace", new.namespace != running.namespace),
            ("network namespace of the checker process", new.checker != running.checker),
            ("instance name", new.instance != running.instance),
            ("use of the pid directory", new.uses_directory != running.uses_directory),
        ];
        for (what, differs) in differences {
            if differs {
                let text = format!("Cannot change {what} at a reload: restart the daemon for that");
                self.lines.push(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::PathBuf;

    use super::*;

    fn options(words: &[&str]) -> Options {
        let words = words.iter().map(OsString::from);
        match crate::cli::parse(&OsString::from("steadfast"), words) {
            Ok(crate::cli::Parsed::Run(options)) => *options,
            other => panic!("{other:?}"),
        }
    }

    /// The three process files that are not the usual ones.
    fn files(words: &[&str], instance: Option<&str>, uses_directory: bool) -> [Option<PathBuf>; 3] {
        let mut options = options(words);
        options.instance = instance.map(str::to_owned);
        name_files(&mut options, uses_directory);
        [options.pid_file, options.vrrp_pid_file, options.checkers_pid_file]
    }

    #[test]
    fn process_files_are_named_after_the_instance_and_stand_in_that_of_the_namespace() {
        let paths = |paths: [&str; 3]| paths.map(|path| Some(PathBuf::from(path)));
        assert_eq!(files(&[], None, false), [None, None, None]);
        assert_eq!(
            files(&[], None, true),
            paths([
                "/run/keepalived/keepalived.pid",
                "/run/keepalived/vrrp.pid",
                "/run/keepalived/checkers.pid"
            ])
        );
        assert_eq!(
            files(&[], Some("one"), false),
            paths([
                "/run/keepalived/keepalived_one.pid",
                "/run/keepalived/vrrp_one.pid",
                "/run/keepalived/checkers_one.pid"
            ])
        );
        assert_eq!(
            files(&["-s", "blue", "-p", "/x"], Some("one"), false),
            paths([
                "/x",
                "/run/keepalived/blue/vrrp_one.pid",
                "/run/keepalived/blue/checkers_one.pid"
            ])
        );
    }
}
