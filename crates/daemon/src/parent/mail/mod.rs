//! E-mail: what is told, and the courier that takes it. Nothing here waits for a server.
//!
//! When a run begins, how long it may take and when it is tried again, `control::Outbox` says; names and connections
//! are the courier's, a process that lives for one run (`run.rs`).

mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clock::Instant;
use config::model::{Mail, Model};
use control::{Alert, Change, Outbox, OutboxAction, Severity, Subject, What};
use kernel::eventloop::{Token, now};
use rustix::process::Signal;

use self::run::Courier;
use super::Parent;
use super::succession::LeftLetter;
use crate::log::Stamp;
use crate::{compat, load};

/// What the configuration says of e-mail.
#[derive(Debug, Default)]
pub(super) struct Addressees {
    mail: Mail,
    /// The address that letters come from; a directory of users need not answer for it later.
    from: String,
    router: Option<String>,
    /// Who is told of; nobody where there is no server, or no recipient.
    subjects: BTreeSet<Subject>,
    /// Whether there are both.
    is_used: bool,
}

impl Addressees {
    /// Those of a configuration.
    pub(super) fn of(model: &Model) -> Self {
        let mail = model.global.mail.clone();
        let is_used = mail.server.is_some() && !mail.recipients.is_empty();
        let instances = model.instances.iter().filter(|it| it.mailed);
        let instances = instances.map(|it| Subject::Instance(it.name.clone()));
        let groups = model.groups.iter().filter(|it| it.mailed);
        let groups = groups.map(|it| Subject::Group(it.name.clone()));
        let subjects = instances.chain(groups).filter(|_| is_used).collect();
        let from = match &mail.from {
            Some(from) => from.clone(),
            None if is_used => format!("{}@{}", user(), load::host_name()),
            None => String::new(),
        };
        Self { mail, from, router: model.global.router_id.clone(), subjects, is_used }
    }

    fn include(&self, subject: &Subject) -> bool {
        self.subjects.contains(subject)
    }
}

/// E-mail that waits, and who takes it.
#[derive(Debug, Default)]
pub(super) struct Post {
    outbox: Outbox<Note>,
    /// What was told last of whom.
    pub(super) told: BTreeMap<Subject, What>,
    courier: Option<Courier>,
    /// Notes that gave way to others since that was said.
    lost: u64,
    /// Until when a daemon that ends waits for its last letters.
    leaving: Option<Instant>,
}

/// A letter before it has its headers.
#[derive(Clone, Debug)]
struct Note {
    date: String,
    subject: String,
    text: String,
    /// Those who do not have it yet, where others have.
    left: Option<Vec<String>>,
}

impl Post {
    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.outbox.deadline(), self.leaving].into_iter().flatten().min()
    }

    /// Whether a token is about the courier.
    pub(super) fn owns(token: Token) -> bool {
        token == CHANNEL || token == PROCESS
    }

    /// Whether a courier is on its way.
    pub(super) const fn is_on_its_way(&self) -> bool {
        self.courier.is_some()
    }

    /// What was not sent yet, for another program.
    pub(super) fn leave(&self) -> Vec<LeftLetter> {
        let letter = |(since, note): (Instant, &Note)| {
            let Note { date, subject, text, left } = note.clone();
            LeftLetter { since: since.as_nanos(), date, subject, text, left }
        };
        self.outbox.letters().map(letter).collect()
    }

    /// What another program has not sent.
    pub(super) fn take_over(&mut self, letter: LeftLetter) {
        let LeftLetter { since, date, subject, text, left } = letter;
        self.outbox.add(Instant::from_nanos(since), Note { date, subject, text, left });
    }

    /// Whether a daemon whose children have ended may end.
    pub(super) fn has_left(&self) -> bool {
        self.outbox.is_empty() || self.leaving.is_some_and(|until| now() >= until)
    }
}

impl Parent {
    /// What is in force of e-mail: not that of a configuration that a child may still refuse.
    fn addressees(&self) -> &Addressees {
        self.reload.former().map_or(&self.loaded.addressees, |former| &former.addressees)
    }

    /// Writes of a change, where that is wanted and was not written last.
    pub(super) fn write_of(&mut self, change: &Change) {
        let Some((subject, text)) = compat::mail::words(&change.subject, change.what) else {
            return;
        };
        // What a reload removes, the configuration before knows; what it adds, the new one.
        let known = [self.addressees(), &self.loaded.addressees];
        let Some(addressees) = known.into_iter().find(|it| it.include(&change.subject)) else {
            return;
        };
        let is_silent = change.what == What::Fault && !addressees.mail.faults;
        if is_silent || self.post.told.get(&change.subject) == Some(&change.what) {
            return;
        }
        let router = addressees.router.clone();
        self.post.told.insert(change.subject.clone(), change.what);
        self.post_letter(router, &subject, text);
    }

    /// Writes what the checker process wants to be told, where anybody gets e-mail.
    pub(super) fn write_alert(&mut self, alert: &Alert) {
        let addressees = self.addressees();
        if addressees.is_used {
            let router = addressees.router.clone();
            self.post_letter(router, &alert.subject, alert.text.clone());
        }
    }

    fn post_letter(&mut self, router: Option<String>, subject: &str, text: String) {
        let router = router.unwrap_or_else(load::host_name);
        let subject = format!("[{router}] {subject}");
        let note = Note { date: Stamp::now().mail(), subject, text, left: None };
        if self.post.outbox.add(now(), note) {
            self.post.lost = self.post.lost.saturating_add(1);
        }
    }

    /// Brings e-mail in line with the configuration in force.
    pub(super) fn arrange_mail(&mut self) {
        let addressees = &self.loaded.addressees;
        self.post.told.retain(|subject, _| addressees.include(subject));
        let recipients = &addressees.mail.recipients;
        if addressees.mail.server.is_some() && !recipients.is_empty() {
            self.post.outbox.retain(|note| {
                let Some(left) = &mut note.left else { return true };
                left.retain(|recipient| recipients.contains(recipient));
                !left.is_empty()
            });
        } else {
            let gone = self.post.outbox.clear();
            if gone > 0 {
                self.log(Severity::Warning, &format!("{gone} e-mails are not sent any more"));
            }
        }
    }

    /// Does what is due: sends a courier, or ends one that takes too long.
    pub(super) fn tend_mail(&mut self) {
        // Each step may take so long, and some of them follow each other.
        let limit = self.addressees().mail.step.saturating_mul(STEPS);
        match self.post.outbox.due(now(), limit) {
            None => {}
            Some(OutboxAction::Kill) => {
                if let Some(courier) = &mut self.post.courier {
                    courier.why = Some(format!("it took longer than {} s", limit.as_secs()));
                    let _ = courier.child.signal(Signal::KILL);
                }
            }
            Some(OutboxAction::Send) => match self.send_courier() {
                Ok(courier) => self.post.courier = Some(courier),
                Err(why) => self.mail_ended(Some(format!("cannot start a process: {why:#}"))),
            },
        }
    }

    /// The children have ended: the last letters have a moment.
    pub(super) fn leave_post(&mut self) {
        if self.post.leaving.is_none() && !self.post.outbox.is_empty() {
            self.post.leaving = Some(now() + FAREWELL);
            self.post.outbox.hurry();
        }
    }

    /// Ends a courier that is still on its way, and says what is lost.
    pub(super) fn close_post(&mut self) {
        self.end_courier();
        let lost = self.post.outbox.clear();
        if lost > 0 {
            self.log(Severity::Error, &format!("{lost} e-mails were not sent"));
        }
    }
}

/// The name of the user that this is.
fn user() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
    user.map_or_else(|| "root".to_owned(), |user| user.name)
}

const CHANNEL: Token = Token(30);
const PROCESS: Token = Token(31);
/// Steps of the configured length that one run may take altogether.
const STEPS: u32 = 4;
/// How long a daemon that ends waits for its last letters.
const FAREWELL: Duration = Duration::from_secs(3);
