//! What a daemon keeps beside its work: files of a certain mode, a mark while it reads, copies of configurations.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use conformance::flavour::Flavour;
use conformance::scenario::{START, Scenario, Stage};
use conformance::stream::Mark;
use nix::sys::signal::Signal;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("umask_is_that_of_dumps", ONCE, |stage| masked(stage, "022", 0o644)),
    Scenario::new("umask_may_be_hexadecimal", ONCE, |stage| masked(stage, "0x12", 0o644)),
    Scenario::new("a_reload_file_goes_when_the_configuration_was_read", ONCE, marked),
    Scenario::new("a_file_says_when_to_reload_and_goes_then", ONCE, timed),
    Scenario::new("a_file_that_stays_says_so_each_day", ONCE, timed_daily),
    Scenario::new("a_time_that_cannot_be_is_ignored_and_one_that_goes_cancelled", ONCE, mistimed),
    Scenario::new("a_copy_of_the_configuration_is_kept", ONCE, kept),
];

const ONCE: &[Flavour] = &[Flavour::V3Ipv4];

/// Starts `a` with this setting and waits until it is Active.
fn active(stage: &mut Stage, setting: &str) -> Result<()> {
    let block = format!("global_defs {{\n    {setting}\n}}");
    let text = conformance::configuration::file(&[&block], &[stage.instance(150)]);
    stage.start_with("a", &text)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

/// Waits until `look` finds something.
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let until = Instant::now() + START;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        ensure!(Instant::now() < until, "{what}");
        std::thread::sleep(START / 60);
    }
}

fn masked(stage: &mut Stage, mask: &str, expected: u32) -> Result<()> {
    active(stage, &format!("umask {mask}"))?;
    let node = stage.lab.node("a")?;
    node.signal(Signal::SIGUSR1)?;
    let dump = node.file("keepalived.data");
    let metadata = eventually("no dump", || dump.metadata().ok())?;
    let mode = metadata.permissions().mode() & 0o7777;
    ensure!(mode == expected, "{mode:o}");
    Ok(())
}

fn marked(stage: &mut Stage) -> Result<()> {
    let mark = stage.lab.node("a")?.file("reading");
    active(stage, &format!("reload_file {}", mark.display()))?;
    fs::write(&mark, "")?;
    stage.lab.node("a")?.signal(Signal::SIGHUP)?;
    eventually("the mark stays", || (!mark.exists()).then_some(()))
}

fn kept(stage: &mut Stage) -> Result<()> {
    let directory = stage.lab.node("a")?.file("kept");
    active(stage, &format!("config_save_dir {}", directory.display()))?;
    let copy = eventually("no copy", || {
        let mut names = fs::read_dir(&directory).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        names.find(|path| path.to_string_lossy().contains("keepalived.conf."))
    })?;
    let name = copy.file_name().context("no name")?.to_string_lossy().into_owned();
    ensure!(name.ends_with(".0"), "{name}");
    let text = eventually("an empty copy", || {
        fs::read_to_string(&copy).ok().filter(|text| text.contains("virtual_router_id 51"))
    })?;
    let path = stage.lab.node("a")?.file("daemon.conf");
    ensure!(text.starts_with(&format!("# {}\n", path.display())), "{text}");
    let mode = copy.metadata()?.permissions().mode() & 0o7777;
    ensure!(mode == 0o600, "{mode:o}");
    Ok(())
}

/// What `date` says of a moment, with a line's end.
fn date(stage: &mut Stage, words: &str) -> Result<String> {
    stage.lab.node("a")?.space().run(&format!("date {words}"))
}

/// By the time that each of its forms says, two seconds from now.
fn timed(stage: &mut Stage) -> Result<()> {
    let file = stage.lab.node("a")?.file("when");
    // One that is there at the start counts.
    fs::write(&file, date(stage, "-d +2seconds +%H:%M:%S")?)?;
    active(stage, &format!("reload_time_file {}", file.display()))?;
    let node = stage.lab.node("a")?;
    node.expect_log("Scheduling reload for 2", Mark::START, START)?;
    node.expect_log("Reloading", Mark::START, START)?;
    eventually("the file stays", || (!file.exists()).then_some(()))?;
    for words in ["-d +2seconds +%Y-%m-%d_%H:%M:%S", "-u -d +2seconds +%y-%m-%d_%H:%M:%SZ"] {
        let since = stage.lab.node("a")?.log_mark();
        fs::write(&file, date(stage, words)?.trim_end().replace('_', " "))?;
        let node = stage.lab.node("a")?;
        node.expect_log("Scheduling reload for 2", since, START)?;
        node.expect_log("Reloading", since, START)?;
        eventually("the file stays", || (!file.exists()).then_some(()))?;
    }
    Ok(())
}

fn timed_daily(stage: &mut Stage) -> Result<()> {
    let file = stage.lab.node("a")?.file("when");
    active(stage, &format!("reload_time_file {}\n    reload_repeat", file.display()))?;
    let since = stage.lab.node("a")?.log_mark();
    let time = date(stage, "-d +2seconds +%H:%M:%S")?;
    fs::write(&file, &time)?;
    stage.lab.node("a")?.expect_log("Reloading", since, START)?;
    let tomorrow = date(stage, "-d tomorrow +%Y-%m-%d")?;
    let line = format!("Scheduling reload for {} {}", tomorrow.trim_end(), time.trim_end());
    stage.lab.node("a")?.expect_log(&line, since, START)?;
    ensure!(fs::read_to_string(&file)? == time, "the file went");
    Ok(())
}

fn mistimed(stage: &mut Stage) -> Result<()> {
    let file = stage.lab.node("a")?.file("when");
    active(stage, &format!("reload_time_file {}", file.display()))?;
    for text in ["nonsense", "25:00:00", "12:00:00 junk", "2099-11-21T12:00:00"] {
        let since = stage.lab.node("a")?.log_mark();
        fs::write(&file, text)?;
        let line = format!("Invalid reload time '{text}' specified - ignoring");
        stage.lab.node("a")?.expect_log(&line, since, START)?;
    }
    let since = stage.lab.node("a")?.log_mark();
    fs::write(&file, "2020-01-01 00:00:00")?;
    stage.lab.node("a")?.expect_log("is in the past - ignoring", since, START)?;
    fs::write(&file, "2099-01-01 00:00:00")?;
    stage.lab.node("a")?.expect_log("Scheduling reload for 2099-01-01", since, START)?;
    fs::remove_file(&file)?;
    let node = stage.lab.node("a")?;
    node.expect_log("Cancelling reload scheduled for 2099-01-01", since, START)?;
    node.expect_no_log("Reloading", since)
}
