//! What spreads connections: the kernel's IPVS. It knows no verdicts; [`super::pool`] says what it shall hold.

use intent::service::{ServiceChange, Services, SyncDaemon, SyncRole, Timeouts};
use kernel::ipvs::{Ipvs, IpvsError};

/// A load balancer that can be spoken to.
#[derive(Debug)]
pub(super) enum Plane {
    /// The kernel's own.
    Ipvs(Ipvs),
}

/// It cannot be spoken to, or refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlaneError {
    /// IPVS did.
    #[error(transparent)]
    Ipvs(#[from] IpvsError),
}

impl Plane {
    /// Finds it.
    ///
    /// **Errors**: there is none.
    pub(super) fn open() -> Result<Self, PlaneError> {
        Ok(Self::Ipvs(Ipvs::open()?))
    }

    /// Everything that it holds, also of others.
    ///
    /// **Errors**: it cannot be read.
    pub(super) fn services(&mut self) -> Result<Services, PlaneError> {
        match self {
            Self::Ipvs(ipvs) => Ok(ipvs.services()?),
        }
    }

    /// Takes everything away, whoever made it.
    ///
    /// **Errors**: it refuses.
    pub(super) fn flush(&mut self) -> Result<(), PlaneError> {
        match self {
            Self::Ipvs(ipvs) => Ok(ipvs.flush()?),
        }
    }

    /// Sets how long connections are remembered.
    ///
    /// **Errors**: it refuses.
    pub(super) fn set_timeouts(&mut self, timeouts: &Timeouts) -> Result<(), PlaneError> {
        match self {
            Self::Ipvs(ipvs) => Ok(ipvs.set_timeouts(timeouts)?),
        }
    }

    /// The synchronisation daemons that run.
    ///
    /// **Errors**: they cannot be read.
    pub(super) fn sync_daemons(&mut self) -> Result<Vec<SyncDaemon>, PlaneError> {
        match self {
            Self::Ipvs(ipvs) => Ok(ipvs.sync_daemons()?),
        }
    }

    /// Starts one.
    ///
    /// **Errors**: it refuses, such as for a link that there is not.
    pub(super) fn start_sync(&mut self, daemon: &SyncDaemon) -> Result<(), PlaneError> {
        match self {
            Self::Ipvs(ipvs) => Ok(ipvs.start_sync(daemon)?),
        }
    }

    /// Ends the one of a role.
    ///
    /// **Errors**: it refuses.
    pub(super) fn stop_sync(&mut self, role: SyncRole) -> Result<(), PlaneError> {
        match self {
            Self::Ipvs(ipvs) => Ok(ipvs.stop_sync(role)?),
        }
    }

    /// Takes steps in their order; what became of each.
    pub(super) fn apply(&mut self, steps: &[ServiceChange]) -> Vec<Result<(), PlaneError>> {
        match self {
            Self::Ipvs(ipvs) => ipvs.apply(steps).into_iter().map(|result| Ok(result?)).collect(),
        }
    }
}

impl PlaneError {
    /// What happened, and why, in one line.
    pub(super) fn line(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}
