//! Programs: what is run, as whom, and when.

use core::time::Duration;

use vrrp::Weight;

use crate::source::Span;

/// A program with its arguments, and as whom it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Path of the program, or a name that is searched in `PATH`; then its arguments.
    pub words: Vec<String>,
    /// As whom; `script_user` where not set.
    pub user: Option<User>,
    /// `file:line` of it, for the log.
    pub location: String,
}

/// A user and a group by their names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct User {
    /// The user.
    pub name: String,
    /// The group; that of the user where not set.
    pub group: Option<String>,
}

/// What all programs have in common (`global_defs`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    /// `script_user`.
    pub user: Option<User>,
    /// `enable_script_security`: refuse what somebody else than root could change.
    pub is_secured: bool,
    /// `notify_fifo` and `vrrp_notify_fifo`.
    pub fifos: Vec<Fifo>,
    /// `vrrp_notify_priority_changes`.
    pub priority_changes: bool,
    /// `fifo_write_vrrp_states_on_reload`: pipes are told all states behind a reload.
    pub repeats_states: bool,
    /// `set_supplementary_groups`: programs have all groups of their user, not only the main one.
    pub all_groups: bool,
    /// `startup_script`: runs to its end before anything else is started.
    pub startup: Once,
    /// `shutdown_script`: runs when the children have ended.
    pub shutdown: Once,
}

/// A program that runs once in the life of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// What is run, where something is.
    pub command: Option<Command>,
    /// Where that is written.
    pub at: Option<Span>,
    /// How long it may take.
    pub limit: Duration,
}

impl Default for Once {
    fn default() -> Self {
        Self { command: None, at: None, limit: Duration::from_secs(10) }
    }
}

/// A named pipe that is told every change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fifo {
    /// The keyword that asked for it.
    pub keyword: String,
    /// Its path; empty where only its reader was written.
    pub path: String,
    /// Whose it is; root's where not set.
    pub user: Option<User>,
    /// A program that reads it: it gets the path as its last argument.
    pub reader: Option<Command>,
}

/// Programs that are told of changes of one instance or group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// `notify_master`.
    pub active: Option<Command>,
    /// `notify_backup`.
    pub backup: Option<Command>,
    /// `notify_fault`.
    pub fault: Option<Command>,
    /// `notify_stop`.
    pub stop: Option<Command>,
    /// `notify_deleted`: told that it went by a reload; without it that is told as a fault.
    pub deleted: Deleted,
    /// `notify`: told every change, with what, who, state and priority as arguments.
    pub any: Option<Command>,
    /// `notify_master_rx_lower_pri`.
    pub lower_priority: Option<Command>,
    /// `notify_priority_changes`; as all others where not set.
    pub priority_changes: Option<bool>,
}

impl Notify {
    /// The programs that are told, not the pipes.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        let deleted = match &self.deleted {
            Deleted::AsDeleted(command) => command.as_ref(),
            Deleted::AsFault => None,
        };
        let Self { active, backup, fault, stop, any, lower_priority, .. } = self;
        let others = [active, backup, fault, stop, any, lower_priority];
        others.into_iter().flatten().chain(deleted)
    }

    /// Whether any program is told, not only pipes.
    pub fn runs_something(&self) -> bool {
        self.commands().next().is_some()
    }
}

/// What is said when an instance went by a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Deleted {
    /// That it is in fault.
    #[default]
    AsFault,
    /// That it is deleted, with this program where there is one.
    AsDeleted(Option<Command>),
}

/// One `vrrp_script`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Label of the block.
    pub name: String,
    /// Where the name is written.
    pub at: Span,
    /// `script`, with `user`.
    pub command: Command,
    /// `interval`.
    pub interval: Duration,
    /// `timeout`; as long as the interval where not written.
    pub timeout: Duration,
    /// `rise`.
    pub rise: u32,
    /// `fall`.
    pub fall: u32,
    /// `weight`, where a line of `track_script` has none.
    pub weight: Weight,
    /// `init_fail`.
    pub begins: Begins,
}

/// What a script counts as before its first result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// Unknown: whoever depends on it waits.
    Unknown,
    /// Failed.
    Failed,
}
