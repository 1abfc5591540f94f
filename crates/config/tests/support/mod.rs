//! A small grammar for tests of the language: it does not follow the keyword table, so that a new keyword changes
//! no snapshot here.

use config::syntax::{Body, Form, Grammar, Quoting};

pub(crate) struct SmallGrammar;

const fn value(min: usize, max: usize) -> Form {
    Form {
        quoting: Quoting::Ordinary,
        body: Body::None,
        min_arguments: min,
        max_arguments: Some(max),
    }
}

const fn block(arguments: usize) -> Form {
    Form { body: Body::Block, ..value(arguments, arguments) }
}

const fn list(arguments: usize) -> Form {
    Form { body: Body::List, ..value(arguments, arguments) }
}

const SCRIPT: Form = Form { quoting: Quoting::Script, ..value(1, 3) };
const REGEX: Form = Form { quoting: Quoting::Regex, ..value(1, 1) };

impl Grammar for SmallGrammar {
    fn form(&self, path: &[&str], keyword: &str) -> Option<Form> {
        Some(match (path, keyword) {
            ([], "global_defs") => block(0),
            ([], "vrrp_instance" | "vrrp_script" | "vrrp_sync_group") => block(1),
            ([], "virtual_server") => block(2),
            ([], "static_ipaddress") => list(0),
            (["global_defs"], "router_id" | "random_seed" | "vrrp_version") => value(1, 1),
            (["global_defs"], "smtp_server") => value(1, 2),
            (["global_defs"], "include_check") => Form { max_arguments: None, ..value(0, 0) },
            (["global_defs"], "vrrp_strict") => value(0, 1),
            (["global_defs"], "notification_email") => list(0),
            (["global_defs"], "startup_script") => SCRIPT,
            (["vrrp_instance"], "state" | "interface" | "virtual_router_id" | "priority") => {
                value(1, 1)
            }
            (["vrrp_instance"], "advert_int") => value(1, 1),
            (["vrrp_instance"], "nopreempt") => value(0, 0),
            (["vrrp_instance"], "authentication") => block(0),
            (["vrrp_instance", "authentication"], "auth_type" | "auth_pass") => value(1, 1),
            (
                ["vrrp_instance"],
                "virtual_ipaddress" | "track_script" | "unicast_peer" | "track_interface",
            ) => list(0),
            (["vrrp_instance"], "notify" | "notify_master") => SCRIPT,
            (["vrrp_script"], "script") => SCRIPT,
            (["vrrp_script"], "interval") => value(1, 1),
            (["vrrp_sync_group"], "group") => list(0),
            (["virtual_server"], "lb_algo" | "lb_kind" | "protocol") => value(1, 1),
            (["virtual_server"], "real_server") => block(2),
            (["virtual_server", "real_server"], "weight") => value(1, 1),
            (["virtual_server", "real_server"], "TCP_CHECK" | "HTTP_GET") => block(0),
            (["virtual_server", "real_server", "TCP_CHECK"], "connect_timeout") => value(1, 1),
            (["virtual_server", "real_server", "HTTP_GET"], "url") => block(0),
            (["virtual_server", "real_server", "HTTP_GET", "url"], "path" | "status_code") => {
                value(1, 1)
            }
            (["virtual_server", "real_server", "HTTP_GET", "url"], "regex") => REGEX,
            _ => return None,
        })
    }
}
