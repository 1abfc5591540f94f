//! Every keyword that the table calls supported does something: without its line, the model or the findings of a
//! configuration are other ones. A row that is called supported and has no line here fails.

use config::check;
use config::keyword::{Shape, Status, places};
use config::source::SourceSet;
use config::syntax::Environment;

#[path = "keywords/balancing.rs"]
mod balancing;

/// A configuration in which `@@` stands for the line under test.
struct Case {
    path: &'static [&'static str],
    keyword: &'static str,
    line: &'static str,
    around: &'static str,
}

const INSTANCE: &str = "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n priority 150\n\
    @@\n virtual_ipaddress {\n 192.0.2.1/24\n }\n}\n";
const BARE: &str = "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n@@\n}\n";
const GLOBAL: &str = "global_defs {\n@@\n}\nvrrp_instance A {\n interface eth0\n virtual_router_id 1\n\
    virtual_ipaddress {\n 192.0.2.1/24\n }\n}\nvrrp_instance B {\n interface eth0\n virtual_router_id 2\n\
    virtual_ipaddress {\n 2001:db8::1/64\n }\n}\n";
const GROUP: &str = "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n\
    192.0.2.1\n }\n track_interface {\n eth1 weight 10\n }\n}\nvrrp_instance B {\n interface eth0\n\
    virtual_router_id 2\n virtual_ipaddress {\n 192.0.2.2\n }\n}\nvrrp_sync_group G {\n@@\n}\n";
const AUTHENTICATION: &str = "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n\
    authentication {\n@@\n}\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n";

const UNICAST: &str = "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n version 3\n\
    unicast_src_ip 192.0.2.2\n unicast_peer {\n 192.0.2.3\n }\n@@\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n";

const SCRIPT: &str = "vrrp_script S {\n script /bin/true\n@@\n}\nvrrp_instance A {\n interface eth0\n\
    virtual_router_id 1\n track_script {\n S\n }\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n";
const TRACKED: &str = "bfd_instance B {\n neighbor_ip 192.0.2.9\n}\ntrack_file F {\n file /run/number\n}\nvrrp_track_process P {\n process nginx\n}\nvrrp_script S {\n script /bin/true\n}\nvrrp_instance A {\n interface eth0\n\
    virtual_router_id 1\n@@\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n";
const TRACKED_GROUP: &str = "bfd_instance B {\n neighbor_ip 192.0.2.9\n}\ntrack_file F {\n file /run/number\n}\nvrrp_track_process P {\n process nginx\n}\nvrrp_script S {\n script /bin/true\n}\nvrrp_instance A {\n interface eth0\n\
    virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.1\n }\n}\nvrrp_instance B {\n interface eth0\n\
    virtual_router_id 2\n virtual_ipaddress {\n 192.0.2.2\n }\n}\nvrrp_sync_group G {\n group {\n A B\n }\n@@\n}\n";

const FILE: &str = "track_file F {\n file /run/number\n@@\n}\nvrrp_instance A {\n interface eth0\n virtual_router_id 1\n\
    track_file {\n F\n }\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n";
const BFD: &str = "bfd_instance B {\n neighbor_ip 192.0.2.9\n@@\n}\nvrrp_instance A {\n interface eth0\n virtual_router_id 1\n\
    track_bfd {\n B\n }\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n";
const OLD_FILE: &str = "vrrp_track_file F {\n file /run/number\n@@\n}\nvrrp_instance A {\n interface eth0\n\
    virtual_router_id 1\n track_file {\n F\n }\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n";
const PROCESS: &str = "vrrp_track_process P {\n process nginx x\n@@\n}\nvrrp_instance A {\n interface eth0\n\
    virtual_router_id 1\n track_process {\n P\n }\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n";
const FOLLOWED: &str = "static_ipaddress {\n 192.0.2.7 dev eth0 track_group G\n}\nvrrp_instance A {\n interface eth0\n\
    virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n@@\n";
const MAILED: &str = "global_defs {\n smtp_server mail.example.org\n@@\n}\nvrrp_instance A {\n interface eth0\n\
    virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n";
const LOGGED_IN: &str = "global_defs {\n smtp_server mail.example.org\n smtp_user alerts\n@@\n}\nvrrp_instance A {\n\
    interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n";
const HMAC: &str = "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n auth_hmac {\n\
    key 1 0123456789abcdef0123456789abcdef\n key 2 fedcba9876543210fedcba9876543210\n@@\n}\n\
    virtual_ipaddress {\n 192.0.2.1\n }\n}\n";

const GARP_GROUP: &str = "garp_group {\n garp_interval 1\n interface eth0\n@@\n}\n";
const VMAC: &str = "global_defs {\n@@\n}\nvrrp_instance A {\n interface eth0\n virtual_router_id 1\n use_vmac\n\
    virtual_ipaddress {\n 192.0.2.1\n }\n}\n";
/// Lines that need surroundings of their own.
const SPECIAL: &[(&[&str], &str, &str, &str)] = &[
    (&["global_defs"], "smtp_tls", "smtp_tls smtps", MAILED),
    (&["global_defs"], "smtp_user", "smtp_user alerts", MAILED),
    (&["global_defs"], "smtp_ca_file", "smtp_ca_file /etc/ca.pem", MAILED),
    (&["global_defs"], "smtp_password", "smtp_password secret", LOGGED_IN),
    (&["global_defs"], "smtp_password_file", "smtp_password_file /etc/secret", LOGGED_IN),
    (&["vrrp_script"], "script", "script /bin/false", SCRIPT),
    (&["vrrp_instance"], "track_script", "track_script { S }", TRACKED),
    (&["vrrp_instance"], "track_file", "track_file { F }", TRACKED),
    (&["vrrp_instance"], "track_process", "track_process { P }", TRACKED),
    (&["vrrp_instance"], "track_bfd", "track_bfd { B }", TRACKED),
    (&["vrrp_sync_group"], "track_bfd", "track_bfd { B }", TRACKED_GROUP),
    (&["vrrp_sync_group"], "track_script", "track_script { S }", TRACKED_GROUP),
    (&["vrrp_sync_group"], "track_file", "track_file { F weight 0 }", TRACKED_GROUP),
    (&["vrrp_sync_group"], "track_process", "track_process { P }", TRACKED_GROUP),
    (
        &["global_defs"],
        "notify_fifo_script",
        "notify_fifo_script /bin/cat\n notify_fifo /x",
        GLOBAL,
    ),
    (
        &["global_defs"],
        "vrrp_notify_fifo_script",
        "vrrp_notify_fifo /x\n vrrp_notify_fifo_script /bin/cat",
        GLOBAL,
    ),
    (
        &["vrrp_instance"],
        "accept",
        "accept",
        "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n no_accept\n@@\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n",
    ),
    (
        &["global_defs"],
        "lvs_notify_fifo_script",
        "lvs_notify_fifo /x\n lvs_notify_fifo_script /bin/cat",
        GLOBAL,
    ),
    (&["global_defs"], "lvs_flush_on_stop", "lvs_flush_on_stop", GLOBAL),
    (&["global_defs"], "lvs_flush_onstop", "lvs_flush_onstop", GLOBAL),
    (&["global_defs"], "json_version", "json_version 2", GLOBAL),
    (&["global_defs"], "vrrp_garp_extra_if", "vrrp_garp_extra_if 7", GLOBAL),
    (&["garp_group"], "gna_interval", "gna_interval 7", GARP_GROUP),
    (&["garp_group"], "garp_interval", "garp_interval 7", GARP_GROUP),
    (&["garp_group"], "interface", "interface eth1", GARP_GROUP),
    (&["garp_group"], "interfaces", "interfaces { eth1 }", GARP_GROUP),
    (
        &["vrrp_instance"],
        "use_vmac_addr",
        "use_vmac_addr",
        "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n@@\n virtual_ipaddress {\n 192.0.2.1 dev eth1\n }\n}\n",
    ),
    (
        &["global_defs"],
        "vmac_addr_prefix",
        "vmac_addr_prefix vip",
        "global_defs {\n@@\n}\nvrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.1 use_vmac\n }\n}\n",
    ),
    (&["global_defs"], "vmac_prefix", "vmac_prefix vip", VMAC),
    (&["vrrp_instance"], "interface", "interface eth1", BARE),
    (&["vrrp_instance"], "virtual_router_id", "virtual_router_id 7", BARE),
    (&["vrrp_instance"], "priority", "priority 20", BARE),
    (&["vrrp_instance"], "virtual_ipaddress", "virtual_ipaddress { 192.0.2.9 }", BARE),
    (&["vrrp_instance"], "no_virtual_ipaddress", "no_virtual_ipaddress", BARE),
    (
        &["vrrp_instance"],
        "preempt",
        "preempt",
        "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n nopreempt\n@@\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n",
    ),
    (
        &["vrrp_instance"],
        "unicast_peer",
        "unicast_peer { 192.0.2.3 }",
        "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n unicast_src_ip 192.0.2.2\n@@\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n",
    ),
    (&["vrrp_instance"], "unicast_ttl", "unicast_ttl 7", UNICAST),
    (&["vrrp_instance"], "check_unicast_src", "check_unicast_src", UNICAST),
    (&["vrrp_instance"], "old_unicast_checksum", "old_unicast_checksum never", UNICAST),
    (
        &["vrrp_instance"],
        "unicast_fault_no_peer",
        "unicast_fault_no_peer",
        "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n unicast_src_ip 192.0.2.2\n@@\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n",
    ),
    (
        &["vrrp_instance"],
        "unicast_allow_no_peer",
        "unicast_allow_no_peer",
        "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n unicast_peer {\n }\n@@\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n",
    ),
    (
        &["global_defs"],
        "vrrp_check_unicast_src",
        "vrrp_check_unicast_src",
        "global_defs {\n@@\n}\nvrrp_instance A {\n interface eth0\n virtual_router_id 1\n unicast_peer {\n 192.0.2.3\n }\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n",
    ),
    (
        &["vrrp_instance", "auth_hmac"],
        "key",
        "key 3 hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        HMAC,
    ),
    (&["vrrp_instance", "auth_hmac"], "active_key", "active_key 2", HMAC),
    (&["vrrp_instance", "auth_hmac"], "time_window", "time_window 7", HMAC),
    (&["vrrp_instance", "auth_hmac"], "anti_replay", "anti_replay monotonic", HMAC),
    (&["vrrp_instance", "auth_hmac"], "mode", "mode permissive", HMAC),
    (
        &["vrrp_instance"],
        "auth_hmac",
        "auth_hmac { key 1 0123456789abcdef0123456789abcdef\n }",
        INSTANCE,
    ),
    (
        &["vrrp_instance", "authentication"],
        "auth_type",
        "auth_type PASS",
        "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n authentication {\n@@\n auth_pass x\n}\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n",
    ),
    (
        &["vrrp_instance", "authentication"],
        "auth_pass",
        "auth_pass secret",
        "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n authentication {\n auth_type PASS\n@@\n}\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n",
    ),
    (
        &["vrrp_sync_group"],
        "sync_group_tracking_weight",
        "group { A B }\n sync_group_tracking_weight",
        GROUP,
    ),
    (&["vrrp_sync_group"], "group", "group { A B }", GROUP),
    (&[], "track_group", "track_group G { group { A } }", FOLLOWED),
    (
        &["track_group"],
        "group",
        "group { A }",
        "static_ipaddress {\n 192.0.2.7 dev eth0 track_group G\n}\nvrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.1\n }\n}\ntrack_group G {\n@@\n}\n",
    ),
    (
        &["vrrp_sync_group"],
        "track_interface",
        "track_interface { eth2 }",
        "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.1\n }\n}\nvrrp_instance B {\n interface eth0\n virtual_router_id 2\n virtual_ipaddress {\n 192.0.2.2\n }\n}\nvrrp_sync_group G {\n group {\n A B\n }\n@@\n}\n",
    ),
    (
        &["global_defs"],
        "include_check",
        "include_check match",
        "global_defs {\n@@\n}\ninclude /nothing-is-here.conf\n",
    ),
    (
        &["global_defs"],
        "default_interface",
        "default_interface eth3",
        "global_defs {\n@@\n}\nvrrp_instance A {\n virtual_router_id 1\n}\n",
    ),
    (
        &["global_defs"],
        "random_seed",
        "random_seed 7",
        "global_defs {\n@@\n}\nvrrp_instance A {\n interface eth0\n virtual_router_id 1\n priority ${_RANDOM 1 254}\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n",
    ),
    (&["global_defs"], "vrrp_garp_lower_prio_delay", "vrrp_garp_lower_prio_delay 9", GLOBAL),
];

/// Lines that are more than the keyword with a value that this derives from the table.
fn line(path: &[&str], keyword: &str) -> Option<&'static str> {
    Some(match (path, keyword) {
        ([], "global_defs") => "global_defs { router_id x }",
        ([], "child_wait_time") => "child_wait_time 9",
        ([], "static_ipaddress") => "static_ipaddress { 192.0.2.7/32 dev eth0 }",
        ([], "static_routes") => "static_routes { 198.51.100.0/24 dev eth0 }",
        ([], "static_rules") => "static_rules { from 198.51.100.0/24 table 7 priority 8 }",
        (["vrrp_instance"], "virtual_routes") => "virtual_routes { 198.51.100.0/24 dev eth0 }",
        (["vrrp_instance"], "virtual_rules") => "virtual_rules { table 7 priority 8 }",
        ([], "vrrp_instance") => {
            "vrrp_instance Z { interface eth0\n virtual_router_id 9\n virtual_ipaddress { 192.0.2.9 }\n }"
        }
        ([], "vrrp_script") => "vrrp_script S { script /bin/true\n }",
        ([], "interface_up_down_delays") => "interface_up_down_delays { eth0 3 }",
        ([], "garp_group") => "garp_group { interface eth0\n garp_interval 1\n }",
        ([], "bfd_instance") => "bfd_instance B { neighbor_ip 192.0.2.9\n }",
        (["bfd_instance"], "neighbor_ip") => "neighbor_ip 192.0.2.8",
        (["bfd_instance"], "neighbour_ip") => "neighbour_ip 192.0.2.8",
        (["bfd_instance"], "source_ip") => "source_ip 192.0.2.8",
        (["bfd_instance"], "idle_tx") => "idle_tx 2000",
        ([], "track_file") => "track_file F { file /run/number\n }",
        ([], "vrrp_track_file") => "vrrp_track_file F { file /run/number\n }",
        ([], "vrrp_track_process") => "vrrp_track_process P { process nginx\n }",
        ([], "vrrp_sync_group") => "vrrp_sync_group S { group { A B } }",
        (["global_defs"], "process_names" | "vrrp_no_swap" | "checker_no_swap") => return None,
        (["global_defs"], "lvs_timeouts") => "lvs_timeouts tcp 7 udp 9",
        (["global_defs"], "lvs_sync_daemon") => "lvs_sync_daemon eth0 A",
        (["global_defs"], "reload_time_file") => "reload_time_file /run/x",
        (["global_defs"], "reload_file") => "reload_file /run/x",
        (["global_defs"], "config_save_dir") => "config_save_dir /var/x",
        (["global_defs"], "vrrp_version") => "vrrp_version 3",
        (["global_defs"], "vrrp_mcast_group4") => "vrrp_mcast_group4 224.0.0.19",
        (["global_defs"], "vrrp_mcast_group6") => "vrrp_mcast_group6 ff02::13",
        (["global_defs"], "vrrp_address_lifetime") => "vrrp_address_lifetime 20",
        (["global_defs"], "notification_email") => "notification_email { a@example.org }",
        (["global_defs"], "lvs_data_plane") => "lvs_data_plane auto",
        (["global_defs"], "snmp_socket") => "snmp_socket unix:/run/agentx",
        (["global_defs"], "vrrp_fence") => "vrrp_fence off",
        (["global_defs"], "vrrp_cpu_affinity") => "vrrp_cpu_affinity 0 1",
        (["global_defs"], "checker_cpu_affinity") => "checker_cpu_affinity 1",
        (["vrrp_instance"], "state") => "state MASTER",
        (["vrrp_instance"], "version") => "version 3",
        (["vrrp_instance"], "authentication") => {
            "authentication { auth_type PASS\n auth_pass x\n }"
        }
        (["vrrp_instance"], "virtual_ipaddress_excluded") => {
            "virtual_ipaddress_excluded { 192.0.2.8/24 }"
        }
        (["vrrp_instance"], "unicast_src_ip") => "unicast_src_ip 192.0.2.2",
        (["vrrp_instance"], "mcast_src_ip") => "mcast_src_ip 192.0.2.2",
        (["vrrp_instance"], "mcast_dst_ip") => "mcast_dst_ip 224.0.0.19",
        (["vrrp_instance"], "use_ipvlan") => "use_ipvlan 192.0.2.21",
        (["vrrp_instance"], "vrf") => "vrf red",
        (["vrrp_instance"], "track_interface") => "track_interface { eth1 }",
        (["vrrp_track_process"], "param_match") => "param_match initial",
        (["vrrp_instance"], "vrrp_address_lifetime") => "vrrp_address_lifetime forever",
        _ => return None,
    })
}

fn findings(around: &str, line: &str) -> (String, String) {
    let text = around.replace("@@", line);
    let sources = SourceSet::single("case.conf", text);
    let checked = check(&sources, &Environment::of_host("host"));
    let mut model = checked.model;
    // Places move when a line goes; they are not what a keyword does.
    let at = config::source::Span::default();
    for instance in &mut model.instances {
        instance.at = at;
        for address in instance.addresses.iter_mut().chain(&mut instance.excluded) {
            address.at = at;
        }
        instance.routes.iter_mut().for_each(|route| route.at = at);
        instance.rules.iter_mut().for_each(|rule| rule.at = at);
    }
    for group in &mut model.groups {
        group.at = at;
    }
    for script in &mut model.scripts {
        script.at = at;
    }
    for file in &mut model.files {
        file.at = at;
    }
    for session in &mut model.sessions {
        session.at = at;
    }
    for process in &mut model.processes {
        process.at = at;
    }
    balancing::unplace(&mut model.virtual_servers);
    let said: Vec<String> =
        checked.diagnostics.iter().map(|it| format!("{} {}", it.code.name(), it.message)).collect();
    (format!("{model:?}"), said.join("\n"))
}

fn case(path: &'static [&'static str], keyword: &'static str, shape: Shape) -> Case {
    if let Some((_, _, line, around)) =
        SPECIAL.iter().find(|(other, name, ..)| *other == path && *name == keyword)
    {
        return Case { path, keyword, line, around };
    }
    if let Some((line, around)) = balancing::case(path, keyword) {
        return Case { path, keyword, line: line.leak(), around: around.leak() };
    }
    let around = match path {
        [] => {
            "@@\nvrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.1\n }\n}\nvrrp_instance B {\n interface eth0\n virtual_router_id 2\n virtual_ipaddress {\n 192.0.2.2\n }\n}\n"
        }
        ["global_defs"] => GLOBAL,
        ["vrrp_sync_group"] => GROUP,
        ["vrrp_script"] => SCRIPT,
        ["track_file"] => FILE,
        ["bfd_instance"] => BFD,
        ["vrrp_track_file"] => OLD_FILE,
        ["vrrp_track_process"] => PROCESS,
        ["vrrp_instance", "authentication"] => AUTHENTICATION,
        _ => INSTANCE,
    };
    let line = line(path, keyword).unwrap_or_else(|| match shape {
        Shape::Flag | Shape::Boolean => keyword,
        // Seven lies within every range and is nobody's default.
        Shape::Value(_)
        | Shape::Words(_)
        | Shape::Block(_)
        | Shape::List(..)
        | Shape::Language(_) => format!("{keyword} 7").leak(),
    });
    Case { path, keyword, line, around }
}

#[test]
fn every_supported_keyword_changes_something() {
    for place in places() {
        for keyword in place.keywords().filter(|it| it.status == Status::Supported) {
            if matches!(keyword.shape, Shape::Language(_)) {
                continue; // told in tests/language.rs and the sources' own tests
            }
            let case = case(place.path, keyword.name, keyword.shape);
            let (model, said) = findings(case.around, case.line);
            // What several blocks share is supported where one of them is.
            let is_around =
                |line: &str| case.path.iter().any(|name| line.contains(&format!("`{name}`")));
            let unknown = said.lines().find(|line| {
                line.starts_with("KEY") && !line.starts_with("KEY006") && !is_around(line)
            });
            assert_eq!(unknown, None, "{:?} {}", case.path, case.line);
            let without = case.line.strip_suffix(case.keyword).unwrap_or("");
            assert_ne!(
                (model, said),
                findings(case.around, without),
                "{:?} {}",
                case.path,
                case.line
            );
        }
    }
}
