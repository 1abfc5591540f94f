//! `global_defs`: the daemon, mail and scripts.

use super::super::Keyword;
#[allow(clippy::enum_glob_use, unused_imports, reason = "rows are read as tables")]
use super::super::Kind::*;
#[allow(unused_imports, reason = "not every region has rows with a grammar")]
use super::super::words;
use super::rows::*;

/// Names, mail, scripts and interfaces.
pub(super) const DAEMON: &[Keyword] = &[
    flag("process_names", "off", "Use default per-child process names keepalived_vrrp/_lvs/_bfd")
        .supported(),
    value("process_name", &[optional(Word("name"))], "keepalived", "Process name shown in ps")
        .supported(),
    value("vrrp_process_name", &[optional(Word("name"))], "= parent", "Process name shown in ps")
        .supported(),
    value(
        "checker_process_name",
        &[optional(Word("name"))],
        "= parent",
        "Process name shown in ps",
    )
    .supported(),
    value("bfd_process_name", &[optional(Word("name"))], "= parent", "Process name shown in ps")
        .ignored("BFD runs in the VRRP process"),
    value(
        "lvs_process_name",
        &[optional(Word("name"))],
        "",
        "DEPRECATED synonym of checker_process_name",
    )
    .supported(),
    boolean(
        "use_symlink_paths",
        "off",
        "Do not resolve symlinks in script paths before running them",
    )
    .ignored("programs are started by the path that is written"),
    boolean(
        "set_supplementary_groups",
        "off",
        "Give scripts the full supplementary groups of their user",
    )
    .supported(),
    value(
        "router_id",
        &[required(Word("text"))],
        "local host name",
        "Name used in email subjects and dumps",
    )
    .supported(),
    value(
        "notification_email_from",
        &[required(Word("mail address"))],
        "user@host",
        "Mail From address",
    )
    .supported(),
    value(
        "smtp_server",
        &[required(Word("ip or host name")), optional(Integer(1, 65_535))],
        "port 25",
        "SMTP relay for alerts; no mail unless set",
    )
    .supported(),
    value("smtp_helo_name", &[required(Word("name"))], "local host name", "HELO argument")
        .supported(),
    value(
        "smtp_connect_timeout",
        &[required(Integer(0, 4294))],
        "30",
        "SMTP connect/read/write timeout; one attempt takes four times as long at most",
    )
    .supported(),
    value(
        "smtp_tls",
        &[required(Choice(&["off", "starttls", "smtps"]))],
        "off; starttls with smtp_user",
        "TLS towards smtp_server, whose certificate is verified; smtps means port 465 where none is written",
    )
    .since("steadfast only")
    .supported(),
    value("smtp_user", &[required(Word("name"))], "none", "Log in to smtp_server by this name")
        .since("steadfast only")
        .supported(),
    value("smtp_password", &[required(Word("password"))], "none", "Password of smtp_user")
        .since("steadfast only")
        .supported(),
    value(
        "smtp_password_file",
        &[required(Word("path"))],
        "none",
        "File that only root can read, whose first line is the password of smtp_user; read anew for each attempt",
    )
    .since("steadfast only")
    .supported(),
    value(
        "smtp_ca_file",
        &[required(Word("path"))],
        "none",
        "PEM certificates that are trusted for smtp_server beside those of the system",
    )
    .since("steadfast only")
    .supported(),
    list(
        "notification_email",
        NOTHING,
        line("<mail address>...", words::any),
        "empty",
        "Recipients of alert mail",
    )
    .supported(),
    boolean("smtp_alert", "unset", "Default for all smtp_alert settings (VRRP and checkers)")
        .supported(),
    boolean("smtp_alert_vrrp", "unset", "Default smtp_alert for VRRP instances/groups").supported(),
    boolean("smtp_alert_checker", "unset", "Default smtp_alert for checkers").supported(),
    boolean(
        "checker_log_all_failures",
        "off",
        "Log every failed check, not only the one that changes state",
    ).supported(),
    boolean(
        "no_checker_emails",
        "off",
        "Do not email when a check inside a real server changes; only RS changes",
    ).supported(),
    flag("no_email_faults", "off", "Do not send email on FAULT transitions").supported(),
    value("startup_script", COMMAND, "none", "Run once by parent before children start")
        .supported(),
    value(
        "startup_script_timeout",
        &[required(Integer(1, 1000))],
        "10",
        "Limit for startup_script",
    )
    .supported(),
    value("shutdown_script", COMMAND, "none", "Run once by parent after children stopped")
        .supported(),
    value(
        "shutdown_script_timeout",
        &[required(Integer(1, 1000))],
        "10",
        "Limit for shutdown_script",
    )
    .supported(),
    value(
        "max_auto_priority",
        &[optional(Integer(-1, 99))],
        "0 (off); no arg = max",
        "Highest realtime priority keepalived may give itself when late; -1 hides startup note",
    )
    .ignored("the VRRP process runs with real-time priority from the start"),
    value(
        "min_auto_priority_delay",
        &[required(Integer(1, 10_000_000))],
        "1000000",
        "Lateness which triggers auto priority increase",
    )
    .ignored("the VRRP process runs with real-time priority from the start"),
    value(
        "dynamic_interfaces",
        &[optional(Choice(&["allow_if_changes"]))],
        "off",
        "Let interfaces be missing at start and appear later",
    )
    .ignored("every interface may come and go"),
    value(
        "default_interface",
        &[required(Interface)],
        "eth0",
        "Interface for static addresses without dev",
    )
    .supported(),
    flag(
        "disable_local_igmp",
        "off",
        "Do not send IGMP joins for 224.0.0.0/24 (igmp_link_local_mcast_reports=0)",
    )
    .supported(),
    boolean(
        "v3_checksum_as_v2",
        "off",
        "VRRPv3 IPv4 checksum without pseudo header; global form always sets true",
    )
    .supported(),
];
