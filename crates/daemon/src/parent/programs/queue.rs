//! Programs that are told of changes, in order: for each instance and group the next begins when the one before has
//! ended, so that the last to run tells the last state.

use std::collections::{BTreeMap, VecDeque};

use control::Subject;
use kernel::process::Program;

/// Programs that wait for those before them.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Of each subject of which one runs: those that wait for it.
    waiting: BTreeMap<Subject, VecDeque<Program>>,
}

impl Queue {
    /// Adds a program; returns it where it may run now. Where too many wait, the oldest of them gives way: what it
    /// would tell is over.
    pub(super) fn add(&mut self, subject: &Subject, program: Program) -> Option<Program> {
        let Some(waiting) = self.waiting.get_mut(subject) else {
            self.waiting.insert(subject.clone(), VecDeque::new());
            return Some(program);
        };
        if waiting.len() >= WAITING {
            waiting.pop_front();
        }
        waiting.push_back(program);
        None
    }

    /// One ended; returns the next.
    pub(super) fn next(&mut self, subject: &Subject) -> Option<Program> {
        let next = self.waiting.get_mut(subject).and_then(VecDeque::pop_front);
        if next.is_none() {
            self.waiting.remove(subject);
        }
        next
    }

    /// What waits for each subject of which one runs.
    pub(super) fn waiting(
        &self,
    ) -> impl Iterator<Item = (&Subject, impl Iterator<Item = &Program>)> {
        self.waiting.iter().map(|(subject, waiting)| (subject, waiting.iter()))
    }

    /// One of a subject runs already, and these wait for it.
    pub(super) fn restore(&mut self, subject: Subject, waiting: impl Iterator<Item = Program>) {
        self.waiting.insert(subject, waiting.take(WAITING).collect());
    }

    /// Everything that waits, for a daemon that is about to end.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Program> + use<> {
        std::mem::take(&mut self.waiting).into_values().flatten()
    }
}

/// Programs of one instance that wait at most.
const WAITING: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str) -> Program {
        Program {
            path: name.into(),
            arguments: Vec::new(),
            identity: None,
            groups: Vec::new(),
            outlives_us: true,
        }
    }

    #[test]
    fn one_runs_at_a_time_and_the_last_state_is_told_last() {
        let mut queue = Queue::default();
        let (a, b) = (Subject::Instance("a".to_owned()), Subject::Instance("b".to_owned()));
        assert!(queue.add(&a, program("1")).is_some());
        assert!(queue.add(&a, program("2")).is_none());
        assert!(queue.add(&b, program("3")).is_some(), "another instance does not wait");
        assert_eq!(queue.next(&a).map(|it| it.path), Some("2".into()));
        assert!(queue.next(&a).is_none());
        assert!(queue.add(&a, program("4")).is_some());
    }

    #[test]
    fn a_program_that_hangs_collects_no_endless_queue() {
        let mut queue = Queue::default();
        let a = Subject::Instance("a".to_owned());
        for number in 0..100 {
            let _ = queue.add(&a, program(&number.to_string()));
        }
        // The first runs, and of the others the latest are left.
        assert_eq!(queue.next(&a).map(|it| it.path), Some("84".into()));
        assert_eq!(queue.drain().last().map(|it| it.path), Some("99".into()));
    }
}
