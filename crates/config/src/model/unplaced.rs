//! Values without the places where they are written, so that two files that say the same are equal.

use crate::source::Span;

use super::{
    Command, Deleted, Fixed, Instance, Notify, RouteLine, RuleLine, Script, SyncGroup, TrackFile,
    TrackProcess, VirtualAddress,
};

impl Instance {
    /// The same, wherever it is written.
    #[must_use]
    pub fn unplaced(&self) -> Self {
        let addresses =
            |list: &[VirtualAddress]| list.iter().map(VirtualAddress::unplaced).collect();
        let mut held_back = self.held_back.clone();
        held_back.iter_mut().for_each(|held| held.location.clear());
        Self {
            at: Span::default(),
            addresses: addresses(&self.addresses),
            excluded: addresses(&self.excluded),
            routes: self.routes.iter().map(RouteLine::unplaced).collect(),
            rules: self.rules.iter().map(RuleLine::unplaced).collect(),
            notify: self.notify.as_ref().map(|notify| Box::new(notify.unplaced())),
            held_back,
            ..self.clone()
        }
    }
}

impl VirtualAddress {
    /// The same, wherever it is written.
    #[must_use]
    pub fn unplaced(&self) -> Self {
        Self { at: Span::default(), ..self.clone() }
    }
}

impl RouteLine {
    /// The same, wherever it is written.
    #[must_use]
    pub fn unplaced(&self) -> Self {
        Self { at: Span::default(), ..self.clone() }
    }
}

impl RuleLine {
    /// The same, wherever it is written.
    #[must_use]
    pub fn unplaced(&self) -> Self {
        Self { at: Span::default(), ..self.clone() }
    }
}

impl Fixed {
    /// The same, wherever it is written.
    #[must_use]
    pub fn unplaced(&self) -> Self {
        Self {
            addresses: self.addresses.iter().map(VirtualAddress::unplaced).collect(),
            routes: self.routes.iter().map(RouteLine::unplaced).collect(),
            rules: self.rules.iter().map(RuleLine::unplaced).collect(),
        }
    }
}

impl SyncGroup {
    /// The same, wherever it is written.
    #[must_use]
    pub fn unplaced(&self) -> Self {
        let notify = self.notify.as_ref().map(|notify| Box::new(notify.unplaced()));
        Self { at: Span::default(), notify, ..self.clone() }
    }
}

impl Script {
    /// The same, wherever it is written.
    #[must_use]
    pub fn unplaced(&self) -> Self {
        Self { at: Span::default(), command: self.command.unplaced(), ..self.clone() }
    }
}

impl TrackFile {
    /// The same, wherever it is written.
    #[must_use]
    pub fn unplaced(&self) -> Self {
        Self { at: Span::default(), ..self.clone() }
    }
}

impl TrackProcess {
    /// The same, wherever it is written.
    #[must_use]
    pub fn unplaced(&self) -> Self {
        Self { at: Span::default(), ..self.clone() }
    }
}

impl Notify {
    /// The same, wherever it is written.
    #[must_use]
    pub fn unplaced(&self) -> Self {
        let plain = |command: &Option<Command>| command.as_ref().map(Command::unplaced);
        Self {
            active: plain(&self.active),
            backup: plain(&self.backup),
            fault: plain(&self.fault),
            stop: plain(&self.stop),
            deleted: match &self.deleted {
                Deleted::AsFault => Deleted::AsFault,
                Deleted::AsDeleted(command) => Deleted::AsDeleted(plain(command)),
            },
            any: plain(&self.any),
            lower_priority: plain(&self.lower_priority),
            priority_changes: self.priority_changes,
        }
    }
}

impl Command {
    /// The same, wherever it is written.
    #[must_use]
    pub fn unplaced(&self) -> Self {
        Self { location: String::new(), ..self.clone() }
    }
}
