//! Acceptance of an advertisement beyond its syntax (RFC 9568 §7.1): version, interval and address list;
//! and how it stands against our own priority and address (RFC 9568 §6.4.3).
//!
//! Checks of bytes are made before (`wire`). Remarks are made once per role and Active router.

use core::net::IpAddr;

use wire::{MaxAdvertiseInterval, Priority, Version};

use crate::output::Actions;
use crate::{AddressCheck, Counters, Mode, Notice, OwnerAdverts, Parameters, Received};

/// An advertisement in comparison with our own priority and primary address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Priority 0.
    Resigns,
    /// Higher priority.
    Above,
    /// Our priority, higher address.
    EqualAbove,
    /// Our priority, our address.
    Twin,
    /// Our priority, lower address.
    EqualBelow,
    /// Lower priority.
    Below,
}

impl Standing {
    /// Compares; a router without an address of its own loses every tie.
    pub(crate) fn of(advertisement: &Received, ours: Priority, source: Option<IpAddr>) -> Self {
        use core::cmp::Ordering::{Equal, Greater, Less};
        if advertisement.priority == Priority::RESIGN {
            return Self::Resigns;
        }
        match advertisement.priority.cmp(&ours) {
            Greater => Self::Above,
            Less => Self::Below,
            Equal => match Some(advertisement.source).cmp(&source) {
                Greater => Self::EqualAbove,
                Equal => Self::Twin,
                Less => Self::EqualBelow,
            },
        }
    }
}

/// What was already remarked, and who was heard last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Remarks {
    interval: bool,
    version: bool,
    addresses: bool,
    pub(crate) own_address: bool,
    last_sender: Option<IpAddr>,
}

impl Remarks {
    /// Allows each remark once more.
    pub(crate) fn renew(&mut self) {
        *self = Self { last_sender: self.last_sender, ..Self::default() };
    }

    /// Whether the advertisement may be used; remarks what is odd.
    pub(crate) fn accept(
        &mut self,
        parameters: &Parameters,
        advertisement: &Received,
        counters: &mut Counters,
        actions: &mut Actions<'_>,
    ) -> bool {
        if parameters.mode == Mode::Owner && parameters.owner_adverts == OwnerAdverts::Ignore {
            return false;
        }
        if let Err(notice) = interval(parameters, advertisement) {
            let is_version = matches!(notice, Notice::VersionDiffers { .. });
            counters.interval_refused += u64::from(!is_version);
            let remarked = if is_version { &mut self.version } else { &mut self.interval };
            if !core::mem::replace(remarked, true) {
                actions.notice(notice);
            }
            return false;
        }
        let known_sender = self.last_sender.replace(advertisement.source)
            == Some(advertisement.source)
            && parameters.address_check == AddressCheck::NewSender;
        if !known_sender && let Some(notice) = addresses(&parameters.addresses, advertisement) {
            counters.address_mismatches += 1;
            if !core::mem::replace(&mut self.addresses, true) {
                actions.notice(notice);
            }
        }
        true
    }
}

/// The interval must be ours in v2 (RFC 3768 §7.1) and is learnt in v3, where 0 would mean no waiting.
fn interval(parameters: &Parameters, advertisement: &Received) -> Result<(), Notice> {
    let peer = advertisement.source;
    match (parameters.version, advertisement.interval) {
        (Version::V2, MaxAdvertiseInterval::Seconds(_)) => {
            let theirs = advertisement.interval.as_duration();
            let ours = parameters.advertisement_interval;
            if theirs == ours {
                Ok(())
            } else {
                Err(Notice::IntervalDiffers { peer, theirs, ours })
            }
        }
        (Version::V3, MaxAdvertiseInterval::Centiseconds(0)) => Err(Notice::IntervalZero { peer }),
        (Version::V3, MaxAdvertiseInterval::Centiseconds(_)) => Ok(()),
        (Version::V2, MaxAdvertiseInterval::Centiseconds(_))
        | (Version::V3, MaxAdvertiseInterval::Seconds(_)) => Err(Notice::VersionDiffers { peer }),
    }
}

/// What is odd about the address list, whose order does not count. Equal lists cost one pass.
fn addresses(ours: &[IpAddr], advertisement: &Received) -> Option<Notice> {
    let theirs = &advertisement.addresses;
    if ours == theirs.as_slice() {
        return None;
    }
    let peer = advertisement.source;
    if ours.len() != theirs.len() {
        return Some(Notice::AddressCountDiffers {
            peer,
            expected: ours.len(),
            received: theirs.len(),
        });
    }
    let theirs: std::collections::BTreeSet<_> = theirs.iter().collect();
    let address = ours.iter().find(|address| !theirs.contains(address))?;
    Some(Notice::AddressMissing { peer, address: *address })
}
