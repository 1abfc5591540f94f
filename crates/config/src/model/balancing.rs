//! What `global_defs` says of load balancing as a whole.

use intent::service::{SyncDaemon, Timeouts};

/// Settings of all virtual servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balancing {
    /// `lvs_flush`: nothing that stands is kept at the start.
    pub flushes: bool,
    /// `lvs_flush_on_stop`.
    pub at_stop: AtStop,
    /// `lvs_timeouts`.
    pub timeouts: Timeouts,
    /// `lvs_sync_daemon`.
    pub sync: Option<Sync>,
    /// `smtp_alert_checker`, else `smtp_alert`.
    pub alerts: Option<bool>,
    /// `no_checker_emails`: only changes of a real server are told, not those of its checks.
    pub only_moves_are_told: bool,
    /// `checker_log_all_failures`.
    pub logs_failures: bool,
    /// `rs_init_notifies`.
    pub tells_start: bool,
}

/// What is taken away at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtStop {
    /// Services of ours, with what others have added to them.
    #[default]
    Ours,
    /// Everything.
    All,
}

/// `lvs_sync_daemon`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sync {
    /// What runs; its role follows the instance.
    pub daemon: SyncDaemon,
    /// The instance that it follows; both roles run without one.
    pub instance: Option<String>,
    /// Whether `id` is written; otherwise it is that of the instance.
    pub is_numbered: bool,
}
