//! Asking the VRRP process how everything stands.
//!
//! One question at a time: who asks while one is under way is answered by the next, together with all others that
//! wait. A process that dies meanwhile is asked again when its successor works.

use std::sync::Arc;
use std::time::Duration;

use clock::Instant;
use control::{Role, Severity, ToChild};
use kernel::eventloop::now;
use status::{Counters, Instance, Item, Report};

use super::Parent;
use super::control_socket::Client;
use crate::compat::dump::Dump;

/// Who wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// Somebody at the control socket.
    Client(Client),
    /// A signal asked for this file.
    Dump(Dump),
    /// The counters are to be exact when another program takes over.
    Successor,
}

/// Questions to the VRRP process.
#[derive(Debug, Default)]
pub(super) struct Inquiries {
    current: Option<Inquiry>,
    waiting: Vec<Asker>,
    serial: u32,
}

#[derive(Debug)]
struct Inquiry {
    askers: Vec<Asker>,
    /// None while no process is there to be asked.
    serial: Option<u32>,
    bytes: Vec<u8>,
    until: Instant,
}

impl Inquiries {
    /// When patience ends.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.current.as_ref().map(|inquiry| inquiry.until)
    }

    /// Whether nobody asks.
    pub(super) const fn is_idle(&self) -> bool {
        self.current.is_none() && self.waiting.is_empty()
    }

    /// The process that was asked is gone.
    pub(super) fn interrupt(&mut self) {
        if let Some(inquiry) = &mut self.current {
            inquiry.serial = None;
            inquiry.bytes.clear();
        }
    }
}

impl Parent {
    /// Finds out how everything stands, and tells `asker`.
    pub(super) fn inquire(&mut self, asker: Asker) {
        // A signal that comes again before it was heeded asks for nothing more.
        let is_known =
            !matches!(asker, Asker::Client(_)) && self.inquiries.waiting.contains(&asker);
        if !is_known {
            self.inquiries.waiting.push(asker);
        }
        self.tend_inquiries();
    }

    /// Asks what is to be asked, and gives up what takes too long.
    pub(super) fn tend_inquiries(&mut self) {
        let now = now();
        if self.inquiries.current.as_ref().is_some_and(|inquiry| inquiry.until <= now) {
            self.conclude(None);
        }
        let inquiries = &mut self.inquiries;
        if inquiries.current.is_none() && !inquiries.waiting.is_empty() {
            let askers = std::mem::take(&mut inquiries.waiting);
            let until = now + PATIENCE;
            inquiries.current = Some(Inquiry { askers, serial: None, bytes: Vec::new(), until });
        }
        let Some(inquiry) = inquiries.current.as_mut().filter(|it| it.serial.is_none()) else {
            return;
        };
        let Some(child) = self.children.iter_mut().find(|child| child.role == Role::Vrrp) else {
            return self.conclude(Some(Vec::new()));
        };
        if child.is_ready() {
            inquiries.serial = inquiries.serial.wrapping_add(1);
            inquiry.serial = Some(inquiries.serial);
            let clear = inquiry.askers.contains(&Asker::Dump(Dump::StatsAndClear));
            let message = ToChild::Report { serial: inquiries.serial, clear };
            child.tell(&message, None, &mut self.sinks, &self.identity);
        }
    }

    /// A part of an answer.
    pub(super) fn take_part(&mut self, serial: u32, part: &[u8], last: bool) {
        let Some(inquiry) = self.inquiries.current.as_mut() else { return };
        if inquiry.serial != Some(serial) {
            return;
        }
        inquiry.bytes.extend_from_slice(part);
        if inquiry.bytes.len() > LONGEST {
            self.log(Severity::Error, "the VRRP process tells more than it can know");
            return self.conclude(None);
        }
        if last {
            match control::items(&inquiry.bytes) {
                Ok(items) => self.conclude(Some(items)),
                Err(error) => {
                    self.log(Severity::Error, &format!("the VRRP process tells nonsense: {error}"));
                    self.conclude(None);
                }
            }
        }
    }

    /// Tells everyone who asked; nothing is what a process that does not answer says.
    fn conclude(&mut self, items: Option<Vec<Item>>) {
        let Some(inquiry) = self.inquiries.current.take() else { return };
        let is_answer = items.is_some();
        let report = Arc::new(self.report(items.unwrap_or_default()));
        if is_answer && inquiry.askers.contains(&Asker::Dump(Dump::StatsAndClear)) {
            self.tallies.clear();
        }
        for asker in inquiry.askers {
            match asker {
                Asker::Client(client) => self.answer_client(&client, is_answer, &report),
                Asker::Successor => {}
                Asker::Dump(dump) if is_answer => self.write_dump(dump, &report),
                Asker::Dump(_) => {
                    self.log(Severity::Error, "no dump: the VRRP process does not answer");
                }
            }
        }
    }

    /// Everything that is known, with what the VRRP process said.
    fn report(&mut self, items: Vec<Item>) -> Report {
        let mut report = Report {
            daemon: self.view(),
            instances: Vec::new(),
            groups: Vec::new(),
            scripts: self.view_of_scripts(),
            events: Vec::new(),
        };
        for item in items {
            match item {
                Item::Instance(mut instance) => {
                    self.round_off(&mut instance);
                    report.instances.push(*instance);
                }
                Item::Group(group) => report.groups.push(*group),
            }
        }
        report
    }

    /// Adds to what a VRRP process knows of an instance what came before that process.
    fn round_off(&mut self, instance: &mut Instance) {
        instance.counters = self.tallies.hear(&instance.name, &instance.counters);
        // One that goes on where another one ended has been so since then, and for that reason.
        if let Some((at, state, cause)) = self.history.last(&instance.name)
            && state == instance.state
            && at < instance.since
        {
            instance.since = at;
            cause.clone_into(&mut instance.cause);
        }
    }

    /// Hears what some instances have counted.
    pub(super) fn take_tally(&mut self, list: &[u8]) {
        match control::items::<(String, Counters)>(list) {
            Ok(items) => {
                for (name, counters) in items {
                    self.tallies.hear(&name, &counters);
                }
            }
            Err(error) => {
                self.log(Severity::Error, &format!("the VRRP process counts nonsense: {error}"));
            }
        }
    }
}

/// How long the VRRP process may take, one that has to be started again among them.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of the longest answer: thousands of instances with hundreds of addresses each.
const LONGEST: usize = 64 << 20;
