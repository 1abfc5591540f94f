//! Requests of the master: what is to be known for each is asked of the parent, and then they are answered.
//!
//! Routers and virtual servers are known by other processes: a request waits for those alone that it is about.

use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use agentx::{Request, View, Views};
use control::{FromAgent, Severity};
use kernel::eventloop::now;

use super::Agent;
use super::knowledge::Progress;
use crate::compat::mib::{self, Wanted};

impl Agent {
    /// Answers what waits, or asks what is needed for it.
    pub(super) fn tend_requests(&mut self) {
        let now = now();
        if self.routers.freshness().is_fresh(now) {
            self.know_routers();
        }
        if self.servers.freshness().is_fresh(now) {
            self.know_servers();
        }
        self.answer();
        let freshness = self.routers.freshness();
        let is_time = freshness.next().is_some_and(|next| next <= now);
        let is_idle = freshness.asking_since().is_none();
        let is_wanted = self.requests.iter().any(|(_, wanted)| wanted.routers);
        if (is_wanted && is_idle) || (!self.changes.is_empty() && is_time) {
            let asked = self.routers.ask(&self.events);
            if !self.send_inquiry(asked) {
                self.routers.give_up(&self.events);
                self.learned_of_routers(Progress::Unknown);
            }
        }
        let is_idle = self.servers.freshness().asking_since().is_none();
        if is_idle && self.requests.iter().any(|(_, wanted)| wanted.servers) {
            let asked = self.servers.ask(&self.events);
            if !self.send_inquiry(asked) {
                self.servers.give_up(&self.events);
                self.learned_of_servers(Progress::Unknown);
            }
        }
    }

    /// Has the parent answer at a stream. One that does not read is about to; there is another chance.
    fn send_inquiry(&self, stream: std::io::Result<UnixStream>) -> bool {
        let message = control::encode(&FromAgent::Ask);
        stream.is_ok_and(|stream| self.parent.send(&message, Some(stream.as_fd())).is_ok())
    }

    /// An answer of the parent about virtual routers has come, or will not.
    pub(super) fn learned_of_routers(&mut self, progress: Progress) {
        if progress == Progress::Waiting {
            return;
        }
        self.know_routers();
        self.answer();
        self.notify_with_report();
    }

    /// The same about virtual servers.
    pub(super) fn learned_of_servers(&mut self, progress: Progress) {
        if progress != Progress::Waiting {
            self.know_servers();
            self.answer();
        }
    }

    /// No request waits for that any longer.
    fn know_routers(&mut self) {
        self.requests.iter_mut().for_each(|(_, wanted)| wanted.routers = false);
    }

    fn know_servers(&mut self) {
        self.requests.iter_mut().for_each(|(_, wanted)| wanted.servers = false);
    }

    /// Answers the requests that wait for nothing with what is known.
    fn answer(&mut self) {
        let is_ready = |(_, wanted): &mut (Request, Wanted)| !wanted.routers && !wanted.servers;
        let requests: Vec<Request> =
            self.requests.extract_if(.., is_ready).map(|(request, _)| request).collect();
        if requests.is_empty() {
            return;
        }
        let mut outputs = Vec::new();
        let balanced = self.servers.balanced(&self.model);
        let routers = self.routers.tree();
        for request in &requests {
            let wanted = mib::wanted(request, &self.model.global.snmp);
            let is_missing =
                (wanted.routers && routers.is_none()) || (wanted.servers && balanced.is_none());
            let mut views: Vec<&dyn View> = vec![&self.fixed];
            views.extend(routers.map(|tree| tree as &dyn View));
            views.extend(balanced.as_ref().map(|it| it as &dyn View));
            let views = Views(&views);
            let view: Option<&dyn View> = if is_missing { None } else { Some(&views) };
            self.session.answer(request, view, &mut outputs);
        }
        self.act(outputs);
    }

    /// Notifies of the changes that the last report about virtual routers tells of.
    fn notify_with_report(&mut self) {
        let mut outputs = Vec::new();
        let freshness = self.routers.freshness();
        let known = self.changes.partition_point(|(came, _)| freshness.tells_of(*came));
        if let Some(facts) = self.routers.facts(&self.model) {
            for (_, change) in self.changes.drain(..known) {
                for note in mib::notifications(&change, &facts) {
                    self.session.notify(now(), note, &mut outputs);
                }
            }
        }
        self.act(outputs);
        if self.changes.is_empty() && self.lost_changes > 0 {
            let lost = std::mem::take(&mut self.lost_changes);
            let text = format!("SNMP: {lost} changes were not notified of: too many came at once");
            self.log(Severity::Warning, text);
        }
    }
}
