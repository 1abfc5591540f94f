use config::source::SourceSet;
use config::syntax::Environment;
use control::{About, Audience, Change, Moved, Served, Subject, What};
use status::Report;

use super::*;

fn model(global: &str, rest: &str) -> Model {
    let text = format!("global_defs {{\n router_id lab\n{global}\n}}\n{rest}");
    let sources = SourceSet::single("a.conf", text);
    config::check(&sources, &Environment::of_host("host")).model
}

const INSTANCE: &str = "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n state MASTER\n\
    virtual_ipaddress {\n 192.0.2.1\n }\n}\n";

fn told(binds: &[VarBind]) -> Vec<String> {
    binds.iter().map(|bind| format!("{} {:?}", bind.name, bind.value)).collect()
}

fn change(subject: Subject, what: What) -> Change {
    Change { subject, what, priority: 100, cause: String::new() }
}

#[test]
fn each_keyword_asks_for_its_part() {
    let roots = |global: &str| {
        let model = model(global, "");
        let subtrees = subtrees(&model.global.snmp);
        subtrees.iter().map(|it| it.root.to_string()).collect::<Vec<String>>()
    };
    let keepalived = [".1.3.6.1.4.1.9586.100.5.1", ".1.3.6.1.4.1.9586.100.5.2"];
    assert_eq!(roots("enable_snmp_vrrp"), keepalived);
    assert_eq!(roots("enable_snmp_keepalived"), keepalived);
    assert_eq!(roots("enable_snmp_rfcv2"), [".1.3.6.1.2.1.68"]);
    assert_eq!(roots("enable_snmp_rfcv3"), [".1.3.6.1.2.1.207"]);
    assert_eq!(roots("enable_snmp_rfc"), [".1.3.6.1.2.1.68", ".1.3.6.1.2.1.207"]);
    let balanced = [".1.3.6.1.4.1.9586.100.5.1", ".1.3.6.1.4.1.9586.100.5.3"];
    assert_eq!(roots("enable_snmp_checker"), balanced);
    let both = [keepalived[0], keepalived[1], balanced[1]];
    assert_eq!(roots("enable_snmp_checker\n enable_snmp_vrrp"), both);
    assert_eq!(roots("enable_traps"), [""; 0]);
}

#[test]
fn a_daemon_of_which_nothing_is_known_tells_its_configuration() {
    let mail =
        "notification_email {\n a@example.org\n}\nsmtp_server 2001:db8::25 2525\nsmtp_alert off";
    let model = model(&format!("enable_snmp_vrrp\n{mail}"), INSTANCE);
    let (report, links) = (Report::default(), Links::default());
    let facts = Facts { report: &report, model: &model, links: &links };
    let trees = [fixed(&model, "steadfast v1"), tree(&facts)];
    let binds: Vec<VarBind> = trees.iter().flat_map(Tree::iter).cloned().collect();
    let told = told(&binds);
    let value = |name: &str| {
        let name = format!(".1.3.6.1.4.1.9586.100.5.1.{name} ");
        told.iter().find_map(|line| line.strip_prefix(&name))
    };
    assert_eq!(value("1.0"), Some(format!("{:?}", values::text("steadfast v1").unwrap()).as_str()));
    assert_eq!(value("3.1.0"), Some("Integer(2)"));
    let octets = "Octets([32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 37])";
    assert_eq!(value("3.2.0"), Some(octets));
    assert_eq!(
        value("3.5.1.2.1"),
        Some(format!("{:?}", values::text("a@example.org").unwrap()).as_str())
    );
    assert_eq!(value("3.6.0"), Some("Gauge32(2525)"));
    assert_eq!([value("3.8.0"), value("3.9.0")], [Some("Integer(2)"), Some("Integer(3)")]);
    assert_eq!(value("4.0"), Some("Integer(2)"));
    // An instance of which nothing is known has no row.
    assert!(!told.iter().any(|line| line.starts_with(".1.3.6.1.4.1.9586.100.5.2.3")), "{told:#?}");
}

#[test]
fn a_change_of_state_is_notified_with_names_that_have_no_row() {
    let model = model("enable_snmp_vrrp", INSTANCE);
    let told = |subject, what| notification(&change(subject, what), &model).map(|it| told(&it));
    let instance = || Subject::Instance("A".to_owned());
    let expected = [
        ".1.3.6.1.6.3.1.1.4.1.0 Name(Oid([1, 3, 6, 1, 4, 1, 9586, 100, 5, 2, 10, 0, 2]))",
        ".1.3.6.1.4.1.9586.100.5.2.3.1.2 Octets([65])",
        ".1.3.6.1.4.1.9586.100.5.2.3.1.4 Integer(3)",
        ".1.3.6.1.4.1.9586.100.5.2.3.1.5 Integer(2)",
        ".1.3.6.1.4.1.9586.100.5.1.2.0 Octets([108, 97, 98])",
    ];
    assert_eq!(told(instance(), What::Fault), Some(expected.map(str::to_owned).to_vec()));
    let state = |what| told(instance(), what).map(|lines| lines[2].clone());
    let line = |state| Some(format!(".1.3.6.1.4.1.9586.100.5.2.3.1.4 Integer({state})"));
    assert_eq!([state(What::Stopped), state(What::Deleted)], [line(5), line(6)]);
    assert_eq!(state(What::LowerPriority), None);
    let expected = [
        ".1.3.6.1.6.3.1.1.4.1.0 Name(Oid([1, 3, 6, 1, 4, 1, 9586, 100, 5, 2, 10, 0, 1]))",
        ".1.3.6.1.4.1.9586.100.5.2.1.1.2 Octets([71])",
        ".1.3.6.1.4.1.9586.100.5.2.1.1.3 Integer(2)",
        ".1.3.6.1.4.1.9586.100.5.1.2.0 Octets([108, 97, 98])",
    ];
    let group = told(Subject::Group("G".to_owned()), What::Active);
    assert_eq!(group, Some(expected.map(str::to_owned).to_vec()));
}

#[test]
fn the_modules_of_the_ietf_notify_of_new_active_routers_only() {
    let snmp = |global| model(global, "").global.snmp;
    let instance = |what| change(Subject::Instance("A".to_owned()), what);
    assert!(is_told_by_others(&instance(What::Active), &snmp("enable_snmp_rfc")));
    assert!(!is_told_by_others(&instance(What::Backup), &snmp("enable_snmp_rfc")));
    assert!(!is_told_by_others(&instance(What::Active), &snmp("enable_snmp_vrrp")));
    let group = change(Subject::Group("A".to_owned()), What::Active);
    assert!(!is_told_by_others(&group, &snmp("enable_snmp_rfc")));
    let alone = model("enable_snmp_rfc", INSTANCE);
    assert_eq!(notification(&instance(What::Active), &alone), None, "that is keepalived's");
}

fn moved(served: Served, back: Option<(std::net::IpAddr, u16)>, is_final: bool) -> Moved {
    Moved {
        key: String::new(),
        subject: Subject::VirtualServer("V".to_owned()),
        is_up: false,
        cause: String::new(),
        audience: Audience::All,
        about: About { served, protocol: "tcp".to_owned(), quorum: 2, up: 1, total: 4, back },
        is_final,
    }
}

#[test]
fn a_server_that_moves_is_notified_in_the_incumbents_order() {
    let model = model("enable_snmp_checker", "");
    let told = |moved: &Moved| told(&notification_of_move(moved, &model).unwrap());
    let address = |last: u8| std::net::IpAddr::from([192, 0, 2, last]);
    let server = moved(Served::Address(address(1), 80), Some((address(11), 8000)), false);
    let expected = [
        ".1.3.6.1.6.3.1.1.4.1.0 Name(Oid([1, 3, 6, 1, 4, 1, 9586, 100, 5, 3, 5, 0, 1]))",
        ".1.3.6.1.4.1.9586.100.5.3.4.1.3 Integer(1)",
        ".1.3.6.1.4.1.9586.100.5.3.4.1.4 Octets([192, 0, 2, 11])",
        ".1.3.6.1.4.1.9586.100.5.3.4.1.5 Gauge32(8000)",
        ".1.3.6.1.4.1.9586.100.5.3.4.1.6 Integer(2)",
        ".1.3.6.1.4.1.9586.100.5.3.3.1.2 Integer(2)",
        ".1.3.6.1.4.1.9586.100.5.3.3.1.5 Integer(1)",
        ".1.3.6.1.4.1.9586.100.5.3.3.1.6 Octets([192, 0, 2, 1])",
        ".1.3.6.1.4.1.9586.100.5.3.3.1.7 Gauge32(80)",
        ".1.3.6.1.4.1.9586.100.5.3.3.1.8 Integer(1)",
        ".1.3.6.1.4.1.9586.100.5.3.3.1.21 Gauge32(1)",
        ".1.3.6.1.4.1.9586.100.5.3.3.1.20 Gauge32(4)",
        ".1.3.6.1.4.1.9586.100.5.1.2.0 Octets([108, 97, 98])",
    ];
    assert_eq!(told(&server), expected);
    let group = moved(Served::Group("G".to_owned()), None, false);
    let expected = [
        ".1.3.6.1.6.3.1.1.4.1.0 Name(Oid([1, 3, 6, 1, 4, 1, 9586, 100, 5, 3, 5, 0, 2]))",
        ".1.3.6.1.4.1.9586.100.5.3.3.1.2 Integer(3)",
        ".1.3.6.1.4.1.9586.100.5.3.3.1.3 Octets([71])",
        ".1.3.6.1.4.1.9586.100.5.3.3.1.8 Integer(1)",
        ".1.3.6.1.4.1.9586.100.5.3.3.1.23 Integer(2)",
        ".1.3.6.1.4.1.9586.100.5.3.3.1.22 Gauge32(2)",
        ".1.3.6.1.4.1.9586.100.5.3.3.1.21 Gauge32(1)",
        ".1.3.6.1.4.1.9586.100.5.3.3.1.20 Gauge32(4)",
        ".1.3.6.1.4.1.9586.100.5.1.2.0 Octets([108, 97, 98])",
    ];
    assert_eq!(told(&group), expected);
    let mark = told(&moved(Served::Mark(7), None, true));
    assert_eq!(mark[2], ".1.3.6.1.4.1.9586.100.5.3.3.1.4 Gauge32(7)");
    assert_eq!(mark[4], ".1.3.6.1.4.1.9586.100.5.3.3.1.23 Integer(3)", "it ends");
}

#[test]
fn what_only_programs_are_told_and_what_nobody_serves_is_not_notified() {
    let served = || Served::Mark(7);
    let other = model("enable_snmp_vrrp", "");
    assert_eq!(notification_of_move(&moved(served(), None, false), &other), None);
    let actors = Moved { audience: Audience::Actors, ..moved(served(), None, false) };
    assert_eq!(notification_of_move(&actors, &model("enable_snmp_checker", "")), None);
}
