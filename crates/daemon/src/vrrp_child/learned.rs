//! What the packets of other routers have taught about them. It outlives a reload.

use std::collections::BTreeMap;
use std::net::IpAddr;

use config::model::Instance;
use wire::vrrp::UnicastForm;

use super::advert;

/// What is known of the peers of one instance.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// Checksums of unicast peers that do not use the standard form.
    forms: BTreeMap<IpAddr, UnicastForm>,
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

    /// Forgets what counts no longer under the settings of `instance`.
    pub(super) fn keep_what_counts(&mut self, instance: &Instance) {
        let accepts = advert::accepts_old_form(instance);
        let unicast = instance.destination.unicast();
        self.forms.retain(|peer, _| accepts && unicast.is_some_and(|it| it.peer(*peer).is_some()));
    }
}
