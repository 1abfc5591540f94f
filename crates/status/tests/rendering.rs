//! What people and programs get to see of a report, word by word.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic fails the test, as it should"
)]

use std::time::Duration;

use status::{
    About, Condition, Event, Health, History, Line, Look, Occurrence, Planned, Report, Seconds,
    State, Step, Thing,
};

const LOOK: Look = Look { state, condition, time };

fn state(state: State) -> &'static str {
    match state {
        State::Initialize => "INIT",
        State::Backup => "BACKUP",
        State::Active => "MASTER",
        State::Fault => "FAULT",
    }
}

fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Up => "UP",
        Condition::Down => "DOWN",
    }
}

/// The time of day in UTC.
fn time(time: Seconds) -> String {
    let seconds = time.0.as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A report with one Active router, one Backup and one in Fault.
fn report() -> Report {
    serde_json::from_str(include_str!("report.json")).expect("a report")
}

fn is_of_server(event: &Event) -> bool {
    matches!(event.what, Occurrence::VirtualServer { .. } | Occurrence::RealServer { .. })
}

#[test]
fn the_table_says_who_is_what_and_what_is_wrong() {
    insta::assert_snapshot!(status::table(&report(), &LOOK));
}

#[test]
fn one_instance_is_told_with_all_that_is_known() {
    let mut report = report();
    report.instances.truncate(1);
    report.virtual_servers.clear();
    report.events.retain(|event| !is_of_server(event));
    insta::assert_snapshot!(status::named(&report, &LOOK));
}

#[test]
fn a_backup_is_told_with_its_active_router() {
    let mut report = report();
    report.instances.retain(|instance| instance.name == "VI_2");
    report.virtual_servers.clear();
    report.events.clear();
    insta::assert_snapshot!(status::named(&report, &LOOK));
}

#[test]
fn a_virtual_server_is_told_with_its_servers_and_their_checks() {
    let mut report = report();
    report.instances.clear();
    report.virtual_servers.truncate(1);
    report.events.retain(is_of_server);
    insta::assert_snapshot!(status::named(&report, &LOOK));
}

#[test]
fn a_virtual_server_without_quorum_is_no_good_health() {
    let mut report = report();
    report.instances.clear();
    assert_eq!(report.health(), Health::Impaired);
    report.virtual_servers.retain(|server| server.state == Condition::Up);
    assert_eq!(report.health(), Health::Fine, "a real server may be down");
    report.virtual_servers[0].problem = Some("refused".to_owned());
    assert_eq!(report.health(), Health::Impaired);
}

#[test]
fn of_an_interface_that_is_missing_its_address_goes_without_saying() {
    let mut report = report();
    let told = |codes: &[&str], report: &mut Report| {
        let fault = |code: &&str| status::Fault {
            code: (*code).to_owned(),
            text: format!("the text of {code}"),
            remedy: String::new(),
        };
        report.instances[2].faults = codes.iter().map(fault).collect();
        status::table(report, &LOOK)
    };
    let both = told(&["interface_missing", "no_source_address"], &mut report);
    assert!(both.contains("the text of interface_missing"), "{both}");
    assert!(!both.contains("the text of no_source_address"), "{both}");
    assert!(told(&["no_source_address"], &mut report).contains("the text of no_source_address"));
}

#[test]
fn a_route_that_an_active_router_lacks_is_a_problem_unless_nobody_tracks_it() {
    let mut report = report();
    let lacks = |report: &Report| status::table(report, &LOOK).contains("table 7 is not set");
    assert!(!lacks(&report));
    report.instances[0].routes[1].tracked = true;
    assert!(lacks(&report));
    report.instances[0].state = State::Backup;
    assert!(!lacks(&report));
}

#[test]
fn the_history_says_why() {
    insta::assert_snapshot!(status::history(&report().events, &LOOK));
    assert_eq!(status::history(&[], &LOOK), "nothing happened yet\n");
}

#[test]
fn a_daemon_without_instances_says_so() {
    let mut report = report();
    report.instances.clear();
    report.groups.clear();
    report.virtual_servers.clear();
    report.daemon.reload = None;
    report.daemon.processes.clear();
    assert_eq!(
        status::table(&report, &LOOK),
        "steadfast 0.1.0, process 4242, for 3 h 3 min, /etc/keepalived/keepalived.conf\n\n\
         no instance is configured\n"
    );
    assert_eq!(report.health(), Health::Fine);
}

#[test]
fn a_plan_names_what_changes_and_counts_what_does_not() {
    let planned = |name: &str, step, details: &[&str]| Planned {
        name: name.to_owned(),
        thing: match name.split_once(' ') {
            None => Thing::Instance,
            Some(("virtual_server", _)) => Thing::VirtualServer,
            Some(_) => Thing::Other,
        },
        step,
        details: details.iter().map(|it| (*it).to_owned()).collect(),
    };
    let steps = [
        planned("VI_1", Step::Adjust, &["priority 150 -> 120", "trackers"]),
        planned("VI_2", Step::Keep, &[]),
        planned("VI_3", Step::Restart, &["virtual_router_id 51 -> 52"]),
        planned("VI_4", Step::Remove, &[]),
    ];
    assert_eq!(
        status::plan(&steps),
        "STEP     OF    WITH\n\
         adjust   VI_1  priority 150 -> 120; trackers\n\
         restart  VI_3  virtual_router_id 51 -> 52\n\
         remove   VI_4\n\
         1 instance would be left as it is\n"
    );
    assert_eq!(status::plan(&steps[1..2]), "nothing would change\n");
    let mut steps = steps.to_vec();
    steps.remove(0);
    steps.push(planned("virtual_server [192.0.2.1]:tcp:80", Step::Adjust, &["quorum 1 -> 2"]));
    for last in 2..5 {
        steps.push(planned(&format!("virtual_server [192.0.2.{last}]:tcp:80"), Step::Keep, &[]));
    }
    assert!(
        status::plan(&steps)
            .ends_with("1 instance and 3 virtual servers would be left as they are\n")
    );
    let steps = [planned("vrrp_script s", Step::Add, &[])];
    assert_eq!(status::plan(&steps), "STEP  OF             WITH\nadd   vrrp_script s\n");
    let line = serde_json::to_string(&steps[0]).unwrap();
    let words = r#"{"name":"vrrp_script s","thing":"other","step":"add","details":[]}"#;
    assert_eq!(line, words);
}

#[test]
fn the_json_document_is_what_its_page_says() {
    let text = report().to_json();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap());
    // It is read again without loss.
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report());
    assert!(!text.contains('\n'));
}

#[test]
fn the_lines_of_the_socket_make_a_report_again() {
    let whole = report();
    let mut taken = report();
    taken.instances.clear();
    taken.groups.clear();
    taken.scripts.clear();
    taken.virtual_servers.clear();
    taken.events.clear();
    let lines = whole.instances.iter().cloned().map(|it| Line::Instance(Box::new(it)));
    let lines = lines.chain(whole.groups.iter().cloned().map(Line::Group));
    let lines = lines.chain(whole.scripts.iter().cloned().map(Line::Script));
    let servers = whole.virtual_servers.iter().cloned();
    let lines = lines.chain(servers.map(|it| Line::VirtualServer(Box::new(it))));
    let lines = lines.chain(whole.events.iter().cloned().map(Line::Event));
    for line in lines.chain([Line::Version(1), Line::Daemon(whole.daemon.clone())]) {
        let text = line.to_line();
        assert_eq!(taken.take(serde_json::from_str(&text).unwrap()), None, "{text}");
    }
    assert_eq!(taken, whole);
    assert_eq!(taken.take(Line::End(9)), Some(Line::End(9)));
}

#[test]
fn an_instance_that_takes_no_part_is_no_good_health() {
    let mut report = report();
    assert_eq!(report.health(), Health::Impaired);
    report.instances.retain(|instance| instance.state != State::Fault);
    assert_eq!(report.health(), Health::Impaired, "another router stays Active");
    report.instances[0].contested = None;
    report.virtual_servers.clear();
    assert_eq!(report.health(), Health::Fine);
    report.daemon.processes[0].healthy = false;
    assert_eq!(report.health(), Health::Impaired);
}

#[test]
fn a_history_is_told_in_the_order_of_time() {
    let mut history = History::default();
    let mut events = report().events;
    events.reverse();
    events.iter().cloned().for_each(|event| history.record(event));
    let times: Vec<Duration> =
        history.events(|about| about == About::Instance("VI_1")).iter().map(|it| it.at.0).collect();
    let expected = [1_795_264_000.0, 1_795_264_001.5, 1_795_264_005.155_648];
    assert_eq!(times, expected.map(Duration::from_secs_f64).map(whole_microseconds));
}

fn whole_microseconds(span: Duration) -> Duration {
    let microseconds = (span + Duration::from_nanos(500)).as_micros();
    Duration::from_micros(u64::try_from(microseconds).unwrap())
}
