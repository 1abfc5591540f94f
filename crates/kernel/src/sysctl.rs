//! Settings of one link under `/proc/sys/net`: reading and writing single numbers.
//!
//! They are those of the network namespace of the calling thread; `CAP_NET_ADMIN` there is enough to write them.
//! **Source**: Documentation/networking/ip-sysctl.rst of Linux.

use std::fs;
use std::io;

/// One setting of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// Which ARP requests are answered: 1 only for addresses of the link itself.
    ArpIgnore,
    /// Whether ARP is answered only if the answer would leave through the link.
    ArpFilter,
    /// Which of the host's addresses ARP requests name as their sender: 2 the best of the link, whoever speaks.
    ArpAnnounce,
    /// Which sources are believed: 0 all, 1 those whose way back is the link, 2 those that are reachable at all.
    RpFilter,
    /// Whether packets from addresses of this host are taken.
    AcceptLocal,
    /// Whether packets that come here for other hosts are passed on.
    Forwarding,
    /// Whether a secondary address takes the place of a primary one that goes.
    PromoteSecondaries,
    /// Whether IPv6 is off.
    DisableIpv6,
    /// Where the link-local address comes from: 1 nowhere.
    AddrGenMode,
    /// Whether router advertisements are heeded.
    AcceptRa,
}

impl Setting {
    /// Its name, as in ip-sysctl.rst.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ArpIgnore => "arp_ignore",
            Self::ArpFilter => "arp_filter",
            Self::ArpAnnounce => "arp_announce",
            Self::RpFilter => "rp_filter",
            Self::AcceptLocal => "accept_local",
            Self::Forwarding => "forwarding",
            Self::PromoteSecondaries => "promote_secondaries",
            Self::DisableIpv6 => "disable_ipv6",
            Self::AddrGenMode => "addr_gen_mode",
            Self::AcceptRa => "accept_ra",
        }
    }

    /// The setting of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|setting| setting.name() == name)
    }

    const fn family(self) -> &'static str {
        match self {
            Self::ArpIgnore
            | Self::ArpFilter
            | Self::ArpAnnounce
            | Self::RpFilter
            | Self::AcceptLocal
            | Self::Forwarding
            | Self::PromoteSecondaries => "ipv4",
            Self::DisableIpv6 | Self::AddrGenMode | Self::AcceptRa => "ipv6",
        }
    }

    fn path(self, link: &str) -> io::Result<String> {
        // The kernel has no such names: whoever asks for one asks for another file.
        if link.is_empty() || link == "." || link == ".." || link.contains('/') {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(format!("/proc/sys/net/{}/conf/{link}/{}", self.family(), self.name()))
    }
}

/// Reads a setting of the link called `link`, or of `all`.
///
/// **Errors**: there is no such link, or the kernel lacks the family.
pub fn read(link: &str, setting: Setting) -> Result<i32, SysctlError> {
    let failed = |source| SysctlError { verb: "read", link: link.to_owned(), setting, source };
    let text = setting.path(link).and_then(fs::read_to_string).map_err(failed)?;
    text.trim().parse().map_err(|_| failed(io::ErrorKind::InvalidData.into()))
}

/// Writes a setting of the link called `link`.
///
/// **Errors**: there is no such link, the kernel lacks the family or refuses the value, or `/proc/sys` cannot be written
/// to, as in many containers.
pub fn write(link: &str, setting: Setting, value: i32) -> Result<(), SysctlError> {
    let path = setting.path(link);
    path.and_then(|path| fs::write(path, value.to_string())).map_err(|source| SysctlError {
        verb: "write",
        link: link.to_owned(),
        setting,
        source,
    })
}

/// Lets this process ask for echoes without a raw socket: its group comes into the range of those who may. Gives that range as
/// it was, where it had to change. **Source**: icmp(7), `ping_group_range`; IPv6 has no setting of its own.
///
/// **Errors**: it cannot be read or changed, or is not understood.
pub fn allow_echoes() -> io::Result<Option<(u32, u32)>> {
    let group = rustix::process::getegid().as_raw();
    let text = fs::read_to_string(ECHOES)?;
    let mut numbers = text.split_whitespace().map(str::parse::<u32>);
    let (Some(Ok(first)), Some(Ok(last))) = (numbers.next(), numbers.next()) else {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    };
    if (first..=last).contains(&group) {
        return Ok(None);
    }
    // One that is empty says nothing of others.
    let (low, high) =
        if first > last { (group, group) } else { (first.min(group), last.max(group)) };
    fs::write(ECHOES, format!("{low} {high}"))?;
    Ok(Some((first, last)))
}

/// Whether membership of the groups 224.0.0.0/24, which no router forwards, is reported to switches; in the network
/// namespace of this thread, on all links.
///
/// **Errors**: the kernel lacks the setting.
pub fn reports_local_groups() -> io::Result<bool> {
    Ok(fs::read_to_string(LOCAL_REPORTS)?.trim() != "0")
}

/// Sets [`reports_local_groups`]; groups that are joined later go by it.
///
/// **Errors**: the kernel lacks the setting, or it cannot be written to.
pub fn report_local_groups(on: bool) -> io::Result<()> {
    fs::write(LOCAL_REPORTS, if on { "1" } else { "0" })
}

/// A setting that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {} of {link}: {source}", setting.name())]
pub struct SysctlError {
    verb: &'static str,
    link: String,
    setting: Setting,
    /// Why.
    #[source]
    pub source: io::Error,
}

const ECHOES: &str = "/proc/sys/net/ipv4/ping_group_range";
const LOCAL_REPORTS: &str = "/proc/sys/net/ipv4/igmp_link_local_mcast_reports";
const ALL: [Setting; 10] = [
    Setting::ArpIgnore,
    Setting::ArpFilter,
    Setting::ArpAnnounce,
    Setting::RpFilter,
    Setting::AcceptLocal,
    Setting::Forwarding,
    Setting::PromoteSecondaries,
    Setting::DisableIpv6,
    Setting::AddrGenMode,
    Setting::AcceptRa,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_one_file_and_nowhere_else() {
        for setting in ALL {
            assert_eq!(Setting::of_name(setting.name()), Some(setting));
            for name in ["", ".", "..", "../all", "a/b"] {
                assert!(setting.path(name).is_err(), "{name}");
            }
        }
        let path = Setting::ArpIgnore.path("eth0.7").unwrap();
        assert_eq!(path, "/proc/sys/net/ipv4/conf/eth0.7/arp_ignore");
    }
}
