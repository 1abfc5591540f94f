//! Every word that keepalived's users know: names, numbers, log lines.
//!
//! The rest of the program speaks RFC 9568; here it is translated, and nowhere else.

use std::path::PathBuf;

pub(crate) mod balance;
pub(crate) mod changes;
pub(crate) mod contest;
pub(crate) mod dump;
pub(crate) mod genhash;
pub(crate) mod mail;
pub(crate) mod mib;
pub(crate) mod naming;
pub(crate) mod narration;
pub(crate) mod verdicts;

/// keepalived's name of a state in a report.
pub(crate) const fn state(state: status::State) -> &'static str {
    narration::role(match state {
        status::State::Initialize => vrrp::Role::Initialize,
        status::State::Backup => vrrp::Role::Backup,
        status::State::Active => vrrp::Role::Active,
        status::State::Fault => vrrp::Role::Fault,
    })
}

/// keepalived's word for whether a server works.
pub(crate) const fn condition(condition: status::Condition) -> &'static str {
    changes::up_or_down(matches!(condition, status::Condition::Up))
}

/// The number of a state.
pub(crate) const fn number(state: status::State) -> u8 {
    match state {
        status::State::Initialize => 0,
        status::State::Backup => 1,
        status::State::Active => 2,
        status::State::Fault => 3,
    }
}

/// The words of a program, as it shows them.
pub(crate) fn command(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    quoted.join(" ")
}

/// Exit codes.
pub(crate) mod exit {
    /// Fatal error, bad option.
    pub(crate) const FATAL: u8 = 1;
    /// The configuration cannot be used.
    pub(crate) const CONFIGURATION: u8 = 2;
    /// A permission is missing.
    pub(crate) const PERMISSION: u8 = 4;
    /// An instance does not take part.
    pub(crate) const IMPAIRED: u8 = 2;
    /// A server that is drained still has connections, or is drained no longer.
    pub(crate) const NOT_DRAINED: u8 = 2;
    /// A reload would change something.
    pub(crate) const CHANGES: u8 = 2;
    /// No daemon runs, as init scripts say it.
    pub(crate) const NOT_RUNNING: u8 = 3;
    /// There is no such instance.
    pub(crate) const UNKNOWN: u8 = 4;
    /// `check` found errors.
    pub(crate) const CONFIG_TEST_FAILED: u8 = 5;
    /// There is no configuration.
    pub(crate) const NO_CONFIGURATION: u8 = 6;
}

/// Text of `--version`.
pub(crate) fn version_text(invoked_name: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    if invoked_name == "keepalived" {
        format!("Keepalived v2.2.7 compatible: steadfast v{version}\n")
    } else {
        format!("steadfast v{version}\n")
    }
}

/// Ident of a process in syslog; `names` are those of a namespace and an instance.
pub(crate) fn ident(invoked_name: &str, role: Option<control::Role>, names: &str) -> String {
    let base = if invoked_name == "keepalived" { "Keepalived" } else { invoked_name };
    let process = match role {
        None => "",
        Some(control::Role::Vrrp) => "_vrrp",
        Some(control::Role::Checker) => "_healthcheckers",
    };
    let gap = if names.is_empty() { "" } else { "_" };
    format!("{base}{process}{gap}{names}")
}

/// What tells a daemon from others in the names of its log and its files.
pub(crate) fn names(namespace: Option<&str>, instance: Option<&str>) -> String {
    let names: Vec<&str> = namespace.into_iter().chain(instance).collect();
    names.join("_")
}

/// What log lines call a child.
pub(crate) const fn child_name(role: control::Role) -> &'static str {
    match role {
        control::Role::Vrrp => "VRRP",
        control::Role::Checker => "Healthcheck",
    }
}

/// What an exit code of a child means that ends the whole daemon.
pub(crate) fn permanent_error(code: i32) -> Option<&'static str> {
    match u8::try_from(code).ok()? {
        exit::FATAL => Some("FATAL"),
        exit::CONFIGURATION => Some("CONFIG"),
        exit::PERMISSION => Some("missing permission"),
        _ => None,
    }
}

/// The name of the program in its own log lines.
pub(crate) fn program(invoked_name: &str) -> &str {
    if invoked_name == "keepalived" { "Keepalived" } else { "steadfast" }
}

/// Number of the signal that does something, by keepalived's name of it.
pub(crate) fn signal_number(name: &str) -> Option<i32> {
    Some(match name {
        "STOP" => libc::SIGTERM,
        "RELOAD" => libc::SIGHUP,
        "DATA" => libc::SIGUSR1,
        "STATS" => libc::SIGUSR2,
        "STATS_CLEAR" => libc::SIGRTMAX() - 1,
        "JSON" => libc::SIGRTMIN() + 2,
        _ => return None,
    })
}

/// Default pid file of a process.
pub(crate) const fn pid_file(role: Option<control::Role>) -> &'static str {
    match role {
        None => "/run/keepalived.pid",
        Some(control::Role::Vrrp) => "/run/keepalived_vrrp.pid",
        Some(control::Role::Checker) => "/run/keepalived_checkers.pid",
    }
}

/// Pid file of a process of an instance, in a namespace, or with `use_pid_dir`.
pub(crate) fn named_pid_file(
    role: Option<control::Role>,
    namespace: Option<&str>,
    instance: Option<&str>,
) -> PathBuf {
    let base = match role {
        None => "keepalived",
        Some(control::Role::Vrrp) => "vrrp",
        Some(control::Role::Checker) => "checkers",
    };
    let name = match instance {
        None => format!("{base}.pid"),
        Some(instance) => format!("{base}_{instance}.pid"),
    };
    let mut path = PathBuf::from(PID_DIRECTORY);
    path.extend(namespace);
    path.join(name)
}

/// Where pid files of daemons stand that are not alone on their host.
pub(crate) const PID_DIRECTORY: &str = "/run/keepalived";
