//! SNMP: what is served to a master agent, and where that is.

/// Everything that `global_defs` says of SNMP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snmp {
    /// `snmp_socket`.
    pub master: Master,
    /// `enable_traps`: changes are notified.
    pub notifies: bool,
    /// `enable_snmp_vrrp`: KEEPALIVED-MIB, the part about VRRP.
    pub vrrp: bool,
    /// `enable_snmp_rfcv2`: VRRP-MIB (RFC 2787).
    pub rfc2787: bool,
    /// `enable_snmp_rfcv3`: VRRPV3-MIB (RFC 6527).
    pub rfc6527: bool,
}

impl Snmp {
    /// Whether anything is served.
    pub const fn is_wanted(&self) -> bool {
        self.vrrp || self.rfc2787 || self.rfc6527
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
