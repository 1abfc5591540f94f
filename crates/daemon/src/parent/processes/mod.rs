//! Tracked processes: their starts are found by looking through `/proc`, their ends are heard at once.
//!
//! The kernel's connector for process events would tell starts as well, but not in containers, not in other network
//! namespaces, and at the price of a wake-up for every process of the host. Who looks is a thread (`look.rs`); what it
//! meets is counted here, where descriptors tell of ends.

mod look;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clock::Instant;
use config::model::{ProcessParameters, TrackProcess};
use control::{Comparison, Finding, Quorum, QuorumWatch, Severity, Sought, Verdict, Watched};
use kernel::eventloop::{Token, now};
use kernel::process::table::{End, Seen};

use self::look::{Look, Met, Orders, What, Who};
use super::Parent;
use super::lookout::{Lookout, News};

/// What is tracked, and the processes that count.
#[derive(Debug, Default)]
pub(super) struct Processes {
    tracked: BTreeMap<String, Tracked>,
    members: BTreeMap<u32, Member>,
    /// There with the first that is tracked.
    lookout: Option<Lookout<Orders, Who, Look>>,
    /// Of the last orders, and what was sought by them, in order.
    serial: u64,
    sought: Vec<(String, Sought)>,
    /// Whose command lines cannot be read for now.
    left_alone: BTreeSet<Who>,
    /// Members that this pass has met.
    met: BTreeSet<u32>,
    /// Why nothing is to be seen; said once.
    blindness: Option<&'static str>,
    /// Why the last pass was not made to its end; said once.
    failure: Option<String>,
    /// When orders are given again that could not be given.
    again: Option<Instant>,
}

/// One `vrrp_track_process`.
#[derive(Debug)]
struct Tracked {
    sought: Sought,
    watch: QuorumWatch,
    members: BTreeSet<u32>,
    /// Whether a pass has met all of them.
    is_counted: bool,
}

/// A process that counts for somebody.
#[derive(Debug)]
struct Member {
    started: u64,
    /// Of some hundreds; the ends of others are found by looking.
    end: Option<End>,
}

impl Processes {
    /// Whether a look hangs.
    pub(super) fn hang(&self) -> bool {
        self.lookout.as_ref().is_some_and(Lookout::has_left_one)
    }

    /// How many run of each kind.
    pub(super) fn counted(&self) -> BTreeMap<String, u32> {
        let count = |it: &Tracked| u32::try_from(it.members.len()).unwrap_or(u32::MAX);
        self.tracked.iter().map(|(name, tracked)| (name.clone(), count(tracked))).collect()
    }

    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let verdicts = self.tracked.values().filter_map(|it| it.watch.deadline());
        let lookout = self.lookout.as_ref().and_then(Lookout::deadline);
        verdicts.chain(lookout).chain(self.again).min()
    }

    /// Whether a token is that of a process.
    pub(super) const fn owns(token: Token) -> bool {
        token.0 >= FIRST_TOKEN
    }

    /// Takes a process into account that was met; a member that is to be watched from now on is returned.
    fn see(&mut self, met: &Met) -> Option<u32> {
        let Met { seen, is, may_be } = met;
        let known = self.members.get(&seen.pid);
        let is_known = known.is_some_and(|known| known.started == seen.started);
        let mut counts = false;
        for (place, (name, _)) in self.sought.iter().enumerate() {
            let Some(tracked) = self.tracked.get_mut(name) else { continue };
            // Where that cannot be told now, what was known of this one stays so.
            let stays = || is_known && tracked.members.contains(&seen.pid);
            let fits = is.contains(&place) || may_be.contains(&place) && stays();
            if fits {
                tracked.members.insert(seen.pid);
            } else {
                tracked.members.remove(&seen.pid);
            }
            counts |= fits;
        }
        if !counts {
            self.members.remove(&seen.pid);
            return None;
        }
        self.met.insert(seen.pid);
        if !is_known {
            self.members.insert(seen.pid, Member { started: seen.started, end: None });
        }
        let is_watched = self.members.get(&seen.pid).is_some_and(|member| member.end.is_some());
        (!is_watched && self.members.len() <= WATCHED).then_some(seen.pid)
    }

    fn forget(&mut self, pid: u32) {
        self.members.remove(&pid);
        for tracked in self.tracked.values_mut() {
            tracked.members.remove(&pid);
        }
    }

    /// A pass met all: who was not met is gone.
    fn end_pass(&mut self) {
        self.failure = None;
        let met = std::mem::take(&mut self.met);
        // One may be hidden by now, and yet its descriptor says that it lives.
        let lives = |member: &Member| member.end.as_ref().is_some_and(|end| !end.has_come());
        let members = self.members.iter();
        let gone = members.filter(|(pid, member)| !met.contains(pid) && !lives(member));
        let gone: Vec<u32> = gone.map(|(pid, _)| *pid).collect();
        for pid in gone {
            self.forget(pid);
        }
        self.tracked.values_mut().for_each(|tracked| tracked.is_counted = true);
    }

    /// The verdicts that change by the numbers as they are.
    fn count(&mut self, now: Instant) -> Vec<(String, Verdict)> {
        let counted = self.tracked.iter_mut().filter(|(_, tracked)| tracked.is_counted);
        let counted = counted.filter_map(|(name, tracked)| {
            let count = u32::try_from(tracked.members.len()).unwrap_or(u32::MAX);
            Some((name.clone(), tracked.watch.counted(now, count)?))
        });
        counted.collect()
    }
}

impl Parent {
    /// Brings what is tracked in line with the configuration in force. All are counted when this returns, where that
    /// takes no time.
    pub(super) fn arrange_processes(&mut self) {
        let mut former = std::mem::take(&mut self.processes.tracked);
        for process in &self.loaded.processes {
            let (sought, quorum) = (sought(process), quorum(process));
            let tracked = match former.remove(&process.name) {
                Some(mut known) if known.sought == sought => {
                    known.watch.adjust(quorum);
                    known
                }
                other => {
                    // What a program before this one found out about it.
                    let left = Watched::Process(process.name.clone());
                    let left = self.handover.findings.get(&left).filter(|_| other.is_none());
                    let watch = match left.copied() {
                        Some(Finding::Good) => QuorumWatch::known(quorum, Verdict::Good),
                        Some(Finding::Bad) => QuorumWatch::known(quorum, Verdict::Bad),
                        Some(Finding::Value(_)) | None => QuorumWatch::new(quorum),
                    };
                    Tracked { sought, watch, members: BTreeSet::new(), is_counted: false }
                }
            };
            self.processes.tracked.insert(process.name.clone(), tracked);
        }
        for name in former.into_keys() {
            self.lose(&Watched::Process(name));
        }
        let tracked = self.processes.tracked.iter();
        let sought: Vec<_> = tracked.map(|(name, it)| (name.clone(), it.sought.clone())).collect();
        if sought != self.processes.sought {
            self.processes.sought = sought;
            self.order_processes();
        }
        let until = now() + self.settling();
        let waits = |it: &Processes| it.tracked.values().any(|tracked| !tracked.is_counted);
        while waits(&self.processes) && now() < until {
            let Some(lookout) = &self.processes.lookout else { break };
            lookout.wait(until);
            self.take_processes();
        }
        // Also another quorum over the same processes.
        self.count_processes(now());
    }

    /// Has processes looked at.
    fn order_processes(&mut self) {
        self.processes.again = None;
        self.processes.serial += 1;
        if self.processes.tracked.is_empty() {
            self.processes.members.clear();
            self.processes.lookout.as_mut().into_iter().for_each(Lookout::dismiss);
            return;
        }
        let Processes { sought, members, left_alone, .. } = &self.processes;
        let orders = Orders {
            serial: self.processes.serial,
            sought: sought.iter().map(|(_, sought)| sought.clone()).collect(),
            members: members.keys().copied().collect(),
            left_alone: left_alone.clone(),
        };
        let (place, events) = (&mut self.processes.lookout, &self.events);
        let sent = Lookout::send(place, events, PROCESSES, "processes", look::duty, orders);
        if let Err(error) = sent {
            self.cannot_look(&error.to_string());
            self.processes.again = Some(now() + AGAIN);
        }
    }

    /// Does what is due: takes verdicts whose delay is over, and leaves alone what hangs.
    pub(super) fn tend_processes(&mut self) {
        let now = now();
        for (name, verdict) in self.due_verdicts(now) {
            self.process_verdict(name, verdict);
        }
        let late = self.processes.lookout.as_mut().and_then(|lookout| lookout.late(now));
        if let Some(who) = late {
            let pid = who.0;
            let text =
                format!("process {pid}: reading its command line hangs: it counts as it did");
            self.log(Severity::Warning, &format!("track_process: {text}"));
            self.processes.left_alone.insert(who);
            self.order_processes();
        } else if self.processes.again.is_some_and(|again| again <= now) {
            self.order_processes();
        }
    }

    /// There is news of processes.
    pub(super) fn take_processes(&mut self) {
        let Some(lookout) = &mut self.processes.lookout else { return };
        for news in lookout.news() {
            match news {
                News::Told(look) if look.serial == self.processes.serial => {
                    self.take_pass(look.what)
                }
                News::Told(_) => {}
                News::Back(who) => {
                    if self.processes.left_alone.remove(&who) {
                        self.order_processes();
                    }
                }
            }
        }
    }

    fn take_pass(&mut self, what: What) {
        match what {
            What::Begun(blindness) => {
                self.processes.met.clear();
                let known = std::mem::replace(&mut self.processes.blindness, blindness);
                if let Some(why) = blindness.filter(|_| blindness != known) {
                    let text = format!("track_process: {why}: what cannot be seen does not count");
                    self.log(Severity::Warning, &text);
                }
            }
            What::Met(all) => {
                for met in all {
                    if let Some(pid) = self.processes.see(&met) {
                        self.watch_process(pid, &met.seen);
                    }
                }
                self.count_processes(now());
            }
            What::Ended => {
                self.processes.end_pass();
                self.count_processes(now());
            }
            // A pass that is not whole says nothing of those whom it did not meet.
            What::Failed(error) => self.cannot_look(&error.to_string()),
        }
    }

    fn cannot_look(&mut self, why: &str) {
        if self.processes.failure.as_deref() != Some(why) {
            let text = format!("cannot look at processes: {why}: those that counted still do");
            self.log(Severity::Warning, &text);
            self.processes.failure = Some(why.to_owned());
        }
    }

    /// A process ended.
    pub(super) fn process_ended(&mut self, token: Token) {
        let Ok(pid) = u32::try_from(token.0.saturating_sub(FIRST_TOKEN)) else { return };
        let end = self.processes.members.get(&pid).and_then(|member| member.end.as_ref());
        if end.is_some_and(End::has_come) {
            // The descriptor leaves the loop when it is closed.
            self.processes.forget(pid);
            self.count_processes(now());
        }
    }

    fn watch_process(&mut self, pid: u32, seen: &Seen) {
        let token = Token(FIRST_TOKEN + u64::from(pid));
        match End::of(seen) {
            Ok(Some(end)) => {
                if let Some(member) = self.processes.members.get_mut(&pid)
                    && self.events.add(&end, token).is_ok()
                {
                    member.end = Some(end);
                }
            }
            Ok(None) => self.processes.forget(pid),
            // Its end is found by looking.
            Err(_) => {}
        }
    }

    fn due_verdicts(&mut self, now: Instant) -> Vec<(String, Verdict)> {
        let tracked = self.processes.tracked.iter_mut();
        tracked.filter_map(|(name, it)| Some((name.clone(), it.watch.due(now)?))).collect()
    }

    fn count_processes(&mut self, now: Instant) {
        for (name, verdict) in self.processes.count(now) {
            self.process_verdict(name, verdict);
        }
    }

    fn process_verdict(&mut self, name: String, verdict: Verdict) {
        match verdict {
            Verdict::Good => {
                self.log(Severity::Info, &format!("Quorum gained for tracked process {name}"));
            }
            Verdict::Bad => {
                self.log(Severity::Warning, &format!("Quorum lost for tracked process {name}"));
            }
        }
        self.found(Watched::Process(name), verdict.into());
    }
}

fn sought(process: &TrackProcess) -> Sought {
    let mut words = process.words.iter().cloned();
    Sought {
        name: words.next().unwrap_or_default(),
        full_command: process.full_command,
        parameters: words.collect(),
        comparison: match process.parameters {
            ProcessParameters::Any => Comparison::Any,
            ProcessParameters::Exact => Comparison::Exact,
            ProcessParameters::Partial => Comparison::Partial,
            ProcessParameters::Initial => Comparison::Initial,
        },
    }
}

fn quorum(process: &TrackProcess) -> Quorum {
    Quorum {
        least: process.quorum,
        most: process.quorum_max,
        fork_delay: process.fork_delay,
        terminate_delay: process.terminate_delay,
    }
}

pub(super) const PROCESSES: Token = Token(5);
/// Above those of programs that the daemon has started.
const FIRST_TOKEN: u64 = 1 << 40;
/// Members whose end is heard at once: each takes a descriptor.
const WATCHED: usize = 256;
/// After which time orders are given again that could not be.
const AGAIN: Duration = Duration::from_secs(5);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic fails the test, as it should")]
mod tests {
    use super::*;

    fn tracking() -> Processes {
        let (name, parameters, comparison) = ("x".to_owned(), Vec::new(), Comparison::Any);
        let sought = Sought { name, full_command: true, parameters, comparison };
        let (fork_delay, terminate_delay) = (Duration::ZERO, Duration::ZERO);
        let quorum = Quorum { least: 1, most: None, fork_delay, terminate_delay };
        let (watch, members) = (QuorumWatch::new(quorum), BTreeSet::new());
        let tracked = Tracked { sought: sought.clone(), watch, members, is_counted: false };
        Processes {
            tracked: BTreeMap::from([("p".to_owned(), tracked)]),
            sought: vec![("p".to_owned(), sought)],
            ..Processes::default()
        }
    }

    fn met(started: u64, is: bool, may_be: bool) -> Met {
        let seen = Seen { pid: 7, started, name: b"x".to_vec(), is_zombie: false };
        let place = |wanted: bool| wanted.then_some(0).into_iter().collect();
        Met { seen, is: place(is), may_be: place(may_be) }
    }

    fn count(processes: &Processes) -> usize {
        processes.tracked.values().map(|tracked| tracked.members.len()).sum()
    }

    #[test]
    fn a_process_of_which_nothing_can_be_told_counts_as_it_did() {
        let mut processes = tracking();
        assert_eq!(processes.see(&met(1, false, true)), None);
        assert_eq!(count(&processes), 0);
        assert_eq!(processes.see(&met(1, true, false)), Some(7));
        processes.see(&met(1, false, true));
        assert_eq!(count(&processes), 1);
        // Another one of that number.
        assert_eq!(processes.see(&met(2, false, true)), None);
        assert_eq!((count(&processes), processes.members.len()), (0, 0));
        // One that took another name.
        processes.see(&met(2, true, false));
        processes.see(&met(2, false, false));
        assert_eq!((count(&processes), processes.members.len()), (0, 0));
    }

    #[test]
    fn who_was_not_met_is_gone_unless_his_descriptor_says_that_he_lives() {
        let mut processes = tracking();
        let own = kernel::process::table::look_at(std::process::id()).unwrap().unwrap();
        processes.see(&met(1, true, false));
        processes.see(&Met { seen: own.clone(), ..met(1, true, false) });
        processes.members.get_mut(&own.pid).unwrap().end = End::of(&own).unwrap();
        processes.met.clear();
        processes.end_pass();
        assert_eq!(processes.members.keys().copied().collect::<Vec<u32>>(), [own.pid]);
        assert_eq!(count(&processes), 1);
    }

    #[test]
    fn nothing_is_said_before_all_were_counted() {
        let mut processes = tracking();
        assert_eq!(processes.count(now()), []);
        processes.see(&met(1, true, false));
        assert_eq!(processes.count(now()), []);
        processes.end_pass();
        assert_eq!(processes.count(now()), [("p".to_owned(), Verdict::Good)]);
    }
}
