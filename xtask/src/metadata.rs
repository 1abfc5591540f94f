//! What cargo says about the workspace, as far as the checks need it.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};
use serde::Deserialize;

/// Output of `cargo metadata`.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    /// Where cargo puts what it builds.
    #[serde(default)]
    pub(crate) target_directory: PathBuf,
}

/// One crate: of the workspace, or one it depends on.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Expression in the language of SPDX, if the crate states one.
    pub(crate) license: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    #[serde(default)]
    pub(crate) targets: Vec<Target>,
}

/// A library or program of a crate.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// `lib`, `bin`, `test`, and so on.
    pub(crate) kind: Vec<String>,
}

/// A line of a crate's manifest.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Absent for what the crate itself is built with.
    pub(crate) kind: Option<String>,
    /// Present for a crate of this workspace.
    pub(crate) path: Option<PathBuf>,
}

impl Dependency {
    /// Whether only tests, examples and benchmarks use it.
    pub(crate) fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

/// The crates of the workspace.
pub(crate) fn of_workspace() -> anyhow::Result<Metadata> {
    metadata(&["--no-deps".to_owned()])
}

/// The crates of the workspace and everything that they are built with on this machine.
pub(crate) fn with_dependencies() -> anyhow::Result<Metadata> {
    let rustc = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let text = String::from_utf8(rustc.stdout)?;
    let host = text
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc does not say for which host it is")?;
    metadata(&[format!("--filter-platform={host}")])
}

/// The folder of the workspace.
pub(crate) fn root() -> anyhow::Result<PathBuf> {
    let own = env::var_os("CARGO_MANIFEST_DIR").context("not run by cargo")?;
    let root = PathBuf::from(own).parent().context("xtask has no parent folder")?.to_owned();
    Ok(root)
}

/// The cargo that runs us, as if somebody had called it: what it told this program of its package would be news to build
/// scripts of dependencies (ring's), and whatever needs them would be built anew.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

fn metadata(arguments: &[String]) -> anyhow::Result<Metadata> {
    let output = cargo()
        .args(["metadata", "--format-version=1"])
        .args(arguments)
        .current_dir(root()?)
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("cannot read the output of cargo metadata")
}
