//! `use_vmac`, `vmac_xmit_base`: the virtual MAC link of an instance.

use wire::{Family, MacAddr, Vrid};

use super::Written;
use crate::diagnostic::model as codes;
use crate::lower::global::Defaults;
use crate::lower::report::Reports;
use crate::model::{AddressVmac, Destination, Transmit, Vmac};
use crate::source::Span;
use crate::syntax::Word;

/// What the lines of one block say.
#[derive(Default)]
pub(super) struct Lines {
    vmac: Option<(Span, Words)>,
    transmits_through_parent: Option<Span>,
    /// `use_vmac_addr`.
    of_addresses: bool,
}

/// The words behind `use_vmac`.
#[derive(Clone, Debug, Default)]
struct Words {
    name: Option<String>,
    /// Six octets, or five before the VRID.
    mac: Option<(Vec<u8>, Span)>,
    group: Option<u32>,
    is_announced_by_netlink: bool,
}

impl Lines {
    /// `use_vmac [[name] <interface>] [<mac>] [netlink_notify_msg] [group <n>]`, in any order.
    pub(super) fn read(&mut self, at: Span, words: &[Word]) {
        let mut read = Words::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.text.as_str() {
                "netlink_notify_msg" => read.is_announced_by_netlink = true,
                "group" => read.group = words.next().and_then(|word| word.text.parse().ok()),
                "name" => read.name = words.next().map(|word| word.text.clone()),
                text => match octets(text) {
                    Some(octets) if is_usable(&octets) => read.mac = Some((octets, word.span)),
                    Some(_) => {}
                    None => read.name = Some(text.to_owned()),
                },
            }
        }
        read.name = read.name.filter(|name| name.len() <= NAME_MAX);
        self.vmac = Some((at, read));
    }

    pub(super) const fn is_written(&self) -> bool {
        self.vmac.is_some()
    }

    /// `use_vmac_addr`.
    pub(super) const fn for_addresses(&mut self) {
        self.of_addresses = true;
    }

    /// `vmac_xmit_base`.
    pub(super) const fn transmit_through_parent(&mut self, at: Span) {
        self.transmits_through_parent = Some(at);
    }
}

/// The virtual MAC link of an instance, if it has one.
pub(super) fn lower(
    written: &Written<'_>,
    (family, vrid): (Family, Vrid),
    destination: &Destination,
    strict: bool,
    defaults: &Defaults,
    name: &Word,
    reports: &mut Reports<'_>,
) -> Option<Box<Vmac>> {
    let lines = &written.vmac;
    if let Some((at, _)) = &lines.vmac
        && written.ipvlan.is_written()
    {
        let text = format!("`use_ipvlan` of `{}` takes the place of `use_vmac`", name.text);
        reports.warning(codes::VMAC, text, *at).help("remove one of the two");
        return None;
    }
    let Some((at, words)) = &lines.vmac else {
        if let Some(at) = lines.transmits_through_parent {
            reports.warning(
                codes::VMAC,
                format!("`vmac_xmit_base` of `{}` has no effect without `use_vmac`", name.text),
                at,
            );
        }
        return None;
    };
    let mac = match &words.mac {
        Some((_, at)) if strict => {
            reports.warning(
                codes::STRICT,
                format!("under strict mode `{}` uses the standard virtual MAC address", name.text),
                *at,
            );
            None
        }
        mac => mac.as_ref().and_then(|(octets, _)| complete(octets, vrid)),
    };
    let transmit = match (destination, lines.transmits_through_parent) {
        (Destination::Unicast(_), None) => {
            reports.warning(
                codes::VMAC,
                format!(
                    "unicast leaves through `interface`: `{}` is run as with `vmac_xmit_base`",
                    name.text
                ),
                *at,
            );
            Transmit::Parent
        }
        (Destination::Multicast(_), Some(at)) if strict => {
            reports.warning(
                codes::STRICT,
                format!(
                    "under strict mode `{}` sends from its virtual MAC address: `vmac_xmit_base` is \
                     left out",
                    name.text
                ),
                at,
            );
            Transmit::Vmac
        }
        (_, Some(_)) => Transmit::Parent,
        (Destination::Multicast(_), None) => Transmit::Vmac,
    };
    Some(Box::new(Vmac {
        name: words.name.clone(),
        prefix: defaults.vmac_prefix.clone(),
        mac: mac.unwrap_or_else(|| Vmac::standard_mac(family, vrid)),
        transmit,
        group: words.group,
        is_announced_by_netlink: words.is_announced_by_netlink,
    }))
}

/// Decides which addresses stand on virtual MAC links of their own: all that do not stand on the one of their instance
/// with `use_vmac_addr`, and those that say `use_vmac`.
pub(super) fn of_addresses(
    written: &mut Written<'_>,
    (family, vrid): (Family, Vrid),
    (interface, vmac): (&str, Option<&Vmac>),
    defaults: &Defaults,
    reports: &mut Reports<'_>,
) {
    let all = written.vmac.of_addresses;
    for address in written.addresses.iter_mut().chain(&mut written.excluded) {
        let own = Family::of(address.address);
        let is_elsewhere = address.device.as_ref().is_some_and(|device| device != interface);
        let is_elsewhere = is_elsewhere || own != family;
        let is_asked = address.vmac.take().is_some();
        if vmac.is_some() && !is_elsewhere {
            if is_asked {
                let text = format!(
                    "{} stands on the virtual MAC link of its instance: `use_vmac` is not needed",
                    address.address
                );
                reports.warning(codes::VMAC, text, address.at);
            }
            continue;
        }
        if is_asked || all && is_elsewhere {
            let own_mac = vmac.filter(|_| own == family).map(|vmac| vmac.mac);
            address.vmac = Some(Box::new(AddressVmac {
                name: None,
                prefix: defaults.vmac_addr_prefix().to_owned(),
                mac: own_mac.unwrap_or_else(|| Vmac::standard_mac(own, vrid)),
            }));
        }
    }
}

/// Five or six octets in hexadecimal between colons; nothing for what does not look like that.
pub(crate) fn octets(text: &str) -> Option<Vec<u8>> {
    let digits = |octet: &str| {
        (1..=2).contains(&octet.len()) && octet.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let read = |octet: &str| u8::from_str_radix(octet, 16).ok().filter(|_| digits(octet));
    let octets: Option<Vec<u8>> = text.split(':').map(read).collect();
    octets.filter(|octets| (5..=6).contains(&octets.len()))
}

/// Whether a link may have an Ethernet address that begins like this: not a group's, and none of those that belong to
/// virtual routers.
pub(crate) fn is_usable(octets: &[u8]) -> bool {
    let is_group = octets.first().is_none_or(|first| first & 1 != 0);
    !is_group
        && !octets.starts_with(&[0, 0, 0x5e, 0, 1])
        && !octets.starts_with(&[0, 0, 0x5e, 0, 2])
}

fn complete(octets: &[u8], vrid: Vrid) -> Option<MacAddr> {
    let whole: Vec<u8> = octets.iter().copied().chain([vrid.get()]).take(6).collect();
    whole.try_into().ok().map(MacAddr)
}

/// Longest name of a link: IFNAMSIZ without its NUL.
pub(super) const NAME_MAX: usize = 15;

#[cfg(test)]
mod tests {
    use intent::UpperKind;

    use super::*;
    use crate::model::Instance;
    use crate::source::SourceSet;
    use crate::syntax::Environment;

    /// The instance of these lines, and what was said of them.
    fn lowered(lines: &str) -> (Instance, Vec<String>) {
        let text = format!(
            "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 51\n{lines}\n\
             virtual_ipaddress {{\n192.0.2.1/24\n}}\n}}\n"
        );
        let checked =
            crate::check(&SourceSet::single("x.conf", text), &Environment::of_host("host"));
        let said = checked.diagnostics.iter();
        let said = said.map(|it| format!("{} {}", it.code.name(), it.message)).collect();
        (checked.model.instances.first().unwrap().clone(), said)
    }

    fn vmac(lines: &str) -> Vmac {
        let (instance, said) = lowered(lines);
        assert_eq!(said, [""; 0], "{lines}");
        *instance.vmac.unwrap()
    }

    #[test]
    fn words_come_in_any_order() {
        let plain = vmac("use_vmac");
        assert_eq!((plain.name.clone(), plain.prefix.as_str()), (None, "vrrp"));
        assert_eq!(plain.mac, MacAddr([0, 0, 0x5e, 0, 1, 51]));
        assert_eq!((plain.transmit, plain.group), (Transmit::Vmac, None));
        let named = |name: &str| Vmac { name: Some(name.to_owned()), ..plain.clone() };
        assert_eq!(vmac("use_vmac my.link"), named("my.link"));
        assert_eq!(vmac("use_vmac name group"), named("group"));
        let all = Vmac {
            mac: MacAddr([2, 0xa, 0, 0, 0, 1]),
            group: Some(7),
            is_announced_by_netlink: true,
            ..named("v0")
        };
        for words in [
            "v0 02:0a:00:00:00:01 netlink_notify_msg group 7",
            "group 7 2:a:0:0:0:1 netlink_notify_msg name v0",
        ] {
            assert_eq!(vmac(&format!("use_vmac {words}")), all, "{words}");
        }
        assert_eq!(vmac("use_vmac 02:03:04:05:06").mac, MacAddr([2, 3, 4, 5, 6, 51]));
        let base = Vmac { transmit: Transmit::Parent, ..plain };
        assert_eq!(vmac("use_vmac\nvmac_xmit_base"), base);
    }

    /// Address, link below, and Ethernet address of those with links of their own.
    fn links_of_addresses(lines: &str) -> Vec<(String, String, String)> {
        let (instance, said) = lowered(lines);
        assert_eq!(said, [""; 0], "{lines}");
        let all = instance.addresses.iter().chain(&instance.excluded);
        all.filter_map(|line| {
            let vmac = line.vmac.as_ref()?;
            let link = line.link(&instance.interface)?;
            assert_eq!(vmac.prefix, "vrrp");
            let UpperKind::PrivateMacvlan(mac) = link.kind else { return None };
            Some((line.address.to_string(), link.parent.to_owned(), mac.to_string()))
        })
        .collect()
    }

    #[test]
    fn addresses_have_links_of_their_own_where_that_of_the_instance_is_not_theirs() {
        let excluded = |words: &str| {
            format!(
                "virtual_ipaddress_excluded {{\n192.0.2.9 dev eth1 {words}\n192.0.2.8 dev eth0\n\
                 2001:db8::1\n2001:db8::2 dev eth1 {words}\n}}"
            )
        };
        let link = |address: &str, parent: &str, mac: &str| {
            (address.to_owned(), parent.to_owned(), mac.to_owned())
        };
        let (v4, v6) = ("00:00:5e:00:01:33", "00:00:5e:00:02:33");
        assert_eq!(links_of_addresses(&excluded("")), []);
        let elsewhere = [link("192.0.2.9", "eth1", v4), link("2001:db8::2", "eth1", v6)];
        assert_eq!(links_of_addresses(&excluded("use_vmac")), elsewhere);
        let [first, last] = elsewhere;
        let all = [first, link("2001:db8::1", "eth0", v6), last.clone()];
        assert_eq!(links_of_addresses(&format!("use_vmac_addr\n{}", excluded(""))), all);
        let own = format!("use_vmac 2:0:0:0:0:1\nuse_vmac_addr\n{}", excluded(""));
        let own_mac = link("192.0.2.9", "eth1", "02:00:00:00:00:01");
        assert_eq!(links_of_addresses(&own), [own_mac, link("2001:db8::1", "eth0", v6), last]);
    }

    #[test]
    fn an_address_may_have_a_link_where_its_instance_has_none() {
        let lines = "virtual_ipaddress_excluded {\n192.0.2.9 use_vmac\n}";
        assert_eq!(links_of_addresses(lines).len(), 1);
        let (instance, said) = lowered(&format!("use_vmac\n{lines}"));
        assert_eq!(instance.excluded[0].vmac, None);
        assert!(said[0].starts_with("VRRP030"), "{said:?}");
    }

    #[test]
    fn what_cannot_be_used_is_said_and_left_out() {
        for (lines, code) in [
            ("use_vmac 01:00:5e:00:00:01", "KEY"),
            ("use_vmac 00:00:5e:00:01:07", "KEY"),
            ("use_vmac a-name-that-is-far-too-long", "KEY"),
            ("use_vmac group x", "KEY"),
            ("use_vmac\nstrict_mode on\npriority 100\nvmac_xmit_base", "VRRP012"),
            ("use_vmac 02:03:04:05:06\nstrict_mode on\npriority 100", "VRRP012"),
        ] {
            let (instance, said) = lowered(lines);
            assert!(said.iter().any(|it| it.starts_with(code)), "{lines}: {said:?}");
            let vmac = instance.vmac.unwrap();
            assert_eq!((vmac.mac, vmac.name), (MacAddr([0, 0, 0x5e, 0, 1, 51]), None), "{lines}");
            assert_eq!((vmac.transmit, vmac.group), (Transmit::Vmac, None), "{lines}");
        }
        let (instance, said) = lowered("vmac_xmit_base");
        assert!(instance.vmac.is_none() && said[0].starts_with("VRRP030"), "{said:?}");
        let (instance, said) =
            lowered("use_vmac\nunicast_src_ip 192.0.2.2\nunicast_peer {\n192.0.2.3\n}");
        assert_eq!(instance.vmac.unwrap().transmit, Transmit::Parent);
        assert!(said[0].starts_with("VRRP030"), "{said:?}");
    }

    #[test]
    fn addresses_of_the_other_family_stay_on_the_interface() {
        let (mut instance, _) = lowered(
            "use_vmac v0\nvirtual_ipaddress_excluded {\n2001:db8::1/64\n192.0.2.9 dev eth1\n}",
        );
        let devices = |instance: &Instance| -> Vec<String> {
            let all = instance.addresses.iter().chain(&instance.excluded);
            all.map(|address| instance.device(address).to_owned()).collect()
        };
        assert_eq!(devices(&instance), ["v0", "eth0", "eth1"]);
        instance.vmac = None;
        assert_eq!(devices(&instance), ["eth0", "eth0", "eth1"]);
    }
}
