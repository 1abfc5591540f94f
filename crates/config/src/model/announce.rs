//! `garp_*`: how announcements are shared out.

use core::time::Duration;
use std::collections::BTreeSet;

/// Interfaces that share a rate of announcements, instead of that of `global_defs` for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GarpGroup {
    /// `interface` and `interfaces`; links on them count as they.
    pub interfaces: BTreeSet<String>,
    /// Least time between two gratuitous ARP on any of them; zero for none.
    pub garp_interval: Duration,
    /// The same of unsolicited neighbour advertisements.
    pub gna_interval: Duration,
}

/// Links of an instance on which it is heard by announcements alone, so that switches do not forget where they lead: all
/// but the one through which it advertises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExtraLinks {
    /// Virtual MAC links only.
    #[default]
    Virtual,
    /// `all`.
    All,
}
