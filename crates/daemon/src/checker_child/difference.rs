//! What leads from one configuration to another for virtual servers: for the reload that does it, and for those who want
//! to know before.
//!
//! What is the same thing in both is decided by [`Numbering`], what is done with it by [`plan`]; here the two are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::time::Duration;

use config::model::{Command, Model, RealServer, VirtualServer};
use control::{Order, Ordered};
use health::{
    CheckId, CheckParameters, DestinationId, Plan, RealServerParameters, ServiceId, Source,
    VirtualServerParameters,
};
use intent::service::Back;
use status::{Planned, Step, Thing};

use super::catalogue::{Catalogue, Check, Server, Service};
use super::numbering::Numbering;
use super::plan::plan;
use crate::compat::balance;

/// Which virtual servers come and go.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turnover {
    pub(super) came: BTreeSet<ServiceId>,
    pub(super) went: BTreeSet<ServiceId>,
}

/// From one configuration to another, both by the same numbers.
pub(super) fn turnover(old: &Catalogue, new: &Catalogue) -> Turnover {
    let without = |some: &Catalogue, others: &Catalogue| {
        let ids = some.services.keys().filter(|id| !others.services.contains_key(id));
        ids.copied().collect()
    };
    Turnover { came: without(new, old), went: without(old, new) }
}

/// What a reload from `old` to `new`, with all their real servers, would do to each virtual server.
///
/// `orders` are those in force, by the keys of real servers: a reload ends them, also where it changes nothing else.
pub(crate) fn compare(
    old: &Model,
    new: &Model,
    orders: &BTreeMap<String, Ordered>,
) -> Vec<Planned> {
    let mut numbering = Numbering::default();
    let old = Side::of(old, &Catalogue::default(), &mut numbering);
    let new = Side::of(new, &old.catalogue, &mut numbering);
    let Turnover { came, went } = turnover(&old.catalogue, &new.catalogue);
    let step = |side: &Side<'_>, id: &ServiceId, step, details| {
        let name = side.catalogue.services.get(id).map_or("", |service| service.name.as_str());
        Planned {
            name: format!("virtual_server {name}"),
            thing: Thing::VirtualServer,
            step,
            details,
        }
    };
    let stands = new.catalogue.services.keys().map(|id| {
        if came.contains(id) {
            return step(&new, id, Step::Add, Vec::new());
        }
        let details = details(&old, &new, orders, *id);
        step(&new, id, if details.is_empty() { Step::Keep } else { Step::Adjust }, details)
    });
    let goes = went.iter().map(|id| step(&old, id, Step::Remove, Vec::new()));
    stands.chain(goes).collect()
}

/// One of two configurations.
struct Side<'a> {
    catalogue: Catalogue,
    plan: Plan,
    /// As it is written: the programs, which the parent runs.
    written: BTreeMap<ServiceId, &'a VirtualServer>,
}

/// A virtual server of a configuration.
struct Whole<'a> {
    service: &'a Service,
    parameters: &'a VirtualServerParameters,
    written: &'a VirtualServer,
}

impl<'a> Side<'a> {
    fn of(model: &'a Model, former: &Catalogue, numbering: &mut Numbering) -> Self {
        // Any seed serves: the first looks of what is the same are compared, not made.
        let (catalogue, plan) = plan(model, former, numbering, 0);
        let servers = model.virtual_servers.iter();
        let written = servers.filter_map(|it| Some((numbering.service(it)?, it))).collect();
        Self { catalogue, plan, written }
    }

    fn whole(&self, id: ServiceId) -> Option<Whole<'_>> {
        Some(Whole {
            service: self.catalogue.services.get(&id)?,
            parameters: self.plan.services.get(&id)?,
            written: self.written.get(&id)?,
        })
    }
}

/// Settings of a virtual server that differ, with their values where these are short.
fn details(
    old: &Side<'_>,
    new: &Side<'_>,
    orders: &BTreeMap<String, Ordered>,
    id: ServiceId,
) -> Vec<String> {
    let (Some(before), Some(after)) = (old.whole(id), new.whole(id)) else { return Vec::new() };
    let mut list = own(&before, &after);
    let resort = |side: &Side<'_>, it: &Whole<'_>| {
        let sorry = it.parameters.policy.sorry_server;
        let server = sorry.and_then(|sorry| side.catalogue.servers.get(&sorry.destination));
        server.map_or_else(|| "none".to_owned(), Server::name)
    };
    list.value("sorry_server", &resort(old, &before), &resort(new, &after));
    let sorry = |side: &Side<'_>, it: &Whole<'_>| {
        let sorry = it.parameters.policy.sorry_server?;
        let server = side.catalogue.servers.get(&sorry.destination)?;
        Some((sorry.on_failure, server.destination))
    };
    let is_same_place = before.parameters.policy.sorry_server.map(|it| it.destination)
        == after.parameters.policy.sorry_server.map(|it| it.destination);
    list.word("sorry_server", !is_same_place || sorry(old, &before) == sorry(new, &after));
    servers(&mut list, orders, (old, &before), (new, &after));
    list.shortened()
}

/// What belongs to no server of it.
fn own(old: &Whole<'_>, new: &Whole<'_>) -> List {
    let mut list = List::default();
    let (one, other) = (old.service, new.service);
    list.members(&one.fronts, &other.fronts);
    let (before, after) = (&one.scheduling, &other.scheduling);
    list.value("lb_algo", &before.scheduler, &after.scheduler);
    list.word("scheduler flags", before.flags == after.flags);
    list.word("ops", before.one_packet == after.one_packet);
    list.word("persistence", before.persistence == after.persistence);
    let (before, after) = (old.parameters.policy, new.parameters.policy);
    list.value("quorum", &before.quorum, &after.quorum);
    list.value("hysteresis", &before.hysteresis, &after.hysteresis);
    list.word("ha_suspend", before.ha_suspend == after.ha_suspend);
    list.word("omega", before.omega == after.omega);
    list.word("smtp_alert", before.alert == after.alert);
    let told = |it: &Whole<'_>| {
        let balance = it.written.balance.as_ref();
        let programs =
            balance.map(|it| [plain(it.quorum_up.as_ref()), plain(it.quorum_down.as_ref())]);
        (programs, balance.and_then(|it| it.label.clone()))
    };
    let ((programs, label), (others, another)) = (told(old), told(new));
    list.word("quorum programs", programs == others);
    list.word("snmp_name", label == another);
    list
}

/// A program, wherever it is written.
fn plain(command: Option<&Command>) -> Option<Command> {
    command.map(Command::unplaced)
}

/// Its real servers: those that come and go, and settings of those that stay.
fn servers(
    list: &mut List,
    orders: &BTreeMap<String, Ordered>,
    old: (&Side<'_>, &Whole<'_>),
    new: (&Side<'_>, &Whole<'_>),
) {
    let ((old, before), (new, after)) = (old, new);
    let name = |side: &Side<'_>, id: &DestinationId| {
        side.catalogue.servers.get(id).map(Server::name).unwrap_or_default()
    };
    let (written, rewritten) = (by_place(before.written), by_place(after.written));
    for (id, parameters) in &after.parameters.servers {
        let Some(former) = before.parameters.servers.get(id) else {
            list.0.push(format!("+{}", name(new, id)));
            continue;
        };
        let (Some(one), Some(other)) =
            (old.catalogue.servers.get(id), new.catalogue.servers.get(id))
        else {
            continue;
        };
        let mut changes = server((former, one), (parameters, other));
        let programs = |among: &BTreeMap<Back, &RealServer>, back: &Back| {
            let it = among.get(back)?;
            Some(([plain(it.notify_up.as_ref()), plain(it.notify_down.as_ref())], it.label.clone()))
        };
        let is_told_alike = programs(&written, &one.back) == programs(&rewritten, &other.back);
        changes.word("notify programs", is_told_alike);
        checks(&mut changes, (old, former), (new, parameters));
        changes.0.extend(orders.get(&old.catalogue.key(one)).map(ending));
        if !changes.0.is_empty() {
            list.0.push(format!("{} {}", other.name(), changes.0.join(", ")));
        }
    }
    let gone = before.parameters.servers.keys();
    let gone = gone.filter(|id| !after.parameters.servers.contains_key(id));
    list.0.extend(gone.map(|id| format!("-{}", name(old, id))));
}

/// The real servers of a virtual server by where they are.
fn by_place(written: &VirtualServer) -> BTreeMap<Back, &RealServer> {
    let servers = written.balance.iter().flat_map(|balance| &balance.servers);
    servers.map(|server| (server.back, server)).collect()
}

/// Settings of a real server that stays.
fn server(
    (old, before): (&RealServerParameters, &Server),
    (new, after): (&RealServerParameters, &Server),
) -> List {
    let mut list = List::default();
    let (one, other) = (before.destination, after.destination);
    list.value("weight", &old.weight, &new.weight);
    list.word("lvs_method", one.forwarding == other.forwarding);
    list.value("uthreshold", &one.upper_threshold, &other.upper_threshold);
    list.value("lthreshold", &one.lower_threshold, &other.lower_threshold);
    list.word("inhibit_on_failure", old.on_failure == new.on_failure);
    list.word("smtp_alert", old.alerts == new.alerts);
    list
}

/// That an order ends, and which.
fn ending(ordered: &Ordered) -> String {
    let what = match ordered.order {
        Order::Weight(0) => "drained".to_owned(),
        Order::Weight(weight) => format!("weight {weight}"),
        Order::Disabled => "disabled".to_owned(),
    };
    format!("order ends: {what} by {}", ordered.by)
}

/// Its checks: those that come and go, and settings of those that stay.
fn checks(
    list: &mut List,
    (old, former): (&Side<'_>, &RealServerParameters),
    (new, parameters): (&Side<'_>, &RealServerParameters),
) {
    let word = |side: &Side<'_>, id: &CheckId| {
        side.catalogue.checks.get(id).map_or("", |check| balance::check_word(check.kind()))
    };
    for (id, after) in parameters.checks.iter() {
        let Some(before) = former.checks.get(id) else {
            list.0.push(format!("+{}", word(new, id)));
            continue;
        };
        let both = (old.catalogue.checks.get(id), new.catalogue.checks.get(id));
        let (Some(one), Some(other)) = both else { continue };
        let changes = check((before, one), (after, other));
        if !changes.0.is_empty() {
            list.0.push(format!("{} {}", word(new, id), changes.0.join(" ")));
        }
    }
    let gone = former.checks.keys().filter(|id| parameters.checks.get(id).is_none());
    list.0.extend(gone.map(|id| format!("-{}", word(old, id))));
}

/// Settings of a check that asks the same as before.
fn check((old, one): (&CheckParameters, &Check), (new, other): (&CheckParameters, &Check)) -> List {
    let mut list = List::default();
    let seconds = |span: Duration| span.as_secs_f64();
    let mut is_same = old.start == new.start && one.tells_failures == other.tells_failures;
    let both = (&old.source, &new.source);
    if let (
        Source::Probed { first: soon, timing: before },
        Source::Probed { first: later, timing: after },
    ) = both
    {
        list.value("delay_loop", &seconds(before.delay_loop), &seconds(after.delay_loop));
        list.value("retry", &before.retry, &after.retry);
        // What else is not written follows the loop.
        let is_other_loop = before.delay_loop != after.delay_loop;
        let after = health::Timing { retry: before.retry, ..**after };
        is_same &= is_other_loop || (soon, &**before) == (later, &after);
    }
    list.value("timeout", &seconds(one.timeout), &seconds(other.timeout));
    list.word("other settings", is_same);
    list
}

/// What differs, in words.
#[derive(Default)]
struct List(Vec<String>);

impl List {
    /// A setting with its values.
    fn value<T: PartialEq + Display>(&mut self, name: &str, old: &T, new: &T) {
        if old != new {
            self.0.push(format!("{name} {old} -> {new}"));
        }
    }

    /// A setting whose values are long, or one of many.
    fn word(&mut self, name: &str, is_same: bool) {
        if !is_same {
            self.0.push(name.to_owned());
        }
    }

    /// What comes and goes of a list.
    fn members<T: PartialEq + Display>(&mut self, old: &[T], new: &[T]) {
        self.0.extend(new.iter().filter(|it| !old.contains(it)).map(|it| format!("+{it}")));
        self.0.extend(old.iter().filter(|it| !new.contains(it)).map(|it| format!("-{it}")));
    }

    /// No longer than somebody reads.
    fn shortened(mut self) -> Vec<String> {
        let more = self.0.len().saturating_sub(MOST);
        if more > 0 {
            self.0.truncate(MOST);
            self.0.push(format!("and {more} more"));
        }
        self.0
    }
}

/// Details of one virtual server: with a thousand real servers all may change.
const MOST: usize = 50;

#[cfg(test)]
mod tests;
