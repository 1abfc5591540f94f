//! The whole daemon at one time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Condition, Event, Instance, Seconds, State, VirtualServer};

/// The whole daemon at one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The daemon itself.
    pub daemon: Daemon,
    /// Its virtual routers, in the order of the configuration.
    pub instances: Vec<Instance>,
    /// Its sync groups.
    pub groups: Vec<Group>,
    /// Its tracked scripts.
    pub scripts: Vec<Script>,
    /// Its virtual servers, in the order of the configuration.
    #[serde(default)]
    pub virtual_servers: Vec<VirtualServer>,
    /// What happened lately, the oldest first, where it was asked for.
    pub events: Vec<Event>,
}

/// What a child says of itself, one by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Item {
    /// One virtual router.
    Instance(Box<Instance>),
    /// One sync group.
    Group(Box<Group>),
    /// One virtual server.
    VirtualServer(Box<VirtualServer>),
}

/// The daemon itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Daemon {
    /// Its version.
    pub version: String,
    /// Process number of the parent.
    pub pid: u32,
    /// Where its configuration was read.
    pub configuration: String,
    /// When this was said.
    pub now: Seconds,
    /// Since when it runs.
    pub since: Seconds,
    /// Its children.
    pub processes: Vec<Process>,
    /// How the last reload ended; none before the first.
    pub reload: Option<Reload>,
    /// How many processes run of each kind that is tracked, by the name of the kind.
    #[serde(default)]
    pub counted: BTreeMap<String, u32>,
}

/// A child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// `vrrp` or `checker`.
    pub role: String,
    /// Its process number, while it runs.
    pub pid: Option<u32>,
    /// Whether it works and shows it.
    pub healthy: bool,
    /// How often it had to be started again.
    pub restarts: u32,
}

/// The end of a reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload {
    /// When.
    pub at: Seconds,
    /// Whether the new configuration is in force.
    pub succeeded: bool,
    /// What was said of it: what changed, or what is wrong.
    pub lines: Vec<String>,
}

/// One sync group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Names of its members.
    pub members: Vec<String>,
    /// Programs that are told of its changes.
    pub programs: crate::Programs,
}

/// One tracked script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Its name.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// From one start to the next.
    pub interval: Seconds,
    /// How long a run may take.
    pub timeout: Seconds,
    /// Weight where an instance says none.
    pub weight: i16,
    /// Whether down counts as up, where an instance does not say.
    pub reverse: bool,
    /// Successes in a row that make it good.
    pub rise: u32,
    /// Failures in a row that make it bad.
    pub fall: u32,
    /// Whether all is well; none before its first result.
    pub good: Option<bool>,
    /// Whether it is running now.
    pub running: bool,
    /// How its last run ended; empty before that.
    pub last: String,
}

/// Whether all is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Each instance takes part, and each virtual server has its quorum.
    Fine,
    /// An instance does not or is contested, a virtual server has not or is refused, or a child does not work.
    Impaired,
}

impl Report {
    /// Whether all is as it should be.
    #[must_use]
    pub fn health(&self) -> Health {
        let takes_part = |instance: &Instance| {
            matches!(instance.state, State::Active | State::Backup) && instance.contested.is_none()
        };
        let works = self.daemon.processes.iter().all(|process| process.healthy);
        let serves =
            |server: &VirtualServer| server.state == Condition::Up && server.problem.is_none();
        let is_fine = works
            && self.instances.iter().all(takes_part)
            && self.virtual_servers.iter().all(serves);
        if is_fine { Health::Fine } else { Health::Impaired }
    }

    /// Whether it tells of no instance and of no virtual server.
    #[must_use]
    pub const fn has_nothing(&self) -> bool {
        self.instances.is_empty() && self.virtual_servers.is_empty()
    }

    /// As a JSON document on one line.
    ///
    /// **Shape**: `docs/status.md`. Members are added in later releases and never change their meaning; what cannot
    /// be added raises `version`.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Document<'r> {
            version: u32,
            #[serde(flatten)]
            report: &'r Report,
        }
        let document = Document { version: crate::VERSION, report: self };
        // Nothing in it can fail to be written: no map has keys other than text.
        serde_json::to_string(&document).unwrap_or_default()
    }
}
