//! `vrf`: the routing domain that an instance is in.
//!
//! An interface is in whatever VRF the kernel has put it, and so is who speaks through it. Unicast may do without an
//! interface: then adverts come and go through the VRF itself, by its routes.

use super::Written;
use crate::lower::global::Defaults;

/// The interface of an instance: the VRF where unicast names no other.
pub(super) fn interface(written: &mut Written<'_>, defaults: &Defaults) -> Option<String> {
    let own = written.interface.take();
    let vrf = written.vrf.as_ref().filter(|_| {
        let has_link = written.vmac.is_written() || written.ipvlan.is_written();
        written.unicast.first_peer().is_some() && !has_link
    });
    own.or_else(|| vrf.cloned()).or_else(|| defaults.interface.clone())
}

#[cfg(test)]
mod tests {
    use crate::model::Instance;
    use crate::source::SourceSet;
    use crate::syntax::Environment;

    /// The instance of these lines, and the codes of what was said.
    fn lowered(lines: &str) -> (Option<Instance>, Vec<&'static str>) {
        let text = format!(
            "vrrp_instance A {{\nvirtual_router_id 51\n{lines}\n\
             virtual_ipaddress {{\n192.0.2.1/24 dev eth0\n}}\n}}\n"
        );
        let checked =
            crate::check(&SourceSet::single("x.conf", text), &Environment::of_host("host"));
        let said = checked.diagnostics.iter().map(|it| it.code.name()).collect();
        (checked.model.instances.into_iter().next(), said)
    }

    const UNICAST: &str = "unicast_src_ip 192.0.2.2\nunicast_peer {\n192.0.2.3\n}";

    #[test]
    fn unicast_does_with_a_vrf_alone() {
        let (instance, said) = lowered(&format!("vrf red\n{UNICAST}"));
        let instance = instance.unwrap();
        assert_eq!((instance.interface.as_str(), instance.vrf.as_deref()), ("red", Some("red")));
        assert_eq!(said, [""; 0]);
    }

    #[test]
    fn an_interface_that_is_named_is_spoken_through() {
        let (instance, said) = lowered(&format!("vrf red\ninterface eth0\n{UNICAST}"));
        let instance = instance.unwrap();
        assert_eq!((instance.interface.as_str(), instance.vrf.as_deref()), ("eth0", Some("red")));
        assert_eq!(said, [""; 0]);
    }

    #[test]
    fn multicast_and_links_need_an_interface() {
        for lines in ["vrf red", &format!("vrf red\nuse_vmac\n{UNICAST}")] {
            let (instance, said) = lowered(lines);
            assert!(instance.is_none(), "{lines}");
            assert_eq!(said.len(), 1, "{lines}: {said:?}");
        }
    }
}
