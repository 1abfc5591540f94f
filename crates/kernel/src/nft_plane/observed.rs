//! What stands in a table of ours.

use std::collections::BTreeSet;

use intent::service::nftables::method;
use intent::service::{Front, Service, Services, Timeouts};
use wire::Family;

use super::program::Program;
use super::{frame, label};
use crate::netlink::NetlinkError;
use crate::nft::{Reader, Table, Verdict};

/// What a table holds.
#[derive(Debug)]
pub(super) enum Seen {
    /// There is no such table, or nothing in it.
    Nothing,
    /// Services, and nothing else.
    Services(Services),
    /// Something is missing, or something is there that is not ours.
    Damage,
}

/// Reads a table.
///
/// **Errors**: the kernel refuses to be read.
pub(super) fn read(
    reader: &mut Reader,
    table: &Table,
    family: Family,
) -> Result<Seen, NetlinkError> {
    let sets = reader.sets(table)?;
    let mut chains = reader.chains(table)?;
    if sets.is_empty() && chains.is_empty() {
        return Ok(Seen::Nothing);
    }
    let mut services = Services::new();
    for (name, comment) in &sets {
        let Some(comment) = comment else { continue };
        let Some((front, scheduling)) = label::parse_service(family, comment) else {
            return Ok(Seen::Damage);
        };
        let mut service = Service::new(scheduling);
        for element in reader.elements(table, name)? {
            let server = element.comment.as_deref().and_then(label::parse_server);
            let Some((back, destination)) = server else { return Ok(Seen::Damage) };
            service.destinations.insert(back, destination);
        }
        services.insert(front, service);
    }
    let mut sets: BTreeSet<String> = sets.into_keys().collect();
    if frame::sets().any(|name| !sets.remove(&name)) {
        return Ok(Seen::Damage);
    }
    for (front, service) in &services {
        if !remove_parts((front, service), &mut chains, &mut sets) {
            return Ok(Seen::Damage);
        }
    }
    for name in frame::Way::ALL.into_iter().flat_map(frame::Way::chain_names) {
        chains.remove(name);
    }
    // What is left was not made by us, or by another version.
    let is_whole = sets.is_empty() && chains.is_empty();
    Ok(if is_whole { Seen::Services(services) } else { Seen::Damage })
}

/// Whether all is there of which a service consists, and that leads to it; of this, what is its own is taken out.
fn remove_parts(
    (front, service): (&Front, &Service),
    chains: &mut BTreeSet<String>,
    sets: &mut BTreeSet<String>,
) -> bool {
    let Ok(method) = method(front, service) else { return false };
    let program = Program { front, service, method, timeouts: Timeouts::default() };
    let mut leading = program.ways().into_iter().filter(|(_, verdict)| *verdict != Verdict::Return);
    let is_led_to = leading.all(|(way, _)| way.chain_names().all(|name| chains.contains(name)));
    let (own_chains, own_sets) = program.parts();
    is_led_to
        && own_chains.iter().all(|name| chains.remove(name))
        && own_sets.iter().all(|name| sets.remove(name))
}
