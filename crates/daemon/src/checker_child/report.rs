//! Telling the parent how everything stands: some virtual servers each turn, so that no check waits for it.

use std::time::Duration;

use clock::Instant;
use health::ServiceId;

use super::Shell;
use crate::child::{Orphaned, Parts, Progress};
use crate::compat::naming::Wanted;

mod view;

/// A report that is being told.
#[derive(Debug)]
pub(super) struct Telling {
    parts: Parts,
    /// Of what has this name only.
    about: Option<Wanted>,
    /// Whose turn it was last.
    told: Option<ServiceId>,
    /// When the parent is asked again whether it reads.
    again: Option<Instant>,
}

impl Telling {
    pub(super) fn new(serial: u32, about: Option<&str>) -> Self {
        Self { parts: Parts::new(serial), about: about.map(Wanted::parse), told: None, again: None }
    }

    /// When there is more to say.
    pub(super) fn due(&self) -> Instant {
        self.again.unwrap_or(Instant::ZERO)
    }
}

impl Shell {
    /// Tells a part of the report that was asked for, if one was.
    pub(super) fn go_on_telling(&mut self, now: Instant) -> Result<(), Orphaned> {
        let Some(mut telling) = self.telling.take_if(|telling| telling.due() <= now) else {
            return Ok(());
        };
        if telling.parts.has_room() {
            self.add_some(now, &mut telling);
        }
        let progress = telling.parts.tell(&self.startup.parent)?;
        telling.again = (progress == Progress::Blocked).then(|| now + PAUSE);
        self.telling = (progress != Progress::Done).then_some(telling);
        Ok(())
    }

    /// Looks at the next virtual servers; of those that are not wanted, at their names alone.
    fn add_some(&mut self, now: Instant, telling: &mut Telling) {
        let mut work = 0;
        while work < WORK {
            let Some(id) = self.catalogue.next_service(telling.told) else {
                telling.parts.finish();
                return;
            };
            telling.told = Some(id);
            work += 1;
            let wanted = telling.about.as_ref();
            if wanted.is_none_or(|wanted| self.catalogue.has_name(id, wanted))
                && let Some(server) = self.view(now, id)
            {
                work += SERVICE * server.fronts.len() + server.real_servers.len();
                let item = status::Item::VirtualServer(Box::new(server));
                telling.parts.add(&item);
            }
        }
    }
}

/// What is done in one turn, counted in real servers: less than a millisecond.
const WORK: usize = 128;
/// What asking the kernel about a service counts.
const SERVICE: usize = 8;
/// How long a parent that does not read for now is left alone.
const PAUSE: Duration = Duration::from_millis(5);
