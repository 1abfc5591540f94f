//! `keepalived.stats`.

use status::{Instance, Report};

use super::counters;

/// The file.
pub(super) fn whole(report: &Report) -> String {
    report.instances.iter().map(one).collect()
}

fn one(instance: &Instance) -> String {
    let counters = counters(instance);
    let count = |name: &str| {
        counters.iter().find(|(other, _)| *other == name).map_or(0, |(_, count)| *count)
    };
    let mut text = format!("VRRP Instance: {}\n", instance.name);
    for (label, key) in LINES {
        text.push_str(label);
        if let Some(key) = key {
            text.push_str(&format!(" {}", count(key)));
        }
        text.push('\n');
    }
    text
}

/// Each line, and the counter behind it.
const LINES: [(&str, Option<&str>); 18] = [
    ("  Advertisements:", None),
    ("    Received:", Some("advert_rcvd")),
    ("    Sent:", Some("advert_sent")),
    ("  Became master:", Some("become_master")),
    ("  Released master:", Some("release_master")),
    ("  Packet Errors:", None),
    ("    Length:", Some("packet_len_err")),
    ("    TTL:", Some("ip_ttl_err")),
    ("    Invalid Type:", Some("invalid_type_rcvd")),
    ("    Advertisement Interval:", Some("advert_interval_err")),
    ("    Address List:", Some("addr_list_err")),
    ("  Authentication Errors:", None),
    ("    Invalid Type:", Some("invalid_authtype")),
    ("    Type Mismatch:", Some("authtype_mismatch")),
    ("    Failure:", Some("auth_failure")),
    ("  Priority Zero:", None),
    ("    Received:", Some("pri_zero_rcvd")),
    ("    Sent:", Some("pri_zero_sent")),
];
