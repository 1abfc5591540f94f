//! What those see who watch virtual servers by SNMP.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance::farm::{Farm, PATIENCE, Story, real_server, service};
use conformance::snmp::{self, Agent};

pub(crate) const STORIES: &[Story] = &[
    Story::new("virtual_servers_are_told_by_snmp_line_by_line", walk),
    Story::new("servers_that_move_are_notified", notified),
];

/// keepalived.check of KEEPALIVED-MIB.
const ROOT: &str = ".1.3.6.1.4.1.9586.100.5.3";
/// Much of what keepalived has a column for.
const MUCH: &str = include_str!("watched/much.conf");
/// All that is to be told of it.
const WALK: &str = include_str!("watched/walk.txt");

/// Lets `a` serve `rest` to an agent.
fn start(farm: &mut Farm, more: &str, rest: &str) -> Result<Agent> {
    snmp::provide().map_err(anyhow::Error::msg)?;
    let node = farm.a()?;
    let (agent, socket) = (Agent::start(node)?, Agent::socket(node));
    let global = format!(
        "global_defs {{\n router_id lab\n enable_snmp_checker\n snmp_socket {socket}\n script_user root\n{more}}}\n"
    );
    farm.start("a", &format!("{global}{rest}"))?;
    Ok(agent)
}

/// Waits until `is_so`.
fn eventually(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while !is_so()? {
        ensure!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

fn walk(farm: &mut Farm) -> Result<()> {
    farm.serve(1)?;
    let more = " lvs_sync_daemon eth0 id 7 maxlen 1400 port 8848 ttl 3 group 224.0.0.93\n lvs_timeouts tcp 700 tcpfin 70 udp 170\n";
    let agent = start(farm, more, MUCH)?;
    let wanted: Vec<&str> = WALK.lines().collect();
    let mut told = Vec::new();
    let until = Instant::now() + PATIENCE;
    while told != wanted {
        let lacking: Vec<_> =
            wanted.iter().filter(|it| !told.contains(&(**it).to_owned())).collect();
        let more: Vec<_> =
            told.iter().filter(|it: &&String| !wanted.contains(&it.as_str())).collect();
        ensure!(Instant::now() < until, "not told: {lacking:#?}, told beside: {more:#?}");
        std::thread::sleep(Duration::from_millis(500));
        told =
            agent.walk(ROOT)?.iter().map(|line| line.trim_start_matches(ROOT).to_owned()).collect();
        told.retain(|line| !DIFFERENT.iter().any(|name| line.starts_with(name)));
    }
    farm.a()?.stop().map(drop)
}

/// What is not told alike: the protocol of a mark, and how IPv6 clients are grouped where none are.
const DIFFERENT: [&str; 3] = [".3.1.8.3 ", ".3.1.51.3 ", ".3.1.51.4 "];

fn notified(farm: &mut Farm) -> Result<()> {
    const CHECK: &[&str] = &["TCP_CHECK {", "}"];
    farm.serve(2)?;
    let service = service(&["quorum 2"], &[real_server(1, CHECK), real_server(2, CHECK)]);
    let agent = start(farm, " enable_traps\n", &service)?;
    farm.expect_well(&[1, 2])?;
    let of_service = format!(
        "{ROOT}.3.1.2 = INTEGER: 2 {ROOT}.3.1.5 = INTEGER: 1 {ROOT}.3.1.6 = Hex-STRING: C0 00 02 0A  \
         {ROOT}.3.1.7 = Gauge32: 80 {ROOT}.3.1.8 = INTEGER: 1"
    );
    let end = |up: u8| {
        format!(
            "{ROOT}.3.1.21 = Gauge32: {up} {ROOT}.3.1.20 = Gauge32: 2 .1.3.6.1.4.1.9586.100.5.1.2.0 = STRING: \"lab\""
        )
    };
    let quorum = |is: u8, up: u8| {
        let of_quorum = format!("{ROOT}.3.1.23 = INTEGER: {is} {ROOT}.3.1.22 = Gauge32: 2");
        format!("{ROOT}.5.0.2 {of_service} {of_quorum} {}", end(up))
    };
    let server = |number: u8, is: u8, up: u8| {
        let of_server = format!(
            "{ROOT}.4.1.3 = INTEGER: 1 {ROOT}.4.1.4 = Hex-STRING: C0 00 02 1{}  {ROOT}.4.1.5 = Gauge32: 80 \
             {ROOT}.4.1.6 = INTEGER: {is}",
            number + 4
        );
        format!("{ROOT}.5.0.1 {of_server} {of_service} {}", end(up))
    };
    let mut wanted = vec![quorum(1, 2)];
    let expect = |wanted: &[String]| {
        eventually("notified", || Ok(agent.notified().len() >= wanted.len()))
            .and_then(|()| {
                let told = agent.notified();
                ensure!(told == wanted, "notified {told:#?}, expected {wanted:#?}");
                Ok(())
            })
            .with_context(|| format!("{:#?}", agent.notified()))
    };
    expect(&wanted)?;
    farm.server(2)?.order("close 80")?;
    wanted.extend([server(2, 2, 1), quorum(2, 1)]);
    expect(&wanted)?;
    farm.serve(2)?;
    wanted.extend([server(2, 1, 2), quorum(1, 2)]);
    expect(&wanted)?;
    farm.a()?.stop()?;
    wanted.extend([server(1, 2, 1), server(2, 2, 0), quorum(3, 0)]);
    expect(&wanted)
}
