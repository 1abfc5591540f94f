//! Routes and rules: what lines mean, and what is said of those that mean nothing.

#![expect(clippy::disallowed_methods, reason = "tests read their fixtures")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic fails the test, as it should"
)]

use std::fmt::Write as _;
use std::path::Path;

use config::check;
use config::diagnostic::{Severity, Style, render_human, worst};
use config::model::{Model, RouteLine, RuleLine};
use config::names::{NameKind, Names};
use config::source::SourceSet;
use config::syntax::Environment;

fn sources(name: &str) -> SourceSet {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/routes").join(name);
    SourceSet::single(name, std::fs::read(path).unwrap())
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Everything that a configuration says about paths.
fn shown(model: &Model) -> String {
    let mut text = String::new();
    for line in &model.fixed.addresses {
        let device = line.device.as_deref().unwrap_or_default();
        writeln!(text, "{} on {device}, {:?}", line.address, line.following).unwrap();
    }
    routes(&mut text, &model.fixed.routes);
    rules(&mut text, &model.fixed.rules);
    for instance in &model.instances {
        writeln!(text, "-- {}", instance.name).unwrap();
        routes(&mut text, &instance.routes);
        rules(&mut text, &instance.rules);
        let held: Vec<&str> = instance.held_back.iter().map(|it| it.keyword.as_str()).collect();
        writeln!(text, "held back by {held:?}").unwrap();
        for tracking in &instance.parameters.tracking {
            let number = usize::try_from(tracking.tracker.0).unwrap();
            writeln!(text, "{:?} {:?}", model.trackers[number], tracking.weight).unwrap();
        }
    }
    text
}

fn routes(text: &mut String, lines: &[RouteLine]) {
    for line in lines {
        let vrf = line.vrf.as_ref().map(|vrf| format!(" of VRF {vrf}")).unwrap_or_default();
        writeln!(text, "{}{vrf}\n  {:?}\n  {:?}", line.route, line.following, line.route).unwrap();
    }
}

fn rules(text: &mut String, lines: &[RuleLine]) {
    for line in lines {
        writeln!(text, "{}\n  {:?}\n  {:?}", line.rule, line.following, line.rule).unwrap();
    }
}

#[test]
fn a_single_way_has_no_share() {
    let text = "static_routes {\n 10.0.0.0/8 nexthop via 10.9.0.1 dev eth0 weight 5\n}\n";
    let checked = check(&SourceSet::single("case.conf", text), &Environment::of_host("host"));
    let weights: Vec<u16> =
        checked.model.fixed.routes[0].route.hops.iter().map(|hop| hop.weight).collect();
    assert_eq!(weights, [1]);
}

#[test]
fn every_form_of_a_line_is_read() {
    let sources = sources("every_form.conf");
    let checked = check(&sources, &Environment::of_host("host"));
    let style = Style { colour: false, width: 100 };
    let told = render_human(&sources, &checked.diagnostics, style);
    assert!(!checked.wants_names);
    snapshot("routes_every_form", &format!("{}---\n{told}", shown(&checked.model)));
}

#[test]
fn what_is_wrong_is_named_with_a_remedy_and_the_rest_is_kept() {
    let sources = sources("what_is_wrong.conf");
    let checked = check(&sources, &Environment::of_host("host"));
    assert_eq!(worst(&checked.diagnostics), Some(Severity::Warning));
    assert!(checked.wants_names);
    let style = Style { colour: false, width: 100 };
    let told = render_human(&sources, &checked.diagnostics, style);
    snapshot("routes_what_is_wrong", &format!("{}---\n{told}", shown(&checked.model)));
}

#[test]
fn names_of_the_host_are_known_once_they_are_read() {
    let text = "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.1\n }\n\
        virtual_routes {\n 10.0.0.0/8 dev eth0 table uplink\n }\n\
        virtual_rules {\n table uplink priority 7\n }\n}\n";
    let sources = SourceSet::single("names.conf", text);
    let mut environment = Environment::of_host("host");
    let unread = check(&sources, &environment);
    assert!(unread.wants_names && unread.model.instances[0].routes.is_empty());
    environment.names = Names::of_files([(NameKind::Table, "100 uplink\n")]);
    let read = check(&sources, &environment);
    assert!(!read.wants_names && read.diagnostics.is_empty(), "{:?}", read.diagnostics);
    assert_eq!(read.model.instances[0].routes[0].route.table, 100);
    assert_eq!(read.model.instances[0].rules[0].rule.to_string(), "7: table 100");
    // What is not there is not looked for again.
    environment.names = Names::of_files([(NameKind::Table, "")]);
    assert!(!check(&sources, &environment).wants_names);
}
