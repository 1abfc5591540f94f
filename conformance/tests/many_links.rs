//! Routers with many links: what concerns all of them at once must not hold up another one.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use conformance::flavour::Flavour;
use conformance::packet::Frame;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::supervision::vrrp_process;

pub(crate) const SCENARIOS: &[Scenario] = &[
    // The incumbent, without real-time priority, yields so late on a busy machine that its own adverts are late as well.
    Scenario::new("links_that_change_hands_leave_another_alone", V3, change_hands)
        .mixed()
        .ours_at("a"),
    // The incumbent's successor begins as a Backup.
    Scenario::new("a_killed_process_is_replaced_before_anyone_takes_over", V3, killed)
        .only(Subject::Ours),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4];

/// Whoever yields on many links at once goes on advertising on another one.
fn change_hands(stage: &mut Stage) -> Result<()> {
    add_links(stage, "a", FEW)?;
    add_links(stage, "b", FEW)?;
    let text = configuration(stage, 150, 250) + &instances(FEW, 100);
    stage.start_with("a", &text)?;
    expect_each(stage, "a", FEW, "MASTER", Mark::START)?;
    let mark = stage.lab.node("a")?.log_mark();
    let text = configuration(stage, 100, 250) + &instances(FEW, 200);
    stage.start_with("b", &text)?;
    expect_each(stage, "b", FEW, "MASTER", Mark::START)?;
    expect_each(stage, "a", FEW, "BACKUP", mark)?;
    expect_no_takeover(stage)
}

/// The kernel closes what a killed process had open before anyone hears of its death.
fn killed(stage: &mut Stage) -> Result<()> {
    add_links(stage, "a", MANY)?;
    let text = configuration(stage, 150, 600) + &instances(MANY, 100);
    stage.start_with("a", &text)?;
    expect_each(stage, "a", MANY, "MASTER", Mark::START)?;
    let text = configuration(stage, 100, 600);
    stage.start_with("b", &text)?;
    let b = stage.lab.node("b")?;
    b.expect_log("(VI_1) Entering BACKUP STATE", Mark::START, START)?;
    let since = stage.lab.node("a")?.log_mark();
    let child = vrrp_process(stage)?;
    kill(Pid::from_raw(i32::try_from(child)?), Signal::SIGKILL)?;
    stage.lab.node("a")?.expect_log("died: Respawning", since, WITHIN)?;
    expect_no_takeover(stage)
}

/// The instance that both have, with this interval in milliseconds, is `a`'s all the time.
fn expect_no_takeover(stage: &mut Stage) -> Result<()> {
    let of_the_one =
        |frame: &Frame| frame.node == "b" && frame.advert().is_some_and(|advert| advert.vrid == 51);
    let what = "takeover of what was not to change hands";
    stage.lab.capture.expect_none(what, Mark::START, 5 * SLACK, of_the_one)?;
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)
}

fn configuration(stage: &Stage, priority: u8, milliseconds: u64) -> String {
    let interval = Duration::from_millis(milliseconds);
    stage.instance(priority).interval(interval).line("state BACKUP").render()
}

fn add_links(stage: &mut Stage, name: &str, count: u8) -> Result<()> {
    let node = stage.lab.node(name)?;
    let host = if name == "a" { 11 } else { 12 };
    let one = |link| {
        format!(
            "link add link eth0 name v{link} type macvlan mode bridge\n\
             addr add 10.77.{link}.{host}/24 dev v{link}\nlink set v{link} up\n"
        )
    };
    let file = node.file("links");
    fs::write(&file, (1..=count).map(one).collect::<String>())?;
    node.space().run(&format!("ip -batch {}", file.display())).map(drop)
}

/// Each of the many instances of a node enters this state.
fn expect_each(stage: &mut Stage, name: &str, count: u8, state: &str, since: Mark) -> Result<()> {
    let node = stage.lab.node(name)?;
    (1..=count).try_for_each(|link| {
        node.expect_log(&format!("(L{link}) Entering {state} STATE"), since, WITHIN).map(drop)
    })
}

/// An instance for each of many links.
fn instances(count: u8, priority: u8) -> String {
    let one = |link: u8| {
        format!(
            "vrrp_instance L{link} {{\n    interface v{link}\n    version 3\n    state BACKUP\n    \
             virtual_router_id {}\n    priority {priority}\n    advert_int 1\n    virtual_ipaddress {{\n        \
             10.77.{link}.10/24\n    }}\n}}\n",
            51 + link
        )
    };
    (1..=count).map(one).collect()
}

const FEW: u8 = 80;
const MANY: u8 = 150;
/// Active_Down_Interval of the many, twice.
const WITHIN: Duration = Duration::from_millis(7300);
