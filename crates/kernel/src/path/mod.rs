//! Routes and rules: setting, removing and reading them, many at a time, and hearing who takes them away.
//!
//! **Source**: rtnetlink(7), ip-route(8), ip-rule(8).

mod encap;
mod news;
mod route;
mod rule;

use std::collections::BTreeMap;

use intent::{Insertion, Path};
use rustix::io::Errno;
use wire::Family;

use crate::netlink::message::{Builder, Message};
use crate::netlink::outcome::Goal;
use crate::netlink::{NetlinkError, RequestSocket};

pub use news::{PathNews, PathSocket};
#[cfg(test)]
pub(crate) use {route::RTM_NEWROUTE, rule::RTM_NEWRULE};

/// What setting a path found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It was not there, and is now.
    New,
    /// It was there already.
    Standing,
}

impl RequestSocket {
    /// Sets routes and rules; what became of each, in order. One that stands already is left as it is.
    ///
    /// A route goes before others of its destination and metric, as keepalived's do, unless it says otherwise: those
    /// stay, and wait behind it.
    pub fn set_paths(&mut self, paths: &[Path]) -> Vec<Result<Placed, NetlinkError>> {
        let requests = paths.iter().map(set_request).collect();
        let results = self.batch("set route or rule", Goal::Answer, requests);
        let mut seen = BTreeMap::new();
        let placed = results.into_iter().zip(paths).map(|(result, path)| match result {
            Ok(()) => Ok(Placed::New),
            Err(error @ NetlinkError::Refused { errno: Errno::EXIST, .. }) => {
                if waits_for_others(path) && !self.stands(path, &mut seen)? {
                    return Err(error);
                }
                Ok(Placed::Standing)
            }
            Err(error) => Err(error),
        });
        placed.collect()
    }

    /// Whether it is this path that stands. `seen` are the paths of each protocol that were read already.
    fn stands(
        &mut self,
        path: &Path,
        seen: &mut BTreeMap<u8, Vec<Path>>,
    ) -> Result<bool, NetlinkError> {
        use std::collections::btree_map::Entry;
        let seen = match seen.entry(path.protocol()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(self.paths(path.protocol())?),
        };
        Ok(seen.iter().any(|seen| path.is_seen_as(seen)))
    }

    /// Removes routes and rules; one that is gone already, also with its interface or table, is no error.
    ///
    /// A route that differs in its protocol, gateways or interfaces is another one, and stays.
    pub fn remove_paths(&mut self, paths: &[Path]) -> Vec<Result<(), NetlinkError>> {
        let requests = paths.iter().map(remove_request).collect();
        self.batch("remove route or rule", Goal::Absent, requests)
    }

    /// Reads the routes and rules of one protocol, in every table: routes first.
    ///
    /// **Errors**: the socket fails, or the tables change during each of several tries.
    pub fn paths(&mut self, protocol: u8) -> Result<Vec<Path>, NetlinkError> {
        let list = std::cell::RefCell::new(Vec::new());
        for family in [Family::Ipv4, Family::Ipv6] {
            // The kernel looks through its tables and shows what was asked for only.
            let before = list.borrow().len();
            self.dump(
                "read routes",
                || route::dump_request(family, protocol),
                || list.borrow_mut().truncate(before),
                |message| list.borrow_mut().extend(parse(message)),
            )?;
        }
        for family in [Family::Ipv4, Family::Ipv6] {
            let before = list.borrow().len();
            self.dump(
                "read rules",
                || rule::dump_request(family),
                || list.borrow_mut().truncate(before),
                |message| list.borrow_mut().extend(parse(message)),
            )?;
        }
        let mut list = list.into_inner();
        // Older kernels show everything; rules are always shown all.
        list.retain(|path: &Path| path.protocol() == protocol);
        Ok(list)
    }
}

/// Whether the kernel refuses a path for another one of its kind, with the words for one that stands.
fn waits_for_others(path: &Path) -> bool {
    matches!(path, Path::Route(route) if route.insertion == Some(Insertion::Add))
}

/// A message about a route or a rule, come or gone, as a value; nothing for other messages and for what this
/// crate has no value for.
pub(crate) fn parse(message: &Message<'_>) -> Option<Path> {
    match message.kind {
        route::RTM_NEWROUTE | route::RTM_DELROUTE => {
            Some(Path::Route(Box::new(route::parse(message)?)))
        }
        rule::RTM_NEWRULE | rule::RTM_DELRULE => Some(Path::Rule(Box::new(rule::parse(message)?))),
        _ => None,
    }
}

pub(crate) fn set_request(path: &Path) -> Builder {
    match path {
        Path::Route(route) => route::set_request(route),
        Path::Rule(rule) => rule::set_request(rule),
    }
}

pub(crate) fn remove_request(path: &Path) -> Builder {
    match path {
        Path::Route(route) => route::remove_request(route),
        Path::Rule(rule) => rule::remove_request(rule),
    }
}

const fn raw_family(family: Family) -> u8 {
    match family {
        Family::Ipv4 => AF_INET,
        Family::Ipv6 => AF_INET6,
    }
}

const fn family(raw: u8) -> Option<Family> {
    match raw {
        AF_INET => Some(Family::Ipv4),
        AF_INET6 => Some(Family::Ipv6),
        _ => None,
    }
}

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
