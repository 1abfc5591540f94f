//! Telling the parent how everything stands: some virtual servers each turn, so that no check waits for it.

use std::time::Duration;

use clock::Instant;
use control::ToParent;
use health::ServiceId;

use super::Shell;
use crate::child::Orphaned;
use crate::compat::naming::Wanted;

mod view;

/// A report that is being told.
#[derive(Debug)]
pub(super) struct Telling {
    serial: u32,
    /// Of what has this name only.
    about: Option<Wanted>,
    /// Whose turn it was last.
    told: Option<ServiceId>,
    has_all: bool,
    /// What was not handed over yet.
    bytes: Vec<u8>,
    /// When the parent is asked again whether it reads.
    again: Option<Instant>,
}

impl Telling {
    pub(super) fn new(serial: u32, about: Option<&str>) -> Self {
        Self {
            serial,
            about: about.map(Wanted::parse),
            told: None,
            has_all: false,
            bytes: Vec::new(),
            again: None,
        }
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
        if !telling.has_all && telling.bytes.len() < PART {
            self.add_some(now, &mut telling);
        }
        let rest = telling.bytes.split_off(telling.bytes.len().min(PART));
        let part = std::mem::replace(&mut telling.bytes, rest);
        let last = telling.has_all && telling.bytes.is_empty();
        if !last && part.len() < PART {
            // Not worth a message yet.
            telling.bytes = part;
            self.telling = Some(telling);
            return Ok(());
        }
        let message = ToParent::Report { serial: telling.serial, part, last };
        let is_taken = self.startup.parent.offer(&message)?;
        telling.again = (!is_taken).then(|| now + PAUSE);
        if !is_taken && let ToParent::Report { mut part, .. } = message {
            part.append(&mut telling.bytes);
            telling.bytes = part;
        }
        if !(last && is_taken) {
            self.telling = Some(telling);
        }
        Ok(())
    }

    /// Looks at the next virtual servers; of those that are not wanted, at their names alone.
    fn add_some(&mut self, now: Instant, telling: &mut Telling) {
        let mut work = 0;
        while work < WORK {
            let Some(id) = self.catalogue.next_service(telling.told) else {
                telling.has_all = true;
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
                control::append(&mut telling.bytes, &item);
            }
        }
    }
}

/// What is done in one turn, counted in real servers: less than a millisecond.
const WORK: usize = 128;
/// What asking the kernel about a service counts.
const SERVICE: usize = 8;
/// Bytes of one message: less than one may have, and few enough that several fit the socket.
const PART: usize = 24 * 1024;
/// How long a parent that does not read for now is left alone.
const PAUSE: Duration = Duration::from_millis(5);
