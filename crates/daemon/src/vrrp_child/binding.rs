//! What ties one instance of the election to this host: its port, its packets, what was told of its interface.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use config::model::{Instance, InterfaceTracking, SourceTracking};
use intent::IfIndex;
use kernel::link::Link;
use kernel::observer::Observer;
use vrrp::{Debounce, FaultReason, FaultSet, Mode};
use wire::Family;
use wire::vrrp::Expected;

use super::advert::{self, Outbound};
use super::learned::Learned;
use super::ports::{PortId, Ports};
use super::vmac;

/// One instance on this host.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) port: PortId,
    /// What a received packet is held against.
    pub(super) expected: Expected,
    /// What the election was told.
    pub(super) facts: Facts,
    /// What peers have taught.
    pub(super) learned: Learned,
    /// A packet for each destination, with the priority sent last; none without an address to send from.
    pub(super) packets: Vec<Outbound>,
}

/// What the host says about an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The address to send from.
    pub(super) source: Option<IpAddr>,
    /// What is wrong.
    pub(super) faults: FaultSet,
}

impl Binding {
    /// The binding of an instance under these facts.
    pub(super) fn new(port: PortId, instance: &Instance, facts: Facts, learned: Learned) -> Self {
        let expected = advert::expected(instance);
        let mut binding = Self { port, expected, facts, learned, packets: Vec::new() };
        binding.learned.keep_what_counts(instance);
        binding.prepare(instance);
        binding
    }

    /// Writes the packets anew, after a change of source or parameters.
    pub(super) fn prepare(&mut self, instance: &Instance) {
        self.expected = advert::expected(instance);
        // Lowering leaves no instance with addresses of two families, so that emitting cannot fail; without a
        // packet nothing is sent, which the election hears of.
        self.packets = self
            .facts
            .source
            .and_then(|source| advert::prepare(instance, source, &self.learned).ok())
            .unwrap_or_default();
        self.packets.shrink_to_fit();
    }
}

/// Computes the facts of instances; what they share is computed once.
pub(super) struct Host<'a> {
    pub(super) observer: &'a Observer,
    /// Links whose flapping is not news, by name.
    pub(super) debounced: &'a BTreeMap<String, Debounce>,
    pub(super) ports: &'a Ports,
    /// Whether this process may set addresses and open raw sockets.
    pub(super) permitted: bool,
    /// Addresses that come and go with a role: none of them is sent from.
    pub(super) floating: &'a BTreeSet<IpAddr>,
    /// The address to send from, of each link and family that was asked for.
    pub(super) sources: RefCell<BTreeMap<(IfIndex, Family), Option<IpAddr>>>,
    /// The addresses that may be used, on whatever link, once they were asked for.
    pub(super) usable: OnceCell<BTreeSet<IpAddr>>,
}

impl Host<'_> {
    /// The facts of one instance.
    pub(super) fn facts(&self, instance: &Instance) -> Facts {
        // The link below, where it has a virtual MAC: its state counts, and its address is sent from. An ipvlan link has
        // an address of its own.
        let link = self.observer.link_named(&instance.interface);
        let mut faults = Vec::new();
        if !instance.held_back.is_empty() {
            faults.push(FaultReason::Configuration);
        }
        if !self.permitted {
            faults.push(FaultReason::MissingPrivilege);
        }
        match link {
            None => faults.push(FaultReason::InterfaceMissing),
            Some(link) => {
                let tracked = instance.interface_tracking == InterfaceTracking::Tracked;
                if tracked && !is_running(link, self.debounced) {
                    faults.push(if instance.vmac.is_some() || instance.ipvlan.is_some() {
                        FaultReason::BaseInterfaceDown
                    } else {
                        FaultReason::InterfaceDown
                    });
                }
                if !vmac::stands(self.observer, instance) {
                    faults.push(FaultReason::VirtualLinkMissing);
                }
                let port = self.ports.number_of(instance).and_then(|id| self.ports.get(id));
                if self.permitted && port.is_some_and(super::ports::Port::is_broken) {
                    faults.push(FaultReason::SocketFailed);
                }
            }
        }
        if let Some(source) = instance.source
            && instance.source_tracking == SourceTracking::Tracked
            && !self.has(source, link.map(|link| link.index))
        {
            faults.push(FaultReason::SourceMissing);
        }
        let source = instance.source.or_else(|| {
            let link = self.observer.link_named(instance.sends_on())?;
            let key = (link.index, instance.parameters.family);
            *self.sources.borrow_mut().entry(key).or_insert_with(|| {
                self.observer.source(key.0, key.1, |address| self.floating.contains(&address))
            })
        });
        Facts { source, faults: faults.into_iter().collect() }
    }

    /// Whether the host has an address: a link-local one on that link, any other on whatever link.
    fn has(&self, address: IpAddr, link: Option<IfIndex>) -> bool {
        match address {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => {
                link.is_some_and(|link| self.observer.is_usable(link, address))
            }
            IpAddr::V4(_) | IpAddr::V6(_) => {
                self.usable.get_or_init(|| self.observer.usable().collect()).contains(&address)
            }
        }
    }
}

/// Whether a link counts as one that runs.
pub(super) fn is_running(link: &Link, debounced: &BTreeMap<String, Debounce>) -> bool {
    debounced.get(&link.name).map_or(link.running, Debounce::is_up)
}

/// The addresses of `instances` that come and go with a role; those of owners belong to the host.
pub(super) fn floating<'i>(instances: impl Iterator<Item = &'i Instance>) -> BTreeSet<IpAddr> {
    instances
        .filter(|instance| instance.parameters.mode != Mode::Owner)
        .flat_map(|instance| instance.addresses.iter().chain(&instance.excluded))
        .map(|address| address.address)
        .collect()
}
