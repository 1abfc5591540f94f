//! A reload as a transaction: a configuration with an error never replaces a running one.

use std::collections::BTreeMap;

use control::{Finding, Handover, Ordered, Role, Severity, ToChild, Watched};

use super::Parent;
use super::children::News;
use super::files::Beginning;
use super::loaded::Loaded;
use super::upkeep;
use super::view::today;

/// How far a reload is.
#[derive(Debug, Default)]
pub(super) enum Progress {
    /// None is running.
    #[default]
    Idle,
    /// Children have the new configuration and have not all answered.
    Running {
        /// Who still owes an answer.
        waiting: Vec<Role>,
        /// Whether another one was asked for since.
        again: bool,
        /// Why a child refused.
        refused: Option<String>,
        /// What is worth saying of the new configuration, and what changed.
        said: Vec<String>,
        /// The configuration before, for when one refuses.
        former: Box<Loaded>,
        /// Orders about real servers that end with it.
        orders: BTreeMap<String, Ordered>,
    },
}

impl Progress {
    /// Whether children still owe answers.
    pub(super) const fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }

    /// The configuration before, as long as not all have the new one.
    pub(super) fn former(&self) -> Option<&Loaded> {
        match self {
            Self::Idle => None,
            Self::Running { former, .. } => Some(former),
        }
    }
}

impl Parent {
    /// Reads the configuration again and hands it down, if it is without errors.
    pub(super) fn reload(&mut self) {
        if self.stopping.is_some() {
            return;
        }
        if let Progress::Running { again, .. } = &mut self.reload {
            *again = true;
            return;
        }
        if let Some(problem) = self.sinks.reopen() {
            self.log(Severity::Warning, &problem);
        }
        self.log(Severity::Info, "Reloading");
        self.begin_reload_for_clients();
        self.systemd.reloading();
        let marked = self.mark_reading();
        let read = Loaded::read(&self.options, self.loaded.start_options());
        self.unmark_reading(marked);
        let loaded = match read {
            Ok(mut loaded) => {
                loaded.stay_at(&self.loaded.global.place);
                loaded
            }
            Err(refusal) => {
                for line in &refusal.lines {
                    self.log(Severity::Error, line);
                }
                self.log(
                    Severity::Error,
                    "RELOAD FAILED: the running configuration stays in force",
                );
                self.answer(Outcome::Failed, refusal.lines);
                return;
            }
        };
        for line in &loaded.lines {
            self.sinks.write(&self.identity, Severity::Warning, line);
        }
        let memory = match loaded.seal(0, &Handover::default()) {
            Ok(memory) => memory,
            Err(error) => {
                self.log(Severity::Error, &format!("RELOAD FAILED: {error}"));
                self.answer(Outcome::Failed, vec![error.to_string()]);
                return;
            }
        };
        let said = loaded.lines.clone();
        let former = Box::new(std::mem::replace(&mut self.loaded, loaded));
        let waiting =
            self.children.iter().filter(|child| child.is_ready()).map(|child| child.role).collect();
        self.tell(&ToChild::Reload, Some(&memory));
        let orders = std::mem::take(&mut self.handover.orders);
        self.reload =
            Progress::Running { waiting, again: false, refused: None, said, former, orders };
        self.want_children();
        self.arrange_watched(Beginning::Wanted);
        self.end_reload();
    }

    /// A child said something that concerns the whole daemon.
    pub(super) fn learn(&mut self, news: News) {
        match &news {
            News::Contested { instance, text } => {
                return self.record_contest(instance.clone(), text.clone());
            }
            News::Changed(change) => {
                self.record(change);
                self.tell_agent(change);
                return self.changed(change);
            }
            News::Moved(moved) => return self.moved(moved),
            News::Alert(alert) => return self.write_alert(alert),
            News::Run(run, key) => return self.run_check(*run, key),
            News::GiveUp(run) => return self.give_up_check(*run),
            News::Report { role, serial, part, last } => {
                return self.take_part(*role, *serial, part, *last);
            }
            News::Tally(list) => return self.take_tally(list),
            News::Steered { serial, outcome, last } => {
                return self.take_steered(*serial, outcome.clone(), *last);
            }
            News::Gone(role, text) => {
                self.inquiries.interrupt(*role);
                match role {
                    Role::Vrrp => self.tallies.turn_over(),
                    Role::Checker => {
                        self.give_up_all_checks();
                        self.give_up_steering();
                    }
                }
                self.record_of_daemon(text);
            }
            News::Session(name, memory) => {
                match memory {
                    Some(memory) => self.handover.sessions.insert(name.clone(), *memory),
                    None => self.handover.sessions.remove(name),
                };
                let finding = if memory.is_some() { Finding::Good } else { Finding::Bad };
                self.found(Watched::Session(name.clone()), finding);
                return;
            }
            News::Numbers(numbers) => return self.handover.numbers.extend(numbers.clone()),
            News::Reloaded(..) | News::ReloadFailed(..) => {}
        }
        let Progress::Running { waiting, refused, said, .. } = &mut self.reload else { return };
        match news {
            News::Changed(_)
            | News::Moved(_)
            | News::Alert(_)
            | News::Run(..)
            | News::GiveUp(_)
            | News::Contested { .. }
            | News::Session(..)
            | News::Numbers(_)
            | News::Tally(_)
            | News::Steered { .. }
            | News::Report { .. } => {}
            News::Gone(role, _) => waiting.retain(|other| *other != role),
            News::Reloaded(role, changes) => {
                waiting.retain(|other| *other != role);
                said.extend(Some(changes).filter(|changes| !changes.is_empty()));
            }
            News::ReloadFailed(role, reason) => {
                waiting.retain(|other| *other != role);
                refused.get_or_insert(reason);
            }
        }
        self.end_reload();
    }

    fn end_reload(&mut self) {
        let Progress::Running { waiting, again, refused, said, .. } = &mut self.reload else {
            return;
        };
        if !waiting.is_empty() {
            return;
        }
        let (again, refused, mut said) = (*again, refused.take(), std::mem::take(said));
        let Progress::Running { former, orders, .. } = std::mem::take(&mut self.reload) else {
            return;
        };
        match &refused {
            None => {
                self.begin_files();
                self.end_orders(&orders);
                upkeep::apply_umask(&self.options, self.loaded.global.upkeep.umask);
                self.save_configuration();
                self.repeat_states();
                self.follow_for_sync();
                self.log(Severity::Info, "Reload finished");
            }
            Some(reason) => {
                self.log(Severity::Error, &format!("RELOAD FAILED: {reason}"));
                self.go_back(*former, orders);
                said.push(reason.clone());
            }
        }
        self.arrange_mail();
        self.arrange_agent();
        let outcome = if refused.is_some() { Outcome::Failed } else { Outcome::InForce };
        self.answer(outcome, said);
        if again {
            self.reload();
        }
    }

    /// Puts a configuration in force again that a child would not give up.
    fn go_back(&mut self, former: Loaded, orders: BTreeMap<String, Ordered>) {
        self.loaded = former;
        self.handover.orders = orders.clone();
        match self.loaded.seal(0, &Handover { orders, ..Handover::default() }) {
            Ok(memory) => self.tell(&ToChild::Reload, Some(&memory)),
            Err(error) => self.log(Severity::Error, &format!("cannot go back: {error}")),
        }
        self.want_children();
        self.arrange_watched(Beginning::Over);
    }

    /// Tells everyone that the reload is over, and what was said of it.
    fn answer(&mut self, outcome: Outcome, lines: Vec<String>) {
        let succeeded = outcome == Outcome::InForce;
        self.record_of_daemon(if succeeded { "reloaded" } else { "reload FAILED" });
        self.last_reload = Some(status::Reload { at: today(), succeeded, lines });
        self.answer_reload();
        self.systemd.ready(&self.status());
        kernel::process::give_back_memory();
    }
}

/// How a reload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The new configuration is in force.
    InForce,
    /// The old one still is.
    Failed,
}
