//! SNMP settings of `global_defs`.

use core::time::Duration;

use super::read::seconds;
use super::report::Reports;
use crate::diagnostic::keyword as codes;
use crate::model::{Master, Snmp};
use crate::syntax::Directive;

/// Reads one directive; says whether it was one of these.
pub(super) fn read(
    snmp: &mut Snmp,
    keyword: &str,
    directive: &Directive,
    reports: &mut Reports<'_>,
) -> bool {
    match keyword {
        "snmp_socket" => {
            if let Some(word) = directive.arguments.first() {
                match snmp_master(&word.text) {
                    Some(master) => snmp.master = master,
                    None => {
                        let text = format!(
                            "`snmp_socket {}` names no socket: {} is used",
                            word.text, snmp.master
                        );
                        reports
                            .warning(codes::INVALID_ARGUMENT, text, word.span)
                            .help("write `unix:/path`, `tcp:host:port` or `tcp6:[address]:port`");
                    }
                }
            }
        }
        "enable_traps" => snmp.notifies = true,
        "enable_snmp_vrrp" | "enable_snmp_keepalived" => snmp.vrrp = true,
        "enable_snmp_checker" => snmp.checker = true,
        "snmp_vs_stats_update_interval" => {
            snmp.service_statistics = time(directive).or(snmp.service_statistics);
        }
        "snmp_rs_stats_update_interval" => {
            snmp.server_statistics = time(directive).or(snmp.server_statistics);
        }
        "enable_snmp_rfcv2" => snmp.rfc2787 = true,
        "enable_snmp_rfcv3" => snmp.rfc6527 = true,
        "enable_snmp_rfc" => (snmp.rfc2787, snmp.rfc6527) = (true, true),
        _ => return false,
    }
    true
}

fn time(directive: &Directive) -> Option<Duration> {
    directive.text(0).and_then(|text| seconds(text, 6))
}

/// Where a master agent listens, as Net-SNMP writes it; none where that names no stream.
pub fn snmp_master(text: &str) -> Option<Master> {
    let (transport, rest) = match text.split_once(':') {
        _ if text.starts_with('/') => ("unix", text),
        Some((transport @ ("unix" | "local" | "tcp" | "tcp6" | "tcpv6" | "tcpipv6"), rest)) => {
            (transport, rest)
        }
        Some(("udp" | "udp6" | "udpv6" | "udpipv6" | "dtlsudp" | "tlstcp" | "ssh", _)) => {
            return None;
        }
        _ => ("tcp", text),
    };
    if matches!(transport, "unix" | "local") {
        // One byte of the kernel's field ends it.
        let fits = (1..=107).contains(&rest.len()) && !rest.contains('\0');
        return fits.then(|| Master::Unix(rest.to_owned()));
    }
    let local = if transport == "tcp" { "127.0.0.1" } else { "::1" };
    if let Ok(port) = rest.parse::<u16>() {
        return (port > 0).then(|| Master::Tcp(local.to_owned(), port));
    }
    let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, PORT),
        Some((host, port)) => (host, port.strip_prefix(':')?.parse().ok()?),
        // An address of several colons without brackets has no port.
        None => match rest.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (host, port.parse().ok()?),
            _ => (rest, PORT),
        },
    };
    (!host.is_empty() && port > 0).then(|| Master::Tcp(host.to_owned(), port))
}

/// The port of AgentX (RFC 2741 §8.1.1).
const PORT: u16 = 705;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;
    use crate::source::SourceSet;
    use crate::syntax::Environment;

    #[test]
    fn a_master_is_a_path_or_a_port_of_a_host() {
        let found = |text| snmp_master(text).map(|it| it.to_string());
        for (written, meant) in [
            ("unix:/run/agentx", "unix:/run/agentx"),
            ("/run/agentx", "unix:/run/agentx"),
            ("tcp:192.0.2.1:705", "tcp:192.0.2.1:705"),
            ("tcp:7050", "tcp:127.0.0.1:7050"),
            ("tcp6:7050", "tcp:::1:7050"),
            ("tcp6:[2001:db8::1]:7050", "tcp:2001:db8::1:7050"),
            ("tcp6:[2001:db8::1]", "tcp:2001:db8::1:705"),
            ("tcp6:2001:db8::1", "tcp:2001:db8::1:705"),
            ("localhost:7050", "tcp:localhost:7050"),
            ("master.example.org", "tcp:master.example.org:705"),
            ("7050", "tcp:127.0.0.1:7050"),
        ] {
            assert_eq!(found(written).as_deref(), Some(meant), "{written}");
        }
        for none in ["", "unix:", "tcp:", "udp:127.0.0.1:705", "tcp:host:0", "tcp:host:x", "[::1]x"]
        {
            assert_eq!(found(none), None, "{none}");
        }
        assert_eq!(found(&format!("unix:/{}", "x".repeat(107))), None, "too long for the kernel");
    }

    #[test]
    fn what_names_no_socket_is_said_and_changes_nothing() {
        let text = "global_defs {\n snmp_socket udp:127.0.0.1:705\n enable_snmp_rfc\n}\n";
        let checked = check(&SourceSet::single("a.conf", text), &Environment::of_host("host"));
        let messages: Vec<&str> =
            checked.diagnostics.iter().map(|it| it.message.as_str()).collect();
        let expected =
            "`snmp_socket udp:127.0.0.1:705` names no socket: unix:/var/agentx/master is used";
        assert_eq!(messages, [expected]);
        let Snmp { master, rfc2787, rfc6527, vrrp, .. } = checked.model.global.snmp;
        assert_eq!((master, rfc2787, rfc6527, vrrp), (Master::default(), true, true, false));
    }
}
