//! What the parent is told of, for programs and pipes.

use std::time::Duration;

use clock::Instant;
use control::{Change, Subject, ToParent, What};
use vrrp::{Action, Cause, Notice, Output, Role};
use wire::Priority;

use super::Shell;
use super::names::Known;
use crate::compat::narration::{self, Names as _};

impl Shell {
    /// Tells the parent what programs and pipes may want to know.
    pub(super) fn tell_changes(&mut self, now: Instant, output: &Output) {
        if self.is_told_already(now, output) {
            return;
        }
        let Some(change) = self.change(output) else { return };
        if let Some(withheld) = &mut self.withheld {
            // Priorities are what they were, as far as the parent knows.
            if is_state(change.what) {
                withheld.insert(change.subject.clone(), change);
            }
            return;
        }
        // A parent that is gone is noticed at the end of the turn.
        let _ = self.startup.parent.say(&ToParent::Changed(change));
    }

    /// Tells what came of the start of a process that goes on where another one ended: only what is otherwise than that
    /// one told is news.
    pub(super) fn tell_withheld(&mut self) {
        let Some(withheld) = self.withheld.take() else { return };
        let told = std::mem::take(&mut self.startup.options.handover.roles);
        for (subject, change) in withheld {
            if told.get(&subject) != Some(&change.what) {
                let _ = self.startup.parent.say(&ToParent::Changed(change));
            }
        }
    }

    /// Whether a lower priority was told a moment ago: a host on the LAN decides how often one is heard, and each
    /// may start a program.
    fn is_told_already(&mut self, now: Instant, output: &Output) -> bool {
        let Output::Instance { instance, action } = output else { return false };
        let Action::Noticed(Notice::LowerContested { .. }) = action else { return false };
        let told = self.contested.insert(*instance, now);
        let recently = told.filter(|told| now.since(*told) < CONTESTED_PAUSE);
        if let Some(told) = recently {
            self.contested.insert(*instance, told);
        }
        recently.is_some()
    }

    fn change(&self, output: &Output) -> Option<Change> {
        let names = Known {
            settled: &self.settled,
            former: self.former.as_ref(),
            trackers: &self.trackers,
        };
        match output {
            Output::Group { group, to, .. } => {
                let subject = Subject::Group(names.group(*group).to_owned());
                Some(Change { subject, what: of_role(*to)?, priority: 0, cause: String::new() })
            }
            Output::Instance { instance, action } => {
                let what = match action {
                    Action::Transitioned {
                        to: Role::Initialize, cause: Cause::Removed, ..
                    } => What::Deleted,
                    Action::Transitioned {
                        to: Role::Initialize, cause: Cause::Restarted, ..
                    } => {
                        return None;
                    }
                    Action::Transitioned { to, .. } => of_role(*to)?,
                    Action::PriorityChanged { .. } => match self.election.role(*instance)? {
                        Role::Active => What::ActivePriority,
                        Role::Backup | Role::Fault | Role::Initialize => What::BackupPriority,
                    },
                    Action::Noticed(Notice::LowerContested { .. }) => What::LowerPriority,
                    Action::Advertise { .. }
                    | Action::Assume
                    | Action::Release
                    | Action::Announce { .. }
                    | Action::Noticed(_) => return None,
                };
                let known = self.election.effective_priority(*instance).unwrap_or(Priority(0));
                let priority =
                    if let Action::PriorityChanged { to, .. } = action { *to } else { known };
                let subject = Subject::Instance(names.instance(*instance).to_owned());
                let cause = if let Action::Transitioned { cause, .. } = action {
                    narration::because(*instance, cause, &names)
                } else {
                    String::new()
                };
                Some(Change { subject, what, priority: priority.0, cause })
            }
        }
    }
}

/// Least time between two tellings of a lower priority: less than the usual interval, whose every advert is told.
const CONTESTED_PAUSE: Duration = Duration::from_millis(500);

const fn is_state(what: What) -> bool {
    match what {
        What::Active | What::Backup | What::Fault | What::Stopped | What::Deleted => true,
        What::LowerPriority | What::ActivePriority | What::BackupPriority => false,
    }
}

const fn of_role(role: Role) -> Option<What> {
    Some(match role {
        Role::Active => What::Active,
        Role::Backup => What::Backup,
        Role::Fault => What::Fault,
        Role::Initialize => What::Stopped,
    })
}
