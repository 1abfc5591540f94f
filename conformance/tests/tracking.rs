//! `track_interface`, `track_file` and `track_process`, with and without weight.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use conformance::configuration::{Instance, file};
use conformance::flavour::Flavour;
use conformance::packet::Advert;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_tracked_interface_without_weight_is_fault", V3, unweighted),
    Scenario::new("a_tracked_interface_with_weight_changes_the_priority", V3, weighted).mixed(),
    Scenario::new("a_positive_weight_counts_while_the_interface_is_up", V3, positive),
    Scenario::new("reverse_turns_the_sign_of_a_weight", V3, reversed),
    Scenario::new("a_line_with_a_weight_keeps_the_reverse_of_its_block", V3, inherited),
    Scenario::new("a_line_that_says_reverse_without_weight_is_left_out", V3, no_weight),
    Scenario::new("the_own_interface_is_not_tracked_twice", V3, own_interface),
    Scenario::new("a_weight_of_a_group_counts_for_each_member", V3, weighted_group),
    Scenario::new("a_file_with_weight_changes_the_priority", V3, weighted_file).mixed(),
    Scenario::new("a_file_without_weight_is_fault_while_it_is_not_0", V3, unweighted_file),
    Scenario::new("a_product_of_minus_254_is_fault", V3, low_file),
    Scenario::new("a_file_is_read_when_its_writer_closes_it", V3, held_open),
    Scenario::new("init_file_makes_a_file_that_is_missing", V3, initial_file),
    Scenario::new("a_weighted_file_in_a_group_counts_for_nothing", V3, grouped_file)
        .only(Subject::Ours),
    Scenario::new("a_weighted_file_in_a_group_is_fault_to_the_incumbent", V3, grouped_fault)
        .only(Subject::Keepalived),
    Scenario::new("a_process_is_tracked_in_a_namespace", V3, process).only(Subject::Ours),
    Scenario::new("in_a_namespace_the_incumbent_sees_no_process_start", V3, unseen_process)
        .only(Subject::Keepalived),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4];

/// `a` watches `t0` with these words after its name.
fn elect(stage: &mut Stage, priority: u8, words: &str) -> Result<()> {
    let space = stage.lab.node("a")?.space().clone();
    space.run("ip link add t0 type veth peer name t1")?;
    space.run("ip link set t1 up")?;
    space.run("ip link set t0 up")?;
    let a = stage
        .instance(priority)
        .line("track_interface {")
        .line(&format!("    t0{words}"))
        .line("}");
    let b = stage.instance(100);
    stage.elect_as(&a, &b)
}

fn set_tracked(stage: &mut Stage, up: bool) -> Result<()> {
    let state = if up { "up" } else { "down" };
    stage.lab.node("a")?.space().run(&format!("ip link set t0 {state}"))?;
    Ok(())
}

fn unweighted(stage: &mut Stage) -> Result<()> {
    elect(stage, 150, "")?;
    let (since, log) = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    set_tracked(stage, false)?;
    stage.lab.capture.expect_advert("a", since, SLACK, |a| a.priority == 0)?;
    stage.expect_takeover("b", since, stage.flavour.skew(100), &[])?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE", log, SLACK)?;
    set_tracked(stage, true)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

/// 150 - 60 is less than 100, so `b` preempts after its own timer; nobody resigns.
fn weighted(stage: &mut Stage) -> Result<()> {
    elect(stage, 150, " weight -60")?;
    let (since, log) = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    set_tracked(stage, false)?;
    let within = stage.flavour.interval() + SLACK;
    stage.lab.capture.expect_advert("a", since, within, |a| a.priority == 90)?;
    let node = stage.lab.node("a")?;
    node.expect_log("Changing effective priority from 150 to 90", log, SLACK)?;
    let within = stage.flavour.down_interval(100) + SLACK;
    stage.lab.expect_holders(stage.address(), &["b"], within + SLACK)?;
    let sent = stage.lab.capture.adverts("a", since);
    ensure!(sent.iter().all(|(_, a)| a.priority > 0), "resigned: {sent:?}");
    set_tracked(stage, true)?;
    let within = stage.flavour.down_interval(90) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.priority == 150, "priority {}", advert.priority);
    Ok(())
}

fn positive(stage: &mut Stage) -> Result<()> {
    elect(stage, 80, " weight 40")?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.priority == 120, "priority {}", advert.priority);
    let since = stage.lab.capture.mark();
    set_tracked(stage, false)?;
    let within = stage.flavour.interval() + SLACK;
    stage.lab.capture.expect_advert("a", since, within, |a| a.priority == 80)?;
    let within = stage.flavour.down_interval(100) + SLACK;
    stage.lab.expect_holders(stage.address(), &["b"], within + SLACK)
}

/// Waits until `a` advertises each of these priorities, by VRID.
fn expect_priorities(stage: &Stage, expected: &[(u8, u8)]) -> Result<()> {
    let since = stage.lab.capture.mark();
    let within = stage.flavour.interval() * 2 + SLACK;
    for (vrid, priority) in expected {
        let wanted = |a: &Advert| (a.vrid, a.priority) == (*vrid, *priority);
        stage.lab.capture.expect_advert("a", since, within, wanted)?;
    }
    Ok(())
}

/// While `t0` is up 30 is subtracted from one, and while it is down 30 is added to the other.
fn reversed(stage: &mut Stage) -> Result<()> {
    let space = stage.lab.node("a")?.space().clone();
    space.run("ip link add t0 type veth peer name t1")?;
    space.run("ip link set t1 up")?;
    space.run("ip link set t0 up")?;
    let with = |instance: Instance, weight: &str| {
        let line = format!("    t0 weight {weight} reverse");
        instance.line("track_interface {").line(&line).line("}")
    };
    let one = with(stage.instance(150), "30");
    let two = with(stage.instance(150).named("VI_2", 52).addresses(&["192.0.2.11/24"]), "-30");
    stage.start_with("a", &file(&[], &[one, two]))?;
    let within = stage.flavour.down_interval(100) + START;
    for address in ["192.0.2.10", "192.0.2.11"] {
        stage.lab.expect_holders(address.parse()?, &["a"], within)?;
    }
    expect_priorities(stage, &[(51, 120), (52, 150)])?;
    set_tracked(stage, false)?;
    expect_priorities(stage, &[(51, 150), (52, 180)])
}

/// The router tracks something whose block says `weight 5 reverse`, once for each of these lines, by VRIDs from 51 on.
fn elect_for_each(stage: &mut Stage, block: &str, keyword: &str, lines: &[&str]) -> Result<()> {
    let instance = |(index, line): (usize, &&str)| {
        let number = u8::try_from(index)?;
        let address = format!("192.0.2.{}/24", 10 + number);
        let name = NAMES.get(index).context("a name")?;
        let one = stage.instance(150).named(name, 51 + number).addresses(&[&address]);
        Ok(one.line(&format!("{keyword} {{")).line(&format!("    it{line}")).line("}"))
    };
    let instances: Vec<Instance> = lines.iter().enumerate().map(instance).collect::<Result<_>>()?;
    let block = format!("{block}\n    weight 5 reverse\n}}");
    let (since, settings) = (stage.lab.capture.mark(), "global_defs {\n    script_user root\n}");
    stage.start_with("a", &file(&[settings, &block], &instances))?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.capture.expect_advert("a", since, within, |a| a.priority > 0)?;
    Ok(())
}

const NAMES: [&str; 4] = ["VI_1", "VI_2", "VI_3", "VI_4"];

/// The script succeeds and the file says 2; process and session are down.
fn inherited(stage: &mut Stage) -> Result<()> {
    let number = stage.lab.node("a")?.file("number");
    fs::write(&number, "2\n")?;
    let number = format!("vrrp_track_file it {{\n    file {}", number.display());
    let script = "vrrp_script it {\n    script /usr/bin/true\n    interval 1";
    let process = "vrrp_track_process it {\n    process no_such_program";
    let session = "bfd_instance it {\n    neighbor_ip 192.0.2.99\n    source_ip 192.0.2.1";
    let up = ["", " weight 20", " weight 20 noreverse", " weight 20 reverse"];
    let down = ["", " weight -20", " weight -20 noreverse", " weight -20 reverse"];
    for (block, keyword, lines, expected) in [
        (script, "track_script", up, [145, 130, 170, 130]),
        (&*number, "track_file", up, [140, 110, 190, 110]),
        (process, "track_process", down, [150, 170, 130, 170]),
        (session, "track_bfd", down, [150, 170, 130, 170]),
    ] {
        elect_for_each(stage, block, keyword, &lines)?;
        let expected: Vec<(u8, u8)> = (51..).zip(expected).collect();
        expect_priorities(stage, &expected)?;
        stage.lab.node("a")?.stop()?;
    }
    Ok(())
}

fn no_weight(stage: &mut Stage) -> Result<()> {
    let script = "vrrp_script it {\n    script /usr/bin/true\n    interval 1";
    elect_for_each(stage, script, "track_script", &["", " reverse"])?;
    expect_priorities(stage, &[(51, 145), (52, 150)])
}

fn own_interface(stage: &mut Stage) -> Result<()> {
    let instance = stage.instance(150);
    let instance = instance.line("track_interface {").line("    eth0 weight 10").line("}");
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    expect_priorities(stage, &[(51, 150)])
}

/// What the group tracks moves all members, also one that would weigh it otherwise.
fn weighted_group(stage: &mut Stage) -> Result<()> {
    let space = stage.lab.node("a")?.space().clone();
    space.run("ip link add t0 type veth peer name t1")?;
    space.run("ip link set t1 up")?;
    space.run("ip link set t0 up")?;
    let group = "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n    track_interface {\n        t0 weight 30\n    }\n}";
    let one = stage.instance(150);
    let two = stage.instance(140).named("VI_2", 52).addresses(&["192.0.2.11/24"]);
    let two = two.line("track_interface {").line("    t0 weight 7").line("}");
    stage.start_with("a", &file(&[group], &[one, two]))?;
    let within = stage.flavour.down_interval(140) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    expect_priorities(stage, &[(51, 180), (52, 170)])?;
    set_tracked(stage, false)?;
    expect_priorities(stage, &[(51, 150), (52, 140)])
}

/// `a` tracks the file `number` with these words after its name, and has its path.
fn elect_with_file(stage: &mut Stage, content: &str, words: &str) -> Result<PathBuf> {
    let path = stage.lab.node("a")?.file("number");
    fs::write(&path, content)?;
    let block = format!("vrrp_track_file number {{\n    file {}\n}}", path.display());
    let lines = ["track_file {", &format!("    number{words}"), "}"].map(str::to_owned);
    let a = lines.iter().fold(stage.instance(150), |instance, line| instance.line(line));
    let b = stage.instance(100);
    stage.start_with("a", &file(&[&block], &[a]))?;
    stage.start("b", &b)?;
    stage.settle("a", "b", b.vrid)?;
    Ok(path)
}

fn weighted_file(stage: &mut Stage) -> Result<()> {
    let path = elect_with_file(stage, "0\n", " weight 2")?;
    let within = stage.flavour.interval() + SLACK;
    for (text, priority) in [("-20\n", 110), ("0x14", 190), ("010\n", 166), ("zero", 150)] {
        let since = stage.lab.capture.mark();
        fs::write(&path, text)?;
        stage.lab.capture.expect_advert("a", since, within, |a| a.priority == priority)?;
    }
    let since = stage.lab.capture.mark();
    let other = stage.lab.node("a")?.file("other");
    fs::write(&other, "7")?;
    fs::rename(&other, &path)?;
    stage.lab.capture.expect_advert("a", since, within, |a| a.priority == 164)?;
    let since = stage.lab.capture.mark();
    fs::remove_file(&path)?;
    stage.lab.capture.expect_advert("a", since, within, |a| a.priority == 150)?;
    Ok(())
}

fn unweighted_file(stage: &mut Stage) -> Result<()> {
    let path = elect_with_file(stage, "", " weight 0")?;
    let (since, log) = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    fs::write(&path, "1")?;
    stage.lab.capture.expect_advert("a", since, SLACK, |a| a.priority == 0)?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE", log, SLACK)?;
    stage.expect_takeover("b", since, stage.flavour.skew(100), &[])?;
    fs::remove_file(&path)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

fn low_file(stage: &mut Stage) -> Result<()> {
    let path = elect_with_file(stage, "0", " weight -2")?;
    let within = stage.flavour.interval() + SLACK;
    let since = stage.lab.capture.mark();
    fs::write(&path, "24")?;
    stage.lab.capture.expect_advert("a", since, within, |a| a.priority == 102)?;
    let log = stage.lab.node("a")?.log_mark();
    fs::write(&path, "127")?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE", log, SLACK)?;
    fs::write(&path, "20")?;
    let within = stage.flavour.down_interval(110) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

/// What is written and not closed is nobody's news.
fn held_open(stage: &mut Stage) -> Result<()> {
    use std::io::Write as _;
    let path = elect_with_file(stage, "10", "")?;
    let since = stage.lab.capture.mark();
    let mut file = fs::File::create(&path)?;
    file.write_all(b"20")?;
    let span = stage.flavour.interval() * 2;
    let changed = |priority| priority != 160;
    stage.lab.capture.expect_none("other priority", since, span, |f| {
        f.node == "a" && f.advert().is_some_and(|a| changed(a.priority))
    })?;
    drop(file);
    let within = stage.flavour.interval() + SLACK;
    stage.lab.capture.expect_advert("a", since, within, |a| a.priority == 170)?;
    Ok(())
}

fn initial_file(stage: &mut Stage) -> Result<()> {
    let path = stage.lab.node("a")?.file("number");
    let block = format!(
        "vrrp_track_file number {{\n    file {}\n    weight 3\n    init_file 5\n}}",
        path.display()
    );
    let a = stage.instance(150).line("track_file {").line("    number").line("}");
    stage.start_with("a", &file(&[&block], &[a]))?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.capture.expect_advert("a", Mark::START, within, |a| a.priority == 165)?;
    ensure!(fs::read_to_string(&path)? == "5\n", "{:?}", fs::read_to_string(&path)?);
    Ok(())
}

/// `a` runs two instances in a group without `sync_group_tracking_weight`; one of them tracks a file that says 10.
fn start_group(stage: &mut Stage) -> Result<()> {
    let path = stage.lab.node("a")?.file("number");
    fs::write(&path, "10")?;
    let block = format!("vrrp_track_file number {{\n    file {}\n}}", path.display());
    let group = "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}";
    let one = stage.instance(150).line("track_file {").line("    number").line("}");
    let two = stage.instance(150).named("VI_2", 52).addresses(&["192.0.2.11/24"]);
    stage.start_with("a", &file(&[&block, group], &[one, two]))
}

fn grouped_file(stage: &mut Stage) -> Result<()> {
    start_group(stage)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.priority == 150, "priority {}", advert.priority);
    Ok(())
}

fn grouped_fault(stage: &mut Stage) -> Result<()> {
    start_group(stage)?;
    let node = stage.lab.node("a")?;
    node.expect_log("tracked file number has status -254", Mark::START, START)?;
    Ok(())
}

/// `a` alone tracks a program that does not run yet; gives its path.
fn start_with_process(stage: &mut Stage) -> Result<PathBuf> {
    let name = format!("p{}", std::process::id());
    let path = stage.lab.node("a")?.file(&name);
    fs::copy("/bin/sleep", &path)?;
    let block = format!("vrrp_track_process p {{\n    process {name}\n}}");
    let a = stage.instance(150).line("track_process {").line("    p").line("}");
    stage.start_with("a", &file(&[&block], &[a]))?;
    let node = stage.lab.node("a")?;
    node.expect_log("tracked process p quorum not achieved", Mark::START, START)?;
    Ok(path)
}

/// Runs the program beside `a` for some seconds.
fn run_a_while(stage: &mut Stage, path: &std::path::Path) -> Result<std::process::Child> {
    let mut command = stage.lab.node("a")?.space().command(path);
    Ok(command.arg(WHILE.as_secs().to_string()).spawn()?)
}

fn process(stage: &mut Stage) -> Result<()> {
    let path = start_with_process(stage)?;
    let mut child = run_a_while(stage, &path)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.lab.capture.expect_advert("a", Mark::START, WHILE + SLACK, |a| a.priority == 0)?;
    child.wait()?;
    stage.lab.expect_holders(stage.address(), &[], SLACK)
}

fn unseen_process(stage: &mut Stage) -> Result<()> {
    let path = start_with_process(stage)?;
    let since = stage.lab.capture.mark();
    let mut child = run_a_while(stage, &path)?;
    stage.lab.capture.expect_none("advertisement", since, WHILE, |f| f.advert().is_some())?;
    child.wait()?;
    Ok(())
}

/// How long a tracked program runs.
const WHILE: Duration = Duration::from_secs(5);
