//! The top level.

use super::super::Keyword;
#[allow(clippy::enum_glob_use, unused_imports, reason = "rows are read as tables")]
use super::super::Kind::*;
#[allow(unused_imports, reason = "not every region has rows with a grammar")]
use super::super::words;
use super::rows::*;

/// What stands outside every block.
pub(super) const TOP: &[Keyword] = &[
    language("include", "<pattern>", "", "Read other config file(s); lexical, handled before @/$ processing; never fatal").supported(),
    language("includer", "<pattern>", "", "include variant: matches must be readable regular files; failure is a configuration error (exit 6)").supported(),
    language("includem", "<pattern>", "", "include variant: must match >=1 file unless pattern has wildcards; failure is a configuration error (exit 6)").supported(),
    language("includew", "<pattern>", "", "include variant: must match >=1 file even with wildcards; failure is a configuration error (exit 6)").supported(),
    language("includeb", "<pattern>", "", "include variant: every brace alternative must match; failure is a configuration error (exit 6)").supported(),
    language("includea", "<pattern>", "", "include variant: all of the include checks; failure is a configuration error (exit 6)").supported(),
    block("global_defs", NOTHING, "", "Daemon-wide settings").supported(),
    flag("linkbeat_use_polling", "off", "Poll link state by MII/ETHTOOL for all interfaces instead of netlink").ignored("the kernel reports every change of a link"),
    value("net_namespace", &[required(Word("name"))], "none", "Run in a network namespace; implies use_pid_dir; ignored change on reload; -s overrides").supported(),
    value("net_namespace_ipvs", &[optional(Word("name"))], "same as net_namespace", "Namespace for the IPVS (checker) process; no name = default namespace").supported(),
    flag("namespace_with_ipsets", "off", "Allow ipsets with namespaces on kernels <3.13").ignored("no supported kernel needs it"),
    flag("use_pid_dir", "off", "Put pid files under /run/keepalived/").supported(),
    value("instance", &[required(Word("name"))], "none", "Instance name used in pid/dump file names; lets several daemons run").supported(),
    value("child_wait_time", &[required(Integer(0, UNSIGNED))], "5", "How long parent waits for children to exit before SIGKILL").supported(),
    list("linkbeat_interfaces", NOTHING, line("<interface> [MII|ETHTOOL|IOCTL]", words::any), "", "Interfaces whose link state is polled; unknown interface is fatal").ignored("the kernel reports every change of a link"),
    list("interface_up_down_delays", NOTHING, line("<interface> <down 0..255> [<up 0..255>]", words::delays), "up: 0", "Debounce delays for link down/up events per interface").supported(),
    block("track_group", NAME, "", "Named group of VRRP instances that static addresses/routes/rules can follow").supported(),
    list("static_ipaddress", NOTHING, line("<ip>[/<prefix>] [dev <interface>] [label <label>] ...", words::any), "", "Addresses added at start, removed at stop, re-added when interface returns").supported(),
    list("static_routes", NOTHING, line("[<kind>] <destination> [via <ip>] [dev <interface>] [table <table>] [metric <n>] ...", words::any), "", "Routes kept for whole daemon life").supported(),
    list("static_rules", NOTHING, line("[from <prefix>] [to <prefix>] [iif <interface>] [priority <n>] table <table> | <action>", words::any), "", "Policy rules kept for whole daemon life").supported(),
    block("vrrp_sync_group", NAME, "", "Group of instances which change state together").supported(),
    block("garp_group", NOTHING, "", "Rate limit for GARP/NA on a set of interfaces").supported(),
    block("vrrp_instance", NAME, "", "One virtual router").supported(),
    block("vrrp_script", NAME, "", "Periodic health script, referenced by track_script").supported(),
    block("vrrp_track_process", NAME, "", "Processes whose number is tracked").supported(),
    block("track_file", NAME, "", "File whose number is tracked").supported(),
    block("vrrp_track_file", NAME, "", "DEPRECATED synonym of track_file").since("dep after 2.0.20").supported(),
    block("bfd_instance", NAME, "", "One BFD session").supported(),
    block("SSL", NOTHING, "", "Client TLS material for SSL_GET checks; second block replaces first").supported(),
    list("virtual_server_group", NAME, line("<ip>[-<last>|/<mask>] [<port>] | fwmark <n> [inet|inet6]", words::group_member), "", "Set of addresses/fwmarks sharing one virtual_server definition").supported(),
    block("virtual_server", words("<ip> [<port>] | fwmark <n> | group <name>", 1, Some(2), words::virtual_server), "", "One IPVS virtual service").supported(),
    language("$NAME=", "<text>", "", "Parameter definition; not a keyword but a line form").supported(),
    language("@ID / @^ID", "<rest of the line>", "config-id = hostname", "Conditional line: keep only if ID (not) equal to config-id").supported(),
    language("~SEQ / ~SEQx", "(<var>, [<start>, [<step>,]] <end>) <rest of the line>", "", "Repeat rest of line for numeric sequence (x = hex)").supported(),
    language("~LST", "(<var>, <value>, ...) <rest of the line>", "", "Repeat rest of line over list of values").supported(),
];
