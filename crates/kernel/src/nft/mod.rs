//! nftables: tables, sets and rules, changed in transactions that happen whole or not at all.
//!
//! Only what the daemon needs: base chains, sets and maps whose elements may expire, rules that compare, look up, and
//! send packets elsewhere. What a ruleset means is the caller's. **Source**: linux/netfilter/nf_tables.h,
//! linux/netfilter/nfnetlink.h.

mod read;
mod rule;
mod set;
mod socket;
mod steering;
mod transaction;
mod verdict;

pub use read::{Reader, SeenElement};
pub use rule::{Field, Rule};
pub use set::{Element, Set, SetKind, Value};
pub use socket::Nftables;
pub use transaction::{Hook, Table, TableFamily, Transaction};
pub use verdict::Verdict;
