//! SNMP: what is served to a master agent, and where that is.

use core::time::Duration;

/// Everything that `global_defs` says of SNMP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snmp {
    /// `snmp_socket`.
    pub master: Master,
    /// `enable_traps`: changes are notified.
    pub notifies: bool,
    /// `enable_snmp_vrrp`: KEEPALIVED-MIB, the part about VRRP.
    pub vrrp: bool,
    /// `enable_snmp_checker`: KEEPALIVED-MIB, the part about load balancing.
    pub checker: bool,
    /// `snmp_vs_stats_update_interval`: how old what virtual servers have counted may be.
    pub service_statistics: Option<Duration>,
    /// `snmp_rs_stats_update_interval`: the same of real servers; that of virtual servers where not set.
    pub server_statistics: Option<Duration>,
    /// `enable_snmp_rfcv2`: VRRP-MIB (RFC 2787).
    pub rfc2787: bool,
    /// `enable_snmp_rfcv3`: VRRPV3-MIB (RFC 6527).
    pub rfc6527: bool,
}

impl Snmp {
    /// Whether anything is served.
    pub const fn is_wanted(&self) -> bool {
        self.tells_routers() || self.checker
    }

    /// Whether anything of virtual routers is served.
    pub const fn tells_routers(&self) -> bool {
        self.vrrp || self.rfc2787 || self.rfc6527
    }

    /// How old what is counted may be: virtual servers and real servers are counted together.
    pub fn statistics(&self) -> Duration {
        let of_services = self.service_statistics.unwrap_or(STATISTICS);
        of_services.min(self.server_statistics.unwrap_or(of_services))
    }
}

/// Where the master agent listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Master {
    /// At a socket of this path.
    Unix(String),
    /// At a port of a host, a name or an address.
    Tcp(String, u16),
}

impl Default for Master {
    fn default() -> Self {
        Self::Unix("/var/agentx/master".to_owned())
    }
}

impl core::fmt::Display for Master {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{path}"),
            Self::Tcp(host, port) => write!(f, "tcp:{host}:{port}"),
        }
    }
}

/// How old what is counted may be where nothing is written.
const STATISTICS: Duration = Duration::from_secs(5);
