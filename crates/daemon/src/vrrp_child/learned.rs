//! What the packets of other routers have taught about them. It outlives a reload.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use config::model::{Freshness, Instance, Proof, Trailer};
use control::{Numbers, ToParent};
use vrrp::{InstanceId, ReplayGuard, Replayed, SENDERS, Sequence, Stamps};
use wire::vrrp::{Discard, Stamp, UnicastForm};

use super::{Shell, advert};
use crate::child::Orphaned;

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
    /// With what a process before this one has told of what it heard, where there was one.
    pub(super) fn resume(numbers: Option<Numbers>) -> Self {
        Self { replay: ReplayGuard::resume(numbers.unwrap_or_default()), ..Self::default() }
    }

    /// What a successor of this process needs to know.
    pub(super) fn numbers(&self) -> &[(IpAddr, u64)] {
        self.replay.numbers()
    }

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
        // Numbers of headers and of trailers cannot be compared: those of a proof that was given up would refuse the other.
        let proof = instance.proof.as_deref();
        self.replay.retain(|_, number| match proof {
            None => false,
            Some(Proof::Header(_)) => number <= u32::MAX.into(),
            Some(Proof::Trailer(_)) => number > u32::MAX.into(),
        });
    }
}

impl Shell {
    /// Tells the parent, before a beat, what was heard since the last one. A parent that is busy is told with the next.
    pub(super) fn tell_numbers(&mut self) -> Result<(), Orphaned> {
        while !self.proved.is_empty() {
            let part: Vec<InstanceId> = self.proved.iter().take(PART).copied().collect();
            let numbers = part.iter().filter_map(|id| {
                let name = self.settled.instances.get(id)?.name.clone();
                Some((name, self.bindings.get(id)?.learned.numbers().to_vec()))
            });
            if !self.startup.parent.offer(&ToParent::Numbers(numbers.collect()))? {
                break;
            }
            for id in part {
                self.proved.remove(&id);
            }
        }
        Ok(())
    }
}

/// Instances in one message: with names and senders at their longest, a message holds more.
const PART: usize = 64;

#[cfg(test)]
mod tests {
    use config::source::SourceSet;
    use config::syntax::Environment;

    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    /// An instance with these lines of authentication.
    fn instance(lines: &str) -> Instance {
        let text = format!(
            "vrrp_instance A {{\n interface eth0\n virtual_router_id 51\n {lines}\n \
             virtual_ipaddress {{\n 192.0.2.1/24\n }}\n}}\n"
        );
        let sources = SourceSet::single("x.conf", text);
        config::check(&sources, &Environment::of_host("host")).model.instances.remove(0)
    }

    #[test]
    fn numbers_of_a_proof_that_was_given_up_refuse_nobody() {
        let header = instance("version 2\n authentication {\n auth_type AH\n auth_pass s3cret\n }");
        assert!(header.proof.is_some());
        let trailed = (PEER, 1_800_000_000 << 32);
        let mut learned = Learned::resume(Some(vec![trailed]));
        learned.keep_what_counts(&header);
        assert_eq!(learned.take_sequence(PEER, 7), Ok(()));
        assert_eq!(learned.take_sequence(PEER, 7), Err(Replayed));
        // The same proof as before: what was heard counts.
        let mut learned = Learned::resume(Some(learned.numbers().to_vec()));
        learned.keep_what_counts(&header);
        assert_eq!(learned.take_sequence(PEER, 7), Err(Replayed));
        learned.keep_what_counts(&instance(""));
        assert_eq!(learned.numbers(), []);
    }
}
