//! Parameters that stories start from.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use clock::Instant;
use vrrp::{AddressCheck, AnnounceSchedule, Mode, OwnerAdverts, Parameters, Preempt, Reply, Start};
use wire::{Family, Priority, Version, Vrid};

/// The instant `seconds` after the start of the simulation.
#[must_use]
pub fn at(seconds: f64) -> Instant {
    Instant::ZERO + Duration::from_secs_f64(seconds)
}

/// A span in seconds.
#[must_use]
pub fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// VRRPv3 over IPv4, VRID 1, 1 s, preempting, starts as Backup, protects one address.
#[must_use]
pub fn contender(priority: u8) -> Parameters {
    router(1, priority)
}

/// As [`contender`], but the owner of the addresses.
#[must_use]
pub fn owner() -> Parameters {
    Parameters { mode: Mode::Owner, ..contender(100) }
}

/// As [`contender`], of another VRID; 0 counts as 1.
#[must_use]
pub fn router(vrid: u8, priority: u8) -> Parameters {
    Parameters {
        vrid: Vrid::new(vrid).or(Vrid::new(1)).unwrap_or_else(|| unreachable!("1 is a VRID")),
        family: Family::Ipv4,
        version: Version::V3,
        mode: Mode::Contender { priority: Priority(priority), preempt: Preempt::Immediately },
        advertisement_interval: Duration::from_secs(1),
        down_timer_adverts: 3,
        start: Start::Backup,
        addresses: vec![IpAddr::V4(Ipv4Addr::new(10, 0, 1, vrid))],
        address_check: AddressCheck::Always,
        on_lower_priority: Reply::Advertise,
        on_higher_priority: Reply::Silent,
        owner_adverts: OwnerAdverts::Heed,
        announce: AnnounceSchedule::default(),
        tracking: Vec::new(),
    }
}
