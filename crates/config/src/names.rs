//! Names that iproute2 gives to numbers: tables, protocols, scopes, realms and types of service.
//!
//! Which files there are is the daemon's business; it hands their text in. What every iproute2 knows is known without.
//! **Source**: ip-route(8), `/etc/iproute2/rt_tables` and its like.

use std::collections::BTreeMap;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    /// A routing table.
    Table,
    /// Who set a route.
    Protocol,
    /// How far a route reaches.
    Scope,
    /// A realm.
    Realm,
    /// A type of service.
    Field,
}

impl NameKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Table, Self::Protocol, Self::Scope, Self::Realm, Self::Field];

    /// The name of its file, and of the directory beside it with `.d` behind the name.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Table => "rt_tables",
            Self::Protocol => "rt_protos",
            Self::Scope => "rt_scopes",
            Self::Realm => "rt_realms",
            Self::Field => "rt_dsfield",
        }
    }

    /// What it is called in a message.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Table => "routing table",
            Self::Protocol => "routing protocol",
            Self::Scope => "scope",
            Self::Realm => "realm",
            Self::Field => "type of service",
        }
    }

    /// The greatest number of the kind; the least is 0.
    pub(crate) const fn most(self) -> u32 {
        match self {
            Self::Table => u32::MAX,
            Self::Realm => 0xffff,
            Self::Protocol | Self::Scope | Self::Field => 0xff,
        }
    }

    const fn built_in(self) -> &'static [(&'static str, u32)] {
        match self {
            Self::Table => &[("unspec", 0), ("default", 253), ("main", 254), ("local", 255)],
            Self::Protocol => &[
                ("unspec", 0),
                ("redirect", 1),
                ("kernel", 2),
                ("boot", 3),
                ("static", 4),
                ("gated", 8),
                ("ra", 9),
                ("mrt", 10),
                ("zebra", 11),
                ("bird", 12),
                ("dnrouted", 13),
                ("xorp", 14),
                ("ntk", 15),
                ("dhcp", 16),
                ("keepalived", 18),
                ("babel", 42),
                ("bgp", 186),
                ("isis", 187),
                ("ospf", 188),
                ("rip", 189),
                ("eigrp", 192),
            ],
            Self::Scope => &[
                ("global", 0),
                ("universe", 0),
                ("site", 200),
                ("link", 253),
                ("host", 254),
                ("nowhere", 255),
            ],
            Self::Realm => &[("cosmos", 0)],
            Self::Field => &[],
        }
    }
}

/// The names of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    numbers: BTreeMap<(NameKind, String), u32>,
    /// The host's files were looked at.
    is_read: bool,
}

impl Names {
    /// What every iproute2 knows.
    pub const fn built_in() -> Self {
        Self { numbers: BTreeMap::new(), is_read: false }
    }

    /// The names in these files, of which a later one overrules an earlier.
    pub fn of_files<'f>(files: impl IntoIterator<Item = (NameKind, &'f str)>) -> Self {
        let mut names = Self { numbers: BTreeMap::new(), is_read: true };
        for (kind, text) in files {
            names.take(kind, text);
        }
        names
    }

    /// Whether the host's files were looked at.
    pub(crate) const fn is_read(&self) -> bool {
        self.is_read
    }

    /// The number behind a word: written out, in decimal or with `0x`, or by its name.
    pub(crate) fn number(&self, kind: NameKind, word: &str) -> Option<u32> {
        if word.starts_with(|first: char| first.is_ascii_digit()) {
            return number(word).filter(|number| *number <= kind.most());
        }
        let known = self.numbers.get(&(kind, word.to_owned())).copied();
        let built_in = || kind.built_in().iter().find(|(name, _)| *name == word);
        known.or_else(|| built_in().map(|(_, number)| *number))
    }

    /// Every name of a kind.
    pub(crate) fn of_kind(&self, kind: NameKind) -> impl Iterator<Item = &str> {
        let own = self.numbers.keys().filter(move |(other, _)| *other == kind);
        let built_in = kind.built_in().iter().map(|(name, _)| *name);
        own.map(|(_, name)| name.as_str()).chain(built_in)
    }

    /// Lines of a number and a name; what is none says nothing.
    fn take(&mut self, kind: NameKind, text: &str) {
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let (Some(value), Some(name)) = (words.next().and_then(number), words.next()) else {
                continue;
            };
            if value <= kind.most() {
                self.numbers.insert((kind, name.to_owned()), value);
            }
        }
    }
}

/// A whole number in decimal, or in hexadecimal behind `0x`.
pub(crate) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) if !hex.starts_with('+') => u32::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None => text.parse().ok().filter(|_| !text.starts_with('+')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_names_beside_those_that_are_built_in() {
        let text = "#\n# reserved\n#\n255\tlocal\n0x64 uplink # ours\n 7 a b\nnonsense\n-1 x\n99999999999 y\n";
        let names = Names::of_files([
            (NameKind::Table, text),
            (NameKind::Protocol, "300 big\n77 mine\n"),
            (NameKind::Table, "8 a\n"),
        ]);
        let table = |name| names.number(NameKind::Table, name);
        assert_eq!((table("uplink"), table("a"), table("main")), (Some(100), Some(8), Some(254)));
        assert_eq!((table("b"), table("x"), table("y"), table("mine")), (None, None, None, None));
        assert_eq!(
            (table("0x10"), table("4294967295"), table("4294967296")),
            (Some(16), Some(u32::MAX), None)
        );
        let protocol = |name| names.number(NameKind::Protocol, name);
        assert_eq!((protocol("mine"), protocol("big"), protocol("256")), (Some(77), None, None));
        assert_eq!(Names::built_in().number(NameKind::Scope, "link"), Some(253));
        assert!(names.of_kind(NameKind::Table).any(|name| name == "uplink"));
    }

    #[test]
    fn signs_are_no_part_of_a_number() {
        for text in ["+1", "-1", "0x+1", "0x-1", "", "0x", "1 "] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!((number("010"), number("0XfF")), (Some(10), Some(255)));
    }
}
