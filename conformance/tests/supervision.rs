//! Deaths of single processes of a daemon, and what a dead daemon leaves behind.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance::flavour::Flavour;
use conformance::lab::{POLL, children};
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_killed_vrrp_process_is_started_again", EACH, started_again),
    Scenario::new("a_killed_vrrp_process_resumes_in_time", EACH, resumes).only(Subject::Ours),
    Scenario::new("a_killed_vrrp_process_of_the_incumbent_begins_anew", EACH, begins_anew)
        .only(Subject::Keepalived),
    Scenario::new("the_end_of_the_parent_is_the_end_of_the_rest", V3, parent_killed),
    Scenario::new("after_a_crash_the_address_runs_out", EACH, runs_out).only(Subject::Ours),
    Scenario::new("after_a_crash_the_address_stays_with_the_incumbent", V3, stays)
        .only(Subject::Keepalived),
    Scenario::new("a_hung_vrrp_process_is_replaced", V3, hung).only(Subject::Ours),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4];
const EACH: &[Flavour] = Flavour::MATRIX;

/// The only child of the daemon on `a`: its VRRP process.
pub(crate) fn vrrp_process(stage: &mut Stage) -> Result<u32> {
    let main = stage.lab.node("a")?.main_process()?;
    children(main).first().copied().context("no child")
}

pub(crate) fn signal(pid: u32, signal: Signal) -> Result<()> {
    kill(Pid::from_raw(i32::try_from(pid)?), signal).context("send signal")
}

/// The parent notices at once; after an election all is as before.
fn started_again(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let log = stage.lab.node("a")?.log_mark();
    let child = vrrp_process(stage)?;
    signal(child, Signal::SIGKILL)?;
    stage.lab.node("a")?.expect_log("Respawning", log, Duration::from_secs(2))?;
    let capture = &stage.lab.capture;
    let since = capture.mark();
    let within = stage.flavour.down_interval(1) * 2 + START;
    capture.expect_advert("a", since, within, |a| a.priority == 150)?;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.expect_calm("a", 3)?;
    let next = vrrp_process(stage)?;
    ensure!(next != child, "the same process");
    Ok(())
}

/// It clears the address that its predecessor held, and waits its turn.
fn begins_anew(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let log = stage.lab.node("a")?.log_mark();
    let child = vrrp_process(stage)?;
    signal(child, Signal::SIGKILL)?;
    let again = Duration::from_secs(2);
    stage.lab.node("a")?.expect_log("Entering BACKUP STATE (init)", log, again)?;
    stage.lab.node("a")?.expect_log("removing VIPs", log, again)?;
    let within = stage.flavour.down_interval(1) + START;
    stage.lab.node("a")?.expect_log("Entering MASTER STATE", log, within)?;
    Ok(())
}

/// Since then the router on `a` was Active and in time: nobody else took over, and it did not resign.
pub(crate) fn ensure_unnoticed(stage: &mut Stage, since: Mark) -> Result<()> {
    let span = stage.flavour.down_interval(100) + stage.flavour.interval();
    stage.lab.capture.expect_none("takeover or resignation", since, span, |f| {
        f.advert().is_some_and(|a| f.node != "a" || a.priority == 0)
    })?;
    let times = stage.lab.capture.adverts("a", since);
    let pairs = times.iter().zip(times.iter().skip(1));
    let longest = pairs.map(|((x, _), (y, _))| y.since(*x)).max().context("no adverts")?;
    ensure!(longest <= stage.flavour.interval() + SLACK, "{longest:?} between two adverts");
    Ok(())
}

/// The next one knows its role: nobody else notices that there was another.
fn resumes(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    let child = vrrp_process(stage)?;
    signal(child, Signal::SIGKILL)?;
    ensure_unnoticed(stage, since)?;
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

/// Without their parent the others end too, in order: addresses gone, the others told.
fn parent_killed(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    let (main, child) = (stage.lab.node("a")?.main_process()?, vrrp_process(stage)?);
    signal(main, Signal::SIGKILL)?;
    stage.lab.capture.expect_advert("a", since, SLACK, |a| a.priority == 0)?;
    stage.expect_takeover("b", since, stage.flavour.skew(100), &[])?;
    let path = PathBuf::from(format!("/proc/{child}"));
    let until = Instant::now() + Duration::from_secs(3);
    while path.exists() {
        ensure!(Instant::now() < until, "the child goes on");
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// Three down intervals and at least ten seconds, of which a third may have passed since the last renewal.
fn runs_out(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    let died = stage.lab.node("a")?.crash()?;
    stage.expect_takeover("b", since, stage.flavour.down_interval(100), &["a"])?;
    let lease = Duration::from_secs(10).max(stage.flavour.down_interval(150) * 3);
    stage.lab.expect_holders(stage.address(), &["b"], lease + Duration::from_secs(2))?;
    let lasted = conformance::moment::Moment::now().since(died);
    ensure!(lasted >= lease * 2 / 3 - SLACK * 2, "gone after {lasted:?}");
    Ok(())
}

fn stays(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.crash()?;
    stage.expect_takeover("b", since, stage.flavour.down_interval(100), &["a"])?;
    let since = stage.lab.capture.mark();
    let span = Duration::from_secs(13);
    stage.lab.capture.expect_none("advert of the dead", since, span, |f| f.node == "a")?;
    stage.lab.expect_holders(stage.address(), &["a", "b"], Duration::ZERO)
}

/// Stopped, it neither answers nor ends: the parent ends it and starts another.
fn hung(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let log = stage.lab.node("a")?.log_mark();
    let child = vrrp_process(stage)?;
    signal(child, Signal::SIGSTOP)?;
    stage.lab.node("a")?.expect_log("Respawning", log, Duration::from_secs(20))?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    let capture = &stage.lab.capture;
    capture.expect_advert("a", capture.mark(), within, |a| a.priority == 150)?;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.lab.node("a")?.expect_log("Entering", Mark::START, SLACK)?;
    stage.expect_calm("a", 3)
}
