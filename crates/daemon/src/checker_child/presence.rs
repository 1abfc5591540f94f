//! Whether the addresses of virtual servers are on this host (`ha_suspend`).

use std::collections::BTreeSet;
use std::net::IpAddr;

use clock::Instant;
use control::Severity;
use health::{Input, ServiceId};
use intent::service::Front;
use kernel::observer::Observer;
use tokio::io::unix::AsyncFd;

use super::Shell;
use super::turn::watch;

/// The host's addresses, while some virtual server depends on them.
#[derive(Debug)]
pub(super) struct Presence {
    observer: Observer,
    pub(super) news: AsyncFd<std::os::fd::OwnedFd>,
}

impl Shell {
    /// Begins or ends to watch addresses, as the configuration needs.
    pub(super) fn arrange_presence(&mut self, now: Instant) {
        if !self.catalogue.services.values().any(|service| service.is_suspended_elsewhere) {
            self.presence = None;
            return;
        }
        if self.presence.is_none() {
            let opened = Observer::open().map_err(|error| error.to_string()).and_then(|observer| {
                let news = watch(&observer).map_err(|error| error.to_string())?;
                Ok(Presence { observer, news })
            });
            match opened {
                Ok(presence) => self.presence = Some(presence),
                Err(why) => {
                    let text =
                        format!("addresses cannot be watched, ha_suspend has no effect: {why}");
                    self.startup.log.push(Severity::Error, text);
                }
            }
        }
        self.tell_presence(now);
    }

    /// Takes in what changed of the host's addresses.
    pub(super) fn take_addresses(&mut self, now: Instant) {
        let Some(presence) = &mut self.presence else { return };
        let mut changes = Vec::new();
        if let Err(error) = presence.observer.drain(&mut changes) {
            let text =
                format!("addresses cannot be watched: {error}: what is known of them counts");
            self.startup.log.push(Severity::Error, text);
        }
        if !changes.is_empty() {
            self.tell_presence(now);
        }
    }

    fn tell_presence(&mut self, now: Instant) {
        let here: Option<BTreeSet<IpAddr>> =
            self.presence.as_ref().map(|it| it.observer.usable().collect());
        let services = self.catalogue.services.iter().filter(|(_, it)| it.is_suspended_elsewhere);
        let told: Vec<(ServiceId, bool)> = services
            .map(|(id, service)| {
                // Where nothing is known of addresses, checks go on.
                let is_present = here.as_ref().is_none_or(|here| {
                    service.fronts.iter().any(|front| match front {
                        Front::Address { address, .. } => here.contains(address),
                        Front::Mark { .. } => false,
                    })
                });
                (*id, is_present)
            })
            .collect();
        for (service, is_present) in told {
            self.roster.handle(now, Input::Present { service, is_present }, &mut self.outputs);
            self.perform(now);
        }
    }
}
