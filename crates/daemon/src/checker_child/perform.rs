//! Performs what the roster puts out, in its order.

use std::time::Duration;

use clock::Instant;
use config::model::CheckKind;
use control::{About, Alert, Audience, Moved, Ran, Run, Severity, ToParent};
use health::{
    Cause, CheckId, DestinationId, Failure, FailureKind, Input, Notice, Outcome, Output, ServiceId,
    Standing, Subject, Verdict,
};

use super::catalogue::{Catalogue, Server};
use super::probes::Job;
use super::{Shell, programs, specs};
use crate::compat::balance;
use crate::compat::narration::Line;
use crate::compat::verdicts::{self, Asked, Names};

impl Shell {
    /// Performs everything that waits, and what follows from it.
    pub(super) fn perform(&mut self, now: Instant) {
        let (mut unmade, mut changes) = (Vec::new(), Vec::new());
        for output in std::mem::take(&mut self.outputs) {
            match output {
                Output::Probe { check, run, step } => {
                    if let Err(why) = self.ask(check, run, step) {
                        unmade.push((check, run, why));
                    }
                }
                Output::Cancel { check, run } => self.cancel(check, run),
                Output::Change { service, change } => changes.push((service, change)),
                Output::Noticed { service, notice } => self.narrate(service, &notice),
                Output::Notify { service, subject, to, audience, standing, is_final } => {
                    let cause = self.causes.remove(&(service, subject));
                    let cause = cause.unwrap_or_else(|| verdicts::because(to, is_final).to_owned());
                    if audience != health::Audience::Watchers || self.is_watched {
                        let how = (to == Verdict::Up, heard_by(audience), is_final);
                        self.tell_moved((service, subject), standing, how, cause);
                    }
                }
                Output::Alert { service, subject, to, check } => {
                    self.tell_alert(service, subject, to == Verdict::Up, check);
                }
            }
        }
        self.pool.follow(changes, &self.catalogue);
        for (check, run, why) in unmade {
            let outcome = Outcome::Failed(Failure { kind: FailureKind::NotMade, why });
            self.roster.handle(now, Input::Finished { check, run, outcome }, &mut self.outputs);
        }
        if !self.outputs.is_empty() {
            self.perform(now);
        }
    }

    /// Has a conversation.
    ///
    /// **Errors**: there is none to have, and why.
    fn ask(&mut self, id: CheckId, run: u32, step: u16) -> Result<(), String> {
        let check = self.catalogue.checks.get(&id).ok_or("there is no such check")?;
        // Another number for each: what answers an earlier one is no answer to this.
        let [low, high, ..] = run.wrapping_add(id.0.wrapping_mul(257)).to_le_bytes();
        let number = u16::from_le_bytes([low, high]);
        if let Some(key) = &check.program {
            let message = ToParent::Run(Run { check: id.0, run }, key.to_string());
            self.probes.wait_for(id, run, check.timeout + FAREWELL);
            // A parent that is gone ends this process at the end of its turn.
            let _ = self.startup.parent.say(&message);
            return Ok(());
        }
        let at = self.catalogue.place(check).ok_or("there is no such server")?;
        let spec = specs::spec(check.kind(), at, (step, number), &self.webs)?;
        self.probes.ask(Job { check: id, run, spec, timeout: check.timeout });
        Ok(())
    }

    fn cancel(&mut self, id: CheckId, run: u32) {
        self.probes.cancel(id, run);
        let known = Known { present: &self.catalogue, former: self.former.as_ref() };
        let check = known.find(|catalogue| catalogue.checks.get(&id));
        if check.is_some_and(|check| check.program.is_some()) {
            let _ = self.startup.parent.say(&ToParent::GiveUp(Run { check: id.0, run }));
        }
    }

    /// The program of a check has ended.
    pub(super) fn take_run(&mut self, now: Instant, Run { check, run }: Run, ran: Ran) {
        let check = CheckId(check);
        let Some(entry) = self.catalogue.checks.get(&check) else { return };
        let CheckKind::Misc(program) = entry.kind() else { return };
        let outcome = programs::outcome(program, ran);
        self.probes.cancel(check, run);
        self.roster.handle(now, Input::Finished { check, run, outcome }, &mut self.outputs);
        self.perform(now);
    }

    /// Has those told who are to be.
    fn tell_moved(
        &mut self,
        (service, subject): (ServiceId, Subject),
        Standing { up, total }: Standing,
        (is_up, audience, is_final): (bool, Audience, bool),
        cause: String,
    ) {
        let known = Known { present: &self.catalogue, former: self.former.as_ref() };
        let Some(entry) = known.find(|catalogue| catalogue.services.get(&service)) else { return };
        let (key, subject, back) = match subject {
            Subject::VirtualServer => {
                (entry.key.clone(), control::Subject::VirtualServer(entry.name.clone()), None)
            }
            Subject::RealServer(id) => {
                let server = known.find(|catalogue| catalogue.servers.get(&id));
                let Some(server) = server else { return };
                let name = format!("{} {}", server.name(), entry.name);
                let back = (server.back.address, server.back.port);
                let key = balance::server_key(&entry.key, server.back);
                (key, control::Subject::RealServer(name), Some(back))
            }
        };
        let (served, protocol) = (entry.served.clone(), entry.protocol.to_owned());
        let about = About { served, protocol, quorum: entry.quorum, up, total, back };
        let moved = Moved { key, subject, is_up, cause, audience, about, is_final };
        let _ = self.startup.parent.say(&ToParent::Moved(moved));
    }

    /// Has somebody get a letter.
    fn tell_alert(
        &mut self,
        service: ServiceId,
        subject: Subject,
        is_up: bool,
        check: Option<CheckId>,
    ) {
        let known = Known { present: &self.catalogue, former: self.former.as_ref() };
        let name = known.service(service);
        let alert = match subject {
            Subject::VirtualServer => Alert {
                subject: balance::service_subject(name, is_up),
                text: format!("=> {} <=", self.quorum_words),
            },
            Subject::RealServer(id) => Alert {
                subject: balance::server_subject(&known.server(id), name, is_up),
                text: check.and_then(|check| known.check(check)).map_or_else(
                    || format!("=> {} <=", self.order_words),
                    |asked| balance::check_text(asked.kind, is_up),
                ),
            },
        };
        let _ = self.startup.parent.say(&ToParent::Alert(alert));
    }

    fn narrate(&mut self, service: ServiceId, notice: &Notice) {
        let names = Known { present: &self.catalogue, former: self.former.as_ref() };
        if let Some(words) = verdicts::letter(service, notice, &names) {
            self.quorum_words = words;
        }
        let Some(line) = verdicts::line(service, notice, &names) else { return };
        let Line { severity, detail, text } = line;
        match notice {
            Notice::QuorumMoved { .. } => {
                let words = text.split(" for VS ").next().unwrap_or_default();
                self.causes.insert((service, Subject::VirtualServer), words.to_owned());
            }
            Notice::CheckPassed { .. } | Notice::CheckFailed { .. } => {
                text.clone_into(&mut self.check_words);
            }
            Notice::ServerMoved { destination, cause, .. } => {
                let cause = match cause {
                    Cause::Check(_) => self.check_words.clone(),
                    Cause::Order => self.order_words.clone(),
                    Cause::Reload | Cause::Removed | Cause::Shutdown => cause.to_string(),
                };
                self.causes.insert((service, Subject::RealServer(*destination)), cause);
            }
            Notice::WeightChanged { .. }
            | Notice::SorryServer { .. }
            | Notice::ServersMoved { .. }
            | Notice::Suspended { .. } => {}
        }
        if detail {
            self.startup.log.detail(|| text);
        } else {
            self.startup.log.push(severity, text);
        }
    }

    /// Says for each check that it runs, as the incumbent does.
    pub(super) fn say_who_is_checked(&mut self) {
        for check in self.catalogue.checks.keys() {
            let Some((service, server)) = self.roster.place(*check) else { continue };
            let (Some(service), Some(server)) =
                (self.catalogue.services.get(&service), self.catalogue.servers.get(&server))
            else {
                continue;
            };
            let text = verdicts::activating(&server.name(), &service.name);
            self.startup.log.push(Severity::Info, text);
        }
    }
}

const fn heard_by(audience: health::Audience) -> Audience {
    match audience {
        health::Audience::All => Audience::All,
        health::Audience::Actors => Audience::Actors,
        health::Audience::Watchers => Audience::Watchers,
    }
}

/// How long the parent may take beside the program that it runs: to end it where it must, and to say so.
const FAREWELL: Duration = Duration::from_secs(5);

/// Names by numbers, also of what a reload has just taken away.
struct Known<'a> {
    present: &'a Catalogue,
    former: Option<&'a Catalogue>,
}

impl Known<'_> {
    fn find<T>(&self, find: impl Fn(&Catalogue) -> Option<&T>) -> Option<&T> {
        find(self.present).or_else(|| self.former.and_then(find))
    }
}

impl Names for Known<'_> {
    fn service(&self, id: ServiceId) -> &str {
        self.find(|catalogue| catalogue.services.get(&id)).map_or("", |it| it.name.as_str())
    }

    fn quorum(&self, id: ServiceId) -> (u32, u32) {
        let service = self.find(|catalogue| catalogue.services.get(&id));
        service.map_or((1, 0), |it| (it.quorum, it.hysteresis))
    }

    fn server(&self, id: DestinationId) -> String {
        let server = self.find(|catalogue| catalogue.servers.get(&id));
        server.map(Server::name).unwrap_or_default()
    }

    fn is_inhibited(&self, id: DestinationId) -> bool {
        self.find(|catalogue| catalogue.servers.get(&id)).is_some_and(|it| it.is_inhibited)
    }

    fn check(&self, id: CheckId) -> Option<Asked<'_>> {
        let mut catalogues = [Some(self.present), self.former].into_iter().flatten();
        let (catalogue, check) =
            catalogues.find_map(|catalogue| Some((catalogue, catalogue.checks.get(&id)?)))?;
        Some(Asked {
            kind: check.kind(),
            target: catalogue.target(check),
            elsewhere: check.question.elsewhere.as_deref().copied(),
            retry: check.retry,
            tells_failures: check.tells_failures,
        })
    }
}
