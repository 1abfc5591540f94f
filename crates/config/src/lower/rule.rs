//! Rule lines: `[inet6] [from <prefix>] [to <prefix>] [iif <if>] [fwmark <n>] ... table <t>|goto <n>|blackhole ...`.

mod value;

use core::net::IpAddr;

use intent::{Prefix, Rule, RuleAction};
use wire::Family;

use self::value::{ip_protocol, mark, ports, range};
use super::path::{
    Listed, Read, Words, follow, masked, prefix, protocol, unknown, without_group, wrong,
};
use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::model::{Following, RuleLine};
use crate::names::NameKind;
use crate::source::Span;
use crate::syntax::{Directive, Word};

/// Priorities for rules that say none: they count down for each family, so that they come before the main table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Priorities {
    v4: u32,
    v6: u32,
}

impl Default for Priorities {
    fn default() -> Self {
        Self { v4: FIRST, v6: FIRST }
    }
}

impl Priorities {
    fn take(&mut self, family: Family) -> u32 {
        let next = match family {
            Family::Ipv4 => &mut self.v4,
            Family::Ipv6 => &mut self.v6,
        };
        let priority = *next;
        *next = next.saturating_sub(1).max(1);
        priority
    }
}

/// `virtual_rules`.
pub(super) fn of_instance(
    list: &Directive,
    priorities: &mut Priorities,
    reports: &mut Reports<'_>,
) -> Vec<RuleLine> {
    let lines = LISTED.read(list, reports, |line, reports| {
        let mut rule = lower(line, priorities, reports)?;
        rule.following = without_group(rule.following, line.keyword.span, reports);
        Ok(rule)
    });
    LISTED.distinct(lines, identity, reports)
}

/// `static_rules`.
pub(super) fn of_host(
    list: &Directive,
    priorities: &mut Priorities,
    reports: &mut Reports<'_>,
) -> Vec<RuleLine> {
    let lines = LISTED.read(list, reports, |line, reports| lower(line, priorities, reports));
    LISTED.distinct(lines, identity, reports)
}

fn identity(line: &RuleLine) -> (Rule, String, Span) {
    (line.rule.clone(), line.rule.to_string(), line.at)
}

/// A line as written.
struct Written {
    family: Option<Family>,
    priority: Option<u32>,
    protocol: Option<(u8, Span)>,
    action: Option<RuleAction>,
    from: Option<(Prefix, Span)>,
    to: Option<(Prefix, Span)>,
    realms: Option<Span>,
    /// What needs no second look.
    rule: Rule,
    following: Following,
}

/// Reads one line.
fn lower(
    line: &Directive,
    priorities: &mut Priorities,
    reports: &mut Reports<'_>,
) -> Read<RuleLine> {
    let mut written = Written::new();
    let mut words = Words::of(line);
    while let Some(word) = words.next() {
        if follow(&mut written.following, word, &mut words)?
            || written.selector(word, &mut words, reports)?
            || written.number(word, &mut words, reports)?
        {
            continue;
        }
        written.act(word, &mut words)?;
    }
    let at = line.keyword.span;
    let rule = written.settle(at, priorities, reports)?;
    Ok(RuleLine { at, rule, following: written.following })
}

impl Written {
    fn new() -> Self {
        let rule = Rule {
            protocol: intent::PROTOCOL_KEEPALIVED,
            ..Rule::new(Family::Ipv4, 0, RuleAction::Nop)
        };
        Self {
            family: None,
            priority: None,
            protocol: None,
            action: None,
            from: None,
            to: None,
            realms: None,
            rule,
            following: Following::Own,
        }
    }

    /// Takes in what says which packets are meant; says whether the word was that.
    fn selector(
        &mut self,
        word: &Word,
        words: &mut Words<'_>,
        reports: &mut Reports<'_>,
    ) -> Read<bool> {
        let rule = &mut self.rule;
        match word.text.as_str() {
            "inet" => self.family = Some(Family::Ipv4),
            "inet6" => self.family = Some(Family::Ipv6),
            "not" => rule.inverted = true,
            "from" => self.from = from_or_to(word, words)?,
            "to" => self.to = from_or_to(word, words)?,
            "tos" | "dsfield" => rule.tos = words.named_byte(word, NameKind::Field, reports)?,
            "fwmark" => rule.mark = Some(mark(words.value(word)?)?),
            "dev" | "iif" => rule.incoming = Some(words.interface(word)?),
            "oif" => rule.outgoing = Some(words.interface(word)?),
            "tunnel-id" => {
                let value = words.value(word)?;
                let Ok(tunnel) = value.text.parse() else {
                    return wrong(value.span, format!("`{}` is not a number", value.text));
                };
                rule.tunnel = Some(tunnel);
            }
            "uidrange" => rule.users = Some(range(words.value(word)?, u32::MAX)?),
            "ipproto" | "ip_proto" => rule.ip_protocol = Some(ip_protocol(words.value(word)?)?),
            "sport" => rule.source_ports = Some(ports(words.value(word)?)?),
            "dport" => rule.destination_ports = Some(ports(words.value(word)?)?),
            "realms" | "realm" => {
                rule.realms = words.realms(word, reports)?;
                self.realms = Some(word.span);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes in an option with a number; says whether the word was one.
    fn number(
        &mut self,
        word: &Word,
        words: &mut Words<'_>,
        reports: &mut Reports<'_>,
    ) -> Read<bool> {
        match word.text.as_str() {
            "preference" | "order" | "priority" => {
                self.priority = Some(words.number(word, 0, u32::MAX)?);
            }
            "protocol" => {
                let protocol = words.named_byte(word, NameKind::Protocol, reports)?;
                self.protocol = Some((protocol, word.span));
            }
            "suppress_prefixlength" | "sup_pl" => {
                self.rule.suppress_prefix = Some(words.number(word, 0, 128)?);
            }
            "suppress_ifgroup" | "sup_group" => {
                self.rule.suppress_group = Some(words.number(word, 0, u32::MAX - 1)?);
            }
            "table" | "lookup" => {
                let table = words.named(word, NameKind::Table, reports)?;
                if table == 0 {
                    return wrong(word.span, "there is no table 0");
                }
                self.does(RuleAction::Table(table), word)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes in what is done with the packets.
    fn act(&mut self, word: &Word, words: &mut Words<'_>) -> Read<()> {
        let action = match word.text.as_str() {
            // A word before the action.
            "type" => return Ok(()),
            "goto" => RuleAction::Goto(words.number(word, 1, u32::MAX)?),
            "l3mdev" => RuleAction::DeviceTable,
            "nop" => RuleAction::Nop,
            "blackhole" => RuleAction::Blackhole,
            "unreachable" => RuleAction::Unreachable,
            "prohibit" => RuleAction::Prohibit,
            _ => return unknown(word, "no word of a rule", OPTIONS),
        };
        self.does(action, word)
    }

    fn does(&mut self, action: RuleAction, word: &Word) -> Read<()> {
        match self.action.replace(action) {
            Some(_) => wrong(word.span, "a rule does one thing, and this one is told of two"),
            None => Ok(()),
        }
    }

    /// The rule that the words make together.
    fn settle(
        &self,
        at: Span,
        priorities: &mut Priorities,
        reports: &mut Reports<'_>,
    ) -> Read<Rule> {
        let Some(action) = self.action else {
            return wrong(at, "a rule needs something to do, such as `table <table>`");
        };
        let written = [self.from, self.to].into_iter().flatten().next();
        let address = written.map(|(prefix, _)| prefix.address);
        let family = self.family.or(address.map(Family::of)).unwrap_or(Family::Ipv4);
        let of_family = |address: IpAddr, at| match Family::of(address) == family {
            true => Ok(()),
            false => wrong(at, format!("{address} is not an address of this {family} rule")),
        };
        let mut selected = [None, None];
        for (slot, prefix) in selected.iter_mut().zip([self.from, self.to]) {
            if let Some((prefix, at)) = prefix {
                of_family(prefix.address, at)?;
                *slot = Some(masked(prefix, at, reports));
            }
        }
        if let (Some(at), Family::Ipv6) = (self.realms, family) {
            return wrong(at, "`realms` is nothing that an IPv6 rule has");
        }
        let priority = match self.priority {
            Some(priority) => priority,
            None => {
                let priority = priorities.take(family);
                reports
                    .warning(
                        codes::NO_PRIORITY,
                        format!("the rule has no priority: {priority} is used"),
                        at,
                    )
                    .help(
                        "write `priority <number>`: the number given here moves with other rules",
                    );
                priority
            }
        };
        if let RuleAction::Goto(target) = action
            && target <= priority
        {
            let what = format!("`goto {target}` does not lead behind priority {priority}");
            return wrong(at, what);
        }
        let [from, to] = selected;
        let protocol = protocol(self.protocol, &self.following, reports);
        Ok(Rule { family, priority, from, to, action, protocol, ..self.rule.clone() })
    }
}

/// A prefix with at least one bit: one of none selects everything, which needs no word.
fn from_or_to(word: &Word, words: &mut Words<'_>) -> Read<Option<(Prefix, Span)>> {
    let value = words.value(word)?;
    let prefix = prefix(value)?.filter(|prefix| prefix.length > 0);
    Ok(prefix.map(|prefix| (prefix, value.span)))
}

/// The first number given.
const FIRST: u32 = 16_384;
const LISTED: Listed = Listed { noun: "rule", code: codes::INVALID_RULE };
const OPTIONS: &[&str] = &[
    "from",
    "to",
    "table",
    "lookup",
    "not",
    "preference",
    "order",
    "priority",
    "tos",
    "dsfield",
    "fwmark",
    "realms",
    "suppress_prefixlength",
    "suppress_ifgroup",
    "dev",
    "iif",
    "oif",
    "tunnel-id",
    "uidrange",
    "l3mdev",
    "protocol",
    "ipproto",
    "sport",
    "dport",
    "no_track",
    "track_group",
    "goto",
    "nop",
    "blackhole",
    "unreachable",
    "prohibit",
    "inet",
    "inet6",
];
