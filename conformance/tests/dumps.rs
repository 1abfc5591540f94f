//! What monitoring reads: the files that signals ask for, letter by letter where programs read them.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance::flavour::Flavour;
use conformance::forge::Forged;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;
use nix::sys::signal::Signal;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("json_is_the_same_letter_by_letter", V3, json),
    Scenario::new("json_has_every_member_of_the_incumbent", V3, members),
    Scenario::new("the_data_tell_routes_rules_and_what_is_tracked", V3, sections),
    Scenario::new("the_data_begin_with_the_settings_of_the_daemon", V3, settings),
    Scenario::new("the_data_of_sessions_are_a_file_of_their_own", V3, bfd),
    Scenario::new("a_virtual_link_is_taken_for_the_interface", V3, virtual_link),
    Scenario::new("announcements_after_a_lower_priority_have_global_defaults", V3, defaults),
    Scenario::new("the_data_tell_the_settings_of_unicast", V3, unicast),
    Scenario::new("statistics_are_the_same_line_by_line", V3, statistics),
    Scenario::new("statistics_count_what_was_refused", V2, |stage| refused(stage, (1, 1, 0))),
    Scenario::new("an_interval_that_differs_is_counted", V2, |stage| refused(stage, (1, 1, 1)))
        .only(Subject::Ours),
    Scenario::new("an_interval_that_differs_is_not_counted_by_the_incumbent", V2, |stage| {
        other_interval(stage)?;
        std::thread::sleep(SLACK);
        refused(stage, (1, 1, 0))
    })
    .only(Subject::Keepalived),
    Scenario::new("statistics_can_begin_anew", V3, clear),
    Scenario::new("the_data_have_what_exporters_read", V3, data),
    Scenario::new("a_password_is_shown_by_the_incumbent", V2, |stage| password(stage, "geheim"))
        .only(Subject::Keepalived),
    Scenario::new("a_password_is_hidden", V2, |stage| password(stage, "********"))
        .only(Subject::Ours),
    Scenario::new("signals_have_the_same_numbers", V3, numbers),
];

const V2: &[Flavour] = &[Flavour::V2];
const V3: &[Flavour] = &[Flavour::V3Ipv4];

/// One instance with much of what shows in a dump.
fn instance(priority: u8) -> String {
    format!(
        "global_defs {{\n script_user root\n}}\n\
         vrrp_script good {{\n script \"/usr/bin/true\"\n interval 1\n weight 5\n}}\n\
         vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n priority {priority}\n version 3\n\
         advert_int 0.25\n preempt_delay 1\n garp_master_refresh 60\n track_script {{\n good\n }}\n\
         track_interface {{\n lo\n }}\n notify_fault \"/usr/bin/true fault\"\n notify \"/usr/bin/true\"\n\
         virtual_ipaddress {{\n 192.0.2.10/24 label eth0:1\n 192.0.2.11 dev eth0\n }}\n\
         virtual_ipaddress_excluded {{\n 2001:db8::10/64\n }}\n}}\n"
    )
}

/// `a` is Active, `b` has heard it.
fn elect(stage: &mut Stage) -> Result<()> {
    stage.start_with("a", &instance(150))?;
    // Nobody else is Active before, which the incumbent would remember.
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.start_with("b", &instance(100))?;
    stage.settle("a", "b", 51)
}

/// The file that a signal asks for, as it is after the signal.
fn dump(stage: &mut Stage, node: &str, name: &str, file: &str) -> Result<String> {
    let subject = stage.subject(node);
    let node = stage.lab.node(node)?;
    let path = node.file(file);
    let _ = fs::remove_file(&path);
    let output = node.ask(subject, &["--signum", name])?;
    let number: i32 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
    let pid = node.main_process()?;
    // SIGRTMIN and above are no `Signal`.
    ensure!(
        std::process::Command::new("kill")
            .args([format!("-{number}"), pid.to_string()])
            .status()?
            .success()
    );
    let until = Instant::now() + START;
    loop {
        let text = fs::read_to_string(&path).unwrap_or_default();
        // The incumbent writes text in place: it is whole when it does not grow any more.
        std::thread::sleep(Duration::from_millis(50));
        if !text.is_empty() && fs::read_to_string(&path).unwrap_or_default() == text {
            return Ok(text);
        }
        ensure!(Instant::now() < until, "no {file}");
    }
}

/// The text with each number behind one of these names replaced by `N`.
fn masked(text: &str, names: &[&str]) -> String {
    let mut text = text.to_owned();
    for name in names {
        let mut rest = text.as_str();
        let mut plain = String::new();
        while let Some((before, after)) = rest.split_once(name) {
            plain.push_str(before);
            plain.push_str(name);
            plain.push('N');
            rest = after.trim_start_matches(|it: char| it.is_ascii_digit() || it == '.');
        }
        plain.push_str(rest);
        text = plain;
    }
    text
}

fn json(stage: &mut Stage) -> Result<()> {
    elect(stage)?;
    let expected = |priority: (u8, u8, u8), state: u8, set: &str, vipset: bool, became: u8| {
        let (master, base, effective) = priority;
        format!(
            "[{{\"data\":{{\"iname\":\"VI_1\",\"dont_track_primary\":0,\"skip_check_adv_addr\":0,\"strict_mode\":0,\
             \"vmac_ifname\":\"\",\"ifp_ifname\":\"eth0\",\"master_priority\":{master},\"last_transition\":N,\
             \"garp_delay\":5,\"garp_refresh\":60,\"garp_rep\":5,\"garp_refresh_rep\":1,\
             \"garp_lower_prio_delay\":5,\"garp_lower_prio_rep\":5,\"lower_prio_no_advert\":0,\
             \"higher_prio_send_advert\":0,\"vrid\":51,\"base_priority\":{base},\"effective_priority\":{effective},\
             \"vipset\":{vipset},\"promote_secondaries\":false,\"adver_int\":0.25,\"master_adver_int\":0.25,\
             \"accept\":1,\"nopreempt\":false,\"preempt_delay\":1,\"state\":{state},\"wantstate\":{state},\
             \"version\":3,\"smtp_alert\":false,\"notify_deleted\":false,\
             \"script_fault\":\"'\\/usr\\/bin\\/true' 'fault'\",\"script\":\"'\\/usr\\/bin\\/true'\",\
             \"vips\":[\"192.0.2.10\\/24 dev eth0 scope global label eth0:1{set}\",\
             \"192.0.2.11 dev eth0 scope global{set}\"],\
             \"evips\":[\"2001:db8::10\\/64 dev eth0 scope global preferred_lft forever{set}\"],\
             \"track_ifp\":[\"lo\"],\"track_script\":[\"'\\/usr\\/bin\\/true'\"],\"auth_type\":0}},\
             \"stats\":{{\"advert_rcvd\":N,\"advert_sent\":N,\"become_master\":{became},\"release_master\":0,\
             \"packet_len_err\":0,\"advert_interval_err\":0,\"ip_ttl_err\":0,\"invalid_type_rcvd\":0,\
             \"addr_list_err\":0,\"invalid_authtype\":0,\"authtype_mismatch\":0,\"auth_failure\":0,\
             \"pri_zero_rcvd\":0,\"pri_zero_sent\":0}}}}]"
        )
    };
    let names = ["\"last_transition\":", "\"advert_rcvd\":", "\"advert_sent\":"];
    let text = masked(dump(stage, "a", "JSON", "keepalived.json")?.trim_end(), &names);
    let wanted = expected((0, 150, 155), 2, " set", true, 1);
    ensure!(text == wanted, "{text}\n{wanted}");
    let text = masked(dump(stage, "b", "JSON", "keepalived.json")?.trim_end(), &names);
    let wanted = expected((155, 100, 105), 1, "", false, 0);
    ensure!(text == wanted, "{text}\n{wanted}");
    Ok(())
}

const STATISTICS: &str = "VRRP Instance: VI_1\n  Advertisements:\n    Received: N\n    Sent: N\n  Became master: 1\n\
    \x20 Released master: 0\n  Packet Errors:\n    Length: 0\n    TTL: 0\n    Invalid Type: 0\n\
    \x20   Advertisement Interval: 0\n    Address List: 0\n  Authentication Errors:\n    Invalid Type: 0\n\
    \x20   Type Mismatch: 0\n    Failure: 0\n  Priority Zero:\n    Received: 0\n    Sent: 0\n";

fn statistics(stage: &mut Stage) -> Result<()> {
    elect(stage)?;
    let text = dump(stage, "a", "STATS", "keepalived.stats")?;
    let advertised = masked(&text, &["  Advertisements:\n    Received: ", "    Sent: "]);
    // Of the two lines of this name the second counts resignations.
    let (head, tail) = advertised.rsplit_once("    Sent: N").context("no resignations")?;
    let text = format!("{head}    Sent: 0{tail}");
    ensure!(text == STATISTICS, "{text}");
    Ok(())
}

fn number(text: &str, section: &str, name: &str) -> Result<u64> {
    let (_, rest) = text.split_once(section).with_context(|| format!("no {section}: {text}"))?;
    let line = rest.lines().find_map(|line| line.trim().strip_prefix(name));
    let number = line.with_context(|| format!("no {name}: {text}"))?;
    Ok(number.trim_start_matches(':').trim().parse()?)
}

/// Waits until so many adverts were refused for their TTL, type and interval.
fn refused(stage: &mut Stage, expected: (u64, u64, u64)) -> Result<()> {
    if stage.lab.node("a")?.main_process().is_err() {
        stage.elect()?;
    }
    let good = Forged::new(stage.flavour, 200);
    stage.lab.send(&Forged { ttl: 254, ..good.clone() })?;
    stage.lab.send(&Forged { kind: 2, ..good })?;
    if expected.2 > 0 {
        other_interval(stage)?;
    }
    let until = Instant::now() + START;
    loop {
        let text = dump(stage, "a", "STATS", "keepalived.stats")?;
        let seen = (
            number(&text, "Packet Errors:", "TTL")?,
            number(&text, "Packet Errors:", "Invalid Type")?,
            number(&text, "Packet Errors:", "Advertisement Interval")?,
        );
        if seen == expected {
            return Ok(());
        }
        ensure!(Instant::now() < until, "{text}");
    }
}

/// Sends an advert with another interval.
fn other_interval(stage: &mut Stage) -> Result<()> {
    if stage.lab.node("a")?.main_process().is_err() {
        stage.elect()?;
    }
    stage.lab.send(&Forged { interval: 7, ..Forged::new(stage.flavour, 200) })
}

fn clear(stage: &mut Stage) -> Result<()> {
    elect(stage)?;
    let text = dump(stage, "a", "STATS_CLEAR", "keepalived.stats")?;
    ensure!(number(&text, "VRRP Instance: VI_1", "Became master")? == 1, "{text}");
    let text = dump(stage, "a", "STATS", "keepalived.stats")?;
    ensure!(number(&text, "VRRP Instance: VI_1", "Became master")? == 0, "{text}");
    Ok(())
}

/// The lines below ` NAME = ` whose indentation is deeper, as exporters find them.
fn section<'t>(text: &'t str, head: &str) -> Vec<&'t str> {
    let from = text.lines().skip_while(|line| *line != head).skip(1);
    from.take_while(|line| line.starts_with("   ")).collect()
}

fn data(stage: &mut Stage) -> Result<()> {
    elect(stage)?;
    let text = dump(stage, "a", "DATA", "keepalived.data")?;
    let lines = section(&text, " VRRP Instance = VI_1");
    for wanted in [
        "   State = MASTER",
        "   Wantstate = MASTER",
        "   Interface = eth0",
        "   Gratuitous ARP delay = 5",
        "   Virtual Router ID = 51",
        "   Effective priority = 155",
        "   Advert interval = 250 milli-sec",
        "   Virtual IP (2):",
        "     192.0.2.10/24 dev eth0 scope global label eth0:1 set",
        "     192.0.2.11 dev eth0 scope global set",
        "   Virtual IP Excluded :",
        "     2001:db8::10/64 dev eth0 scope global preferred_lft forever set",
        "   Tracked interfaces :",
        "     lo weight 0",
        "   Tracked scripts :",
        "     good weight 5",
        "   Notify deleted = Fault",
    ] {
        ensure!(lines.contains(&wanted), "{wanted}\n{text}");
    }
    let since = lines.iter().find_map(|line| line.strip_prefix("   Last transition = "));
    let since = since.and_then(|since| since.split(' ').next()).context("no last transition")?;
    ensure!(since.parse::<f64>()? > 1e9, "{since}");
    let lines = section(&text, " VRRP Script = good");
    for wanted in ["   Status = GOOD", "   Weight = 5", "   Interval = 1 sec"] {
        ensure!(lines.contains(&wanted), "{wanted}\n{text}");
    }
    let state = lines.iter().find_map(|line| line.strip_prefix("   State = "));
    ensure!(matches!(state, Some("idle" | "running")), "{state:?}");
    let text = dump(stage, "b", "DATA", "keepalived.data")?;
    let lines = section(&text, " VRRP Instance = VI_1");
    for wanted in [
        "   State = BACKUP",
        "   Master router = 192.0.2.1",
        "   Master priority = 155",
        "   Master advert int = 0.25 sec",
    ] {
        ensure!(lines.contains(&wanted), "{wanted}\n{text}");
    }
    Ok(())
}

fn password(stage: &mut Stage, shown: &str) -> Result<()> {
    let secret = ["authentication {", "    auth_type PASS", "    auth_pass geheim", "}"];
    let instance = secret.iter().fold(stage.instance(150), |it, line| it.line(line));
    stage.start("a", &instance)?;
    stage.lab.node("a")?.expect_log("Entering MASTER STATE", Mark::START, START * 3)?;
    let text = dump(stage, "a", "JSON", "keepalived.json")?;
    ensure!(text.contains(&format!("\"auth_type\":1,\"auth_data\":\"{shown}\"}}")), "{text}");
    Ok(())
}

fn numbers(stage: &mut Stage) -> Result<()> {
    let subject = stage.subject("a");
    let node = stage.lab.node("a")?;
    let expected = [
        ("STOP", Signal::SIGTERM as i32),
        ("RELOAD", Signal::SIGHUP as i32),
        ("DATA", Signal::SIGUSR1 as i32),
        ("STATS", Signal::SIGUSR2 as i32),
        ("STATS_CLEAR", 63),
        ("JSON", 36),
    ];
    for (name, number) in expected {
        let output = node.ask(subject, &[&format!("--signum={name}")])?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        ensure!(said == number.to_string(), "{name}: {said}");
    }
    ensure!(node.ask(subject, &["--signum=NONSENSE"])?.status.code() == Some(1));
    Ok(())
}

/// Routes, rules, everything that can be tracked, and what is static.
fn rich(stage: &mut Stage) -> Result<String> {
    let path = stage.lab.node("a")?.file("number");
    fs::write(&path, "4\n")?;
    let file = path.display();
    Ok(format!(
        "global_defs {{\n script_user root\n}}\n\
         track_group tg {{\n group {{\n VI_1\n }}\n}}\n\
         static_ipaddress {{\n 198.51.100.9/24 dev eth0 track_group tg\n}}\n\
         static_routes {{\n 203.0.113.0/24 via 192.0.2.99 dev eth0\n}}\n\
         static_rules {{\n from 203.0.113.7 table 77 priority 900\n}}\n\
         vrrp_script good {{\n script \"/usr/bin/true\"\n interval 1\n weight 5\n}}\n\
         vrrp_track_file tf {{\n file {file}\n weight 2\n}}\n\
         vrrp_track_process tp {{\n process no_such_program\n weight 3\n delay 2\n}}\n\
         bfd_instance peer {{\n neighbor_ip 192.0.2.2\n source_ip 192.0.2.1\n}}\n\
         vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n priority 100\n version 2\n\
         advert_int 1\n nopreempt\n promote_secondaries\n skip_check_adv_addr\n\
         authentication {{\n auth_type AH\n auth_pass geheim\n }}\n\
         track_interface {{\n lo weight 10\n }}\n track_script {{\n good weight 7\n }}\n\
         track_file {{\n tf weight 3 reverse\n }}\n track_process {{\n tp weight 4\n }}\n\
         track_bfd {{\n peer weight 6\n }}\n\
         notify_master \"/usr/bin/true m\"\n notify_backup \"/usr/bin/true b\"\n\
         notify_fault \"/usr/bin/true f\"\n notify_stop \"/usr/bin/true s\"\n notify \"/usr/bin/true\"\n\
         virtual_ipaddress {{\n 192.0.2.10/24\n }}\n\
         virtual_ipaddress_excluded {{\n 2001:db8::10/64\n }}\n\
         virtual_routes {{\n 198.18.0.0/24 via 192.0.2.99 dev eth0\n\
         198.18.1.0/24 via 192.0.2.98 dev eth0 table 50 metric 7\n\
         2001:db8:1::/64 via 2001:db8::99 dev eth0 metric 5\n }}\n\
         virtual_rules {{\n from 192.0.2.10 table 50 priority 999\n to 198.18.0.0/24 table 60 priority 1000\n\
         }}\n}}\n"
    ))
}

/// `a` is Active with all of this.
fn activate_rich(stage: &mut Stage) -> Result<()> {
    let configuration = rich(stage)?;
    stage.start_with("a", &configuration)?;
    stage.lab.expect_holders(stage.address(), &["a"], Flavour::V2.down_interval(80) + START)
}

/// Of `data` and `stats`, in their order, where everything is configured.
const MEMBERS: &str = "iname dont_track_primary skip_check_adv_addr strict_mode vmac_ifname ifp_ifname master_priority \
    last_transition garp_delay garp_refresh garp_rep garp_refresh_rep garp_lower_prio_delay garp_lower_prio_rep \
    lower_prio_no_advert higher_prio_send_advert vrid base_priority effective_priority vipset promote_secondaries \
    adver_int master_adver_int accept nopreempt preempt_delay state wantstate version smtp_alert notify_deleted \
    script_backup script_master script_fault script_stop script vips evips vroutes vrules track_ifp track_script \
    auth_type auth_data advert_rcvd advert_sent become_master release_master packet_len_err advert_interval_err \
    ip_ttl_err invalid_type_rcvd addr_list_err invalid_authtype authtype_mismatch auth_failure pri_zero_rcvd \
    pri_zero_sent";

fn members(stage: &mut Stage) -> Result<()> {
    activate_rich(stage)?;
    let text = dump(stage, "a", "JSON", "keepalived.json")?;
    let value: serde_json::Value = serde_json::from_str(&text)?;
    let mut rest = text.as_str();
    for name in MEMBERS.split_whitespace() {
        let (_, after) =
            rest.split_once(&format!("\"{name}\":")).with_context(|| format!("{name}: {text}"))?;
        rest = after;
    }
    let data = value.pointer("/0/data").context("no data")?;
    let expected = serde_json::json!({
        "vroutes": [
            "prepend 198.18.0.0/24 via inet 192.0.2.99 dev eth0 proto 18",
            "prepend 198.18.1.0/24 via inet 192.0.2.98 dev eth0 table 50 proto 18 metric 7",
            "prepend 2001:db8:1::/64 via inet6 2001:db8::99 dev eth0 proto 18 metric 5",
        ],
        "vrules": [
            "from 192.0.2.10 priority 999 tos 0x0 protocol 18 lookup 50",
            "from all to 198.18.0.0/24 priority 1000 tos 0x0 protocol 18 lookup 60",
        ],
        "promote_secondaries": true, "auth_type": 2, "nopreempt": true, "skip_check_adv_addr": 1,
        "track_ifp": ["lo"], "script_stop": "'/usr/bin/true' 's'",
    });
    for (name, wanted) in expected.as_object().context("an object")? {
        ensure!(data.get(name) == Some(wanted), "{name}: {:?}, not {wanted}", data.get(name));
    }
    Ok(())
}

/// What an instance says of a takeover is not meant for the answer to a lower priority.
fn defaults(stage: &mut Stage) -> Result<()> {
    let configuration = "global_defs {\n vrrp_garp_master_delay 3\n vrrp_garp_master_repeat 4\n}\n\
        vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n garp_master_delay 2\n\
        garp_master_repeat 6\n virtual_ipaddress {\n 192.0.2.10/24\n }\n}\n";
    stage.start_with("a", configuration)?;
    stage.lab.node("a")?.expect_log("Entering BACKUP STATE", Mark::START, START)?;
    let value: serde_json::Value =
        serde_json::from_str(&dump(stage, "a", "JSON", "keepalived.json")?)?;
    let expected = [
        ("garp_delay", 2),
        ("garp_rep", 6),
        ("garp_lower_prio_delay", 3),
        ("garp_lower_prio_rep", 4),
    ];
    for (name, wanted) in expected {
        let found = value.pointer(&format!("/0/data/{name}"));
        ensure!(found == Some(&wanted.into()), "{name}: {found:?}, not {wanted}");
    }
    Ok(())
}

fn unicast(stage: &mut Stage) -> Result<()> {
    for (line, word) in
        [("", "no"), ("old_unicast_checksum", "config"), ("old_unicast_checksum never", "never")]
    {
        let configuration = format!(
            "vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n version 3\n\
             unicast_src_ip 192.0.2.1\n unicast_ttl 77\n check_unicast_src\n {line}\n\
             unicast_peer {{\n 192.0.2.2\n }}\n virtual_ipaddress {{\n 192.0.2.10/24\n }}\n}}\n"
        );
        let log = stage.lab.node("a")?.log_mark();
        stage.start_with("a", &configuration)?;
        stage.lab.node("a")?.expect_log("Entering BACKUP STATE", log, START)?;
        let text = dump(stage, "a", "DATA", "keepalived.data")?;
        let lines = format!(
            "   Unicast TTL = 77\n   Check unicast src : yes\n   Unicast Peer :\n\
             \x20    192.0.2.2 min_ttl 0 max_ttl 255\n   Unicast checksum compatibility = {word}\n"
        );
        ensure!(text.contains(&lines), "{text}");
        stage.lab.node("a")?.stop()?;
    }
    Ok(())
}

/// Lines of the dump, in their order.
const LINES: &str = "\
------< Static Addresses >------
     198.51.100.9/24 dev eth0 scope global
------< Static Routes >------
     prepend 203.0.113.0/24 via inet 192.0.2.99 dev eth0 proto 18
------< Static Rules >------
     from 203.0.113.7 priority 900 tos 0x0 protocol 18 lookup 77
------< Static Track groups >------
 Static Track Group = tg
     VI_1
------< VRRP Topology >------
 VRRP Instance = VI_1
   Skip checking advert IP addresses
   Promote_secondaries = enabled
   Authentication type = IPSEC_AH
   Virtual IP (1):
   Virtual IP Excluded :
   Virtual Routes :
     prepend 198.18.0.0/24 via inet 192.0.2.99 dev eth0 proto 18
     prepend 198.18.1.0/24 via inet 192.0.2.98 dev eth0 table 50 proto 18 metric 7
   Virtual Rules :
     from 192.0.2.10 priority 999 tos 0x0 protocol 18 lookup 50
     from all to 198.18.0.0/24 priority 1000 tos 0x0 protocol 18 lookup 60
   Tracked interfaces :
     lo weight 10
   Tracked scripts :
     good weight 7
   Tracked files :
     tf, weight 3 reverse
   Tracked processes :
     tp, weight 4
   Tracked BFDs :
     peer: weight 6
   Using smtp notification = no
------< VRRP Scripts >------
 VRRP Script = good
------< VRRP Track files >------
 Track file = tf
   Status = 4
   Weight = 2
   Tracking instances :
     VI_1, weight 3 reverse
------< VRRP Track processes >------
 VRRP Track process = tp
   Process = no_such_program
   Min processes = 1
   Have quorum = false
   Weight = 3
   Terminate delay = 2.000000s
   Fork delay = 2.000000s
   Full command = false
   Tracking instances :
     VI_1, weight 4
------< VRRP Track BFDs >------
 VRRP Track BFD = peer
   Weight = 0
   Bfd is down
   Tracking instances :
     VI_1, weight 6";

fn sections(stage: &mut Stage) -> Result<()> {
    activate_rich(stage)?;
    // What follows such a beginning, as whether it stands, is not the same for both.
    expect_lines(&dump(stage, "a", "DATA", "keepalived.data")?, LINES)
}

/// The lines are there in their order, or begin so.
fn expect_lines(text: &str, wanted: &str) -> Result<()> {
    let mut rest = text.lines();
    for wanted in wanted.lines() {
        ensure!(
            rest.any(|line| line.starts_with(wanted)),
            "no line `{wanted}` in its place: {text}"
        );
    }
    Ok(())
}

fn settings(stage: &mut Stage) -> Result<()> {
    let directory = stage.lab.node("a")?.file("");
    let directory = directory.display().to_string();
    let directory = directory.trim_end_matches('/');
    let global = SETTINGS.replace('@', directory);
    let text = format!("{global}{}", bare_instance());
    stage.start_with("a", &text)?;
    stage.lab.expect_holders(stage.address(), &["a"], stage.flavour.down_interval(1) + START)?;
    for file in ["keepalived.data", "keepalived_parent.data"] {
        let text = dump(stage, "a", "DATA", file)?;
        expect_lines(&text, &SETTINGS_SHOWN.replace('@', directory))?;
    }
    Ok(())
}

fn bare_instance() -> &'static str {
    "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n version 3\n advert_int 0.25\n\
     virtual_ipaddress {\n 192.0.2.10/24\n }\n}\n"
}

const SETTINGS: &str = "global_defs {
 router_id R
 script_user root
 enable_script_security
 smtp_server 127.0.0.1 26
 smtp_helo_name h
 smtp_connect_timeout 9
 notification_email_from f@x.example
 notification_email {
  a@b.example
  c@d.example
 }
 smtp_alert on
 smtp_alert_vrrp off
 smtp_alert_checker on
 checker_log_all_failures
 disable_local_igmp
 lvs_flush
 lvs_flush_on_stop
 vrrp_notify_fifo @/fifo
 fifo_write_vrrp_states_on_reload
 vrrp_notify_priority_changes true
 vrrp_garp_interval 0.5
 vrrp_gna_interval 0.25
 vrrp_version 3
 nftables t
 nftables_priority -2
 nftables_counters
 rs_init_notifies
 no_checker_emails
 umask 022
 process_name p
 config_save_dir @
 vrrp_startup_delay 0.5
 log_unknown_vrids
}
";

const SETTINGS_SHOWN: &str = "------< Global definitions >------
 Config save dir = @
 Network namespace = (default)
 Network namespace ipvs = (main namespace)
 Parent process name = p
 Router ID = R
 Smtp server = 127.0.0.1
 Smtp server port = 26
 Smtp HELO name = h
 Smtp server connection timeout = 9
 Email notification from = f@x.example
 Email notification to:
   a@b.example
   c@d.example
 Default smtp_alert = on
 Default smtp_alert_vrrp = off
 Default smtp_alert_checker = on
 Checkers log all failures = true
 Disable local IGMP = yes
 LVS flush = true
 LVS flush on stop = full
 VRRP notify fifo = @/fifo
 FIFO write vrrp states on reload = true
 VRRP notify priority changes = true
 Gratuitous ARP interval = 0.500000
 Gratuitous NA interval = 0.250000
 nftables table name = t
 nftables base chain priority = -2
 nftables with counters
 VRRP process priority = 0
 VRRP don't swap = false
 VRRP realtime priority = 0
 VRRP realtime limit = 10000
 Checker process priority = 0
 Checker don't swap = false
 Checker realtime priority = 0
 Checker realtime limit = 10000
 SNMP vrrp disabled
 SNMP checker disabled
 SNMP RFCv2 disabled
 SNMP RFCv3 disabled
 SNMP traps disabled
 SNMP socket = default (unix:/var/agentx/master)
 Script security enabled
 rs_init_notifies = 1
 no_checker_emails = 1
 umask = 022
 vrrp_startup_delay = 0.5
 log_unknown_vrids";

fn bfd(stage: &mut Stage) -> Result<()> {
    let text = format!("{SESSIONS}{}", bare_instance());
    stage.start_with(
        "a",
        &text.replace("virtual_ipaddress", "track_bfd {\n a weight 1\n }\n virtual_ipaddress"),
    )?;
    stage.lab.expect_holders(stage.address(), &["a"], stage.flavour.down_interval(1) + START)?;
    let text = dump(stage, "a", "DATA", "keepalived_bfd.data")?;
    expect_lines(&text, SESSIONS_SHOWN)
}

const SESSIONS: &str = "bfd_instance a {
 neighbor_ip 192.0.2.99
}
bfd_instance b {
 neighbor_ip 2001:db8::99
 source_ip 2001:db8::1
 passive
 hoplimit 64
 max_hops 5
 min_rx 100
 min_tx 200
 idle_tx 2000
 multiplier 3
 vrrp
}
bfd_instance c {
 neighbor_ip 192.0.2.98
 source_ip 192.0.2.1
 ttl 9
 max_hops -1
 checker
}
";

const SESSIONS_SHOWN: &str = "------< Global definitions >------
------< BFD Topology >------
 BFD Instance = a
   Neighbor IP = 192.0.2.99
   Required min RX interval = 10000 us
   Desired min TX interval = 10000 us
   Desired idle TX interval = 1000000 us
   Detection multiplier = 5
   TTL = 255
   max_hops = 0
   passive = false
   send event to VRRP process = Yes
   send event to checker process = Yes
   local state = Down
 BFD Instance = b
   Neighbor IP = 2001:db8::99
   Source IP = 2001:db8::1
   Required min RX interval = 100000 us
   Desired min TX interval = 200000 us
   Desired idle TX interval = 2000000 us
   Detection multiplier = 3
   hoplimit = 64
   max_hops = 5
   passive = true
   send event to VRRP process = Yes
   send event to checker process = No
 BFD Instance = c
   Neighbor IP = 192.0.2.98
   Source IP = 192.0.2.1
   TTL = 9
   max_hops = 9
   passive = false
   send event to VRRP process = No
   send event to checker process = Yes";

/// JSON names it twice, the data with what it stands on; addresses that stand on one say so, whosesoever it is.
fn virtual_link(stage: &mut Stage) -> Result<()> {
    stage.lab.add_cable("a", "198.51.100.1/24")?;
    let instance = stage
        .instance(150)
        .addresses(&["192.0.2.10/24", "198.51.100.10/24 dev eth1"])
        .line("use_vmac")
        .line("use_vmac_addr")
        .line("garp_extra_if 9");
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    let address = "198.51.100.10".parse()?;
    stage.lab.node("a")?.expect_address("vrrp1.51", address, within)?;
    let json = dump(stage, "a", "JSON", "keepalived.json")?;
    for part in [
        r#""vmac_ifname":"vrrp.51","ifp_ifname":"vrrp.51","#,
        r#""vips":["192.0.2.10\/24 dev vrrp.51@eth0 scope global set","198.51.100.10\/24 dev vrrp1.51@eth1 scope global set"]"#,
    ] {
        ensure!(json.contains(part), "{part} is not in {json}");
    }
    let data = dump(stage, "a", "DATA", "keepalived.data")?;
    for line in [
        "   Use VMAC, i/f name vrrp.51, is_up = true, xmit_base = false\n",
        "   Interface = vrrp.51, vmac on eth0\n",
        "   Gratuitous ARP for each secondary VMAC = 9\n",
        "     192.0.2.10/24 dev vrrp.51@eth0 scope global set\n",
        "     198.51.100.10/24 dev vrrp1.51@eth1 scope global set\n",
    ] {
        ensure!(data.contains(line), "{line} is not in {data}");
    }
    Ok(())
}
