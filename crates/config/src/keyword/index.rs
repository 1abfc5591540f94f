//! The table by place and name: made once, asked for every line of a configuration.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use super::{Keyword, table};
use crate::syntax::{Form, PlaceId};

/// The outermost place.
pub(super) const TOP: PlaceId = PlaceId(0);

/// A row of the table with what follows from it.
pub(super) struct Entry {
    pub(super) keyword: &'static Keyword,
    pub(super) form: Form,
    /// The place in its block, where the table has rows for it.
    pub(super) inside: Option<PlaceId>,
}

/// One place.
struct Names {
    path: &'static [&'static str],
    entries: HashMap<&'static str, Entry, BuildHasherDefault<Sketch>>,
}

/// The row of a keyword at a place.
pub(super) fn at(place: PlaceId, name: &str) -> Option<&'static Entry> {
    INDEX.get(place.0)?.entries.get(name)
}

/// The place of a path.
pub(super) fn place(path: &[&str]) -> Option<PlaceId> {
    path.iter().try_fold(TOP, |place, name| at(place, name)?.inside)
}

/// The path of a place.
pub(super) fn path(place: PlaceId) -> &'static [&'static str] {
    INDEX.get(place.0).map_or(&[], |names| names.path)
}

static INDEX: LazyLock<Vec<Names>> = LazyLock::new(|| {
    let names = table::PLACES.iter().map(|place| {
        let entry = |keyword: &'static Keyword| Entry {
            keyword,
            form: keyword.shape.form(),
            inside: within(place.path, keyword.name),
        };
        // Where a place has a name twice, the last row counts.
        let entries = place.keywords().map(|keyword| (keyword.name, entry(keyword))).collect();
        Names { path: place.path, entries }
    });
    names.collect()
});

/// The place in the block of a keyword of the block of a path.
fn within(path: &[&str], name: &str) -> Option<PlaceId> {
    let inside = |place: &super::Place| {
        place.path.split_last().is_some_and(|(last, outside)| *last == name && outside == path)
    };
    table::PLACES.iter().position(inside).map(PlaceId)
}

/// A hash of the length and four bytes of a name: the names of one place rarely share them, whoever chooses the
/// words that are looked up.
#[derive(Default)]
struct Sketch(u64);

impl Hasher for Sketch {
    fn write(&mut self, name: &[u8]) {
        let length = name.len();
        let byte = |at: usize| name.get(at).copied().map_or(0, u64::from);
        let ends = byte(0) | byte(length.wrapping_sub(1)) << 8;
        let middle = byte(length / 2) << 16 | byte(length.wrapping_sub(3)) << 24;
        let length = u64::try_from(length).unwrap_or(u64::MAX) << 32;
        self.0 = (ends | middle | length).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    /// What ends a text says nothing here: there is one text for each hash.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found_by_its_path() {
        for (number, one) in table::PLACES.iter().enumerate() {
            assert_eq!(place(one.path), Some(PlaceId(number)), "{:?}", one.path);
            for keyword in one.keywords() {
                let entry = at(PlaceId(number), keyword.name).unwrap();
                assert_eq!(entry.keyword.name, keyword.name);
            }
        }
    }
}
