//! Sync groups, and who is in them.

use agentx::VarBind;

use super::values::{command, state, text, truth};
use super::{Facts, Table};

pub(super) fn tell(binds: &mut Vec<VarBind>, facts: &Facts<'_>) {
    let lines = (1..).zip(&facts.model.groups);
    for (row, lines) in lines {
        let Some(group) = facts.report.groups.iter().find(|it| it.name == lines.name) else {
            continue;
        };
        let mut table = Table::of_vrrp(binds, 1);
        let mut put = |column, value| table.put(&[row], column, value);
        put(2, text(&group.name));
        put(3, Some(state(group.state)));
        let programs = &group.programs;
        put(4, Some(truth(programs.mailed)));
        let columns = [
            (6, &programs.active),
            (7, &programs.backup),
            (8, &programs.fault),
            (9, &programs.any),
            (11, &programs.stop),
        ];
        put(5, Some(truth(columns.iter().any(|(_, words)| !words.is_empty()))));
        for (column, words) in columns {
            put(column, command(words));
        }
        put(10, Some(truth(lines.keeps_weights)));
        let mut members = Table::of_vrrp(binds, 2);
        for (member, name) in (1..).zip(&group.members) {
            members.put(&[row, member], 2, text(name));
        }
    }
}
