//! What `virtual_server` blocks mean: services, servers and checks, and what is said of those that cannot be as
//! written.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "what is missing fails the test")]

use std::time::Duration;

use config::model::{Balance, CheckKind, Pace};
use config::source::SourceSet;
use config::syntax::Environment;
use config::{RealServers, check};
use health::{OnFailure, Recovery, Verdict};
use intent::service::{Forwarding, Front, Granularity, Tunnel, TunnelChecksum};

/// What each `virtual_server` of a text balances, and the codes and messages that are said of it.
fn lower(text: &str) -> (Vec<Option<Balance>>, Vec<String>) {
    let checked = check(&SourceSet::single("case.conf", text), &Environment::of_host("host"));
    let said = checked.diagnostics.iter().filter(|it| it.code.name().starts_with("LVS"));
    let said = said.map(|it| format!("{}: {}", it.code.name(), it.message)).collect();
    (checked.model.virtual_servers.into_iter().map(|it| it.balance).collect(), said)
}

/// One virtual server of which nothing is said.
fn lone(text: &str) -> Balance {
    let (mut servers, said) = lower(text);
    assert_eq!(said, [""; 0]);
    assert_eq!(servers.len(), 1);
    servers.remove(0).unwrap()
}

/// `lines` within a virtual server of TCP with one real server.
fn with(lines: &str) -> String {
    let server = "real_server 192.0.2.11 80 {\n }";
    format!("virtual_server 192.0.2.1 80 {{\n protocol TCP\n {lines}\n {server}\n}}\n")
}

/// The first check of a real server whose block is `check`, within a virtual server of these lines.
fn checked(around: &str, server: &str, check: &str) -> (CheckKind, Pace, Verdict) {
    let text = format!(
        "virtual_server 192.0.2.1 80 {{\n protocol TCP\n {around}\n real_server 192.0.2.11 8080 {{\n\
         {server}\n {check}\n }}\n}}\n"
    );
    let check = lone(&text).servers[0].checks[0].clone();
    (check.kind, check.pace, check.start)
}

fn fronts(balance: &Balance) -> Vec<String> {
    balance.fronts.iter().map(Front::to_string).collect()
}

#[test]
fn what_is_not_written_is_as_keepalived_has_it() {
    let balance = lone(&with(""));
    assert_eq!(fronts(&balance), ["TCP 192.0.2.1:80"]);
    assert_eq!(balance.scheduling.scheduler, "wlc");
    assert_eq!(balance.scheduling.persistence, None);
    assert_eq!((balance.quorum, balance.hysteresis), (1, 0));
    let server = &balance.servers[0];
    assert_eq!(server.back.to_string(), "192.0.2.11:80");
    assert_eq!(server.destination.forwarding, Forwarding::Nat);
    assert_eq!(server.destination.weight, 1);
    assert_eq!(server.on_failure, OnFailure::Remove);
    let (_, pace, start) = checked("", "", "TCP_CHECK {\n }");
    assert_eq!(start, Verdict::Up);
    assert_eq!(
        pace,
        Pace {
            delay_loop: Duration::from_secs(60),
            delay_before_retry: Duration::from_secs(1),
            delay_while_down: Duration::from_secs(60),
            retry: 1,
            warmup: Duration::from_secs(60),
            timeout: Duration::from_secs(5),
            steps: std::num::NonZeroU16::MIN,
            recovery: Recovery::Paced,
        }
    );
}

#[test]
fn what_is_written_nearer_counts_and_the_rest_is_inherited() {
    let around = "delay_loop 20\n retry 5\n delay_before_retry 2\n connect_timeout 7\n alpha";
    let (_, pace, start) =
        checked(around, "delay_loop 10.5\n retry 4", "TCP_CHECK {\n retry 0\n }");
    assert_eq!(pace.delay_loop, Duration::from_millis(10_500));
    assert_eq!(pace.warmup, Duration::from_millis(10_500));
    assert_eq!(pace.retry, 0);
    assert_eq!(pace.delay_before_retry, Duration::from_secs(2));
    assert_eq!(pace.timeout, Duration::from_secs(7));
    assert_eq!(start, Verdict::Down);
    let (_, _, start) = checked(around, "alpha off", "TCP_CHECK {\n }");
    assert_eq!(start, Verdict::Up);
}

#[test]
fn kinds_of_checks_have_their_own_patience() {
    let pace = |check: &str| checked("delay_loop 10", "", check).1;
    let web = pace("HTTP_GET {\n url {\n path /\n }\n }");
    assert_eq!((web.retry, web.delay_before_retry), (1, Duration::from_secs(3)));
    assert_eq!(web.delay_while_down, Duration::from_secs(10));
    let names = pace("DNS_CHECK {\n }");
    assert_eq!((names.retry, names.delay_before_retry), (3, Duration::from_secs(10)));
    let program = pace("MISC_CHECK {\n misc_path /bin/true\n }");
    assert_eq!((program.retry, program.timeout), (0, Duration::from_secs(10)));
    let slow = pace("HTTP_GET {\n delay_before_retry 30\n url {\n path /\n }\n }");
    assert_eq!(slow.delay_while_down, Duration::from_secs(30), "a failed page is not hurried");
}

#[test]
fn a_check_asks_the_real_server_unless_told_otherwise() {
    let way = |lines: &str| {
        let (kind, ..) = checked("", "", &format!("TCP_CHECK {{\n {lines}\n }}"));
        let CheckKind::Tcp(way) = kind else { panic!("{kind:?}") };
        way
    };
    let plain = way("");
    assert_eq!(plain.server.to_string(), "192.0.2.11:8080");
    assert_eq!((plain.source, plain.source_port, plain.link, plain.mark), (None, None, None, None));
    let other = way(
        "connect_ip 192.0.2.99\n connect_port 81\n bindto 192.0.2.2\n bind_port 1000\n bind_if eth0\n fwmark 7",
    );
    assert_eq!(other.server.to_string(), "192.0.2.99:81");
    assert_eq!(other.source.unwrap().to_string(), "192.0.2.2");
    assert_eq!((other.source_port, other.mark), (Some(1000), Some(7)));
    assert_eq!(other.link.as_deref(), Some("eth0"));
}

#[test]
fn pages_have_names_statuses_and_digests() {
    let check = "HTTP_GET {\n http_protocol 1.0c\n fast_recovery\n url {\n path /\n }\n url {\n path /x\n\
        virtualhost own.example.org\n status_code 200 301-302\n\
        digest 9b3a0c85a887a256d6939da88aabd8cd\n }\n }";
    let (kind, pace, _) = checked("virtualhost www.example.org", "", check);
    let CheckKind::Http(_, asked) = kind else { panic!("{kind:?}") };
    assert_eq!(asked.protocol, "1.0C");
    assert_eq!((pace.steps.get(), pace.recovery), (2, Recovery::Fast));
    assert_eq!(asked.pages[0].host, "www.example.org");
    assert_eq!(asked.pages[0].statuses, [200..=299]);
    assert_eq!(asked.pages[1].host, "own.example.org");
    assert_eq!(asked.pages[1].statuses, [200..=200, 301..=302]);
    assert_eq!(asked.pages[1].digest.unwrap()[..2], [0x9b, 0x3a]);
    let (kind, ..) = checked("", "", "HTTP_GET {\n http_protocol 2\n url {\n path /\n }\n }");
    let CheckKind::Http(_, asked) = kind else { panic!("{kind:?}") };
    assert_eq!(asked.protocol, "2");
    assert_eq!(asked.pages[0].host, "192.0.2.11:8080", "the port is always named");
}

#[test]
fn a_look_at_the_body_changes_nothing_about_the_status() {
    for line in ["digest 9b3a0c85a887a256d6939da88aabd8cd", "regex x", "regex x\n regex_no_match"] {
        let check = format!("HTTP_GET {{\n url {{\n path /\n {line}\n }}\n }}");
        let (kind, ..) = checked("", "", &check);
        let CheckKind::Http(_, asked) = kind else { panic!("{kind:?}") };
        assert_eq!(asked.pages[0].statuses, [200..=299], "{line}");
    }
}

#[test]
fn names_for_tls_are_those_of_the_page_and_skip_the_real_server() {
    let asked = |lines: &str, page: &str| {
        let check = format!("SSL_GET {{\n{lines}\n url {{\n path /\n{page}\n }}\n }}");
        let (kind, ..) = checked("virtualhost outer.example", "virtualhost real.example", &check);
        let CheckKind::Https(_, asked) = kind else { panic!("{kind:?}") };
        asked
    };
    let plain = asked("", "");
    assert_eq!(plain.pages[0].host, "real.example");
    assert_eq!(plain.pages[0].server_name.as_deref(), Some("outer.example"));
    assert_eq!(
        (plain.tls.tells_name, plain.tls.verifies, plain.pages[0].is_strict),
        (false, false, false)
    );
    let name = |lines: &str, page: &str| asked(lines, page).pages[0].server_name.clone().unwrap();
    assert_eq!(name("virtualhost check.example", ""), "check.example");
    assert_eq!(name("virtualhost check.example", "virtualhost page.example"), "page.example");
    assert_eq!(name("sni_name sni.example", "virtualhost page.example"), "sni.example");
    let strict = asked("enable_sni\n tls_compliant", "tls_compliant off");
    assert_eq!((strict.tls.tells_name, strict.pages[0].is_strict), (true, false));
}

#[test]
fn certificates_are_verified_where_that_is_asked_for() {
    let check = "SSL_GET {\n tls_verify\n tls_ca_file /ca.pem\n tls_name db.example\n tls_min_days 14\n\
        url {\n path /\n expect_header X-Role primary\n expect_header Date\n expect_body ok\n }\n }";
    let (kind, ..) = checked("", "", check);
    let CheckKind::Https(_, asked) = kind else { panic!("{kind:?}") };
    let tls = asked.tls;
    assert_eq!((tls.verifies, tls.days_left), (true, 14));
    assert_eq!(
        (tls.authorities.as_deref(), tls.holder.as_deref()),
        (Some("/ca.pem"), Some("db.example"))
    );
    let header = |name: &str, text: Option<&str>| (name.to_owned(), text.map(str::to_owned));
    let page = &asked.pages[0];
    assert_eq!(page.headers, [header("X-Role", Some("primary")), header("Date", None)]);
    assert_eq!(page.text.as_deref(), Some("ok"));
}

#[test]
fn the_health_of_a_grpc_server_is_asked_for_by_name() {
    let asked = |lines: &str| {
        let check = format!("GRPC_CHECK {{\n{lines}\n }}");
        let (kind, pace, _) = checked("virtualhost outer.example", "", &check);
        let CheckKind::Grpc(way, asked) = kind else { panic!("{kind:?}") };
        (way, asked, pace)
    };
    let (way, plain, pace) = asked("");
    assert_eq!(way.server.to_string(), "192.0.2.11:8080");
    assert_eq!((plain.service.as_str(), plain.host.as_str()), ("", "outer.example"));
    assert_eq!((plain.tls, pace.retry, pace.steps.get()), (None, 1, 1));
    let (_, named, _) =
        asked("service shop.v1.Cart\n virtualhost own.example\n tls\n tls_verify\n tls_min_days 7");
    assert_eq!((named.service.as_str(), named.host.as_str()), ("shop.v1.Cart", "own.example"));
    assert_eq!(named.server_name.as_deref(), Some("own.example"));
    let tls = named.tls.unwrap();
    assert!(tls.tells_name && tls.verifies);
    assert_eq!(tls.days_left, 7);
    let (_, other, _) = asked("tls\n sni_name sni.example");
    assert_eq!((other.host.as_str(), other.server_named_by.0), ("outer.example", "sni_name"));
    assert_eq!(other.server_name.as_deref(), Some("sni.example"));
    // Which keyword says a name makes no other check.
    assert_eq!(asked("tls\n sni_name outer.example").1, asked("tls").1);
    assert_ne!(asked("tls\n sni_name sni.example").1, asked("tls").1);
    let (kind, ..) = checked("", "", "GRPC_CHECK {\n tls\n }");
    let CheckKind::Grpc(_, nameless) = kind else { panic!("{kind:?}") };
    assert_eq!((nameless.host.as_str(), nameless.server_name), ("192.0.2.11:8080", None));
}

#[test]
fn what_http_2_cannot_ask_for_is_named() {
    let said = |check: &str| {
        let servers = format!("real_server 192.0.2.11 80 {{\n {check}\n }}");
        lower(&with("").replace("real_server 192.0.2.11 80 {\n }", &servers)).1
    };
    let page = |protocol: &str, host: &str, path: &str| {
        said(&format!(
            "HTTP_GET {{\n {protocol}\n virtualhost {host}\n url {{\n path {path}\n }}\n }}"
        ))
    };
    assert_eq!(page("", "b\u{fc}ro", "health"), [""; 0]);
    assert_eq!(page("http_protocol 2", "a.example:80", "/x?y"), [""; 0]);
    assert_eq!(
        page("http_protocol 2", "b\u{fc}ro", "health"),
        [
            "LVS023: `virtualhost b\u{fc}ro` is no host that HTTP/2 can ask for",
            "LVS023: `path health` is none that HTTP/2 can ask for"
        ]
    );
    let expected = "LVS023: `virtualhost 2001:db8::1` is no host that HTTP/2 can ask for";
    assert_eq!(said("GRPC_CHECK {\n virtualhost 2001:db8::1\n }"), [expected]);
    assert_eq!(said("GRPC_CHECK {\n virtualhost [2001:db8::1]:50051\n }"), [""; 0]);
}

#[test]
fn demands_on_certificates_that_nobody_verifies_are_named() {
    let text = with("").replace(
        "real_server 192.0.2.11 80 {\n }",
        "real_server 192.0.2.11 80 {\n SSL_GET {\n tls_name x\n url {\n path /\n }\n }\n }",
    );
    let (_, said) = lower(&text);
    assert_eq!(said, ["LVS015: `tls_name` without `tls_verify` does nothing"]);
    let plain = text.replace("SSL_GET", "GRPC_CHECK").replace("url {\n path /\n }", "tls_verify");
    let (_, said) = lower(&plain);
    assert_eq!(said, ["LVS015: `tls_name` without `tls` does nothing"]);
    // What has no effect makes no other check either.
    let idle = |line: &str| {
        let (mut servers, said) =
            lower(&plain.replace("tls_name x", "").replace("tls_verify", line));
        (servers.remove(0).unwrap().servers.remove(0).checks.remove(0).kind, said)
    };
    let (idle, bare) = (idle("sni_name x"), idle(""));
    assert_eq!(idle.1, ["LVS015: `sni_name` without `tls` does nothing"]);
    assert_eq!(idle.0, bare.0);
    let (_, said) = lower(&format!("SSL {{\n certificate /a.pem\n}}\n{}", with("")));
    let expected = "LVS016: `certificate` without `key`: servers that ask who we are get no answer";
    assert_eq!(said, [expected]);
}

#[test]
fn a_weight_of_a_file_is_as_large_as_that_of_a_server() {
    let weight = |words: &str| {
        let text = format!(
            "track_file F {{\n file /run/number\n}}\nvirtual_server 192.0.2.1 80 {{\n protocol TCP\n \
             real_server 192.0.2.11 80 {{\n FILE_CHECK {{\n track_file F\n weight {words}\n }}\n }}\n}}\n"
        );
        let CheckKind::File(_, weight) = lone(&text).servers[0].checks[0].kind.clone() else {
            panic!("another check")
        };
        weight.map(|it| (it.weight, it.reverse))
    };
    assert_eq!(weight("2147483647 reverse"), Some((2_147_483_647, true)));
    assert_eq!(weight("-2147483647"), Some((-2_147_483_647, false)));
}

#[test]
fn datagrams_are_hexadecimal() {
    let check = "UDP_CHECK {\n payload 00 ff\n require_reply 7x\n min_reply_length 2\n }";
    let (kind, ..) = checked("", "", check);
    let CheckKind::Udp(_, datagram) = kind else { panic!("{kind:?}") };
    assert_eq!(datagram.payload, [0, 255]);
    assert_eq!(datagram.reply, Some(vec![(0x70, 0xf0)]));
    assert_eq!((datagram.shortest, datagram.longest), (2, 255));
    let (kind, ..) = checked("", "", "UDP_CHECK {\n }");
    let CheckKind::Udp(_, datagram) = kind else { panic!("{kind:?}") };
    assert_eq!((datagram.payload.len(), datagram.reply), (32, None));
}

#[test]
fn weights_count_for_servers_behind_them() {
    let text = "virtual_server 192.0.2.1 80 {\n protocol TCP\n real_server 192.0.2.11 80 {\n }\n weight 5\n\
        real_server 192.0.2.12 80 {\n }\n real_server 192.0.2.13 80 {\n weight 0\n }\n}\n";
    let balance = lone(text);
    let weights: Vec<u32> = balance.servers.iter().map(|it| it.destination.weight).collect();
    assert_eq!(weights, [1, 5, 0]);
}

#[test]
fn flags_of_schedulers_stand_behind_their_scheduler() {
    let scheduling = lone(&with("lb_algo mh\n mh-port\n mh-fallback")).scheduling;
    assert_eq!((scheduling.flags.first, scheduling.flags.second), (true, true));
    let (_, said) = lower(&with("mh-port\n lb_algo mh"));
    assert_eq!(said, ["LVS007: `mh-port` is for `lb_algo mh`: it does nothing here"]);
}

#[test]
fn a_scheduler_that_nobody_knows_is_none_that_was_asked_for() {
    let lines = with("lb_algo rr\n lvs_sched wfq\n ops");
    assert_eq!(lower(&lines).0[0].as_ref().unwrap().scheduling.scheduler, "rr");
}

#[test]
fn persistence_is_for_six_minutes_where_no_time_is_written() {
    let persistence = |lines: &str| lone(&with(lines)).scheduling.persistence.unwrap();
    let bare = persistence("persistence_timeout");
    assert_eq!(bare.seconds, 360);
    assert_eq!(bare.granularity, Granularity::Mask([255; 4].into()));
    let own = persistence("persistence_timeout 50\n persistence_granularity 255.255.255.0");
    assert_eq!((own.seconds, own.granularity), (50, Granularity::Mask([255, 255, 255, 0].into())));
    // Out of range, which the table of keywords says.
    let (mut servers, _) = lower(&with("persistence_timeout 0"));
    assert_eq!(servers.remove(0).unwrap().scheduling.persistence, None);
}

#[test]
fn clients_are_grouped_by_addresses_of_their_own_family() {
    let of = |service: &str, lines: &str| {
        let text = format!("{service} {{\n {lines}\n}}\n");
        let (mut servers, said) = lower(&text);
        (
            servers
                .remove(0)
                .unwrap()
                .scheduling
                .persistence
                .map(|it| (it.seconds, it.granularity)),
            said,
        )
    };
    let six = "protocol TCP\n real_server 2001:db8::11 80 {\n }";
    let four = "protocol TCP\n real_server 192.0.2.11 80 {\n }";
    let each = Some((60, Granularity::Prefix(128)));
    let mark = format!("ip_family inet6\n persistence_timeout 60\n {six}");
    assert_eq!(of("virtual_server fwmark 8", &mark), (each, vec![]));
    let group = format!("persistence_timeout 60\n {six}");
    let group = of("virtual_server_group g {\n 2001:db8::1 80\n}\nvirtual_server group g", &group);
    assert_eq!(group, (each, vec![]));
    // It takes persistence to group clients.
    let grouped = Some((360, Granularity::Mask([255, 255, 0, 0].into())));
    let lines = format!("persistence_granularity 255.255.0.0\n {four}");
    assert_eq!(of("virtual_server 192.0.2.1 80", &lines), (grouped, vec![]));
    let lines = format!("persistence_granularity 16\n {four}");
    assert_eq!(
        of("virtual_server 192.0.2.1 80", &lines),
        (
            grouped,
            vec!["LVS021: `16` is the length of a prefix, and IPv4 takes a mask: it is taken as 255.255.0.0".to_owned()]
        )
    );
    let left_out = |text: &str| vec![format!("LVS021: {text}: it is left out")];
    let lines = format!("persistence_granularity 64\n {four}");
    assert_eq!(
        of("virtual_server 192.0.2.1 80", &lines),
        (None, left_out("`64` is the length of a prefix, and IPv4 takes a mask"))
    );
    let lines = format!("persistence_granularity 255.255.0.0\n {six}");
    assert_eq!(
        of("virtual_server 2001:db8::1 80", &lines),
        (None, left_out("`255.255.0.0` is a mask of IPv4 addresses, and this is for IPv6"))
    );
}

#[test]
fn a_mark_is_of_the_family_of_its_servers() {
    let of = |lines: &str| {
        let (servers, _) = lower(&format!("virtual_server fwmark 8 {{\n {lines}\n}}\n"));
        fronts(servers[0].as_ref().unwrap())
    };
    let four = "real_server 192.0.2.11 80 {\n }";
    let six = "real_server 2001:db8::11 80 {\n }";
    let six_by_nat = "real_server 2001:db8::11 80 {\n lvs_method NAT\n }";
    let (ipv4, ipv6) = (["fwmark 8"], ["fwmark 8 inet6"]);
    assert_eq!(of(four), ipv4);
    assert_eq!(of(six), ipv6);
    assert_eq!(of(&format!("lb_kind TUN\n {four}\n {six}")), ipv4);
    assert_eq!(of(&format!("lb_kind TUN\n {four}\n {six_by_nat}")), ipv6);
    assert_eq!(of(&format!("lb_kind TUN\n sorry_server 2001:db8::9 80\n {four}")), ipv6);
    assert_eq!(of(&format!("ip_family inet\n lb_kind TUN\n {six}")), ipv4);
    let group = format!(
        "virtual_server_group g {{\n fwmark 8\n}}\nvirtual_server group g {{\n protocol TCP\n {six}\n}}\n"
    );
    assert_eq!(fronts(&lone(&group)), ipv6);
}

#[test]
fn tunnels_are_of_three_kinds() {
    let forwarding =
        |words: &str| lone(&with(&format!("lb_kind {words}"))).servers[0].destination.forwarding;
    assert_eq!(forwarding("DR"), Forwarding::DirectRoute);
    assert_eq!(forwarding("TUN"), Forwarding::Tunnel(Tunnel::IpIp));
    let checksum = TunnelChecksum::Remote;
    let gue = Forwarding::Tunnel(Tunnel::Gue { port: 6080, checksum });
    assert_eq!(forwarding("TUN type gue port 6080 remcsum"), gue);
    let gre = Forwarding::Tunnel(Tunnel::Gre { checksum: TunnelChecksum::Full });
    assert_eq!(forwarding("TUN type gre csum"), gre);
}

#[test]
fn only_nat_changes_a_port() {
    let text = "virtual_server 192.0.2.1 80 {\n protocol TCP\n lb_kind DR\n real_server 192.0.2.11 8080 {\n }\n}\n";
    let (servers, said) = lower(text);
    let server = &servers[0].as_ref().unwrap().servers[0];
    assert_eq!(server.back.to_string(), "192.0.2.11:80");
    assert_eq!(
        said,
        ["LVS010: only NAT can change a port: `real_server 192.0.2.11 8080` is at port 80"]
    );
}

#[test]
fn a_quorum_is_within_reach() {
    let (servers, said) = lower(&with("quorum 3\n hysteresis 2"));
    let balance = servers[0].as_ref().unwrap();
    assert_eq!((balance.quorum, balance.hysteresis), (1, 0));
    assert_eq!(
        said,
        [
            "LVS011: a quorum of 3 is more than the weight of all servers, 1: it is 1",
            "LVS011: a hysteresis of 2 leaves nothing of a quorum of 1: it is 0",
        ]
    );
}

#[test]
fn groups_are_a_service_for_each_address_and_mark() {
    let server = "real_server 192.0.2.11 80 {\n }";
    let text = format!(
        "virtual_server group web {{\n protocol TCP\n {server}\n}}\n\
         virtual_server_group web {{\n 192.0.2.1-3 80\n 192.0.2.9 81\n fwmark 7\n}}\n"
    );
    assert_eq!(
        fronts(&lone(&text)),
        [
            "TCP 192.0.2.1:80",
            "TCP 192.0.2.2:80",
            "TCP 192.0.2.3:80",
            "TCP 192.0.2.9:81",
            "fwmark 7"
        ]
    );
    let (servers, said) =
        lower(&format!("virtual_server group web {{\n protocol TCP\n {server}\n}}\n"));
    assert_eq!(servers, [None]);
    assert_eq!(
        said,
        [
            "LVS004: `virtual_server group web`: there is no such virtual_server_group: it is left out"
        ]
    );
}

#[test]
fn what_cannot_be_balanced_is_left_out_and_named() {
    let (servers, said) = lower("virtual_server 192.0.2.1 80 {\n protocol TCP\n}\n");
    assert_eq!(servers, [None]);
    assert_eq!(said, ["LVS001: `virtual_server 192.0.2.1 80` has no real_server: it is left out"]);
    let (servers, said) = lower(&(with("") + &with("lb_algo rr")));
    assert!(servers[0].is_some() && servers[1].is_none());
    assert_eq!(
        said,
        ["LVS003: TCP 192.0.2.1:80 is balanced already: this virtual_server is left out"]
    );
    let (_, said) = lower(&with("real_server 192.0.2.11 80 {\n weight 7\n }"));
    assert_eq!(
        said,
        ["LVS002: real_server 192.0.2.11:80 is already defined: this one is left out"]
    );
    let (servers, said) = lower(&with("real_server 2001:db8::1 80 {\n }"));
    assert_eq!(servers[0].as_ref().unwrap().servers.len(), 1);
    assert_eq!(
        said,
        [
            "LVS009: real_server 2001:db8::1 is of another family than what it serves: it is left out"
        ]
    );
}

#[test]
fn a_service_without_protocol_is_udp_and_one_without_port_persists() {
    let (servers, said) = lower("virtual_server 192.0.2.1 {\n real_server 192.0.2.11 {\n }\n}\n");
    let balance = servers[0].as_ref().unwrap();
    assert_eq!(fronts(balance), ["UDP 192.0.2.1:0"]);
    assert_eq!(balance.scheduling.persistence.as_ref().unwrap().seconds, 360);
    assert_eq!(
        said,
        [
            "LVS005: `virtual_server 192.0.2.1` has no protocol: it balances UDP",
            "LVS006: `virtual_server 192.0.2.1` is for every port, which takes persistence: it has some",
        ]
    );
}

#[test]
fn real_servers_that_are_not_kept_are_judged_all_the_same() {
    let text = "virtual_server 192.0.2.1 80 {\n protocol TCP\n quorum 9\n real_server 192.0.2.11 80 {\n \
        TCP_CHECK {\n }\n }\n real_server 192.0.2.11 80 {\n }\n}\nvirtual_server group G {\n protocol TCP\n \
        real_server 192.0.2.12 80 {\n }\n}\nvirtual_server_group G {\n 192.0.2.2 80\n}\n\
        virtual_server 192.0.2.2 80 {\n protocol TCP\n real_server 192.0.2.13 80 {\n }\n}\n";
    let sources = SourceSet::single("a.conf", text);
    let environment = Environment::of_host("host");
    let mut kept = config::check_for(&sources, &environment, RealServers::Kept);
    let judged = config::check_for(&sources, &environment, RealServers::Judged);
    let said = |checked: &config::Checked| -> Vec<String> {
        checked.diagnostics.iter().map(|it| format!("{} {}", it.code.name(), it.message)).collect()
    };
    assert_eq!(said(&judged), said(&kept));
    let about_servers = said(&judged).iter().filter(|it| it.starts_with("LVS")).count();
    assert_eq!(about_servers, 3, "{:?}", said(&judged));
    let mut servers = 0;
    for balance in kept.model.virtual_servers.iter_mut().filter_map(|it| it.balance.as_mut()) {
        servers += std::mem::take(&mut balance.servers).len();
    }
    assert_eq!(servers, 2);
    assert_eq!(judged.model, kept.model);
}

/// A virtual server of these lines, balanced by what is named.
fn by(plane: &str, lines: &str) -> String {
    // What balances may be said behind what is balanced.
    format!("{}global_defs {{\n lvs_data_plane {plane}\n}}\n", with(lines))
}

#[test]
fn what_nftables_cannot_do_is_refused_where_it_is_written() {
    for (lines, expected) in [
        ("lb_algo rr", None),
        ("lb_algo wrr\n lvs_method DR\n persistence_timeout 60", None),
        ("lb_algo mh\n mh-port\n sorry_server 192.0.2.20 80", None),
        ("", Some("nftables has no scheduler wlc, which counts the connections of servers")),
        ("lb_algo rr\n lvs_method TUN", Some("nftables has no tunnels to real servers")),
        (
            "lb_algo rr\n sorry_server 192.0.2.20 80\n sorry_server_lvs_method DR",
            Some(
                "nftables reaches all servers of a service by the same method, not some by NAT and some by DR",
            ),
        ),
        (
            "lb_algo rr\n persistence_timeout 60\n persistence_engine sip",
            Some("nftables has no persistence engine sip"),
        ),
    ] {
        let expect = |text: Option<String>| text.into_iter().collect::<Vec<_>>();
        let refused = expected.map(|text| format!("LVS020: {text}"));
        assert_eq!(lower(&by("nftables", lines)).1, expect(refused.clone()), "{lines}");
        let warned =
            refused.map(|text| format!("{text}: on a kernel without IPVS this is not balanced"));
        assert_eq!(lower(&by("auto", lines)).1, expect(warned), "{lines}");
        assert_eq!(lower(&by("ipvs", lines)).1, [""; 0], "{lines}");
    }
}

#[test]
fn a_refusal_of_the_data_plane_names_the_line_and_the_remedy() {
    let text = "global_defs {\n lvs_data_plane nftables\n}\nvirtual_server 192.0.2.1 80 {\n protocol TCP\n lb_algo rr\n\
        real_server 192.0.2.11 80 {\n }\n real_server 192.0.2.12 80 {\n uthreshold 9\n }\n}\n";
    let sources = SourceSet::single("case.conf", text);
    // Also where real servers are not kept.
    let environment = Environment::of_host("host");
    let checked = config::check_for(&sources, &environment, RealServers::Judged);
    let [refusal] = checked.diagnostics.as_slice() else { panic!("{:?}", checked.diagnostics) };
    assert_eq!(refusal.severity, config::diagnostic::Severity::Error);
    assert_eq!(sources.location(refusal.primary.unwrap()).line, 9);
    assert_eq!(
        refusal.help.as_deref(),
        Some("give the server less `weight`, or write `lvs_data_plane ipvs`")
    );
}

#[test]
fn who_tells_how_servers_are_configured_has_what_they_say_for_checks_instead_of_these() {
    let text = "virtual_server 192.0.2.1 80 {\n protocol TCP\n delay_loop 2\n retry 4\n weight 3\n alpha\n real_server 192.0.2.11 80 {\n \
        warmup 0.5\n TCP_CHECK {\n }\n }\n}\n";
    let sources = SourceSet::single("a.conf", text);
    let environment = Environment::of_host("host");
    let balance = |real_servers| {
        let checked = config::check_for(&sources, &environment, real_servers);
        checked.model.virtual_servers[0].balance.clone().unwrap()
    };
    let told = balance(RealServers::Told);
    let common = told.common.as_deref().unwrap();
    assert_eq!((common.weight, common.habits.retry, common.habits.warmup), (3, Some(4), None));
    let [server] = told.servers.as_slice() else { panic!("{:?}", told.servers) };
    let habits = server.habits.as_deref().unwrap();
    let seconds = std::time::Duration::from_secs;
    assert_eq!((habits.delay_loop, habits.retry, habits.alpha), (seconds(2), Some(4), true));
    assert_eq!((habits.warmup, habits.timeout), (Some(seconds(1) / 2), seconds(5)));
    assert!(server.checks.is_empty());
    let kept = balance(RealServers::Kept);
    assert_eq!((kept.common, &kept.servers[0].habits), (None, &None));
}

#[test]
fn real_servers_whose_checks_want_more_of_the_host_can_be_examined() {
    let text = "virtual_server 192.0.2.1 80 {\n protocol TCP\n real_server 192.0.2.11 80 {\n TCP_CHECK {\n }\n }\n \
        real_server 192.0.2.12 80 {\n HTTP_GET {\n url {\n path /\n }\n }\n }\n \
        real_server 192.0.2.13 80 {\n HTTP_GET {\n url {\n path /\n regex x\n }\n }\n }\n \
        real_server 192.0.2.14 80 {\n SSL_GET {\n url {\n path /\n }\n }\n }\n}\n";
    let sources = SourceSet::single("a.conf", text);
    let environment = Environment::of_host("host");
    let examined = config::check_for(&sources, &environment, RealServers::Examined);
    let servers = &examined.model.virtual_servers[0].balance.as_ref().unwrap().servers;
    let backs: Vec<String> = servers.iter().map(|it| it.back.to_string()).collect();
    assert_eq!(backs, ["192.0.2.13:80", "192.0.2.14:80"]);
}
