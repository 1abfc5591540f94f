use config::source::SourceSet;
use config::syntax::Environment;
use health::Verdict;
use intent::service::{Forwarding, Service as Standing};

use super::*;

fn model(text: &str) -> Model {
    let sources = SourceSet::single("case.conf", text.to_owned());
    config::check(&sources, &Environment::of_host("host")).model
}

/// A virtual server with two real servers, one of which is checked twice, and a last resort.
fn web(lines: &str) -> Model {
    model(&format!(
        "virtual_server 192.0.2.1 80 {{\n protocol TCP\n delay_loop 10\n quorum 2\n{lines}\n\
         sorry_server 192.0.2.20 8080\n real_server 192.0.2.11 8080 {{\n weight 3\n TCP_CHECK {{\n \
         warmup 0\n }}\n HTTP_GET {{\n retry 4\n connect_port 81\n url {{\n path /\n }}\n url {{\n \
         path /b\n }}\n }}\n }}\n real_server 192.0.2.12 8080 {{\n inhibit_on_failure\n }}\n}}\n"
    ))
}

fn planned(model: &Model) -> (Catalogue, Plan) {
    plan(model, &Catalogue::default(), &mut Numbering::default(), 1)
}

#[test]
fn a_virtual_server_becomes_what_the_roster_needs() {
    let (catalogue, plan) = planned(&web(""));
    let [server] = plan.services.values().collect::<Vec<_>>()[..] else { panic!("one server") };
    assert_eq!((server.policy.quorum, server.policy.hysteresis), (2, 0));
    let sorry = server.policy.sorry_server.unwrap();
    assert_eq!((sorry.weight, sorry.on_failure), (1, OnFailure::Remove));
    assert_eq!(catalogue.servers[&sorry.destination].name(), "[192.0.2.20]:tcp:8080");
    let [first, second] = server.servers.values().collect::<Vec<_>>()[..] else {
        panic!("two servers")
    };
    assert_eq!((first.weight, first.on_failure), (3, OnFailure::Remove));
    assert_eq!((second.weight, second.on_failure), (1, OnFailure::Inhibit));
    assert!(second.checks.is_empty());
    let timings: Vec<(Duration, &Timing)> = first
        .checks
        .values()
        .map(|check| match &check.source {
            Source::Probed { first, timing } => (*first, &**timing),
            Source::Told => panic!("it asks"),
        })
        .collect();
    let [(soon, tcp), (later, http)] = timings[..] else { panic!("two checks") };
    let second = Duration::from_secs(1);
    assert_eq!((soon, tcp.delay_loop, tcp.retry), (second, 10 * second, 1));
    assert_eq!((http.retry, http.steps.get()), (4, 2));
    assert!((second..=11 * second).contains(&later));
    let checks = catalogue.checks.values();
    let targets: Vec<_> = checks
        .map(|it| (catalogue.target(it), it.question.elsewhere.as_deref().copied()))
        .collect();
    let other_port = "192.0.2.11:81".parse().ok();
    let server = || "[192.0.2.11]:tcp:8080".to_owned();
    assert_eq!(targets, [(server(), None), (server(), other_port)]);
}

#[test]
fn an_equal_configuration_gives_an_equal_plan_and_a_changed_one_keeps_numbers() {
    let mut numbering = Numbering::default();
    let (catalogue, first) = plan(&web(""), &Catalogue::default(), &mut numbering, 1);
    let (catalogue, again) = plan(&web(""), &catalogue, &mut numbering, 1);
    assert_eq!(first, again);
    let (_, other) = plan(&web("lb_algo rr\n retry 9"), &catalogue, &mut numbering, 1);
    assert_ne!(first, other);
    let ids = |plan: &Plan| -> Vec<(ServiceId, Vec<DestinationId>)> {
        let servers = |it: &VirtualServerParameters| it.servers.keys().copied().collect();
        plan.services.iter().map(|(id, it)| (*id, servers(it))).collect()
    };
    assert_eq!(ids(&first), ids(&other));
}

#[test]
fn what_stands_is_known_by_its_place_and_its_weight() {
    let (catalogue, plan) = planned(&web(""));
    let (id, service) = catalogue.services.first_key_value().unwrap();
    let mut standing = Standing::new(service.scheduling.clone());
    let nat = Destination::new(Forwarding::Nat, 2);
    standing.destinations.insert(Back { address: [192, 0, 2, 12].into(), port: 8080 }, nat);
    // One that nobody has configured.
    standing.destinations.insert(Back { address: [192, 0, 2, 99].into(), port: 8080 }, nat);
    let seen = Stock::from([(service.fronts[0], standing.into())]);
    let second = *plan.services[id].servers.keys().nth(1).unwrap();
    let expected = BTreeMap::from([(*id, BTreeMap::from([(second, 2)]))]);
    assert_eq!(former(&catalogue, &seen, false), expected);
    assert_eq!(former(&catalogue, &Stock::new(), true), BTreeMap::new());
}

#[test]
fn only_the_process_before_empties_a_pool_that_stands() {
    let (catalogue, _) = planned(&web(""));
    let (id, service) = catalogue.services.first_key_value().unwrap();
    let nothing = Standing::new(service.scheduling.clone());
    let empty = Stock::from([(service.fronts[0], nothing.into())]);
    assert_eq!(former(&catalogue, &empty, false), BTreeMap::new());
    assert_eq!(former(&catalogue, &empty, true), BTreeMap::from([(*id, BTreeMap::new())]));
}

#[test]
fn names_are_those_that_operators_know() {
    let text = "virtual_server_group g {\n 192.0.2.1-2 80\n fwmark 9\n}\n\
        virtual_server group g {\n protocol UDP\n real_server 192.0.2.11 53 {\n }\n}\n\
        virtual_server fwmark 7 {\n real_server 192.0.2.11 80 {\n }\n}\n\
        virtual_server 2001:db8::1 443 {\n protocol TCP\n real_server 2001:db8::2 443 {\n }\n}\n";
    let (catalogue, _) = planned(&model(text));
    let names: Vec<(&str, usize)> =
        catalogue.services.values().map(|it| (it.name.as_str(), it.fronts.len())).collect();
    assert_eq!(names, [("[g]:0", 3), ("FWM 7", 1), ("[2001:db8::1]:tcp:443", 1)]);
    let servers: Vec<String> = catalogue.servers.values().map(Server::name).collect();
    assert_eq!(servers, ["[192.0.2.11]:udp:53", "[192.0.2.11]:none:80", "[2001:db8::2]:tcp:443"]);
}

#[test]
fn marks_of_both_families_are_known_apart() {
    let text = "virtual_server fwmark 7 {\n real_server 192.0.2.11 80 {\n }\n}\n\
        virtual_server fwmark 7 {\n ip_family inet6\n real_server 2001:db8::2 80 {\n }\n}\n";
    let (catalogue, _) = planned(&model(text));
    let keys: Vec<&str> = catalogue.services.values().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["FWM 7 none", "FWM 7 none inet6"]);
}

#[test]
fn who_is_told_of_a_session_is_written_down() {
    let text = "bfd_instance b {\n neighbor_ip 192.0.2.9\n}\n\
        virtual_server 192.0.2.1 80 {\n protocol TCP\n real_server 192.0.2.11 80 {\n BFD_CHECK {\n \
        name b\n }\n TCP_CHECK {\n }\n }\n real_server 192.0.2.12 80 {\n BFD_CHECK {\n name b\n \
        }\n }\n}\n";
    let (catalogue, _) = planned(&model(text));
    let told = catalogue.checks.iter().filter(|(_, it)| matches!(*it.kind(), CheckKind::Bfd(_)));
    let told: Vec<CheckId> = told.map(|(id, _)| *id).collect();
    assert_eq!(told.len(), 2);
    let session = control::Watched::Session("b".to_owned());
    assert_eq!(catalogue.watchers, BTreeMap::from([(session, told)]));
}

#[test]
fn first_looks_are_spread_over_the_warmup_and_never_beyond() {
    let whole = Duration::from_secs(60);
    let parts: Vec<Duration> = (0..1000).map(|number| part(whole, number)).collect();
    assert!(parts.iter().all(|part| *part < whole));
    for tenth in 0..10 {
        let range = whole * tenth / 10..whole * (tenth + 1) / 10;
        let count = parts.iter().filter(|part| range.contains(part)).count();
        assert!((60..150).contains(&count), "{tenth}: {count}");
    }
    assert_eq!(part(Duration::ZERO, 5), Duration::ZERO);
}

#[test]
fn a_check_starts_down_with_alpha_and_up_without() {
    for (lines, expected) in [("", Verdict::Up), ("alpha", Verdict::Down)] {
        let (_, plan) = planned(&web(lines));
        let servers = plan.services.values().flat_map(|it| it.servers.values());
        let starts: Vec<Verdict> =
            servers.flat_map(|it| it.checks.values().map(|check| check.start)).collect();
        assert_eq!(starts, [expected; 2]);
    }
}
