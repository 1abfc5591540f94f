//! Asking the children how everything stands.
//!
//! One question at a time: who asks while one is under way is answered by the next, together with all others that
//! wait. A process that dies meanwhile is asked again when its successor works.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use clock::Instant;
use control::{Role, Severity, ToChild};
use kernel::eventloop::now;
use status::{Counters, Instance, Item, Only, RealServer, Report, VirtualServer};

use super::Parent;
use super::control_socket::Client;
use crate::compat::dump::Dump;
use crate::compat::naming::Wanted;

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

impl Asker {
    /// Whether what this child knows is wanted.
    fn wants(&self, role: Role) -> bool {
        match (self, role) {
            (Self::Client(client), Role::Vrrp) => client.only != Some(Only::Servers),
            (Self::Client(client), Role::Checker) => client.only != Some(Only::Instances),
            // Virtual servers have a file of their own among the data.
            (Self::Dump(Dump::Data), Role::Checker) => true,
            (Self::Dump(_) | Self::Successor, _) => role == Role::Vrrp,
        }
    }
}

/// Questions to the children.
#[derive(Debug, Default)]
pub(super) struct Inquiries {
    current: Option<Inquiry>,
    waiting: Vec<Asker>,
    serial: u32,
    /// What children still owe of questions that nobody waits for any more: such a child is not asked again, or its
    /// channel would fill with questions while it hangs.
    overdue: BTreeMap<Role, u32>,
}

#[derive(Debug)]
struct Inquiry {
    askers: Vec<Asker>,
    /// Children that are asked; each is there as long as it owes something.
    owing: BTreeMap<Role, Owed>,
    items: Vec<Item>,
    until: Instant,
}

/// What a child owes.
#[derive(Debug, Default)]
struct Owed {
    /// None while no process is there to be asked.
    serial: Option<u32>,
    bytes: Vec<u8>,
}

impl Inquiry {
    fn new(askers: Vec<Asker>, now: Instant) -> Self {
        let wanted = |role: &Role| askers.iter().any(|asker| asker.wants(*role));
        let roles = [Role::Vrrp, Role::Checker].into_iter().filter(wanted);
        let owing = roles.map(|role| (role, Owed::default())).collect();
        Self { askers, owing, items: Vec::new(), until: now + PATIENCE }
    }

    /// The one name that all want to know of.
    fn about(&self) -> Option<String> {
        let mut names = self.askers.iter().map(|asker| match asker {
            Asker::Client(client) => client.instance.as_ref(),
            Asker::Dump(_) | Asker::Successor => None,
        });
        let first = names.next()??;
        names.all(|name| name == Some(first)).then(|| first.clone())
    }
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

    /// A process that was asked is gone.
    pub(super) fn interrupt(&mut self, role: Role) {
        self.overdue.remove(&role);
        if let Some(owed) = self.current.as_mut().and_then(|it| it.owing.get_mut(&role)) {
            *owed = Owed::default();
        }
    }

    /// All processes that were asked are gone.
    pub(super) fn forget(&mut self) {
        self.interrupt(Role::Vrrp);
        self.interrupt(Role::Checker);
    }

    /// Ends the question that is under way.
    fn end(&mut self) -> Option<Inquiry> {
        let inquiry = self.current.take()?;
        let owing = inquiry.owing.iter();
        self.overdue.extend(owing.filter_map(|(role, owed)| Some((*role, owed.serial?))));
        Some(inquiry)
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
            self.conclude();
        }
        let inquiries = &mut self.inquiries;
        if inquiries.current.is_none() && !inquiries.waiting.is_empty() {
            let askers = std::mem::take(&mut inquiries.waiting);
            let mut inquiry = Inquiry::new(askers, now);
            if !self.loaded.balances() {
                inquiry.owing.remove(&Role::Checker);
            }
            inquiries.current = Some(inquiry);
        }
        let Some(inquiry) = inquiries.current.as_mut() else { return };
        let (about, askers) = (inquiry.about(), &inquiry.askers);
        inquiry.owing.retain(|role, owed| {
            if owed.serial.is_some() {
                return true;
            }
            let Some(child) = self.children.iter_mut().find(|child| child.role == *role) else {
                return false;
            };
            if child.is_ready() && !inquiries.overdue.contains_key(role) {
                inquiries.serial = inquiries.serial.wrapping_add(1);
                let clear = askers.contains(&Asker::Dump(Dump::StatsAndClear));
                let about = about.clone();
                let message = ToChild::Report { serial: inquiries.serial, clear, about };
                // One whose channel is full is asked later: what it never heard it owes nobody.
                owed.serial = child.offer(&message).then_some(inquiries.serial);
            }
            true
        });
        if inquiry.owing.is_empty() {
            self.conclude();
        }
    }

    /// A part of an answer.
    pub(super) fn take_part(&mut self, role: Role, serial: u32, part: &[u8], last: bool) {
        if self.inquiries.overdue.get(&role) == Some(&serial) {
            if last {
                self.inquiries.overdue.remove(&role);
                return self.tend_inquiries();
            }
            // It works on what was asked before: who waits behind that is patient as well.
            if let Some(inquiry) = self.inquiries.current.as_mut() {
                inquiry.until = now() + PATIENCE;
            }
            return;
        }
        let Some(inquiry) = self.inquiries.current.as_mut() else { return };
        let Some(owed) = inquiry.owing.get_mut(&role).filter(|it| it.serial == Some(serial)) else {
            return;
        };
        owed.bytes.extend_from_slice(part);
        if last {
            // Whatever becomes of it, it owes no more.
            owed.serial = None;
        }
        // Who has much to say may take longer, as long as he goes on.
        inquiry.until = now() + PATIENCE;
        let name = crate::compat::child_name(role);
        if owed.bytes.len() > LONGEST {
            self.log(Severity::Error, &format!("the {name} process tells more than it can know"));
            return self.conclude();
        }
        if !last {
            return;
        }
        match control::items(&owed.bytes) {
            Ok(mut items) => {
                inquiry.items.append(&mut items);
                inquiry.owing.remove(&role);
                if inquiry.owing.is_empty() {
                    self.conclude();
                } else {
                    self.answer_those_who_know();
                }
            }
            Err(error) => {
                self.log(Severity::Error, &format!("the {name} process tells nonsense: {error}"));
                self.conclude();
            }
        }
    }

    /// Tells those who want nothing of the child that still owes an answer: they do not wait for it.
    fn answer_those_who_know(&mut self) {
        let Some(inquiry) = self.inquiries.current.as_mut() else { return };
        let (owing, items) = (&inquiry.owing, &inquiry.items);
        let owes = |role: &Role, asker: &Asker| match (role, asker) {
            (Role::Checker, Asker::Client(client)) => {
                !client.instance.as_deref().is_some_and(|name| {
                    is_instance(items, name) && !may_be_server(&self.loaded.balanced_groups, name)
                })
            }
            (Role::Vrrp, _) | (_, Asker::Dump(_) | Asker::Successor) => true,
        };
        let (know, wait): (Vec<_>, Vec<_>) = std::mem::take(&mut inquiry.askers)
            .into_iter()
            .partition(|asker| !owing.keys().any(|role| asker.wants(*role) && owes(role, asker)));
        inquiry.askers = wait;
        if know.is_empty() {
            return;
        }
        let items = inquiry.items.clone();
        let report = Arc::new(self.report(items));
        if know.contains(&Asker::Dump(Dump::StatsAndClear)) {
            self.tallies.clear();
        }
        for asker in know {
            self.tell_asker(asker, &[], &report);
        }
        // Whoever asks next shall not wait for what nobody wants.
        if self.inquiries.current.as_ref().is_some_and(|inquiry| inquiry.askers.is_empty()) {
            self.inquiries.end();
        }
    }

    /// Tells everyone who asked; what a process owes that does not answer is missing.
    fn conclude(&mut self) {
        let Some(Inquiry { askers, owing, items, .. }) = self.inquiries.end() else {
            return;
        };
        let silent = |role: Role| owing.contains_key(&role);
        let report = Arc::new(self.report(items));
        if !silent(Role::Vrrp) && askers.contains(&Asker::Dump(Dump::StatsAndClear)) {
            self.tallies.clear();
        }
        for asker in askers {
            let silent: Vec<Role> =
                owing.keys().filter(|role| asker.wants(**role)).copied().collect();
            self.tell_asker(asker, &silent, &report);
        }
    }

    fn tell_asker(&mut self, asker: Asker, silent: &[Role], report: &Arc<Report>) {
        match asker {
            Asker::Client(client) => self.answer_client(&client, silent, report),
            Asker::Successor => {}
            // Without what the checker process knows, its file says what the configuration says.
            Asker::Dump(dump) if !silent.contains(&Role::Vrrp) => {
                if silent.contains(&Role::Checker) {
                    let text = "the checker process does not answer: the dump lacks how virtual servers stand";
                    self.log(Severity::Warning, text);
                }
                self.write_dump(dump, report);
            }
            Asker::Dump(_) => {
                self.log(Severity::Error, "no dump: the VRRP process does not answer");
            }
        }
    }

    /// Everything that is known, with what the children said.
    fn report(&mut self, items: Vec<Item>) -> Report {
        let mut report =
            Report { daemon: self.view(), scripts: self.view_of_scripts(), ..Report::default() };
        for item in items {
            match item {
                Item::Instance(mut instance) => {
                    self.round_off(&mut instance);
                    report.instances.push(*instance);
                }
                Item::Group(group) => report.groups.push(*group),
                Item::VirtualServer(mut server) => {
                    self.round_off_server(&mut server);
                    report.virtual_servers.push(*server);
                }
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

    /// Adds why a virtual server and its real servers stand as they do, and since when, which a checker process knows as
    /// far as its own life goes.
    fn round_off_server(&self, server: &mut VirtualServer) {
        let VirtualServer { name, state, since, cause, real_servers, .. } = server;
        if let Some((at, was, why)) = self.history.last_of_server(name, None)
            && was == *state
        {
            *since = at.min(*since);
            why.clone_into(cause);
        }
        for RealServer { name: real, state, since, cause, .. } in real_servers {
            if let Some((at, was, why)) = self.history.last_of_server(name, Some(real.as_str()))
                && was == *state
            {
                *since = at.min(*since);
                why.clone_into(cause);
            }
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

/// Whether these tell of the instance of this name.
fn is_instance(items: &[Item], name: &str) -> bool {
    items.iter().any(|item| matches!(item, Item::Instance(one) if one.name == name))
}

/// Whether a virtual server or real server may be meant by this name.
fn may_be_server(groups: &BTreeSet<String>, name: &str) -> bool {
    Wanted::parse(name).group().is_none_or(|group| groups.contains(group))
}

/// How long a child may say nothing, one that has to be started again among them.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of the longest answer: thousands of instances with hundreds of addresses each, or of virtual servers with tens
/// of real servers.
const LONGEST: usize = 64 << 20;
