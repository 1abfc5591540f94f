//! Rules as messages.
//!
//! **Source**: ip-rule(8); linux/fib_rules.h.

use std::net::IpAddr;

use intent::{Prefix, Rule, RuleAction};
use wire::Family;

use super::{NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST, family, raw_family};
use crate::address::ip;
use crate::netlink::message::{Attributes, Builder, Message, number, text};

pub(super) fn dump_request(family: Family) -> Builder {
    let mut body = [0; HEADER_LEN];
    body[0] = raw_family(family);
    Builder::new(RTM_GETRULE, NLM_F_REQUEST | NLM_F_DUMP).body(&body)
}

/// Without "exclusively" the kernel would set one beside its equal.
pub(super) fn set_request(rule: &Rule) -> Builder {
    common(RTM_NEWRULE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, rule)
}

pub(super) fn remove_request(rule: &Rule) -> Builder {
    common(RTM_DELRULE, NLM_F_REQUEST | NLM_F_ACK, rule)
}

fn common(kind: u16, flags: u16, rule: &Rule) -> Builder {
    let (action, table, target) = match rule.action {
        RuleAction::Table(table) => (FR_ACT_TO_TBL, table, None),
        RuleAction::DeviceTable => (FR_ACT_TO_TBL, 0, None),
        RuleAction::Goto(target) => (FR_ACT_GOTO, 0, Some(target)),
        RuleAction::Nop => (FR_ACT_NOP, 0, None),
        RuleAction::Blackhole => (FR_ACT_BLACKHOLE, 0, None),
        RuleAction::Unreachable => (FR_ACT_UNREACHABLE, 0, None),
        RuleAction::Prohibit => (FR_ACT_PROHIBIT, 0, None),
    };
    let mut body = vec![
        raw_family(rule.family),
        rule.to.map_or(0, |to| to.length),
        rule.from.map_or(0, |from| from.length),
        rule.tos,
        u8::try_from(table).unwrap_or(0),
        0,
        0,
        action,
    ];
    body.extend_from_slice(&(if rule.inverted { FIB_RULE_INVERT } else { 0 }).to_ne_bytes());
    let mut builder = Builder::new(kind, flags)
        .body(&body)
        .number(FRA_PRIORITY, rule.priority)
        .attribute(FRA_PROTOCOL, &[rule.protocol]);
    if table != 0 {
        builder = builder.number(FRA_TABLE, table);
    }
    if let Some(target) = target {
        builder = builder.number(FRA_GOTO, target);
    }
    if rule.action == RuleAction::DeviceTable {
        builder = builder.attribute(FRA_L3MDEV, &[1]);
    }
    selectors(builder, rule)
}

fn selectors(mut builder: Builder, rule: &Rule) -> Builder {
    for (kind, prefix) in [(FRA_DST, rule.to), (FRA_SRC, rule.from)] {
        builder = match prefix.map(|prefix| prefix.address) {
            Some(IpAddr::V4(v4)) => builder.attribute(kind, &v4.octets()),
            Some(IpAddr::V6(v6)) => builder.attribute(kind, &v6.octets()),
            None => builder,
        };
    }
    if let Some((mark, mask)) = rule.mark {
        builder = builder.number(FRA_FWMARK, mark).number(FRA_FWMASK, mask);
    }
    for (kind, name) in [(FRA_IIFNAME, &rule.incoming), (FRA_OIFNAME, &rule.outgoing)] {
        if let Some(name) = name {
            builder = builder.text(kind, name);
        }
    }
    if let Some((first, last)) = rule.users {
        builder = builder.attribute(FRA_UID_RANGE, &[first, last].map(u32::to_ne_bytes).concat());
    }
    if let Some(protocol) = rule.ip_protocol {
        builder = builder.attribute(FRA_IP_PROTO, &[protocol]);
    }
    for (kind, ports) in
        [(FRA_SPORT_RANGE, rule.source_ports), (FRA_DPORT_RANGE, rule.destination_ports)]
    {
        if let Some((first, last)) = ports {
            builder = builder.attribute(kind, &[first, last].map(u16::to_ne_bytes).concat());
        }
    }
    if let Some(tunnel) = rule.tunnel {
        builder = builder.attribute(FRA_TUN_ID, &tunnel.to_be_bytes());
    }
    if rule.realms != 0 {
        builder = builder.number(FRA_FLOW, rule.realms);
    }
    if let Some(length) = rule.suppress_prefix {
        builder = builder.number(FRA_SUPPRESS_PREFIXLEN, length);
    }
    match rule.suppress_group {
        Some(group) => builder.number(FRA_SUPPRESS_IFGROUP, group),
        None => builder,
    }
}

/// One rule message as a value; nothing for actions that have no value here.
pub(super) fn parse(message: &Message<'_>) -> Option<Rule> {
    let [raw, to_length, from_length, tos, table, _, _, action, f0, f1, f2, f3] =
        *message.payload.first_chunk::<HEADER_LEN>()?;
    let mut rule = Rule {
        inverted: u32::from_ne_bytes([f0, f1, f2, f3]) & FIB_RULE_INVERT != 0,
        tos,
        ..Rule::new(family(raw)?, 0, RuleAction::Nop)
    };
    let (mut table, mut target, mut of_device) = (u32::from(table), 0, false);
    let (mut mark, mut mask) = (0, None);
    for (kind, value) in Attributes(message.payload.get(HEADER_LEN..)?) {
        let whole = number(value);
        match kind {
            FRA_TABLE => table = whole?,
            FRA_GOTO => target = whole?,
            FRA_L3MDEV => of_device = value.first() == Some(&1),
            FRA_PRIORITY => rule.priority = whole?,
            FRA_PROTOCOL => rule.protocol = *value.first()?,
            FRA_DST => rule.to = Some(Prefix { address: ip(raw, value)?, length: to_length }),
            FRA_SRC => rule.from = Some(Prefix { address: ip(raw, value)?, length: from_length }),
            FRA_FWMARK => mark = whole?,
            FRA_FWMASK => mask = Some(whole?),
            FRA_IIFNAME => rule.incoming = Some(text(value)),
            FRA_OIFNAME => rule.outgoing = Some(text(value)),
            FRA_UID_RANGE => rule.users = Some((whole?, number(value.get(4..)?)?)),
            FRA_IP_PROTO => rule.ip_protocol = value.first().copied(),
            FRA_SPORT_RANGE => rule.source_ports = ports(value),
            FRA_DPORT_RANGE => rule.destination_ports = ports(value),
            FRA_TUN_ID => rule.tunnel = value.first_chunk().map(|id| u64::from_be_bytes(*id)),
            FRA_FLOW => rule.realms = whole?,
            // All ones stand for none, and are always shown.
            FRA_SUPPRESS_PREFIXLEN => rule.suppress_prefix = whole.filter(|it| *it != u32::MAX),
            FRA_SUPPRESS_IFGROUP => rule.suppress_group = whole.filter(|it| *it != u32::MAX),
            _ => {}
        }
    }
    rule.mark = mask.or((mark != 0).then_some(u32::MAX)).map(|mask| (mark, mask));
    rule.action = match action {
        FR_ACT_TO_TBL if of_device => RuleAction::DeviceTable,
        FR_ACT_TO_TBL => RuleAction::Table(table),
        FR_ACT_GOTO => RuleAction::Goto(target),
        FR_ACT_NOP => RuleAction::Nop,
        FR_ACT_BLACKHOLE => RuleAction::Blackhole,
        FR_ACT_UNREACHABLE => RuleAction::Unreachable,
        FR_ACT_PROHIBIT => RuleAction::Prohibit,
        _ => return None,
    };
    Some(rule)
}

fn ports(value: &[u8]) -> Option<(u16, u16)> {
    let [f0, f1, l0, l1] = *value.first_chunk()?;
    Some((u16::from_ne_bytes([f0, f1]), u16::from_ne_bytes([l0, l1])))
}

pub(crate) const RTM_NEWRULE: u16 = 32;
pub(crate) const RTM_DELRULE: u16 = 33;
const RTM_GETRULE: u16 = 34;
/// Length of `struct fib_rule_hdr`.
const HEADER_LEN: usize = 12;
const FIB_RULE_INVERT: u32 = 2;
const FR_ACT_TO_TBL: u8 = 1;
const FR_ACT_GOTO: u8 = 2;
const FR_ACT_NOP: u8 = 3;
const FR_ACT_BLACKHOLE: u8 = 6;
const FR_ACT_UNREACHABLE: u8 = 7;
const FR_ACT_PROHIBIT: u8 = 8;
const FRA_DST: u16 = 1;
const FRA_SRC: u16 = 2;
const FRA_IIFNAME: u16 = 3;
const FRA_GOTO: u16 = 4;
const FRA_PRIORITY: u16 = 6;
const FRA_FWMARK: u16 = 10;
const FRA_FLOW: u16 = 11;
const FRA_TUN_ID: u16 = 12;
const FRA_SUPPRESS_IFGROUP: u16 = 13;
const FRA_SUPPRESS_PREFIXLEN: u16 = 14;
const FRA_TABLE: u16 = 15;
const FRA_FWMASK: u16 = 16;
const FRA_OIFNAME: u16 = 17;
const FRA_L3MDEV: u16 = 19;
const FRA_UID_RANGE: u16 = 20;
const FRA_PROTOCOL: u16 = 21;
const FRA_IP_PROTO: u16 = 22;
const FRA_SPORT_RANGE: u16 = 23;
const FRA_DPORT_RANGE: u16 = 24;
