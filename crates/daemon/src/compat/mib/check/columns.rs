//! A table whose values are computed when they are asked for.

use std::ops::RangeInclusive;

use agentx::{Oid, Value, VarBind};

/// A table whose rows have one number, or two where there are rows `under` others. They count from 1.
pub(super) struct Table<'t> {
    /// Name of its columns without their numbers.
    pub(super) entry: Oid,
    pub(super) columns: RangeInclusive<u32>,
    pub(super) rows: u32,
    /// How many rows there are under this one.
    pub(super) under: Option<Box<dyn Fn(u32) -> u32 + 't>>,
    /// The value of a column of a row, whose second number is 0 where there is none.
    pub(super) value: Box<dyn Fn(u32, [u32; 2]) -> Option<Value> + 't>,
}

impl Table<'_> {
    pub(super) fn value(&self, name: &Oid) -> Value {
        let below = name.parts().get(self.entry.parts().len()..).unwrap_or_default();
        let Some((column, index)) = below.split_first() else { return Value::NoSuchObject };
        if !self.columns.contains(column) {
            return Value::NoSuchObject;
        }
        let row = match (index, &self.under) {
            ([row], None) => [*row, 0],
            ([row, under], Some(_)) => [*row, *under],
            _ => return Value::NoSuchInstance,
        };
        // One of another number is none of this table, whatever is asked for it.
        let is_there = self.from(index, true) == Some(row);
        is_there.then(|| (self.value)(*column, row)).flatten().unwrap_or(Value::NoSuchInstance)
    }

    pub(super) fn next(&self, start: &Oid, include: bool, end: &Oid) -> Option<VarBind> {
        let entry = self.entry.parts();
        let below = if start.is_within(entry) {
            start.parts().get(entry.len()..).unwrap_or_default()
        } else if start.parts() < entry {
            &[]
        } else {
            return None;
        };
        let (asked, index) =
            below.split_first().map_or((0, &[][..]), |(column, index)| (*column, index));
        for column in self.columns.clone().skip_while(|column| *column < asked) {
            let mut row =
                if column == asked { self.from(index, include) } else { self.from(&[], true) };
            while let Some(found) = row {
                let name = self.name(column, found);
                if !end.is_null() && name >= *end {
                    return None;
                }
                if let Some(value) = (self.value)(column, found) {
                    return Some(VarBind { name, value });
                }
                row = self.behind(found);
            }
        }
        None
    }

    /// The first row that is not before an index, nor is it where that is not included.
    fn from(&self, index: &[u32], include: bool) -> Option<[u32; 2]> {
        let (row, under) = match (index, &self.under) {
            ([], _) => (1, 1),
            ([row], None) => (row.saturating_add(u32::from(!include)), 1),
            ([row, ..], None) => (row.saturating_add(1), 1),
            ([row], Some(_)) => (*row, 1),
            ([row, under], Some(_)) => (*row, under.saturating_add(u32::from(!include))),
            ([row, under, ..], Some(_)) => (*row, under.saturating_add(1)),
        };
        if row == 0 { self.settle([1, 1]) } else { self.settle([row, under.max(1)]) }
    }

    fn behind(&self, [row, under]: [u32; 2]) -> Option<[u32; 2]> {
        match self.under {
            None => self.settle([row.saturating_add(1), 1]),
            Some(_) => self.settle([row, under.saturating_add(1)]),
        }
    }

    /// This row, or the first behind it that there is.
    fn settle(&self, [mut row, mut under]: [u32; 2]) -> Option<[u32; 2]> {
        while row <= self.rows {
            match &self.under {
                None => return Some([row, 0]),
                Some(count) if under <= count(row) => return Some([row, under]),
                Some(_) => (row, under) = (row.saturating_add(1), 1),
            }
        }
        None
    }

    fn name(&self, column: u32, [row, under]: [u32; 2]) -> Oid {
        match self.under {
            None => self.entry.join(&[column, row]),
            Some(_) => self.entry.join(&[column, row, under]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows 1 with two under it, 2 with none, 3 with one; the third column has a value in row 3.1 alone.
    fn table() -> Table<'static> {
        Table {
            entry: Oid::new(&[1, 4, 1]),
            columns: 2..=4,
            rows: 3,
            under: Some(Box::new(|row| match row {
                1 => 2,
                2 => 0,
                _ => 1,
            })),
            value: Box::new(|column, [row, under]| match (column, row) {
                (3, 1) => None,
                _ => Some(Value::Gauge32(column * 100 + row * 10 + under)),
            }),
        }
    }

    fn walk(table: &Table<'_>) -> Vec<String> {
        let (mut name, mut found) = (Oid::new(&[1]), Vec::new());
        while let Some(bind) = table.next(&name, false, &Oid::default()) {
            found.push(format!("{} {:?}", bind.name, bind.value));
            name = bind.name;
        }
        found
    }

    #[test]
    fn a_walk_goes_column_by_column_over_rows_that_have_a_value() {
        let expected = [
            ".1.4.1.2.1.1 Gauge32(211)",
            ".1.4.1.2.1.2 Gauge32(212)",
            ".1.4.1.2.3.1 Gauge32(231)",
            ".1.4.1.3.3.1 Gauge32(331)",
            ".1.4.1.4.1.1 Gauge32(411)",
            ".1.4.1.4.1.2 Gauge32(412)",
            ".1.4.1.4.3.1 Gauge32(431)",
        ];
        assert_eq!(walk(&table()), expected);
        let single = Table { under: None, rows: 2, columns: 2..=2, ..table() };
        assert_eq!(walk(&single), [".1.4.1.2.1 Gauge32(210)", ".1.4.1.2.2 Gauge32(220)"]);
    }

    #[test]
    fn a_search_begins_anywhere_and_ends_where_it_shall() {
        let next = |start: &[u32], include, end: &[u32]| {
            let found = table().next(&Oid::new(start), include, &Oid::new(end));
            found.map(|it| it.name.to_string())
        };
        for (start, include, expected) in [
            (&[1, 3][..], false, Some(".1.4.1.2.1.1")),
            (&[1, 4, 1], true, Some(".1.4.1.2.1.1")),
            (&[1, 4, 1, 1], false, Some(".1.4.1.2.1.1")),
            (&[1, 4, 1, 2, 0, 7], false, Some(".1.4.1.2.1.1")),
            (&[1, 4, 1, 2, 1, 1], true, Some(".1.4.1.2.1.1")),
            (&[1, 4, 1, 2, 1, 1], false, Some(".1.4.1.2.1.2")),
            (&[1, 4, 1, 2, 1, 1, 9], true, Some(".1.4.1.2.1.2")),
            (&[1, 4, 1, 2, 1, 2], false, Some(".1.4.1.2.3.1")),
            (&[1, 4, 1, 2, 1], true, Some(".1.4.1.2.1.1")),
            (&[1, 4, 1, 2, 3, 1], false, Some(".1.4.1.3.3.1")),
            (&[1, 4, 1, 2, u32::MAX, u32::MAX], false, Some(".1.4.1.3.3.1")),
            (&[1, 4, 1, 4, 3, 1], false, None),
            (&[1, 4, 1, 5], false, None),
            (&[1, 5], false, None),
        ] {
            assert_eq!(next(start, include, &[]).as_deref(), expected, "{start:?}");
        }
        assert_eq!(next(&[1, 4, 1, 2, 1, 2], false, &[1, 4, 1, 2, 3, 1]), None);
        assert_eq!(next(&[1, 3], false, &[1, 4]), None);
    }

    #[test]
    fn a_value_is_there_or_is_said_to_be_missing() {
        let value = |name: &[u32]| table().value(&Oid::new(name));
        assert_eq!(value(&[1, 4, 1, 4, 3, 1]), Value::Gauge32(431));
        assert_eq!(value(&[1, 4, 1, 3, 1, 1]), Value::NoSuchInstance);
        for name in
            [&[1, 4, 1, 4, 3, 2][..], &[1, 4, 1, 4, 0, 1], &[1, 4, 1, 4, 3], &[1, 4, 1, 4, 4, 1]]
        {
            assert_eq!(value(name), Value::NoSuchInstance, "{name:?}");
        }
        assert_eq!(value(&[1, 4, 1, 5, 1, 1]), Value::NoSuchObject);
        assert_eq!(value(&[1, 4, 1]), Value::NoSuchObject);
    }
}
