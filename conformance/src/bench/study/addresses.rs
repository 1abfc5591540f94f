//! Backup to Active with many addresses: until the kernel holds the last one.
//!
//! The Active router is made by hand. It resigns, and the daemon is due after its skew time; then it comes back with a
//! higher priority, and the daemon takes its addresses away again.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::changes::{Kind, wait, watch};
use crate::bench::figure::{Figure, Wanted};
use crate::bench::ground::{milliseconds, start};
use crate::bench::session::{Session, TURNS};
use crate::flavour::Flavour;
use crate::forge::Forged;
use crate::lab::Lab;
use crate::moment::Moment;
use crate::stream::Mark;
use crate::subject::Subject;

const NAME: &str = "addresses";

pub(super) fn run(session: &mut Session) -> Result<()> {
    for (count, ratio) in [(20, 0.7), (500, 0.8), (2000, 0.75)] {
        if session.quick && count == 2000 {
            continue;
        }
        let named = |what: &str| format!("Backup to Active with {count} addresses: {what}");
        let mut rows = Rows {
            last: Figure::new(
                NAME,
                &named("last address over the bound"),
                "ms",
                Wanted::Ratio(ratio),
            ),
            advert: Figure::new(NAME, &named("advert over the bound"), "ms", Wanted::Ratio(1.0)),
            all: Figure::new(
                NAME,
                &named("last announcement over the bound"),
                "ms",
                Wanted::Nothing,
            ),
            gone: Figure::new(
                NAME,
                &named("all gone after a higher advert"),
                "ms",
                Wanted::Nothing,
            ),
        };
        let (rounds, times) = session.pick((3, 2), (1, 1));
        for _ in 0..rounds {
            for subject in TURNS {
                let outcome = repetition(subject, count, times, &mut rows);
                session.note(NAME, subject, outcome);
            }
        }
        session.take_all([rows.last, rows.advert, rows.all, rows.gone]);
    }
    Ok(())
}

struct Rows {
    last: Figure,
    advert: Figure,
    all: Figure,
    gone: Figure,
}

fn repetition(subject: Subject, count: usize, times: usize, rows: &mut Rows) -> Result<()> {
    let mut lab = Lab::build(&["a"])?;
    // Active by itself first, so that the other way round is like every time after it.
    let changes = watch(lab.node("a")?)?;
    start(lab.node("a")?, subject, &configuration(count))?;
    wait(&changes, Mark::START, count, Kind::Added)?;
    for _ in 0..times {
        thread::sleep(Duration::from_millis(400));
        let (frames, mark) = (lab.capture.mark(), changes.mark());
        lab.send_repeatedly(&Forged::new(Flavour::V3Ipv4, 200), 2, Duration::from_millis(50))?;
        let heard = frame_of(&lab, frames, "client", 200)?;
        let gone = wait(&changes, mark, count, Kind::Removed)?;
        rows.gone.push(subject, milliseconds(heard, gone));
        // It hears adverts while it is Backup: the second one, and this one.
        let (frames, mark) = (lab.capture.mark(), changes.mark());
        lab.send_repeatedly(&Forged::new(Flavour::V3Ipv4, 200), 2, Duration::from_millis(100))?;
        lab.send(&Forged::new(Flavour::V3Ipv4, 0))?;
        let bound = frame_of(&lab, frames, "client", 0)?.after(SKEW);
        let last = wait(&changes, mark, count, Kind::Added)?;
        rows.last.push(subject, milliseconds(bound, last));
        rows.advert.push(subject, milliseconds(bound, frame_of(&lab, frames, "a", 100)?));
        thread::sleep(Duration::from_millis(600));
        let all = lab.capture.since(frames);
        let soon = bound.after(Duration::from_millis(600));
        let announced = all.iter().filter(|f| f.announces().is_some() && f.at < soon);
        let announced = announced.map(|f| f.at).max().context("nothing was announced")?;
        rows.all.push(subject, milliseconds(bound, announced));
    }
    Ok(())
}

/// One instance whose adverts carry one address; the others are held without being advertised, as more than 255 must.
fn configuration(count: usize) -> String {
    let mut text = String::from(
        "global_defs {\n    router_id bench\n    vrrp_garp_master_delay 1\n}\nvrrp_instance VI_1 {\n    \
         interface eth0\n    version 3\n    virtual_router_id 51\n    priority 100\n    advert_int 0.3\n    \
         virtual_ipaddress {\n        192.0.2.10/24\n    }\n    virtual_ipaddress_excluded {\n",
    );
    for index in 1..count {
        text.push_str(&format!("        10.9.{}.{}/32\n", index / 250, index % 250 + 1));
    }
    text.push_str("    }\n}\n");
    text
}

/// When `node` sent its first advert with `priority` from `since` on.
fn frame_of(lab: &Lab, since: Mark, node: &str, priority: u8) -> Result<Moment> {
    let within = Duration::from_secs(3);
    let (at, _) = lab.capture.expect_advert(node, since, within, |a| a.priority == priority)?;
    Ok(at)
}

/// `0.3 s * (256 - 100) / 256`: version 3, and the forged adverts say 0.3 s too.
const SKEW: Duration = Duration::from_nanos(182_812_500);
