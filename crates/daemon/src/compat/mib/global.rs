//! What concerns the whole daemon.

use std::net::{IpAddr, Ipv4Addr};

use agentx::{Oid, Value, VarBind};
use config::model::{AtStop, Model};

use super::GLOBAL;
use super::values::{address, family, gauge, integer, text, truth};
use crate::load;

pub(super) fn tell(binds: &mut Vec<VarBind>, model: &Model, version: &str) {
    let global = &model.global;
    let mut put = |below: &[u32], value: Option<Value>| {
        let name = Oid::new(&GLOBAL).join(below).join(&[0]);
        binds.extend(value.map(|value| VarBind { name, value }));
    };
    put(&[1], text(version));
    let host = load::host_name();
    put(&[2], text(global.router_id.as_ref().unwrap_or(&host)));
    put(&[4], Some(truth(global.snmp.notifies)));
    // Links are heard of by netlink.
    put(&[5], Some(integer(1)));
    put(&[6], Some(truth(global.balancing.flushes)));
    put(&[7], Some(truth(true)));
    let namespace = global.place.namespace.clone().unwrap_or_default();
    put(&[8], Some(Value::Octets(namespace.into_bytes())));
    // D-Bus, and interfaces that come later.
    put(&[9], Some(truth(false)));
    put(&[10], Some(truth(false)));
    put(&[11], Some(truth(global.balancing.at_stop == AtStop::All)));
    mail(binds, model);
}

fn mail(binds: &mut Vec<VarBind>, model: &Model) {
    let mail = &model.global.mail;
    let mut put = |below: &[u32], value: Option<Value>| {
        let name = Oid::new(&GLOBAL).join(&[3]).join(below);
        binds.extend(value.map(|value| VarBind { name, value }));
    };
    let server = mail.server.as_ref();
    match server.map(|it| (it.host.as_str(), it.host.parse::<IpAddr>())) {
        // A name is told as such: what it stands for is known to whoever takes a letter there.
        Some((name, Err(_))) => {
            put(&[1, 0], Some(integer(16)));
            put(&[2, 0], text(name));
        }
        Some((_, Ok(host))) => {
            put(&[1, 0], Some(family(host)));
            put(&[2, 0], Some(address(host)));
        }
        None => {
            put(&[1, 0], Some(integer(1)));
            put(&[2, 0], Some(address(Ipv4Addr::UNSPECIFIED.into())));
        }
    }
    put(&[3, 0], Some(gauge(server.map_or(0, |_| mail.step.as_secs()))));
    put(&[4, 0], text(mail.from.as_deref().unwrap_or_default()));
    for (row, recipient) in (1..).zip(&mail.recipients) {
        put(&[5, 1, 2, row], text(recipient));
    }
    put(&[6, 0], Some(gauge(server.map_or(0, |server| server.port))));
    put(&[7, 0], Some(truth(mail.faults)));
    for (column, alerts) in (8..).zip([mail.alerts.all, mail.alerts.vrrp, mail.alerts.checker]) {
        let value = match alerts {
            Some(true) => 1,
            Some(false) => 2,
            None => 3,
        };
        put(&[column, 0], Some(integer(value)));
    }
}
