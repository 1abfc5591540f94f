//! What a supervisor and a script see: exit codes, process files, children.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use conformance::flavour::Flavour;
use conformance::lab::children;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;
use nix::sys::signal::Signal;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_good_file_passes_the_test_without_a_word", ONCE, good),
    Scenario::new("an_unknown_keyword_fails_the_test", ONCE, |stage| {
        fails(stage, "    nonsense 3\n", 5, "nonsense")
    }),
    Scenario::new("a_value_out_of_range_fails_the_test", ONCE, |stage| {
        fails(stage, "    priority 300\n", 5, "300")
    }),
    Scenario::new("a_missing_parameter_fails_the_test", ONCE, |stage| {
        fails(stage, "    priority\n", 2, "priority")
    }),
    Scenario::new("an_unclosed_brace_fails_the_test", ONCE, |stage| {
        fails(stage, "    track_interface {\n        eth0\n", 5, "}")
    }),
    Scenario::new("a_missing_interface_fails_the_test", ONCE, |stage| {
        fails(stage, "    interface nosuch0\n", 5, "nosuch0")
    }),
    Scenario::new("a_virtual_router_used_twice_fails_the_test", ONCE, twice),
    Scenario::new("a_missing_file_passes_the_test", ONCE, missing),
    Scenario::new("without_n_it_goes_to_the_background", ONCE, background),
    Scenario::new("a_missing_interface_at_the_start_ends_the_incumbent", ONCE, |stage| {
        no_interface(stage)?;
        let status = stage.lab.node("a")?.wait_for_exit(START)?;
        ensure!(status.code() == Some(2), "{status}");
        Ok(())
    })
    .only(Subject::Keepalived),
    Scenario::new("an_interface_missing_at_the_start_may_come_later", ONCE, |stage| {
        later_interface(stage, "")
    })
    .only(Subject::Ours),
    Scenario::new("a_dynamic_interface_may_come_later", ONCE, |stage| {
        later_interface(stage, "global_defs {\n    dynamic_interfaces\n}")
    }),
    Scenario::new("an_unknown_flag_ends_with_1", ONCE, unknown_flag),
    Scenario::new("version_and_help_end_with_0", ONCE, version_and_help),
    Scenario::new("process_files_name_the_processes", ONCE, process_files),
    Scenario::new("without_virtual_servers_there_is_no_checker", ONCE, without_checker),
    Scenario::new("a_start_without_a_file_ends_with_6", ONCE, no_file),
    Scenario::new("a_second_start_finds_the_first_and_fails", ONCE, |stage| second_start(stage, 1))
        .only(Subject::Ours),
    Scenario::new("a_second_start_of_the_incumbent_succeeds", ONCE, |stage| second_start(stage, 0))
        .only(Subject::Keepalived),
    Scenario::new("sigusr1_dumps_the_data", ONCE, dump),
];

const ONCE: &[Flavour] = &[Flavour::V3Ipv4];

/// The code and the words of `-t` for this configuration on `a`.
fn test(stage: &mut Stage, configuration: &str) -> Result<(Option<i32>, String)> {
    let subject = stage.subject("a");
    let node = stage.lab.node("a")?;
    node.write_configuration(configuration)?;
    let path = node.file("daemon.conf");
    let path = path.to_str().context("path")?;
    let output = node.ask(subject, &["-t", "-f", path])?;
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    Ok((output.status.code(), format!("{out}{err}")))
}

fn good(stage: &mut Stage) -> Result<()> {
    let text = stage.instance(150).render();
    let (code, words) = test(stage, &text)?;
    ensure!(code == Some(0) && words.is_empty(), "{code:?}: {words}");
    Ok(())
}

/// With `line` in an instance that is good otherwise.
fn fails(stage: &mut Stage, line: &str, expected: i32, word: &str) -> Result<()> {
    let text = stage.instance(150).line(line.trim()).render();
    let (code, words) = test(stage, &text)?;
    ensure!(code == Some(expected), "{code:?}: {words}");
    ensure!(words.contains(word), "{words}");
    Ok(())
}

fn twice(stage: &mut Stage) -> Result<()> {
    let first = stage.instance(150);
    let second = stage.instance(150).named("VI_2", 51).addresses(&["192.0.2.11/24"]);
    let text = conformance::configuration::file(&[], &[first, second]);
    let (code, words) = test(stage, &text)?;
    // Later releases of the incumbent say 4 here, and so does ours.
    let expected = if stage.subject("a") == Subject::Ours { 4 } else { 5 };
    ensure!(code == Some(expected), "{code:?}: {words}");
    ensure!(words.contains("VI_2") && words.contains("51"), "{words}");
    Ok(())
}

fn missing(stage: &mut Stage) -> Result<()> {
    let subject = stage.subject("a");
    let output = stage.lab.node("a")?.ask(subject, &["-t", "-f", "/nowhere/daemon.conf"])?;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(words.contains("/nowhere/daemon.conf"), "{words}");
    ensure!(output.status.success(), "{}", output.status);
    Ok(())
}

/// The starter ends at once with 0; the daemon goes on, and its process file says where.
fn background(stage: &mut Stage) -> Result<()> {
    let subject = stage.subject("a");
    let text = stage.instance(150).render();
    let node = stage.lab.node("a")?;
    node.write_configuration(&text)?;
    let files: Vec<_> = ["daemon.conf", "p1", "p2", "p3"].map(|f| node.file(f)).into();
    let names: Vec<&str> = files.iter().filter_map(|f| f.to_str()).collect();
    let [conf, first, second, third] = names.as_slice() else { anyhow::bail!("paths") };
    let arguments = ["-D", "-f", *conf, "-p", *first, "-r", *second, "-c", *third];
    let output = node.ask(subject, &arguments)?;
    ensure!(output.status.success(), "{}", output.status);
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    let node = stage.lab.node("a")?;
    let number = fs::read_to_string(node.file("p1"))?;
    node.space().run(&format!("kill -TERM {}", number.trim()))?;
    stage.lab.expect_holders(stage.address(), &[], START)
}

/// Starts `a` on an interface that is not there.
fn no_interface(stage: &mut Stage) -> Result<()> {
    let text = stage.instance(150).render().replace("interface eth0", "interface t0");
    stage.start_with("a", &text)
}

fn later_interface(stage: &mut Stage, extra: &str) -> Result<()> {
    let text = conformance::configuration::file(&[extra], &[stage.instance(150)]);
    stage.start_with("a", &text.replace("interface eth0", "interface t0"))?;
    stage.lab.node("a")?.expect_log("FAULT", Mark::START, START)?;
    let space = stage.lab.node("a")?.space().clone();
    space.run("ip link add t0 type veth peer name t1")?;
    space.run("ip link set t1 up")?;
    space.run("ip link set t0 up")?;
    space.run("ip addr add 198.51.100.1/24 dev t0")?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.node("a")?.expect_log("Entering MASTER STATE", Mark::START, within)?;
    let address = stage.address();
    stage.lab.node("a")?.expect_address("t0", address, SLACK)
}

fn unknown_flag(stage: &mut Stage) -> Result<()> {
    let subject = stage.subject("a");
    for flag in ["--frobnicate", "-Z"] {
        let output = stage.lab.node("a")?.ask(subject, &[flag])?;
        ensure!(output.status.code() == Some(1), "{flag}: {}", output.status);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(words.contains(flag) && output.stdout.is_empty(), "{words}");
    }
    Ok(())
}

fn version_and_help(stage: &mut Stage) -> Result<()> {
    let subject = stage.subject("a");
    for (flag, word) in [("-v", "v2"), ("--version", "v2"), ("-h", "-f"), ("--help", "--use-file")]
    {
        let output = stage.lab.node("a")?.ask(subject, &[flag])?;
        ensure!(output.status.success(), "{flag}: {}", output.status);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.stdout.is_empty(), "{flag} writes to standard output");
        let word = if subject == Subject::Ours && word == "v2" { "v" } else { word };
        ensure!(words.contains(word), "{flag}: {words}");
    }
    Ok(())
}

/// Starts `a` alone and waits until it is Active.
fn active_a(stage: &mut Stage) -> Result<()> {
    let instance = stage.instance(150);
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

/// The number that process `pid` has inside the lab.
fn inner(pid: u32) -> Result<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|l| l.strip_prefix("NSpid:")).context("no NSpid")?;
    Ok(line.split_whitespace().last().context("empty NSpid")?.to_owned())
}

fn process_files(stage: &mut Stage) -> Result<()> {
    active_a(stage)?;
    let node = stage.lab.node("a")?;
    let main = node.main_process()?;
    let read = |name: &str| fs::read_to_string(node.file(name)).with_context(|| name.to_owned());
    let (first, second) = (read("p1")?, read("p2")?);
    ensure!(first == format!("{}\n", inner(main)?), "{first:?}");
    let inside: Vec<String> = children(main).into_iter().filter_map(|c| inner(c).ok()).collect();
    ensure!(inside.iter().any(|c| second == format!("{c}\n")), "{second:?} of {inside:?}");
    ensure!(!node.file("p3").exists(), "a file of a process that does not run");
    Ok(())
}

fn without_checker(stage: &mut Stage) -> Result<()> {
    active_a(stage)?;
    let node = stage.lab.node("a")?;
    let running = node.processes()?;
    ensure!(running.len() == 2, "{running:?}");
    node.expect_no_log("ealthcheck", Mark::START)
}

fn second_start(stage: &mut Stage, expected: i32) -> Result<()> {
    active_a(stage)?;
    let subject = stage.subject("a");
    let node = stage.lab.node("a")?;
    let files: Vec<_> = ["daemon.conf", "p1", "p2", "p3"].map(|f| node.file(f)).into();
    let names: Vec<&str> = files.iter().filter_map(|f| f.to_str()).collect();
    let [conf, first, second, third] = names.as_slice() else { anyhow::bail!("paths") };
    let arguments = ["-n", "-l", "-D", "-f", *conf, "-p", *first, "-r", *second, "-c", *third];
    let output = node.ask(subject, &arguments)?;
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    let words = format!("{out}{err}");
    ensure!(output.status.code() == Some(expected), "{}: {words}", output.status);
    ensure!(words.contains("daemon is already running"), "{words}");
    stage.expect_calm("a", 3)
}

fn no_file(stage: &mut Stage) -> Result<()> {
    let subject = stage.subject("a");
    let arguments = ["-n", "-l", "-f", "/nowhere/daemon.conf"];
    let output = stage.lab.node("a")?.ask(subject, &arguments)?;
    ensure!(output.status.code() == Some(6), "{}", output.status);
    Ok(())
}

fn dump(stage: &mut Stage) -> Result<()> {
    active_a(stage)?;
    let node = stage.lab.node("a")?;
    node.signal(Signal::SIGUSR1)?;
    let path = node.file("keepalived.data");
    let until = std::time::Instant::now() + Duration::from_secs(3);
    let wanted = ["VRRP Instance = VI_1", "State = MASTER", "Priority = 150"];
    loop {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if wanted.iter().all(|w| text.contains(w)) {
            return Ok(());
        }
        ensure!(std::time::Instant::now() < until, "{}: {text}", path.display());
        std::thread::sleep(SLACK / 20);
    }
}
