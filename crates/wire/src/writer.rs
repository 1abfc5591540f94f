//! A cursor over a buffer that refuses to run over its end.

use crate::EmitError;

/// Writes pieces one after the other.
pub(crate) struct Writer<'a> {
    rest: &'a mut [u8],
    written: usize,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(buffer: &'a mut [u8]) -> Self {
        Self { rest: buffer, written: 0 }
    }

    /// Appends `piece`, or nothing at all when it does not fit.
    pub(crate) fn put(&mut self, piece: &[u8]) -> Result<(), EmitError> {
        let room = self.rest.len();
        let rest = core::mem::take(&mut self.rest);
        let Some((head, tail)) = rest.split_at_mut_checked(piece.len()) else {
            return Err(EmitError::NoRoom {
                needed: self.written.saturating_add(piece.len()),
                room: self.written.saturating_add(room),
            });
        };
        head.copy_from_slice(piece);
        self.rest = tail;
        self.written = self.written.saturating_add(piece.len());
        Ok(())
    }
}
