//! Links that stand on another one: making, marking and removing them.
//!
//! A link is made down, so that whoever makes it can arrange it before it says its first word. **Source**:
//! linux/if_link.h, drivers/net/macvlan.c and ipvlan.

use intent::{IfIndex, IpvlanMode, UpperKind, UpperLink};

use super::{
    IFLA_ADDRESS, IFLA_GROUP, IFLA_IFALIAS, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINK,
    IFLA_LINKINFO, NLM_F_ACK, NLM_F_REQUEST, RTM_DELLINK, RTM_NEWLINK, RTM_SETLINK, Upper, create,
    header,
};
use crate::netlink::message::{Attributes, Builder, number, text};
use crate::netlink::outcome::Goal;
use crate::netlink::{NetlinkError, RequestSocket};

impl RequestSocket {
    /// Makes links on others, down, in order; what became of each.
    pub fn create_upper_links(&mut self, links: &[UpperLink]) -> Vec<Result<(), NetlinkError>> {
        let requests = links.iter().map(create_request).collect();
        self.batch("create link", Goal::Answer, requests)
    }

    /// Gives links a free text each, which every look at them shows; an empty one takes it away.
    pub fn set_aliases(&mut self, aliases: &[(IfIndex, String)]) -> Vec<Result<(), NetlinkError>> {
        let request = |(link, alias): &(IfIndex, String)| {
            // No NUL: the kernel counts the bytes, and takes none for no text at all.
            set(*link).attribute(IFLA_IFALIAS, alias.as_bytes())
        };
        let requests = aliases.iter().map(request).collect();
        self.batch("set link alias", Goal::Answer, requests)
    }

    /// Takes links up, in order; what became of each.
    pub fn set_links_up(&mut self, links: &[IfIndex]) -> Vec<Result<(), NetlinkError>> {
        let request = |link: &IfIndex| {
            Builder::new(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK).body(&header(*link, 1, 1))
        };
        let requests = links.iter().map(request).collect();
        self.batch("set link up", Goal::Answer, requests)
    }

    /// Puts a link into a group, by which people address several at once.
    ///
    /// **Errors**: the kernel refuses, also where there is no such link.
    pub fn set_group(&mut self, link: IfIndex, group: u32) -> Result<(), NetlinkError> {
        self.request("set link group", Goal::Answer, set(link).number(IFLA_GROUP, group))
    }

    /// Sets how all ipvlan links of the parent of this one treat each other.
    ///
    /// **Errors**: the kernel refuses, also where the link is no ipvlan.
    pub fn set_ipvlan_mode(&mut self, link: IfIndex, mode: IpvlanMode) -> Result<(), NetlinkError> {
        let builder = Builder::new(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK)
            .body(&header(link, 0, 0))
            .open(IFLA_LINKINFO);
        self.request("set ipvlan mode", Goal::Answer, ipvlan(builder, mode).close())
    }

    /// Removes links; those that are gone already are no error.
    ///
    /// The kernel waits a while for each link that goes, but not longer for many that go together: several are put into
    /// a group of their own, which goes as a whole.
    ///
    /// **Errors**: the first that the kernel refuses; all others are gone nevertheless.
    pub fn remove_links(&mut self, links: &[IfIndex]) -> Result<(), NetlinkError> {
        let operation = "remove link";
        let delete = || Builder::new(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK);
        if links.len() > 1 {
            let doomed = links.iter().map(|link| set(*link).number(IFLA_GROUP, DOOMED)).collect();
            // What is not in the group, or keeps it from going, is met below.
            let _ = self.batch(operation, Goal::Absent, doomed);
            let group = delete().body(&header(IfIndex(0), 0, 0)).number(IFLA_GROUP, DOOMED);
            let _ = self.request(operation, Goal::Absent, group);
        }
        let each = links.iter().map(|link| delete().body(&header(*link, 0, 0))).collect();
        let mut outcome = Ok(());
        for (link, result) in links.iter().zip(self.batch(operation, Goal::Absent, each)) {
            if result.is_err() {
                // The next removal is not to take it along.
                let _ = self.set_group(*link, 0);
            }
            outcome = outcome.and(result);
        }
        outcome
    }
}

fn create_request(link: &UpperLink) -> Builder {
    let builder = create(&link.name).number(IFLA_LINK, link.parent.0);
    match link.kind {
        UpperKind::PrivateMacvlan(mac) => builder
            .attribute(IFLA_ADDRESS, &mac.0)
            .open(IFLA_LINKINFO)
            .text(IFLA_INFO_KIND, "macvlan")
            .open(IFLA_INFO_DATA)
            .number(IFLA_MACVLAN_MODE, MACVLAN_MODE_PRIVATE)
            .close()
            .close(),
        UpperKind::Ipvlan(mode) => ipvlan(builder.open(IFLA_LINKINFO), mode).close(),
    }
}

fn ipvlan(builder: Builder, mode: IpvlanMode) -> Builder {
    builder
        .text(IFLA_INFO_KIND, "ipvlan")
        .open(IFLA_INFO_DATA)
        .attribute(IFLA_IPVLAN_MODE, &IPVLAN_MODE_L2.to_ne_bytes())
        .attribute(IFLA_IPVLAN_FLAGS, &flags(mode).to_ne_bytes())
        .close()
}

fn set(link: IfIndex) -> Builder {
    Builder::new(RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK).body(&header(link, 0, 0))
}

/// How a link stands on its parent, by its `IFLA_LINKINFO`.
pub(super) fn parse(info: &[u8]) -> Upper {
    let (mut kind, mut data) = (String::new(), &[][..]);
    for (attribute, value) in Attributes(info) {
        match attribute {
            IFLA_INFO_KIND => kind = text(value),
            IFLA_INFO_DATA => data = value,
            _ => {}
        }
    }
    let find = |wanted| Attributes(data).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let short = |wanted| find(wanted)?.first_chunk().map(|value| u16::from_ne_bytes(*value));
    match kind.as_str() {
        "macvlan" if find(IFLA_MACVLAN_MODE).and_then(number) == Some(MACVLAN_MODE_PRIVATE) => {
            Upper::PrivateMacvlan
        }
        "ipvlan" if short(IFLA_IPVLAN_MODE) == Some(IPVLAN_MODE_L2) => {
            let modes = [IpvlanMode::Bridge, IpvlanMode::Private, IpvlanMode::Vepa];
            let found = short(IFLA_IPVLAN_FLAGS).unwrap_or(0);
            let mode = modes.into_iter().find(|mode| flags(*mode) == found);
            mode.map_or(Upper::Other, Upper::Ipvlan)
        }
        _ => Upper::Other,
    }
}

/// The table of the VRF that an `IFLA_LINKINFO` is about; nothing of another link.
pub(super) fn vrf_table(info: &[u8]) -> Option<u32> {
    let find = |bytes, wanted| Attributes(bytes).find(|(kind, _)| *kind == wanted);
    let (_, kind) = find(info, IFLA_INFO_KIND)?;
    let (_, data) = find(info, IFLA_INFO_DATA)?;
    let (_, table) = find(data, IFLA_VRF_TABLE)?;
    number(table).filter(|_| text(kind) == "vrf")
}

const fn flags(mode: IpvlanMode) -> u16 {
    match mode {
        IpvlanMode::Bridge => 0,
        IpvlanMode::Private => 1,
        IpvlanMode::Vepa => 2,
    }
}

/// A group that nobody else uses: "sfgo" in ASCII.
const DOOMED: u32 = 0x7366_676f;
const IFLA_VRF_TABLE: u16 = 1;
const IFLA_MACVLAN_MODE: u16 = 1;
const MACVLAN_MODE_PRIVATE: u32 = 1;
const IFLA_IPVLAN_MODE: u16 = 1;
const IFLA_IPVLAN_FLAGS: u16 = 2;
const IPVLAN_MODE_L2: u16 = 0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::message::Messages;
    use wire::MacAddr;

    fn bytes(kind: UpperKind) -> Vec<u8> {
        let name = "v0".to_owned();
        create_request(&UpperLink { parent: IfIndex(2), name, kind }).finish(7)
    }

    #[test]
    fn an_ipvlan_is_asked_for_with_its_layer_and_its_mode() {
        let mut expected = vec![
            92, 0, 0, 0, 16, 0, 0x05, 0x06, 7, 0, 0, 0, 0, 0, 0,
            0, // request, ack, excl, create
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // struct ifinfomsg
            7, 0, 3, 0, b'v', b'0', 0, 0, // name
            8, 0, 5, 0, 2, 0, 0, 0, // parent
        ];
        expected.extend([36, 0, 18, 0x80, 11, 0, 1, 0]);
        expected.extend(b"ipvlan\0\0".as_slice().get(..7).unwrap());
        expected.push(0);
        expected.extend([20, 0, 2, 0x80, 6, 0, 1, 0, 0, 0, 0, 0, 6, 0, 2, 0, 2, 0, 0, 0]);
        let found = bytes(UpperKind::Ipvlan(IpvlanMode::Vepa));
        expected[0] = u8::try_from(expected.len()).unwrap();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_asked_for_is_understood_when_the_kernel_shows_it() {
        let mac = MacAddr([0, 0, 0x5e, 0, 1, 51]);
        for (kind, upper) in [
            (UpperKind::PrivateMacvlan(mac), Upper::PrivateMacvlan),
            (UpperKind::Ipvlan(IpvlanMode::Bridge), Upper::Ipvlan(IpvlanMode::Bridge)),
            (UpperKind::Ipvlan(IpvlanMode::Private), Upper::Ipvlan(IpvlanMode::Private)),
            (UpperKind::Ipvlan(IpvlanMode::Vepa), Upper::Ipvlan(IpvlanMode::Vepa)),
        ] {
            let bytes = bytes(kind);
            let message = Messages(&bytes).next().unwrap();
            let link = super::super::parse(&message).unwrap();
            assert_eq!(link.upper, Some((IfIndex(2), upper)));
        }
    }
}
