//! A new configuration: read beside the work, taken over as a difference.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use clock::Instant;
use config::RealServers;
use config::model::{CheckKind, Model};
use control::{Ordered, Severity, ToParent};
use health::Input;
use kernel::sysctl;
use tokio::task::JoinHandle;

use super::catalogue::Check;
use super::difference::{Turnover, turnover};
use super::{Shell, plan, specs};
use crate::child::{self, Orphaned, PayloadError};
use crate::compat::verdicts;
use crate::webs::Webs;

/// A configuration that is being read.
#[derive(Debug, Default)]
pub(super) struct Reading(Option<JoinHandle<Result<Read, PayloadError>>>);

/// A configuration, and the orders that stay in force with it.
pub(super) type Read = (Model, BTreeMap<String, Ordered>);

impl Reading {
    /// Reads it, in a thread: thousands of virtual servers take their time. What was being read is forgotten.
    pub(super) fn begin(&mut self, memory: OwnedFd) {
        let read = move || -> Result<Read, PayloadError> {
            let (options, model) = child::read(&memory, RealServers::Kept)?;
            Ok((model, options.handover.orders))
        };
        self.0 = Some(tokio::task::spawn_blocking(read));
    }

    /// Whether something is being read.
    pub(super) const fn is_busy(&self) -> bool {
        self.0.is_some()
    }

    /// What was read, if that is over; wakes the task of `context` when it is.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Option<Result<Read, String>> {
        let Poll::Ready(ended) = Pin::new(self.0.as_mut()?).poll(context) else { return None };
        self.0 = None;
        Some(match ended {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        })
    }
}

impl Shell {
    /// Takes over what was read.
    pub(super) fn reload(
        &mut self,
        now: Instant,
        read: Result<Read, String>,
    ) -> Result<(), Orphaned> {
        let answer = match read.and_then(|(model, orders)| self.apply(now, &model, orders)) {
            Ok(changes) => ToParent::Reloaded { changes },
            Err(reason) => ToParent::ReloadFailed { reason },
        };
        self.startup.parent.say(&answer)
    }

    /// Takes another configuration over; says what changed.
    ///
    /// **Errors**: the load balancer that it wants is not there. All is as before then.
    fn apply(
        &mut self,
        now: Instant,
        model: &Model,
        orders: BTreeMap<String, Ordered>,
    ) -> Result<String, String> {
        self.change_plane(now, model.global.data_plane)?;
        // Services that are new may stand already.
        if let Some(seen) = self.look(now) {
            let words = self.pool.see(seen);
            self.tell_words(words);
        }
        let former = std::mem::replace(&mut self.balancing, model.global.balancing.clone());
        if former.timeouts != self.balancing.timeouts {
            self.set_timeouts();
        }
        let (came, went) = self.put_in_force(now, model, orders, false);
        Ok(if (came, went) == (0, 0) {
            "Configuration reloaded: the same virtual servers".to_owned()
        } else {
            let came = status::counted(came, "virtual server");
            format!("Configuration reloaded: {came} new, {went} gone")
        })
    }

    /// Brings everything in line with a configuration; says how many virtual servers came and went.
    pub(super) fn put_in_force(
        &mut self,
        now: Instant,
        model: &Model,
        orders: BTreeMap<String, Ordered>,
        is_successor: bool,
    ) -> (usize, usize) {
        self.has_balanced |= !model.virtual_servers.is_empty();
        self.say_what_is_not_asked(model);
        let snmp = &model.global.snmp;
        self.is_watched = snmp.checker && snmp.notifies;
        // The parent has told what is wrong with them; files that have changed since fail their checks.
        (self.webs, _) = Webs::of(model, std::mem::take(&mut self.webs));
        let (catalogue, mut plan) =
            plan::plan(model, &self.catalogue, &mut self.numbering, self.seed);
        plan.former = plan::former(&catalogue, self.pool.standing(), is_successor);
        let former = std::mem::replace(&mut self.catalogue, catalogue);
        plan.orders = self.take_orders(orders);
        let Turnover { came, went } = turnover(&former, &self.catalogue);
        for id in &came {
            if let Some(held) = plan.former.get(id) {
                self.pool.adopt(*id, held.clone());
            }
        }
        self.former = Some(former);
        self.roster.handle(now, Input::Reconfigure(plan), &mut self.outputs);
        self.perform(now);
        self.pool.follow_all(&self.catalogue);
        if let Some(former) = self.former.take() {
            self.tell_fresh_checks(now, &former);
        }
        self.allow_echoes();
        self.arrange_presence(now);
        self.follow_instance();
        (came.len(), went.len())
    }

    /// Lets this process ask for echoes, where a check does.
    fn allow_echoes(&mut self) {
        let asks = |check: &Check| matches!(*check.question.kind, CheckKind::Ping(_));
        if !self.catalogue.checks.values().any(asks) {
            return;
        }
        match sysctl::allow_echoes() {
            Ok(None) => {}
            Ok(Some(former)) => {
                self.startup.log.push(Severity::Warning, verdicts::echoes_allowed(former));
            }
            Err(error) => {
                let text = format!("checks by PING_CHECK may not be allowed: {error}");
                self.startup.log.push(Severity::Warning, text);
            }
        }
    }

    /// Says which checks are left out, as this release cannot make them.
    fn say_what_is_not_asked(&mut self, model: &Model) {
        let balanced = model.virtual_servers.iter().filter_map(|it| it.balance.as_ref());
        let checks = balanced.flat_map(|it| &it.servers).flat_map(|it| &it.checks);
        let left_out = checks.filter(|check| !specs::can_be_asked(&check.kind)).count();
        if left_out > 0 {
            let left_out = status::counted(left_out, "check");
            let text = format!("{left_out} left out: this release does not make such checks");
            self.startup.log.push(Severity::Warning, text);
        }
    }
}
