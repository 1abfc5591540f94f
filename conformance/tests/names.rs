//! `instance`, `net_namespace`, `use_pid_dir`: what tells daemons of one host apart.

use std::fs;

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::scenario::{START, Scenario, Stage};
use conformance::stream::Mark;
use nix::sys::signal::Signal;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("process_files_of_their_own_directory", ONCE, |stage| {
        files(stage, "use_pid_dir", &["keepalived/keepalived.pid", "keepalived/vrrp.pid"])
    })
    .privileged(),
    Scenario::new("process_files_of_an_instance", ONCE, |stage| {
        files(stage, "instance one", &["keepalived/keepalived_one.pid", "keepalived/vrrp_one.pid"])
    })
    .privileged(),
    Scenario::new("process_files_of_a_namespace", ONCE, |stage| {
        let expected = ["keepalived/blue/keepalived_one.pid", "keepalived/blue/vrrp_one.pid"];
        files(stage, "net_namespace blue\ninstance one", &expected)
    })
    .privileged(),
    Scenario::new("a_reload_keeps_the_name", ONCE, kept),
    Scenario::new("a_dump_of_the_state_is_named", ONCE, dump),
];

const ONCE: &[Flavour] = &[Flavour::V3Ipv4];

/// Starts `a` in the background, as a unit file would, with a `/run` of its own.
fn files(stage: &mut Stage, lines: &str, expected: &[&str]) -> Result<()> {
    let subject = stage.subject("a");
    let text = format!("{lines}\n{}", stage.instance(150).render());
    let node = stage.lab.node("a")?;
    node.write_configuration(&text)?;
    let space = node.space().clone();
    space.run("mount -t tmpfs run /run")?;
    space.run("ip netns add blue")?;
    // The interface that the instance is on, in that namespace too.
    space.run("ip -n blue link add eth0 type veth peer name other")?;
    let path = node.file("daemon.conf").display().to_string();
    let output = node.ask(subject, &["-D", "-f", &path])?;
    ensure!(output.status.success(), "{}", output.status);
    let until = std::time::Instant::now() + START;
    let found = loop {
        let found = space.run("find /run -name *.pid")?;
        let mut names: Vec<&str> =
            found.lines().filter_map(|line| line.strip_prefix("/run/")).collect();
        names.sort_unstable();
        if names == expected {
            break space
                .run(&format!("cat /run/{}", expected.first().copied().unwrap_or_default()))?;
        }
        ensure!(std::time::Instant::now() < until, "{names:?}, expected {expected:?}");
        std::thread::sleep(START / 60);
    };
    space.run(&format!("kill -TERM {}", found.trim()))?;
    let until = std::time::Instant::now() + START;
    while space.run("ls /run")?.contains("keepalived") {
        ensure!(std::time::Instant::now() < until, "its directory stays");
        std::thread::sleep(START / 60);
    }
    Ok(())
}

fn kept(stage: &mut Stage) -> Result<()> {
    let text = stage.instance(150).render();
    stage.start_with("a", &format!("instance one\n{text}"))?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    let node = stage.lab.node("a")?;
    node.reload(&format!("instance two\n{text}"))?;
    node.expect_log("Cannot change instance name at a reload", Mark::START, START)?;
    stage.expect_calm("a", 3)
}

fn dump(stage: &mut Stage) -> Result<()> {
    let text = stage.instance(150).render();
    let global = "instance one\nglobal_defs {\n    data_use_instance\n}\n";
    stage.start_with("a", &format!("{global}{text}"))?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    let node = stage.lab.node("a")?;
    node.signal(Signal::SIGUSR1)?;
    node.signal(Signal::SIGUSR2)?;
    let expected = ["keepalived.one.data", "keepalived_parent.one.data", "keepalived.stats"];
    let until = std::time::Instant::now() + START;
    while !expected.iter().all(|name| node.file(name).exists()) {
        ensure!(std::time::Instant::now() < until, "{:?}", fs::read_dir(node.file("")));
        std::thread::sleep(START / 60);
    }
    Ok(())
}
