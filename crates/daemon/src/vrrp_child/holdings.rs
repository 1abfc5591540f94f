//! The virtual addresses that this process holds, and their leases.
//!
//! An address is installed with an end, and renewed at half of its life: a daemon that is killed or hangs loses
//! its addresses without anyone's help. One that stood before us as the host's own (of an owner, priority 255)
//! is neither leased nor replaced nor removed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use clock::{Instant, Timers};
use config::model::{
    AddressLifetime, Broadcast, Following, Instance, PreferredLifetime, VirtualAddress,
};
use intent::{Address, AddressKey, Flags, IfIndex, Lifetime, PROTOCOL_KEEPALIVED};
use kernel::netlink::RequestSocket;
use kernel::observer::Observer;
use kernel::packing::Packing;
use vrrp::{InstanceId, Mode, Parameters};
use wire::Priority;

/// What is held, by instance.
#[derive(Debug)]
pub(super) struct Holdings {
    pub(super) requests: RequestSocket,
    held: BTreeMap<InstanceId, Vec<Holding>>,
    owners: BTreeMap<AddressKey, InstanceId>,
    renewals: Timers<InstanceId>,
    packing: [Packing; 2],
}

/// One address of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holding {
    pub(super) address: Address,
    pub(super) origin: Origin,
    /// Without `no_track`: it is put back when somebody takes it away.
    pub(super) is_followed: bool,
}

/// Whose an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Installed by us.
    Ours,
    /// It was there before, and stays.
    Host,
    /// It was ours, and somebody took it away that nobody follows: until the next time it is not there.
    Left,
}

impl Holdings {
    pub(super) fn new(requests: RequestSocket) -> Self {
        Self {
            requests,
            held: BTreeMap::new(),
            owners: BTreeMap::new(),
            renewals: Timers::new(),
            packing: Default::default(),
        }
    }

    /// What an instance holds.
    pub(super) fn of(&self, instance: InstanceId) -> &[Holding] {
        self.held.get(&instance).map_or(&[], Vec::as_slice)
    }

    /// Whose address it is, if one of ours.
    pub(super) fn owner(&self, key: &AddressKey) -> Option<InstanceId> {
        self.owners.get(key).copied()
    }

    /// Every instance that holds something.
    pub(super) fn instances(&self) -> impl Iterator<Item = InstanceId> {
        self.held.keys().copied()
    }

    /// Notes that an instance holds these addresses from now on; they are not set yet.
    pub(super) fn take(&mut self, now: Instant, instance: InstanceId, wanted: Vec<Holding>) {
        for holding in &wanted {
            self.owners.insert(holding.address.key(), instance);
        }
        if let Some(lease) = shortest(&wanted) {
            self.renewals.set(instance, now + spread(instance, lease));
        }
        self.held.insert(instance, wanted);
    }

    /// Wastes no room after many instances took their addresses.
    pub(super) fn pack(&mut self) {
        let [held, owners] = &mut self.packing;
        held.pack(&mut self.held);
        owners.pack(&mut self.owners);
    }

    /// Notes that an instance holds nothing any more; returns what is to be removed.
    pub(super) fn leave(&mut self, instance: InstanceId) -> Vec<AddressKey> {
        self.renewals.cancel(&instance);
        let held = self.held.remove(&instance).unwrap_or_default();
        let mut surplus = Vec::new();
        for holding in held {
            let key = holding.address.key();
            // Another instance may have taken the same address over meanwhile.
            if self.owners.get(&key) == Some(&instance) {
                self.owners.remove(&key);
                if holding.origin == Origin::Ours {
                    surplus.push(key);
                }
            }
        }
        surplus
    }

    /// Notes that an address went and is left alone.
    pub(super) fn leave_alone(&mut self, instance: InstanceId, key: &AddressKey) {
        let held = self.held.get_mut(&instance).into_iter().flatten();
        for holding in held.filter(|holding| holding.address.key() == *key) {
            holding.origin = Origin::Left;
        }
    }

    /// When the next lease wants to be renewed.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.renewals.next()
    }

    /// The leases that are due for renewal; they are due again after half of their lives.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(InstanceId, Address)> {
        let mut due = Vec::new();
        while let Some(instance) = self.renewals.pop_due(now) {
            let holdings = self.held.get(&instance).map_or(&[][..], Vec::as_slice);
            let ours = holdings.iter().filter(|holding| holding.origin == Origin::Ours);
            due.extend(ours.map(|holding| (instance, holding.address.clone())));
            if let Some(lease) = shortest(holdings) {
                self.renewals.set(instance, now + spread(instance, lease));
            }
        }
        due
    }

    /// What is held on a link.
    pub(super) fn on(&self, link: IfIndex) -> Vec<(InstanceId, Holding)> {
        let all = self.held.iter().flat_map(|(id, list)| list.iter().map(|it| (*id, it)));
        all.filter(|(_, it)| it.address.interface == link && it.origin == Origin::Ours)
            .map(|(id, it)| (id, it.clone()))
            .collect()
    }

    /// Who holds this address on this interface, whatever its prefix.
    pub(super) fn holder(
        &self,
        interface: IfIndex,
        address: IpAddr,
    ) -> Option<(InstanceId, Holding)> {
        let key = |prefix| AddressKey { interface, address, prefix };
        let (key, id) = self.owners.range(key(0)..=key(u8::MAX)).next()?;
        let holding = self.of(*id).iter().find(|holding| holding.address.key() == *key)?;
        (holding.origin != Origin::Left).then(|| (*id, holding.clone()))
    }

    /// Gives every lease an end that never comes, for a daemon that is told to leave its addresses behind.
    pub(super) fn make_permanent(&mut self) {
        let addresses: Vec<Address> = self
            .held
            .values()
            .flatten()
            .filter(|holding| holding.origin == Origin::Ours)
            .map(|holding| Address {
                lifetime: Lifetime::Forever,
                preferred: match holding.address.preferred {
                    Lifetime::Seconds(0) => Lifetime::Seconds(0),
                    Lifetime::Seconds(_) | Lifetime::Forever => Lifetime::Forever,
                },
                ..holding.address.clone()
            })
            .collect();
        let _ = self.requests.set_addresses(&addresses);
    }
}

/// The addresses that `instance` should hold while Active, on the links that exist; and the names of those that do
/// not.
pub(super) fn wanted(
    instance: &Instance,
    lease: Option<Duration>,
    observer: &Observer,
) -> (Vec<Holding>, Vec<String>) {
    let mut missing = Vec::new();
    let mut holdings =
        Vec::with_capacity(instance.addresses.len().saturating_add(instance.excluded.len()));
    for address in instance.addresses.iter().chain(&instance.excluded) {
        let device = instance.device(address);
        let Some(link) = observer.link_named(device) else {
            missing.push(device.to_owned());
            continue;
        };
        let is_followed = address.following != Following::Nobody;
        let address = installed(address, link.index, lease);
        let origin = origin(instance, &address, observer);
        holdings.push(Holding { address, origin, is_followed });
    }
    (holdings, missing)
}

/// An address of an owner that stands without an end, and was not set by a daemon like us, is the host's.
fn origin(instance: &Instance, address: &Address, observer: &Observer) -> Origin {
    let own = instance.parameters.mode == Mode::Owner
        && observer.standing(address.interface, address.address).any(is_the_hosts);
    if own { Origin::Host } else { Origin::Ours }
}

/// Whether an address that stands was set by somebody else than a daemon like us.
pub(super) fn is_the_hosts(address: &Address) -> bool {
    address.lifetime == Lifetime::Forever && address.protocol != PROTOCOL_KEEPALIVED
}

/// An address line as the kernel is to hold it.
pub(super) fn installed(line: &VirtualAddress, link: IfIndex, lease: Option<Duration>) -> Address {
    let lifetime = lease.map_or(Lifetime::Forever, |lease| {
        Lifetime::Seconds(u32::try_from(lease.as_secs()).unwrap_or(u32::MAX - 1))
    });
    let preferred = match line.preferred {
        // Without a subnet of its own, an IPv6 address is not to be chosen as a source.
        None if line.address.is_ipv6() && line.prefix == 128 => Lifetime::Seconds(0),
        None | Some(PreferredLifetime::Forever) => lifetime,
        Some(PreferredLifetime::Seconds(seconds)) => Lifetime::Seconds(seconds).min(lifetime),
    };
    Address {
        interface: link,
        address: line.address,
        prefix: line.prefix,
        peer: line.peer,
        broadcast: broadcast(line),
        scope: line.scope,
        label: line.label.clone(),
        lifetime,
        preferred,
        flags: Flags {
            no_dad: line.address.is_ipv6(),
            no_prefix_route: line.no_prefix_route,
            home: line.home,
            manage_temporary: line.manage_temporary,
            auto_join: line.auto_join,
        },
        protocol: PROTOCOL_KEEPALIVED,
    }
}

/// The broadcast address of an address line.
pub(super) fn broadcast(line: &VirtualAddress) -> Option<std::net::Ipv4Addr> {
    let IpAddr::V4(address) = line.address else { return None };
    let host = u32::MAX.checked_shr(u32::from(line.prefix)).unwrap_or(0);
    match line.broadcast {
        Broadcast::None => None,
        Broadcast::HostOnes => Some((address.to_bits() | host).into()),
        Broadcast::HostZeros => Some((address.to_bits() & !host).into()),
        Broadcast::Address(broadcast) => Some(broadcast),
    }
}

/// How long the addresses of an instance outlive this process; none for ever.
///
/// `down` is Active_Down_Interval: by default a lease lasts three of them, and 10 s at least.
pub(super) fn lease(instance: &Instance, down: Duration) -> Option<Duration> {
    match instance.lifetime {
        AddressLifetime::Forever => None,
        AddressLifetime::Seconds(seconds) => Some(Duration::from_secs(seconds.into())),
        AddressLifetime::Default => {
            let whole = down.saturating_mul(3).as_secs().saturating_add(1);
            Some(Duration::from_secs(whole.max(LEASE_AT_LEAST)))
        }
    }
}

/// Half of a lease, less for some, so that not all instances renew at once. What is left is longer than it takes to find out
/// that a process hangs and to start another one.
fn spread(instance: InstanceId, lease: Duration) -> Duration {
    lease / 2 - lease / 8 * (instance.0 % SPREAD) / SPREAD
}

/// Active_Down_Interval of the configured parameters (RFC 9568 §6.1).
pub(super) fn active_down(parameters: &Parameters) -> Duration {
    let priority = match parameters.mode {
        Mode::Owner => Priority::OWNER,
        Mode::Contender { priority, .. } => priority,
    };
    vrrp::active_down_interval(
        parameters.version,
        parameters.advertisement_interval,
        priority,
        parameters.down_timer_adverts,
    )
}

fn shortest(holdings: &[Holding]) -> Option<Duration> {
    let ours = holdings.iter().filter(|holding| holding.origin == Origin::Ours);
    ours.filter_map(|holding| match holding.address.lifetime {
        Lifetime::Seconds(seconds) => Some(Duration::from_secs(seconds.into())),
        Lifetime::Forever => None,
    })
    .min()
}

/// Moments over which renewals are spread: a wake-up costs as much as several renewals.
const SPREAD: u32 = 16;
/// Seconds.
const LEASE_AT_LEAST: u64 = 10;
