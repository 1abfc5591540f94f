//! `cargo xtask test`: everything that is checked before a change goes in, here and in CI.
//!
//! Stages follow one another: packages, checks of the sources, builds, tiers of tests from the quick to the slow. One that
//! fails does not stop the next. The tests themselves run under plain `cargo test`; this program chooses, watches,
//! counts and names. With `STEADFAST_CI=1` a test that was skipped for lack of a privilege or a package has failed.

mod checks;
mod in_lab;
mod licences;
mod report;
mod sizes;
mod tally;
mod tiers;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;

use crate::packages::{self, Provision};
use crate::process::Guard;
use crate::{lab, metadata};
use report::{Log, Outcome, Report};

/// Where a stage runs and how.
struct Context {
    guard: Guard,
    /// The folder of the workspace.
    root: PathBuf,
    /// The folder of what the virtual machine is made of.
    lab: PathBuf,
    /// Whether packages may be installed.
    installs: bool,
}

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    no_install: bool,
    /// Only tests whose name has this, and no checks.
    filter: Option<String>,
}

/// Runs the command.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let request = Request::parse(arguments)?;
    let guard = Guard::new()?;
    let strict = env::var("STEADFAST_CI").is_ok_and(|value| value == "1");
    let installs = !request.no_install;
    let workspace = metadata::of_workspace()?;
    let lab = workspace.target_directory.join(lab::FOLDER);
    let context = Context { guard, root: metadata::root()?, lab, installs };
    let mut report = Report::new(strict, workspace.target_directory.join("xtask"))?;

    report.stage("packages", |log| install(&context, log));
    if request.filter.is_none() {
        for check in checks::ALL {
            report.stage(check.name, |log| (check.run)(&context, log));
        }
    }
    tiers::run(&context, &workspace, request.filter.as_deref(), &mut report);
    Ok(report.close())
}

impl Request {
    fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let mut request = Self::default();
        for argument in arguments {
            if argument == "--no-install" {
                request.no_install = true;
            } else if argument.starts_with('-') || request.filter.is_some() {
                bail!("unexpected {argument}; usage: cargo xtask test [--no-install] [FILTER]");
            } else {
                request.filter = Some(argument.clone());
            }
        }
        Ok(request)
    }
}

/// Installs the packages that tests miss, if we may.
fn install(context: &Context, log: &mut Log) -> anyhow::Result<Outcome> {
    let provision = packages::provide(&context.guard, packages::TESTS, context.installs, |line| {
        log.show(line)
    })?;
    Ok(match provision {
        Provision::There => Outcome::Passed,
        Provision::Missing(remedy) => Outcome::Skipped(remedy),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> anyhow::Result<Request> {
        Request::parse(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_name_chooses_tests() {
        let request = parse(&["--no-install", "reload"]).unwrap();
        assert_eq!(request, Request { no_install: true, filter: Some("reload".to_owned()) });
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(parse(&["--bench"]).is_err());
        assert!(parse(&["reload", "crash"]).is_err());
    }
}
