//! What waits to be notified, in order, and what is lost of it.

use std::collections::VecDeque;

use super::Output;
use crate::VarBind;

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The oldest first.
    pub(super) waiting: VecDeque<Note>,
    /// How many were lost since nothing waited.
    missed: u64,
}

/// One notification.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) binds: Vec<VarBind>,
    /// Sessions in which it may still be sent.
    attempts: u8,
}

impl Notes {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes in a new one. Of more than fit, the oldest are lost.
    pub(super) fn push(&mut self, binds: Vec<VarBind>, outputs: &mut Vec<Output>) {
        self.waiting.push_back(Note { binds, attempts: ATTEMPTS });
        self.forget_oldest(outputs);
    }

    /// The next one to be sent.
    pub(super) fn take(&mut self) -> Option<Note> {
        let Note { binds, attempts } = self.waiting.pop_front()?;
        Some(Note { binds, attempts: attempts.saturating_sub(1) })
    }

    /// Takes back what was sent in a session that ended, and not answered: in order, before all others.
    pub(super) fn take_back(
        &mut self,
        unanswered: impl DoubleEndedIterator<Item = Note>,
        outputs: &mut Vec<Output>,
    ) {
        for note in unanswered.rev() {
            if note.attempts > 0 {
                self.waiting.push_front(note);
            } else {
                // Perhaps it is what the master dies of.
                self.miss(outputs);
            }
        }
        self.forget_oldest(outputs);
    }

    /// Nothing more is sent.
    pub(super) fn give_up(&mut self, unanswered: usize, outputs: &mut Vec<Output>) {
        let untold = u64::try_from(self.waiting.len() + unanswered).unwrap_or(u64::MAX);
        self.waiting.clear();
        self.missed = self.missed.saturating_add(untold);
        self.say_missed(outputs);
    }

    /// All others are told: says how many were lost.
    pub(super) fn say_missed(&mut self, outputs: &mut Vec<Output>) {
        let missed = core::mem::take(&mut self.missed);
        if missed > 0 {
            outputs.push(Output::Missed(missed));
        }
    }

    fn forget_oldest(&mut self, outputs: &mut Vec<Output>) {
        while self.waiting.len() > NOTES {
            self.waiting.pop_front();
            self.miss(outputs);
        }
    }

    fn miss(&mut self, outputs: &mut Vec<Output>) {
        if self.missed == 0 {
            outputs.push(Output::Missing);
        }
        self.missed = self.missed.saturating_add(1);
    }
}

/// Notifications that wait, the newest: some for each of thousands of instances.
pub(super) const NOTES: usize = 16 * 1024;
/// Sessions in which a notification is sent that the master does not answer.
const ATTEMPTS: u8 = 3;
