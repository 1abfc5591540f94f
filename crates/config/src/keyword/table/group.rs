//! Groups: instances that move together, and interfaces that share a rate.

use super::super::Keyword;
#[allow(clippy::enum_glob_use, unused_imports, reason = "rows are read as tables")]
use super::super::Kind::*;
#[allow(unused_imports, reason = "not every region has rows with a grammar")]
use super::super::words;
use super::rows::*;

/// Instances that move together.
pub(super) const SYNC_GROUP: &[Keyword] = &[
    list(
        "group",
        NOTHING,
        line("<vrrp_instance>...", words::any),
        "",
        "Member instances (any number of names per line)",
    )
    .supported(),
    list(
        "track_interface",
        NOTHING,
        line("<interface> [weight <-253..253> [reverse]]", words::tracked),
        "weight 0",
        "Interfaces tracked for all members",
    )
    .supported(),
    list(
        "track_script",
        NOTHING,
        line("<script> [weight <-253..253> [reverse|noreverse]]", words::tracked),
        "weight of script",
        "Scripts tracked for all members",
    )
    .supported(),
    list(
        "track_file",
        NOTHING,
        line("<file> [weight <-254..254> [reverse|noreverse]]", words::tracked),
        "weight of file",
        "Files tracked for all members",
    )
    .supported(),
    list(
        "track_process",
        NOTHING,
        line("<process> [weight <-254..254> [reverse|noreverse]]", words::tracked),
        "weight of process",
        "Processes tracked for all members",
    )
    .supported(),
    list(
        "track_bfd",
        NOTHING,
        line("<bfd_instance> [weight <-253..253> [reverse|noreverse]]", words::tracked),
        "weight of bfd",
        "BFD sessions tracked for all members",
    )
    .supported(),
    value("notify_master", COMMAND, "none", "Script on group entering MASTER state").supported(),
    value("notify_backup", COMMAND, "none", "Script on group entering BACKUP state").supported(),
    value("notify_fault", COMMAND, "none", "Script on group entering FAULT state").supported(),
    value("notify_stop", COMMAND, "none", "Script on group entering STOP state").supported(),
    value("notify", COMMAND, "none", "Generic script; args appended: GROUP name state prio")
        .supported(),
    boolean("smtp_alert", "global", "Mail on group state change").supported(),
    flag("global_tracking", "", "DEPRECATED, ignored (tracking is always per group)")
        .ignored("tracking is always per group"),
    flag("sync_group_tracking_weight", "off", "Allow weighted trackers in members of group")
        .supported(),
    boolean("notify_priority_changes", "global", "Write priority lines to FIFO").supported(),
];

/// Instances that static addresses follow.
pub(super) const TRACK_GROUP: &[Keyword] =
    &[list("group", NOTHING, line("<vrrp_instance>...", words::any), "", "Members").supported()];

/// Interfaces that share a rate of announcements.
pub(super) const GARP_GROUP: &[Keyword] = &[
    value("garp_interval", &[required(Seconds(0, i64::MAX))], "0", "GARP gap for the group")
        .supported(),
    value("gna_interval", &[required(Seconds(0, i64::MAX))], "0", "NA gap for the group")
        .supported(),
    value("interface", &[required(Interface)], "", "One interface in group").supported(),
    list(
        "interfaces",
        NOTHING,
        line("<interface>...", words::interface),
        "",
        "Interfaces in group",
    )
    .supported(),
];
