//! What is heard and what is not: adverts made by hand, wrong in one respect each.

use std::net::IpAddr;

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::forge::Forged;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_right_advert_of_higher_priority_is_obeyed", EACH, obeyed),
    Scenario::new("an_advert_without_ttl_255_is_discarded", EACH, |stage| {
        discarded(stage, |advert| advert.ttl = 254)
    }),
    Scenario::new("a_wrong_checksum_is_discarded", EACH, |stage| {
        discarded(stage, |advert| advert.checksum_error = 1)
    }),
    Scenario::new("another_version_is_discarded", EACH, |stage| {
        discarded(stage, |advert| advert.version = 5 - advert.version)
    }),
    Scenario::new("another_type_is_discarded", EACH, |stage| {
        discarded(stage, |advert| advert.kind = 2)
    }),
    Scenario::new("another_virtual_router_is_ignored", EACH, |stage| {
        discarded(stage, |advert| advert.vrid = 52)
    }),
    Scenario::new("a_cut_message_is_discarded", EACH, |stage| {
        discarded(stage, |advert| advert.cut = 4)
    }),
    Scenario::new("more_addresses_claimed_than_carried_is_discarded", EACH, |stage| {
        discarded(stage, |advert| advert.count = Some(9))
    }),
    // RFC 9568 §5.2.5. Version 2 has no such rule, and the incumbent sends such adverts.
    Scenario::new("version_3_without_an_address_is_discarded", V3, |stage| {
        discarded(stage, |advert| advert.addresses.clear())
    }),
    Scenario::new("another_password_is_discarded", &[Flavour::V2Pass], |stage| {
        discarded(stage, |advert| advert.password = *b"S3cret\0\0")
    }),
    Scenario::new("a_missing_password_is_discarded", &[Flavour::V2Pass], |stage| {
        discarded(stage, |advert| {
            advert.auth_type = 0;
            advert.password = [0; 8];
        })
    }),
    Scenario::new("an_unexpected_password_is_discarded", &[Flavour::V2], |stage| {
        discarded(stage, |advert| {
            advert.auth_type = 1;
            advert.password = *b"s3cret\0\0";
        })
    }),
    Scenario::new("version_2_with_another_interval_is_discarded", &[Flavour::V2], |stage| {
        discarded(stage, |advert| advert.interval = 2)
    }),
    Scenario::new("an_active_router_yields_to_other_addresses_too", EACH, |stage| {
        obeyed_as(stage, other_addresses)
    })
    .only(Subject::Ours),
    Scenario::new("a_backup_hears_adverts_of_other_addresses", EACH, |stage| {
        heard(stage, other_addresses)
    })
    .only(Subject::Ours),
    Scenario::new("other_addresses_make_the_incumbent_deaf", EACH, |stage| {
        discarded(stage, other_addresses)
    })
    .only(Subject::Keepalived),
    Scenario::new("fewer_addresses_make_the_incumbent_deaf", V6, |stage| {
        discarded(stage, |advert| advert.addresses.truncate(1))
    })
    .only(Subject::Keepalived),
    Scenario::new("more_addresses_make_the_incumbent_deaf", EACH, |stage| {
        discarded(stage, more_addresses)
    })
    .only(Subject::Keepalived),
    Scenario::new("more_addresses_are_obeyed", EACH, |stage| obeyed_as(stage, more_addresses))
        .only(Subject::Ours),
    Scenario::new("version_2_with_an_interval_of_zero_is_discarded", V2, no_interval),
    Scenario::new("version_3_with_an_interval_of_zero_is_discarded", V3, no_interval)
        .only(Subject::Ours),
    Scenario::new("an_interval_of_zero_is_learnt_by_the_incumbent", V3, flaps)
        .only(Subject::Keepalived),
    Scenario::new("a_backup_hears_right_adverts", EACH, |stage| heard(stage, |_| {})),
];

const V2: &[Flavour] = &[Flavour::V2, Flavour::V2Pass];
const V3: &[Flavour] = &[Flavour::V3Ipv4, Flavour::V3Ipv6];
const V6: &[Flavour] = &[Flavour::V3Ipv6];
const EACH: &[Flavour] = &[Flavour::V2, Flavour::V2Pass, Flavour::V3Ipv4, Flavour::V3Ipv6];

/// Makes `a` Active with priority 150 and lets the client send one of 200, spoilt, right after one of `a`'s.
fn send_to_active(stage: &mut Stage, spoil: fn(&mut Forged)) -> Result<(Mark, Mark)> {
    let instance = stage.instance(150);
    stage.start("a", &instance)?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)?;
    stage.fresh_advert("a")?;
    let marks = (stage.lab.capture.mark(), stage.lab.node("a")?.log_mark());
    let mut advert = Forged::new(stage.flavour, 200);
    spoil(&mut advert);
    stage.lab.send(&advert)?;
    Ok(marks)
}

fn obeyed(stage: &mut Stage) -> Result<()> {
    obeyed_as(stage, |_| {})
}

fn obeyed_as(stage: &mut Stage, spoil: fn(&mut Forged)) -> Result<()> {
    let (_, log) = send_to_active(stage, spoil)?;
    stage.lab.node("a")?.expect_log("Entering BACKUP STATE", log, SLACK)?;
    stage.lab.expect_holders(stage.address(), &[], SLACK)
}

/// `a` goes on as if nothing had come; at most its next advert is late (see the authentication theme).
fn discarded(stage: &mut Stage, spoil: fn(&mut Forged)) -> Result<()> {
    let (since, log) = send_to_active(stage, spoil)?;
    let within = stage.flavour.interval() * 3 + SLACK;
    let capture = &stage.lab.capture;
    let (first, _) = capture.expect_advert("a", since, within, |a| a.priority == 150)?;
    let later = |f: &conformance::packet::Frame| f.node == "a" && f.at > first;
    capture.expect("second advert", since, within, |f| f.advert().is_some() && later(f))?;
    let zeros = capture.adverts("a", since);
    ensure!(zeros.iter().all(|(_, a)| a.priority == 150), "{zeros:?}");
    stage.lab.node("a")?.expect_no_log("Entering BACKUP STATE", log)?;
    stage.lab.expect_holders(stage.address(), &["a"], SLACK)
}

fn no_interval(stage: &mut Stage) -> Result<()> {
    discarded(stage, |advert| advert.interval = 0)
}

/// Three times no time is no time: it is Active again as soon as it has given way.
fn flaps(stage: &mut Stage) -> Result<()> {
    let (_, log) = send_to_active(stage, |advert| advert.interval = 0)?;
    let yielded = stage.lab.node("a")?.expect_log("Entering BACKUP STATE", log, SLACK)?;
    let again = stage.lab.node("a")?.expect_log("Entering MASTER STATE", log, SLACK)?;
    let least = stage.flavour.down_interval(150);
    ensure!(again.at.since(yielded.at) < least / 2, "{:?}", again.at.since(yielded.at));
    Ok(())
}

/// While the client advertises priority 200, `a` stands by; then it takes over.
fn heard(stage: &mut Stage, spoil: fn(&mut Forged)) -> Result<()> {
    let every = stage.flavour.interval();
    let mut advert = Forged::new(stage.flavour, 200);
    spoil(&mut advert);
    let instance = stage.instance(150);
    stage.start("a", &instance)?;
    stage.lab.node("a")?.expect_log("Entering BACKUP STATE", Mark::START, START)?;
    stage.lab.send_repeatedly(&advert, 6, every)?;
    let early = stage.lab.capture.adverts("a", Mark::START);
    ensure!(early.is_empty(), "{early:?}");
    stage.expect_takeover("a", Mark::START, stage.flavour.down_interval(150), &[])
}

fn more_addresses(advert: &mut Forged) {
    let again = advert.addresses.last().copied();
    other_addresses(advert);
    advert.addresses.extend(again);
}

fn other_addresses(advert: &mut Forged) {
    let other = match advert.flavour {
        Flavour::V2 | Flavour::V2Pass | Flavour::V3Ipv4 => IpAddr::from([192, 0, 2, 77]),
        Flavour::V3Ipv6 => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x77]),
    };
    if let Some(last) = advert.addresses.last_mut() {
        *last = other;
    }
}
