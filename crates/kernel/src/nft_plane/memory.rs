//! What is remembered of servers that are gone: flows and clients in maps, and tracked connections.

use std::collections::BTreeSet;
use std::net::IpAddr;

use intent::service::nftables::Method;
use intent::service::{Back, Front, Service, Transport};
use rustix::io::Errno;

use super::learned::Kind;
use super::names;
use super::{NftPlane, Planned, Step};
use crate::conntrack::{Connection, Conntrack, Ends};
use crate::netlink::NetlinkError;
use crate::nft::{Element, Table, Transaction};

/// Forgets who went to servers that a step took away. Clients of servers that take no new connections are to find
/// another, their flows are not.
///
/// **Errors**: the kernel refuses.
pub(super) fn forget(plane: &mut NftPlane, table: &Table, step: &Step) -> Result<(), NetlinkError> {
    let (standing, wanted) = (step.standing.as_ref(), step.wanted.as_ref());
    if let (Some(standing), Some(wanted)) = (standing, wanted) {
        let (gone, resting) = (gone(standing, Some(wanted)), resting(standing, wanted));
        let program = wanted.program(&step.front, plane.timeouts);
        for map in program.learned() {
            let clients = resting.iter().filter(|_| map.kind == Kind::Clients);
            let values = gone.iter().chain(clients).map(|back| map.bytes(*back)).collect();
            forget_in(plane, table, &map.name, &values)?;
        }
    }
    match standing {
        Some(standing) if standing.method == Method::Nat => {
            for back in gone(standing, wanted) {
                forget_connections(&mut plane.conntrack, &step.front, back)?;
            }
        }
        _ => {}
    }
    if standing.is_none() && wanted.is_some() {
        forget_unbalanced(&mut plane.conntrack, &step.front)?;
    }
    Ok(())
}

/// The servers that are there no more, or reached otherwise.
fn gone(standing: &Planned, wanted: Option<&Planned>) -> Vec<Back> {
    let stays = |back: &&Back| {
        wanted.is_some_and(|it| {
            it.method == standing.method && it.service.destinations.contains_key(back)
        })
    };
    standing.service.destinations.keys().filter(|back| !stays(back)).copied().collect()
}

/// The servers that took new connections and take none now.
fn resting(standing: &Planned, wanted: &Planned) -> Vec<Back> {
    let weight =
        |service: &Service, back: &Back| service.destinations.get(back).map(|it| it.weight);
    let rests = |back: &&Back| {
        weight(&wanted.service, back) == Some(0) && weight(&standing.service, back) != Some(0)
    };
    standing.service.destinations.keys().filter(rests).copied().collect()
}

/// Removes the elements of a map that say one of `values`.
fn forget_in(
    plane: &mut NftPlane,
    table: &Table,
    set: &str,
    values: &BTreeSet<Vec<u8>>,
) -> Result<(), NetlinkError> {
    if values.is_empty() {
        return Ok(());
    }
    let mut outcome = Ok(());
    // An element may end between being read and being removed, and a transaction that names it changes nothing.
    for _ in 0..TRIES {
        let elements: Vec<Element> = plane
            .reader
            .elements(table, set)?
            .into_iter()
            .filter(|element| element.value.as_ref().is_some_and(|it| values.contains(it)))
            .map(|element| Element::key(element.key))
            .collect();
        outcome = Ok(());
        for elements in elements.chunks(AT_ONCE) {
            let mut transaction = Transaction::default();
            transaction.remove_elements(table, set, elements);
            match plane.nftables.commit("forget clients", transaction) {
                Err(error @ NetlinkError::Refused { errno: Errno::NOENT, .. }) => {
                    outcome = Err(error);
                }
                other => other?,
            }
        }
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Forgets the connections of a service to a server.
fn forget_connections(
    conntrack: &mut Conntrack,
    front: &Front,
    back: Back,
) -> Result<(), NetlinkError> {
    let mut found = conntrack.find(Ends::AnsweredBy(back.address))?;
    found.retain(|connection| is_of(connection, front, back));
    conntrack.forget(&found)
}

/// Whether a connection came to a server through a service.
fn is_of(connection: &Connection, front: &Front, back: Back) -> bool {
    let (asked, answered) = (connection.original.destination, connection.reply.source);
    let (port, is_rewritten) = (connection.reply.source.1, asked != answered);
    let goes_there = answered.0 == back.address && (back.port == 0 || port == back.port);
    let comes_so = match front {
        Front::Address { protocol, address, port } => {
            connection.protocol == names::protocol_number(*protocol)
                && asked.0 == *address
                && (*port == 0 || asked.1 == *port)
        }
        Front::Mark { .. } => true,
    };
    is_rewritten && goes_there && comes_so
}

/// Forgets datagrams that came to this host itself before there was a service for them: as long as more come, they would
/// be taken for a conversation that goes on.
fn forget_unbalanced(conntrack: &mut Conntrack, front: &Front) -> Result<(), NetlinkError> {
    let Front::Address { protocol: Transport::Udp, address, port } = front else {
        return Ok(());
    };
    let asked = |at: (IpAddr, u16)| at.0 == *address && (*port == 0 || at.1 == *port);
    let mut found = conntrack.find(Ends::AskedFor(*address))?;
    found.retain(|connection| {
        let destination = connection.original.destination;
        connection.protocol == names::protocol_number(Transport::Udp)
            && asked(destination)
            && destination == connection.reply.source
    });
    conntrack.forget(&found)
}

const TRIES: usize = 8;
const AT_ONCE: usize = 512;
