//! What keepalived 2.2.7 tells by SNMP: KEEPALIVED-MIB, and the modules of RFC 2787 and RFC 6527.
//!
//! Names, types and the order of rows are those of its MIB file, and what is said where nothing is set was observed. Where the
//! incumbent's own answer contradicts its MIB, ours does not; `docs/incumbent.md` says where.

mod address;
mod check;
mod global;
mod group;
mod instance;
mod notification;
mod rfc;
mod rfc2787;
mod rfc6527;
mod route;
mod rule;
mod tracked;
mod values;

use std::collections::BTreeMap;

use agentx::{Oid, Request, Subtree, Tree, VarBind};
use config::model::{Model, Snmp};
use kernel::link::Link;
use status::Report;
use wire::MacAddr;

pub(crate) use self::check::{Balanced, Heard, Standing};
pub(crate) use self::notification::{
    is_told_by_others, notification, notification_of_move, notifications,
};

/// What virtual routers are told from.
pub(crate) struct Facts<'f> {
    /// How it stands.
    pub(crate) report: &'f Report,
    /// What the configuration says.
    pub(crate) model: &'f Model,
    /// The links of this host.
    pub(crate) links: &'f Links,
}

/// Numbers and Ethernet addresses of links, by their names.
#[derive(Debug, Default)]
pub(crate) struct Links(BTreeMap<String, (u32, Option<MacAddr>)>);

impl Links {
    pub(crate) fn of(links: &[Link]) -> Self {
        Self(links.iter().map(|it| (it.name.clone(), (it.index.0, it.mac))).collect())
    }

    /// The number of a link; 0 for one that is not there.
    fn index(&self, name: &str) -> u32 {
        self.0.get(name).map_or(0, |(index, _)| *index)
    }

    fn ethernet(&self, name: &str) -> Option<MacAddr> {
        self.0.get(name).and_then(|(_, address)| *address)
    }
}

/// One instance: the number of its row, how it stands, and what the configuration says of it.
struct Seen<'f> {
    row: u32,
    now: &'f status::Instance,
    lines: &'f config::model::Instance,
}

impl<'f> Facts<'f> {
    /// The instances, in the order of the configuration.
    fn instances(&self) -> Vec<Seen<'f>> {
        let stands: BTreeMap<&str, &status::Instance> =
            self.report.instances.iter().map(|it| (it.name.as_str(), it)).collect();
        let lines = (1..).zip(&self.model.instances);
        lines
            .filter_map(|(row, lines)| {
                Some(Seen { row, now: *stands.get(lines.name.as_str())?, lines })
            })
            .collect()
    }
}

/// What the configuration alone says; `version` is what this program calls itself.
pub(crate) fn fixed(model: &Model, version: &str) -> Tree {
    let mut binds = Vec::new();
    let snmp = &model.global.snmp;
    if snmp.vrrp || snmp.checker {
        global::tell(&mut binds, model, version);
    }
    if snmp.checker {
        check::tell_fixed(&mut binds, model);
    }
    binds.into_iter().collect()
}

/// What is to be known for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// How virtual routers stand.
    pub(crate) routers: bool,
    /// How virtual servers do.
    pub(crate) servers: bool,
}

/// What is to be known for an answer to `request`.
pub(crate) fn wanted(request: &Request, snmp: &Snmp) -> Wanted {
    let vrrp = snmp.vrrp && request.reaches(&VRRP);
    let rfc2787 = snmp.rfc2787 && request.reaches(&rfc2787::ROOT);
    let rfc6527 = snmp.rfc6527 && request.reaches(&rfc6527::ROOT);
    let servers = request.reaches(&check::SERVICES) || request.reaches(&check::SERVERS);
    Wanted { routers: vrrp || rfc2787 || rfc6527, servers: snmp.checker && servers }
}

/// How virtual routers stand.
pub(crate) fn tree(facts: &Facts<'_>) -> Tree {
    let mut binds = Vec::new();
    if facts.model.global.snmp.vrrp {
        let instances = facts.instances();
        group::tell(&mut binds, facts);
        instance::tell(&mut binds, facts, &instances);
        address::tell(&mut binds, facts, &instances);
        route::tell(&mut binds, facts, &instances);
        rule::tell(&mut binds, facts, &instances);
        tracked::tell(&mut binds, facts, &instances);
    }
    if facts.model.global.snmp.rfc2787 {
        rfc2787::tell(&mut binds, facts);
    }
    if facts.model.global.snmp.rfc6527 {
        rfc6527::tell(&mut binds, facts);
    }
    binds.into_iter().collect()
}

/// What requests are wanted for.
pub(crate) fn subtrees(snmp: &Snmp) -> Vec<Subtree> {
    let mut subtrees = Vec::new();
    let mut add = |root: &[u32], description: &str| {
        subtrees.push(Subtree { root: Oid::new(root), description: description.to_owned() });
    };
    if snmp.vrrp || snmp.checker {
        add(&GLOBAL, "The MIB module for Keepalived");
    }
    if snmp.vrrp {
        add(&VRRP, "The MIB module for KEEPALIVED-VRRP");
    }
    if snmp.checker {
        add(&check::CHECK, "The MIB module for KEEPALIVED-CHECK");
    }
    if snmp.rfc2787 {
        add(&rfc2787::ROOT, "The MIB module for VRRP");
    }
    if snmp.rfc6527 {
        add(&rfc6527::ROOT, "The MIB module for VRRPV3");
    }
    subtrees
}

/// What kind of agent this is.
pub(crate) fn identity() -> Oid {
    Oid::new(&KEEPALIVED)
}

/// The same for people.
pub(crate) const DESCRIPTION: &str = "Keepalived";

/// enterprises.debian.project.keepalived, and below it what is global and what is about VRRP.
const KEEPALIVED: [u32; 9] = [1, 3, 6, 1, 4, 1, 9586, 100, 5];
const GLOBAL: [u32; 10] = [1, 3, 6, 1, 4, 1, 9586, 100, 5, 1];
const VRRP: [u32; 10] = [1, 3, 6, 1, 4, 1, 9586, 100, 5, 2];

/// Rows of one table, as they are written.
struct Table<'b> {
    binds: &'b mut Vec<VarBind>,
    /// Name of a row's columns, without their numbers.
    entry: Oid,
}

impl<'b> Table<'b> {
    /// The table of this number about VRRP.
    fn of_vrrp(binds: &'b mut Vec<VarBind>, number: u32) -> Self {
        Self { binds, entry: Oid::new(&VRRP).join(&[number, 1]) }
    }

    /// Writes a column of a row; one without a value is left out.
    fn put(&mut self, row: &[u32], column: u32, value: impl Into<Option<agentx::Value>>) {
        if let Some(value) = value.into() {
            let name = self.entry.join(&[column]).join(row);
            self.binds.push(VarBind { name, value });
        }
    }
}

#[cfg(test)]
mod tests;
