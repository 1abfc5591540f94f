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
            room: room.max(1),
        }
    }

    /// Has one, as soon as there is room.
    pub(super) fn ask(&mut self, job: Job) {
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
        if let Some((_, handle)) = self.running.remove(&check).filter(|(own, _)| *own == run) {
            handle.abort();
        }
        self.waiting.retain(|job| job.check != check);
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
