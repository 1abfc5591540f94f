//! Notifications of changes.
//!
//! Objects are named without the row that they are of, as the incumbent names them.

use agentx::{Oid, Value, VarBind};
use config::model::{Model, Snmp};
use control::{About, Audience, Change, Moved, Served, Subject, What};
use status::State;

use super::check::{CHECK, SERVERS, SERVICES, kind, protocol};
use super::instance::initial;
use super::values::{address, family, gauge, integer, state, text, truth};
use super::{Facts, GLOBAL, VRRP, rfc2787, rfc6527};
use crate::load;

/// What KEEPALIVED-MIB notifies of a change, the first of it being what it is (RFC 3416 §4.2.6); nothing of one that is none of the
/// state.
pub(crate) fn notification(change: &Change, model: &Model) -> Option<Vec<VarBind>> {
    let now = match change.what {
        What::Active => state(State::Active),
        What::Backup => state(State::Backup),
        What::Fault => state(State::Fault),
        What::Stopped => integer(SHUTDOWN),
        What::Deleted => integer(DELETED),
        What::LowerPriority | What::ActivePriority | What::BackupPriority => return None,
    };
    if !model.global.snmp.vrrp {
        return None;
    }
    let vrrp = |below: &[u32]| Oid::new(&VRRP).join(below);
    let (kind, mut told) = match &change.subject {
        Subject::Group(name) => (1, vec![(vrrp(&[1, 1, 2]), text(name)?), (vrrp(&[1, 1, 3]), now)]),
        // What is balanced has notifications of its own, of another part of the module.
        Subject::VirtualServer(_) | Subject::RealServer(_) => return None,
        Subject::Instance(name) => {
            let lines = model.instances.iter().find(|it| it.name == *name);
            let first = state(lines.map_or(State::Backup, initial));
            let told = vec![
                (vrrp(&[3, 1, 2]), text(name)?),
                (vrrp(&[3, 1, 4]), now),
                (vrrp(&[3, 1, 5]), first),
            ];
            (2, told)
        }
    };
    told.extend(router(model));
    Some(note(vrrp(&[10, 0, kind]), told))
}

/// What KEEPALIVED-MIB notifies of a virtual server or real server that came up or went down; nothing where that part is not served.
pub(crate) fn notification_of_move(moved: &Moved, model: &Model) -> Option<Vec<VarBind>> {
    if !model.global.snmp.checker || moved.audience == Audience::Actors {
        return None;
    }
    let About { served, protocol: word, quorum, up, total, back } = &moved.about;
    let service = |column| Oid::new(&SERVICES).join(&[1, column]);
    let mut told = Vec::new();
    if let Some((of, port)) = *back {
        let server = |column| Oid::new(&SERVERS).join(&[1, column]);
        told.push((server(3), family(of)));
        told.push((server(4), address(of)));
        told.push((server(5), gauge(port)));
        told.push((server(6), truth(moved.is_up)));
    }
    told.push((service(2), kind(served)));
    match served {
        Served::Group(name) => told.extend(text(name).map(|name| (service(3), name))),
        Served::Mark(mark) => told.push((service(4), gauge(*mark))),
        Served::Address(of, port) => {
            told.push((service(5), family(*of)));
            told.push((service(6), address(*of)));
            told.push((service(7), gauge(*port)));
        }
    }
    told.push((service(8), protocol(word)));
    if back.is_none() {
        let quorum_is = if moved.is_final { integer(SHUT_DOWN) } else { truth(moved.is_up) };
        told.push((service(23), quorum_is));
        told.push((service(22), gauge(*quorum)));
    }
    told.push((service(21), gauge(*up)));
    told.push((service(20), gauge(*total)));
    told.extend(router(model));
    let number = if back.is_some() { 1 } else { 2 };
    Some(note(Oid::new(&CHECK).join(&[5, 0, number]), told))
}

/// Who says it.
fn router(model: &Model) -> Option<(Oid, Value)> {
    let host = load::host_name();
    let router = text(model.global.router_id.as_ref().unwrap_or(&host));
    router.map(|router| (Oid::new(&GLOBAL).join(&[2, 0]), router))
}

/// A notification of this kind.
fn note(kind: Oid, told: Vec<(Oid, Value)>) -> Vec<VarBind> {
    let told = std::iter::once((Oid::new(&SNMP_TRAP_OID), Value::Name(kind))).chain(told);
    told.map(|(name, value)| VarBind { name, value }).collect()
}

/// Whether the modules of the IETF notify of a change, with what only a report tells.
pub(crate) fn is_told_by_others(change: &Change, snmp: &Snmp) -> bool {
    let is_instance = matches!(change.subject, Subject::Instance(_));
    is_instance && change.what == What::Active && (snmp.rfc2787 || snmp.rfc6527)
}

/// What they notify of an instance that became Active, and is.
pub(crate) fn notifications(change: &Change, facts: &Facts<'_>) -> Vec<Vec<VarBind>> {
    let Subject::Instance(name) = &change.subject else { return Vec::new() };
    let is_it = |it: &&status::Instance| it.name == *name && it.state == State::Active;
    let Some(router) = facts.report.instances.iter().find(is_it) else { return Vec::new() };
    let snmp = &facts.model.global.snmp;
    let mut notes = Vec::new();
    if snmp.rfc2787 && rfc2787::is_told(router) {
        notes.push(rfc2787::notification(facts, router));
    }
    if snmp.rfc6527 {
        notes.push(rfc6527::notification(facts, router));
    }
    notes
}

/// `shutdown` of `virtualServerQuorumStatus`.
const SHUT_DOWN: i32 = 3;
const SHUTDOWN: i32 = 5;
const DELETED: i32 = 6;
/// snmpTrapOID.0 of SNMPv2-MIB.
pub(super) const SNMP_TRAP_OID: [u32; 11] = [1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0];
