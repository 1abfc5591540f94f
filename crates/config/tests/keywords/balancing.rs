//! Lines of virtual servers: what stands around each, and what is more than the keyword with a value.

use config::model::VirtualServer;
use config::source::Span;

/// The line of a keyword and what stands around it, where `@@` stands for it; nothing for places of others.
pub(crate) fn case(path: &[&str], keyword: &str) -> Option<(String, String)> {
    let around = match path {
        [] if keyword == "virtual_server" => "@@\n".to_owned(),
        [] if keyword == "SSL" => "@@\n".to_owned(),
        ["SSL"] => "SSL {\n@@\n}\n".to_owned(),
        [] if keyword == "virtual_server_group" => format!("@@\n{OF_GROUP}"),
        ["virtual_server"] => of_server(keyword),
        ["virtual_server", "real_server"] => within("@@", "protocol TCP", CHECKS),
        ["virtual_server", "real_server", check] => {
            let rest = match (*check, keyword) {
                ("HTTP_GET" | "SSL_GET", "url") | (_, "misc_path" | "track_file" | "name") => "",
                ("HTTP_GET" | "SSL_GET", _) => PAGE,
                ("GRPC_CHECK", option) if option.starts_with("tls_") || option == "sni_name" => {
                    "tls\n"
                }
                ("MISC_CHECK", _) => "misc_path /bin/true\n",
                ("FILE_CHECK", _) => "track_file F\n",
                ("BFD_CHECK", _) => "name B\n",
                _ => "",
            };
            within("", "protocol TCP", &format!("{check} {{\n{rest}@@\n}}\n"))
        }
        ["virtual_server", "real_server", check, "url"] => {
            let path = match keyword {
                "path" => "",
                option if option.starts_with("regex_") => "path /\nregex x\n",
                _ => "path /\n",
            };
            within("", "protocol TCP", &format!("{check} {{\n url {{\n{path}@@\n}}\n}}\n"))
        }
        ["virtual_server", "real_server", "SMTP_CHECK", "host"] => {
            within("", "protocol TCP", "SMTP_CHECK {\n host {\n@@\n}\n}\n")
        }
        _ => return None,
    };
    Some((line(path, keyword), around))
}

/// Moves every virtual server to the same place.
pub(crate) fn unplace(servers: &mut [VirtualServer]) {
    for server in servers {
        server.at = Span::default();
        for real in server.balance.iter_mut().flat_map(|it| &mut it.servers) {
            real.at = Span::default();
            for check in &mut real.checks {
                check.at = Span::default();
                check.regexes.clear();
            }
        }
    }
}

fn line(path: &[&str], keyword: &str) -> String {
    let value = match (path, keyword) {
        ([], "virtual_server") => {
            "192.0.2.1 80 {\n protocol TCP\n real_server 192.0.2.11 80 {\n }\n }"
        }
        ([], "virtual_server_group") => "G {\n 192.0.2.1 80\n }",
        (_, "lb_algo" | "lvs_sched") => "rr",
        (_, "lb_kind" | "lvs_method" | "sorry_server_lvs_method") => "DR",
        (_, "persistence_engine") => "sip",
        (_, "persistence_granularity") => "255.255.255.0",
        (_, "protocol") => "TCP",
        (_, "ip_family") => "inet6",
        (_, "sorry_server") => "192.0.2.20 80",
        (_, "real_server") => "192.0.2.12 80 {\n }",
        (_, "connect_ip" | "bindto") => "192.0.2.77",
        (_, "bind_if") => "eth7",
        (_, "http_protocol") => "1.1",
        (_, "url") => "{\n path /two\n }",
        (_, "HTTP_GET" | "SSL_GET") => "{\n url {\n path /two\n }\n }",
        ([], "SSL") => "{\n ca /etc/ca.pem\n }",
        (_, "regex_options") => "caseless",
        (_, "host") => "{\n connect_port 7\n }",
        (_, "path") => "/seven",
        (_, "digest") => "0123456789abcdef0123456789abcdef",
        (_, "status_code") => "404",
        (_, "virtualhost" | "helo_name" | "sni_name") => "www.example.org",
        (_, "type") => "MX",
        (["virtual_server", "real_server", "BFD_CHECK"], "name") => "B",
        (_, "name") => "example.org",
        (_, "quorum_up" | "quorum_down" | "notify_up" | "notify_down" | "misc_path") => {
            "/bin/false"
        }
        (_, "user") => "nobody",
        (_, "track_file") => "F",
        (_, "MISC_CHECK") => "{\n misc_path /bin/true\n }",
        (_, "FILE_CHECK") => "{\n track_file F\n }",
        (_, "BFD_CHECK") => "{\n name B\n }",
        (_, "payload" | "require_reply") => "0777",
        (_, block) if block.ends_with("_CHECK") => "{\n }",
        (_, flag) if FLAGS.contains(&flag) => return flag.to_owned(),
        _ => "7",
    };
    format!("{keyword} {value}")
}

fn of_server(keyword: &str) -> String {
    match keyword {
        "protocol" => with_lines("", "@@"),
        "ip_family" => {
            "virtual_server fwmark 7 {\n lb_kind TUN\n@@\n real_server 192.0.2.11 80 {\n }\n}\n"
                .to_owned()
        }
        "sh-port" | "sh-fallback" => with_lines("protocol TCP", "lb_algo sh\n@@"),
        "mh-port" | "mh-fallback" => with_lines("protocol TCP", "lb_algo mh\n@@"),
        "persistence_engine" | "persistence_granularity" => {
            with_lines("protocol UDP", "persistence_timeout 50\n@@")
        }
        "sorry_server_inhibit" | "sorry_server_lvs_method" => {
            with_lines("protocol TCP", "sorry_server 192.0.2.20 80\n@@")
        }
        _ => with_lines("protocol TCP", "@@"),
    }
}

fn with_lines(protocol: &str, lines: &str) -> String {
    within("", &format!("{protocol}\n{lines}"), CHECKS)
}

/// A real server of these lines and checks, in a virtual server of those.
fn within(real: &str, server: &str, checks: &str) -> String {
    format!(
        "{WATCHED}virtual_server 192.0.2.1 80 {{\n{server}\n real_server 192.0.2.11 80 {{\n{real}\n{checks}\n}}\n}}\n"
    )
}

const FLAGS: &[&str] = &[
    "inhibit_on_failure",
    "ops",
    "flag-1",
    "flag-2",
    "flag-3",
    "sh-port",
    "sh-fallback",
    "mh-port",
    "mh-fallback",
    "ha_suspend",
    "alpha",
    "omega",
    "sorry_server_inhibit",
    "smtp_alert",
    "misc_dynamic",
    "log_all_failures",
    "fast_recovery",
    "enable_sni",
    "tls",
    "tls_compliant",
    "tls_verify",
    "regex_no_match",
];
const CHECKS: &str = "TCP_CHECK {\n}\nHTTP_GET {\n url {\n path /\n }\n}\n";
const WATCHED: &str =
    "track_file F {\n file /run/number\n}\nbfd_instance B {\n neighbor_ip 192.0.2.9\n}\n";
const PAGE: &str = "url {\n path /\n}\n";
const OF_GROUP: &str =
    "virtual_server group G {\n protocol TCP\n real_server 192.0.2.11 80 {\n }\n}\n";
