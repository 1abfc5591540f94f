//! `use_ipvlan`: the ipvlan link of an instance.

use core::net::IpAddr;
use std::collections::BTreeMap;

use intent::IpvlanMode;
use wire::Family;

use super::Written;
use super::vmac::NAME_MAX;
use crate::diagnostic::model as codes;
use crate::lower::global::Defaults;
use crate::lower::report::Reports;
use crate::model::{HeldBack, Hindrance, Instance, Ipvlan};
use crate::source::Span;
use crate::syntax::Word;

/// What the lines of one block say.
#[derive(Default)]
pub(super) struct Lines(Option<(Span, Words)>);

/// The words behind `use_ipvlan`.
#[derive(Clone, Debug, Default)]
struct Words {
    name: Option<String>,
    address: Option<(IpAddr, u8)>,
    mode: Option<IpvlanMode>,
    group: Option<u32>,
}

impl Lines {
    /// `use_ipvlan [[name] <interface>] [<ip>[/<prefix>]] [bridge|private|vepa] [group <n>]`, in any order.
    pub(super) fn read(&mut self, at: Span, words: &[Word]) {
        let mut read = Words::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.text.as_str() {
                "group" => read.group = words.next().and_then(|word| word.text.parse().ok()),
                "name" => read.name = words.next().map(|word| word.text.clone()),
                text => match (mode(text), address(text)) {
                    (Some(mode), _) => read.mode = Some(mode),
                    (None, Some(address)) => read.address = address.or(read.address),
                    (None, None) => read.name = Some(text.to_owned()),
                },
            }
        }
        read.name = read.name.filter(|name| name.len() <= NAME_MAX);
        self.0 = Some((at, read));
    }

    pub(super) const fn is_written(&self) -> bool {
        self.0.is_some()
    }
}

/// The ipvlan link of an instance, if it has one. Adverts come from the address on it.
pub(super) fn lower(
    written: &mut Written<'_>,
    family: Family,
    defaults: &Defaults,
    name: &Word,
    reports: &mut Reports<'_>,
) -> Option<Box<Ipvlan>> {
    let (at, words) = written.ipvlan.0.take()?;
    let address = words.address.filter(|(address, _)| Family::of(*address) == family);
    if let Some((other, _)) = words.address.filter(|_| address.is_none()) {
        let text = format!("{other} is left out: `{}` is an {family} instance", name.text);
        reports.warning(codes::OTHER_FAMILY, text, at);
    }
    match address {
        Some((address, _)) => {
            let source = written.unicast_source.map(|(source, _)| source);
            if let Some(other) = source.or(written.multicast_source).filter(|it| *it != address) {
                let text =
                    format!("`{}` sends from its ipvlan link: {other} is left out", name.text);
                let help = format!("write {address} there too, or remove that line");
                reports.warning(codes::VMAC, text, at).help(help);
            }
        }
        // The kernel gives the link no address of this family.
        None if family == Family::Ipv4 => {
            let text = format!(
                "`use_ipvlan` of `{}` has no address to send from: it stays in FAULT",
                name.text
            );
            let help = "write an address of this node's own behind it: `use_ipvlan 192.0.2.21/24`";
            reports.warning(codes::VMAC, text, at).help(help);
            let (keyword, location) = ("use_ipvlan".to_owned(), reports.location(at));
            written.held_back.push(HeldBack { keyword, location, why: Hindrance::NoAddress });
        }
        None => {}
    }
    Some(Box::new(Ipvlan {
        name: words.name,
        prefix: defaults.vmac_prefix.clone(),
        mode: words.mode.unwrap_or(IpvlanMode::Bridge),
        address,
        group: words.group,
    }))
}

/// Says where links of one interface cannot be as they are written: the kernel keeps one mode for all ipvlan links of an
/// interface, and lets no other kind stand beside them. The first instance decides about the mode.
pub(in crate::lower) fn agree(instances: &mut [Instance], reports: &mut Reports<'_>) {
    let mut modes: BTreeMap<String, (IpvlanMode, Span)> = BTreeMap::new();
    for instance in instances.iter_mut() {
        let Some(ipvlan) = &mut instance.ipvlan else { continue };
        let first = *modes.entry(instance.interface.clone()).or_insert((ipvlan.mode, instance.at));
        if ipvlan.mode != first.0 {
            let text = format!(
                "`{}` asks for another mode of the ipvlan links on {} than the instance before it",
                instance.name, instance.interface
            );
            let help = "an interface has one mode for all of them: that of the first is used";
            reports.warning(codes::VMAC, text, instance.at).help(help).label(first.1, "the first");
            ipvlan.mode = first.0;
        }
    }
    for instance in instances.iter().filter(|instance| instance.vmac.is_some()) {
        if let Some((_, other)) = modes.get(&instance.interface) {
            let text = format!(
                "`{}` asks for a virtual MAC link on {}, where another instance asks for an ipvlan link",
                instance.name, instance.interface
            );
            let help =
                "the kernel allows one kind on an interface: whoever comes second is in FAULT";
            reports.warning(codes::VMAC, text, instance.at).help(help).label(*other, "this one");
        }
    }
}

fn mode(text: &str) -> Option<IpvlanMode> {
    match text {
        "bridge" => Some(IpvlanMode::Bridge),
        "private" => Some(IpvlanMode::Private),
        "vepa" => Some(IpvlanMode::Vepa),
        _ => None,
    }
}

/// An address with the length of its prefix, all of it where none is written. Nothing for what does not look like one;
/// an inner nothing where the length cannot be.
pub(crate) fn address(text: &str) -> Option<Option<(IpAddr, u8)>> {
    let (address, length) = text.split_once('/').map_or((text, None), |(it, len)| (it, Some(len)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Some(most), |length| length.parse().ok());
    Some(length.filter(|length| *length <= most).map(|length| (address, length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;
    use crate::source::SourceSet;
    use crate::syntax::Environment;

    /// The model of an instance of IPv4 with these lines, what follows behind it, and the codes of what was said.
    fn lowered(lines: &str, behind: &str) -> (Model, Vec<&'static str>) {
        let text = format!(
            "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 51\n{lines}\n\
             virtual_ipaddress {{\n192.0.2.1/24\n}}\n}}\n{behind}"
        );
        let checked =
            crate::check(&SourceSet::single("x.conf", text), &Environment::of_host("host"));
        let said = checked.diagnostics.iter().map(|it| it.code.name()).collect();
        (checked.model, said)
    }

    fn ipvlan(lines: &str) -> Ipvlan {
        let (model, said) = lowered(lines, "");
        assert_eq!(said, [""; 0], "{lines}");
        *model.instances[0].ipvlan.clone().unwrap()
    }

    const OWN: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 21));

    #[test]
    fn words_come_in_any_order() {
        let plain = Ipvlan {
            name: None,
            prefix: "vrrp".to_owned(),
            mode: IpvlanMode::Bridge,
            address: Some((OWN, 32)),
            group: None,
        };
        assert_eq!(ipvlan("use_ipvlan 192.0.2.21"), plain);
        let name = Some("my.link".to_owned());
        let all = Ipvlan {
            name,
            mode: IpvlanMode::Vepa,
            address: Some((OWN, 24)),
            group: Some(7),
            ..plain
        };
        for words in
            ["my.link 192.0.2.21/24 vepa group 7", "group 7 vepa 192.0.2.21/24 name my.link"]
        {
            assert_eq!(ipvlan(&format!("use_ipvlan {words}")), all, "{words}");
        }
        assert_eq!(ipvlan("use_ipvlan 192.0.2.21 private").mode, IpvlanMode::Private);
    }

    #[test]
    fn its_address_is_sent_from_and_its_absence_would_be_noticed() {
        let (model, said) = lowered("use_ipvlan 192.0.2.21\nmcast_src_ip 192.0.2.2", "");
        let instance = &model.instances[0];
        assert_eq!(instance.source, Some(OWN));
        assert_eq!(instance.source_tracking, crate::model::SourceTracking::Tracked);
        assert_eq!(said, ["VRRP030"], "the other address is named");
        assert_eq!(lowered("use_ipvlan 192.0.2.21\nmcast_src_ip 192.0.2.21", "").1, [""; 0]);
    }

    #[test]
    fn without_an_address_an_instance_of_ipv4_is_held_back() {
        for line in ["use_ipvlan", "use_ipvlan 2001:db8::1"] {
            let (model, said) = lowered(line, "");
            let held = &model.instances[0].held_back;
            assert_eq!(held.len(), 1, "{line}");
            assert_eq!(
                (held[0].why, held[0].keyword.as_str()),
                (Hindrance::NoAddress, "use_ipvlan")
            );
            assert!(said.contains(&"VRRP030"), "{said:?}");
        }
        let v6 = "use_ipvlan\n}\nvrrp_instance B {\ninterface eth0\nvirtual_router_id 52\nuse_ipvlan\n\
                  virtual_ipaddress {\nfe80::1\n}";
        let (model, _) = lowered(v6, "");
        let second = model.instances.iter().find(|it| it.name == "B").unwrap();
        assert!(second.held_back.is_empty(), "the kernel gives it a link-local address");
    }

    #[test]
    fn an_interface_has_one_mode_and_one_kind() {
        let other = |vrid: u8, line: &str| {
            format!(
                "vrrp_instance B {{\ninterface eth0\nvirtual_router_id {vrid}\n{line}\n\
                 virtual_ipaddress {{\n192.0.2.3\n}}\n}}\n"
            )
        };
        let (model, said) =
            lowered("use_ipvlan 192.0.2.21 vepa", &other(52, "use_ipvlan 192.0.2.22"));
        let modes: Vec<IpvlanMode> =
            model.instances.iter().map(|it| it.ipvlan.as_ref().unwrap().mode).collect();
        assert_eq!((modes, said), (vec![IpvlanMode::Vepa; 2], vec!["VRRP030"]));
        let (_, said) = lowered("use_ipvlan 192.0.2.21", &other(52, "use_vmac"));
        assert_eq!(said, ["VRRP030"]);
        let (model, said) = lowered("use_vmac\nuse_ipvlan 192.0.2.21", "");
        let instance = &model.instances[0];
        assert!(instance.vmac.is_none() && instance.ipvlan.is_some());
        assert_eq!(said, ["VRRP030"]);
    }

    #[test]
    fn words_that_cannot_be_are_named() {
        for words in ["192.0.2.21/33", "group x", "a-name-that-is-far-too-long 192.0.2.21"] {
            let (_, said) = lowered(&format!("use_ipvlan {words}"), "");
            assert!(said.iter().any(|code| code.starts_with("KEY")), "{words}: {said:?}");
        }
    }
}
