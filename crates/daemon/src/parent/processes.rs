//! Tracked processes: their starts are found by looking through `/proc`, their ends are heard at once.
//!
//! The kernel's connector for process events would tell starts as well, but not in containers, not in other network
//! namespaces, and at the price of a wake-up for every process of the host. A look takes some ten microseconds a
//! process. It is made in slices with pauses twenty-five times as long, so that no number of processes costs more than 4 %
//! of one processor; and only when something was started since the last one, or two seconds have passed, because a process
//! that is there already can take another name (see `docs/decisions/0005-process-tracking.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clock::Instant;
use config::model::{ProcessParameters, TrackProcess};
use control::{Comparison, Quorum, QuorumWatch, Severity, Sought, Verdict, Watched};
use kernel::eventloop::{Token, now};
use kernel::process::table::{self, End, Pass, Seen};

use super::Parent;

/// What is tracked, and the processes that count.
#[derive(Debug, Default)]
pub(super) struct Processes {
    tracked: BTreeMap<String, Tracked>,
    members: BTreeMap<u32, Member>,
    pass: Option<Pass>,
    /// Members that this pass has met.
    met: BTreeSet<u32>,
    /// When to look on, or whether to.
    next: Option<Instant>,
    /// When the last pass began.
    began: Instant,
    /// The number that a process was given last, and since when that is known.
    last: Option<(u32, Instant)>,
    /// Why nothing is to be seen; said once.
    blindness: Option<&'static str>,
    /// Why the last pass was not made to its end; said once.
    failure: Option<String>,
}

/// One `vrrp_track_process`.
#[derive(Debug)]
struct Tracked {
    sought: Sought,
    watch: QuorumWatch,
    members: BTreeSet<u32>,
}

/// A process that counts for somebody.
#[derive(Debug)]
struct Member {
    started: u64,
    /// Of some hundreds; the ends of others are found by looking.
    end: Option<End>,
}

impl Processes {
    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let verdicts = self.tracked.values().filter_map(|it| it.watch.deadline());
        verdicts.chain(self.next).min()
    }

    /// Whether a token is that of a process.
    pub(super) const fn owns(token: Token) -> bool {
        token.0 >= FIRST_TOKEN
    }

    /// Takes a look at a process into account; a member that is to be watched from now on is returned.
    fn see(&mut self, seen: &Seen) -> Option<u32> {
        let known = self.members.get(&seen.pid);
        let is_known = known.is_some_and(|known| known.started == seen.started);
        let mut command = None;
        let mut counts = false;
        for tracked in self.tracked.values_mut() {
            let sought = &tracked.sought;
            let mut fits = !seen.is_zombie && sought.may_be(&seen.name);
            if fits && sought.needs_command() {
                fits = match command.get_or_insert_with(|| table::command_line(seen.pid)) {
                    Ok(command) => sought.is(command),
                    // What it is is not known now: what was known of this one stays so.
                    Err(_) => is_known && tracked.members.contains(&seen.pid),
                };
            }
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
        if is_known {
            return None;
        }
        self.members.insert(seen.pid, Member { started: seen.started, end: None });
        (self.members.len() <= WATCHED).then_some(seen.pid)
    }

    fn forget(&mut self, pid: u32) {
        self.members.remove(&pid);
        for tracked in self.tracked.values_mut() {
            tracked.members.remove(&pid);
        }
    }

    /// The verdicts that change by the numbers as they are.
    fn count(&mut self, now: Instant) -> Vec<(String, Verdict)> {
        let counted = self.tracked.iter_mut().filter_map(|(name, tracked)| {
            let count = u32::try_from(tracked.members.len()).unwrap_or(u32::MAX);
            Some((name.clone(), tracked.watch.counted(now, count)?))
        });
        counted.collect()
    }
}

impl Parent {
    /// Brings what is tracked in line with the configuration in force. All are counted when this returns.
    pub(super) fn arrange_processes(&mut self) {
        let mut former = std::mem::take(&mut self.processes.tracked);
        let mut fresh = false;
        for process in &self.loaded.processes {
            let (sought, quorum) = (sought(process), quorum(process));
            let known = former.remove(&process.name);
            let tracked = match known {
                Some(mut known) if known.sought == sought => {
                    known.watch.adjust(quorum);
                    known
                }
                _ => {
                    fresh = true;
                    Tracked { sought, watch: QuorumWatch::new(quorum), members: BTreeSet::new() }
                }
            };
            self.processes.tracked.insert(process.name.clone(), tracked);
        }
        for name in former.into_keys() {
            self.lose(&Watched::Process(name));
        }
        if self.processes.tracked.is_empty() {
            self.processes = Processes::default();
            return;
        }
        if fresh {
            self.begin_pass(now());
            while self.look_on() {}
        }
        // Also another quorum over the same processes.
        self.count_processes(now());
    }

    /// Does what is due: looks on, and takes verdicts whose delay is over.
    pub(super) fn tend_processes(&mut self) {
        let begin = now();
        for (name, verdict) in self.due_verdicts(begin) {
            self.process_verdict(name, verdict);
        }
        if self.processes.next.is_none_or(|next| next > begin) {
            return;
        }
        if self.processes.pass.is_none() {
            if !self.is_worth_a_look(begin) {
                self.processes.next = Some(begin + BEAT);
                return;
            }
            self.begin_pass(begin);
        }
        self.look_on();
        self.count_processes(begin);
        let took = now().since(begin);
        if self.processes.pass.is_some() {
            self.processes.next = Some(begin + took * SHARE);
        } else {
            self.processes.next = Some((begin + took * SHARE).max(self.processes.began + BEAT));
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

    /// Whether something may have changed since the last pass that no end told.
    fn is_worth_a_look(&mut self, now: Instant) -> bool {
        if self.processes.failure.is_some() {
            return true;
        }
        let Some(pid) = table::last_pid() else { return true };
        let since = match self.processes.last {
            Some((last, since)) if last == pid => since,
            _ => now,
        };
        self.processes.last = Some((pid, since));
        // What was started a moment ago may take its name only now.
        now.since(since) < YOUNG || now.since(self.processes.began) >= LONGEST
    }

    fn begin_pass(&mut self, now: Instant) {
        let blindness = table::blindness();
        if blindness != self.processes.blindness {
            self.processes.blindness = blindness;
            if let Some(why) = blindness {
                let text = format!("track_process: {why}: what cannot be seen does not count");
                self.log(Severity::Warning, &text);
            }
        }
        let Processes { pass, met, began, next, .. } = &mut self.processes;
        let begun = Pass::begin();
        met.clear();
        *began = now;
        *next = Some(now);
        match begun {
            Ok(begun) => *pass = Some(begun),
            Err(error) => self.cannot_look(&error),
        }
    }

    /// Looks at some more processes; says whether there are still others.
    fn look_on(&mut self) -> bool {
        for _ in 0..SLICE {
            let Some(pass) = &mut self.processes.pass else { return false };
            let seen = match pass.next() {
                Some(Ok(seen)) => seen,
                Some(Err(error)) => {
                    self.cannot_look(&error);
                    return false;
                }
                None => {
                    self.end_pass();
                    return false;
                }
            };
            if let Some(pid) = self.processes.see(&seen) {
                self.watch_process(pid, &seen);
            }
        }
        true
    }

    /// A pass that is not whole says nothing of those whom it did not meet.
    fn cannot_look(&mut self, error: &std::io::Error) {
        self.processes.pass = None;
        let why = error.to_string();
        if self.processes.failure.as_ref() != Some(&why) {
            let text = format!("cannot look at processes: {why}: those that counted still do");
            self.log(Severity::Warning, &text);
            self.processes.failure = Some(why);
        }
    }

    fn end_pass(&mut self) {
        self.processes.pass = None;
        self.processes.failure = None;
        let met = std::mem::take(&mut self.processes.met);
        // One may be hidden by now, and yet its descriptor says that it lives.
        let lives = |member: &Member| member.end.as_ref().is_some_and(|end| !end.has_come());
        let members = self.processes.members.iter();
        let gone = members.filter(|(pid, member)| !met.contains(pid) && !lives(member));
        let gone: Vec<u32> = gone.map(|(pid, _)| *pid).collect();
        for pid in gone {
            self.processes.forget(pid);
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

/// Above those of programs that the daemon has started.
const FIRST_TOKEN: u64 = 1 << 40;
/// Processes that are looked at before others of this process's duties have their turn.
const SLICE: usize = 128;
/// A slice takes one part of as many of the time.
const SHARE: u32 = 25;
/// Least time from one look to the next.
const BEAT: Duration = Duration::from_millis(250);
/// How long a process that was started may take to become what it shall be.
const YOUNG: Duration = Duration::from_secs(1);
/// Longest time from one look to the next.
const LONGEST: Duration = Duration::from_secs(2);
/// Members whose end is heard at once: each takes a descriptor.
const WATCHED: usize = 256;
