//! Everything that can be asked for.

use crate::{Oid, Value, VarBind};

/// Values by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// In order, each name once.
    entries: Vec<VarBind>,
}

impl FromIterator<VarBind> for Tree {
    /// Of a name that comes several times, the first counts.
    fn from_iter<I: IntoIterator<Item = VarBind>>(binds: I) -> Self {
        let mut entries: Vec<VarBind> = binds.into_iter().collect();
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        entries.dedup_by(|later, earlier| later.name == earlier.name);
        Self { entries }
    }
}

/// Values that can be asked for by their names.
pub trait View {
    /// The value of a name.
    fn value(&self, name: &Oid) -> Value;

    /// The first value from `start` on, or behind it where that is not included, and before `end`, where that is not null.
    fn next(&self, start: &Oid, include: bool, end: &Oid) -> Option<VarBind>;
}

/// Several views as one: a name that several know is the first one's.
pub struct Views<'v>(pub &'v [&'v dyn View]);

impl View for Views<'_> {
    fn value(&self, name: &Oid) -> Value {
        let mut missing = Value::NoSuchObject;
        for view in self.0 {
            let value = view.value(name);
            if value == Value::NoSuchInstance {
                missing = value;
            } else if value != Value::NoSuchObject {
                return value;
            }
        }
        missing
    }

    fn next(&self, start: &Oid, include: bool, end: &Oid) -> Option<VarBind> {
        let found = self.0.iter().filter_map(|view| view.next(start, include, end));
        found.min_by(|one, other| one.name.cmp(&other.name))
    }
}

impl View for Tree {
    fn value(&self, name: &Oid) -> Value {
        if let Ok(place) = self.entries.binary_search_by(|entry| entry.name.cmp(name))
            && let Some(entry) = self.entries.get(place)
        {
            return entry.value.clone();
        }
        // Others of the same kind differ in the last part only, as far as can be told from here.
        let kind = name.parts().split_last().map_or(&[][..], |(_, kind)| kind);
        let first = self.entries.partition_point(|entry| entry.name.parts() < kind);
        let is_known = self.entries.get(first).is_some_and(|entry| entry.name.is_within(kind));
        if is_known && !kind.is_empty() { Value::NoSuchInstance } else { Value::NoSuchObject }
    }

    fn next(&self, start: &Oid, include: bool, end: &Oid) -> Option<VarBind> {
        let place = self.entries.partition_point(|entry| {
            if include { entry.name < *start } else { entry.name <= *start }
        });
        self.entries.get(place).filter(|entry| end.is_null() || entry.name < *end).cloned()
    }
}

impl Tree {
    /// All of it, in order.
    pub fn iter(&self) -> impl Iterator<Item = &VarBind> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let bind = |parts: &[u32]| VarBind {
            name: Oid::new(parts),
            value: Value::Gauge32(*parts.last().unwrap()),
        };
        [bind(&[1, 3, 2]), bind(&[1, 3, 1]), bind(&[1, 3, 1, 5]), bind(&[1, 10])]
            .into_iter()
            .collect()
    }

    #[test]
    fn names_are_found_in_their_order_which_is_that_of_numbers() {
        let tree = tree();
        let mut name = Oid::default();
        let mut found = Vec::new();
        while let Some(bind) = tree.next(&name, false, &Oid::default()) {
            found.push(bind.name.to_string());
            name = bind.name.clone();
        }
        assert_eq!(found, [".1.3.1", ".1.3.1.5", ".1.3.2", ".1.10"]);
    }

    #[test]
    fn a_search_keeps_within_its_bounds() {
        let tree = tree();
        let next = |start: &[u32], include, end: &[u32]| {
            tree.next(&Oid::new(start), include, &Oid::new(end)).map(|bind| bind.name.to_string())
        };
        assert_eq!(next(&[1, 3, 1], true, &[]).as_deref(), Some(".1.3.1"));
        assert_eq!(next(&[1, 3, 1], false, &[]).as_deref(), Some(".1.3.1.5"));
        assert_eq!(next(&[1, 3, 2], false, &[1, 4]), None);
        assert_eq!(next(&[1, 3, 2], false, &[1, 10]), None, "the end is not part of it");
        assert_eq!(next(&[2], false, &[]), None);
    }

    #[test]
    fn several_trees_are_asked_as_one() {
        let other: Tree = [VarBind { name: Oid::new(&[1, 3, 1, 7]), value: Value::Gauge32(9) }]
            .into_iter()
            .collect();
        let (tree, end) = (tree(), Oid::default());
        let views = Views(&[&tree, &other]);
        let next =
            |start: &[u32]| views.next(&Oid::new(start), false, &end).map(|it| it.name.to_string());
        assert_eq!(next(&[1, 3, 1, 5]).as_deref(), Some(".1.3.1.7"));
        assert_eq!(next(&[1, 3, 1, 7]).as_deref(), Some(".1.3.2"));
        assert_eq!(next(&[1, 10]), None);
        assert_eq!(views.value(&Oid::new(&[1, 3, 1, 7])), Value::Gauge32(9));
        assert_eq!(views.value(&Oid::new(&[1, 3, 1, 8])), Value::NoSuchInstance);
        assert_eq!(views.value(&Oid::new(&[2, 1])), Value::NoSuchObject);
    }

    #[test]
    fn what_is_missing_says_whether_there_is_something_of_its_kind() {
        let tree = tree();
        let value = |parts: &[u32]| tree.value(&Oid::new(parts));
        assert_eq!(value(&[1, 3, 2]), Value::Gauge32(2));
        assert_eq!(value(&[1, 3, 7]), Value::NoSuchInstance);
        assert_eq!(value(&[1, 4, 7]), Value::NoSuchObject);
        assert_eq!(value(&[]), Value::NoSuchObject);
    }
}
