//! `startup_script` and `shutdown_script`: when they run, and what becomes of a daemon whose script fails or hangs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::lab::children;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;
use nix::sys::signal::Signal;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("the_startup_script_ends_before_a_child_starts", ONCE, first).privileged(),
    Scenario::new("the_shutdown_script_runs_when_children_have_ended", ONCE, last).privileged(),
    Scenario::new("a_startup_script_that_fails_changes_nothing", ONCE, |stage| {
        start(stage, "exit 3", "")?;
        stage.lab.node("a")?.expect_log("failed, status 3", Mark::START, START)?;
        active(stage)
    })
    .privileged(),
    Scenario::new("a_startup_script_that_is_missing_changes_nothing", ONCE, missing).privileged(),
    Scenario::new("a_startup_script_that_hangs_is_ended", ONCE, hangs).privileged(),
    Scenario::new("a_shutdown_script_that_hangs_is_ended", ONCE, hangs_at_the_end).privileged(),
    Scenario::new("a_stop_ends_the_startup_script", ONCE, stopped).privileged(),
    Scenario::new("a_reload_during_the_startup_script_doubles_the_incumbent", ONCE, |stage| {
        reloaded(stage, 2)
    })
    .privileged()
    .only(Subject::Keepalived),
    Scenario::new("a_reload_during_the_startup_script_waits", ONCE, |stage| reloaded(stage, 1))
        .privileged()
        .only(Subject::Ours),
    Scenario::new("a_startup_script_runs_as_its_user", ONCE, |stage| {
        with_user(stage)?;
        active(stage)?;
        let told = fs::read_to_string(stage.lab.node("a")?.file("told"))?;
        ensure!(told == "65534\n", "{told:?}");
        Ok(())
    })
    .privileged(),
    Scenario::new("the_incumbent_that_gives_up_runs_no_shutdown_script", ONCE, gives_up)
        .privileged()
        .only(Subject::Keepalived),
];

const ONCE: &[Flavour] = &[Flavour::V3Ipv4];

/// The script `name` of `a`, with these lines, in which `@` is its directory.
fn script(stage: &mut Stage, name: &str, lines: &str) -> Result<PathBuf> {
    let node = stage.lab.node("a")?;
    let (path, here) = (node.file(name), node.file(""));
    let here = here.display().to_string();
    let text = format!("#!/bin/sh\n{}\n", lines.replace('@', here.trim_end_matches('/')));
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// Starts `a` with a script of these lines, and these settings more.
fn start(stage: &mut Stage, lines: &str, settings: &str) -> Result<()> {
    let path = script(stage, "first", lines)?;
    let block = format!(
        "global_defs {{\n    script_user root\n    startup_script {}\n{settings}\n}}",
        path.display()
    );
    let text = conformance::configuration::file(&[&block], &[stage.instance(150)]);
    stage.start_with("a", &text)
}

fn active(stage: &mut Stage) -> Result<()> {
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

fn first(stage: &mut Stage) -> Result<()> {
    start(stage, "echo \"$# $(cat @/p2 2>&1 | wc -w)\" >@/told\nsleep 1", "")?;
    let node = stage.lab.node("a")?;
    let ran = node.expect_log("Running startup script", Mark::START, START)?.at;
    let child = node.expect_log("Starting VRRP child", Mark::START, START)?.at;
    let between = child.since(ran);
    ensure!(between + SLACK / 5 >= Duration::from_secs(1), "{between:?}");
    let log = node.log().since(Mark::START);
    ensure!(
        log.iter()
            .any(|line| line.text.contains("startup script") && line.text.contains("succeeded"))
    );
    active(stage)
}

fn last(stage: &mut Stage) -> Result<()> {
    let path = script(stage, "last", "ls @ >@/left\nsleep 1\ntouch @/done")?;
    start(stage, "true", &format!("    shutdown_script {}", path.display()))?;
    active(stage)?;
    let node = stage.lab.node("a")?;
    let status = node.stop()?;
    ensure!(status.success(), "{status}");
    ensure!(node.file("done").exists(), "its end was not waited for");
    let left = fs::read_to_string(node.file("left"))?;
    let has = |name: &str| left.lines().any(|line| line == name);
    ensure!(has("p1") && !has("p2"), "process files while it ran: {left}");
    Ok(())
}

fn missing(stage: &mut Stage) -> Result<()> {
    let block = "global_defs {\n    startup_script /nowhere/script\n}";
    let text = conformance::configuration::file(&[block], &[stage.instance(150)]);
    stage.start_with("a", &text)?;
    stage.lab.node("a")?.expect_log("/nowhere/script", Mark::START, START)?;
    active(stage)
}

/// Ended by SIGTERM after its time, killed two seconds later.
fn hangs(stage: &mut Stage) -> Result<()> {
    let deaf = "trap '' TERM\nwhile :; do sleep 0.1; done";
    start(stage, deaf, "    startup_script_timeout 1")?;
    let node = stage.lab.node("a")?;
    let ran = node.expect_log("Running startup script", Mark::START, START)?.at;
    let late = node.expect_log("startup script timed out", Mark::START, START)?.at.since(ran);
    let child = node.expect_log("Starting VRRP child", Mark::START, START * 2)?.at.since(ran);
    let near = |time: Duration, seconds| {
        time + SLACK / 5 >= Duration::from_secs(seconds)
            && time <= Duration::from_secs(seconds) + SLACK
    };
    ensure!(near(late, 1) && near(child, 3), "late after {late:?}, a child after {child:?}");
    active(stage)
}

fn hangs_at_the_end(stage: &mut Stage) -> Result<()> {
    let path = script(stage, "last", "sleep 60")?;
    let settings = format!("    shutdown_script {}\n    shutdown_script_timeout 1", path.display());
    start(stage, "true", &settings)?;
    active(stage)?;
    let node = stage.lab.node("a")?;
    let status = node.stop()?;
    ensure!(status.success(), "{status}");
    node.expect_log("shutdown script timed out", Mark::START, SLACK).map(|_| ())
}

fn stopped(stage: &mut Stage) -> Result<()> {
    let path = script(stage, "last", "touch @/done")?;
    start(stage, "sleep 2\ntouch @/late", &format!("    shutdown_script {}", path.display()))?;
    let node = stage.lab.node("a")?;
    node.expect_log("Running startup script", Mark::START, START)?;
    let status = node.stop()?;
    ensure!(status.success(), "{status}");
    ensure!(node.file("done").exists(), "no shutdown script");
    ensure!(!node.file("late").exists(), "the startup script was waited for");
    std::thread::sleep(Duration::from_secs(2) + SLACK);
    ensure!(!node.file("late").exists(), "the startup script went on");
    Ok(())
}

fn reloaded(stage: &mut Stage, processes: usize) -> Result<()> {
    start(stage, "sleep 2", "")?;
    let node = stage.lab.node("a")?;
    node.expect_log("Running startup script", Mark::START, START)?;
    node.signal(Signal::SIGHUP)?;
    std::thread::sleep(Duration::from_secs(3));
    let running = children(node.main_process()?).len();
    ensure!(running == processes, "{running} VRRP processes");
    Ok(())
}

fn with_user(stage: &mut Stage) -> Result<()> {
    let path = script(stage, "first", "id -u >@/told")?;
    let told = stage.lab.node("a")?.file("told");
    fs::write(&told, "")?;
    fs::set_permissions(&told, fs::Permissions::from_mode(0o666))?;
    let block = format!("global_defs {{\n    startup_script {} nobody\n}}", path.display());
    let text = conformance::configuration::file(&[&block], &[stage.instance(150)]);
    stage.start_with("a", &text)
}

/// A child that ends for good ends the daemon.
fn gives_up(stage: &mut Stage) -> Result<()> {
    let path = script(stage, "last", "touch @/done")?;
    start(stage, "true", &format!("    shutdown_script {}", path.display()))?;
    active(stage)?;
    let node = stage.lab.node("a")?;
    let text = fs::read_to_string(node.file("daemon.conf"))?;
    node.reload(&text.replace("interface eth0", "interface nosuch0"))?;
    let status = node.wait_for_exit(START)?;
    ensure!(status.code() == Some(2) && !node.file("done").exists(), "{status}, or it ran");
    Ok(())
}
