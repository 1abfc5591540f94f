//! Counters over the lives of VRRP processes: each begins at zero, and nobody who watches shall notice.

use std::collections::BTreeMap;

use status::Counters;

/// The counters of each instance.
#[derive(Debug, Default)]
pub(super) struct Tallies(BTreeMap<String, Tally>);

/// Both parts packed: there are thousands, and few of the numbers are large.
#[derive(Clone, Debug, Default)]
struct Tally {
    /// Of all processes before, where any told of it.
    before: Option<Box<[u8]>>,
    /// Of this one, as far as it was heard.
    heard: Option<Box<[u8]>>,
}

impl Tallies {
    /// The process that runs has said this; what came of all of them so far.
    pub(super) fn hear(&mut self, name: &str, counters: &Counters) -> Counters {
        let tally = self.0.entry(name.to_owned()).or_default();
        tally.heard = packed(counters);
        tally.sum()
    }

    /// The process has ended: the next begins at zero.
    pub(super) fn turn_over(&mut self) {
        for tally in self.0.values_mut() {
            *tally = Tally { before: packed(&tally.sum()), heard: None };
        }
    }

    /// All counters begin anew.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// An instance is no more.
    pub(super) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// What came of each so far, for another program.
    pub(super) fn leave(&self) -> BTreeMap<String, Counters> {
        self.0.iter().map(|(name, tally)| (name.clone(), tally.sum())).collect()
    }

    /// What another program has left.
    pub(super) fn take_over(&mut self, left: BTreeMap<String, Counters>) {
        let tally = |before: &Counters| Tally { before: packed(before), heard: None };
        self.0 = left.into_iter().map(|(name, before)| (name, tally(&before))).collect();
    }
}

impl Tally {
    fn sum(&self) -> Counters {
        let mut sum = unpacked(self.before.as_deref());
        sum.add(&unpacked(self.heard.as_deref()));
        sum
    }
}

fn packed(counters: &Counters) -> Option<Box<[u8]>> {
    (*counters != Counters::default()).then(|| control::encode(counters).into())
}

/// Nothing is packed as nothing.
fn unpacked(bytes: Option<&[u8]>) -> Counters {
    bytes.and_then(|bytes| control::decode(bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(advertisements_sent: u64, refused: u64) -> Counters {
        let discards = [("checksum".to_owned(), refused)].into();
        Counters { advertisements_sent, discards, ..Counters::default() }
    }

    #[test]
    fn counters_go_on_over_the_lives_of_processes_and_programs() {
        let mut tallies = Tallies::default();
        assert_eq!(tallies.hear("A", &sent(3, 1)), sent(3, 1));
        assert_eq!(tallies.hear("A", &sent(5, 1)), sent(5, 1));
        tallies.turn_over();
        assert_eq!(tallies.hear("A", &sent(2, 0)), sent(7, 1));
        let mut next = Tallies::default();
        next.take_over(tallies.leave());
        assert_eq!(next.hear("A", &sent(1, 4)), sent(8, 5));
        next.forget("A");
        assert_eq!(next.hear("A", &sent(1, 0)), sent(1, 0));
        next.turn_over();
        next.clear();
        assert_eq!(next.hear("A", &sent(1, 0)), sent(1, 0));
    }
}
