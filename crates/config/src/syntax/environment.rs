//! What expansion may know of the world.

use std::collections::BTreeMap;

use crate::names::Names;

/// The world as a configuration sees it: given, never looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// What `@ID` compares with and `${_INSTANCE}` gives: `-i`, else the host name up to its first dot.
    pub config_id: String,
    /// Start of `${_RANDOM}`; the keyword `random_seed` overrides it.
    pub seed: u64,
    /// Process environment for `${_ENV NAME}`.
    pub variables: BTreeMap<String, String>,
    /// `--all-config`: every include check is on from the beginning.
    pub all_include_checks: bool,
    /// What iproute2's names stand for.
    pub names: Names,
    /// Bounds of expansion.
    pub limits: Limits,
}

impl Environment {
    /// The environment of a host: its name is cut at the first dot.
    pub fn of_host(host: &str) -> Self {
        let config_id = host.split('.').next().unwrap_or(host).to_owned();
        Self {
            config_id,
            seed: 0,
            variables: BTreeMap::new(),
            all_include_checks: false,
            names: Names::built_in(),
            limits: Limits::default(),
        }
    }
}

/// How far a configuration may expand, so that no text can exhaust memory or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lines after expansion.
    pub lines: usize,
    /// Characters after expansion, counted each time one is substituted.
    pub characters: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { lines: 1 << 21, characters: 128 << 20 }
    }
}
