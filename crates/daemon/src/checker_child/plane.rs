//! What spreads connections: the kernel's IPVS, or rules of nftables. It knows no verdicts; [`super::pool`] says what it
//! shall hold.

use config::model::DataPlane;
use intent::service::{Front, ServiceChange, Services, SyncDaemon, SyncRole, Timeouts};
use kernel::ipvs::{Ipvs, IpvsError, ServiceLoad};
use kernel::nft_plane::{NftPlane, NftPlaneError};

/// A load balancer that can be spoken to.
#[derive(Debug)]
pub(super) enum Plane {
    /// The kernel's own.
    Ipvs(Ipvs),
    /// One made of rules.
    Nftables(Box<NftPlane>),
}

/// It cannot be spoken to, or refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlaneError {
    /// IPVS did.
    #[error(transparent)]
    Ipvs(#[from] IpvsError),
    /// nftables did.
    #[error(transparent)]
    Nftables(#[from] NftPlaneError),
    /// Rules do not tell other directors of connections.
    #[error(
        "nftables copies no connections to other directors; leave `lvs_sync_daemon` out, or write `lvs_data_plane ipvs`"
    )]
    NoCopies,
}

impl Plane {
    /// Finds the one that is wanted; nothing is changed. Rules stand in tables of this name.
    ///
    /// **Errors**: there is none.
    pub(super) fn open(wanted: DataPlane, table: &str) -> Result<Self, PlaneError> {
        let ipvs = match wanted {
            DataPlane::Nftables => None,
            DataPlane::Ipvs => Some(Ipvs::open()?),
            DataPlane::Auto => match Ipvs::open() {
                Err(IpvsError::Missing) => None,
                found => Some(found?),
            },
        };
        Ok(match ipvs {
            Some(ipvs) => Self::Ipvs(ipvs),
            None => Self::Nftables(Box::new(NftPlane::open(table)?)),
        })
    }

    /// Takes away what the other kind has in its place: where IPVS balances, tables of this name. What IPVS has is not told
    /// from what others have there.
    ///
    /// **Errors**: the kernel refuses.
    pub(super) fn clear_other(&self, table: &str) -> Result<(), PlaneError> {
        match self {
            Self::Ipvs(_) => match NftPlane::open(table) {
                Ok(mut left) => Ok(left.flush()?),
                // A kernel without nftables has no tables.
                Err(_) => Ok(()),
            },
            Self::Nftables(_) => Ok(()),
        }
    }

    /// Whether both are of the same kind.
    pub(super) const fn is_same(&self, other: &Self) -> bool {
        matches!(
            (self, other),
            (Self::Ipvs(_), Self::Ipvs(_)) | (Self::Nftables(_), Self::Nftables(_))
        )
    }

    /// What it is called.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Ipvs(_) => "IPVS",
            Self::Nftables(_) => "nftables",
        }
    }

    /// Whether others have nothing in it that [`Self::services`] shows.
    pub(super) const fn is_ours_alone(&self) -> bool {
        match self {
            Self::Ipvs(_) => false,
            Self::Nftables(_) => true,
        }
    }

    /// Everything that it holds, also of others.
    ///
    /// **Errors**: it cannot be read.
    pub(super) fn services(&mut self) -> Result<Services, PlaneError> {
        match self {
            Self::Ipvs(ipvs) => Ok(ipvs.services()?),
            Self::Nftables(nftables) => Ok(nftables.services()?),
        }
    }

    /// What a service is doing; nothing where that is not counted, or it does not stand.
    pub(super) fn load(&mut self, front: &Front) -> Option<ServiceLoad> {
        match self {
            Self::Ipvs(ipvs) => ipvs.load(front).ok().flatten(),
            Self::Nftables(_) => None,
        }
    }

    /// Takes everything away, whoever made it; of nftables what stands in tables of our name.
    ///
    /// **Errors**: it refuses.
    pub(super) fn flush(&mut self) -> Result<(), PlaneError> {
        match self {
            Self::Ipvs(ipvs) => Ok(ipvs.flush()?),
            Self::Nftables(nftables) => Ok(nftables.flush()?),
        }
    }

    /// Sets how long connections are remembered. What is not said stays as it is in IPVS, where others may have set it.
    ///
    /// **Errors**: it refuses.
    pub(super) fn set_timeouts(&mut self, timeouts: &Timeouts) -> Result<(), PlaneError> {
        match self {
            Self::Ipvs(_) if *timeouts == Timeouts::default() => Ok(()),
            Self::Ipvs(ipvs) => Ok(ipvs.set_timeouts(timeouts)?),
            Self::Nftables(nftables) => Ok(nftables.set_timeouts(timeouts)?),
        }
    }

    /// Whether connections to servers that are gone are yet to be forgotten. IPVS does so itself.
    pub(super) fn is_to_forget(&self) -> bool {
        match self {
            Self::Ipvs(_) => false,
            Self::Nftables(nftables) => nftables.is_to_forget(),
        }
    }

    /// Forgets some of them.
    ///
    /// **Errors**: it refuses; they are tried again with the next call.
    pub(super) fn forget(&mut self) -> Result<(), PlaneError> {
        match self {
            Self::Ipvs(_) => Ok(()),
            Self::Nftables(nftables) => Ok(nftables.forget()?),
        }
    }

    /// The synchronisation daemons that run.
    ///
    /// **Errors**: they cannot be read.
    pub(super) fn sync_daemons(&mut self) -> Result<Vec<SyncDaemon>, PlaneError> {
        match self {
            Self::Ipvs(ipvs) => Ok(ipvs.sync_daemons()?),
            Self::Nftables(_) => Ok(Vec::new()),
        }
    }

    /// Starts one.
    ///
    /// **Errors**: it refuses, such as for a link that there is not.
    pub(super) fn start_sync(&mut self, daemon: &SyncDaemon) -> Result<(), PlaneError> {
        match self {
            Self::Ipvs(ipvs) => Ok(ipvs.start_sync(daemon)?),
            Self::Nftables(_) => Err(PlaneError::NoCopies),
        }
    }

    /// Ends the one of a role.
    ///
    /// **Errors**: it refuses.
    pub(super) fn stop_sync(&mut self, role: SyncRole) -> Result<(), PlaneError> {
        match self {
            Self::Ipvs(ipvs) => Ok(ipvs.stop_sync(role)?),
            Self::Nftables(_) => Ok(()),
        }
    }

    /// Takes steps in their order; what became of each.
    pub(super) fn apply(&mut self, steps: &[ServiceChange]) -> Vec<Result<(), PlaneError>> {
        match self {
            Self::Ipvs(ipvs) => ipvs.apply(steps).into_iter().map(|result| Ok(result?)).collect(),
            Self::Nftables(nftables) => {
                nftables.apply(steps).into_iter().map(|result| Ok(result?)).collect()
            }
        }
    }
}

impl PlaneError {
    /// Whether there is no such load balancer, and nothing in it.
    pub(super) const fn is_absence(&self) -> bool {
        matches!(self, Self::Ipvs(IpvsError::Missing))
    }

    /// What happened, and why, in one line.
    pub(super) fn line(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        if matches!(self, Self::Ipvs(IpvsError::Missing)) {
            text.push_str(", or write `lvs_data_plane nftables` into global_defs");
        }
        text
    }
}
