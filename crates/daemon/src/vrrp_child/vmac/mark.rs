//! What stood before us, written where it survives us: in the alias of each virtual MAC link.
//!
//! The settings of a parent are the host's, and are put back at the end, also by the successor of a process that was
//! killed, or of a whole daemon. The kernel keeps an alias for as long as it keeps the link, and no longer: a record that
//! cannot be stale. `ip link` shows it. A link that has an alias of somebody else keeps that, and has no record.

use std::collections::BTreeMap;
use std::fmt;

use kernel::sysctl::Setting;

use crate::presence::is_name;

/// Settings as they were.
pub(super) type Before = BTreeMap<Setting, i32>;

/// The record on one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The daemon, by the name of its [`Presence`](crate::presence::Presence).
    pub(super) owner: String,
    /// Whose the link is.
    pub(super) origin: Origin,
    /// What the settings of the parent were.
    pub(super) parent: Before,
}

/// Whose a link is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// We made it, and remove it.
    Ours,
    /// It was there: how it was.
    Host {
        /// Whether it was up.
        up: bool,
        /// Its settings.
        settings: Before,
    },
}

impl Mark {
    /// The record of an alias; nothing for the alias of somebody else.
    pub(super) fn parse(alias: &str) -> Option<Self> {
        let mut parts = alias.split("; ");
        let mut head = parts.next()?.split(' ');
        if head.next()? != WORD {
            return None;
        }
        let owner = head.next().filter(|name| is_name(name))?.to_owned();
        let origin = match head.next()? {
            "made" => Origin::Ours,
            state @ ("up" | "down") => {
                Origin::Host { up: state == "up", settings: settings(parts.next()?)? }
            }
            _ => return None,
        };
        let parent = settings(parts.next()?.strip_prefix("parent ")?)?;
        Some(Self { owner, origin, parent })
    }
}

/// `steadfast 4026531836-4711-123456 made; parent arp_ignore=0 arp_filter=0 arp_announce=0`.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{WORD} {} ", self.owner)?;
        match &self.origin {
            Origin::Ours => f.write_str("made")?,
            Origin::Host { up, settings } => {
                write!(f, "{}; {}", if *up { "up" } else { "down" }, List(settings))?;
            }
        }
        write!(f, "; parent {}", List(&self.parent))
    }
}

struct List<'a>(&'a Before);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (setting, value)) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { " " };
            write!(f, "{gap}{}={value}", setting.name())?;
        }
        Ok(())
    }
}

fn settings(text: &str) -> Option<Before> {
    let one = |word: &str| {
        let (name, value) = word.split_once('=')?;
        Some((Setting::of_name(name)?, value.parse().ok()?))
    };
    text.split(' ').filter(|word| !word.is_empty()).map(one).collect()
}

const WORD: &str = "steadfast";

#[cfg(test)]
mod tests {
    use super::*;

    fn parent() -> Before {
        [(Setting::ArpIgnore, 0), (Setting::ArpFilter, 2), (Setting::ArpAnnounce, 1)].into()
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let owner = "4026531836-4711-123456".to_owned();
        let made = Mark { owner, origin: Origin::Ours, parent: parent() };
        assert_eq!(
            made.to_string(),
            "steadfast 4026531836-4711-123456 made; parent arp_ignore=0 arp_filter=2 arp_announce=1"
        );
        let settings = [
            (Setting::ArpIgnore, 1),
            (Setting::RpFilter, 2),
            (Setting::AcceptLocal, 0),
            (Setting::Forwarding, 1),
            (Setting::PromoteSecondaries, 0),
            (Setting::DisableIpv6, 1),
            (Setting::AddrGenMode, 1),
            (Setting::AcceptRa, 0),
        ];
        let settings: Before = settings.into();
        let origin = Origin::Host { up: false, settings };
        let owner = format!("{}-4194304-{}", u32::MAX, u64::MAX);
        let kept = Mark { owner, origin, parent: parent() };
        for mark in [made, kept] {
            let text = mark.to_string();
            // What the kernel takes: IFALIASZ without its NUL.
            assert!(text.len() <= 255, "{text}");
            assert_eq!(Mark::parse(&text), Some(mark));
        }
    }

    #[test]
    fn an_alias_of_somebody_else_is_no_record() {
        for text in
            ["", "uplink to rack 7", "steadfast", "steadfast 1 made; parent ", "steadfast 1-2-3"]
        {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
        for text in [
            "steadfast 1-2-3 made; parent arp_ignore",
            "steadfast 1-2-3 made; parent ../x=1",
            "steadfast 1-2-3 made; parent arp_ignore=x",
            "steadfast 1-2-3 gone; parent arp_ignore=1",
        ] {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
    }
}
