//! Trackers: scripts, processes, files and BFD sessions.

use super::super::Keyword;
#[allow(clippy::enum_glob_use, unused_imports, reason = "rows are read as tables")]
use super::super::Kind::*;
#[allow(unused_imports, reason = "not every region has rows with a grammar")]
use super::super::words;
use super::rows::*;

/// A script.
pub(super) const SCRIPT: &[Keyword] = &[
    value("script", &[required(Script)], "required", "Command").supported(),
    value("interval", &[required(Seconds(0, 4_294_000_000))], "1", "Period").supported(),
    value(
        "timeout",
        &[required(Seconds(0, 4_294_000_000))],
        "= interval",
        "Kill with TERM after this, KILL 2 s later",
    )
    .supported(),
    grammar(
        "weight",
        words("<-253..253> [reverse]", 1, Some(2), words::weight),
        "0 (failure = FAULT)",
        "Priority change",
    )
    .supported(),
    value("rise", &[required(Integer(1, 2_147_483_647))], "1", "Successes needed for OK")
        .supported(),
    value("fall", &[required(Integer(1, 2_147_483_647))], "1", "Failures needed for KO")
        .supported(),
    value("user", &[required(Word("user")), optional(Word("group"))], "script_user", "Run as")
        .supported(),
    flag("init_fail", "off", "Start in failed state").supported(),
];

/// Processes.
pub(super) const PROCESS: &[Keyword] = &[
    value(
        "process",
        &[repeated(Script)],
        "required",
        "Process (and arguments) to look for; quoted",
    )
    .supported(),
    value(
        "param_match",
        &[optional(Choice(&["initial", "partial"]))],
        "exact",
        "How arguments are compared",
    )
    .supported(),
    grammar(
        "weight",
        words("<-254..254> [reverse]", 1, Some(2), words::weight),
        "0",
        "Priority change",
    )
    .supported(),
    value("quorum", &[required(Integer(1, 65_535))], "1", "Minimum matching processes").supported(),
    value("quorum_max", &[required(Integer(0, 65_535))], "unlimited", "Maximum matching processes")
        .supported(),
    value(
        "delay",
        &[required(Seconds(1, 3_600_000_000))],
        "0",
        "Sets both fork_delay and terminate_delay",
    )
    .supported(),
    value("terminate_delay", &[required(Seconds(0, i64::MAX))], "0", "Wait before losing quorum")
        .supported(),
    value("fork_delay", &[required(Seconds(0, i64::MAX))], "0", "Wait before gaining quorum")
        .supported(),
    flag("full_command", "off", "Match on command line instead of comm").supported(),
];

/// A file with a number.
pub(super) const FILE: &[Keyword] = &[
    value("file", &[required(Word("path"))], "required", "File whose number is read").supported(),
    grammar(
        "weight",
        words("<-254..254> [reverse]", 1, Some(2), words::weight),
        "1",
        "Multiplier of the value; 0 = non-zero is fault",
    )
    .supported(),
    grammar(
        "init_file",
        words("[<value>] [overwrite]", 0, Some(2), words::init_file),
        "no creation",
        "Create/overwrite the file at startup",
    )
    .supported(),
];

/// A BFD session.
pub(super) const BFD: &[Keyword] = &[
    value("neighbor_ip", &[required(Address)], "required", "Peer").supported(),
    value("neighbour_ip", &[required(Address)], "", "Synonym of neighbor_ip").supported(),
    value("source_ip", &[required(Address)], "kernel", "Local address").supported(),
    value(
        "min_rx",
        &[required(Milliseconds(1_000, 4_294_967_000))],
        "10",
        "Required min rx interval (warning over 10000)",
    )
    .supported(),
    value(
        "min_tx",
        &[required(Milliseconds(1_000, 4_294_967_000))],
        "10",
        "Desired min tx interval (warning over 10000)",
    )
    .supported(),
    value(
        "idle_tx",
        &[required(Milliseconds(1_000_000, 4_294_967_000))],
        "1000",
        "Tx interval while not up",
    )
    .supported(),
    value("multiplier", &[required(Integer(1, 255))], "5", "Detect multiplier (warning over 10)")
        .supported(),
    flag("passive", "off", "Do not start session first").supported(),
    value("ttl", &[required(Integer(1, 255))], "255", "TTL sent").supported(),
    value(
        "hoplimit",
        &[required(Integer(1, 255))],
        "255",
        "Hop limit sent (same handler as ttl); 64 is accepted over IPv6 where none is written",
    )
    .supported(),
    value(
        "max_hops",
        &[required(Integer(-1, 255))],
        "0",
        "Max hops of received packets; -1 = no check",
    )
    .supported(),
    boolean("multihop", "off", "Use port 4784 instead of 3784").supported(),
    grammar(
        "weight",
        words("<-253..253> [reverse]", 1, Some(2), words::weight),
        "0",
        "Default VRRP weight",
    )
    .supported(),
    flag("vrrp", "both if neither", "Send events to VRRP process").supported(),
    flag("checker", "both if neither", "Send events to checker process").supported(),
];
