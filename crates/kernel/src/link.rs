//! Links: reading them, and the few kinds that a lab of namespaces is built of.

mod upper;

use std::os::fd::{AsRawFd, BorrowedFd};

use intent::{IfIndex, IpvlanMode};
use wire::MacAddr;

use crate::netlink::message::{Attributes, Builder, Message, number, text};
use crate::netlink::outcome::Goal;
use crate::netlink::{NetlinkError, RequestSocket};

/// One link as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: IfIndex,
    /// Its name.
    pub name: String,
    /// Its Ethernet address; none for links that have no such address.
    pub mac: Option<MacAddr>,
    /// Largest payload of a frame, in bytes.
    pub mtu: u32,
    /// Administratively up, and with a carrier.
    pub running: bool,
    /// Whether it can carry multicast.
    pub multicast: bool,
    /// Whether it is the loopback.
    pub loopback: bool,
    /// Administratively up.
    pub up: bool,
    /// What it stands on in this namespace, and how; none for a link of its own.
    pub upper: Option<(IfIndex, Upper)>,
    /// The bridge, bond or VRF that it is a part of.
    pub master: Option<IfIndex>,
    /// The table of a VRF, which is a routing domain of its own for the links in it; none of any other link.
    pub vrf_table: Option<u32>,
    /// The free text that people and programs give a link.
    pub alias: Option<String>,
    /// The group by which people address several links at once; 0 where nobody gave one.
    pub group: u32,
}

/// How a link stands on another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upper {
    /// A macvlan in private mode.
    PrivateMacvlan,
    /// An ipvlan of layer 2.
    Ipvlan(IpvlanMode),
    /// In another way: a VLAN, a macvlan in another mode.
    Other,
}

impl RequestSocket {
    /// Reads every link of the namespace.
    ///
    /// **Errors**: the socket fails, or the tables change during each of several tries.
    pub fn links(&mut self) -> Result<Vec<Link>, NetlinkError> {
        let list = std::cell::RefCell::new(Vec::new());
        let request = || Builder::new(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP).body(&[0; 16]);
        self.dump(
            "read links",
            request,
            || list.borrow_mut().clear(),
            |message| {
                list.borrow_mut().extend(parse(message));
            },
        )?;
        Ok(list.into_inner())
    }

    /// Creates a bridge.
    ///
    /// **Errors**: the kernel refuses, also where the name is taken.
    pub fn create_bridge(&mut self, name: &str) -> Result<(), NetlinkError> {
        let builder = create(name).open(IFLA_LINKINFO).text(IFLA_INFO_KIND, "bridge").close();
        self.request("create bridge", Goal::Answer, builder)
    }

    /// Creates a cable: two veth links, the second of them in the namespace behind `namespace`, with these
    /// Ethernet addresses.
    ///
    /// **Errors**: the kernel refuses, also where a name is taken.
    pub fn create_veth(
        &mut self,
        here: (&str, MacAddr),
        there: (&str, MacAddr),
        namespace: BorrowedFd<'_>,
    ) -> Result<(), NetlinkError> {
        let namespace = u32::try_from(namespace.as_raw_fd()).unwrap_or(u32::MAX);
        let builder = create(here.0)
            .attribute(IFLA_ADDRESS, &here.1.0)
            .open(IFLA_LINKINFO)
            .text(IFLA_INFO_KIND, "veth")
            .open(IFLA_INFO_DATA)
            .open(VETH_INFO_PEER)
            .raw(&[0; 16])
            .text(IFLA_IFNAME, there.0)
            .attribute(IFLA_ADDRESS, &there.1.0)
            .number(IFLA_NET_NS_FD, namespace)
            .close()
            .close()
            .close();
        self.request("create veth", Goal::Answer, builder)
    }

    /// Takes a link up or down.
    ///
    /// **Errors**: the kernel refuses, also where there is no such link.
    pub fn set_link_up(&mut self, link: IfIndex, up: bool) -> Result<(), NetlinkError> {
        let flags = if up { IFF_UP } else { 0 };
        let builder =
            Builder::new(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK).body(&header(link, flags, IFF_UP));
        self.request("set link up or down", Goal::Answer, builder)
    }

    /// Plugs a link into a bridge, or puts it into a VRF; the number 0 takes it out.
    ///
    /// **Errors**: the kernel refuses, also where there is no such link.
    pub fn set_master(&mut self, link: IfIndex, master: IfIndex) -> Result<(), NetlinkError> {
        let builder = Builder::new(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK)
            .body(&header(link, 0, 0))
            .number(IFLA_MASTER, master.0);
        self.request("set master of link", Goal::Answer, builder)
    }

    /// Whether another address of a subnet becomes the primary one when that goes; otherwise all go with it.
    ///
    /// **Errors**: the kernel refuses, also where there is no such link.
    pub fn promotes_secondaries(&mut self, link: IfIndex) -> Result<bool, NetlinkError> {
        let request =
            || Builder::new(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK).body(&header(link, 0, 0));
        let mut promotes = false;
        self.dump(
            "read settings of link",
            request,
            || {},
            |message| promotes |= setting(message, PROMOTE_SECONDARIES) == Some(1),
        )?;
        Ok(promotes)
    }

    /// Sets [`RequestSocket::promotes_secondaries`].
    ///
    /// **Errors**: the kernel refuses, also where there is no such link.
    pub fn promote_secondaries(&mut self, link: IfIndex, on: bool) -> Result<(), NetlinkError> {
        let builder = Builder::new(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK)
            .body(&header(link, 0, 0))
            .open(IFLA_AF_SPEC)
            .open(AF_INET)
            .open(IFLA_INET_CONF)
            .number(PROMOTE_SECONDARIES, on.into())
            .close()
            .close()
            .close();
        self.request("set promote_secondaries", Goal::Answer, builder)
    }

    /// The number of the link called `name`.
    ///
    /// **Errors**: the table cannot be read.
    pub fn index_of(&mut self, name: &str) -> Result<Option<IfIndex>, NetlinkError> {
        Ok(self.links()?.into_iter().find(|link| link.name == name).map(|link| link.index))
    }
}

/// One link message as a value; nothing for other messages and for what cannot be read.
pub(crate) fn parse(message: &Message<'_>) -> Option<Link> {
    if message.kind != RTM_NEWLINK && message.kind != RTM_DELLINK {
        return None;
    }
    let [_, _, _, _, i0, i1, i2, i3, f0, f1, f2, f3, ..] = *message.payload.first_chunk::<16>()?;
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    let mut link = Link {
        index: IfIndex(u32::from_ne_bytes([i0, i1, i2, i3])),
        name: String::new(),
        mac: None,
        mtu: 0,
        running: flags & RUNNING == RUNNING,
        multicast: flags & IFF_MULTICAST != 0,
        loopback: flags & IFF_LOOPBACK != 0,
        up: flags & IFF_UP != 0,
        upper: None,
        master: None,
        vrf_table: None,
        alias: None,
        group: 0,
    };
    let (mut parent, mut is_elsewhere, mut upper) = (None, false, Upper::Other);
    for (kind, value) in Attributes(message.payload.get(16..)?) {
        match kind {
            IFLA_IFNAME => link.name = text(value),
            IFLA_MTU => link.mtu = number(value)?,
            IFLA_ADDRESS => link.mac = <[u8; 6]>::try_from(value).ok().map(MacAddr),
            IFLA_IFALIAS => link.alias = Some(text(value)),
            IFLA_GROUP => link.group = number(value)?,
            IFLA_LINK => parent = number(value).filter(|index| *index != 0).map(IfIndex),
            IFLA_LINK_NETNSID => is_elsewhere = true,
            IFLA_MASTER => link.master = number(value).map(IfIndex),
            IFLA_LINKINFO => {
                upper = upper::parse(value);
                link.vrf_table = upper::vrf_table(value);
            }
            _ => {}
        }
    }
    link.upper = parent.filter(|_| !is_elsewhere).map(|parent| (parent, upper));
    (!link.name.is_empty()).then_some(link)
}

/// An IPv4 setting of the link that a message is about, by the kernel's number of it, counted from 1.
fn setting(message: &Message<'_>, number_of: u16) -> Option<u32> {
    let find = |attributes: &'_ [u8], wanted: u16| -> Option<Vec<u8>> {
        Attributes(attributes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value.to_vec())
    };
    let families = find(message.payload.get(16..)?, IFLA_AF_SPEC)?;
    let settings = find(&find(&families, AF_INET)?, IFLA_INET_CONF)?;
    let place = usize::from(number_of.checked_sub(1)?) * 4;
    number(settings.get(place..)?)
}

pub(crate) fn create(name: &str) -> Builder {
    Builder::new(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL)
        .body(&[0; 16])
        .text(IFLA_IFNAME, name)
}

pub(crate) fn header(link: IfIndex, flags: u32, change: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&link.0.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..].copy_from_slice(&change.to_ne_bytes());
    header
}

pub(crate) const RTM_NEWLINK: u16 = 16;
pub(crate) const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_SETLINK: u16 = 19;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_CREATE: u16 = 0x400;
/// A link that is new is called running before its carrier was looked at; "lower up" is the carrier itself.
const RUNNING: u32 = IFF_UP | IFF_RUNNING | IFF_LOWER_UP;
const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;
const IFF_RUNNING: u32 = 0x40;
const IFF_MULTICAST: u32 = 0x1000;
const IFF_LOWER_UP: u32 = 0x1_0000;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_IFALIAS: u16 = 20;
const IFLA_GROUP: u16 = 27;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_AF_SPEC: u16 = 26;
const AF_INET: u16 = 2;
const IFLA_INET_CONF: u16 = 1;
/// `IPV4_DEVCONF_PROMOTE_SECONDARIES` of linux/ip.h.
const PROMOTE_SECONDARIES: u16 = 20;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
