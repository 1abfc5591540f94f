//! What the configuration fixes for virtual routers and sync groups.
//!
//! Values arrive here checked: lowering has applied defaults and ranges. RFC 9568 words inside; the
//! keepalived keyword that sets a field stands in its comment.

use core::net::IpAddr;
use core::time::Duration;

use serde::{Deserialize, Serialize};
use wire::{Family, Priority, Version, Vrid};

use crate::{InstanceId, TrackerId};

/// Parameters of one virtual router (RFC 9568 §6.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// `virtual_router_id`.
    pub vrid: Vrid,
    /// Family of the advertised addresses.
    pub family: Family,
    /// `version`.
    pub version: Version,
    /// Owner of the addresses, or one of those who contend for them.
    pub mode: Mode,
    /// `advert_int`: whole seconds in v2, a multiple of 10 ms in v3.
    pub advertisement_interval: Duration,
    /// `down_timer_adverts`, 1 to 100: the factor 3 of Active_Down_Interval.
    pub down_timer_adverts: u8,
    /// `state`: which first timer the router starts with.
    pub start: Start,
    /// Addresses in the order in which they are advertised.
    pub addresses: Vec<IpAddr>,
    /// `skip_check_adv_addr`.
    pub address_check: AddressCheck,
    /// `lower_prio_no_advert`: what an Active router sends on hearing a lower priority.
    pub on_lower_priority: Reply,
    /// `higher_prio_send_advert`: what an Active router sends before it yields.
    pub on_higher_priority: Reply,
    /// `owner_ignore_adverts`.
    pub owner_adverts: OwnerAdverts,
    /// `garp_*`.
    pub announce: AnnounceSchedule,
    /// `track_*`: each watched thing and what it does to the priority.
    pub tracking: Vec<Tracking>,
}

/// Whether the router owns the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// `priority 255`: always preempts, never reduced by trackers.
    Owner,
    /// `priority 1..254`.
    Contender {
        /// Base priority, 1 to 254.
        priority: Priority,
        /// `nopreempt`, `preempt_delay`.
        preempt: Preempt,
    },
}

/// Preempt_Mode of RFC 9568 §6.1, with keepalived's delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Preempt {
    /// A lower priority is not listened to.
    Immediately,
    /// A lower priority is listened to for this long, counted from its first advertisement.
    After(Duration),
    /// `nopreempt`.
    Never,
}

/// `state`: a wish for the start, nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Start {
    /// `state BACKUP`: waits Active_Down_Interval.
    Backup,
    /// `state MASTER`: waits one advertisement interval and the skew (an owner does not wait).
    Active,
}

/// How often the address list of received advertisements is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressCheck {
    /// Each advertisement.
    Always,
    /// Not where the sender is that of the last advertisement.
    NewSender,
}

/// Whether an advertisement answers another one at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Send one.
    Advertise,
    /// Send none.
    Silent,
}

/// What an address owner does with advertisements of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OwnerAdverts {
    /// Treats them by the rules.
    Heed,
    /// Ignores them.
    Ignore,
}

/// When an Active router announces its addresses (gratuitous ARP, unsolicited neighbour advertisement).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnounceSchedule {
    /// `garp_master_repeat`: announcements of each address at the transition, and again after `again_after`.
    pub repeat: u32,
    /// `garp_master_delay`: time to the second burst; none without one (`vrrp_min_garp`).
    pub again_after: Option<Duration>,
    /// `garp_master_refresh`: period of further bursts while Active.
    pub refresh: Option<Duration>,
    /// `garp_master_refresh_repeat`.
    pub refresh_repeat: u32,
    /// `garp_extra_if`: period of announcements while Active on links that it does not advertise through.
    pub extra: Option<Duration>,
    /// `garp_lower_prio_repeat`: burst on hearing a lower priority.
    pub lower_priority_repeat: u32,
    /// `garp_lower_prio_delay`: time to its second burst.
    pub lower_priority_again_after: Option<Duration>,
}

impl Default for AnnounceSchedule {
    /// keepalived's defaults: 5 at once, 5 after 5 s, no refresh.
    fn default() -> Self {
        Self {
            repeat: 5,
            again_after: Some(Duration::from_secs(5)),
            refresh: None,
            refresh_repeat: 1,
            extra: None,
            lower_priority_repeat: 5,
            lower_priority_again_after: Some(Duration::from_secs(5)),
        }
    }
}

/// One watched thing of one router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracking {
    /// What is watched.
    pub tracker: TrackerId,
    /// What its state does.
    pub weight: Weight,
}

/// Effect of a tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Weight {
    /// Weight 0: a failure is a fault; reversed, a success is one.
    Fault {
        /// `reverse`.
        reverse: bool,
    },
    /// Added while the thing is up where positive, subtracted while it is down where negative. A thing that says a
    /// number adds its product with the weight; one of −254 or less is a fault.
    Priority {
        /// −254 to 254, not 0.
        weight: i16,
        /// `reverse`: what would be added is subtracted, and the other way round.
        reverse: bool,
    },
}

/// Parameters of one sync group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupParameters {
    /// Members, in the order of the configuration.
    pub members: Vec<InstanceId>,
}
