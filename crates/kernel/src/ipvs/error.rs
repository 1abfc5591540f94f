//! What can go wrong with IPVS, and what helps.

use intent::service::{Scheduling, ServiceChange};
use rustix::io::Errno;

use crate::netlink::NetlinkError;

/// A request to IPVS that failed.
#[derive(Debug, thiserror::Error)]
pub enum IpvsError {
    /// The kernel was built without IPVS, or its module is not to be had.
    #[error("the kernel has no IPVS; load its module (modprobe ip_vs)")]
    Missing,
    /// The kernel has not the scheduler, or not the engine that finds clients.
    #[error("{change}: the kernel has no {lacking}; load its module (modprobe {modules})")]
    Unknown {
        /// What was to be done.
        change: String,
        /// What it may lack: it does not say which.
        lacking: String,
        /// The modules where these are.
        modules: String,
    },
    /// The kernel refused a change.
    #[error("{change}")]
    Refused {
        /// What was to be done.
        change: String,
        /// Why not.
        #[source]
        source: NetlinkError,
    },
    /// The kernel refused something else, or the socket failed.
    #[error("{operation}")]
    Failed {
        /// What was asked.
        operation: &'static str,
        /// Why not.
        #[source]
        source: NetlinkError,
    },
}

impl IpvsError {
    /// Makes errors of `operation`.
    pub(super) fn of(operation: &'static str) -> impl Fn(NetlinkError) -> Self {
        move |source| Self::Failed { operation, source }
    }

    /// The error of a change that was refused.
    pub(super) fn of_change(change: &ServiceChange, source: NetlinkError) -> Self {
        let name = change.to_string();
        match (change, &source) {
            // A service that does not exist is ESRCH.
            (
                ServiceChange::Add(_, wanted) | ServiceChange::Set(_, wanted),
                NetlinkError::Refused { errno: Errno::NOENT, .. },
            ) => Self::unknown(name, wanted),
            _ => Self::Refused { change: name, source },
        }
    }

    /// The error of a change whose scheduler or engine the kernel has not.
    pub(super) fn unknown(change: String, wanted: &Scheduling) -> Self {
        let scheduler = &wanted.scheduler;
        let mut lacking = format!("scheduler {scheduler}");
        let mut modules = format!("ip_vs_{scheduler}");
        let engine = wanted.persistence.as_ref().and_then(|it| it.engine.as_ref());
        if let Some(engine) = engine {
            lacking.push_str(&format!(" or no persistence engine {engine}"));
            modules.push_str(&format!(" ip_vs_pe_{engine}"));
        }
        Self::Unknown { change, lacking, modules }
    }
}
