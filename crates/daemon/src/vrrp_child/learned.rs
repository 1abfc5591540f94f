//! What the packets of other routers have taught about them. It outlives a reload.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use config::model::{Freshness, Instance, Trailer};
use vrrp::{ReplayGuard, Replayed, SENDERS, Sequence, Stamps};
use wire::vrrp::{Discard, Stamp, UnicastForm};

use super::advert;

/// What is known of the peers of one instance.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// Checksums of unicast peers that do not use the standard form.
    forms: BTreeMap<IpAddr, UnicastForm>,
    /// Numbers of authentication headers: ours.
    pub(super) sequence: Sequence,
    /// Times in trailers: ours.
    pub(super) stamps: Stamps,
    /// And those of others, of either kind.
    replay: ReplayGuard,
    /// Refusals of authentication that were said since the role changed last.
    said: BTreeSet<Discard>,
    skew_said: bool,
}

impl Learned {
    /// The form of checksum that a peer uses, as far as it is known.
    pub(super) fn form_of(&self, peer: IpAddr) -> UnicastForm {
        self.forms.get(&peer).copied().unwrap_or_default()
    }

    /// Takes in the form of an advert that was accepted; says whether it is another one than before.
    pub(super) fn take_form(&mut self, peer: IpAddr, form: UnicastForm) -> bool {
        if self.form_of(peer) == form {
            return false;
        }
        match form {
            UnicastForm::Standard => self.forms.remove(&peer),
            UnicastForm::Old => self.forms.insert(peer, form),
        };
        true
    }

    /// Takes in the number of an authentication header that is genuine.
    ///
    /// **Errors**: its sender has used it before.
    pub(super) fn take_sequence(&mut self, sender: IpAddr, number: u32) -> Result<(), Replayed> {
        self.replay.accept(sender, number.into(), SENDERS, vrrp::above)?;
        self.sequence.heard(number);
        Ok(())
    }

    /// Takes in the time of a trailer that is genuine.
    ///
    /// **Errors**: it does not come after the one before of its sender.
    pub(super) fn take_stamp(
        &mut self,
        sender: IpAddr,
        stamp: Stamp,
        unix: Duration,
        instance: &Instance,
        trailer: &Trailer,
    ) -> Result<(), Replayed> {
        if trailer.freshness == Freshness::Time {
            // What is repeated of a time beyond the window is stale; and a clock that was set back must not make a
            // peer a stranger until it is there again.
            self.replay.retain(|_, number| vrrp::is_within(number, unix, trailer.window));
        }
        let room = instance.destination.unicast().map_or(SENDERS, |unicast| unicast.peers.len());
        self.replay.accept(sender, stamp.number(), room, vrrp::after)
    }

    /// Whether a clock that differs is to be said: once until the role changes.
    pub(super) fn is_skew_news(&mut self) -> bool {
        !std::mem::replace(&mut self.skew_said, true)
    }

    /// Whether a refusal is to be said: those of authentication are said once until the role changes.
    pub(super) fn is_news(&mut self, why: Discard) -> bool {
        !why.is_about_authentication() || self.said.insert(why)
    }

    /// The role changed: what was said counts no longer.
    pub(super) fn turn_over(&mut self) {
        self.said.clear();
        self.skew_said = false;
    }

    /// Forgets what counts no longer under the settings of `instance`.
    pub(super) fn keep_what_counts(&mut self, instance: &Instance) {
        let accepts = advert::accepts_old_form(instance);
        let unicast = instance.destination.unicast();
        self.forms.retain(|peer, _| accepts && unicast.is_some_and(|it| it.peer(*peer).is_some()));
    }
}
