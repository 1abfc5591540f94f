//! Paths that go without us: who took them away is heard, and they are put back.

use std::collections::BTreeSet;
use std::net::IpAddr;

use clock::Instant;
use config::model::{Following, RouteLine, RuleLine};
use control::Severity;
use intent::{Address, AddressKey, IfIndex, PROTOCOL_KEEPALIVED, Path, Prefix};
use kernel::path::{PathNews, PathSocket};
use wire::Family;

use super::super::{PATHS, Shell};
use super::{Owner, Why};

impl Shell {
    /// Listens for what happens to paths while any are configured, and only to such as ours.
    pub(in super::super) fn arrange_path_ear(&mut self) {
        let routes = |lines: &[RouteLine]| lines.iter().map(|it| it.route.protocol).collect();
        let mut wanted: BTreeSet<u8> = routes(&self.settled.fixed.routes);
        let of = |rules: &[RuleLine]| (!rules.is_empty()).then_some(PROTOCOL_KEEPALIVED);
        wanted.extend(of(&self.settled.fixed.rules));
        for instance in self.settled.instances.values() {
            wanted.extend(instance.routes.iter().map(|it| it.route.protocol));
            wanted.extend(of(&instance.rules));
        }
        if wanted == self.paths.protocols {
            return;
        }
        if let Some(old) = self.paths.ear.take() {
            let _ = self.events.remove(&old);
        }
        self.paths.protocols = wanted;
        if self.paths.protocols.is_empty() {
            return;
        }
        let opened = PathSocket::open(self.paths.protocols.iter().copied())
            .map_err(anyhow::Error::from)
            .and_then(|ear| self.events.add(&ear, PATHS).map(|()| ear).map_err(Into::into));
        match opened {
            Ok(ear) => self.paths.ear = Some(ear),
            Err(error) => {
                // Tried again with the next configuration.
                self.paths.protocols.clear();
                let text = format!("routes that others remove are not noticed: {error:#}");
                self.startup.log.push(Severity::Warning, text);
            }
        }
    }

    /// Reads the news that wait about paths.
    pub(in super::super) fn read_path_news(&mut self, now: Instant) {
        let Some(ear) = &mut self.paths.ear else { return };
        let mut news = Vec::new();
        if let Err(error) = ear.drain(&mut news) {
            self.startup.log.push(Severity::Warning, error.to_string());
        }
        for one in news {
            let owners = match one {
                PathNews::Disturbed(key) => self.paths.owners(key),
                PathNews::Lost => self.paths.everybody(),
            };
            for owner in owners {
                self.paths.suspect(now, owner, Why::Removed);
            }
        }
    }

    /// A link came up: what led through it went without a word when it went down.
    pub(in super::super) fn suspect_paths_on(&mut self, now: Instant, link: IfIndex) {
        let named = self.paths.by_link.get(&link).into_iter().flatten().copied();
        let mut owners: Vec<Owner> = named.collect();
        let subnets: Vec<Prefix> = self.observer.on(link).map(subnet).collect();
        let loose = self.paths.loose.iter();
        owners.extend(loose.filter(|owner| self.leads_through(**owner, &subnets)));
        for owner in owners {
            // Until it is set again, nobody may lean on it.
            self.paths.doubt(owner, link);
            self.paths.suspect(now, owner, Why::Lost);
        }
    }

    /// An address went: with it goes what is sent from it, and with the last of a link what leads through that.
    pub(in super::super) fn suspect_paths_without(&mut self, now: Instant, gone: &AddressKey) {
        let from = self.paths.by_source.get(&gone.address).into_iter().flatten().copied();
        let mut owners: Vec<Owner> = from.collect();
        let same_family = |other: &Address| other.address.is_ipv4() == gone.address.is_ipv4();
        if !self.observer.on(gone.interface).any(same_family) {
            owners.extend(self.paths.by_link.get(&gone.interface).into_iter().flatten());
            let subnet = [Prefix { address: gone.address, length: gone.prefix }];
            let loose = self.paths.loose.iter();
            owners.extend(loose.filter(|owner| self.leads_through(**owner, &subnet)));
        }
        for owner in owners {
            self.paths.suspect(now, owner, Why::Lost);
        }
    }

    /// An address came: what was refused may lead through its subnet, or be sent from it.
    pub(in super::super) fn suspect_paths_with(&mut self, now: Instant, come: &AddressKey) {
        let subnet = [Prefix { address: come.address, length: come.prefix }];
        let concerned = |owner: &Owner| {
            let on_link = self.paths.by_link.get(&come.interface);
            let from = self.paths.by_source.get(&come.address);
            let named = on_link.into_iter().chain(from).any(|owners| owners.contains(owner));
            named || self.leads_through(*owner, &subnet)
        };
        let owners: Vec<Owner> = self.paths.refused.iter().copied().filter(concerned).collect();
        for owner in owners {
            self.paths.suspect(now, owner, Why::Again);
        }
    }

    /// Whether the kernel may have found the interface of a route by one of these subnets.
    fn leads_through(&self, owner: Owner, subnets: &[Prefix]) -> bool {
        let routes = self.paths.of(owner).iter().filter_map(|held| match &held.path {
            Path::Route(route) => Some(route),
            Path::Rule(_) => None,
        });
        routes.flat_map(|route| &route.hops).any(|hop| {
            let gateway = hop.gateway.filter(|_| hop.device.is_none());
            gateway.is_some_and(|gateway| subnets.iter().any(|subnet| is_in(gateway, *subnet)))
        })
    }

    /// Looks at the paths that may be gone: setting them says whether they were.
    pub(in super::super) fn check_paths(&mut self, now: Instant) {
        while let Some((owner, why)) = self.paths.next_check(now) {
            let mut bare = Vec::new();
            for held in self.paths.of(owner) {
                // What nobody follows stays as others leave it, once it stood.
                let is_due = held.is_followed && why != Why::Again || !held.stands;
                if !is_due || !self.may_stand(&held.path) {
                    continue;
                }
                bare.extend(lost_its_source(&held.path, why).then(|| held.path.clone()));
                self.work.set_path(owner, held.path.clone(), why);
            }
            let _ = self.holdings.requests.remove_paths(&bare);
        }
    }

    /// Whether the links of a path are up, without which the kernel refuses it; they will be heard of.
    pub(super) fn may_stand(&self, path: &Path) -> bool {
        let Path::Route(route) = path else { return true };
        let runs = |link: &IfIndex| self.observer.link(*link).is_some_and(|link| link.running);
        route.devices().all(runs)
    }

    /// Whether everything static that names this `track_group` is there.
    pub(in super::super) fn group_stands(&self, group: &str) -> bool {
        let follows = |following: &Following| following.group() == Some(group);
        let mut addresses = self.settled.fixed.addresses.iter();
        let addresses = addresses.all(|line| !follows(&line.following) || self.fixed_stands(line));
        let held = self.paths.of(Owner::Host).iter();
        let held = held.filter(|held| held.group.as_deref() == Some(group));
        let (count, stand) = held.fold((0, true), |(count, all), held| {
            (count + 1, all && held.stands && self.may_stand(&held.path))
        });
        let fixed = &self.settled.fixed;
        let wanted = fixed.routes.iter().filter(|line| follows(&line.following)).count()
            + fixed.rules.iter().filter(|line| follows(&line.following)).count();
        // One whose interface does not exist is not held.
        addresses && stand && count == wanted
    }
}

/// The kernel takes the address to send from out of an IPv6 route, and leaves the rest of it.
fn lost_its_source(path: &Path, why: Why) -> bool {
    let Path::Route(route) = path else { return false };
    why == Why::Lost && route.family() == Family::Ipv6 && route.source.is_some()
}

fn subnet(address: &Address) -> Prefix {
    Prefix { address: address.address, length: address.prefix }
}

fn is_in(address: IpAddr, subnet: Prefix) -> bool {
    let of = |address| Prefix { address, length: subnet.length }.masked();
    address.is_ipv4() == subnet.address.is_ipv4() && of(address) == of(subnet.address)
}
