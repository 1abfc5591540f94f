//! Adverts to named peers instead of the group.

use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::configuration::Instance;
use conformance::flavour::Flavour;
use conformance::forge::Forged;
use conformance::packet::Advert;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_unicast_pair_elects_and_fails_over", EACH, pair).mixed(),
    Scenario::new("multicast_is_not_heard_by_a_unicast_instance", V3, deaf),
    Scenario::new("the_ttl_of_unicast_is_sent", EACH, ttl),
    Scenario::new("a_ttl_within_the_bounds_of_its_peer_is_heard", EACH, within_bounds).mixed(),
    Scenario::new("a_ttl_below_the_bounds_of_its_peer_is_refused", EACH, below_bounds).mixed(),
    Scenario::new("a_stranger_is_heard_where_the_source_is_not_checked", V2, stranger_heard),
    Scenario::new("a_stranger_is_refused_where_the_source_is_checked", V2, stranger_refused),
    Scenario::new("a_peer_with_the_old_checksum_is_answered_in_it", V3, old_checksum).mixed(),
    Scenario::new("the_old_checksum_is_never_taken_where_that_is_said", V3, never_old).mixed(),
    Scenario::new(
        "an_empty_list_of_peers_means_multicast_to_the_incumbent",
        V2,
        empty_is_multicast,
    )
    .only(Subject::Keepalived),
    Scenario::new("an_empty_list_of_peers_is_a_fault_for_ours", V2, empty_is_fault)
        .only(Subject::Ours),
    Scenario::new("unicast_fault_no_peer_makes_a_fault_of_it", V2, asked_fault),
    Scenario::new("a_source_that_is_not_there_at_the_start_is_a_fault", EACH, absent),
    Scenario::new("a_source_that_comes_later_ends_the_fault", EACH, comes).only(Subject::Ours),
    Scenario::new("a_source_that_comes_later_is_not_noticed_by_the_incumbent", V2, unnoticed)
        .only(Subject::Keepalived),
    Scenario::new("a_source_that_goes_is_a_fault_until_it_is_back", EACH, goes).only(Subject::Ours),
    Scenario::new("a_source_that_goes_leaves_the_incumbent_active", V2, goes_unnoticed)
        .only(Subject::Keepalived),
    Scenario::new("a_tracked_source_of_multicast_that_goes_is_a_fault", V2, tracked_multicast)
        .only(Subject::Ours),
    Scenario::new(
        "a_tracked_source_of_multicast_that_goes_leaves_the_incumbent_active",
        V2,
        untracked,
    )
    .only(Subject::Keepalived),
    Scenario::new("an_address_of_the_interface_that_changes_is_followed", V2, follows),
    Scenario::new("a_peer_more_after_a_reload_disturbs_nothing", EACH, one_more_peer)
        .only(Subject::Ours),
];

const V2: &[Flavour] = &[Flavour::V2];
const V3: &[Flavour] = &[Flavour::V3Ipv4];
const EACH: &[Flavour] = Flavour::MATRIX;

fn unicast(instance: Instance, own: u8, peer: u8) -> Instance {
    bounded(instance, own, peer, "")
}

/// The same with words behind the peer's address.
fn bounded(instance: Instance, own: u8, peer: u8, words: &str) -> Instance {
    let flavour = instance.flavour;
    instance
        .line(&format!("unicast_src_ip {}", router(flavour, own)))
        .line("unicast_peer {")
        .line(&format!("    {}{words}", router(flavour, peer)))
        .line("}")
}

/// The address that router `number` sends from.
fn router(flavour: Flavour, number: u8) -> String {
    match flavour {
        Flavour::V2 | Flavour::V2Pass | Flavour::V3Ipv4 => format!("192.0.2.{number}"),
        Flavour::V3Ipv6 => format!("fe80::ff:fe00:{number}"),
    }
}

fn pair(stage: &mut Stage) -> Result<()> {
    let a = unicast(stage.instance(150), 1, 2);
    let b = unicast(stage.instance(100), 2, 1);
    stage.elect_as(&a, &b)?;
    let (_, advert) = stage.fresh_advert("a")?;
    let (own, peer) = (router(stage.flavour, 1), router(stage.flavour, 2));
    ensure!(advert.destination.to_string() == peer, "sent to {}", advert.destination);
    ensure!(advert.source.to_string() == own, "sent from {}", advert.source);
    stage.expect_calm("a", 3)?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.crash()?;
    stage.expect_takeover("b", since, stage.flavour.down_interval(100), &["a"])
}

fn deaf(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150);
    let b = unicast(stage.instance(100), 2, 1);
    stage.start("a", &a)?;
    stage.start("b", &b)?;
    both_active(stage)
}

fn both_active(stage: &mut Stage) -> Result<()> {
    let within = stage.flavour.down_interval(1) * 2 + START;
    stage.lab.expect_holders(stage.address(), &["a", "b"], within)?;
    stage.fresh_advert("a")?;
    stage.fresh_advert("b")?;
    stage.lab.expect_holders(stage.address(), &["a", "b"], SLACK)
}

fn alone(stage: &mut Stage, instance: &Instance) -> Result<()> {
    stage.start("a", instance)?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

fn ttl(stage: &mut Stage) -> Result<()> {
    let a = unicast(stage.instance(150), 1, 2).line("unicast_ttl 9");
    alone(stage, &a)?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.ttl == 9, "TTL {}", advert.ttl);
    Ok(())
}

fn within_bounds(stage: &mut Stage) -> Result<()> {
    let a = unicast(stage.instance(150), 1, 2).line("unicast_ttl 100");
    let b = bounded(stage.instance(100), 2, 1, " min_ttl 100 max_ttl 100");
    stage.elect_as(&a, &b)?;
    stage.expect_calm("a", 4)
}

fn below_bounds(stage: &mut Stage) -> Result<()> {
    let a = unicast(stage.instance(150), 1, 2).line("unicast_ttl 99");
    let b = bounded(stage.instance(100), 2, 1, " min_ttl 100");
    stage.start("a", &a)?;
    stage.start("b", &b)?;
    deaf_to_another(stage)
}

/// `b` refuses what `a` sends, and takes over beside it. (Being refused so often keeps the incumbent silent, though
/// it is Active.)
fn deaf_to_another(stage: &mut Stage) -> Result<()> {
    let within = stage.flavour.down_interval(1) * 2 + START;
    stage.lab.expect_holders(stage.address(), &["a", "b"], within)?;
    // Not of each: the incumbent puts its own advert off by one that it refuses, so that one of the two may be mute.
    for _ in 0..4 {
        stage.lab.capture.expect_advert_of_any(stage.lab.capture.mark(), within)?;
    }
    stage.lab.expect_holders(stage.address(), &["a", "b"], SLACK)
}

/// Makes `a` Active, and lets the client, who is no peer, send it an advert of higher priority.
fn hear_a_stranger(stage: &mut Stage, instance: &Instance) -> Result<Mark> {
    alone(stage, instance)?;
    let since = stage.lab.node("a")?.log_mark();
    let message = Forged::new(stage.flavour, 200).message();
    let hex: String = message.iter().map(|byte| format!("{byte:02x}")).collect();
    stage.lab.send_vrrp("192.0.2.1", &hex)?;
    Ok(since)
}

fn stranger_heard(stage: &mut Stage) -> Result<()> {
    let a = unicast(stage.instance(150), 1, 2);
    let since = hear_a_stranger(stage, &a)?;
    stage.lab.node("a")?.expect_log("Entering BACKUP STATE", since, SLACK)?;
    Ok(())
}

fn stranger_refused(stage: &mut Stage) -> Result<()> {
    let a = unicast(stage.instance(150), 1, 2).line("check_unicast_src");
    let since = hear_a_stranger(stage, &a)?;
    stage.fresh_advert("a")?;
    stage.fresh_advert("a")?;
    stage.lab.node("a")?.expect_no_log("Entering BACKUP STATE", since)?;
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

/// `b` uses the old form: `a` answers in it as soon as it has heard `b`. The incumbent says so, and does not do it.
fn old_checksum(stage: &mut Stage) -> Result<()> {
    let a = unicast(stage.instance(150), 1, 2);
    let b = unicast(stage.instance(100), 2, 1).line("old_unicast_checksum");
    stage.start("b", &b)?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    stage.lab.expect_holders(stage.address(), &["b"], within)?;
    stage.start("a", &a)?;
    stage.lab.node("a")?.expect_log(OLD_FORM, Mark::START, within)?;
    if stage.subject("a") == Subject::Keepalived {
        let after = stage.lab.capture.mark();
        let (_, advert) = stage.lab.capture.expect_advert("a", after, within, |_| true)?;
        ensure!(sum(&advert, [192, 0, 2, 2]) == 0xffff, "not the standard form: {advert:?}");
        return Ok(());
    }
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(sum(&advert, [224, 0, 0, 18]) == 0xffff, "not the old form: {advert:?}");
    stage.expect_calm("a", 4)
}

fn never_old(stage: &mut Stage) -> Result<()> {
    let a = unicast(stage.instance(150), 1, 2).line("old_unicast_checksum never");
    let b = unicast(stage.instance(100), 2, 1).line("old_unicast_checksum");
    let since = stage.lab.capture.mark();
    stage.start("a", &a)?;
    stage.start("b", &b)?;
    // The incumbent that is told to use the old form hears no other; ours hears both.
    if stage.subject("b") == Subject::Keepalived {
        deaf_to_another(stage)?;
    } else {
        stage.settle("a", "b", a.vrid)?;
    }
    let (_, advert) = stage.lab.capture.expect_advert("a", since, SLACK, |_| true)?;
    ensure!(sum(&advert, [192, 0, 2, 2]) == 0xffff, "not the standard form: {advert:?}");
    stage.lab.node("a")?.expect_no_log(OLD_FORM, Mark::START)
}

const OLD_FORM: &str = "Setting unicast VRRPv3 checksum to old version";

/// The folded sum over an IPv4 pseudo header to `destination` and the message: all ones where the checksum is right.
fn sum(advert: &Advert, destination: [u8; 4]) -> u32 {
    let length = u8::try_from(advert.message.len()).unwrap_or(0);
    let mut bytes = vec![192, 0, 2, 1];
    bytes.extend(destination);
    bytes.extend([0, 112, 0, length]);
    bytes.extend(&advert.message);
    let words = bytes.chunks(2).map(|pair| pair.iter().fold(0, |sum, b| sum << 8 | u32::from(*b)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}

fn empty(stage: &Stage) -> Instance {
    stage.instance(150).line("unicast_src_ip 192.0.2.1").line("unicast_peer {").line("}")
}

fn empty_is_multicast(stage: &mut Stage) -> Result<()> {
    let a = empty(stage);
    alone(stage, &a)?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.destination.is_multicast(), "sent to {}", advert.destination);
    stage.lab.node("a")?.expect_log("This usage is deprecated", Mark::START, SLACK)?;
    Ok(())
}

fn empty_is_fault(stage: &mut Stage) -> Result<()> {
    let a = empty(stage);
    stage.start("a", &a)?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE", Mark::START, START)?;
    stage.lab.node("a")?.expect_log(NO_PEERS, Mark::START, SLACK)?;
    // With a peer it begins; with the keyword of compatibility it speaks to the group.
    stage.lab.node("a")?.reload(&a.line("unicast_allow_no_peer").render())?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.destination.is_multicast(), "sent to {}", advert.destination);
    Ok(())
}

fn asked_fault(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150).line("unicast_src_ip 192.0.2.1").line("unicast_fault_no_peer");
    stage.start("a", &a)?;
    stage.lab.node("a")?.expect_log(NO_PEERS, Mark::START, START)?;
    let span = stage.flavour.down_interval(150) + SLACK;
    let since = stage.lab.capture.mark();
    stage.lab.capture.expect_none("advertisement", since, span, |f| f.advert().is_some())
}

const NO_PEERS: &str = "Cannot use unicast without any peers - going to fault state";

/// Takes the source address of `a` away, or puts it back.
fn set_source(stage: &mut Stage, there: bool) -> Result<()> {
    let (verb, prefix) = (if there { "add" } else { "del" }, source_prefix(stage.flavour));
    let address = router(stage.flavour, 1);
    let nodad = if there && stage.flavour == Flavour::V3Ipv6 { " nodad" } else { "" };
    let line = format!("ip addr {verb} {address}/{prefix} dev eth0{nodad}");
    stage.lab.node("a")?.space().run(&line)?;
    Ok(())
}

const fn source_prefix(flavour: Flavour) -> u8 {
    match flavour {
        Flavour::V2 | Flavour::V2Pass | Flavour::V3Ipv4 => 24,
        Flavour::V3Ipv6 => 64,
    }
}

/// An instance whose address goes nowhere with another one's.
fn apart(stage: &Stage) -> Instance {
    let instance = unicast(stage.instance(150), 1, 2);
    match stage.flavour {
        Flavour::V2 | Flavour::V2Pass | Flavour::V3Ipv4 => instance.addresses(&["192.0.2.10/32"]),
        Flavour::V3Ipv6 => instance,
    }
}

const MISSING: &str = "src address not configured";

fn absent(stage: &mut Stage) -> Result<()> {
    set_source(stage, false)?;
    let a = apart(stage);
    stage.start("a", &a)?;
    stage.lab.node("a")?.expect_log(MISSING, Mark::START, START)?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE", Mark::START, SLACK)?;
    let span = stage.flavour.down_interval(150) + SLACK;
    let since = stage.lab.capture.mark();
    stage.lab.capture.expect_none("advertisement", since, span, |f| f.advert().is_some())
}

fn comes(stage: &mut Stage) -> Result<()> {
    absent(stage)?;
    set_source(stage, true)?;
    let within = stage.flavour.down_interval(1) + SLACK;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.source.to_string() == router(stage.flavour, 1), "from {}", advert.source);
    Ok(())
}

fn unnoticed(stage: &mut Stage) -> Result<()> {
    absent(stage)?;
    set_source(stage, true)?;
    let span = stage.flavour.down_interval(1) + SLACK;
    let since = stage.lab.capture.mark();
    stage.lab.capture.expect_none("advertisement", since, span, |f| f.advert().is_some())
}

fn goes(stage: &mut Stage) -> Result<()> {
    let a = apart(stage);
    alone(stage, &a)?;
    let since = stage.lab.node("a")?.log_mark();
    set_source(stage, false)?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE", since, SLACK)?;
    stage.lab.node("a")?.expect_log(MISSING, since, SLACK)?;
    stage.lab.expect_holders(stage.address(), &[], SLACK)?;
    set_source(stage, true)?;
    let within = stage.flavour.down_interval(1) + SLACK;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

fn goes_unnoticed(stage: &mut Stage) -> Result<()> {
    let a = apart(stage).line("track_src_ip");
    alone(stage, &a)?;
    let since = stage.lab.node("a")?.log_mark();
    set_source(stage, false)?;
    stage.fresh_advert("a")?;
    stage.fresh_advert("a")?;
    stage.lab.node("a")?.expect_no_log("FAULT", since)?;
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

fn tracked_source(stage: &mut Stage) -> Result<Mark> {
    let a = stage.instance(150).addresses(&["192.0.2.10/32"]);
    let a = a.line("mcast_src_ip 192.0.2.1").line("track_src_ip");
    alone(stage, &a)?;
    let since = stage.lab.node("a")?.log_mark();
    set_source(stage, false)?;
    Ok(since)
}

fn tracked_multicast(stage: &mut Stage) -> Result<()> {
    let since = tracked_source(stage)?;
    stage.lab.node("a")?.expect_log(MISSING, since, SLACK)?;
    stage.lab.expect_holders(stage.address(), &[], SLACK)?;
    set_source(stage, true)?;
    let within = stage.flavour.down_interval(1) + SLACK;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

fn untracked(stage: &mut Stage) -> Result<()> {
    let since = tracked_source(stage)?;
    stage.fresh_advert("a")?;
    stage.fresh_advert("a")?;
    stage.lab.node("a")?.expect_no_log("FAULT", since)?;
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

/// No source is configured: that of the interface is used, whichever it is now.
fn follows(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150).addresses(&["192.0.2.10/32"]);
    let a = a.line("unicast_peer {").line("    192.0.2.2").line("}");
    alone(stage, &a)?;
    let log = stage.lab.node("a")?.log_mark();
    set_source(stage, false)?;
    stage.lab.node("a")?.expect_log("Entering FAULT STATE", log, SLACK)?;
    stage.lab.node("a")?.space().run("ip addr add 192.0.2.7/24 dev eth0")?;
    let within = stage.flavour.down_interval(1) + SLACK;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.source.to_string() == "192.0.2.7", "sent from {}", advert.source);
    Ok(())
}

fn one_more_peer(stage: &mut Stage) -> Result<()> {
    let a = unicast(stage.instance(150), 1, 2);
    let b = unicast(stage.instance(100), 2, 1);
    stage.elect_as(&a, &b)?;
    let (since, log) = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    let more = stage
        .instance(150)
        .line(&format!("unicast_src_ip {}", router(stage.flavour, 1)))
        .line("unicast_peer {")
        .line(&format!("    {}", router(stage.flavour, 2)))
        .line(&format!("    {}", router(stage.flavour, 3)))
        .line("}");
    stage.lab.node("a")?.reload(&more.render())?;
    stage.lab.node("a")?.expect_log("Reload finished", log, START)?;
    let third = router(stage.flavour, 3);
    let within = stage.flavour.interval() + SLACK;
    // Nobody answers for the third yet: what the kernel can resolve is sent.
    if stage.flavour != Flavour::V3Ipv6 {
        let neighbour = format!("ip neigh add {third} lladdr 02:00:00:00:00:03 dev eth0");
        stage.lab.node("a")?.space().run(&neighbour)?;
        stage.lab.capture.expect_advert("a", since, within * 2, |advert| {
            advert.destination.to_string() == third
        })?;
    }
    let to_second = |advert: &Advert| advert.destination.to_string() == router(stage.flavour, 2);
    for pair in stage
        .lab
        .capture
        .adverts("a", since)
        .iter()
        .filter(|(_, it)| to_second(it))
        .collect::<Vec<_>>()
        .windows(2)
    {
        let [(before, _), (after, _)] = pair else { continue };
        let gap = after.since(*before);
        ensure!(gap < stage.flavour.interval() + SLACK, "{gap:?} between two adverts");
    }
    stage.lab.node("a")?.expect_no_log("Entering", log)?;
    stage.lab.node("b")?.expect_no_log("Entering MASTER", Mark::START)?;
    ensure!(
        stage.lab.capture.announcements("a", stage.address(), since).len() <= 5,
        "announced anew"
    );
    Ok(())
}
