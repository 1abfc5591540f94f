//! `cargo xtask layers`: which crate may depend on which.
//!
//! The table is the rule of `ARCHITECTURE.md`: decisions are made in crates that cannot see the world, the crates that
//! touch the world cannot see the decisions, and only the daemon sees both. Dependencies of tests are free. A new row
//! or a longer one is a decision: it comes with a page under `docs/decisions/`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::metadata::{self, Metadata, Package};
use crate::sources::walk;

/// What one crate may be built with.
struct Rule {
    name: &'static str,
    /// Crates of this workspace.
    own: &'static [&'static str],
    others: Others,
}

/// Which crates from elsewhere.
enum Others {
    /// These: the crate is pure, it performs no IO and reads no clock.
    Only(&'static [&'static str]),
    /// Any but these.
    AnyBut(&'static [&'static str]),
}

/// Crates that do asynchronous IO; they meet decisions nowhere but in the daemon.
const RUNTIMES: &[&str] = &["tokio", "hyper", "openssl", "rustls", "tokio-rustls"];

const RULES: &[Rule] = &[
    Rule { name: "clock", own: &[], others: Others::Only(&["serde"]) },
    Rule {
        name: "wire",
        own: &[],
        others: Others::Only(&["bitflags", "thiserror", "serde", "hmac", "md-5", "sha2", "subtle"]),
    },
    Rule {
        name: "intent",
        own: &["wire"],
        others: Others::Only(&["bitflags", "thiserror", "serde"]),
    },
    Rule {
        name: "vrrp",
        own: &["clock", "wire"],
        others: Others::Only(&["bitflags", "thiserror", "serde"]),
    },
    Rule { name: "agentx", own: &["clock"], others: Others::Only(&["thiserror"]) },
    Rule { name: "bfd", own: &["clock", "wire"], others: Others::Only(&["thiserror", "serde"]) },
    Rule {
        name: "health",
        own: &["clock"],
        others: Others::Only(&["bitflags", "thiserror", "serde"]),
    },
    Rule {
        name: "control",
        own: &["clock"],
        others: Others::Only(&["bitflags", "thiserror", "serde", "postcard"]),
    },
    Rule {
        name: "config",
        own: &["vrrp", "bfd", "health", "intent", "wire"],
        others: Others::Only(&[
            "bitflags",
            "thiserror",
            "serde",
            "serde_json",
            "annotate-snippets",
            "strsim",
        ]),
    },
    Rule {
        name: "status",
        own: &["vrrp", "health"],
        others: Others::Only(&[
            "bitflags",
            "thiserror",
            "serde",
            "serde_json",
            "prometheus-client",
        ]),
    },
    Rule {
        name: "sim",
        own: &["vrrp", "health", "clock", "wire", "intent"],
        others: Others::Only(&["bitflags", "thiserror", "serde"]),
    },
    Rule { name: "kernel", own: &["intent", "wire", "clock"], others: Others::AnyBut(RUNTIMES) },
    Rule { name: "probe", own: &["health"], others: Others::AnyBut(&[]) },
    Rule {
        name: "steadfast",
        own: &[
            "agentx", "clock", "wire", "intent", "vrrp", "bfd", "health", "config", "control",
            "kernel", "probe", "status",
        ],
        others: Others::AnyBut(&[]),
    },
    Rule { name: "conformance", own: &["wire"], others: Others::AnyBut(&[]) },
    Rule { name: "xtask", own: &["config", "conformance"], others: Others::AnyBut(RUNTIMES) },
];

/// The crate whose module `sys` may contain `unsafe`.
const UNSAFE: &str = "kernel";

/// Runs the command.
#[expect(clippy::print_stdout, reason = "a program for a terminal")]
pub(crate) fn run(_arguments: &[String]) -> anyhow::Result<ExitCode> {
    let violations = violations()?;
    for violation in &violations {
        println!("{violation}");
    }
    Ok(if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything in the workspace that the rules forbid, one sentence each.
pub(crate) fn violations() -> anyhow::Result<Vec<String>> {
    let metadata = metadata::of_workspace()?;
    let mut found = against_rules(&metadata);
    for package in &metadata.packages {
        if package.name == UNSAFE {
            let folder = package.manifest_path.with_file_name("src");
            walk(&folder, &mut |path, text| found.extend(lifts(&folder, path, text)))?;
        } else {
            found.extend(without_forbid(package)?);
        }
    }
    Ok(found)
}

fn against_rules(metadata: &Metadata) -> Vec<String> {
    metadata.packages.iter().flat_map(against_rule).collect()
}

fn against_rule(package: &Package) -> Vec<String> {
    let name = &package.name;
    let Some(rule) = RULES.iter().find(|rule| rule.name == name) else {
        return vec![format!("{name}: no rule says what it may depend on")];
    };
    let mut found = Vec::new();
    for dependency in package.dependencies.iter().filter(|dependency| !dependency.is_dev()) {
        let other = dependency.name.as_str();
        let allowed = if dependency.path.is_some() {
            rule.own.contains(&other)
        } else {
            match rule.others {
                Others::Only(these) => these.contains(&other),
                Others::AnyBut(these) => !these.contains(&other),
            }
        };
        if !allowed {
            found.push(format!("{name} must not depend on {other}"));
        }
    }
    found
}

/// Roots of a crate that let `unsafe` in.
fn without_forbid(package: &Package) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for root in ["src/lib.rs", "src/main.rs"] {
        let path = package.manifest_path.with_file_name(root);
        if path.exists() && !fs::read_to_string(&path)?.contains("#![forbid(unsafe_code)]") {
            found.push(format!("{}: {root} lacks #![forbid(unsafe_code)]", package.name));
        }
    }
    Ok(found)
}

/// A file outside `sys` that lifts the lint of the workspace.
fn lifts(folder: &Path, path: &Path, text: &str) -> Option<String> {
    let path = path.strip_prefix(folder).unwrap_or(path);
    let refused = !path.starts_with("sys") && text.contains("unsafe_code");
    refused.then(|| format!("{UNSAFE}: src/{} lets unsafe code in", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, dependencies: &str) -> Vec<String> {
        let json = format!(
            r#"{{ "packages": [{{ "name": "{name}", "version": "0.1.0", "license": null,
                "manifest_path": "/nowhere/Cargo.toml", "dependencies": [{dependencies}] }}] }}"#
        );
        against_rules(&serde_json::from_str(&json).unwrap())
    }

    #[test]
    fn a_core_may_use_the_crates_of_its_row() {
        let dependencies = r#"{ "name": "clock", "kind": null, "path": "/crates/clock" },
            { "name": "serde", "kind": null, "path": null }"#;
        assert_eq!(check("vrrp", dependencies), [""; 0]);
    }

    #[test]
    fn a_core_may_not_see_the_world() {
        let dependencies = r#"{ "name": "kernel", "kind": null, "path": "/crates/kernel" },
            { "name": "rustix", "kind": null, "path": null },
            { "name": "cc", "kind": "build", "path": null }"#;
        assert_eq!(
            check("vrrp", dependencies),
            [
                "vrrp must not depend on kernel",
                "vrrp must not depend on rustix",
                "vrrp must not depend on cc",
            ]
        );
    }

    #[test]
    fn the_world_may_not_see_the_decisions() {
        let dependencies = r#"{ "name": "vrrp", "kind": null, "path": "/crates/vrrp" },
            { "name": "tokio", "kind": null, "path": null },
            { "name": "rustix", "kind": null, "path": null }"#;
        assert_eq!(
            check("kernel", dependencies),
            ["kernel must not depend on vrrp", "kernel must not depend on tokio"]
        );
    }

    #[test]
    fn tests_may_use_anything() {
        let dependencies = r#"{ "name": "tokio", "kind": "dev", "path": null }"#;
        assert_eq!(check("vrrp", dependencies), [""; 0]);
    }

    #[test]
    fn only_sys_lets_unsafe_code_in() {
        let check = |path| {
            lifts(
                Path::new("/src"),
                Path::new(path),
                "#![expect(unsafe_code, reason = \"system calls\")]",
            )
        };
        assert_eq!(check("/src/sys/mod.rs"), None);
        assert_eq!(
            check("/src/socket/raw.rs").as_deref(),
            Some("kernel: src/socket/raw.rs lets unsafe code in")
        );
    }

    #[test]
    fn a_crate_without_a_row_is_named() {
        assert_eq!(check("utils", ""), ["utils: no rule says what it may depend on"]);
    }
}
