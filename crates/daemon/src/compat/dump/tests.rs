use super::*;

/// One Active router, one Backup and one in Fault.
fn report() -> Report {
    let text = include_str!("../../../../status/tests/report.json");
    serde_json::from_str(text).expect("a report")
}

fn file(dump: Dump, name: &str) -> String {
    let mut model = Model::default();
    // The host's name otherwise.
    model.global.router_id = Some("router".to_owned());
    model.global.dumps.state = Some("/x/".to_owned());
    model.global.dumps.stats = Some("/x/".to_owned());
    model.global.dumps.json = Some("/x/".to_owned());
    let files = dump.files(&report(), &model);
    let file = files.into_iter().find(|(path, _)| path == &Path::new("/x").join(name));
    file.expect(name).1
}

#[test]
fn a_virtual_link_is_shown_with_what_it_stands_on() {
    let mut report = report();
    let one = report.instances.first_mut().unwrap();
    let link = |transmits| status::VirtualLink {
        name: "vrrp.51".to_owned(),
        up: true,
        transmits,
        ipvlan: None,
    };
    one.virtual_link = Some(link(true));
    let address = one.addresses.first_mut().unwrap();
    (address.interface, address.below) = ("vrrp.51".to_owned(), Some("eth0".to_owned()));
    let period = status::Seconds(std::time::Duration::from_secs(9));
    one.settings.announcements.extra = Some(status::Extra { period, on_all: false });
    let model = Model::default();
    let texts = |report: &Report| [json::whole(report, &model), data::whole(report, &model)];
    let [json, data] = texts(&report);
    for part in [
        r#""vmac_ifname":"vrrp.51","ifp_ifname":"vrrp.51","master_priority""#,
        r#""vips":["192.0.2.10\/24 dev vrrp.51@eth0 scope global label eth0:1 set""#,
    ] {
        assert!(json.contains(part), "{json}");
    }
    for line in [
        "   Use VMAC, i/f name vrrp.51, is_up = true, xmit_base = false\n   Interface = vrrp.51, vmac on eth0\n",
        "   Gratuitous ARP for each secondary VMAC = 9\n",
        "     192.0.2.10/24 dev vrrp.51@eth0 scope global label eth0:1 set\n",
    ] {
        assert!(data.contains(line), "{data}");
    }
    let one = report.instances.first_mut().unwrap();
    one.virtual_link = Some(link(false));
    one.settings.announcements.extra = Some(status::Extra { period, on_all: true });
    let [_, data] = texts(&report);
    for line in [
        "xmit_base = true\n   Interface = vrrp.51, vmac on eth0, xmit base i/f\n",
        "   Gratuitous ARP for each secondary i/f = 9\n",
    ] {
        assert!(data.contains(line), "{data}");
    }
    let one = report.instances.first_mut().unwrap();
    one.virtual_link = Some(status::VirtualLink { ipvlan: Some("vepa".to_owned()), ..link(true) });
    let [_, data] = texts(&report);
    let lines = "   Use IPVLAN, i/f vrrp.51, is_up = true, type vepa\n   Interface = vrrp.51, ipvlan on eth0\n";
    assert!(data.contains(lines), "{data}");
}

#[test]
fn json_is_as_keepalived_2_2_7_writes_it() {
    let text = file(Dump::Json, "keepalived.json");
    let first = text.split_once("},\"stats\":").unwrap().0;
    // Letter by letter what keepalived wrote, but for the password.
    assert_eq!(
        first,
        r#"[{"data":{"iname":"VI_1","dont_track_primary":0,"skip_check_adv_addr":0,"strict_mode":0,"vmac_ifname":"","ifp_ifname":"eth0","master_priority":0,"last_transition":1795264005.155648,"garp_delay":5,"garp_refresh":60,"garp_rep":5,"garp_refresh_rep":1,"garp_lower_prio_delay":5,"garp_lower_prio_rep":5,"lower_prio_no_advert":0,"higher_prio_send_advert":0,"vrid":51,"base_priority":100,"effective_priority":103,"vipset":true,"promote_secondaries":false,"adver_int":1,"master_adver_int":1,"accept":1,"nopreempt":false,"preempt_delay":3,"state":2,"wantstate":2,"version":2,"smtp_alert":false,"notify_deleted":false,"script_master":"'\/bin\/echo' 'master' 'x'","script":"'\/bin\/true'","vips":["192.0.2.10\/24 dev eth0 scope global label eth0:1 set","192.0.2.11 dev eth0 scope global set"],"evips":["192.0.2.20 dev eth0 scope global set"],"track_ifp":["lo"],"track_script":["'\/bin\/true'"],"auth_type":1,"auth_data":"********""#
    );
    let stats = text.split_once("\"stats\":").unwrap().1.split_once('}').unwrap().0;
    assert_eq!(
        stats,
        r#"{"advert_rcvd":7,"advert_sent":3000,"become_master":2,"release_master":1,"packet_len_err":1,"advert_interval_err":0,"ip_ttl_err":5,"invalid_type_rcvd":0,"addr_list_err":0,"invalid_authtype":0,"authtype_mismatch":0,"auth_failure":2,"pri_zero_rcvd":4,"pri_zero_sent":1"#
    );
    assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap().is_array());
}

#[test]
fn json_of_version_2_is_an_object_around_the_list() {
    let mut model = Model::default();
    model.global.dumps.json_version = 2;
    let files = Dump::Json.files(&report(), &model);
    let value: serde_json::Value = serde_json::from_str(&files[0].1).unwrap();
    assert_eq!(value["vrrp"][1]["data"]["master_priority"], 150);
    assert_eq!(value["vrrp"][1]["data"]["nopreempt"], true);
    assert_eq!(value["vrrp"][2]["data"]["state"], 3);
    assert!(value["vrrp"][2]["data"].get("evips").is_none(), "left out where it is empty");
}

#[test]
fn statistics_are_as_keepalived_2_2_7_writes_them() {
    let text = file(Dump::Stats, "keepalived.stats");
    let expected = "\
VRRP Instance: VI_1
  Advertisements:
    Received: 7
    Sent: 3000
  Became master: 2
  Released master: 1
  Packet Errors:
    Length: 1
    TTL: 5
    Invalid Type: 0
    Advertisement Interval: 0
    Address List: 0
  Authentication Errors:
    Invalid Type: 0
    Type Mismatch: 0
    Failure: 2
  Priority Zero:
    Received: 4
    Sent: 1
VRRP Instance: VI_2
";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(text.lines().count(), 3 * 19);
}

#[test]
fn the_data_are_as_keepalived_2_2_7_writes_them() {
    // The time of day depends on where the test runs.
    let text = file(Dump::Data, "keepalived.data");
    let plain: Vec<&str> =
        text.lines().map(|line| line.split_once(" (Sat").map_or(line, |(line, _)| line)).collect();
    insta::assert_snapshot!(plain.join("\n"));
    assert!(file(Dump::Data, "keepalived_parent.data").starts_with("------< Global definitions"));
}

#[test]
fn checks_of_our_own_are_shown_as_the_others() {
    let text = "virtual_server 192.0.2.1 80 {\n protocol TCP\n real_server 192.0.2.11 80 {\n  \
                GRPC_CHECK {\n   service shop\n  }\n  GRPC_CHECK {\n   virtualhost a.example\n   tls\n   \
                sni_name b.example\n   tls_verify\n   tls_ca_file /ca.pem\n   tls_name c.example\n   \
                tls_min_days 7\n  }\n }\n}\n";
    let sources = config::source::SourceSet::single("x.conf", text);
    let host = config::syntax::Environment::of_host("host");
    let text = balancing::whole(&Report::default(), &config::check(&sources, &host).model);
    let lines = "   Connection\n     Dest = [192.0.2.11]:80\n     Timeout = 5.000000\n   \
                 Keepalive method = GRPC_CHECK\n   Service = shop\n   VirtualHost = 192.0.2.11:80\n   \
                 TLS = no\n";
    assert!(text.contains(lines), "{text}");
    let lines = "   Service = \n   VirtualHost = a.example\n   TLS = yes\n     SNI name = b.example\n     \
                 Verify = yes\n     CA file = /ca.pem\n     Certificate name = c.example\n     Min days = 7\n";
    assert!(text.contains(lines), "{text}");
}

#[test]
fn virtual_servers_are_as_keepalived_2_2_7_writes_them() {
    let text = include_str!("tests/balancing.conf");
    let sources = config::source::SourceSet::single("x.conf", text);
    let host = config::syntax::Environment::of_host("host");
    let model = config::check(&sources, &host).model;
    let report = Report { virtual_servers: as_in_the_lab(), ..Report::default() };
    let text = balancing::whole(&report, &model);
    let ours: Vec<&str> =
        text.lines().skip_while(|line| *line != "------< LVS Topology >------").collect();
    assert!(ours.len() > 300, "{text}");
    // What it wrote of this file in the lab; of some lines ours has the beginning.
    let mut theirs = include_str!("tests/balancing.data").lines();
    for line in &ours {
        assert!(theirs.any(|it| it.starts_with(line)), "`{line}` is not in its place: {text}");
    }
    // How they stand is told whole.
    let stands = |line: &&str| STANDS.iter().any(|word| line.trim_start().starts_with(word));
    let theirs = include_str!("tests/balancing.data").lines().filter(stands);
    assert_eq!(ours.iter().copied().filter(stands).collect::<Vec<_>>(), theirs.collect::<Vec<_>>());
    // Where nobody says how they stand, what the configuration says is told.
    let bare = balancing::whole(&Report::default(), &model);
    let stands =
        bare.lines().filter(stands).find(|it| !it.contains("RIP =") || it.contains("WEIGHT"));
    assert_eq!((bare.contains("   initial weight = 3\n"), stands), (true, None));
}

const STANDS: &[&str] = &[
    "RIP =",
    "effective weight",
    "alive =",
    "quorum_state_up",
    "num failed checkers",
    "RS set",
    "Enabled",
    "Up =",
    "Has run",
    "Current weight",
];

/// How everything stood in the lab when keepalived wrote what is compared.
fn as_in_the_lab() -> Vec<status::VirtualServer> {
    let up = |kind| (kind, "up", true, 0, 0);
    let down = |kind, failures| (kind, "down", true, 0, failures);
    let assumed = |kind| (kind, "up", false, 0, 1);
    vec![
        virtual_server(
            ("[192.0.2.80]:tcp:80", "tcp", "down"),
            &[
                real_server(
                    ("[192.0.2.11]:tcp:8080", 3, Some(0), "down"),
                    &[down("HTTP_GET", 5), down("TCP_CHECK", 0)],
                ),
                // Not in the order of the file, as behind a reload that put some in between.
                real_server(
                    ("[192.0.2.12]:tcp:8080", 2, None, "down"),
                    &[
                        down("BFD_CHECK peer", 0),
                        down("SSL_GET", 2),
                        down("SMTP_CHECK", 2),
                        down("DNS_CHECK", 0),
                        up("MISC_CHECK /usr/bin/true misc"),
                        up("PING_CHECK"),
                        down("UDP_CHECK", 0),
                    ],
                ),
            ],
        ),
        virtual_server(
            ("FWM 7", "none", "up"),
            &[real_server(("[192.0.2.9]:none:0", 1, Some(1), "up"), &[])],
        ),
        virtual_server(
            ("FWM 7", "none", "up"),
            &[real_server(("[2001:db8::11]:none:0", 1, Some(1), "up"), &[assumed("PING_CHECK")])],
        ),
        virtual_server(
            ("[192.0.2.81]:udp:53", "udp", "up"),
            &[
                real_server(("[192.0.2.13]:udp:53", 1, Some(1), "up"), &[]),
                real_server(("[192.0.2.14]:udp:53", 0, Some(0), "up"), &[]),
            ],
        ),
        virtual_server(
            ("[v4]:0", "tcp", "up"),
            &[real_server(("[192.0.2.15]:tcp:80", 1, Some(1), "up"), &[])],
        ),
        virtual_server(
            ("[2001:db8::80]:sctp:443", "sctp", "up"),
            &[real_server(
                ("[2001:db8::12]:sctp:443", 7, Some(7), "up"),
                &[assumed("UDP_CHECK"), ("FILE_CHECK number", "up", true, 6, 0)],
            )],
        ),
    ]
}

/// Name, protocol, state.
fn virtual_server(
    (name, protocol, state): (&str, &str, &str),
    real_servers: &[status::RealServer],
) -> status::VirtualServer {
    serde_json::from_value(serde_json::json!({
        "name": name, "protocol": protocol, "fronts": [], "scheduler": "rr", "persistence": null,
        "data_plane": "ipvs", "problem": null, "state": state, "since": 0.0, "cause": "", "quorum": 1,
        "hysteresis": 0, "weight": 0, "suspended": false, "traffic": null,
        "real_servers": real_servers, "sorry_server": null,
    }))
    .unwrap()
}

/// Name, weight, the weight in the data plane, state; of each check kind and what it asks, state, whether it has run,
/// what it adds, failures.
fn real_server(
    (name, weight, installed, state): (&str, u32, Option<u32>, &str),
    checks: &[(&str, &str, bool, i64, u32)],
) -> status::RealServer {
    let checks = checks.iter().map(|(kind, state, has_run, adds, failures)| {
        let (kind, target) = kind.split_once(' ').unwrap_or((kind, name));
        serde_json::json!({
            "kind": kind, "target": target, "state": state, "since": null,
            "last": has_run.then_some(1.0), "result": "", "failures": failures, "adds": adds, "due": null,
        })
    });
    serde_json::from_value(serde_json::json!({
        "name": name, "state": state, "since": 0.0, "cause": "", "forwarding": "nat", "base_weight": 1,
        "weight": weight, "wanted": installed, "installed": installed, "connections": null, "traffic": null,
        "checks": checks.collect::<Vec<_>>(),
    }))
    .unwrap()
}

#[test]
fn files_go_where_the_configuration_says() {
    assert_eq!(place(Some("/var/x/"), "keepalived.json"), Path::new("/var/x/keepalived.json"));
    assert_eq!(place(Some("/var/state"), "keepalived.json"), Path::new("/var/state"));
    assert_eq!(beside(Path::new("/t/a.data"), "_parent"), Path::new("/t/a_parent.data"));
    assert_eq!(beside(Path::new("/t/a"), "_parent"), Path::new("/t/a_parent"));
}

#[test]
fn without_an_instance_nothing_is_written_for_programs() {
    let mut report = report();
    report.instances.clear();
    for dump in [Dump::Json, Dump::Stats, Dump::StatsAndClear] {
        assert!(dump.files(&report, &Model::default()).is_empty());
    }
    assert_eq!(Dump::Data.files(&report, &Model::default()).len(), 2);
}

#[test]
fn real_time_signals_ask_for_what_signum_says() {
    let of = |name| Dump::of_real_time(super::super::signal_number(name).unwrap());
    assert_eq!(of("JSON"), Some(Dump::Json));
    assert_eq!(of("STATS_CLEAR"), Some(Dump::StatsAndClear));
    assert_eq!(Dump::of_real_time(libc::SIGRTMIN()), None);
}
