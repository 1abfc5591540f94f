//! The script: what is made to fail, in which order, and how long the protocol gives the other router.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use clock::Instant;
use kernel::eventloop::now;
use wire::{Priority, Version, Vrid};

use super::INTERRUPTED;
use super::ledger::{Expectation, Row};
use super::play::{Interrupted, Play};
use super::report::Report;
use super::timeline::Timeline;
use super::topology::Router;
use super::visits::VisitRow;
use super::web::Web;
use crate::compat::exit;
use crate::terminal::{eprint, print};

/// A virtual router of the example configurations.
struct Service {
    vrid: u8,
    home: Router,
    addresses: [Ipv4Addr; 2],
}

/// Something that is done to a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// Its processes are killed.
    Kill,
    /// Its cable is pulled.
    Unplug,
    /// Its daemon is asked to end.
    Stop,
}

/// Runs the play as process 1 of its namespaces.
pub(super) fn run(json: bool) -> ExitCode {
    if std::process::id() != 1 {
        eprint(
            "steadfast demo: --inside is for the process that the demonstration starts itself\n",
        );
        return ExitCode::from(exit::FATAL);
    }
    // Processes are looked up by the numbers that they have here. Where the kernel refuses, /proc of the outer
    // namespace serves for all but a stale pid file.
    let _ = kernel::namespace::mount_proc();
    // A client that does not run sees outages that are none. Not permitted without root, and done without then.
    let _ =
        kernel::process::set_realtime(CLIENT_PRIORITY, LONGEST_RUN, kernel::process::Heirs::Nobody);
    let timeline = Timeline::new(now(), json);
    match play(timeline) {
        Ok(report) => {
            print(&if json { report.json() } else { format!("\n{}", report.table()) });
            if report.is_met() { ExitCode::SUCCESS } else { ExitCode::from(exit::FATAL) }
        }
        Err(error) if error.is::<Interrupted>() => {
            eprint("steadfast demo: interrupted; nothing is left behind\n");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            eprint(&format!("steadfast demo: {error:#}\n"));
            ExitCode::from(exit::FATAL)
        }
    }
}

fn play(timeline: Timeline) -> anyhow::Result<Report> {
    let begun = timeline.begun();
    let addresses = SERVICES.iter().flat_map(|service| service.addresses).collect();
    let mut play = Play::set_up(timeline, addresses)?;
    let outcome = perform(&mut play);
    play.finish();
    match outcome {
        Ok((rows, visits)) => Ok(Report { rows, visits, took: now().since(begun) }),
        Err(error) => {
            if !error.is::<Interrupted>() {
                eprint(&play.logs());
            }
            Err(error)
        }
    }
}

fn perform(play: &mut Play) -> anyhow::Result<(Vec<Row>, Vec<VisitRow>)> {
    play.announce(
        "routers a and b and a client on one bridge; a ping of every address each millisecond",
    );
    play.announce("web-1 and web-2 behind 10.101.0.101; a request there every 10 ms");
    for web in Web::ALL {
        play.start_web(web)?;
    }
    for router in Router::ALL {
        play.start(router)?;
    }
    await_home(play, "no router took its addresses")?;
    let mut visits = break_web(play)?;
    let mut rows = Vec::new();
    for (deed, router) in SCRIPT {
        // The page moves with the addresses of a.
        let is_asked = router == Router::A;
        play.visits.begin(now(), describe(deed, router), Some(bound(deed)));
        rows.extend(fail(play, deed, router)?);
        visits.extend(play.visits.end().filter(|_| is_asked));
        play.visits.begin(now(), return_of(router.name()), None);
        rows.extend(heal(play, deed, router)?);
        visits.extend(play.visits.end().filter(|_| is_asked));
    }
    play.announce("end");
    Ok((rows, visits))
}

/// Shows both web servers, kills one, and starts it again.
fn break_web(play: &mut Play) -> anyhow::Result<Vec<VisitRow>> {
    let mut visits = Vec::new();
    let shared = play.until(now() + PATIENCE, |play, _| play.visits.are_shared())?;
    anyhow::ensure!(shared, "the web page is not served by both servers in turn");
    play.visits.begin(now(), "all is well".to_owned(), Some(Duration::ZERO));
    play.until(now() + LOOK, |_, _| false)?;
    visits.extend(play.visits.end());
    let event = format!("kill -9 of {}", VICTIM.name());
    play.timeline.write(&format!("\n-- {event}\n"));
    play.visits.begin(now(), event, Some(DETECTION));
    play.kill_web(VICTIM)?;
    play.until(now() + DETECTION + GRACE, |play, _| play.visits.are_all_of(SURVIVOR))?;
    visits.extend(play.visits.end());
    let ended = play.until(now() + GRACE, |play, _| !play.runs_web(VICTIM))?;
    anyhow::ensure!(ended, "{} does not end", VICTIM.name());
    play.visits.begin(now(), return_of(VICTIM.name()), None);
    play.announce(&format!("{} is started again", VICTIM.name()));
    play.start_web(VICTIM)?;
    let shared = play.until(now() + DETECTION + GRACE, |play, _| play.visits.are_shared())?;
    anyhow::ensure!(shared, "{} gets no requests any more", VICTIM.name());
    visits.extend(play.visits.end());
    Ok(visits)
}

fn describe(deed: Deed, router: Router) -> String {
    match deed {
        Deed::Kill => format!("kill -9 of {}", router.name()),
        Deed::Unplug => format!("link of {} down", router.name()),
        Deed::Stop => format!("{} stopped", router.name()),
    }
}

fn return_of(name: &str) -> String {
    format!("{name} comes back")
}

/// Does something to a router and watches the other one take over.
fn fail(play: &mut Play, deed: Deed, router: Router) -> anyhow::Result<Option<Row>> {
    let bound = bound(deed);
    let event = describe(deed, router);
    play.timeline.write(&format!("\n-- {event}\n"));
    play.ledger.begin(Expectation {
        event,
        moves: moves(router),
        leaver: router.mac(),
        bound: Some(bound),
    });
    match deed {
        Deed::Kill => play.kill(router)?,
        Deed::Unplug => play.set_cable(router, false)?,
        Deed::Stop => play.stop(router)?,
    }
    // Counted from the last advertisement, which lies before the event: this is ample.
    play.until(now() + bound + GRACE, |play, _| play.ledger.settled())?;
    play.until(now() + AFTERMATH, |_, _| false)?;
    Ok(play.ledger.end(now()))
}

/// Undoes it and watches the router come back.
fn heal(play: &mut Play, deed: Deed, router: Router) -> anyhow::Result<Option<Row>> {
    if deed != Deed::Unplug {
        let ended = play.until(now() + GRACE, |play, _| !play.runs(router))?;
        anyhow::ensure!(ended, "the daemon of {} does not end", router.name());
    }
    play.ledger.begin(Expectation {
        event: return_of(router.name()),
        moves: moves(router),
        leaver: router.other().mac(),
        bound: None,
    });
    match deed {
        Deed::Kill | Deed::Stop => {
            play.announce(&format!("{} is started again", router.name()));
            play.start(router)?;
        }
        Deed::Unplug => {
            play.announce(&format!("the link of {} comes up again", router.name()));
            play.set_cable(router, true)?;
        }
    }
    await_home(play, "the router did not take its addresses back")?;
    Ok(play.ledger.end(now()))
}

/// Waits until every virtual router has been with its preferred router for a while.
fn await_home(play: &mut Play, otherwise: &'static str) -> anyhow::Result<()> {
    let mut since: Option<Instant> = None;
    let home = play.until(now() + PATIENCE, |play, now| {
        let home = SERVICES.iter().all(|service| {
            Vrid::new(service.vrid)
                .is_some_and(|vrid| play.holds(now, service.home, vrid, &service.addresses))
        });
        since = if home { since.or(Some(now)) } else { None };
        since.is_some_and(|since| now.since(since) >= CALM)
    })?;
    anyhow::ensure!(home, "{otherwise} within {} s", PATIENCE.as_secs());
    Ok(())
}

/// The virtual routers that a router's failure moves.
fn moves(router: Router) -> BTreeMap<Vrid, Vec<Ipv4Addr>> {
    SERVICES
        .iter()
        .filter(|service| service.home == router)
        .filter_map(|service| Some((Vrid::new(service.vrid)?, service.addresses.to_vec())))
        .collect()
}

/// How long after the last advertisement the protocol has the other router take over: a silent router counts as
/// down after Active_Down_Interval, one that resigns after Skew_Time (RFC 3768 §6.1).
fn bound(deed: Deed) -> Duration {
    match deed {
        Deed::Kill | Deed::Unplug => {
            vrrp::active_down_interval(Version::V2, INTERVAL, SUCCESSOR, ADVERTS)
        }
        Deed::Stop => vrrp::skew_time(Version::V2, INTERVAL, SUCCESSOR),
    }
}

const SCRIPT: [(Deed, Router); 3] =
    [(Deed::Kill, Router::A), (Deed::Unplug, Router::B), (Deed::Stop, Router::A)];
const SERVICES: [Service; 2] = [
    Service {
        vrid: 1,
        home: Router::A,
        addresses: [Ipv4Addr::new(10, 101, 0, 101), Ipv4Addr::new(10, 101, 0, 102)],
    },
    Service {
        vrid: 2,
        home: Router::B,
        addresses: [Ipv4Addr::new(10, 101, 0, 107), Ipv4Addr::new(10, 101, 0, 108)],
    },
];
/// The web server that dies, and the other.
const VICTIM: Web = Web::Two;
const SURVIVOR: Web = Web::One;
/// `delay_loop` of the page, and `delay_before_retry` of its checks, which try once more.
const DETECTION: Duration = Duration::from_millis(1500);
/// How long one looks on while all is well.
const LOOK: Duration = Duration::from_millis(1000);
/// `advert_int` of the examples.
const INTERVAL: Duration = Duration::from_secs(1);
/// `priority` of the router that takes over.
const SUCCESSOR: Priority = Priority(99);
/// Advertisements that may be missed.
const ADVERTS: u8 = 3;
/// Beyond the bound, before a takeover counts as missing.
const GRACE: Duration = Duration::from_secs(3);
/// After a takeover, in which an address that moves again is still noticed.
const AFTERMATH: Duration = Duration::from_millis(300);
/// How long all must be well before something fails.
const CALM: Duration = Duration::from_millis(1100);
/// For the daemons to start and elect.
const PATIENCE: Duration = Duration::from_secs(15);

/// Below the daemons that it watches.
const CLIENT_PRIORITY: u32 = 10;
const LONGEST_RUN: std::time::Duration = std::time::Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_those_of_rfc_3768() {
        // 3 x 1 s + 157/256 s, and 157/256 s.
        assert_eq!(bound(Deed::Kill), Duration::from_nanos(3_613_281_250));
        assert_eq!(bound(Deed::Unplug), bound(Deed::Kill));
        assert_eq!(bound(Deed::Stop), Duration::from_nanos(613_281_250));
    }

    #[test]
    fn the_script_knows_the_addresses_of_the_examples() {
        let examples = [
            include_str!("../../../../examples/active-active-a.conf"),
            include_str!("../../../../examples/active-active-b.conf"),
        ];
        for service in &SERVICES {
            for example in examples {
                for address in service.addresses {
                    assert!(example.contains(&format!("{address}/22 dev eth0")));
                }
            }
        }
    }

    #[test]
    fn the_script_knows_the_web_servers_and_the_times_of_the_farm() {
        let farm = include_str!("../../../../examples/web-farm.conf");
        for web in Web::ALL {
            assert!(farm.contains(&format!("real_server {} 80 {{", web.address())));
        }
        for times in ["delay_loop 1 ", "retry 1 ", "delay_before_retry 0.5"] {
            assert!(farm.contains(times), "{times}");
        }
        assert!(farm.contains("virtual_server 10.101.0.101 80 {"));
    }
}
