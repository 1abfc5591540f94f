//! The end of one virtual server: of the process, or because it is configured no longer.

use super::VirtualServer;
use crate::output::Teller;
use crate::{Audience, Cause, DestinationId, Notice, Subject, Verdict};

impl VirtualServer {
    /// Ends all checks. What was up is told to be down, to all where that is wanted and else to who watches; the pool stays.
    pub(crate) fn stop(&mut self, teller: &mut Teller<'_>) {
        if !core::mem::replace(&mut self.is_running, false) {
            return;
        }
        self.suspend_checks(teller);
        let audience = if self.policy.omega { Audience::All } else { Audience::Watchers };
        self.tell_end(Cause::Shutdown, audience, teller);
        // It ends whether it had its quorum or not.
        let (whom, standing) = (Subject::VirtualServer, self.standing());
        teller.notify_end(whom, Audience::Watchers, standing, true);
    }

    /// Ends all checks and empties the pool: it is no longer configured.
    pub(crate) fn remove(&mut self, teller: &mut Teller<'_>) {
        self.suspend_checks(teller);
        self.tell_end(Cause::Removed, Audience::All, teller);
        for (id, server) in &mut self.servers {
            teller.place(*id, &mut server.installed, None);
        }
        if let Some(sorry) = self.policy.sorry_server {
            teller.place(sorry.destination, &mut self.sorry_installed, None);
        }
    }

    /// Tells that what is up is down: servers one after the other, and the quorum where it is lost. Who watches is told of
    /// that last.
    fn tell_end(&mut self, cause: Cause, audience: Audience, teller: &mut Teller<'_>) {
        let is_final = cause == Cause::Shutdown;
        let (mut standing, mut weight) = (self.standing(), self.weight());
        let up: Vec<DestinationId> = self
            .servers
            .iter()
            .filter(|(_, server)| server.verdict == Verdict::Up)
            .map(|(id, _)| *id)
            .collect();
        for id in up {
            // Counted down, not anew: there may be thousands.
            if let Some(server) = self.servers.get_mut(&id) {
                server.verdict = Verdict::Down;
                standing.up = standing.up.saturating_sub(1);
                weight = weight.saturating_sub(server.weight.into());
            }
            if audience == Audience::All {
                let to = Verdict::Down;
                teller.notice(Notice::ServerMoved { destination: id, to, cause });
            }
            teller.notify_end(Subject::RealServer(id), audience, standing, is_final);
            if self.verdict == Verdict::Up && !self.carries(weight, Verdict::Up) {
                self.verdict = Verdict::Down;
                let audience = match audience {
                    Audience::All if is_final => Audience::Actors,
                    Audience::All => Audience::All,
                    Audience::Actors | Audience::Watchers => continue,
                };
                teller.notify_end(Subject::VirtualServer, audience, standing, is_final);
            }
        }
    }
}
