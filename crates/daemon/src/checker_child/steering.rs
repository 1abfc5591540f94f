//! What operators order of real servers, until the next reload. The parent keeps it for a successor of this process.

use std::collections::BTreeMap;

use clock::Instant;
use control::{Order, Ordered, Severity, Steered, Steering, ToParent};
use health::{DestinationId, Input, ServiceId, Verdict};
use intent::service::MAX_WEIGHT;

use super::Shell;
use super::catalogue::{Catalogue, Service};
use crate::compat::naming::{self, Wanted};
use crate::compat::verdicts;

impl Shell {
    /// Takes an order: all real servers that it means follow it in this turn, or none does.
    pub(super) fn steer(&mut self, now: Instant, serial: u32, steering: &Steering, at: u64) {
        let outcome = self.obey(now, steering, at);
        // A parent that is gone ends this process at the end of its turn.
        let _ = self.startup.parent.say(&ToParent::Steered { serial, outcome });
    }

    fn obey(&mut self, now: Instant, steering: &Steering, at: u64) -> Result<Vec<Steered>, String> {
        let Steering { virtual_server, real_server, order, by } = steering;
        if let Some(Order::Weight(weight)) = order
            && *weight > MAX_WEIGHT
        {
            return Err(format!("weight {weight} is more than {MAX_WEIGHT}"));
        }
        let meant = meant(&self.catalogue, virtual_server, real_server)?;
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
                self.order_words = verdicts::ordered(*order, &server.name, &entry.name, by);
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
            key: server.key.clone(),
            virtual_server: self.catalogue.services.get(&service)?.name.clone(),
            real_server: server.name.clone(),
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
            let kept = servers.filter_map(|(id, it)| Some((*id, orders.remove(&it.key)?)));
            self.orders = kept.collect();
        }
        self.orders.iter().map(|(id, ordered)| (*id, decided(ordered.order))).collect()
    }
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
    let name = |id: &DestinationId| catalogue.servers.get(id).map_or("", |it| it.name.as_str());
    let services: Vec<(&ServiceId, &Service)> =
        catalogue.services.iter().filter(|(_, service)| is_meant(service)).collect();
    if services.is_empty() {
        let names = catalogue.services.values().map(|service| service.name.as_str());
        return Err(format!(
            "there is no virtual server `{virtual_server}`{}",
            instead(virtual_server, names)
        ));
    }
    let meant: Vec<(ServiceId, DestinationId)> = services
        .iter()
        .flat_map(|(id, service)| service.servers.iter().map(move |server| (**id, *server)))
        .filter(|(_, server)| wanted.is(name(server)))
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
fn instead<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(naming::short).collect();
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

/// What stands for all virtual servers.
const EVERYWHERE: &str = "all";
