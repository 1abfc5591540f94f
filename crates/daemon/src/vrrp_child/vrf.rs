//! VRFs: routing domains of the host.
//!
//! An interface speaks in the VRF that it is in, and a link that we make on it belongs there too: otherwise its addresses
//! would stand in the table of the others.

use clock::Instant;
use intent::IfIndex;
use kernel::link::Link;
use vrrp::InstanceId;
use wire::Family;

use super::Shell;

impl Shell {
    /// Puts a link of ours into the VRF of what it stands on, or takes it out.
    pub(super) fn follow_vrf(&mut self, now: Instant, users: &[(InstanceId, Family)], link: &Link) {
        let Some((parent, _)) = link.upper else { return };
        let Some(parent) = self.observer.link(parent) else { return };
        let (is, wanted) = (self.vrf_of(link), self.vrf_of(parent));
        // A bridge that somebody has plugged it into is his business.
        let is_elsewhere = link.master.is_some() && is.is_none();
        if is == wanted || is_elsewhere || !self.is_ours(link) {
            return;
        }
        let master = wanted.unwrap_or(IfIndex(0));
        if let Err(error) = self.holdings.requests.set_master(link.index, master) {
            for (id, _) in users {
                self.complain(now, *id, "vrf of link", &error.to_string());
            }
        }
    }

    /// Says which interfaces are not in the VRF that the file names for them.
    pub(super) fn check_vrfs(&mut self, now: Instant) {
        let strays: Vec<(InstanceId, String)> = self
            .settled
            .instances
            .iter()
            .filter_map(|(id, instance)| {
                let name = instance.vrf.as_deref()?;
                let link = self.observer.link_named(&instance.interface)?;
                let vrf =
                    if link.vrf_table.is_some() { Some(link.index) } else { self.vrf_of(link) };
                let found = vrf.and_then(|vrf| self.observer.link(vrf)).map(|it| it.name.as_str());
                let place = found.map_or("no VRF".to_owned(), |found| format!("VRF {found}"));
                let text = format!(
                    "{} is in {place}, not in VRF {name}: it is spoken through where it is",
                    link.name
                );
                (found != Some(name)).then_some((*id, text))
            })
            .collect();
        for (id, text) in strays {
            self.complain(now, id, "vrf", &text);
        }
    }

    fn vrf_of(&self, link: &Link) -> Option<IfIndex> {
        let master = self.observer.link(link.master?)?;
        master.vrf_table.is_some().then_some(master.index)
    }
}
