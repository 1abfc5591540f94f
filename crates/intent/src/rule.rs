//! One rule that chooses a routing table.

use core::fmt;
use std::fmt::Write as _;

use wire::Family;

use crate::Prefix;

/// What a rule does with the packets that it is about (`FR_ACT_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleAction {
    /// Looks into a table.
    Table(u32),
    /// Looks into the table of the device's VRF.
    DeviceTable,
    /// Goes on at the rule of this priority.
    Goto(u32),
    /// Does nothing.
    Nop,
    /// They vanish.
    Blackhole,
    /// They are refused as unreachable.
    Unreachable,
    /// They are refused as prohibited.
    Prohibit,
}

/// A rule as it should be held: selectors, and what is done.
///
/// **Shape**: prefixes are of the rule's family. **Source**: ip-rule(8), linux/fib_rules.h.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Family of the packets.
    pub family: Family,
    /// Place among the rules; lower comes first.
    pub priority: u32,
    /// About what does *not* match.
    pub inverted: bool,
    /// Where from.
    pub from: Option<Prefix>,
    /// Where to.
    pub to: Option<Prefix>,
    /// Type of service; 0 for any.
    pub tos: u8,
    /// Mark of the packet and which of its bits count.
    pub mark: Option<(u32, u32)>,
    /// Came in through this interface.
    pub incoming: Option<String>,
    /// Goes out through this interface.
    pub outgoing: Option<String>,
    /// Users whose sockets send, first and last.
    pub users: Option<(u32, u32)>,
    /// IP protocol.
    pub ip_protocol: Option<u8>,
    /// Source ports, first and last.
    pub source_ports: Option<(u16, u16)>,
    /// Destination ports, first and last.
    pub destination_ports: Option<(u16, u16)>,
    /// Identifier of the tunnel.
    pub tunnel: Option<u64>,
    /// Realms, as the kernel packs them (IPv4); 0 for none.
    pub realms: u32,
    /// Routes of this prefix length or shorter do not count.
    pub suppress_prefix: Option<u32>,
    /// Routes through interfaces of this group do not count.
    pub suppress_group: Option<u32>,
    /// What is done.
    pub action: RuleAction,
    /// Who set it (`FRA_PROTOCOL`); 18 is keepalived's number.
    pub protocol: u8,
}

/// What a rule is looked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleKey {
    /// Family of the packets.
    pub family: Family,
    /// Place among the rules.
    pub priority: u32,
}

impl Rule {
    /// A rule about every packet of a family, set by nobody in particular.
    #[must_use]
    pub const fn new(family: Family, priority: u32, action: RuleAction) -> Self {
        Self {
            family,
            priority,
            inverted: false,
            from: None,
            to: None,
            tos: 0,
            mark: None,
            incoming: None,
            outgoing: None,
            users: None,
            ip_protocol: None,
            source_ports: None,
            destination_ports: None,
            tunnel: None,
            realms: 0,
            suppress_prefix: None,
            suppress_group: None,
            action,
            protocol: 0,
        }
    }

    /// What it is looked for by; several may share it.
    #[must_use]
    pub const fn key(&self) -> RuleKey {
        RuleKey { family: self.family, priority: self.priority }
    }
}

/// As in `ip rule`: what is looked for in a log.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut selectors = String::new();
        for (name, prefix) in [("from", self.from), ("to", self.to)] {
            if let Some(prefix) = prefix {
                write!(selectors, " {name} {}/{}", prefix.address, prefix.length)?;
            }
        }
        if let Some((mark, _)) = self.mark {
            write!(selectors, " fwmark {mark:#x}")?;
        }
        for (name, device) in [("iif", &self.incoming), ("oif", &self.outgoing)] {
            if let Some(device) = device {
                write!(selectors, " {name} {device}")?;
            }
        }
        write!(f, "{}:{}{selectors} ", self.priority, if self.inverted { " not" } else { "" })?;
        match self.action {
            RuleAction::Table(table) => write!(f, "table {table}"),
            RuleAction::DeviceTable => f.write_str("l3mdev"),
            RuleAction::Goto(priority) => write!(f, "goto {priority}"),
            RuleAction::Nop => f.write_str("nop"),
            RuleAction::Blackhole => f.write_str("blackhole"),
            RuleAction::Unreachable => f.write_str("unreachable"),
            RuleAction::Prohibit => f.write_str("prohibit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_as_its_line() {
        let rule = Rule {
            from: Some(Prefix { address: [10, 0, 0, 0].into(), length: 8 }),
            mark: Some((16, u32::MAX)),
            incoming: Some("eth0".to_owned()),
            ..Rule::new(Family::Ipv4, 100, RuleAction::Table(7))
        };
        assert_eq!(rule.to_string(), "100: from 10.0.0.0/8 fwmark 0x10 iif eth0 table 7");
        let other = Rule { inverted: true, mark: None, action: RuleAction::Prohibit, ..rule };
        assert_eq!(other.to_string(), "100: not from 10.0.0.0/8 iif eth0 prohibit");
    }
}
