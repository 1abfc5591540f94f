//! `keepalived_check.data`, which SIGUSR1 asks for: how virtual servers, real servers and checks stand.

use std::fs;
use std::time::Instant;

use anyhow::{Result, ensure};
use conformance::farm::{Farm, PATIENCE, SECURE, Story, pool, real_server, service};
use nix::sys::signal::Signal;

pub(crate) const STORIES: &[Story] =
    &[Story::new("the_data_tell_how_servers_and_checks_stand", stands)];

const CHECK: &[&str] = &["TCP_CHECK {", "}"];

/// What is told of how something stands. Whatever else is in the file the configuration says.
const TOLD: &[&str] = &[
    "VS VIP =",
    "RIP =",
    "effective weight",
    "alive =",
    "quorum_state_up",
    "num failed checkers",
    "RS set",
    "Enabled",
    "Up =",
    "Has run",
    "Current weight",
];

fn expect_data(farm: &mut Farm, expected: &str) -> Result<()> {
    let node = farm.a()?;
    let path = node.file("keepalived_check.data");
    let _ = fs::remove_file(&path);
    node.signal(Signal::SIGUSR1)?;
    let until = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let lines = text.lines().map(str::trim);
        let told: Vec<&str> =
            lines.filter(|line| TOLD.iter().any(|word| line.starts_with(word))).collect();
        if told == expected.lines().collect::<Vec<_>>() {
            return Ok(());
        }
        ensure!(Instant::now() < until, "expected {expected}, told {told:#?}\n{text}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

fn stands(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    let script = farm.script("weigh", "exit 4")?;
    let program = format!("misc_path \"{}\"", script.display());
    let servers = [
        real_server(1, &["weight 3", "TCP_CHECK {", "}"]),
        real_server(2, CHECK),
        // Under emulation a shell takes longer than the second that would be its time.
        real_server(3, &["MISC_CHECK {", &program, "misc_timeout 20", "misc_dynamic", "}"]),
    ];
    farm.start("a", &format!("{SECURE}{}", service(&["quorum 4"], &servers)))?;
    farm.expect_table("a", &pool(&[(1, 3), (2, 1), (3, 2)]))?;
    farm.expect_well(&[1, 2])?;
    farm.server(2)?.order("close 80")?;
    farm.expect_table("a", &pool(&[(1, 3), (3, 2)]))?;
    expect_data(farm, WITHOUT_SECOND)?;
    farm.server(1)?.order("close 80")?;
    farm.expect_log("Lost quorum")?;
    let lost = WITHOUT_SECOND
        .replace("quorum_state_up = 1", "quorum_state_up = 0")
        .replacen("alive = 1\nnum failed checkers = 0\nRS set = 1", GONE, 1)
        .replacen("Up = yes", "Up = no", 1);
    expect_data(farm, &lost)
}

const GONE: &str = "alive = 0\nnum failed checkers = 1\nRS set = 0";

const WITHOUT_SECOND: &str = "VS VIP = 192.0.2.10, VPORT = 80
alive = 1
quorum_state_up = 1
RIP = 192.0.2.21, RPORT = 80, WEIGHT = 3 EFF WEIGHT = 3
effective weight = 3
alive = 1
num failed checkers = 0
RS set = 1
RIP = 192.0.2.22, RPORT = 80, WEIGHT = 1 EFF WEIGHT = 1
effective weight = 1
alive = 0
num failed checkers = 1
RS set = 0
RIP = 192.0.2.23, RPORT = 80, WEIGHT = 2 EFF WEIGHT = 2
effective weight = 2
alive = 1
num failed checkers = 0
RS set = 1
Enabled = yes
Up = yes
Has run = yes
Current weight = 0
Enabled = yes
Up = no
Has run = yes
Current weight = 0
Enabled = yes
Up = yes
Has run = yes
Current weight = 1";
