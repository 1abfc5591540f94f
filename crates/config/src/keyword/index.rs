//! The table by place and name: made once, asked for every line of a configuration.

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
    /// Sorted by length, then name: most comparisons are of numbers.
    entries: Vec<Entry>,
}

/// The row of a keyword at a place.
pub(super) fn at(place: PlaceId, name: &str) -> Option<&'static Entry> {
    let entries = &INDEX.get(place.0)?.entries;
    let key = |entry: &Entry| {
        let known = entry.keyword.name;
        known.len().cmp(&name.len()).then_with(|| known.cmp(name))
    };
    entries.get(entries.binary_search_by(key).ok()?)
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
        let mut entries: Vec<Entry> = Vec::new();
        for keyword in place.keywords() {
            // Where a place has a name twice, the last row counts.
            entries.retain(|other| other.keyword.name != keyword.name);
            entries.push(entry(keyword));
        }
        entries.sort_by_key(|entry| (entry.keyword.name.len(), entry.keyword.name));
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
