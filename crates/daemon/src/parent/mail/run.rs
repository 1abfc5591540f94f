//! One run of e-mail: the courier is sent with letters, and what it says of them is heard.

use std::time::Duration;

use config::model::{LoginPassword, MailSecurity};
use control::{Credentials, Errand, Letter, Password, Report, Security, Severity};
use kernel::eventloop::{Token, now};
use kernel::process::{Child, MemoryFile};
use kernel::socket::Channel;
use rustix::process::Signal;

use super::super::Parent;
use super::super::spawning::{self, Start};
use super::{CHANNEL, PROCESS};
use crate::{compat, courier, load};

/// A courier on its way.
#[derive(Debug)]
pub(super) struct Courier {
    pub(super) child: Child,
    channel: Channel,
    /// What it said of a failure, or what it was killed for.
    pub(super) why: Option<String>,
    /// Those who get what it carries, where a letter names no others.
    recipients: Vec<String>,
}

impl Parent {
    /// The courier says something, or ended.
    pub(in super::super) fn take_mail(&mut self, token: Token) {
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

    /// Ends a courier that is still on its way, and hears what it has done so far.
    pub(in super::super) fn end_courier(&mut self) {
        if let Some(courier) = &mut self.post.courier {
            let _ = courier.child.signal(Signal::KILL);
            let _ = courier.child.wait(TIME_TO_DIE);
            self.hear_courier();
        }
        if let Some(courier) = self.post.courier.take() {
            let _ = self.events.remove(&courier.child);
            let _ = self.events.remove(&courier.channel);
            self.post.outbox.ended(now());
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
                    self.not_taken(&note.subject, "", &without);
                    if self.options.detail > 0 {
                        self.log(Severity::Info, &format!("e-mail `{}` sent", note.subject));
                    }
                }
                Ok(Report::Deferred { number, places, later, without }) => {
                    let Some(note) = self.post.outbox.put_off(now(), number) else { continue };
                    let all = note.left.as_ref().unwrap_or(&courier.recipients);
                    let places = places.into_iter().filter_map(|it| usize::try_from(it).ok());
                    let left: Vec<String> =
                        places.filter_map(|place| all.get(place).cloned()).collect();
                    let is_new = note.left.replace(left).is_none();
                    let subject = note.subject.clone();
                    self.not_taken(&subject, "", &without);
                    if is_new {
                        self.not_taken(&subject, "for now ", &later);
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

    /// Says which recipients the server did not take a letter for.
    fn not_taken(&mut self, subject: &str, how_long: &str, recipients: &[String]) {
        for recipient in recipients {
            let line = format!("e-mail `{subject}` {how_long}not taken for {recipient}");
            self.log(Severity::Warning, &line);
        }
    }

    /// A run is over.
    pub(super) fn mail_ended(&mut self, why: Option<String>) {
        let left = self.post.outbox.ended(now());
        if left.is_put_off {
            // That was said of each. A daemon that ends does not wait for another time.
            self.post.leaving = self.post.leaving.map(|_| now());
        } else if !left.pause.is_zero() {
            let server = self.addressees().mail.server.as_ref();
            let server =
                server.map_or_else(String::new, |it| format!(" by {}:{}", it.host, it.port));
            let why = why.unwrap_or_default();
            let again = if self.post.leaving.is_some() {
                String::new()
            } else {
                format!(", the next attempt is in {} s", left.pause.as_secs())
            };
            let waiting = match left.waiting {
                1 => "1 waits".to_owned(),
                many => format!("{many} wait"),
            };
            let line = format!("cannot send e-mail{server}: {why}; {waiting}{again}");
            self.log(Severity::Warning, &line);
            // There will be no other chance.
            self.post.leaving = self.post.leaving.map(|_| now());
        }
        if left.given_up > 0 {
            let letters = status::counted(left.given_up, "e-mail");
            let line = format!("{letters} given up after an hour");
            self.log(Severity::Error, &line);
        }
        let lost = std::mem::take(&mut self.post.lost);
        if lost > 0 {
            let letters = status::counted(lost, "e-mail");
            self.log(Severity::Error, &format!("{letters} lost: too many waited"));
        }
    }

    pub(super) fn send_courier(&self) -> anyhow::Result<Courier> {
        let errand = self.errand().ok_or_else(|| anyhow::anyhow!("there is no server"))?;
        let recipients = self.addressees().mail.recipients.clone();
        let memory = MemoryFile::seal("e-mail", &control::encode(&errand))?;
        let (child, channel) = Start {
            program: spawning::itself(),
            invoked_name: &self.options.invoked_name,
            arguments: vec![courier::ARGUMENT.into()],
            memory: &memory,
            namespace: None,
            process: PROCESS,
            channel: CHANNEL,
        }
        .begin(&self.events)?;
        Ok(Courier { child, channel, why: None, recipients })
    }

    /// What the next run has to do, in the words of the configuration in force.
    fn errand(&self) -> Option<Errand> {
        let mail = &self.addressees().mail;
        let server = mail.server.as_ref()?;
        let from = self.addressees().from.clone();
        let mailer = compat::program(&self.options.invoked_name);
        let head = compat::mail::Head { from: &from, to: &mail.recipients, mailer };
        let letters = self.post.outbox.away().map(|(number, note)| Letter {
            number,
            recipients: note.left.as_ref().unwrap_or(&mail.recipients).clone(),
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
            letters,
        })
    }
}

/// How long a killed courier may take to end.
const TIME_TO_DIE: Duration = Duration::from_millis(500);
