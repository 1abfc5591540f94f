//! Version 2 with and without a password.

use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::configuration::Instance;
use conformance::flavour::Flavour;
use conformance::packet::Frame;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;
use nix::sys::signal::Signal;

use crate::supervision::{signal, vrrp_process};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("without_a_password_the_field_is_zero", &[Flavour::V2], none),
    Scenario::new("a_password_is_sent_padded_with_zeros", &[Flavour::V2Pass], padded),
    Scenario::new("a_long_password_is_cut_to_eight_characters", &[Flavour::V2Pass], cut).mixed(),
    Scenario::new("another_password_leaves_both_active_and_is_named", &[Flavour::V2Pass], wrong)
        .mixed(),
    Scenario::new(
        "one_with_and_one_without_a_password_are_both_active",
        &[Flavour::V2Pass],
        one_sided,
    ),
    Scenario::new("with_a_header_the_field_is_zero_and_the_type_2", PASS, header),
    Scenario::new("a_pair_with_headers_elects_fails_over_and_returns", PASS, header_pair).mixed(),
    Scenario::new("a_unicast_pair_with_headers_elects", PASS, header_unicast).mixed(),
    Scenario::new("a_header_of_another_password_leaves_both_active", PASS, header_wrong).mixed(),
    Scenario::new("one_with_and_one_without_a_header_are_both_active", PASS, header_one_sided)
        .mixed(),
    Scenario::new("a_killed_process_is_not_taken_for_a_replay", PASS, header_respawn).mixed(),
    Scenario::new("a_router_with_headers_starts_as_backup", PASS, header_backup),
    Scenario::new("a_pair_with_trailers_elects_and_fails_over", TRAILED, trailers)
        .only(Subject::Ours),
    Scenario::new("a_unicast_pair_with_trailers_elects", &[Flavour::V3Ipv4], trailers_unicast)
        .only(Subject::Ours),
    Scenario::new("another_key_leaves_both_active_and_is_named_once", TRAILED, other_key)
        .only(Subject::Ours),
    Scenario::new("an_advert_without_a_trailer_is_refused", TRAILED, without_trailer)
        .only(Subject::Ours),
    Scenario::new("a_pair_is_brought_to_trailers_without_a_lost_advert", TRAILED, migration)
        .only(Subject::Ours),
    Scenario::new("a_key_is_changed_without_a_lost_advert", TRAILED, rotation).only(Subject::Ours),
    Scenario::new("an_advert_that_is_repeated_is_refused", TRAILED, repeated).only(Subject::Ours),
    Scenario::new("a_refused_advert_does_not_delay_ours", &[Flavour::V2Pass], undelayed)
        .only(Subject::Ours),
    Scenario::new("a_refused_advert_delays_the_next_own_one", &[Flavour::V2Pass], delayed)
        .only(Subject::Keepalived),
];

const TRAILED: &[Flavour] = &[Flavour::V2, Flavour::V3Ipv4, Flavour::V3Ipv6];
const PASS: &[Flavour] = &[Flavour::V2Pass];

fn none(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.auth_type == 0 && advert.auth_data == Some([0; 8]), "{advert:?}");
    // Eight bytes, one address and the field of authentication, which is always there.
    ensure!(advert.message.len() == 20, "{} bytes", advert.message.len());
    Ok(())
}

fn padded(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.auth_type == 1, "type {}", advert.auth_type);
    ensure!(advert.auth_data.as_ref() == Some(b"s3cret\0\0"), "{:?}", advert.auth_data);
    ensure!(advert.message.len() == 20, "{} bytes", advert.message.len());
    Ok(())
}

fn cut(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150).password("abcdefghij");
    let b = stage.instance(100).password("abcdefgh");
    stage.elect_as(&a, &b)?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.auth_data.as_ref() == Some(b"abcdefgh"), "{:?}", advert.auth_data);
    stage.expect_calm("a", 4)
}

fn wrong(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150).password("one");
    let b = stage.instance(100).password("two");
    both_active(stage, &a, &b)?;
    for name in ["a", "b"] {
        stage.lab.node(name)?.expect_log("passw", Mark::START, SLACK)?;
    }
    Ok(())
}

fn one_sided(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150).password("one");
    let b = Instance::new(Flavour::V2, 100);
    both_active(stage, &a, &b)
}

fn both_active(stage: &mut Stage, a: &Instance, b: &Instance) -> Result<()> {
    stage.start("a", a)?;
    stage.start("b", b)?;
    let within = stage.flavour.down_interval(100) + START;
    stage.lab.expect_holders(stage.address(), &["a", "b"], within)?;
    let since = stage.lab.capture.mark();
    // It lasts: three more adverts change nothing.
    let (first, _) = stage.lab.capture.expect_advert_of_any(since, within)?;
    stage.lab.capture.expect("third advert", since, within, |f| {
        f.advert().is_some() && f.at.since(first) > stage.flavour.interval() * 2
    })?;
    let frames = stage.lab.capture.since(since);
    ensure!(frames.iter().filter_map(Frame::advert).all(|a| a.priority > 0), "one resigned");
    stage.lab.expect_holders(stage.address(), &["a", "b"], Duration::ZERO)
}

fn elect_with_headers(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150).with_header();
    let b = stage.instance(100).with_header();
    stage.elect_as(&a, &b)
}

fn header(stage: &mut Stage) -> Result<()> {
    elect_with_headers(stage)?;
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.auth_type == 2 && advert.auth_data == Some([0; 8]), "{advert:?}");
    Ok(())
}

/// Each refuses what the other has sent before: both go on above it.
fn header_pair(stage: &mut Stage) -> Result<()> {
    elect_with_headers(stage)?;
    stage.expect_calm("a", 3)?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.crash()?;
    stage.expect_takeover("b", since, stage.flavour.down_interval(100), &["a"])?;
    stage.fresh_advert("b")?;
    let a = stage.instance(150).with_header();
    stage.start("a", &a)?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.expect_calm("a", 3)
}

fn header_unicast(stage: &mut Stage) -> Result<()> {
    let unicast = |instance: Instance, own: u8, peer: u8| {
        instance
            .with_header()
            .line(&format!("unicast_src_ip 192.0.2.{own}"))
            .line("unicast_ttl 77")
            .line("unicast_peer {")
            .line(&format!("    192.0.2.{peer}"))
            .line("}")
    };
    let a = unicast(stage.instance(150), 1, 2);
    let b = unicast(stage.instance(100), 2, 1);
    stage.elect_as(&a, &b)?;
    stage.expect_calm("a", 3)
}

/// The one who refuses takes over beside the other. (Being refused so often keeps the incumbent silent.)
fn both_hold(stage: &mut Stage, a: &Instance, b: &Instance) -> Result<()> {
    stage.start("a", a)?;
    stage.start("b", b)?;
    let within = stage.flavour.down_interval(100) * 2 + START;
    stage.lab.expect_holders(stage.address(), &["a", "b"], within)?;
    let (since, span) = (stage.lab.capture.mark(), stage.flavour.interval() * 2);
    stage
        .lab
        .capture
        .expect_none("resignation", since, span, |f| f.advert().is_some_and(|a| a.priority == 0))?;
    stage.lab.expect_holders(stage.address(), &["a", "b"], Duration::ZERO)
}

fn header_wrong(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150).with_header().password("one");
    let b = stage.instance(100).with_header().password("two");
    both_hold(stage, &a, &b)?;
    let said = match stage.subject("b") {
        Subject::Keepalived => "invalid IPSEC HMAC-MD5 value",
        Subject::Ours => "invalid digest",
    };
    stage.lab.node("b")?.expect_log(said, Mark::START, SLACK)?;
    Ok(())
}

fn header_one_sided(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150).with_header();
    let b = stage.instance(100);
    both_hold(stage, &a, &b)
}

/// A process that begins anew has no memory of the numbers that the one before has used. Ours begins above them; that of
/// the incumbent is refused until it hears where the others are.
fn header_respawn(stage: &mut Stage) -> Result<()> {
    elect_with_headers(stage)?;
    let (since, log) = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    let child = vrrp_process(stage)?;
    signal(child, Signal::SIGKILL)?;
    if stage.subject("a") == Subject::Ours {
        let span = stage.flavour.down_interval(100) + stage.flavour.interval();
        stage
            .lab
            .capture
            .expect_none("takeover", since, span, |f| f.advert().is_some() && f.node != "a")?;
    } else {
        let within = stage.flavour.down_interval(1) * 2 + START;
        stage.lab.node("a")?.expect_log("Entering MASTER STATE", log, within)?;
        stage.lab.node("b")?.expect_log("already processed", Mark::START, SLACK)?;
        return stage.lab.expect_holders(stage.address(), &["a"], within);
    }
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)?;
    stage.expect_calm("a", 2)
}

fn header_backup(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150).with_header().line("state MASTER");
    stage.start("a", &a)?;
    let begun = stage.lab.node("a")?.expect_log("Entering BACKUP STATE", Mark::START, START)?.at;
    let within = stage.flavour.down_interval(150) + SLACK;
    let active = stage.lab.node("a")?.expect_log("Entering MASTER STATE", Mark::START, within)?.at;
    let took = active.since(begun);
    ensure!(took + SLACK > stage.flavour.down_interval(150), "Active after {took:?}");
    Ok(())
}

const FIRST: &str = "key 1 0123456789abcdef0123456789abcdef";
const SECOND: &str = "key 2 hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn trailed(instance: Instance, lines: &[&str]) -> Instance {
    let with_lines = lines.iter().fold(instance.line("auth_hmac {"), |it, line| it.line(line));
    with_lines.line("}")
}

/// Bytes of an advert of the usual instance, without a trailer.
const fn plain_length(flavour: Flavour) -> usize {
    match flavour {
        Flavour::V2 | Flavour::V2Pass => 20,
        Flavour::V3Ipv4 => 12,
        Flavour::V3Ipv6 => 40,
    }
}

fn trailers(stage: &mut Stage) -> Result<()> {
    let a = trailed(stage.instance(150), &[FIRST]);
    let b = trailed(stage.instance(100), &[FIRST]);
    stage.elect_as(&a, &b)?;
    let (_, advert) = stage.fresh_advert("a")?;
    let length = advert.message.len();
    ensure!(length == plain_length(stage.flavour) + 28, "{length} bytes");
    let kind = advert.message.get(plain_length(stage.flavour)..).and_then(|it| it.first_chunk());
    ensure!(kind == Some(&[1, 1, 0, 0]), "{:?}", advert.message);
    stage.expect_calm("a", 3)?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.crash()?;
    stage.expect_takeover("b", since, stage.flavour.down_interval(100), &["a"])?;
    stage.start("a", &a)?;
    let within = stage.flavour.down_interval(1) * 2 + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

fn trailers_unicast(stage: &mut Stage) -> Result<()> {
    let unicast = |instance: Instance, own: u8, peer: u8| {
        trailed(instance, &[FIRST])
            .line(&format!("unicast_src_ip 192.0.2.{own}"))
            .line("unicast_peer {")
            .line(&format!("    192.0.2.{peer}"))
            .line("}")
    };
    let a = unicast(stage.instance(150), 1, 2);
    let b = unicast(stage.instance(100), 2, 1);
    stage.elect_as(&a, &b)?;
    stage.expect_calm("a", 3)
}

fn other_key(stage: &mut Stage) -> Result<()> {
    let a = trailed(stage.instance(150), &[FIRST]);
    let b = trailed(stage.instance(100), &["key 1 another_key_of_thirty-two_bytes_"]);
    both_active(stage, &a, &b)?;
    for name in ["a", "b"] {
        let log = stage.lab.node(name)?.log_since(Mark::START);
        let said = log.iter().filter(|line| line.text.contains("invalid digest")).count();
        ensure!((1..=3).contains(&said), "{name} said it {said} times");
    }
    Ok(())
}

fn without_trailer(stage: &mut Stage) -> Result<()> {
    let a = stage.instance(150);
    let b = trailed(stage.instance(100), &[FIRST]);
    both_active(stage, &a, &b)?;
    stage.lab.node("b")?.expect_log("no HMAC trailer", Mark::START, SLACK)?;
    Ok(())
}

/// Reloads `name` with another configuration, and checks that nobody noticed.
fn reload_unnoticed(stage: &mut Stage, name: &str, instance: &Instance) -> Result<()> {
    let log = stage.lab.node(name)?.log_mark();
    stage.lab.node(name)?.reload(&instance.render())?;
    stage.lab.node(name)?.expect_log("Reload finished", log, START)?;
    stage.expect_calm("a", 3)
}

/// First both hear trailers, then each sends them, then both insist.
fn migration(stage: &mut Stage) -> Result<()> {
    let (a, b) = (stage.instance(150), stage.instance(100));
    stage.elect_as(&a, &b)?;
    for lines in [&[FIRST, "mode receive-only"][..], &[FIRST, "mode permissive"], &[FIRST]] {
        reload_unnoticed(stage, "b", &trailed(stage.instance(100), lines))?;
        reload_unnoticed(stage, "a", &trailed(stage.instance(150), lines))?;
    }
    let (_, advert) = stage.fresh_advert("a")?;
    ensure!(advert.message.len() == plain_length(stage.flavour) + 28, "{advert:?}");
    stage.lab.node("b")?.expect_no_log("discarded", Mark::START)
}

/// Both learn the new key, both use it, both forget the old one.
fn rotation(stage: &mut Stage) -> Result<()> {
    let a = trailed(stage.instance(150), &[FIRST]);
    let b = trailed(stage.instance(100), &[FIRST]);
    stage.elect_as(&a, &b)?;
    for lines in [&[FIRST, SECOND][..], &[FIRST, SECOND, "active_key 2"], &[SECOND]] {
        reload_unnoticed(stage, "b", &trailed(stage.instance(100), lines))?;
        reload_unnoticed(stage, "a", &trailed(stage.instance(150), lines))?;
    }
    stage.lab.node("b")?.expect_no_log("discarded", Mark::START)
}

/// The client sends what it heard of `a` once more, and the same said to be its own.
fn repeated(stage: &mut Stage) -> Result<()> {
    let a = trailed(stage.instance(150), &[FIRST]);
    let b = trailed(stage.instance(100), &[FIRST]);
    stage.elect_as(&a, &b)?;
    let (_, advert) = stage.fresh_advert("a")?;
    let hex: String = advert.message.iter().map(|byte| format!("{byte:02x}")).collect();
    let group = advert.destination.to_string();
    let log = stage.lab.node("b")?.log_mark();
    stage.lab.send_vrrp(&group, &hex)?;
    // The sender is proved too: as the client's it is worth nothing.
    stage.lab.node("b")?.expect_log("invalid digest", log, SLACK)?;
    let client = stage.lab.client().clone();
    let address = advert.source.to_string();
    let nodad = if advert.source.is_ipv6() { " nodad" } else { "" };
    client.run(&format!("ip addr flush dev eth0 scope {}", scope(stage.flavour)))?;
    client.run(&format!("ip addr add {address}/{} dev eth0{nodad}", prefix(stage.flavour)))?;
    stage.lab.send_vrrp(&group, &hex)?;
    stage.lab.node("b")?.expect_log("already processed", log, SLACK)?;
    Ok(())
}

const fn scope(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::V2 | Flavour::V2Pass | Flavour::V3Ipv4 => "global",
        Flavour::V3Ipv6 => "link",
    }
}

const fn prefix(flavour: Flavour) -> u8 {
    match flavour {
        Flavour::V2 | Flavour::V2Pass | Flavour::V3Ipv4 => 24,
        Flavour::V3Ipv6 => 64,
    }
}

/// Makes `a` Active, then lets the client send an advert with another password 0.5 s after one of `a`'s.
/// Gives the time between the adverts of `a` before and after.
fn gap_around_a_refused_advert(stage: &mut Stage) -> Result<Duration> {
    let instance = stage.instance(150);
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    let (before, _) = stage.fresh_advert("a")?;
    let since = stage.lab.capture.mark();
    let half = Duration::from_millis(500);
    stage.lab.capture.expect_none("advert", since, half, |f| f.advert().is_some())?;
    stage
        .lab
        .send_vrrp("224.0.0.18", "21 33 64 01 01 01 6d e5 c0 00 02 0a 6f 74 68 65 72 00 00 00")?;
    stage.lab.capture.expect_advert("client", since, SLACK, |_| true)?;
    stage.lab.node("a")?.expect_log("passw", Mark::START, SLACK)?;
    let within = stage.flavour.interval() * 2 + SLACK;
    let (after, _) = stage.lab.capture.expect_advert("a", since, within, |_| true)?;
    Ok(after.since(before))
}

fn undelayed(stage: &mut Stage) -> Result<()> {
    let gap = gap_around_a_refused_advert(stage)?;
    ensure!(gap < Duration::from_millis(1_200), "{gap:?} between two adverts");
    Ok(())
}

/// A refused packet restarts the incumbent's advert timer: whoever sends wrong packets fast enough silences it.
fn delayed(stage: &mut Stage) -> Result<()> {
    let gap = gap_around_a_refused_advert(stage)?;
    ensure!(gap > Duration::from_millis(1_450), "{gap:?} between two adverts");
    Ok(())
}
