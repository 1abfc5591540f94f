//! Conversations with real servers, as tasks. One that hangs holds up nobody: each has its own, as many as there are
//! descriptors for; what is beyond waits for its turn.

use std::collections::{BTreeMap, VecDeque};
use std::task::{Context, Poll};
use std::time::Duration;

use health::{CheckId, Failure, FailureKind, Outcome};
use probe::Spec;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

/// The conversations that are had, and those that wait.
#[derive(Debug)]
pub(super) struct Probes {
    tasks: JoinSet<Finished>,
    running: BTreeMap<CheckId, (u32, AbortHandle)>,
    waiting: VecDeque<Job>,
    /// The runs that are still wanted of those that wait.
    wanted: BTreeMap<CheckId, u32>,
    room: usize,
}

/// One to have.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) check: CheckId,
    pub(super) run: u32,
    pub(super) spec: Spec,
    /// For the whole of it, from its beginning.
    pub(super) timeout: Duration,
}

/// How one ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) check: CheckId,
    pub(super) run: u32,
    pub(super) outcome: Outcome,
}

impl Probes {
    /// None, and room for so many at a time.
    pub(super) fn new(room: usize) -> Self {
        Self {
            tasks: JoinSet::new(),
            running: BTreeMap::new(),
            waiting: VecDeque::new(),
            wanted: BTreeMap::new(),
            room: room.max(1),
        }
    }

    /// Has one, as soon as there is room.
    pub(super) fn ask(&mut self, job: Job) {
        self.wanted.insert(job.check, job.run);
        self.waiting.push_back(job);
        self.fill();
    }

    /// Waits for what somebody else does, for so long at most.
    pub(super) fn wait_for(&mut self, check: CheckId, run: u32, limit: Duration) {
        let handle = self.tasks.spawn(async move {
            tokio::time::sleep(limit).await;
            let (kind, why) = (FailureKind::TimedOut, "nobody says how it ended".to_owned());
            Finished { check, run, outcome: Outcome::Failed(Failure { kind, why }) }
        });
        self.running.insert(check, (run, handle));
    }

    /// Nobody waits for it any longer.
    pub(super) fn cancel(&mut self, check: CheckId, run: u32) {
        if self.running.get(&check).is_some_and(|(own, _)| *own == run)
            && let Some((_, handle)) = self.running.remove(&check)
        {
            handle.abort();
        }
        if self.wanted.get(&check) == Some(&run) {
            self.wanted.remove(&check);
        }
    }

    /// Those that have ended; wakes the task of `context` when another one does.
    pub(super) fn finished(&mut self, context: &mut Context<'_>) -> Vec<Finished> {
        let mut all = Vec::new();
        loop {
            while let Poll::Ready(Some(ended)) = self.tasks.poll_join_next(context) {
                // One that was given up ends without a result.
                let Ok(finished) = ended else { continue };
                let asked = self.running.get(&finished.check).map(|(run, _)| *run);
                if asked == Some(finished.run) {
                    self.running.remove(&finished.check);
                    all.push(finished);
                }
            }
            // Whoever was begun is not waited for yet.
            if !self.fill() {
                return all;
            }
        }
    }

    /// Begins what there is room for; says whether that is anything.
    fn fill(&mut self) -> bool {
        let mut begun = false;
        while self.tasks.len() < self.room {
            let Some(Job { check, run, spec, timeout }) = self.waiting.pop_front() else { break };
            if self.wanted.get(&check) != Some(&run) {
                continue;
            }
            self.wanted.remove(&check);
            let handle = self.tasks.spawn(async move {
                let outcome = probe::run(&spec, Instant::now() + timeout).await;
                Finished { check, run, outcome }
            });
            self.running.insert(check, (run, handle));
            begun = true;
        }
        begun
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::task::Waker;

    use probe::{Endpoint, TcpSpec};

    use super::*;

    /// Does something with room for one conversation at a time.
    fn with_probes(act: impl FnOnce(&mut Probes)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { act(&mut Probes::new(1)) });
    }

    fn job(check: u32, run: u32) -> Job {
        let server = SocketAddr::from(([127, 0, 0, 1], 9));
        let spec = Spec::Tcp(TcpSpec { endpoint: Endpoint::to(server) });
        Job { check: CheckId(check), run, spec, timeout: HOUR }
    }

    fn running(probes: &Probes) -> Vec<(u32, u32)> {
        probes.running.iter().map(|(check, (run, _))| (check.0, *run)).collect()
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn giving_up_one_run_leaves_another_one_of_the_check_alone() {
        with_probes(|probes| {
            probes.wait_for(CheckId(1), 2, HOUR);
            probes.cancel(CheckId(1), 1);
            assert_eq!(running(probes), [(1, 2)]);
            probes.ask(job(2, 8));
            probes.cancel(CheckId(2), 7);
            assert_eq!(probes.wanted, BTreeMap::from([(CheckId(2), 8)]));
            probes.cancel(CheckId(1), 2);
            assert_eq!(running(probes), []);
        });
    }

    #[test]
    fn what_was_given_up_while_it_waited_is_never_begun() {
        with_probes(|probes| {
            probes.wait_for(CheckId(1), 1, HOUR);
            [job(2, 1), job(3, 1), job(3, 2)].into_iter().for_each(|job| probes.ask(job));
            probes.cancel(CheckId(2), 1);
            probes.tasks = JoinSet::new();
            assert!(probes.finished(&mut Context::from_waker(Waker::noop())).is_empty());
            assert_eq!(running(probes), [(1, 1), (3, 2)]);
        });
    }

    #[test]
    fn to_give_up_all_that_wait_takes_no_look_at_all_for_each() {
        const MANY: u32 = 100_000;
        with_probes(|probes| {
            probes.wait_for(CheckId(0), 1, HOUR);
            (1..=MANY).for_each(|check| probes.ask(job(check, 1)));
            let begun = std::time::Instant::now();
            (1..=MANY).for_each(|check| probes.cancel(CheckId(check), 1));
            // A look at all of them for each takes minutes.
            assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
            assert!(probes.wanted.is_empty());
        });
    }
}
