//! What operators order of real servers, until the next reload. The parent keeps it for a successor of this process.

use std::collections::BTreeMap;

use clock::Instant;
use control::{Order, Ordered, Severity, Steered, Steering, ToParent, Unsteered};
use health::{DestinationId, Input, ServiceId, Verdict};
use intent::service::MAX_WEIGHT;

use super::Shell;
use super::catalogue::{Catalogue, Server, Service};
use crate::compat::naming::{self, Wanted};
use crate::compat::verdicts;

impl Shell {
    /// Takes an order: all real servers that it means follow it in this turn, or none does.
    pub(super) fn steer(&mut self, now: Instant, serial: u32, steering: &Steering, at: u64) {
        let mut parts = match self.obey(now, steering, at) {
            Ok(all) => parts(all),
            Err(why) => vec![Err(why)],
        }
        .into_iter()
        .peekable();
        while let Some(outcome) = parts.next() {
            let last = parts.peek().is_none();
            // A parent that is gone ends this process at the end of its turn.
            let _ = self.startup.parent.say(&ToParent::Steered { serial, outcome, last });
        }
    }

    fn obey(
        &mut self,
        now: Instant,
        steering: &Steering,
        at: u64,
    ) -> Result<Vec<Steered>, Unsteered> {
        // What is being read would end the order.
        if self.reading.is_busy() {
            return Err(Unsteered::Busy);
        }
        let Steering { virtual_server, real_server, order, by } = steering;
        if let Some(Order::Weight(weight)) = order
            && *weight > MAX_WEIGHT
        {
            let text = format!("weight {weight} is more than {MAX_WEIGHT}");
            return Err(Unsteered::Nobody(text));
        }
        let meant =
            meant(&self.catalogue, virtual_server, real_server).map_err(Unsteered::Nobody)?;
        for (service, id) in &meant {
            match order {
                Some(order) => {
                    let ordered = Ordered { order: *order, by: by.clone(), at };
                    self.orders.insert(*id, ordered);
                }
                None => drop(self.orders.remove(id)),
            }
            if let (Some(server), Some(entry)) =
                (self.catalogue.servers.get(id), self.catalogue.services.get(service))
            {
                self.order_words = verdicts::ordered(*order, &server.name(), &entry.name, by);
                self.startup.log.push(Severity::Info, self.order_words.clone());
            }
            let (service, destination) = (*service, *id);
            let input = Input::Order { service, destination, order: order.map(decided) };
            self.roster.handle(now, input, &mut self.outputs);
            self.perform(now);
        }
        Ok(meant.into_iter().filter_map(|(service, id)| self.steered(service, id)).collect())
    }

    fn steered(&self, service: ServiceId, id: DestinationId) -> Option<Steered> {
        let server = self.catalogue.servers.get(&id)?;
        let seen = self.roster.service(service)?;
        Some(Steered {
            key: self.catalogue.key(server),
            virtual_server: self.catalogue.services.get(&service)?.name.clone(),
            real_server: server.name(),
            is_up: seen.servers.get(&id)?.verdict == Verdict::Up,
        })
    }

    /// Takes over orders that stay in force; all others end.
    pub(super) fn take_orders(
        &mut self,
        mut orders: BTreeMap<String, Ordered>,
    ) -> BTreeMap<DestinationId, health::Order> {
        self.orders.clear();
        if !orders.is_empty() {
            let servers = self.catalogue.servers.iter().filter(|(_, it)| !it.is_last_resort);
            let kept =
                servers.filter_map(|(id, it)| Some((*id, orders.remove(&self.catalogue.key(it))?)));
            self.orders = kept.collect();
        }
        self.orders.iter().map(|(id, ordered)| (*id, decided(ordered.order))).collect()
    }
}

/// As many messages as it takes: each is bounded.
fn parts(all: Vec<Steered>) -> Vec<Result<Vec<Steered>, Unsteered>> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
    for steered in all {
        let Steered { key, virtual_server, real_server, .. } = &steered;
        let size = [key, virtual_server, real_server].map(|it| it.len() + 8).into_iter().sum();
        if bytes > 0 && bytes.saturating_add(size) > PART {
            parts.push(Ok(std::mem::take(&mut part)));
            bytes = 0;
        }
        bytes = bytes.saturating_add(size);
        part.push(steered);
    }
    parts.push(Ok(part));
    parts
}

/// The real servers that are meant: at least one.
///
/// **Errors**: none is, and what there is instead.
fn meant(
    catalogue: &Catalogue,
    virtual_server: &str,
    real_server: &str,
) -> Result<Vec<(ServiceId, DestinationId)>, String> {
    let (of, wanted) = (Wanted::parse(virtual_server), Wanted::parse(real_server));
    let is_meant = |service: &Service| virtual_server == EVERYWHERE || of.is(&service.name);
    let name = |id: &DestinationId| catalogue.servers.get(id).map(Server::name).unwrap_or_default();
    let services: Vec<(&ServiceId, &Service)> =
        catalogue.services.iter().filter(|(_, service)| is_meant(service)).collect();
    if services.is_empty() {
        let names = catalogue.services.values().map(|service| service.name.clone());
        return Err(format!(
            "there is no virtual server `{virtual_server}`{}",
            instead(virtual_server, names)
        ));
    }
    let meant: Vec<(ServiceId, DestinationId)> = services
        .iter()
        .flat_map(|(id, service)| service.servers.iter().map(move |server| (**id, *server)))
        .filter(|(_, server)| wanted.is(&name(server)))
        .collect();
    if meant.is_empty() {
        let names = services.iter().flat_map(|(_, service)| service.servers.iter().map(name));
        let of = match services.as_slice() {
            [(_, one)] => format!("virtual server {} has", one.name),
            _ => "virtual servers have".to_owned(),
        };
        return Err(format!("{of} no real server `{real_server}`{}", instead(real_server, names)));
    }
    Ok(meant)
}

/// What somebody may have meant who wrote what is not there.
fn instead(written: &str, names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.map(|name| naming::short(&name)).collect();
    let near = config::keyword::nearest(&naming::short(written), names.iter().map(String::as_str));
    near.map_or_else(
        || "; `steadfast status` lists them".to_owned(),
        |near| format!(": did you mean `{near}`?"),
    )
}

const fn decided(order: Order) -> health::Order {
    match order {
        Order::Weight(weight) => health::Order::Weight(weight),
        Order::Disabled => health::Order::Disabled,
    }
}

/// Bytes of one part of an answer, of which a message takes twice as many.
const PART: usize = 32 * 1024;
/// What stands for all virtual servers.
const EVERYWHERE: &str = "all";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_about_thousands_fits_into_messages() {
        let steered = |number: usize| Steered {
            key: format!("[2001:db8::{number:x}]:tcp:8080 [2001:db8::10]:tcp:8080"),
            virtual_server: "[2001:db8::10]:tcp:8080".to_owned(),
            real_server: format!("[2001:db8::{number:x}]:tcp:8080"),
            is_up: true,
        };
        let parts = parts((0..5_000).map(steered).collect());
        let sizes = parts.iter().map(|outcome| {
            let outcome = outcome.clone();
            control::encode(&ToParent::Steered { serial: 1, outcome, last: false }).len()
        });
        assert!(sizes.max() < Some(64 * 1024));
        let all: Vec<Steered> = parts.into_iter().flat_map(Result::unwrap).collect();
        assert_eq!(all, (0..5_000).map(steered).collect::<Vec<_>>());
        assert_eq!(super::parts(Vec::new()), [Ok(Vec::new())]);
    }
}
