use config::source::SourceSet;
use config::syntax::Environment;

use super::*;

fn model(text: &str) -> Model {
    let sources = SourceSet::single("x.conf", text);
    config::check(&sources, &Environment::of_host("x")).model
}

/// `name step details` of what changes.
fn steps(old: &str, new: &str) -> Vec<String> {
    told(&compare(&model(old), &model(new), &BTreeMap::new()))
}

fn told(steps: &[Planned]) -> Vec<String> {
    let changed = steps.iter().filter(|planned| planned.step != Step::Keep);
    changed.map(|it| format!("{} {} {}", it.name, it.step.word(), it.details.join("; "))).collect()
}

/// A virtual server with what its real servers are.
fn web(last: u8, lines: &str) -> String {
    format!("virtual_server 192.0.2.{last} 80 {{\n protocol TCP\n delay_loop 10\n{lines}\n}}\n")
}

fn real(last: u8, lines: &str) -> String {
    format!(" real_server 192.0.2.{last} 8080 {{\n{lines}\n }}\n")
}

const TCP: &str = "  TCP_CHECK {\n   connect_timeout 3\n  }";

#[test]
fn what_says_the_same_elsewhere_is_kept() {
    let text = web(1, &(real(11, TCP) + &real(12, "  notify_up /bin/true")));
    let moved = format!("# A remark.\n\n{}{text}", web(2, &real(11, "")));
    assert_eq!(steps(&text, &moved), ["virtual_server [192.0.2.2]:tcp:80 add "]);
    assert_eq!(steps(&moved, &text), ["virtual_server [192.0.2.2]:tcp:80 remove "]);
    assert!(steps(&text, &text).is_empty());
    let kept = compare(&model(&moved), &model(&moved), &BTreeMap::new());
    assert_eq!(kept.len(), 2, "what is kept is told too");
    assert!(kept.iter().all(|it| (it.thing, it.step) == (Thing::VirtualServer, Step::Keep)));
}

#[test]
fn the_settings_of_a_virtual_server_are_told_with_old_and_new_values() {
    let servers = real(11, "") + &real(12, "");
    let old = web(1, &format!(" lb_algo wlc\n quorum 1\n{servers}"));
    let new = web(
        1,
        &format!(
            " lb_algo rr\n quorum 2\n hysteresis 1\n persistence_timeout 60\n quorum_up /bin/true\n\
             sorry_server 192.0.2.20 80\n{servers}"
        ),
    );
    assert_eq!(
        steps(&old, &new),
        [
            "virtual_server [192.0.2.1]:tcp:80 adjust lb_algo wlc -> rr; persistence; quorum 1 -> 2; \
             hysteresis 0 -> 1; quorum programs; sorry_server none -> [192.0.2.20]:tcp:80"
        ]
    );
    let inhibited = new.replace("sorry_server 1", "sorry_server_inhibit\n sorry_server 1");
    assert_eq!(steps(&new, &inhibited), ["virtual_server [192.0.2.1]:tcp:80 adjust sorry_server"]);
}

#[test]
fn orders_end_with_a_reload_that_changes_nothing_else() {
    let ordered = |order| Ordered { order, by: "root (uid 0)".to_owned(), at: 1 };
    let of_11 = "[192.0.2.1]:tcp:80 tcp 192.0.2.11:8080";
    let of_12 = "[192.0.2.1]:tcp:80 tcp 192.0.2.12:8080";
    let of_13 = "[192.0.2.1]:tcp:80 tcp 192.0.2.13:8080";
    let orders = [
        (of_11.to_owned(), ordered(Order::Weight(0))),
        (of_12.to_owned(), ordered(Order::Weight(3))),
        (of_13.to_owned(), ordered(Order::Disabled)),
    ];
    let orders = BTreeMap::from(orders);
    let old = web(1, &(real(11, "") + &real(12, "") + &real(13, "")));
    assert_eq!(
        told(&compare(&model(&old), &model(&old), &orders)),
        ["virtual_server [192.0.2.1]:tcp:80 adjust \
             [192.0.2.11]:tcp:8080 order ends: drained by root (uid 0); \
             [192.0.2.12]:tcp:8080 order ends: weight 3 by root (uid 0); \
             [192.0.2.13]:tcp:8080 order ends: disabled by root (uid 0)"]
    );
    // With a server that goes its order goes too, which is nothing new.
    let new = web(1, &(real(11, "  weight 5") + &real(12, "")));
    assert_eq!(
        told(&compare(&model(&old), &model(&new), &orders)),
        ["virtual_server [192.0.2.1]:tcp:80 adjust \
             [192.0.2.11]:tcp:8080 weight 1 -> 5, order ends: drained by root (uid 0); \
             [192.0.2.12]:tcp:8080 order ends: weight 3 by root (uid 0); \
             -[192.0.2.13]:tcp:8080"]
    );
    let none = told(&compare(&model(&old), &model(""), &orders));
    assert_eq!(none, ["virtual_server [192.0.2.1]:tcp:80 remove "]);
}

#[test]
fn real_servers_come_go_and_change() {
    // Only packets that are rewritten can get another port.
    let same_port = |lines: &str| real(15, lines).replace("8080", "80");
    let old = web(1, &(real(11, "  weight 1") + &real(12, "") + &real(13, "") + &same_port("")));
    let new = web(
        1,
        &(real(11, "  weight 3\n  inhibit_on_failure\n  notify_down /bin/true")
            + &real(12, "  uthreshold 9")
            + &real(14, "")
            + &same_port("  lvs_method DR")),
    );
    assert_eq!(
        steps(&old, &new),
        ["virtual_server [192.0.2.1]:tcp:80 adjust [192.0.2.11]:tcp:8080 weight 1 -> 3, \
             inhibit_on_failure, notify programs; [192.0.2.12]:tcp:8080 uthreshold 0 -> 9; \
             [192.0.2.15]:tcp:80 lvs_method; +[192.0.2.14]:tcp:8080; -[192.0.2.13]:tcp:8080"]
    );
}

#[test]
fn checks_are_known_by_what_they_ask() {
    let old = web(1, &real(11, TCP));
    let paced =
        old.replace("delay_loop 10", "delay_loop 5").replace("connect_timeout 3", "retry 4");
    assert_eq!(
        steps(&old, &paced),
        ["virtual_server [192.0.2.1]:tcp:80 adjust [192.0.2.11]:tcp:8080 \
             TCP_CHECK delay_loop 10 -> 5 retry 1 -> 4 timeout 3 -> 5"]
    );
    let other = old.replace("connect_timeout 3", "connect_port 81\n connect_timeout 3");
    assert_eq!(
        steps(&old, &other),
        ["virtual_server [192.0.2.1]:tcp:80 adjust [192.0.2.11]:tcp:8080 +TCP_CHECK, -TCP_CHECK"]
    );
    for line in ["alpha", "warmup 9", "delay_before_retry 2"] {
        let changed = old.replace("connect_timeout 3", &format!("connect_timeout 3\n {line}"));
        let said = steps(&old, &changed);
        assert_eq!(said.len(), 1, "{line}: {said:?}");
        assert!(said[0].ends_with("TCP_CHECK other settings"), "{line}: {said:?}");
    }
}

#[test]
fn another_protocol_is_another_virtual_server() {
    let old = web(1, &real(11, ""));
    let new = old.replace("protocol TCP", "protocol UDP");
    assert_eq!(
        steps(&old, &new),
        ["virtual_server [192.0.2.1]:udp:80 add ", "virtual_server [192.0.2.1]:tcp:80 remove "]
    );
}

#[test]
fn a_group_stays_the_same_whatever_it_serves() {
    let group = |address: &str| {
        format!(
            "virtual_server_group web {{\n {address} 80\n}}\nvirtual_server group web {{\n\
             protocol TCP\n{}\n}}\n",
            real(11, "")
        )
    };
    assert_eq!(
        steps(&group("192.0.2.1"), &group("192.0.2.2")),
        ["virtual_server [web]:0 adjust +TCP 192.0.2.2:80; -TCP 192.0.2.1:80"]
    );
}

#[test]
fn a_thousand_changes_are_no_thousand_words() {
    let many = |weight: u32| {
        let servers = (1..=60).map(|last| real(last, &format!("  weight {weight}")));
        web(200, &servers.collect::<String>())
    };
    let planned = compare(&model(&many(1)), &model(&many(2)), &BTreeMap::new());
    let details = &planned[0].details;
    assert_eq!(details.len(), 51);
    assert_eq!(details[50], "and 10 more");
}
