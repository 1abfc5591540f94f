//! Addresses: those that are static as rows of instance 0, then those of each instance, advertised ones first.

use std::net::{IpAddr, Ipv4Addr};

use agentx::VarBind;
use status::Address;

use super::values::{address, family, gauge, scope, text, truth};
use super::{Facts, Links, Seen, Table};
use crate::vrrp_child::view_of_line;

pub(super) fn tell(binds: &mut Vec<VarBind>, facts: &Facts<'_>, instances: &[Seen<'_>]) {
    let mut table = Table::of_vrrp(binds, 6);
    for (number, line) in (1..).zip(&facts.model.fixed.addresses) {
        let device = line.device.as_deref().unwrap_or_default();
        row(&mut table, [0, number], &view_of_line(line, device), facts.links);
    }
    for seen in instances {
        for (number, one) in (1..).zip(&seen.now.addresses) {
            row(&mut table, [seen.row, number], one, facts.links);
        }
    }
}

fn row(table: &mut Table<'_>, row: [u32; 2], one: &Address, links: &Links) {
    let mut put = |column, value| table.put(&row, column, value);
    put(2, Some(family(one.address)));
    put(3, Some(address(one.address)));
    let broadcast = IpAddr::V4(one.broadcast.unwrap_or(Ipv4Addr::UNSPECIFIED));
    put(4, one.address.is_ipv4().then(|| address(broadcast)));
    put(5, Some(gauge(one.prefix)));
    put(6, Some(scope(one.scope)));
    put(7, Some(super::values::integer(links.index(&one.interface))));
    put(8, text(&one.interface));
    put(9, text(one.label.as_deref().unwrap_or_default()));
    put(10, Some(truth(one.installed)));
    put(11, Some(truth(one.advertised)));
    put(12, one.peer.map(address));
}
