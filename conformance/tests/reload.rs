//! SIGHUP: nothing more than the difference.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::configuration::{Instance, file};
use conformance::flavour::Flavour;
use conformance::scenario::{SLACK, Scenario, Stage};
use conformance::subject::Subject;
use nix::sys::signal::Signal;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("an_equal_configuration_changes_nothing", EACH, unchanged),
    Scenario::new("an_equal_configuration_sends_no_packet", V3, no_packet).only(Subject::Ours),
    Scenario::new("an_equal_configuration_hastens_an_advert", V3, early_advert)
        .only(Subject::Keepalived),
    Scenario::new("an_address_added_on_both_is_announced_by_the_active", EACH, added),
    Scenario::new("an_address_removed_is_gone_and_the_other_stays", EACH, removed),
    Scenario::new("an_address_added_on_the_active_alone_leaves_one_active", V3, added_alone)
        .only(Subject::Ours),
    Scenario::new("a_raised_priority_preempts", V3, raised),
    Scenario::new("an_unclosed_brace_leaves_the_running_configuration", V3, |stage| {
        refused(stage, "vrrp_instance VI_1 {\n    interface eth0\n")
    })
    .only(Subject::Ours),
    Scenario::new("a_missing_parameter_leaves_the_running_configuration", V3, |stage| {
        let text = stage.instance(150).line("priority").render();
        refused(stage, &text)
    })
    .only(Subject::Ours),
    Scenario::new("a_missing_identifier_leaves_the_running_configuration", V3, |stage| {
        let text = stage.instance(150).render().replace("virtual_router_id 51", "");
        refused(stage, &text)
    })
    .only(Subject::Ours),
    Scenario::new("an_unclosed_brace_ends_the_incumbent", V3, |stage| {
        ended(stage, "vrrp_instance VI_1 {\n    interface eth0\n")
    })
    .only(Subject::Keepalived),
    Scenario::new("a_missing_parameter_ends_the_incumbent", V3, |stage| {
        let text = stage.instance(150).line("priority").render();
        ended(stage, &text)
    })
    .only(Subject::Keepalived),
    Scenario::new("an_unknown_keyword_is_passed_over", V3, |stage| {
        let text = stage.instance(150).line("nonsense 3").render();
        passed_over(stage, &text, "nonsense")
    }),
    Scenario::new("an_instance_taken_away_resigns", V3, taken_away),
    Scenario::new("an_instance_added_joins", V3, joined),
];

const EACH: &[Flavour] = &[Flavour::V2Pass, Flavour::V3Ipv4, Flavour::V3Ipv6];
const V3: &[Flavour] = &[Flavour::V3Ipv4];

/// No router resigned or changed its role since the marks, and `a` holds the address without a break.
struct Quiet {
    frames: conformance::stream::Mark,
    logs: [conformance::stream::Mark; 2],
}

impl Quiet {
    fn start(stage: &mut Stage) -> Result<Self> {
        let logs = [stage.lab.node("a")?.log_mark(), stage.lab.node("b")?.log_mark()];
        Ok(Self { frames: stage.lab.capture.mark(), logs })
    }

    fn check(&self, stage: &mut Stage, span: Duration) -> Result<()> {
        stage.lab.capture.expect_none("resignation or advert of b", self.frames, span, |f| {
            f.advert().is_some_and(|a| a.priority == 0 || f.node == "b")
        })?;
        for (name, mark) in ["a", "b"].into_iter().zip(self.logs) {
            for state in ["Entering MASTER", "Entering BACKUP", "Entering FAULT"] {
                stage.lab.node(name)?.expect_no_log(state, mark)?;
            }
        }
        stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)?;
        // Adverts never pause: none of the gaps is longer than the interval allows.
        let times = stage.lab.capture.adverts("a", self.frames);
        let pairs = times.iter().zip(times.iter().skip(1));
        let longest = pairs.map(|((x, _), (y, _))| y.since(*x)).max().unwrap_or_default();
        let most = stage.flavour.interval() + SLACK;
        ensure!(longest <= most, "{longest:?} between two adverts");
        Ok(())
    }
}

fn span(stage: &Stage) -> Duration {
    stage.flavour.down_interval(100) + stage.flavour.interval()
}

fn unchanged(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let quiet = Quiet::start(stage)?;
    for name in ["a", "b"] {
        stage.lab.node(name)?.signal(Signal::SIGHUP)?;
    }
    let span = span(stage);
    quiet.check(stage, span)
}

/// Adverts keep their pace through the reload, and nothing is announced again.
fn no_packet(stage: &mut Stage) -> Result<()> {
    let every = Duration::from_secs(1);
    let (a, b) = (stage.instance(150).interval(every), stage.instance(100).interval(every));
    stage.start("a", &a)?;
    stage.start("b", &b)?;
    stage.lab.expect_holders(stage.address(), &["a"], Duration::from_secs(8))?;
    // The second burst of announcements, five seconds on, must not be taken for one of the reload.
    let address = stage.address();
    let announces = |f: &conformance::packet::Frame| f.announces() == Some(address);
    let capture = &stage.lab.capture;
    let start = conformance::stream::Mark::START;
    let first = capture.expect("announcement", start, SLACK, announces)?.at;
    capture.expect("second burst", start, Duration::from_secs(7), |f| {
        announces(f) && f.at.since(first) > Duration::from_secs(3)
    })?;
    let (before, _) =
        capture.expect_advert("a", capture.mark(), Duration::from_secs(2), |_| true)?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.signal(Signal::SIGHUP)?;
    let capture = &stage.lab.capture;
    let (next, _) = capture.expect_advert("a", since, Duration::from_secs(2), |_| true)?;
    let gap = next.since(before);
    ensure!(gap > Duration::from_millis(900) && gap < every + SLACK, "next advert after {gap:?}");
    capture.expect_none("announcement", since, Duration::from_secs(1), announces)
}

/// The incumbent's Active router sends one when it is told to reload, whatever is due.
fn early_advert(stage: &mut Stage) -> Result<()> {
    let every = Duration::from_secs(2);
    let a = stage.instance(150).interval(every);
    stage.start("a", &a)?;
    stage.lab.expect_holders(stage.address(), &["a"], Duration::from_secs(12))?;
    let capture = &stage.lab.capture;
    capture.expect_advert("a", capture.mark(), Duration::from_secs(3), |_| true)?;
    let since = stage.lab.capture.mark();
    stage.lab.node("a")?.signal(Signal::SIGHUP)?;
    stage.lab.capture.expect_advert("a", since, Duration::from_secs(1), |a| a.priority == 150)?;
    Ok(())
}

/// The usual address and one more.
fn with_another(stage: &Stage, priority: u8) -> (Instance, IpAddr) {
    let (lines, address): (&[&str], IpAddr) = match stage.flavour {
        Flavour::V3Ipv6 => (
            &["fe80::10/64", "2001:db8::10/64", "2001:db8::11/64"],
            IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x11]),
        ),
        Flavour::V2 | Flavour::V2Pass | Flavour::V3Ipv4 => {
            (&["192.0.2.10/24", "192.0.2.11/24"], IpAddr::from([192, 0, 2, 11]))
        }
    };
    (stage.instance(priority).addresses(lines), address)
}

/// Both at once: while the lists differ, the incumbent hears nothing of the other.
fn added(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let quiet = Quiet::start(stage)?;
    let since = stage.lab.capture.mark();
    for (name, priority) in [("b", 100), ("a", 150)] {
        let (instance, _) = with_another(stage, priority);
        stage.lab.node(name)?.reload(&instance.render())?;
    }
    let (_, address) = with_another(stage, 150);
    stage.lab.expect_holders(address, &["a"], Duration::from_secs(2))?;
    stage.lab.capture.expect("announcement of the new address", since, SLACK, |f| {
        f.node == "a" && f.announces() == Some(address)
    })?;
    let within = stage.flavour.interval() + SLACK;
    stage.lab.capture.expect_advert("a", since, within, |a| a.addresses.contains(&address))?;
    let span = span(stage);
    quiet.check(stage, span)
}

fn removed(stage: &mut Stage) -> Result<()> {
    let (a, address) = with_another(stage, 150);
    let (b, _) = with_another(stage, 100);
    stage.elect_as(&a, &b)?;
    stage.lab.expect_holders(address, &["a"], SLACK)?;
    let quiet = Quiet::start(stage)?;
    for (name, priority) in [("b", 100), ("a", 150)] {
        let instance = stage.instance(priority);
        stage.lab.node(name)?.reload(&instance.render())?;
    }
    stage.lab.expect_holders(address, &[], Duration::from_secs(2))?;
    let span = span(stage);
    quiet.check(stage, span)
}

fn added_alone(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let quiet = Quiet::start(stage)?;
    let (instance, address) = with_another(stage, 150);
    stage.lab.node("a")?.reload(&instance.render())?;
    stage.lab.expect_holders(address, &["a"], Duration::from_secs(2))?;
    let span = span(stage);
    quiet.check(stage, span)
}

fn raised(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    let instance = stage.instance(200);
    stage.lab.node("b")?.reload(&instance.render())?;
    let within = stage.flavour.down_interval(100) + stage.flavour.interval() + SLACK * 2;
    stage.lab.capture.expect_advert("b", since, within, |a| a.priority == 200)?;
    stage.lab.expect_holders(stage.address(), &["b"], SLACK)?;
    stage.expect_calm("b", 3)
}

/// Nothing changes but the log.
fn refused(stage: &mut Stage, text: &str) -> Result<()> {
    passed_over(stage, text, "FAILED")
}

fn passed_over(stage: &mut Stage, text: &str, word: &str) -> Result<()> {
    stage.elect()?;
    let quiet = Quiet::start(stage)?;
    let log = stage.lab.node("a")?.log_mark();
    stage.lab.node("a")?.reload(text)?;
    stage.lab.node("a")?.expect_log(word, log, Duration::from_secs(2))?;
    let span = span(stage);
    quiet.check(stage, span)
}

/// The incumbent ends without a word to the others, and its addresses stay: both routers hold them.
fn ended(stage: &mut Stage, text: &str) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    let log = stage.lab.node("a")?.log_mark();
    stage.lab.node("a")?.reload(text)?;
    stage.lab.node("a")?.expect_log("permanent error CONFIG", log, Duration::from_secs(2))?;
    stage.expect_takeover("b", since, stage.flavour.down_interval(100), &["a"])?;
    let status = stage.lab.node("a")?.wait_for_exit(Duration::from_secs(5))?;
    ensure!(status.code() == Some(2), "ended with {status}");
    let sent = stage.lab.capture.adverts("a", since);
    ensure!(sent.iter().all(|(_, a)| a.priority > 0), "{sent:?}");
    Ok(())
}

/// A second instance of the same priority, on its own address.
fn second(stage: &Stage, priority: u8) -> Instance {
    stage.instance(priority).named("VI_2", 52).addresses(&["192.0.2.20/24"])
}

fn taken_away(stage: &mut Stage) -> Result<()> {
    for (name, priority) in [("a", 150), ("b", 100)] {
        let both = [stage.instance(priority), second(stage, priority)];
        stage.start_with(name, &file(&[], &both))?;
    }
    stage.settle("a", "b", 51)?;
    let address = IpAddr::from([192, 0, 2, 20]);
    stage.lab.expect_holders(address, &["a"], SLACK)?;
    let since = stage.lab.capture.mark();
    let text = stage.instance(150).render();
    stage.lab.node("a")?.reload(&text)?;
    let capture = &stage.lab.capture;
    capture.expect_advert("a", since, SLACK, |a| a.vrid == 52 && a.priority == 0)?;
    stage.lab.expect_holders(address, &["b"], stage.flavour.skew(100) + SLACK)?;
    let sent = stage.lab.capture.adverts("a", since);
    ensure!(sent.iter().all(|(_, a)| a.vrid == 52 || a.priority == 150), "{sent:?}");
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}

fn joined(stage: &mut Stage) -> Result<()> {
    stage.elect()?;
    let since = stage.lab.capture.mark();
    let both = [stage.instance(150), second(stage, 150)];
    stage.lab.node("a")?.reload(&file(&[], &both))?;
    let within = stage.flavour.down_interval(150) + SLACK;
    let capture = &stage.lab.capture;
    capture.expect_advert("a", since, within, |a| a.vrid == 52 && a.priority == 150)?;
    stage.lab.expect_holders(IpAddr::from([192, 0, 2, 20]), &["a"], SLACK)?;
    let sent = stage.lab.capture.adverts("a", since);
    ensure!(sent.iter().all(|(_, a)| a.priority == 150), "{sent:?}");
    stage.lab.expect_holders(stage.address(), &["a"], Duration::ZERO)
}
