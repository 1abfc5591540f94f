//! nftables: tables, sets and rules, changed in transactions that happen whole or not at all.
//!
//! Only what the daemon needs: base chains, sets and maps whose elements may expire, and rules that compare and look
//! up. What a ruleset means is the caller's. **Source**: linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h.

mod rule;
mod socket;
mod transaction;

pub use rule::{Field, Rule};
pub use socket::Nftables;
pub use transaction::{Element, Hook, Set, SetKind, Table, TableFamily, Transaction};
