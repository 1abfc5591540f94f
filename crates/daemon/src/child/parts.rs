//! An answer that is told to the parent in parts, as fast as it reads: what it does not take is offered again.

use control::ToParent;

use super::{Orphaned, Parent};

/// An answer that is being told.
#[derive(Debug)]
pub(crate) struct Parts {
    serial: u32,
    /// What was not handed over yet.
    bytes: Vec<u8>,
    /// Whether nothing comes behind that.
    is_whole: bool,
}

/// How far a turn has brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// There is more to say.
    More,
    /// The parent has to read first.
    Blocked,
    /// All is told.
    Done,
}

impl Parts {
    /// Nothing yet of the answer to the question of this number.
    pub(crate) const fn new(serial: u32) -> Self {
        Self { serial, bytes: Vec::new(), is_whole: false }
    }

    /// Whether there is room for more before a part is told.
    pub(crate) const fn has_room(&self) -> bool {
        !self.is_whole && self.bytes.len() < PART
    }

    /// Adds something.
    pub(crate) fn add(&mut self, item: &status::Item) {
        control::append(&mut self.bytes, item);
    }

    /// Says that nothing will be added.
    pub(crate) const fn finish(&mut self) {
        self.is_whole = true;
    }

    /// Tells the next part, where there is one that is worth a message.
    ///
    /// **Errors**: the parent is gone.
    pub(crate) fn tell(&mut self, parent: &Parent) -> Result<Progress, Orphaned> {
        if self.has_room() {
            return Ok(Progress::More);
        }
        let rest = self.bytes.split_off(self.bytes.len().min(PART));
        let part = std::mem::replace(&mut self.bytes, rest);
        let last = self.is_whole && self.bytes.is_empty();
        let message = ToParent::Report { serial: self.serial, part, last };
        if parent.offer(&message)? {
            return Ok(if last { Progress::Done } else { Progress::More });
        }
        if let ToParent::Report { mut part, .. } = message {
            part.append(&mut self.bytes);
            self.bytes = part;
        }
        Ok(Progress::Blocked)
    }
}

/// Bytes of one message: less than one may have, and few enough that several fit the socket.
pub(crate) const PART: usize = 24 * 1024;
