//! What the configuration alone says: groups of virtual servers, the daemon that synchronises connections, time limits.

use agentx::{Oid, VarBind};
use config::model::{Model, ServerGroupMember};

use super::super::Table;
use super::super::values::{address, family, gauge, integer, text};
use super::CHECK;

pub(in super::super) fn tell(binds: &mut Vec<VarBind>, model: &Model) {
    let table = |number| Oid::new(&CHECK).join(&[number, 1]);
    let mut groups = Table { binds, entry: table(1) };
    for (row, group) in (1..).zip(&model.server_groups) {
        groups.put(&[row], 2, text(&group.name));
    }
    let mut members = Table { binds: groups.binds, entry: table(2) };
    for (row, group) in (1..).zip(&model.server_groups) {
        let is_mark = |it: &&ServerGroupMember| matches!(it, ServerGroupMember::Mark { .. });
        let marks = group.members.iter().filter(is_mark);
        let others = group.members.iter().filter(|it| !is_mark(it));
        for (number, one) in (1..).zip(marks.chain(others)) {
            member(&mut members, &[row, number], one);
        }
    }
    sync(members.binds, model);
}

fn member(table: &mut Table<'_>, row: &[u32], member: &ServerGroupMember) {
    let mut put = |column, value| table.put(row, column, Some(value));
    match *member {
        ServerGroupMember::Mark { mark, .. } => {
            put(2, integer(1));
            put(3, gauge(mark));
        }
        ServerGroupMember::Addresses { first, last, port } => {
            let is_range = first != last;
            put(2, integer(if is_range { 3 } else { 2 }));
            put(4, family(first));
            if is_range {
                put(6, address(first));
                put(7, address(last));
            } else {
                put(5, address(first));
            }
            put(8, gauge(port.unwrap_or(0)));
        }
    }
}

fn sync(binds: &mut Vec<VarBind>, model: &Model) {
    let balancing = &model.global.balancing;
    let mut put = |below: &[u32], value: Option<agentx::Value>| {
        let name = Oid::new(&CHECK).join(below).join(&[0]);
        binds.extend(value.map(|value| VarBind { name, value }));
    };
    let runs = balancing.sync.as_ref();
    put(&[6, 1], Some(integer(if runs.is_some() { 1 } else { 2 })));
    if let Some(sync) = runs {
        let daemon = &sync.daemon;
        put(&[6, 2], text(&daemon.interface));
        put(&[6, 3], text(sync.instance.as_deref().unwrap_or_default()));
        put(&[6, 4], Some(integer(daemon.id)));
        put(&[6, 5], daemon.max_length.map(integer));
        put(&[6, 6], daemon.port.map(integer));
        put(&[6, 7], daemon.ttl.map(integer));
        put(&[6, 8], daemon.group.map(family));
        put(&[6, 9], daemon.group.map(address));
    }
    let limits = &balancing.timeouts;
    for (number, seconds) in (1..).zip([limits.tcp, limits.tcp_fin, limits.udp]) {
        put(&[7, number], seconds.map(integer));
    }
}
