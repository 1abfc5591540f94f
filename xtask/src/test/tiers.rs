//! The tiers of tests, from the quick to the slow, each one run of `cargo test`.
//!
//! All are selections of targets within the whole workspace: a selection of packages would unify features differently,
//! and every dependency would be built once more for each tier.

use std::path::PathBuf;
use std::time::Duration;

use super::Context;
use super::checks::{cargo, passes};
use super::in_lab;
use super::report::{Log, Outcome, Report};
use super::tally::{Remark, Tally};
use crate::metadata::Metadata;

/// Packages whose tests have tiers of their own.
const KERNEL: &str = "kernel";
const CONFORMANCE: &str = "conformance";

/// One run of `cargo test`.
struct Tier {
    name: &'static str,
    /// Which targets, in the words of cargo.
    targets: Vec<String>,
    /// Which daemons play the scenarios.
    subject: Option<&'static str>,
    /// What is in the names of tests that run elsewhere.
    without: &'static [&'static str],
}

/// Builds what is tested, then runs every tier.
pub(crate) fn run(
    context: &Context,
    workspace: &Metadata,
    filter: Option<&str>,
    report: &mut Report,
) {
    // The daemon is built with them: programs of tests of its package start it.
    let is_built = report.stage("build of the tests", |log| {
        built(context, &["test", "--workspace", "--tests", "--no-run"], log)
    });
    let program = workspace.target_directory.join("debug/steadfast");
    let daemon = (is_built && program.exists()).then_some(program);
    for tier in tiers(workspace) {
        report.stage(tier.name, |log| tier.run(context, filter, daemon.as_ref(), log));
    }
    report.stage("kernel in a virtual machine", |log| in_lab::run(context, filter, log));
}

fn built(context: &Context, arguments: &[&str], log: &mut Log) -> anyhow::Result<Outcome> {
    Ok(if passes(context, arguments, log)? { Outcome::Passed } else { Outcome::Failed })
}

fn tiers(workspace: &Metadata) -> Vec<Tier> {
    let programs = |of: &dyn Fn(&str) -> bool| -> Vec<String> {
        let packages = workspace.packages.iter().filter(|package| of(&package.name));
        let targets = packages.flat_map(|package| &package.targets);
        let tests = targets.filter(|target| target.kind.iter().any(|kind| kind == "test"));
        let mut names: Vec<_> = tests.map(|target| target.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    };
    let quick = programs(&|package| package != KERNEL && package != CONFORMANCE);
    // A name that another package has too ran with the quick ones: cargo selects by name alone.
    let mut kernel = programs(&|package| package == KERNEL);
    kernel.retain(|name| !quick.contains(name));

    let select = |names: &[String]| {
        names.iter().flat_map(|n| ["--test".to_owned(), n.clone()]).collect::<Vec<_>>()
    };
    let mut first = vec!["--lib".to_owned(), "--bins".to_owned()];
    first.extend(select(&quick));
    let mut tiers = vec![
        Tier { name: "unit, simulator, process", targets: first, subject: None, without: &[] },
        Tier {
            name: "examples in documentation",
            targets: vec!["--doc".to_owned()],
            subject: None,
            without: &[],
        },
    ];
    if !kernel.is_empty() {
        let (targets, without) = (select(&kernel), in_lab::NAMES);
        tiers.push(Tier { name: "kernel in namespaces", targets, subject: None, without });
    }
    let scenarios = select(&programs(&|package| package == CONFORMANCE));
    for (name, subject) in [
        ("conformance of keepalived", "keepalived"),
        ("conformance of ours", "ours"),
        ("conformance of mixed pairs", "mixed"),
    ] {
        let targets = scenarios.clone();
        let (subject, without) = (Some(subject), in_lab::NAMES);
        tiers.push(Tier { name, targets, subject, without });
    }
    tiers
}

impl Tier {
    fn run(
        &self,
        context: &Context,
        filter: Option<&str>,
        daemon: Option<&PathBuf>,
        log: &mut Log,
    ) -> anyhow::Result<Outcome> {
        let mut arguments = vec!["test", "--workspace", "--no-fail-fast"];
        arguments.extend(self.targets.iter().map(String::as_str));
        arguments.extend(["--", "--show-output"]);
        arguments.extend(self.without.iter().flat_map(|name| ["--skip", name]));
        arguments.extend(filter);
        let mut command = cargo(&context.root, &arguments);
        if let Some(subject) = self.subject {
            command.env("SUBJECT", subject);
            match daemon {
                Some(program) => drop(command.env("STEADFAST", program)),
                None if subject == "keepalived" => {}
                None => {
                    log.show("not run: what is tested does not build");
                    return Ok(Outcome::Failed);
                }
            }
        }
        let mut tally = Tally::default();
        let mut building = true;
        let status = context.guard.run(command, LIMIT, |line| match tally.read(line) {
            Some(Remark::Started(program)) => {
                building = false;
                log.keep(line);
                log.now_at(&program);
            }
            Some(Remark::Failure) => log.show(line),
            // What does not build was shown by the stage that builds.
            None if building && line.starts_with("error") => log.show(line),
            Some(Remark::Finished) | None => log.keep(line),
        })?;
        if status.is_none() {
            log.show(&format!("ended after {} minutes", LIMIT.as_secs() / 60));
        }
        tally.end(status.is_some_and(|status| status.success()));
        Ok(Outcome::Tests(tally))
    }
}

/// The slowest tier takes a fifth of it on two cores.
const LIMIT: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_program_is_in_one_tier() {
        let json = r#"{ "packages": [
            { "name": "wire", "version": "1.0.0", "manifest_path": "/Cargo.toml", "dependencies": [],
              "targets": [{ "name": "wire", "kind": ["lib"] }, { "name": "fuzz", "kind": ["test"] }] },
            { "name": "kernel", "version": "1.0.0", "manifest_path": "/Cargo.toml", "dependencies": [],
              "targets": [{ "name": "netns", "kind": ["test"] }, { "name": "fuzz", "kind": ["test"] }] },
            { "name": "conformance", "version": "1.0.0", "manifest_path": "/Cargo.toml",
              "dependencies": [], "targets": [{ "name": "scenarios", "kind": ["test"] }] }
        ] }"#;
        let seen: Vec<_> = tiers(&serde_json::from_str(json).unwrap())
            .into_iter()
            .map(|tier| (tier.targets.join(" "), tier.subject))
            .collect();
        assert_eq!(
            seen,
            [
                ("--lib --bins --test fuzz".to_owned(), None),
                ("--doc".to_owned(), None),
                ("--test netns".to_owned(), None),
                ("--test scenarios".to_owned(), Some("keepalived")),
                ("--test scenarios".to_owned(), Some("ours")),
                ("--test scenarios".to_owned(), Some("mixed")),
            ]
        );
    }
}
