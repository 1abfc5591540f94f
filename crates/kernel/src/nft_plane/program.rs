//! One service as chains, maps and rules; and the steps from one such to another.
//!
//! A service has a chain that chooses a server, and each server a chain that sends packets there. What rules have
//! remembered of clients and flows stays as long as it means the same.

use intent::service::nftables::Method;
use intent::service::{Back, Choice, Front, Persistence, Service, Timeouts, spread};

use super::frame::{self, Way};
use super::label;
use super::learned::{self, Learned};
use super::names::{self, KEPT, SERVERS, SLOTS, STAYING};
use crate::nft::{Element, Field, Rule, Set, SetKind, Table, Transaction, Value, Verdict};

/// A service, and how its packets get to its servers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program<'a> {
    pub(super) front: &'a Front,
    pub(super) service: &'a Service,
    pub(super) method: Method,
    /// How long flows are remembered.
    pub(super) timeouts: Timeouts,
}

/// Writes the steps from what stands to what is wanted, both of the same front.
pub(super) fn change(
    transaction: &mut Transaction,
    table: &Table,
    standing: Option<&Program<'_>>,
    wanted: Option<&Program<'_>>,
) {
    match (standing, wanted) {
        (Some(standing), Some(wanted)) if standing.method == wanted.method => {
            alter(transaction, table, standing, wanted);
        }
        _ => {
            if let Some(standing) = standing {
                remove(transaction, table, standing);
            }
            if let Some(wanted) = wanted {
                add(transaction, table, wanted);
            }
        }
    }
}

fn add(transaction: &mut Transaction, table: &Table, wanted: &Program<'_>) {
    for set in wanted.learned() {
        set.add(transaction, table);
    }
    let chain = names::service(wanted.front);
    transaction.add_plain_chain(table, &chain);
    for back in wanted.service.destinations.keys() {
        wanted.add_server(transaction, table, *back);
    }
    wanted.add_fleeting(transaction, table);
    wanted.add_lasting(transaction, table);
    wanted.add_rules(transaction, table);
    wanted.add_kept(transaction, table);
    for (way, verdict) in wanted.ways() {
        frame::add_front(transaction, table, (way, wanted.front), &verdict);
    }
}

fn remove(transaction: &mut Transaction, table: &Table, standing: &Program<'_>) {
    for (way, _) in standing.ways() {
        frame::remove_front(transaction, table, (way, standing.front));
    }
    let chain = names::service(standing.front);
    transaction.clear_chain(table, &chain);
    standing.remove_maps(transaction, table, &FLEETING);
    standing.remove_maps(transaction, table, &standing.lasting());
    for back in standing.service.destinations.keys() {
        transaction.remove_chain(table, &names::server(standing.front, *back));
    }
    standing.remove_kept(transaction, table);
    for set in standing.learned() {
        transaction.remove_set(table, &set.name);
    }
    transaction.remove_chain(table, &chain);
}

/// A change within a service: chains of servers that stay are not touched, so that they go on counting, unless their
/// rules say something else by now.
fn alter(
    transaction: &mut Transaction,
    table: &Table,
    standing: &Program<'_>,
    wanted: &Program<'_>,
) {
    let (before, after) = (standing.learned(), wanted.learned());
    let is_same_inside = before == after && standing.settings() == wanted.settings();
    let is_kept_otherwise = standing.persistence() != wanted.persistence();
    let stays = |back: &&Back| standing.service.destinations.contains_key(back);
    transaction.clear_chain(table, &names::service(standing.front));
    standing.remove_maps(transaction, table, &FLEETING);
    standing.shrink_lasting(transaction, table, wanted);
    if is_kept_otherwise {
        for (way, _) in standing.ways().into_iter().filter(|(way, _)| *way == Way::Kept) {
            frame::remove_front(transaction, table, (way, standing.front));
        }
        standing.remove_kept(transaction, table);
    }
    for back in standing.service.destinations.keys() {
        let chain = names::server(standing.front, *back);
        if !wanted.service.destinations.contains_key(back) {
            transaction.remove_chain(table, &chain);
        } else if !is_same_inside {
            transaction.clear_chain(table, &chain);
        }
    }
    for set in before.iter().filter(|set| !after.contains(set)) {
        transaction.remove_set(table, &set.name);
    }
    for set in after.iter().filter(|set| !before.contains(set)) {
        set.add(transaction, table);
    }
    for back in wanted.service.destinations.keys() {
        if !stays(&back) {
            wanted.add_server(transaction, table, *back);
        } else if !is_same_inside {
            wanted.add_server_rules(transaction, table, *back);
        }
    }
    wanted.add_fleeting(transaction, table);
    wanted.grow_lasting(transaction, table, standing);
    wanted.add_rules(transaction, table);
    if is_kept_otherwise {
        wanted.add_kept(transaction, table);
        for (way, verdict) in wanted.ways().into_iter().filter(|(way, _)| *way == Way::Kept) {
            frame::add_front(transaction, table, (way, wanted.front), &verdict);
        }
    }
}

impl Program<'_> {
    /// Writes the rules of its servers anew.
    pub(super) fn renew_servers(&self, transaction: &mut Transaction, table: &Table) {
        for back in self.service.destinations.keys() {
            transaction.clear_chain(table, &names::server(self.front, *back));
            self.add_server_rules(transaction, table, *back);
        }
    }

    /// Where its packets are seen, and where they go from there.
    pub(super) fn ways(&self) -> Vec<(Way, Verdict)> {
        let chain = names::service(self.front);
        match self.method {
            Method::DirectRoute => vec![(Way::Direct, Verdict::Goto(chain))],
            Method::Nat => {
                let mut ways = vec![(Way::Nat, Verdict::Goto(chain))];
                // A service of all ports of this address may be asked first.
                ways.push((Way::Direct, Verdict::Return));
                if self.persistence().is_some() {
                    let kept = names::part(self.front, KEPT);
                    ways.push((Way::Kept, Verdict::Goto(kept)));
                }
                ways
            }
        }
    }

    /// Everything that stands of it: chains, and sets.
    pub(super) fn parts(&self) -> (Vec<String>, Vec<String>) {
        let mut chains = vec![names::service(self.front)];
        let backs = self.service.destinations.keys();
        chains.extend(backs.map(|back| names::server(self.front, *back)));
        chains.extend(self.kept().map(|_| names::part(self.front, KEPT)));
        let maps = FLEETING.into_iter().chain(self.lasting());
        let mut sets: Vec<String> = maps.map(|part| names::part(self.front, part)).collect();
        sets.extend(self.learned().into_iter().map(|set| set.name));
        (chains, sets)
    }

    /// The maps of its servers that packets are looked up in again and again: an element that stays is not touched, since
    /// a packet that finds none goes to another server, which ends its connection.
    fn lasting(&self) -> Vec<&'static str> {
        self.learned().into_iter().map(|map| map.kind.servers()).collect()
    }

    /// What rules remember.
    pub(super) fn learned(&self) -> Vec<Learned> {
        learned::maps(self)
    }

    pub(super) const fn persistence(&self) -> Option<&Persistence> {
        self.service.scheduling.persistence.as_ref()
    }

    /// What the rules of servers depend on beside of what is remembered.
    fn settings(&self) -> (Option<u32>, bool) {
        (self.persistence().map(|it| it.seconds), self.service.scheduling.one_packet)
    }

    /// The persistence whose clients are kept by a chain of their own.
    fn kept(&self) -> Option<&Persistence> {
        self.persistence().filter(|_| self.method == Method::Nat)
    }

    /// Chooses: who is known goes where he went before, others where the scheduler says.
    fn add_rules(&self, transaction: &mut Transaction, table: &Table) {
        let chain = names::service(self.front);
        let part = |part| names::part(self.front, part);
        let family = self.front.family();
        transaction.add_rule(table, &chain, |rule| rule.is_foreign().give_back());
        for map in self.learned() {
            transaction.add_rule(table, &chain, |rule| self.go_back(rule, &map));
            // Every packet makes what is remembered of it last longer, also if that means nobody any more.
            transaction.add_rule(table, &chain, |rule| rule.forget(&map.fields, &map.name));
        }
        let Some(spread) = spread(self.service) else { return };
        let count = u32::try_from(spread.slots.len()).unwrap_or(u32::MAX);
        if count == 0 {
            transaction.add_rule(table, &chain, |rule| rule.count().refuse(family));
            return;
        }
        let source = names::source(family);
        let slots = part(SLOTS);
        transaction.add_rule(table, &chain, |rule| match spread.choice {
            Choice::InTurn => rule.go_in_turn(count, &slots),
            Choice::ByClient => rule.go_by_hash(&[source], count, &slots),
            Choice::ByClientAndPort => {
                rule.go_by_hash(&[source, names::SOURCE_PORT], count, &slots)
            }
            Choice::ByTarget => rule.go_by_hash(&[names::target(family)], count, &slots),
        });
        // Maps change between two packets, rules between two walks of a packet: one that began before a change finds
        // nothing in the slots of after it.
        if let Some(back) = spread.slots.first() {
            let server = names::server(self.front, *back);
            transaction.add_rule(table, &chain, |rule| rule.go_to(&server));
        }
    }

    /// Sends who is remembered where he went before.
    fn go_back(&self, rule: Rule, map: &Learned) -> Rule {
        let rule = rule.note_by(&map.fields, &map.name);
        rule.go_by(&[Field::Priority], &names::part(self.front, map.kind.servers()))
    }

    fn add_server(&self, transaction: &mut Transaction, table: &Table, back: Back) {
        transaction.add_plain_chain(table, &names::server(self.front, back));
        self.add_server_rules(transaction, table, back);
    }

    /// Remembers who came, and sends the packet on.
    fn add_server_rules(&self, transaction: &mut Transaction, table: &Table, back: Back) {
        let chain = names::server(self.front, back);
        let learned = self.learned();
        for map in &learned {
            for (seen, time) in map.times(self) {
                transaction.add_rule(table, &chain, |rule| {
                    seen.check(rule).remember(&map.fields, &map.name, names::number(back), time)
                });
            }
        }
        transaction.add_rule(table, &chain, |rule| {
            let rule = if learned.is_empty() { rule } else { rule.wipe_note() }.count();
            match self.method {
                Method::Nat => rule.dnat(back.address, (back.port != 0).then_some(back.port)),
                Method::DirectRoute => rule.copy_to(back.address).drop(),
            }
        });
    }

    /// The maps that are made anew with each change.
    fn add_fleeting(&self, transaction: &mut Transaction, table: &Table) {
        let comment = label::of_service(self.front, &self.service.scheduling);
        for part in FLEETING {
            let comment = (part == SERVERS).then_some(comment.as_str());
            self.add_map(transaction, table, part, comment);
        }
    }

    fn add_lasting(&self, transaction: &mut Transaction, table: &Table) {
        for part in self.lasting() {
            self.add_map(transaction, table, part, None);
        }
    }

    fn add_map(
        &self,
        transaction: &mut Transaction,
        table: &Table,
        part: &str,
        comment: Option<&str>,
    ) {
        let name = names::part(self.front, part);
        let key = if part == SLOTS { SetKind::Mark } else { SetKind::Priority };
        let key = [key];
        let map = Set::map(&name, &key, &[SetKind::Verdict]);
        transaction.add_set(table, &Set { comment, ..map });
        transaction.add_elements(table, &name, &self.elements(part));
    }

    /// Takes out of its lasting maps what those of the other have not.
    fn shrink_lasting(&self, transaction: &mut Transaction, table: &Table, other: &Self) {
        let kept = other.lasting();
        for part in self.lasting() {
            let name = names::part(self.front, part);
            if kept.contains(&part) {
                let keys = self.lasting_without(part, other).into_iter();
                let keys: Vec<Element> = keys.map(|element| Element::key(element.key)).collect();
                transaction.remove_elements(table, &name, &keys);
            } else {
                transaction.remove_set(table, &name);
            }
        }
    }

    /// Adds to its lasting maps what those of the other have not.
    fn grow_lasting(&self, transaction: &mut Transaction, table: &Table, other: &Self) {
        let kept = other.lasting();
        for part in self.lasting() {
            if kept.contains(&part) {
                let missing = self.lasting_without(part, other);
                transaction.add_elements(table, &names::part(self.front, part), &missing);
            } else {
                self.add_map(transaction, table, part, None);
            }
        }
    }

    /// What a lasting map has that that of the other has not.
    fn lasting_without(&self, part: &str, other: &Self) -> Vec<Element> {
        let theirs = other.elements(part);
        self.elements(part).into_iter().filter(|element| !theirs.contains(element)).collect()
    }

    /// What one of its maps says.
    fn elements(&self, part: &str) -> Vec<Element> {
        let to = |key: [u8; 4], back: &Back| {
            let chain = names::server(self.front, *back);
            Element::pair(key, Value::Verdict(Verdict::Goto(chain)))
        };
        let destinations = self.service.destinations.iter();
        match part {
            SLOTS => {
                let slots = spread(self.service).map(|it| it.slots).unwrap_or_default();
                let numbered = (0_u32..).zip(&slots);
                numbered.map(|(slot, back)| to(slot.to_ne_bytes(), back)).collect()
            }
            SERVERS => destinations
                .map(|(back, destination)| Element {
                    comment: Some(label::of_server(*back, destination)),
                    ..to(names::number(*back), back)
                })
                .collect(),
            STAYING => destinations.map(|(back, _)| to(names::number(*back), back)).collect(),
            _ => destinations
                .filter(|(_, destination)| destination.weight > 0)
                .map(|(back, _)| to(names::number(*back), back))
                .collect(),
        }
    }

    fn remove_maps(&self, transaction: &mut Transaction, table: &Table, parts: &[&str]) {
        for part in parts {
            transaction.remove_set(table, &names::part(self.front, part));
        }
    }

    fn add_kept(&self, transaction: &mut Transaction, table: &Table) {
        let learned = self.learned();
        let (Some(persistence), [clients]) = (self.kept(), learned.as_slice()) else { return };
        let chain = names::part(self.front, KEPT);
        transaction.add_plain_chain(table, &chain);
        transaction.add_rule(table, &chain, |rule| {
            rule.keep(&clients.fields, &clients.name, learned::seconds(persistence))
        });
    }

    fn remove_kept(&self, transaction: &mut Transaction, table: &Table) {
        if self.kept().is_some() {
            transaction.remove_chain(table, &names::part(self.front, KEPT));
        }
    }
}

const FLEETING: [&str; 2] = [SLOTS, SERVERS];
