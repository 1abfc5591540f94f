//! E-mail: what is told, and the courier that takes it. Nothing here waits for a server.
//!
//! When a run begins, how long it may take and when it is tried again, `control::Outbox` says; names and connections
//! are the courier's, a process that lives for one run.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use clock::Instant;
use config::model::{LoginPassword, Mail, MailSecurity, Model};
use control::{
    Change, Credentials, Errand, Letter, Outbox, OutboxAction, Password, Report, Security,
    Severity, Subject, What,
};
use kernel::eventloop::{Token, now};
use kernel::process::{Child, MemoryFile, Spawn, Stdio};
use kernel::socket::Channel;
use rustix::process::Signal;

use super::Parent;
use crate::log::Stamp;
use crate::{compat, courier, load};

/// What the configuration says of e-mail.
#[derive(Debug, Default)]
pub(super) struct Addressees {
    mail: Mail,
    router: Option<String>,
    /// Who is told of; nobody where there is no server, or no recipient.
    subjects: BTreeSet<Subject>,
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
        Self { mail, router: model.global.router_id.clone(), subjects }
    }

    pub(super) fn include(&self, subject: &Subject) -> bool {
        self.subjects.contains(subject)
    }
}

/// E-mail that waits, and who takes it.
#[derive(Debug, Default)]
pub(super) struct Post {
    outbox: Outbox<Note>,
    /// What was told last of whom.
    told: BTreeMap<Subject, What>,
    courier: Option<Courier>,
    /// Notes that gave way to others since that was said.
    lost: u64,
    /// Until when a daemon that ends waits for its last letters.
    leaving: Option<Instant>,
}

/// A letter before it has its headers.
#[derive(Debug)]
struct Note {
    date: String,
    subject: String,
    text: String,
}

#[derive(Debug)]
struct Courier {
    child: Child,
    channel: Channel,
    /// What it said of a failure.
    why: Option<String>,
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

    /// Whether a daemon whose children have ended may end.
    pub(super) fn has_left(&self) -> bool {
        self.outbox.is_empty() || self.leaving.is_some_and(|until| now() >= until)
    }
}

impl Parent {
    /// Writes of a change, where that is wanted and was not written last.
    pub(super) fn write_of(&mut self, change: &Change) {
        let Some((subject, text)) = compat::mail::words(&change.subject, change.what) else {
            return;
        };
        let addressees = &self.loaded.addressees;
        let is_wanted = addressees.include(&change.subject)
            || self.reload.former().is_some_and(|it| it.addressees.include(&change.subject));
        let is_silent = change.what == What::Fault && !addressees.mail.faults;
        if !is_wanted || is_silent || self.post.told.get(&change.subject) == Some(&change.what) {
            return;
        }
        self.post.told.insert(change.subject.clone(), change.what);
        let router = addressees.router.clone().unwrap_or_else(load::host_name);
        let note =
            Note { date: Stamp::now().mail(), subject: format!("[{router}] {subject}"), text };
        if self.post.outbox.add(now(), note) {
            self.post.lost = self.post.lost.saturating_add(1);
        }
    }

    /// Brings e-mail in line with the configuration in force.
    pub(super) fn arrange_mail(&mut self) {
        let addressees = &self.loaded.addressees;
        self.post.told.retain(|subject, _| addressees.include(subject));
        if addressees.mail.server.is_none() || addressees.mail.recipients.is_empty() {
            let gone = self.post.outbox.clear();
            if gone > 0 {
                self.log(Severity::Warning, &format!("{gone} e-mails are not sent any more"));
            }
        }
    }

    /// Does what is due: sends a courier, or ends one that takes too long.
    pub(super) fn tend_mail(&mut self) {
        // Each step may take so long, and some of them follow each other.
        let limit = self.loaded.addressees.mail.step * STEPS;
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

    /// The courier says something, or ended.
    pub(super) fn take_mail(&mut self, token: Token) {
        let is_open = self.hear_courier();
        if token == CHANNEL && is_open {
            return;
        }
        if let Some(courier) = &self.post.courier
            && token == CHANNEL
        {
            // It has nothing more to say; its end is about to be told.
            let _ = self.events.remove(&courier.channel);
            return;
        }
        let ended = self.post.courier.as_mut().map(|courier| courier.child.ended());
        let how = match ended {
            None | Some(Ok(None)) => return,
            Some(Ok(Some(ended))) => ended.to_string(),
            Some(Err(error)) => error.to_string(),
        };
        if let Some(courier) = self.post.courier.take() {
            let _ = self.events.remove(&courier.child);
            let _ = self.events.remove(&courier.channel);
            self.mail_ended(Some(courier.why.unwrap_or(how)));
        }
    }

    /// Hears what the courier has said so far; says whether it may say more.
    fn hear_courier(&mut self) -> bool {
        loop {
            let Some(courier) = &mut self.post.courier else { return false };
            let report = match courier.channel.receive() {
                Ok(None) => return true,
                Ok(Some(message)) => control::decode::<Report>(&message.bytes),
                Err(_) => return false,
            };
            match report {
                Ok(Report::Delivered { number, without }) => {
                    let Some(note) = self.post.outbox.done(now(), number) else { continue };
                    for recipient in without {
                        let line = format!("e-mail `{}` not taken for {recipient}", note.subject);
                        self.log(Severity::Warning, &line);
                    }
                    if self.options.detail > 0 {
                        self.log(Severity::Info, &format!("e-mail `{}` sent", note.subject));
                    }
                }
                Ok(Report::Refused { number, why }) => {
                    let Some(note) = self.post.outbox.done(now(), number) else { continue };
                    let line = format!("e-mail `{}` refused: {why}", note.subject);
                    self.log(Severity::Error, &line);
                }
                Ok(Report::Failed { why }) => courier.why = Some(why),
                Err(error) => courier.why = Some(format!("it cannot be understood: {error}")),
            }
        }
    }

    /// A run is over.
    fn mail_ended(&mut self, why: Option<String>) {
        let left = self.post.outbox.ended(now());
        if !left.pause.is_zero() {
            let server = self.loaded.addressees.mail.server.as_ref();
            let server =
                server.map_or_else(String::new, |it| format!(" by {}:{}", it.host, it.port));
            let why = why.unwrap_or_default();
            let again = if self.post.leaving.is_some() {
                String::new()
            } else {
                format!(", the next attempt is in {} s", left.pause.as_secs())
            };
            let waiting = left.waiting;
            let line = format!("cannot send e-mail{server}: {why}; {waiting} wait{again}");
            self.log(Severity::Warning, &line);
            // There will be no other chance.
            self.post.leaving = self.post.leaving.map(|_| now());
        }
        if left.given_up > 0 {
            let line = format!("{} e-mails were given up after an hour", left.given_up);
            self.log(Severity::Error, &line);
        }
        let lost = std::mem::take(&mut self.post.lost);
        if lost > 0 {
            self.log(Severity::Error, &format!("{lost} e-mails were lost: too many waited"));
        }
    }

    fn send_courier(&self) -> anyhow::Result<Courier> {
        let errand = self.errand().ok_or_else(|| anyhow::anyhow!("there is no server"))?;
        let memory = MemoryFile::seal("e-mail", &control::encode(&errand))?;
        let (ours, theirs) = Channel::pair()?;
        let descriptors: Vec<OwnedFd> =
            vec![theirs.as_fd().try_clone_to_owned()?, memory.as_fd().try_clone_to_owned()?];
        let mut child = Spawn {
            program: "/proc/self/exe".into(),
            arg0: self.options.invoked_name.clone().into(),
            arguments: vec![courier::ARGUMENT.into()],
            without: vec!["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"],
            descriptors,
            stdio: Stdio::Inherited,
            namespace: None,
        }
        .start()?;
        let watched = self.events.add(&child, PROCESS);
        if let Err(error) = watched.and_then(|()| self.events.add(&ours, CHANNEL)) {
            // Nobody would hear of it.
            let _ = self.events.remove(&child);
            let _ = child.signal(Signal::KILL);
            let _ = child.ended();
            return Err(error.into());
        }
        Ok(Courier { child, channel: ours, why: None })
    }

    /// What the next run has to do, in the words of the configuration in force.
    fn errand(&self) -> Option<Errand> {
        let mail = &self.loaded.addressees.mail;
        let server = mail.server.as_ref()?;
        let from = mail.from.clone().unwrap_or_else(|| format!("{}@{}", user(), load::host_name()));
        let mailer = compat::program(&self.options.invoked_name);
        let head = compat::mail::Head { from: &from, to: &mail.recipients, mailer };
        let letters = self.post.outbox.away().map(|(number, note)| Letter {
            number,
            text: compat::mail::letter(&head, &note.date, &note.subject, &note.text),
        });
        let letters = letters.collect();
        Some(Errand {
            server: server.host.clone(),
            port: server.port,
            helo: mail.helo.clone().unwrap_or_else(load::host_name),
            security: match server.security {
                MailSecurity::None => Security::None,
                MailSecurity::StartTls => Security::StartTls,
                MailSecurity::Smtps => Security::Smtps,
            },
            credentials: server.login.as_ref().map(|login| Credentials {
                user: login.user.clone(),
                password: match &login.password {
                    LoginPassword::Text(secret) => Password::Text(secret.reveal().to_owned()),
                    LoginPassword::File(path) => Password::File(path.clone()),
                },
            }),
            trusted: server.trusted.clone(),
            step: mail.step,
            from,
            recipients: mail.recipients.clone(),
            letters,
        })
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
        if let Some(mut courier) = self.post.courier.take() {
            let _ = courier.child.signal(Signal::KILL);
            let _ = courier.child.ended();
        }
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
