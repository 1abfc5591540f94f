//! Scripts and the pipe that are told of every change.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use nix::fcntl::OFlag;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_script_is_told_instance_state_and_priority", ONCE, script).privileged(),
    Scenario::new("a_script_for_one_state_runs_in_that_state_only", ONCE, one_state).privileged(),
    Scenario::new("the_pipe_tells_every_change", ONCE, pipe),
    Scenario::new("a_script_with_weight_changes_the_priority", ONCE, tracked_script).privileged(),
];

const ONCE: &[Flavour] = &[Flavour::V3Ipv4];

/// A script on `a` that appends its arguments to the file `told`, one line a call.
fn script_file(stage: &mut Stage) -> Result<(PathBuf, PathBuf)> {
    let node = stage.lab.node("a")?;
    let (script, told) = (node.file("script"), node.file("told"));
    fs::write(&script, format!("#!/bin/sh\necho \"$*\" >>{}\n", told.display()))?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    Ok((script, told))
}

/// Starts `a` alone with these lines, after blocks of `extra`, and waits until it is Active.
fn active_a(stage: &mut Stage, extra: &[&str], lines: &[String]) -> Result<()> {
    let mut instance = stage.instance(150);
    for line in lines {
        instance = instance.line(line);
    }
    let security = "global_defs {\n    script_user root\n    enable_script_security\n}";
    let extra: Vec<&str> = [&[security], extra].concat();
    stage.start_with("a", &conformance::configuration::file(&extra, &[instance]))?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

/// Waits until `read` gives these lines, which come one after the other.
fn expect_lines(expected: &[&str], mut read: impl FnMut() -> Result<String>) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(3);
    loop {
        let text = read()?;
        if text.lines().eq(expected.iter().copied()) {
            return Ok(());
        }
        ensure!(Instant::now() < until, "told {text:?}, expected {expected:?}");
        std::thread::sleep(SLACK / 20);
    }
}

fn script(stage: &mut Stage) -> Result<()> {
    let (script, told) = script_file(stage)?;
    active_a(stage, &[], &[format!("notify \"{} x\"", script.display())])?;
    let read = || Ok(fs::read_to_string(&told).unwrap_or_default());
    let mut lines = vec!["x INSTANCE VI_1 BACKUP 150", "x INSTANCE VI_1 MASTER 150"];
    expect_lines(&lines, read)?;
    stage.lab.set_port("a", false)?;
    lines.push("x INSTANCE VI_1 FAULT 150");
    expect_lines(&lines, read)?;
    stage.lab.set_port("a", true)?;
    lines.extend(["x INSTANCE VI_1 BACKUP 150", "x INSTANCE VI_1 MASTER 150"]);
    expect_lines(&lines, read)?;
    stage.lab.node("a")?.stop()?;
    lines.push("x INSTANCE VI_1 STOP 150");
    expect_lines(&lines, read)
}

fn one_state(stage: &mut Stage) -> Result<()> {
    let (script, told) = script_file(stage)?;
    let path = script.display();
    let lines: Vec<String> = ["master", "backup", "fault", "stop"]
        .iter()
        .map(|state| format!("notify_{state} \"{path} is {state}\""))
        .collect();
    active_a(stage, &[], &lines)?;
    let read = || Ok(fs::read_to_string(&told).unwrap_or_default());
    expect_lines(&["is backup", "is master"], read)?;
    stage.lab.node("a")?.stop()?;
    expect_lines(&["is backup", "is master", "is stop"], read)
}

fn pipe(stage: &mut Stage) -> Result<()> {
    let path = stage.lab.node("a")?.file("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600))?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(OFlag::O_NONBLOCK.bits());
    let mut reader = options.open(&path).context("open pipe")?;
    let block = format!("global_defs {{\n    vrrp_notify_fifo {}\n}}", path.display());
    active_a(stage, &[&block], &[])?;
    let mut text = String::new();
    let mut read = || {
        let mut buffer = [0; 4096];
        let count = reader.read(&mut buffer).unwrap_or(0);
        text.push_str(&String::from_utf8_lossy(buffer.get(..count).unwrap_or_default()));
        Ok(text.clone())
    };
    let mut lines = vec!["INSTANCE \"VI_1\" BACKUP 150", "INSTANCE \"VI_1\" MASTER 150"];
    expect_lines(&lines, &mut read)?;
    stage.lab.node("a")?.stop()?;
    lines.push("INSTANCE \"VI_1\" STOP 150");
    expect_lines(&lines, &mut read)
}

fn tracked_script(stage: &mut Stage) -> Result<()> {
    let flag = stage.lab.node("a")?.file("flag");
    let script = stage.lab.node("a")?.file("check");
    fs::write(&script, format!("#!/bin/sh\ntest -e {}\n", flag.display()))?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    fs::write(&flag, "")?;
    let block = format!(
        "vrrp_script check {{\n    script \"{}\"\n    interval 1\n    weight -60\n}}",
        script.display()
    );
    active_a(stage, &[&block], &["track_script {", "    check", "}"].map(str::to_owned))?;
    let since = stage.lab.capture.mark();
    fs::remove_file(&flag)?;
    let within = Duration::from_secs(1) + stage.flavour.interval() + SLACK;
    let capture = &stage.lab.capture;
    capture.expect_advert("a", since, within, |a| a.priority == 90)?;
    fs::write(&flag, "")?;
    capture.expect_advert("a", capture.mark(), within, |a| a.priority == 150)?;
    Ok(())
}
