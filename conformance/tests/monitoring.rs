//! What those see who watch by SNMP: every value, every notification, and that nothing else depends on it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::snmp::{self, Agent};
use conformance::subject::Subject;
use nix::sys::signal::Signal;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("the_walk_is_the_same_line_by_line", V3, walk).needing(snmp::provide),
    Scenario::new("the_modules_of_the_ietf_are_the_same_line_by_line", V3, ietf)
        .needing(snmp::provide),
    Scenario::new("changes_are_notified", V3, notified).needing(snmp::provide),
    Scenario::new("a_new_active_router_is_notified_by_each_module", V3, new_active)
        .needing(snmp::provide),
    Scenario::new("an_agent_that_comes_back_is_served_again", V3, |stage| {
        comes_back(stage, Duration::from_secs(8))
    })
    .only(Subject::Ours)
    .needing(snmp::provide),
    Scenario::new("an_agent_that_hangs_disturbs_nobody", V3, hangs)
        .only(Subject::Ours)
        .needing(snmp::provide),
    Scenario::new("an_agent_that_comes_back_knows_what_happened", V3, told_later)
        .only(Subject::Ours)
        .needing(snmp::provide),
    Scenario::new("the_incumbent_calls_one_instance_advertised_only", V3, |stage| {
        advertised(stage, ["1", "2"])
    })
    .only(Subject::Keepalived)
    .needing(snmp::provide),
    Scenario::new("every_advertised_address_is_called_so", V3, |stage| {
        advertised(stage, ["1", "1"])
    })
    .only(Subject::Ours)
    .needing(snmp::provide),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4];
/// KEEPALIVED-MIB.
const ROOT: &str = ".1.3.6.1.4.1.9586.100.5";

/// Much of what keepalived has a column for.
const MUCH: &str = include_str!("monitoring/much.conf");
/// All that is to be told of it.
const WALK: &str = include_str!("monitoring/walk.txt");
/// The same by the modules of RFC 2787 and RFC 6527.
const IETF: &str = include_str!("monitoring/ietf.txt");

fn settings(node_socket: &str, more: &str) -> String {
    format!(
        "global_defs {{\n router_id lab\n enable_snmp_vrrp\n snmp_socket {node_socket}\n script_user root\n{more}}}\n"
    )
}

fn start(stage: &mut Stage, more: &str, rest: &str) -> Result<Agent> {
    let node = stage.lab.node("a")?;
    let (agent, socket) = (Agent::start(node)?, Agent::socket(node));
    stage.start_with("a", &format!("{}{rest}", settings(&socket, more)))?;
    Ok(agent)
}

fn instance(name: &str, vrid: u8, address: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n version 3\n priority 150\n advert_int 0.3\n\
         virtual_ipaddress {{\n {address}\n }}\n}}\n"
    )
}

/// The value of an instance's column.
fn column(agent: &Agent, column: u8, row: u8) -> Result<String> {
    let name = format!("{ROOT}.2.3.1.{column}.{row}");
    let lines = agent.walk(&name)?;
    let line = lines.first().with_context(|| format!("no {name}"))?;
    Ok(line.rsplit_once(": ").context("a value")?.1.to_owned())
}

/// Waits until an instance is in a state.
fn expect_state(agent: &Agent, row: u8, state: &str, within: Duration) -> Result<()> {
    let until = Instant::now() + within;
    while column(agent, 4, row).ok().as_deref() != Some(state) {
        ensure!(Instant::now() < until, "instance {row} is not told to be in state {state}");
        std::thread::sleep(SLACK / 5);
    }
    Ok(())
}

/// Starts it with much configured, and waits until all is as it will be. The number of `eth0` comes with it.
fn start_with_much(stage: &mut Stage, more: &str) -> Result<(Agent, String, String)> {
    let file = stage.lab.node("a")?.file("number").display().to_string();
    let agent = start(stage, more, &MUCH.replace("FILE", &file))?;
    for row in [1, 2, 3] {
        expect_state(&agent, row, "2", START * 3)?;
    }
    // What scripts say is told once they ran.
    std::thread::sleep(SLACK * 4);
    let link = stage.lab.node("a")?.space().run("ip -o link show eth0")?;
    let index = link.split(':').next().context("a number")?.to_owned();
    Ok((agent, file, index))
}

fn compare(told: &[String], wanted: &str) -> Result<()> {
    let wanted: Vec<&str> = wanted.lines().collect();
    let lacking: Vec<_> = wanted.iter().filter(|line| !told.iter().any(|it| it == *line)).collect();
    let more: Vec<_> = told.iter().filter(|line| !wanted.contains(&line.as_str())).collect();
    ensure!(told == wanted, "not told: {lacking:#?}, told beside: {more:#?}");
    Ok(())
}

fn walk(stage: &mut Stage) -> Result<()> {
    let (agent, file, index) = start_with_much(stage, " enable_traps\n")?;
    let mut told = Vec::new();
    for line in agent.walk(ROOT)? {
        let line = line.trim_start_matches(ROOT).replace(&file, "FILE");
        if DIFFERENT.iter().any(|name| line.starts_with(name)) {
            continue;
        }
        let is_index = INDICES.iter().any(|it| line.starts_with(it));
        told.push(match line.strip_suffix(&format!("INTEGER: {index}")) {
            Some(line) if is_index => format!("{line}INTEGER: eth0"),
            _ => line,
        });
    }
    compare(&told, WALK)
}

/// What is not told alike: the program's name, the family of a mail server that there is not, whether the own interface
/// is tracked, and whether addresses of the second and third instance are advertised.
const DIFFERENT: [&str; 5] = [".1.1.0 ", ".1.3.1.0 ", ".2.3.1.11.", ".2.6.1.11.2.", ".2.6.1.11.3."];
/// Columns that hold the number of an interface.
const INDICES: [&str; 3] = [".2.6.1.7.", ".2.7.1.11.", ".2.11.1.4."];

fn ietf(stage: &mut Stage) -> Result<()> {
    let (agent, _, index) = start_with_much(stage, " enable_traps\n enable_snmp_rfc\n")?;
    let mut told = Vec::new();
    for line in [agent.walk(RFC2787)?, agent.walk(RFC6527)?].concat() {
        if IETF_DIFFERENT.iter().any(|name| line.starts_with(name)) {
            continue;
        }
        let named = ["51", "52", "53"].iter().fold(line, |line, vrid| {
            line.replacen(&format!(".{index}.{vrid}"), &format!(".eth0.{vrid}"), 1)
        });
        told.push(named);
    }
    compare(&told, IETF)
}

const RFC2787: &str = ".1.3.6.1.2.1.68";
const RFC6527: &str = ".1.3.6.1.2.1.207";
/// By which address an Active router advertises, of which the incumbent knows nothing there; and times.
const IETF_DIFFERENT: [&str; 3] =
    [".1.3.6.1.2.1.68.1.3.1.7.", ".1.3.6.1.2.1.68.1.3.1.13.", ".1.3.6.1.2.1.207.1.1.1.1.12."];

fn new_active(stage: &mut Stage) -> Result<()> {
    let old = instance("VI_1", 51, "192.0.2.10").replace("version 3", "version 2");
    let old = old.replace("advert_int 0.3", "advert_int 1");
    let agent = start(stage, " enable_traps\n enable_snmp_rfc\n", &old)?;
    expect_state(&agent, 1, "2", START * 3)?;
    let link = stage.lab.node("a")?.space().run("ip -o link show eth0")?;
    let index = link.split(':').next().context("a number")?.to_owned();
    let wanted = [
        format!("{RFC2787}.0.1 {RFC2787}.1.3.1.7.{index}.51 = IpAddress: 192.0.2.1"),
        format!(
            "{RFC6527}.0.1 {RFC6527}.1.1.1.1.3.{index}.51.1 = Hex-STRING: C0 00 02 01  \
             {RFC6527}.1.2.5.1.2.{index}.51.1 = INTEGER: 3"
        ),
    ];
    let until = Instant::now() + START;
    while !wanted.iter().all(|note| agent.notified().contains(note)) {
        ensure!(Instant::now() < until, "notified {:#?}, not {wanted:#?}", agent.notified());
        std::thread::sleep(SLACK / 5);
    }
    Ok(())
}

fn notified(stage: &mut Stage) -> Result<()> {
    let agent = start(stage, " enable_traps\n", &instance("VI_1", 51, "192.0.2.10"))?;
    let within = stage.flavour.down_interval(150) + START;
    expect_state(&agent, 1, "2", within)?;
    stage.lab.set_port("a", false)?;
    expect_state(&agent, 1, "3", within)?;
    stage.lab.set_port("a", true)?;
    expect_state(&agent, 1, "2", within)?;
    stage.lab.node("a")?.stop()?;
    let note = |state: u8| {
        format!(
            "{ROOT}.2.10.0.2 {ROOT}.2.3.1.2 = STRING: \"VI_1\" {ROOT}.2.3.1.4 = INTEGER: {state} \
             {ROOT}.2.3.1.5 = INTEGER: 1 {ROOT}.1.2.0 = STRING: \"lab\""
        )
    };
    let wanted: Vec<String> = [1, 2, 3, 1, 2, 5].map(note).into();
    let until = Instant::now() + START;
    while agent.notified() != wanted && Instant::now() < until {
        std::thread::sleep(SLACK / 5);
    }
    let told = agent.notified();
    ensure!(told == wanted, "notified {told:#?}, expected {wanted:#?}");
    Ok(())
}

fn comes_back(stage: &mut Stage, within: Duration) -> Result<()> {
    let mut agent = start(stage, "", &instance("VI_1", 51, "192.0.2.10"))?;
    expect_state(&agent, 1, "2", START * 2)?;
    agent.kill_agent()?;
    stage.expect_calm("a", 5)?;
    agent.start_agent()?;
    agent.expect(&format!("{ROOT}.2.3"), within)?;
    stage.expect_calm("a", 5)
}

fn hangs(stage: &mut Stage) -> Result<()> {
    let agent = start(stage, " enable_traps\n", &instance("VI_1", 51, "192.0.2.10"))?;
    expect_state(&agent, 1, "2", START * 2)?;
    agent.signal(Signal::SIGSTOP)?;
    stage.expect_calm("a", 5)?;
    // A change is notified to somebody who does not listen.
    stage.lab.set_port("a", false)?;
    stage.lab.set_port("a", true)?;
    let address = stage.address();
    stage.lab.node("a")?.expect_address("eth0", address, START * 2)?;
    stage.expect_calm("a", 10)?;
    let log = stage.lab.node("a")?.log_mark();
    stage.lab.node("a")?.signal(Signal::SIGHUP)?;
    stage.lab.node("a")?.expect_log("Reload finished", log, START)?;
    agent.signal(Signal::SIGCONT)?;
    expect_state(&agent, 1, "2", START * 4)
}

fn told_later(stage: &mut Stage) -> Result<()> {
    let mut agent = start(stage, " enable_traps\n", &instance("VI_1", 51, "192.0.2.10"))?;
    expect_state(&agent, 1, "2", START * 2)?;
    agent.kill_agent()?;
    let before = agent.notified().len();
    stage.lab.set_port("a", false)?;
    stage.lab.node("a")?.expect_log(
        "Entering FAULT STATE",
        conformance::stream::Mark::START,
        START,
    )?;
    agent.start_agent()?;
    let until = Instant::now() + START * 3;
    let is_told = |agent: &Agent| {
        let notes = agent.notified();
        notes.iter().skip(before).any(|it| it.contains("2.3.1.4 = INTEGER: 3"))
    };
    while !is_told(&agent) {
        ensure!(Instant::now() < until, "notified {:#?}", agent.notified());
        std::thread::sleep(SLACK / 5);
    }
    Ok(())
}

fn advertised(stage: &mut Stage, values: [&str; 2]) -> Result<()> {
    let both = [instance("VI_1", 51, "192.0.2.10"), instance("VI_2", 52, "192.0.2.11")].concat();
    let agent = start(stage, "", &both)?;
    expect_state(&agent, 2, "2", START * 2)?;
    let lines = agent.expect(&format!("{ROOT}.2.6.1.11"), START)?;
    let told: Vec<&str> =
        lines.iter().filter_map(|line| line.rsplit_once(": ").map(|(_, value)| value)).collect();
    ensure!(told == values, "told {told:?}, expected {values:?}");
    Ok(())
}
