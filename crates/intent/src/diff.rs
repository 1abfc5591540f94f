//! The difference between two states.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Address, AddressKey};

/// One step from what is to what should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Set an address that is missing.
    Add(Address),
    /// Take an address away.
    Remove(AddressKey),
}

/// The steps from `observed` to `desired`: removals first, each in a fixed order.
///
/// An address that is there is never touched: what remains of its lifetime says nothing against it.
#[must_use]
pub fn diff<'a>(
    desired: impl IntoIterator<Item = &'a Address>,
    observed: impl IntoIterator<Item = AddressKey>,
) -> Vec<Change> {
    let mut missing: BTreeMap<AddressKey, &Address> =
        desired.into_iter().map(|address| (address.key(), address)).collect();
    // One key may stand for several addresses, as with different other ends.
    let observed: BTreeSet<AddressKey> = observed.into_iter().collect();
    let surplus: Vec<AddressKey> =
        observed.into_iter().filter(|key| missing.remove(key).is_none()).collect();
    let removals = surplus.into_iter().map(Change::Remove);
    removals.chain(missing.into_values().cloned().map(Change::Add)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flags, IfIndex, Lifetime, PROTOCOL_KEEPALIVED};

    fn address(last: u8) -> Address {
        Address {
            interface: IfIndex(2),
            address: [192, 0, 2, last].into(),
            prefix: 24,
            peer: None,
            broadcast: None,
            scope: 0,
            label: None,
            lifetime: Lifetime::Seconds(10),
            preferred: Lifetime::Seconds(10),
            flags: Flags::default(),
            protocol: PROTOCOL_KEEPALIVED,
        }
    }

    #[test]
    fn what_stands_as_wanted_is_not_touched() {
        assert_eq!(diff(&[address(1), address(2)], [address(2).key(), address(1).key()]), []);
    }

    #[test]
    fn what_is_seen_twice_is_not_surplus() {
        let key = address(1).key();
        assert_eq!(diff(&[address(1)], [key, key]), []);
        let other = address(2).key();
        assert_eq!(diff(&[], [other, key, other]), [Change::Remove(key), Change::Remove(other)]);
    }

    #[test]
    fn what_is_becomes_what_should_be_in_the_fewest_steps() {
        let all: Vec<Address> = (1..=4).map(address).collect();
        let subset = |bits: usize| (0..4).filter(move |bit| bits >> bit & 1 == 1);
        for (desired, observed) in (0..16).flat_map(|d| (0..16).map(move |o| (d, o))) {
            let wanted: BTreeSet<AddressKey> = subset(desired).map(|i| all[i].key()).collect();
            let mut held: BTreeSet<AddressKey> = subset(observed).map(|i| all[i].key()).collect();
            let fewest = held.symmetric_difference(&wanted).count();
            let changes = diff(subset(desired).map(|i| &all[i]), held.clone());
            assert_eq!(changes.len(), fewest);
            assert!(changes.is_sorted_by_key(|change| matches!(change, Change::Add(_))));
            for change in changes {
                match change {
                    Change::Add(address) => assert!(held.insert(address.key())),
                    Change::Remove(key) => assert!(held.remove(&key)),
                }
            }
            assert_eq!(held, wanted);
        }
    }

    #[test]
    fn one_address_with_two_prefixes_is_two() {
        let narrow = Address { prefix: 32, ..address(1) };
        let changes = diff([&narrow], [address(1).key()]);
        assert_eq!(changes, [Change::Remove(address(1).key()), Change::Add(narrow)]);
    }

    #[test]
    fn surplus_goes_before_what_is_missing_comes() {
        let changes = diff(&[address(1), address(3)], [address(2).key(), address(1).key()]);
        assert_eq!(changes, [Change::Remove(address(2).key()), Change::Add(address(3))]);
    }
}
