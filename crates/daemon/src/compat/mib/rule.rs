//! Rules: static ones as rows of instance 0, then those of each instance.

use agentx::VarBind;
use config::model::RuleLine;
use intent::RuleAction;

use super::route::realms;
use super::values::{address, family, gauge, integer, text, truth};
use super::{Facts, Seen, Table};

pub(super) fn tell(binds: &mut Vec<VarBind>, facts: &Facts<'_>, instances: &[Seen<'_>]) {
    let mut table = Table::of_vrrp(binds, 8);
    for (number, line) in (1..).zip(&facts.model.fixed.rules) {
        row(&mut table, [0, number], line, true);
    }
    for seen in instances {
        let installed = seen.now.rules.iter().map(|path| path.installed);
        for ((number, line), installed) in (1..).zip(&seen.lines.rules).zip(installed) {
            row(&mut table, [seen.row, number], line, installed);
        }
    }
}

fn row(table: &mut Table<'_>, row: [u32; 2], line: &RuleLine, installed: bool) {
    let rule = &line.rule;
    let mut put = |column, value| table.put(&row, column, value);
    let direction: &str = match (rule.from, rule.to) {
        (Some(_), Some(_)) => "both",
        (Some(_), None) => "from",
        (None, Some(_)) => "to",
        (None, None) => "",
    };
    put(2, Some(agentx::Value::Octets(direction.into())));
    // Columns of a time when a rule had one address: where to counts more than where from.
    for (first, prefix) in [(3, rule.to.or(rule.from)), (9, rule.to), (12, rule.from)] {
        put(first, prefix.map(|it| family(it.address)));
        put(first + 1, prefix.map(|it| address(it.address)));
        put(first + 2, prefix.map(|it| gauge(it.length)));
    }
    let (action, routing_table, target) = match rule.action {
        RuleAction::Table(number) => (1_i32, Some(number), None),
        // The table is that of the device's VRF.
        RuleAction::DeviceTable => (1, Some(0), None),
        RuleAction::Goto(target) => (2, None, Some(target)),
        RuleAction::Nop => (3, None, None),
        RuleAction::Blackhole => (6, None, None),
        RuleAction::Unreachable => (7, None, None),
        RuleAction::Prohibit => (8, None, None),
    };
    put(6, routing_table.map(gauge));
    put(7, Some(truth(installed)));
    put(8, Some(truth(rule.inverted)));
    put(15, Some(gauge(rule.tos)));
    put(16, rule.mark.map(|(mark, _)| gauge(mark)));
    // All bits count where nothing else is written.
    put(17, rule.mark.map(|(_, mask)| mask).filter(|mask| *mask != u32::MAX).map(gauge));
    let (source, destination) = realms(rule.realms);
    put(18, destination);
    put(19, source);
    put(20, rule.incoming.as_deref().and_then(text));
    put(21, rule.outgoing.as_deref().and_then(text));
    put(22, target.map(gauge));
    put(23, Some(integer(action)));
    put(24, routing_table.map(gauge));
    put(25, Some(gauge(rule.priority)));
    put(26, rule.suppress_prefix.map(gauge));
    put(27, rule.suppress_group.and_then(|group| text(&group.to_string())));
    put(28, rule.tunnel.map(|tunnel| gauge(tunnel >> 32)));
    put(29, rule.tunnel.map(|tunnel| gauge(tunnel & 0xffff_ffff)));
    put(30, rule.users.map(|(first, _)| gauge(first)));
    put(31, rule.users.map(|(_, last)| gauge(last)));
    put(32, (rule.action == RuleAction::DeviceTable).then(|| truth(true)));
    put(34, rule.ip_protocol.map(gauge));
    put(35, rule.source_ports.map(|(first, _)| gauge(first)));
    put(36, rule.source_ports.map(|(_, last)| gauge(last)));
    put(37, rule.destination_ports.map(|(first, _)| gauge(first)));
    put(38, rule.destination_ports.map(|(_, last)| gauge(last)));
}
