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
