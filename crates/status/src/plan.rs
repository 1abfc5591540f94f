//! What a reload would do.

use serde::{Deserialize, Serialize};

/// What a reload would do to one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The instance, or what else of the configuration.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub thing: Thing,
    /// What happens to it.
    pub step: Step,
    /// With what: settings with their old and new values.
    pub details: Vec<String>,
}

/// What a configuration consists of, as far as it is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// A `vrrp_instance`.
    Instance,
    /// A `virtual_server`.
    VirtualServer,
    /// All else.
    #[default]
    Other,
}

/// What happens to one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Nothing.
    Keep,
    /// It changes without a change of state.
    Adjust,
    /// It stops and starts anew: an Active instance resigns.
    Restart,
    /// It is new.
    Add,
    /// It goes: an Active instance resigns.
    Remove,
}

impl Step {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Adjust => "adjust",
            Self::Restart => "restart",
            Self::Add => "add",
            Self::Remove => "remove",
        }
    }
}
