//! Names of values.

use core::fmt;

/// An object identifier; ordered as SNMP orders names.
///
/// **Shape**: at most [`Oid::LONGEST`] sub-identifiers (RFC 2578 §3.5); what would be longer is cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(Vec<u32>);

impl Oid {
    /// Sub-identifiers of the longest name.
    pub const LONGEST: usize = 128;

    /// The name of these sub-identifiers.
    #[must_use]
    pub fn new(parts: &[u32]) -> Self {
        Self(parts.iter().copied().take(Self::LONGEST).collect())
    }

    /// This name with more behind it.
    #[must_use]
    pub fn join(&self, parts: &[u32]) -> Self {
        Self(self.0.iter().chain(parts).copied().take(Self::LONGEST).collect())
    }

    /// Its sub-identifiers.
    #[must_use]
    pub fn parts(&self) -> &[u32] {
        &self.0
    }

    /// Whether it names nothing.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is `root` or below it.
    #[must_use]
    pub fn is_within(&self, root: &[u32]) -> bool {
        self.0.starts_with(root)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| write!(f, ".{part}"))
    }
}
