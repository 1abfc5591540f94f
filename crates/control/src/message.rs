//! The messages between parent and children.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Alert, Moved, Ordered, Ran, Run, Steered, Steering, Unsteered, Verdict};

/// Which child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Elections and addresses.
    Vrrp,
    /// Checks of real servers.
    Checker,
}

impl Role {
    /// The word of the `--role` argument.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Vrrp => "vrrp",
            Self::Checker => "checker",
        }
    }

    /// The role of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Vrrp, Self::Checker].into_iter().find(|role| role.word() == word)
    }
}

/// How much a log line matters, with the numbers of syslog(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// 3: something does not work.
    Error = 3,
    /// 4: something works otherwise than wanted.
    Warning = 4,
    /// 6: something happened.
    Info = 6,
    /// 7: for those who look for a fault in us.
    Debug = 7,
}

impl Severity {
    /// The number of syslog(3).
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Error => 3,
            Self::Warning => 4,
            Self::Info => 6,
            Self::Debug => 7,
        }
    }
}

/// What a child is started with, before its configuration in the same memory file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartOptions {
    /// `-D`: log details; twice for more.
    pub detail: u8,
    /// `-i`, or the host name up to its first dot.
    pub config_id: String,
    /// Seed of `${_RANDOM}`, so that all processes read the same configuration.
    pub seed: u64,
    /// Environment variables for `${_ENV}`.
    pub variables: Vec<(String, String)>,
    /// `--all-config`.
    pub all_include_checks: bool,
    /// Files that give names to the numbers of routes and rules, each by its kind's name, where the configuration
    /// uses such names.
    pub name_files: Vec<(String, String)>,
    /// `-V`: leave virtual addresses at the end.
    pub keep_addresses: bool,
    /// `-I`: leave virtual servers at the end.
    pub keep_services: bool,
    /// `-x`: everything that there is is served by SNMP.
    pub snmp: bool,
    /// `-A`: where the master agent listens.
    pub snmp_socket: Option<String>,
    /// `-a`: log addresses that come and go.
    pub monitors_addresses: bool,
    /// The name that the program was called by.
    pub invoked_name: String,
    /// Ends the names of tables that this daemon writes, where it is not the host's only one.
    pub table_suffix: String,
    /// What others in the network namespace know this daemon by.
    pub presence: String,
    /// How often this child was started before.
    pub generation: u32,
    /// What one that was started before has left to its successor.
    pub handover: Handover,
}

/// What a child that died has left to its successor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// What was told last of each instance and group.
    pub roles: BTreeMap<Subject, What>,
    /// Until when it is known to have worked, in nanoseconds of the monotonic clock.
    pub alive_until: u64,
    /// What was found out so far about things that the parent watches.
    pub findings: BTreeMap<Watched, Finding>,
    /// BFD sessions that were up, by name.
    pub sessions: BTreeMap<String, SessionMemory>,
    /// What authenticated adverts were numbered by, of the instances that heard some.
    pub numbers: BTreeMap<String, Numbers>,
    /// What was ordered of real servers, by what parent and checker process know them by.
    pub orders: BTreeMap<String, Ordered>,
}

/// The number of the last genuine advert of each sender: a successor takes nothing for new that is not above it.
pub type Numbers = Vec<(IpAddr, u64)>;

/// What a successor needs to go on with a BFD session that is up, so that the other end does not notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionMemory {
    /// Our discriminator.
    pub mine: u32,
    /// That of the other end.
    pub yours: u32,
    /// Its multiplier.
    pub multiplier: u8,
    /// Its Desired Min TX Interval, in microseconds.
    pub min_tx: u32,
    /// Its Required Min RX Interval, in microseconds.
    pub min_rx: u32,
}

/// Something that the parent watches, or hears of, for its children, by the label of its block.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Watched {
    /// A `vrrp_script`.
    Script(String),
    /// A `track_file`.
    File(String),
    /// A `vrrp_track_process`.
    Process(String),
    /// A `bfd_instance`, whose session the VRRP process has: good while it is up.
    Session(String),
    /// A `vrrp_instance`: good while it is Active.
    Instance(String),
}

impl Watched {
    /// The label of its block.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Script(name)
            | Self::File(name)
            | Self::Process(name)
            | Self::Session(name)
            | Self::Instance(name) => name,
        }
    }
}

/// What is found out about a watched thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finding {
    /// All is well.
    Good,
    /// It is not.
    Bad,
    /// The number that it says.
    Value(i32),
}

impl From<Verdict> for Finding {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Good => Self::Good,
            Verdict::Bad => Self::Bad,
        }
    }
}

/// What the parent says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToChild {
    /// A new configuration is in the memory file that comes along.
    Reload,
    /// End in order.
    Stop,
    /// Something new about watched things.
    Found(BTreeMap<Watched, Finding>),
    /// Say how everything stands, in [`ToParent::Report`]s.
    Report {
        /// What the answers carry.
        serial: u32,
        /// Whether counters begin anew behind it.
        clear: bool,
        /// Of what has this name only, where the child has much to say.
        about: Option<String>,
    },
    /// How the program of a check ended.
    Ran(Run, Ran),
    /// Order something of real servers, and say of which.
    Steer {
        /// What the answer carries.
        serial: u32,
        /// The order.
        steering: Steering,
        /// When it was given, in microseconds since 1970-01-01T00:00:00Z.
        at: u64,
    },
}

/// What a child says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToParent {
    /// It does its work from now on.
    Ready,
    /// Its loop turns.
    Heartbeat(Summary),
    /// A line for the log.
    Log {
        /// How much it matters.
        severity: Severity,
        /// The text.
        text: String,
    },
    /// Something that programs and pipes are told.
    Changed(Change),
    /// A server came up or went down.
    Moved(Moved),
    /// Something that is told by e-mail.
    Alert(Alert),
    /// Run the program of a check, by what the parent finds it by.
    Run(Run, String),
    /// Nobody waits for that run any longer.
    GiveUp(Run),
    /// Another router is Active beside an instance that is, or is so no longer: worth remembering, and told to nobody.
    Contested {
        /// The instance.
        instance: String,
        /// Which of the two, and why.
        text: String,
    },
    /// What a successor needs of a BFD session; nothing of one that is not up.
    Session {
        /// Label of its block.
        name: String,
        /// Its memory.
        memory: Option<SessionMemory>,
    },
    /// Numbers of authenticated adverts that instances have heard since this was said last, for a successor.
    Numbers(BTreeMap<String, Numbers>),
    /// The counters of some instances, for a successor to go on counting: a list of names, each with its counters.
    Tally(Vec<u8>),
    /// A part of how everything stands: the parts of one serial, one behind the other, are a list of items.
    Report {
        /// The request that it answers.
        serial: u32,
        /// Its bytes; items may begin in one part and end in another.
        part: Vec<u8>,
        /// Whether it is the last one.
        last: bool,
    },
    /// A part of what became of an order: real servers of which it is in force, or why there are none.
    Steered {
        /// The request that it answers.
        serial: u32,
        /// What became of it.
        outcome: Result<Vec<Steered>, Unsteered>,
        /// Whether it is the last part.
        last: bool,
    },
    /// The new configuration is in force.
    Reloaded {
        /// What changed, in a phrase.
        changes: String,
    },
    /// The new configuration is not; the old one is.
    ReloadFailed {
        /// Why.
        reason: String,
    },
}

/// A change of an instance or a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Whose.
    pub subject: Subject,
    /// What happened.
    pub what: What,
    /// Its priority then; 0 for a group.
    pub priority: u8,
    /// Why, for changes of state; empty for others.
    pub cause: String,
}

/// Whose change it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// The instance of this name.
    Instance(String),
    /// The sync group of this name.
    Group(String),
    /// The virtual server of this name.
    VirtualServer(String),
    /// The real server of this name, with that of its virtual server.
    RealServer(String),
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// It is Active now.
    Active,
    /// It is Backup now.
    Backup,
    /// It is in Fault now.
    Fault,
    /// It stopped with the daemon.
    Stopped,
    /// It is configured no longer.
    Deleted,
    /// Active, it heard a lower priority.
    LowerPriority,
    /// Its priority changed while it is Active.
    ActivePriority,
    /// Its priority changed while it is not.
    BackupPriority,
}

/// How many instances are in which role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Active ones.
    pub active: u32,
    /// Backups.
    pub backup: u32,
    /// Those in fault.
    pub fault: u32,
}
