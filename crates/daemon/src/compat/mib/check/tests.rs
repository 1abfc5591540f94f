use agentx::{Oid, Tree, VarBind, View};
use config::RealServers;
use config::model::Model;
use config::source::SourceSet;
use config::syntax::Environment;
use status::{Condition, Connections, Seconds, Traffic};

use super::{Balanced, Heard, Standing};

/// What an agent knows of a configuration.
fn model(text: &str) -> Model {
    let sources = SourceSet::single("a.conf", text.to_owned());
    config::check_for(&sources, &Environment::of_host("host"), RealServers::Told).model
}

fn server(name: &str, state: Condition, weight: u32) -> status::RealServer {
    status::RealServer {
        name: name.to_owned(),
        state,
        since: Seconds::default(),
        cause: String::new(),
        forwarding: "nat".to_owned(),
        base_weight: weight,
        weight,
        order: None,
        wanted: None,
        installed: None,
        connections: None,
        traffic: None,
        checks: Vec::new(),
    }
}

fn service(
    front: &str,
    state: Condition,
    servers: Vec<status::RealServer>,
) -> status::VirtualServer {
    status::VirtualServer {
        name: String::new(),
        protocol: "tcp".to_owned(),
        fronts: vec![front.to_owned()],
        scheduler: "rr".to_owned(),
        persistence: None,
        data_plane: Some("ipvs".to_owned()),
        problem: None,
        state,
        since: Seconds::default(),
        cause: String::new(),
        quorum: 1,
        hysteresis: 0,
        weight: 0,
        suspended: false,
        traffic: Some(Traffic::default()),
        real_servers: servers,
        sorry_server: None,
    }
}

fn standing(model: &Model, told: impl IntoIterator<Item = status::VirtualServer>) -> Standing {
    let mut heard = Heard::default();
    told.into_iter().for_each(|service| heard.take(service));
    Standing::of(heard, model)
}

/// Everything below keepalived.check, without that.
fn walk(view: &dyn View) -> Vec<String> {
    let (mut name, mut found) = (Oid::new(&super::CHECK), Vec::new());
    while let Some(bind) = view.next(&name, false, &Oid::default()) {
        assert_eq!(view.value(&bind.name), bind.value, "asked for alone");
        let line = format!("{} {:?}", bind.name, bind.value);
        found.push(line.replacen(".1.3.6.1.4.1.9586.100.5.3.", "", 1));
        name = bind.name;
    }
    found
}

fn columns<'l>(lines: &'l [String], wanted: &[&str]) -> Vec<&'l str> {
    let is_wanted = |line: &&str| wanted.iter().any(|it| line.starts_with(it));
    lines.iter().map(String::as_str).filter(is_wanted).collect()
}

const TWO: &str = "virtual_server 192.0.2.1 80 {
 snmp_name web
 delay_loop 2.5
 lvs_sched wrr
 protocol TCP
 virtualhost www
 retry 2
 delay_before_retry 0.5
 warmup 0.25
 weight 3
 persistence_timeout 300
 persistence_granularity 255.255.255.0
 sorry_server 192.0.2.20 8080
 real_server 192.0.2.11 8000 {
  snmp_name one
  weight 5
  uthreshold 100
  notify_up \"/bin/up a\"
  TCP_CHECK {
  }
 }
 real_server 192.0.2.12 8000 {
  inhibit_on_failure
  virtualhost two
  retry 3
  connect_timeout 0.7
 }
}
virtual_server fwmark 7 inet6 {
 lvs_sched sh
 sh-port
 lvs_method TUN type gue port 6080 csum
 real_server 2001:db8::11 0 {
 }
}
";

/// What is told of them, a walk long.
fn walk_over_two() -> Vec<String> {
    let model = model(TWO);
    let check = |state| status::Check {
        kind: "TCP_CHECK".to_owned(),
        target: String::new(),
        state,
        since: None,
        last: None,
        result: String::new(),
        failures: 0,
        due: None,
        adds: 0,
    };
    let traffic = Traffic {
        connections: 3,
        packets_in: (1 << 32) + 7,
        bytes_out: 1 << 40,
        byte_rate_out: (5 << 32) + 9,
        ..Traffic::default()
    };
    let one = status::RealServer {
        connections: Some(Connections { active: 4, inactive: 5, persistent: 6 }),
        traffic: Some(traffic),
        checks: vec![check(Condition::Up)],
        ..server("[192.0.2.11]:tcp:8000", Condition::Up, 5)
    };
    let two = status::RealServer {
        checks: vec![check(Condition::Down), check(Condition::Down)],
        ..server("[192.0.2.12]:tcp:8000", Condition::Down, 3)
    };
    let web = status::VirtualServer {
        traffic: Some(traffic),
        sorry_server: Some(Box::new(server("[192.0.2.20]:tcp:8080", Condition::Up, 1))),
        ..service("tcp 192.0.2.1:80", Condition::Down, vec![one, two])
    };
    let fronts: Vec<String> = model
        .virtual_servers
        .iter()
        .filter_map(|it| Some(it.balance.as_ref()?.fronts[0].to_string()))
        .collect();
    let web = status::VirtualServer { fronts: vec![fronts[0].clone()], ..web };
    let mark =
        service(&fronts[1], Condition::Up, vec![server("[2001:db8::11]:none:0", Condition::Up, 1)]);
    let standing = standing(&model, [web, mark]);
    walk(&Balanced { model: &model, standing: &standing })
}

#[test]
fn each_server_has_a_row_and_the_last_resort_the_first() {
    let lines = walk_over_two();
    // Type, address, port, status, weight, thresholds, failed checks.
    let server = ["4.1.2.", "4.1.4.", "4.1.5.", "4.1.6.", "4.1.7.", "4.1.8.", "4.1.13."];
    assert_eq!(
        columns(&lines, &server),
        [
            "4.1.2.1.1 Integer(2)",
            "4.1.2.1.2 Integer(1)",
            "4.1.2.1.3 Integer(1)",
            "4.1.2.2.1 Integer(1)",
            "4.1.4.1.1 Octets([192, 0, 2, 20])",
            "4.1.4.1.2 Octets([192, 0, 2, 11])",
            "4.1.4.1.3 Octets([192, 0, 2, 12])",
            "4.1.4.2.1 Octets([32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17])",
            "4.1.5.1.1 Gauge32(8080)",
            "4.1.5.1.2 Gauge32(8000)",
            "4.1.5.1.3 Gauge32(8000)",
            "4.1.5.2.1 Gauge32(0)",
            "4.1.6.1.2 Integer(1)",
            "4.1.6.1.3 Integer(2)",
            "4.1.6.2.1 Integer(1)",
            "4.1.7.1.2 Integer(5)",
            "4.1.7.1.3 Integer(3)",
            "4.1.7.2.1 Integer(1)",
            "4.1.8.1.2 Gauge32(100)",
            "4.1.13.1.2 Gauge32(0)",
            "4.1.13.1.3 Gauge32(2)",
            "4.1.13.2.1 Gauge32(0)",
        ]
    );
}

#[test]
fn counts_and_settings_of_servers_are_told_in_the_forms_of_the_mib() {
    let lines = walk_over_two();
    // What went there: 32 bits begin anew, 64 are halved where the MIB has no such type.
    let counted = [
        "4.1.15.1.2",
        "4.1.17.1.2",
        "4.1.18.1.2",
        "4.1.21.1.2",
        "4.1.28.1.2",
        "4.1.38.1.2",
        "4.1.39.1.2",
    ];
    assert_eq!(
        columns(&lines, &counted),
        [
            "4.1.15.1.2 Gauge32(4)",
            "4.1.17.1.2 Gauge32(6)",
            "4.1.18.1.2 Counter32(7)",
            "4.1.21.1.2 Counter64(1099511627776)",
            "4.1.28.1.2 Counter64(4294967303)",
            "4.1.38.1.2 Gauge32(9)",
            "4.1.39.1.2 Gauge32(5)",
        ]
    );
    // Retries, delays and names: inherited, but for the name of a host.
    let said = ["4.1.41.", "4.1.43.", "4.1.48.", "4.1.51.", "4.1.53.", "4.1.55."];
    assert_eq!(
        columns(&lines, &said),
        [
            "4.1.41.1.3 Octets([116, 119, 111])",
            "4.1.43.1.1 Gauge32(0)",
            "4.1.43.1.2 Gauge32(2)",
            "4.1.43.1.3 Gauge32(3)",
            "4.1.43.2.1 Gauge32(0)",
            "4.1.48.1.1 Gauge32(0)",
            "4.1.48.1.2 Gauge32(500000)",
            "4.1.48.1.3 Gauge32(500000)",
            "4.1.48.2.1 Gauge32(0)",
            "4.1.51.1.1 Gauge32(0)",
            "4.1.51.1.2 Gauge32(5000000)",
            "4.1.51.1.3 Gauge32(700000)",
            "4.1.51.2.1 Gauge32(5000000)",
            "4.1.53.2.1 Gauge32(6080)",
            "4.1.55.1.2 Octets([111, 110, 101])",
        ]
    );
}

#[test]
fn each_virtual_server_has_the_columns_that_are_about_it() {
    let lines = walk_over_two();
    let service = [
        "3.1.2.", "3.1.4.", "3.1.5.", "3.1.8.", "3.1.9.", "3.1.11.", "3.1.15.", "3.1.16.", "3.1.2",
    ];
    let service = columns(&lines, &service);
    for expected in [
        "3.1.2.1 Integer(2)",
        "3.1.2.2 Integer(1)",
        "3.1.4.2 Gauge32(7)",
        "3.1.5.2 Integer(2)",
        "3.1.8.1 Integer(1)",
        "3.1.8.2 Integer(4)",
        "3.1.9.1 Integer(2)",
        "3.1.9.2 Integer(8)",
        "3.1.11.1 Integer(1)",
        "3.1.15.1 Octets([255, 255, 255, 0])",
        "3.1.16.1 Gauge32(2)",
        "3.1.20.1 Gauge32(2)",
        "3.1.21.1 Gauge32(1)",
        "3.1.23.1 Integer(2)",
    ] {
        assert!(service.contains(&expected), "{expected} in {service:#?}");
    }
    for expected in [
        "3.1.51.2 Gauge32(128)",
        "3.1.54.2 Integer(1)",
        "3.1.60.1 Integer(3)",
        "3.1.64.1 Gauge32(2500000)",
        "3.1.66.1 Gauge32(250000)",
        "3.1.69.2 Gauge32(6080)",
        "3.1.71.1 Octets([119, 101, 98])",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected} in {lines:#?}");
    }
}

#[test]
fn a_virtual_server_of_which_nothing_is_known_has_no_row_and_others_keep_theirs() {
    let model = model(TWO);
    let front = model.virtual_servers[1].balance.as_ref().unwrap().fronts[0].to_string();
    let mark =
        service(&front, Condition::Down, vec![server("[2001:db8::11]:none:0", Condition::Down, 1)]);
    let standing = standing(&model, [mark]);
    let lines = walk(&Balanced { model: &model, standing: &standing });
    assert_eq!(
        columns(&lines, &["3.1.2.", "4.1.6."]),
        ["3.1.2.2 Integer(1)", "4.1.6.2.1 Integer(2)"]
    );
    assert_eq!(
        columns(&lines, &["3.1.11."]),
        ["3.1.11.2 Integer(2)"],
        "dead without a last resort"
    );
}

#[test]
fn groups_and_what_concerns_all_are_told_from_the_configuration() {
    let model = model(
        "global_defs {\n lvs_sync_daemon eth0 A id 7 port 8848 group 224.0.0.93\n lvs_timeouts tcp 700\n}\n\
         virtual_server_group G {\n 192.0.2.60-62 80\n fwmark 9\n 2001:db8::1 81\n}\nvirtual_server_group A {\n fwmark 8\n}\n\
         vrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n",
    );
    let mut binds: Vec<VarBind> = Vec::new();
    super::tell_fixed(&mut binds, &model);
    let tree: Tree = binds.into_iter().collect();
    assert_eq!(
        walk(&tree),
        [
            "1.1.2.1 Octets([71])",
            "1.1.2.2 Octets([65])",
            "2.1.2.1.1 Integer(1)",
            "2.1.2.1.2 Integer(3)",
            "2.1.2.1.3 Integer(2)",
            "2.1.2.2.1 Integer(1)",
            "2.1.3.1.1 Gauge32(9)",
            "2.1.3.2.1 Gauge32(8)",
            "2.1.4.1.2 Integer(1)",
            "2.1.4.1.3 Integer(2)",
            "2.1.5.1.3 Octets([32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])",
            "2.1.6.1.2 Octets([192, 0, 2, 60])",
            "2.1.7.1.2 Octets([192, 0, 2, 62])",
            "2.1.8.1.2 Gauge32(80)",
            "2.1.8.1.3 Gauge32(81)",
            "6.1.0 Integer(1)",
            "6.2.0 Octets([101, 116, 104, 48])",
            "6.3.0 Octets([65])",
            "6.4.0 Integer(7)",
            "6.6.0 Integer(8848)",
            "6.8.0 Integer(1)",
            "6.9.0 Octets([224, 0, 0, 93])",
            "7.1.0 Integer(700)",
        ]
    );
}

#[test]
fn a_walk_over_tens_of_thousands_of_servers_keeps_nothing() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for number in 0..2000 {
        let [high, low] = u16::to_be_bytes(number);
        let _ = write!(text, "virtual_server 10.1.{high}.{low} 80 {{\n protocol TCP\n");
        for server in 1..=10 {
            let _ = write!(text, " real_server 10.2.{high}.{low} {server} {{\n }}\n");
        }
        text.push_str("}\n");
    }
    let model = model(&text);
    let told = model.virtual_servers.iter().map(|it| {
        let balance = it.balance.as_ref().unwrap();
        let names = balance
            .servers
            .iter()
            .map(|it| server(&crate::compat::balance::server(it.back, "tcp"), Condition::Up, 1));
        service(&balance.fronts[0].to_string(), Condition::Up, names.collect())
    });
    let standing = standing(&model, told);
    let view = Balanced { model: &model, standing: &standing };
    // The columns of a server's state and of limits, which none has, from end to end.
    let (mut name, mut count) = (Oid::new(&super::SERVERS).join(&[1, 6]), 0);
    let end = Oid::new(&super::SERVERS).join(&[1, 10]);
    while let Some(bind) = view.next(&name, false, &end) {
        (name, count) = (bind.name, count + 1);
    }
    assert_eq!(count, 2 * 20_000);
}
