//! Values of the checks of one server, in the order of their numbers.

use serde::{Deserialize, Serialize};

use crate::CheckId;

/// A map for a few checks. Most servers have one, for which a tree would keep room for eleven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByCheck<T>(Vec<(CheckId, T)>);

impl<T> ByCheck<T> {
    /// Of no check.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether it has no check.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// That of a check.
    #[must_use]
    pub fn get(&self, check: &CheckId) -> Option<&T> {
        self.0.iter().find(|(id, _)| id == check).map(|(_, it)| it)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, check: &CheckId) -> Option<&mut T> {
        self.0.iter_mut().find(|(id, _)| id == check).map(|(_, it)| it)
    }

    /// Adds or replaces that of a check.
    pub fn insert(&mut self, check: CheckId, value: T) {
        match self.get_mut(&check) {
            Some(old) => *old = value,
            None => {
                let place = self.0.partition_point(|(id, _)| *id < check);
                self.0.reserve_exact(1);
                self.0.insert(place, (check, value));
            }
        }
    }

    /// Leaves those for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&CheckId, &mut T) -> bool) {
        self.0.retain_mut(|(id, it)| keep(id, it));
    }

    /// Which checks there are.
    pub fn keys(&self) -> impl Iterator<Item = &CheckId> {
        self.0.iter().map(|(id, _)| id)
    }

    /// Their values.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, it)| it)
    }

    /// Both.
    pub fn iter(&self) -> impl Iterator<Item = (&CheckId, &T)> {
        self.0.iter().map(|(id, it)| (id, it))
    }

    /// Both, to change the values.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&CheckId, &mut T)> {
        self.0.iter_mut().map(|(id, it)| (&*id, it))
    }
}

impl<T> Default for ByCheck<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> FromIterator<(CheckId, T)> for ByCheck<T> {
    fn from_iter<I: IntoIterator<Item = (CheckId, T)>>(all: I) -> Self {
        let mut this = Self::new();
        all.into_iter().for_each(|(check, it)| this.insert(check, it));
        this
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_the_order_of_checks_and_the_last_of_one_counts() {
        let all = [(3, 'c'), (1, 'a'), (2, 'x'), (2, 'b')];
        let mut map: ByCheck<char> = all.into_iter().map(|(id, it)| (CheckId(id), it)).collect();
        let shown =
            |map: &ByCheck<char>| map.iter().map(|(id, it)| (id.0, *it)).collect::<Vec<_>>();
        assert_eq!(shown(&map), [(1, 'a'), (2, 'b'), (3, 'c')]);
        assert_eq!((map.get(&CheckId(2)), map.get(&CheckId(4))), (Some(&'b'), None));
        map.retain(|id, _| id.0 != 1);
        map.iter_mut().for_each(|(_, it)| it.make_ascii_uppercase());
        assert_eq!(shown(&map), [(2, 'B'), (3, 'C')]);
    }
}
