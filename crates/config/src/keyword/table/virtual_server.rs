//! `virtual_server`, its real servers and groups.

use super::super::Keyword;
#[allow(clippy::enum_glob_use, unused_imports, reason = "rows are read as tables")]
use super::super::Kind::*;
#[allow(unused_imports, reason = "not every region has rows with a grammar")]
use super::super::words;
use super::rows::*;

/// Client material for SSL_GET.
pub(super) const SSL: &[Keyword] = &[
    value(
        "password",
        &[required(Word("text"))],
        "none",
        "Pass phrase of the key (PKCS #8 with scrypt or PBKDF2 with SHA-2, and AES)",
    )
    .supported(),
    value("ca", &[required(Word("path or text"))], "none", "PEM certificates for tls_verify")
        .supported(),
    value("certificate", &[required(Word("path or text"))], "none", "TLS client certificate file")
        .supported(),
    value("key", &[required(Word("path or text"))], "none", "TLS client private key file")
        .supported(),
];

/// Addresses that share a definition.
pub(super) const GROUP: &[Keyword] = &[
    language("<ip>", "[-<last>|/<mask>] [<port>]", "port 0", "Address or range member").supported(),
    language("fwmark", "<mark> [inet|inet6]", "family from real servers", "Fwmark member")
        .supported(),
];

/// One IPVS service.
pub(super) const VIRTUAL_SERVER: &[Keyword] = &[
    value("delay_loop", &[required(Seconds(1, i64::MAX))], "60", "Check period").supported(),
    value(
        "retry",
        &[required(Integer(1, 2_147_483_647))],
        "checker default",
        "Failures tolerated before down",
    )
    .supported(),
    value(
        "delay_before_retry",
        &[required(Seconds(0, i64::MAX))],
        "1 (HTTP/SSL 3, DNS = delay_loop)",
        "Gap between retries",
    )
    .supported(),
    value(
        "warmup",
        &[required(Seconds(0, i64::MAX))],
        "= delay_loop",
        "First check at random time within this",
    )
    .supported(),
    value(
        "connect_timeout",
        &[required(Seconds(0, i64::MAX))],
        "5",
        "Default connect timeout for checks",
    )
    .supported(),
    value(
        "ip_family",
        &[required(Choice(&["inet", "inet6"]))],
        "from addresses",
        "Family for fwmark services",
    )
    .supported(),
    boolean(
        "inhibit_on_failure",
        "off",
        "Failed server gets weight 0 instead of removal (default for RS)",
    )
    .supported(),
    value("lb_algo", &[required(Choice(SCHEDULERS))], "wlc", "Scheduler").supported(),
    value("lvs_sched", &[required(Choice(SCHEDULERS))], "wlc", "Synonym of lb_algo").supported(),
    flag("hashed", "", "Legacy spelling; accepted by parser but reports error, no effect")
        .ignored("keepalived has no use for it either"),
    flag("ops", "off", "One-packet scheduling (UDP)").supported(),
    flag("flag-1", "off", "Raw scheduler flag (kernel >=3.11)").supported(),
    flag("flag-2", "off", "Raw scheduler flag (kernel >=3.11)").supported(),
    flag("flag-3", "off", "Raw scheduler flag (kernel >=3.11)").supported(),
    flag("sh-port", "off", "Scheduler flag; must follow lb_algo sh").supported(),
    flag("sh-fallback", "off", "Scheduler flag; must follow lb_algo sh").supported(),
    flag("mh-port", "off", "Scheduler flag; must follow lb_algo mh").supported(),
    flag("mh-fallback", "off", "Scheduler flag; must follow lb_algo mh").supported(),
    grammar("lb_kind", FORWARDING, "NAT", "Forwarding method default").supported(),
    grammar("lvs_method", FORWARDING, "NAT", "Synonym of lb_kind").supported(),
    value("persistence_engine", &[required(Choice(&["sip"]))], "none", "Persistence engine")
        .supported(),
    value(
        "persistence_timeout",
        &[optional(Integer(1, 2_678_400))],
        "360 when given bare; off if absent",
        "Client persistence",
    )
    .supported(),
    grammar(
        "persistence_granularity",
        words("<netmask, or prefix length>", 1, Some(1), words::granularity),
        "/32 /128",
        "Persistence grouping",
    )
    .supported(),
    value(
        "protocol",
        &[required(AnyCase(&["TCP", "UDP", "SCTP"]))],
        "UDP(!) when omitted",
        "L4 protocol; code leaves UDP when missing, despite man page",
    )
    .supported(),
    flag("ha_suspend", "off", "Run checks only while VIP is present locally").supported(),
    boolean("smtp_alert", "off", "Mail on quorum change").supported(),
    value("virtualhost", &[required(Word("host name"))], "none", "Default Host header/SNI")
        .supported(),
    value("snmp_name", &[required(Word("text"))], "", "Label shown in SNMP").supported(),
    boolean("alpha", "off", "Real servers start down until first success").supported(),
    boolean("omega", "off", "Run notify_down/quorum_down at shutdown").supported(),
    value("quorum_up", COMMAND, "none", "Script when quorum gained").supported(),
    value("quorum_down", COMMAND, "none", "Script when quorum lost").supported(),
    value("quorum", &[required(Integer(1, UNSIGNED))], "1", "Weight needed to be up").supported(),
    value("hysteresis", &[required(Integer(0, UNSIGNED))], "0", "Margin around quorum; < quorum")
        .supported(),
    value(
        "weight",
        &[required(Integer(1, 2_147_483_647))],
        "1",
        "Default weight of real servers defined after it",
    )
    .supported(),
    grammar(
        "sorry_server",
        words("<ip> [<port>]", 1, Some(2), words::server),
        "none",
        "Server used when quorum is lost",
    )
    .supported(),
    boolean("sorry_server_inhibit", "off", "inhibit_on_failure for sorry server").supported(),
    grammar("sorry_server_lvs_method", FORWARDING, "lb_kind", "Forwarding of sorry server")
        .supported(),
    block(
        "real_server",
        words("<ip> [<port>]", 1, Some(2), words::server),
        "port 0",
        "One real server",
    )
    .supported(),
];

/// One real server.
pub(super) const REAL_SERVER: &[Keyword] = &[
    value("delay_loop", &[required(Seconds(1, i64::MAX))], "inherit", "Check period").supported(),
    value(
        "retry",
        &[required(Integer(1, 2_147_483_647))],
        "inherit: 1 (DNS 3, MISC 0)",
        "Failures tolerated before down",
    )
    .supported(),
    value(
        "delay_before_retry",
        &[required(Seconds(0, i64::MAX))],
        "inherit",
        "Gap between retries",
    )
    .supported(),
    value(
        "warmup",
        &[required(Seconds(0, i64::MAX))],
        "= delay_loop",
        "First check at random time within this",
    )
    .supported(),
    value(
        "connect_timeout",
        &[required(Seconds(0, i64::MAX))],
        "inherit",
        "Default connect timeout",
    )
    .supported(),
    value("weight", &[required(Integer(0, 2_147_483_647))], "vs weight (1)", "Relative weight")
        .supported(),
    grammar("lvs_method", FORWARDING, "vs", "Forwarding of this server (there is no lb_kind here)")
        .supported(),
    value("uthreshold", &[required(Integer(0, UNSIGNED))], "0", "Upper connection limit")
        .supported(),
    value("lthreshold", &[required(Integer(0, UNSIGNED))], "0", "Lower connection limit")
        .supported(),
    boolean("inhibit_on_failure", "vs", "Weight 0 instead of removal").supported(),
    value("notify_up", COMMAND, "none", "Script when RS comes up").supported(),
    value("notify_down", COMMAND, "none", "Script when RS goes down").supported(),
    boolean("alpha", "vs", "Start down until success").supported(),
    boolean("smtp_alert", "on", "Mail on change of state").supported(),
    value("virtualhost", &[required(Word("host name"))], "vs", "Host header").supported(),
    value("snmp_name", &[required(Word("text"))], "", "SNMP label").supported(),
    block("TCP_CHECK", NOTHING, "", "TCP connect check").supported(),
    block("HTTP_GET", NOTHING, "", "HTTP check").supported(),
    block("SSL_GET", NOTHING, "", "HTTPS check").supported(),
    block("GRPC_CHECK", NOTHING, "", "gRPC health check (grpc.health.v1)")
        .since("steadfast only")
        .supported(),
    block("SMTP_CHECK", NOTHING, "", "SMTP banner/HELO check").supported(),
    block("DNS_CHECK", NOTHING, "", "DNS query check").supported(),
    block("MISC_CHECK", NOTHING, "", "Script check").supported(),
    block("PING_CHECK", NOTHING, "", "ICMP echo check").supported(),
    block("UDP_CHECK", NOTHING, "", "UDP probe check").supported(),
    block("FILE_CHECK", NOTHING, "", "Track-file driven").supported(),
    block("BFD_CHECK", NOTHING, "", "BFD session driven").supported(),
];
