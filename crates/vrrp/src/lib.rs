//! The election: virtual routers, tracking and sync groups as pure state machines.
#![forbid(unsafe_code)]

mod ids;
mod parameters;

pub use ids::{GroupId, InstanceId, TrackerId};
pub use parameters::{
    AddressCheck, AnnounceSchedule, GroupParameters, Mode, OwnerAdverts, Parameters, Preempt,
    Reply, Start, Tracking, Weight,
};
