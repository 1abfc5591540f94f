//! `global_defs`: processes, observers, buffers and files.

use super::super::Keyword;
#[allow(clippy::enum_glob_use, unused_imports, reason = "rows are read as tables")]
use super::super::Kind::*;
#[allow(unused_imports, reason = "not every region has rows with a grammar")]
use super::super::words;
use super::rows::*;

/// Priorities, affinity and limits of the processes.
pub(super) const PROCESS: &[Keyword] = &[
    value("vrrp_priority", &[required(Integer(-20, 19))], "0", "VRRP process nice value")
        .supported(),
    flag("vrrp_no_swap", "off", "mlock the VRRP process").supported(),
    value(
        "vrrp_rt_priority",
        &[required(Integer(1, 99))],
        "off",
        "SCHED_RR priority of VRRP process (clamped)",
    )
    .supported(),
    grammar(
        "vrrp_cpu_affinity",
        words("<cpu>...", 1, None, words::processors),
        "all",
        "CPUs the VRRP process may use",
    )
    .supported(),
    value(
        "vrrp_rlimit_rttime",
        &[required(Integer(1, UNSIGNED))],
        "10000",
        "RLIMIT_RTTIME for VRRP process when realtime",
    )
    .supported(),
    value(
        "vrrp_rlimit_rtime",
        &[required(Integer(0, UNSIGNED))],
        "",
        "DEPRECATED misspelling of vrrp_rlimit_rttime",
    )
    .since("dep 02/2020")
    .supported(),
    value("checker_priority", &[required(Integer(-20, 19))], "0", "checker process nice value")
        .supported(),
    flag("checker_no_swap", "off", "mlock the checker process").supported(),
    value(
        "checker_rt_priority",
        &[required(Integer(1, 99))],
        "off",
        "SCHED_RR priority of checker process (clamped)",
    )
    .supported(),
    grammar(
        "checker_cpu_affinity",
        words("<cpu>...", 1, None, words::processors),
        "all",
        "CPUs the checker process may use",
    )
    .supported(),
    value(
        "checker_rlimit_rttime",
        &[required(Integer(1, UNSIGNED))],
        "10000",
        "RLIMIT_RTTIME for checker process when realtime",
    )
    .supported(),
    value(
        "checker_rlimit_rtime",
        &[required(Integer(0, UNSIGNED))],
        "",
        "DEPRECATED misspelling of checker_rlimit_rttime",
    )
    .since("dep 02/2020")
    .supported(),
    value("bfd_priority", &[required(Integer(-20, 19))], "0", "BFD process nice value")
        .ignored("BFD runs in the VRRP process"),
    flag("bfd_no_swap", "off", "mlock the BFD process").ignored("BFD runs in the VRRP process"),
    value(
        "bfd_rt_priority",
        &[required(Integer(1, 99))],
        "off",
        "SCHED_RR priority of BFD process (clamped)",
    )
    .ignored("BFD runs in the VRRP process"),
    grammar(
        "bfd_cpu_affinity",
        words("<cpu>...", 1, None, words::processors),
        "all",
        "CPUs the BFD process may use",
    )
    .ignored("BFD runs in the VRRP process"),
    value(
        "bfd_rlimit_rttime",
        &[required(Integer(1, UNSIGNED))],
        "10000",
        "RLIMIT_RTTIME for BFD process when realtime",
    )
    .ignored("BFD runs in the VRRP process"),
    value(
        "bfd_rlimit_rtime",
        &[required(Integer(0, UNSIGNED))],
        "",
        "DEPRECATED misspelling of bfd_rlimit_rttime",
    )
    .since("dep 02/2020")
    .ignored("BFD runs in the VRRP process"),
];

/// FIFOs, SNMP, D-Bus, buffers and files.
pub(super) const OBSERVERS: &[Keyword] = &[
    value(
        "notify_fifo",
        &[required(Word("path")), optional(Word("user")), optional(Word("group"))],
        "none",
        "FIFO receiving state changes for both VRRP and LVS",
    )
    .supported(),
    value(
        "notify_fifo_script",
        COMMAND,
        "none",
        "Script started with the FIFO path as last argument",
    )
    .supported(),
    value(
        "vrrp_notify_fifo",
        &[required(Word("path")), optional(Word("user")), optional(Word("group"))],
        "none",
        "FIFO receiving state changes for VRRP",
    )
    .supported(),
    value(
        "vrrp_notify_fifo_script",
        COMMAND,
        "none",
        "Script started with the FIFO path as last argument",
    )
    .supported(),
    value(
        "lvs_notify_fifo",
        &[required(Word("path")), optional(Word("user")), optional(Word("group"))],
        "none",
        "FIFO receiving state changes for LVS",
    )
    .supported(),
    value(
        "lvs_notify_fifo_script",
        COMMAND,
        "none",
        "Script started with the FIFO path as last argument",
    )
    .supported(),
    boolean(
        "vrrp_notify_priority_changes",
        "off",
        "Write MASTER_PRIORITY/BACKUP_PRIORITY lines to FIFOs",
    )
    .supported(),
    flag(
        "fifo_write_vrrp_states_on_reload",
        "off",
        "Rewrite all states to the FIFO after a reload",
    )
    .supported(),
    value(
        "snmp_socket",
        &[required(Word("address"))],
        "unix:/var/agentx/master",
        "AgentX master address",
    )
    .supported(),
    flag("enable_traps", "off", "Send SNMP notifications").supported(),
    flag("enable_snmp_vrrp", "off", "Serve KEEPALIVED-MIB VRRP part").supported(),
    flag("enable_snmp_keepalived", "", "DEPRECATED synonym of enable_snmp_vrrp")
        .since("dep 2.0.0")
        .supported(),
    flag("enable_snmp_checker", "off", "Serve KEEPALIVED-MIB checker part").supported(),
    flag("enable_snmp_rfc", "off", "Serve both VRRP-MIB (RFC2787) and VRRPV3-MIB (RFC6527)")
        .supported(),
    flag("enable_snmp_rfcv2", "off", "Serve VRRP-MIB RFC2787").supported(),
    flag("enable_snmp_rfcv3", "off", "Serve VRRPV3-MIB RFC6527").supported(),
    value(
        "snmp_vs_stats_update_interval",
        &[required(Seconds(1_000, 30_000_000))],
        "5",
        "Cache time of VS statistics",
    )
    .supported(),
    value(
        "snmp_rs_stats_update_interval",
        &[required(Seconds(1_000, 30_000_000))],
        "= vs",
        "Cache time of RS statistics",
    )
    .supported(),
    flag("enable_dbus", "off", "D-Bus service"),
    value("dbus_service_name", &[required(Word("bus name"))], "org.keepalived.Vrrp1", "D-Bus name"),
    value(
        "dbus_no_interface_name",
        &[required(Word("text"))],
        "none",
        "Path element used for instances without interface",
    ),
    value(
        "script_user",
        &[required(Word("user")), optional(Word("group")), optional(Word("group"))],
        "keepalived_script if exists, else root",
        "User for all scripts without own user",
    )
    .supported(),
    flag(
        "enable_script_security",
        "off",
        "Do not run root scripts if a path component is writable by non-root",
    )
    .supported(),
    value(
        "vrrp_netlink_cmd_rcv_bufs",
        &[required(Integer(1, 2_147_483_647))],
        "kernel/tuned",
        "Receive buffer size of that socket",
    )
    .ignored("after an overrun the kernel is asked again"),
    boolean(
        "vrrp_netlink_cmd_rcv_bufs_force",
        "off",
        "Use SO_RCVBUFFORCE for vrrp_netlink_cmd_rcv_bufs",
    )
    .ignored("after an overrun the kernel is asked again"),
    value(
        "vrrp_netlink_monitor_rcv_bufs",
        &[required(Integer(1, 2_147_483_647))],
        "kernel/tuned",
        "Receive buffer size of that socket",
    )
    .ignored("after an overrun the kernel is asked again"),
    boolean(
        "vrrp_netlink_monitor_rcv_bufs_force",
        "off",
        "Use SO_RCVBUFFORCE for vrrp_netlink_monitor_rcv_bufs",
    )
    .ignored("after an overrun the kernel is asked again"),
    value(
        "lvs_netlink_cmd_rcv_bufs",
        &[required(Integer(1, 2_147_483_647))],
        "kernel/tuned",
        "Receive buffer size of that socket",
    )
    .ignored("after an overrun the kernel is asked again"),
    boolean(
        "lvs_netlink_cmd_rcv_bufs_force",
        "off",
        "Use SO_RCVBUFFORCE for lvs_netlink_cmd_rcv_bufs",
    )
    .ignored("after an overrun the kernel is asked again"),
    value(
        "lvs_netlink_monitor_rcv_bufs",
        &[required(Integer(1, 2_147_483_647))],
        "kernel/tuned",
        "Receive buffer size of that socket",
    )
    .ignored("after an overrun the kernel is asked again"),
    boolean(
        "lvs_netlink_monitor_rcv_bufs_force",
        "off",
        "Use SO_RCVBUFFORCE for lvs_netlink_monitor_rcv_bufs",
    )
    .ignored("after an overrun the kernel is asked again"),
    value(
        "process_monitor_rcv_bufs",
        &[required(Integer(1, 2_147_483_647))],
        "kernel/tuned",
        "Receive buffer size of that socket",
    )
    .ignored("after an overrun the kernel is asked again"),
    boolean(
        "process_monitor_rcv_bufs_force",
        "off",
        "Use SO_RCVBUFFORCE for process_monitor_rcv_bufs",
    )
    .ignored("after an overrun the kernel is asked again"),
    boolean(
        "rs_init_notifies",
        "off",
        "Run RS notifies (script, FIFO, trap) when a real server is first added at startup",
    )
    .supported(),
    grammar(
        "vrrp_rx_bufs_policy",
        words("MTU|ADVERT|<bytes>", 1, Some(1), words::buffer_policy),
        "kernel",
        "How VRRP receive buffers are sized",
    )
    .ignored("buffers are sized for all instances of an interface"),
    value(
        "vrrp_rx_bufs_multiplier",
        &[required(Integer(1, 2_147_483_647))],
        "3",
        "Multiplier for the above",
    )
    .ignored("buffers are sized for all instances of an interface"),
    value(
        "vrrp_startup_delay",
        &[required(Seconds(1_000, i64::MAX))],
        "0",
        "Delay before VRRP instances start",
    )
    .supported(),
    value(
        "vrrp_delay_after_boot",
        &[required(Seconds(0, i64::MAX))],
        "0",
        "VRRP starts no earlier than this uptime; longer of the two delays applies",
    )
    .supported(),
    flag("log_unknown_vrids", "off", "Log adverts for VRIDs not configured").supported(),
    boolean("vrrp_owner_ignore_adverts", "off", "Address owner (255) ignores adverts").supported(),
    grammar(
        "vmac_prefix",
        words("<text, 7 bytes>", 1, Some(1), words::vmac_prefix),
        "vrrp",
        "Prefix of generated VMAC names",
    )
    .supported(),
    grammar(
        "vmac_addr_prefix",
        words("<text, 7 bytes>", 1, Some(1), words::vmac_prefix),
        "= vmac_prefix",
        "Prefix of VMACs made for VIPs on other interfaces (use_vmac)",
    )
    .supported(),
    grammar(
        "umask",
        words("<octal number> or <name|name...>", 1, None, words::umask),
        "0177",
        "umask for files; command line wins",
    )
    .supported(),
    value("random_seed", &[required(Integer(0, UNSIGNED))], "time()", "Seed for ${_RANDOM}")
        .supported(),
    value(
        "reload_check_config",
        &[optional(Word("log file"))],
        "off; /dev/null",
        "Test config in a child process before reload; skip reload if bad",
    )
    .ignored("a configuration with an error never replaces a running one"),
    value(
        "reload_time_file",
        &[required(Word("absolute path"))],
        "none",
        "File with time of scheduled reload: HH:MM:SS or [YY]YY-MM-DD HH:MM:SS, optional Z",
    )
    .supported(),
    flag(
        "reload_repeat",
        "off",
        "Do not delete reload_time_file after use; a time without a date comes again each day",
    )
    .supported(),
    grammar(
        "reload_file",
        words("[<absolute path>]", 0, Some(1), words::absolute),
        "none; beside the pid file, with the ending .reload",
        "Created before and removed after config is read",
    )
    .supported(),
    grammar(
        "include_check",
        words("[[+|-]read|match|wildcard_match|brace_match]...", 0, None, words::any),
        "none; no arg = all",
        "Checks on plain include; man says `readable`, parser accepts `read`",
    )
    .supported(),
    grammar(
        "config_save_dir",
        words("<directory>", 1, Some(1), words::absolute),
        "none",
        "Copies of every loaded configuration are kept here",
    )
    .supported(),
    value(
        "tmp_config_directory",
        &[required(Word("directory"))],
        "memfd",
        "Directory for temporary copy of config text",
    )
    .ignored("children get the configuration through memory"),
    boolean("data_use_instance", "off", "Add instance/namespace to the names of SIGUSR1 dumps")
        .supported(),
    value("json_version", &[required(Choice(&["1", "2"]))], "1", "JSON dump layout").supported(),
    value(
        "iproute_usr_dir",
        &[required(Word("directory"))],
        "/usr/share/iproute2",
        "iproute2 name tables (distro)",
    )
    .supported(),
    value(
        "iproute_etc_dir",
        &[required(Word("directory"))],
        "/etc/iproute2",
        "iproute2 name tables (admin)",
    )
    .supported(),
    value(
        "state_dump_file",
        &[required(Word("path, or directory/"))],
        "/tmp/keepalived*.data",
        "Location of SIGUSR1 dump; man page calls it state_file_location",
    )
    .supported(),
    value(
        "stats_dump_file",
        &[required(Word("path, or directory/"))],
        "/tmp/keepalived.stats",
        "Location of SIGUSR2 dump; man: stats_file_location",
    )
    .supported(),
    value(
        "json_dump_file",
        &[required(Word("path, or directory/"))],
        "/tmp/keepalived.json",
        "Location of JSON dump; man: json_file_location",
    )
    .supported(),
];
