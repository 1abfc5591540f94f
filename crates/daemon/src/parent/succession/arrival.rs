//! The program that takes over: from what is left to what the parent keeps.

use std::os::unix::net::UnixStream;

use control::{Handover, Severity};
use status::Upgraded;

use super::super::local_groups::LocalGroups;
use super::super::{Managed, Parent, VERSION};
use super::{Document, Origin, Succession};

impl Parent {
    /// Takes over what the program before has left, if there was one.
    pub(in super::super) fn arrive(&mut self, origin: Origin) {
        match origin {
            Origin::Started => {
                self.open_control_socket(None);
                self.record_of_daemon("started");
            }
            Origin::Blind(why) => {
                let text = format!(
                    "took over from another program, but what it has left cannot be read ({why}): starting anew"
                );
                self.log(Severity::Error, &text);
                self.open_control_socket(None);
                self.record_of_daemon(&text);
            }
            Origin::Succeeds(succession) => self.succeed(*succession),
        }
    }

    fn succeed(&mut self, succession: Succession) {
        let Succession { document, .. } = succession;
        let Document {
            version,
            since,
            children,
            roles,
            counters,
            findings,
            sessions,
            numbers,
            orders,
            ..
        } = document;
        self.open_control_socket(document.listener.and_then(kernel::inherited));
        self.since = since;
        self.last_reload = document.reload;
        self.saved = document.saved;
        self.local_groups = LocalGroups::left(document.is_silenced);
        self.handover = Handover {
            roles: roles.into_iter().collect(),
            alive_until: 0,
            findings: findings.into_iter().collect(),
            sessions,
            numbers,
            orders: orders.into_iter().collect(),
        };
        self.tallies.take_over(counters);
        for event in document.events {
            self.history.record(event);
        }
        for left in &children {
            if self.loaded.wants(left.role, &self.options) {
                self.children.push(Managed::successor(left, self.options.respawn));
            }
        }
        self.take_over_programs(
            document.programs,
            document.queue,
            document.pipes,
            document.scripts,
        );
        for letter in document.letters {
            self.post.take_over(letter);
        }
        self.post.told.extend(document.mailed);
        let text = format!("upgraded from v{version} to v{VERSION}");
        self.log(Severity::Info, &format!("Took over: {text}"));
        self.record_of_daemon(&text);
        if let Some(asker) = document.asker.and_then(kernel::inherited) {
            let pid = std::process::id();
            let upgraded = Upgraded { pid, from: version, to: VERSION.to_owned() };
            self.departure.owe(self.control.adopt(UnixStream::from(asker), &self.events), upgraded);
        }
    }
}
