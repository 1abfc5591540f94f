//! Lines of a child that wait for the end of its turn.

use std::collections::VecDeque;

use control::{Severity, ToParent};
use kernel::socket::{Channel, ChannelError};

/// A bounded queue of lines. What does not fit is counted and said later.
#[derive(Debug)]
pub(crate) struct Ring {
    lines: VecDeque<(Severity, String)>,
    dropped: u64,
    detail: bool,
}

impl Ring {
    /// An empty ring; `detail` is `-D`.
    pub(crate) fn new(detail: bool) -> Self {
        Self { lines: VecDeque::new(), dropped: 0, detail }
    }

    /// Adds a line.
    pub(crate) fn push(&mut self, severity: Severity, text: impl Into<String>) {
        if self.lines.len() >= CAPACITY {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let mut text = text.into();
        // Names come from configurations, and a line must fit into a message.
        if let Some((end, _)) = text.char_indices().nth(LONGEST) {
            text.truncate(end);
        }
        self.lines.push_back((severity, text));
    }

    /// Whether `-D` asks for details.
    pub(crate) const fn wants_details(&self) -> bool {
        self.detail
    }

    /// Adds a line that only `-D` shows; details leave room for what matters.
    pub(crate) fn detail(&mut self, text: impl FnOnce() -> String) {
        if !self.detail {
            return;
        }
        if self.lines.len() >= CAPACITY / 2 {
            self.dropped = self.dropped.saturating_add(1);
        } else {
            self.push(Severity::Info, text());
        }
    }

    /// Whether lines wait for a parent that does not keep up.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Sends lines to the parent until it reads no more; the rest waits.
    ///
    /// **Errors**: the parent is gone.
    pub(crate) fn drain(&mut self, channel: &Channel) -> Result<(), ChannelError> {
        while let Some((severity, text)) = self.lines.front() {
            let message = ToParent::Log { severity: *severity, text: text.clone() };
            match channel.send(&control::encode(&message), None) {
                Ok(()) => {
                    self.lines.pop_front();
                }
                Err(ChannelError::Full) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.lines.shrink_to(FEW);
        if self.dropped > 0 {
            let dropped = status::counted(std::mem::take(&mut self.dropped), "log line");
            let text = format!("{dropped} dropped: more came than could be written");
            self.push(Severity::Warning, text);
        }
        Ok(())
    }
}

/// Lines that a child keeps at most: some for each of a thousand instances that move at once.
const CAPACITY: usize = 16 * 1024;
/// Lines for which room is kept.
const FEW: usize = 64;
/// Characters of a line at most.
const LONGEST: usize = 4096;
