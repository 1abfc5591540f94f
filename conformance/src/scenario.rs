//! A scenario: a story told once and played by every subject that it fits.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::configuration::Instance;
use crate::flavour::Flavour;
use crate::lab::Lab;
use crate::moment::Moment;
use crate::packet::Advert;
use crate::stream::Mark;
use crate::subject::{Pair, Subject};

/// A story and whom it is for.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// A sentence, with underscores.
    pub name: &'static str,
    /// The story.
    pub play: fn(&mut Stage) -> Result<()>,
    /// The kinds of VRRP to repeat it for.
    pub flavours: &'static [Flavour],
    /// Whether the two routers may also run different daemons.
    pub mixed: bool,
    /// Only for this one, where the two differ on purpose.
    pub only: Option<Subject>,
    /// Only where ours plays this router.
    pub ours: Option<&'static str>,
    /// Why ours cannot play it yet.
    pub gap: Option<&'static str>,
    /// Whether a user namespace is not enough: there nobody may leave his groups, as a starter of scripts does.
    pub privileged: bool,
    /// What it needs beside its cast: why that is not to be had, where it is not.
    pub needs: Option<fn() -> Result<(), String>>,
    /// The routers of its lab; all but the first run the second daemon of a mixed pair.
    pub routers: &'static [&'static str],
}

impl Scenario {
    /// A story for either daemon alone, in one kind of VRRP.
    #[must_use]
    pub const fn new(
        name: &'static str,
        flavours: &'static [Flavour],
        play: fn(&mut Stage) -> Result<()>,
    ) -> Self {
        Self {
            name,
            play,
            flavours,
            mixed: false,
            only: None,
            ours: None,
            gap: None,
            privileged: false,
            needs: None,
            routers: &["a", "b"],
        }
    }

    /// Also with one daemon of each kind, in both arrangements.
    #[must_use]
    pub const fn mixed(mut self) -> Self {
        self.mixed = true;
        self
    }

    /// For one daemon alone.
    #[must_use]
    pub const fn only(mut self, subject: Subject) -> Self {
        self.only = Some(subject);
        self
    }

    /// Only where ours plays this router, whoever plays the others.
    #[must_use]
    pub const fn ours_at(mut self, router: &'static str) -> Self {
        self.ours = Some(router);
        self
    }

    /// Not played by ours, for this reason.
    #[must_use]
    pub const fn gap(mut self, reason: &'static str) -> Self {
        self.gap = Some(reason);
        self
    }

    /// Only as root.
    #[must_use]
    pub const fn privileged(mut self) -> Self {
        self.privileged = true;
        self
    }

    /// Only where this is to be had.
    #[must_use]
    pub const fn needing(mut self, what: fn() -> Result<(), String>) -> Self {
        self.needs = Some(what);
        self
    }

    /// With a third router `c`.
    #[must_use]
    pub const fn three(mut self) -> Self {
        self.routers = &["a", "b", "c"];
        self
    }

    /// Builds a lab of its routers, plays the story there and tells what happened if it fails.
    ///
    /// # Errors
    /// When the story does not go as told.
    pub fn run(&self, pair: Pair, flavour: Flavour) -> Result<()> {
        let lab = Lab::build(self.routers).context("build lab")?;
        let mut stage = Stage { lab, pair, flavour };
        (self.play)(&mut stage).map_err(|error| {
            let report = stage.lab.report();
            anyhow::anyhow!("{error:#}\n{report}")
        })
    }
}

/// A lab with its cast.
#[derive(Debug)]
pub struct Stage {
    /// The lab.
    pub lab: Lab,
    /// Who plays the routers.
    pub pair: Pair,
    /// The kind of VRRP.
    pub flavour: Flavour,
}

impl Stage {
    /// An instance of this kind of VRRP.
    #[must_use]
    pub fn instance(&self, priority: u8) -> Instance {
        Instance::new(self.flavour, priority)
    }

    /// The virtual address that instances of this kind have.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.flavour.address()
    }

    /// The daemon of node `name`.
    #[must_use]
    pub fn subject(&self, name: &str) -> Subject {
        if name == "a" { self.pair.a } else { self.pair.b }
    }

    /// Starts the daemon of node `name` with `instance` alone.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&mut self, name: &str, instance: &Instance) -> Result<()> {
        self.start_with(name, &instance.render())
    }

    /// Starts the daemon of node `name` with a whole configuration.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_with(&mut self, name: &str, configuration: &str) -> Result<()> {
        let subject = self.subject(name);
        self.lab.node(name)?.start(subject, configuration)
    }

    /// Starts `a` with priority 150 and `b` with 100 and waits until `a` is Active and `b` stands by.
    ///
    /// # Errors
    /// When that does not come about in its time.
    pub fn elect(&mut self) -> Result<()> {
        let (a, b) = (self.instance(150), self.instance(100));
        self.elect_as(&a, &b)
    }

    /// As [`Self::elect`] with these instances, of which the first must win.
    ///
    /// # Errors
    /// As [`Self::elect`].
    pub fn elect_as(&mut self, a: &Instance, b: &Instance) -> Result<()> {
        self.start("a", a)?;
        self.start("b", b)?;
        self.settle("a", "b", a.vrid)
    }

    /// Waits until `active` holds the address and advertises, and `backup` has logged that it stands by.
    ///
    /// # Errors
    /// When that does not come about in the time of an election.
    pub fn settle(&mut self, active: &str, backup: &str, vrid: u8) -> Result<()> {
        let within = self.flavour.down_interval(1) * 2 + START;
        // What a daemon before it sent is no sign of this one.
        let (begun, _) = self.lab.node(active)?.begun()?;
        let what = format!("advertisement of {active}");
        self.lab.capture.expect(&what, Mark::START, within, |f| {
            f.node == active
                && f.at >= begun
                && f.advert().is_some_and(|it| it.vrid == vrid && it.priority > 0)
        })?;
        let node = self.lab.node(backup)?;
        node.expect_log("Entering BACKUP STATE", node.begun()?.1, within)?;
        // One more advertisement, so that the other one has surely heard one: if both became Active, it yields.
        self.fresh_advert(active)?;
        self.lab.expect_holders(self.address(), &[active], within)
    }

    /// The next advertisement that `node` sends from now on.
    ///
    /// # Errors
    /// When none comes in an interval.
    pub fn fresh_advert(&self, node: &str) -> Result<(Moment, Advert)> {
        let within = self.flavour.interval() + SLACK;
        let capture = &self.lab.capture;
        capture.expect_advert(node, capture.mark(), within, |a| a.priority > 0)
    }

    /// Checks that `node` takes over `bound` after the last advertisement that another router sent from `since` on:
    /// its own first one, the announcement of the address, the address itself, and no holder beside it but `others`.
    ///
    /// # Errors
    /// When it comes too early, too late, or not whole.
    pub fn expect_takeover(
        &self,
        node: &str,
        since: Mark,
        bound: Duration,
        others: &[&str],
    ) -> Result<()> {
        let capture = &self.lab.capture;
        let within = bound + self.flavour.interval() + SLACK;
        let family = self.address().is_ipv4();
        let wanted = |a: &Advert| a.source.is_ipv4() == family;
        let (first, its) =
            capture.expect_advert(node, since, within, |a| wanted(a) && a.priority > 0)?;
        let last = capture
            .since(Mark::START)
            .iter()
            .filter(|f| f.node != node && f.at < first)
            .filter(|f| f.advert().is_some_and(|a| wanted(a) && a.vrid == its.vrid))
            .map(|f| f.at)
            .max()
            .context("nobody advertised before")?;
        let took = first.since(last);
        ensure!(took + EARLY >= bound, "{node} took over after {took:?}, before {bound:?}");
        ensure!(took <= bound + SLACK, "{node} took over after {took:?}, expected {bound:?}");
        let address = self.address();
        let announced = capture.expect("announcement", since, SLACK, |f| {
            f.node == node && f.announces() == Some(address)
        })?;
        let took = announced.at.since(last);
        ensure!(took <= bound + SLACK, "{node} announced after {took:?}, expected {bound:?}");
        let mut names = vec![node];
        names.extend(others);
        names.sort_unstable();
        self.lab.expect_holders(address, &names, SLACK)
    }

    /// Waits until nothing has changed for `intervals` advert intervals: only `active` advertised meanwhile.
    ///
    /// # Errors
    /// With the frame of another router, or when `active` fell silent.
    pub fn expect_calm(&self, active: &str, intervals: u32) -> Result<()> {
        let capture = &self.lab.capture;
        let since = capture.mark();
        let span = self.flavour.interval() * intervals;
        capture.expect_none("advertisement", since, span, |f| {
            f.advert().is_some_and(|a| f.node != active || a.priority == 0)
        })?;
        let heard = capture.adverts(active, since).len();
        let due = usize::try_from(intervals)?;
        ensure!(heard + 1 >= due && heard <= due + 2, "{active} sent {heard} of {due} adverts");
        Ok(())
    }
}

/// What a timing may be late on a busy machine.
pub const SLACK: Duration = Duration::from_millis(500);
/// What a timing may seem early: the two ends are stamped apart from each other.
pub const EARLY: Duration = Duration::from_millis(15);
/// Time for a daemon to read its configuration and open its sockets.
pub const START: Duration = Duration::from_secs(3);
