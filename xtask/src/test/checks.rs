//! Checks of the sources: no test runs for them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::report::{Log, Outcome};
use super::{Context, licences, sizes};
use crate::{docs, layers, ledger, metadata};

/// A check and its name.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Context, &mut Log) -> anyhow::Result<Outcome>,
}

/// Every check, in their order. One that returns sentences needs a row and [`sentences`], no more.
pub(crate) const ALL: &[Check] = &[
    Check { name: "format", run: format },
    Check { name: "clippy", run: clippy },
    Check { name: "fuzz targets", run: fuzz },
    Check { name: "layers", run: |_, log| sentences(&layers::violations()?, log) },
    Check {
        name: "file sizes",
        run: |context, log| sentences(&sizes::violations(&context.root)?, log),
    },
    Check {
        name: "licences",
        run: |context, log| sentences(&licences::violations(&context.root)?, log),
    },
    Check {
        name: "ledger of the standards",
        run: |context, log| sentences(&ledger::violations(&context.root)?, log),
    },
    Check { name: "generated documents", run: documents },
];

/// What is generated from the keyword table is as it stands.
fn documents(_context: &Context, _log: &mut Log) -> anyhow::Result<Outcome> {
    docs::run(&["--check".to_owned()]).map(|_success| Outcome::Passed)
}

/// The outcome of a check that says what is wrong, one sentence each.
fn sentences(violations: &[String], log: &mut Log) -> anyhow::Result<Outcome> {
    violations.iter().for_each(|violation| log.show(violation));
    Ok(if violations.is_empty() { Outcome::Passed } else { Outcome::Failed })
}

/// Both workspaces: the fuzz targets have one of their own.
fn format(context: &Context, log: &mut Log) -> anyhow::Result<Outcome> {
    let own = passes(context, &["fmt", "--all", "--check"], log)?;
    let fuzz = ["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"];
    let fuzz = passes(context, &fuzz, log)?;
    Ok(if own && fuzz { Outcome::Passed } else { Outcome::Failed })
}

fn clippy(context: &Context, log: &mut Log) -> anyhow::Result<Outcome> {
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    Ok(if passes(context, &clippy, log)? { Outcome::Passed } else { Outcome::Failed })
}

/// They are for a nightly compiler, yet must compile with ours; what they test runs bounded in the crates' own tests.
/// What clippy has checked of their dependencies is not checked again.
fn fuzz(context: &Context, log: &mut Log) -> anyhow::Result<Outcome> {
    let check = ["check", "--manifest-path", "fuzz/Cargo.toml", "--target-dir", "target"];
    Ok(if passes(context, &check, log)? { Outcome::Passed } else { Outcome::Failed })
}

/// Whether cargo succeeds; all of its output explains a failure.
pub(crate) fn passes(context: &Context, arguments: &[&str], log: &mut Log) -> anyhow::Result<bool> {
    let command = cargo(&context.root, arguments);
    let status = context.guard.run(command, LIMIT, |line| {
        let progress = PROGRESS.iter().any(|word| line.trim_start().starts_with(word));
        if progress {
            log.keep(line);
            log.now_at(line.trim_start());
        } else {
            log.show(line);
        }
    })?;
    if status.is_none() {
        log.show(&format!("ended after {} minutes", LIMIT.as_secs() / 60));
    }
    Ok(status.is_some_and(|status| status.success()))
}

/// The cargo that runs us, at the workspace, with output that can be read by a program.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = metadata::cargo();
    command
        .args(arguments)
        .current_dir(root)
        .env("CARGO_TERM_COLOR", "never")
        .env("PATH", crate::packages::search_path());
    command
}

/// How cargo's lines begin that say how far it is.
const PROGRESS: &[&str] = &[
    "Checking ",
    "Compiling ",
    "Downloaded ",
    "Downloading ",
    "Blocking ",
    "Finished ",
    "Executable ",
];

/// A build from nothing takes a third of it on two cores.
const LIMIT: Duration = Duration::from_secs(20 * 60);
