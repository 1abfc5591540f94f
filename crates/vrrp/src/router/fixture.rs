//! Parameters and addresses that the tests share.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use wire::{Family, Priority, Version, Vrid};

use crate::{
    AddressCheck, AnnounceSchedule, Mode, OwnerAdverts, Parameters, Preempt, Reply, Start,
};

pub(crate) const fn ip(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
}

/// VRRPv3, 1 s, preempting, starts as Backup, protects 10.0.0.100.
pub(crate) fn contender(priority: u8) -> Parameters {
    Parameters {
        vrid: Vrid::new(1).unwrap(),
        family: Family::Ipv4,
        version: Version::V3,
        mode: Mode::Contender { priority: Priority(priority), preempt: Preempt::Immediately },
        advertisement_interval: Duration::from_secs(1),
        down_timer_adverts: 3,
        start: Start::Backup,
        addresses: vec![ip(100)],
        address_check: AddressCheck::Always,
        on_lower_priority: Reply::Advertise,
        on_higher_priority: Reply::Silent,
        owner_adverts: OwnerAdverts::Heed,
        announce: AnnounceSchedule::default(),
        tracking: Vec::new(),
    }
}
